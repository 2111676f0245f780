"""The Generate tab in a real browser: the same prompt to base and adapter, word by word, and what stops it."""

import inspect
import re
import threading
import time

import colours
import gradio as gr
import pytest
from test_page_compare import HOSTILE, TASK, end_generation, prepared
from waiting import until

import app
from lab import comparison, generator, jobs, subjects
from lab.comparison import Comparison
from lab.config import Decoding
from lab.errors import InputError
from lab.home import Home
from lab.job import lock_holder
from lab.ui import answers, generate_tab, offer

BOTH = ["base", "tiny-1"]


@pytest.fixture(scope="module")
def marks(tmp_path_factory) -> Home:
    home = prepared(tmp_path_factory.mktemp("generate"))
    yield home
    end_generation(home)


@pytest.fixture(scope="module")
def served(serve, marks):
    return serve(marks.path)


@pytest.fixture
def tab(page, served):
    page.goto(served.url)
    page.get_by_role("tab", name="Generate").click()
    found = page.get_by_role("tabpanel").locator("visible=true")
    until(lambda: found.get_by_label("Its text").input_value().startswith("sentence"))
    return found


def press(tab, name: str) -> None:
    tab.get_by_role("button", name=name, exact=True).click()


def answer(tab, subject: str) -> str:
    text = column(tab, subject).locator(".answer")
    return text.text_content() if text.count() else ""


def column(tab, subject: str):
    return tab.get_by_role("region", name=subject, exact=True)


def exact_prompt(tab, subject: str = "base") -> str:
    """What is behind the words `Exact prompt`; it opens."""
    column(tab, subject).get_by_text("Exact prompt").click()
    return column(tab, subject).locator("pre").inner_text()


def answered(tab) -> bool:
    return tab.get_by_text("a second.").count() == 2


def decode(tab, mode: str, **settings) -> None:
    tab.get_by_role("button", name="Decoding").click()
    tab.get_by_label(mode, exact=True).check()
    for label, value in settings.items():
        tab.get_by_label(label.replace("_", " ").capitalize()).fill(str(value))


def test_a_row_is_answered_by_base_and_adapter_and_said_to_be_right_or_wrong(tab, marks):
    row = subjects.question(marks, subjects.resolve(marks, BOTH)[0], None, None, "validation").rows[3]
    tab.get_by_label("Row (0 to 31)").fill("3")
    until(lambda: tab.get_by_label("Its text").input_value() == row["text"])
    decode(tab, "labels")
    press(tab, "Generate")
    until(lambda: answered(tab))
    for subject in BOTH:
        said = answer(tab, subject)
        assert said in ("fine", HOSTILE)
        verdict = "✓ Right." if said == row["label"] else f"✗ Wrong: the row's label is {row['label']}."
        assert tab.get_by_text(f"Label: {said}. {verdict}", exact=True).count()
    tab.get_by_text(f"The row's label is {row['label']}.", exact=True).wait_for()
    chances = column(tab, "tiny-1").get_by_role("table", name="Label probabilities")
    assert set(chances.get_by_role("rowheader").all_text_contents()) == {"fine", HOSTILE, "other"}
    assert f"Sentence: {row['text']}\nLabel:" in exact_prompt(tab)
    assert tab.page.evaluate("window.hit") is None


def test_a_text_is_asked_through_the_task_and_a_raw_prompt_as_it_is(tab):
    tab.get_by_label("A text", exact=True).check()
    press(tab, "Generate")
    tab.get_by_text("Write what is to be asked first.").wait_for()
    tab.get_by_role("textbox", name="Text").fill(f"A fine {HOSTILE} day.")
    press(tab, "Generate")
    until(lambda: answered(tab))
    assert all(answer(tab, subject) for subject in BOTH)
    assert f"Sentence: A fine {HOSTILE} day." in exact_prompt(tab)
    tab.get_by_label("A raw prompt").check()
    tab.get_by_role("textbox", name="Raw prompt").fill("Once upon")
    press(tab, "Generate")
    until(lambda: answered(tab) and "Once upon" in tab.locator(".answers pre").first.text_content())
    assert exact_prompt(tab) == "Once upon"
    assert not tab.get_by_text("Label:").count()
    assert tab.page.evaluate("window.hit") is None


def test_an_answer_grows_and_can_be_cancelled(tab, marks):
    tab.get_by_label("A raw prompt").check()
    tab.get_by_role("textbox", name="Raw prompt").fill("Once upon")
    decode(tab, "sample", max_new_tokens=4096, temperature=9)
    press(tab, "Generate")
    first = until(lambda: len(answer(tab, "base")))
    until(lambda: len(answer(tab, "base")) > 2 * first)
    press(tab, "Cancel")
    tab.get_by_text("Cancelled.").wait_for()
    begun = time.monotonic()
    tab.get_by_label("A row of the data").check()
    tab.get_by_label("labels", exact=True).check()
    press(tab, "Generate")  # it would wait for minutes behind the cancelled answer
    until(lambda: answered(tab))
    assert time.monotonic() - begun < 30


def test_generation_steps_aside_for_a_job_and_is_there_again(tab, marks):
    job, go = comparison.create(marks, Comparison(subjects=["base"])), threading.Event()

    def compute(home, job, progress):
        go.wait(60)
        return "finished"

    working = threading.Thread(target=colours.worked, args=(marks, job, compute))
    working.start()
    until(lambda: job.status() == "running" and lock_holder(marks.generator / "lock") is None)
    press(tab, "Generate")
    tab.get_by_text(f"{job.id} is at work. Generation steps aside for it").wait_for()
    go.set()
    working.join()
    assert jobs.outcome(job) == "finished"
    decode(tab, "labels")
    press(tab, "Generate")
    until(lambda: answered(tab))


# -- without a browser -----------------------------------------------------------------------------------------------


def clicked(home: Home, name: str, **standing) -> list[tuple]:
    """What a click on a tab changes, each component with its new value. `standing` are values of the handler's arguments,
    where they are not the first ones any more."""
    page = app.build(home)
    tab = next(block for block in page.blocks.values() if isinstance(block, gr.Tab) and block.label == name)
    event = next(e for e in page.fns.values() if (tab._id, "select") in e.targets)
    arguments = [*inspect.signature(event.fn).parameters, *[None] * len(event.inputs)]
    values = [standing.get(arg, part.value) for arg, part in zip(arguments, event.inputs, strict=False)]
    return list(zip(event.outputs, event.fn(*values), strict=True))


def test_a_click_on_a_tab_before_the_page_has_arrived_does_not_undo_what_is_chosen(tiny_run, home):
    """The click's answer may come after that of the page's load, and would then stand."""
    chosen = next(new for part, new in clicked(home, "Generate") if getattr(part, "label", None) == "Subjects")
    assert chosen["value"] == ["base", tiny_run.id]
    assert all(change == gr.skip() for _, change in clicked(home, "Compare"))


def test_what_a_busy_browser_has_missed_is_shown_again(tiny_run, home):
    """The controls came after the results were asked for, which then stayed those of other subjects."""
    first = {
        "seen": offer.fingerprint(home),
        "offered": ["base", tiny_run.id],
        "names": ["base", tiny_run.id],
        "looks": 1,
    }
    controls = [["base", tiny_run.id], "validation", "", True]
    for shown_for, again in ((None, True), ([["base"], *controls[1:]], True), (controls, False)):
        changes = [change for _, change in clicked(home, "Compare", **first, shown_for=shown_for)]
        assert (2 in changes) is again


def asked(home, names=("base",), way=generate_tab.TEXT, number=0, text="A day.", raw="Once", **decoding):
    values = {**Decoding().model_dump(), **decoding}
    return generate_tab.asked_for(home, list(names), way, number, text, raw, *values.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"names": ["base:/etc"]},
        {"names": ["nobody-1"]},
        {"names": ["../x"]},
        {"names": list("abcdef")},
        {"way": "a file"},
        {"text": "  "},
        {"text": None},
        {"way": generate_tab.RAW, "raw": "x" * (generate_tab.LONGEST + 1)},
        {"way": generate_tab.RAW, "mode": "labels"},
        {"way": generate_tab.ROW, "number": -1},
        {"way": generate_tab.ROW, "number": 0.5},
        {"way": generate_tab.ROW, "number": None},
        {"way": generate_tab.ROW, "number": 872},
        {"mode": "none"},
        {"max_new_tokens": 10**6},
        {"temperature": None},
        {"seed": {"a": 1}},
    ],
)
def test_what_is_wrong_is_refused(home, wrong):
    with pytest.raises(InputError):
        asked(home, **wrong)


def test_what_stands_in_the_controls_is_what_is_asked(home):
    row = asked(home, way=generate_tab.ROW, number=871.0)
    assert (row.task.name, row.known, row.decoding.max_new_tokens) == ("sentiment", True, 16)
    assert row.gold in row.task.names
    assert row.expected() == f"The row's label is {row.gold}."
    text = asked(home, max_new_tokens="")
    assert (text.row, text.gold, text.expected()) == ({"text": "A day."}, None, "")
    raw = asked(home, way=generate_tab.RAW)
    assert (raw.row, raw.reads_label, raw.decoding.max_new_tokens) == ("Once", False, 256)


def test_other_columns_of_a_row_are_shown_by_name():
    from lab.task import Task

    task = Task(name="t", prompt="$text $speaker $text $gone", labels=TASK["labels"])
    assert generate_tab.asked_text(task, {"text": "Hello.", "speaker": "Ann", "id": 7}) == "Hello.\nspeaker: Ann"


def test_whatever_changes_the_page_gets_all_that_is_known(home, monkeypatch):
    """Of several changes that come at once the browser applied the last alone, and an answer lost its verdict."""
    done = {"event": "answer", "label": None, "label_probabilities": None, "prompt": "Once", "tokens": 1, "seconds": 1}
    coming = [
        {"event": "loading", "what": "tiny"},
        {"event": "text", "subject": "base", "output": "fi"},
        {**done, "subject": "base", "output": "fine"},
        {**done, "subject": "other", "output": "$" + "{value} {{value}} <b>"},
    ]
    monkeypatch.setattr(generator, "ask", lambda *_: (yield from coming))
    question = asked(home, way=generate_tab.ROW)
    *_, (said, events) = generate_tab.told(home, question, threading.Event())
    shown = answers.side_by_side(said, ["base", "other"], events)
    assert said == question.expected()
    assert [shown.count(words) for words in (">fine<", "Invalid", "1 token in 1.00 s", "Exact prompt")] == [1, 2, 2, 2]
    assert not re.search(r"[{$]|<b>", shown)


def test_partial_texts_that_come_too_fast_are_left_out():
    events = [{"event": "text", "output": str(i)} for i in range(50)] + [{"event": "answer"}]
    passed = list(generate_tab.paced(iter(events)))
    assert len(passed) == 2
    assert passed[-1] == {"event": "answer"}
