"""The Generate tab in a real browser: the same prompt to base and adapter, word by word, and what stops it."""

import inspect
import json
import re
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import colours
import gradio as gr
import pytest
from test_page_compare import HOSTILE, end_generation, prepared
from waiting import until

import app
from lab import asking, comparison, generator, jobs, prompt_lists, subjects
from lab.answered import Given
from lab.comparison import Comparison
from lab.config import Decoding
from lab.errors import InputError
from lab.home import Home
from lab.job import lock_holder
from lab.prompt_lists import Prompt
from lab.ui import generate_controls, generate_opened, generate_told, offer

LISTS = "lab.ui.generate_lists"
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


def opened(tab, name: str):
    """A part of the tab that is folded, opened."""
    part = tab.locator("button.label-wrap", has_text=name)
    if "open" not in part.get_attribute("class").split():
        part.click()
    return tab


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


def saved(tab, button: str) -> tuple[str, str]:
    """Name and text of the file that a button saves."""
    with tab.page.expect_download() as download:
        press(tab, button)
    return download.value.suggested_filename, Path(download.value.path()).read_text(encoding="utf-8")


def message(tab):
    return tab.get_by_role("textbox", name=re.compile("^Message"))


def before(tab) -> list[str]:
    """The questions of the history."""
    return tab.locator(".asked-before button").all_text_contents()


@pytest.mark.long
def test_the_row_of_an_address_is_answered_and_said_to_be_right_or_wrong_and_kept(page, served, marks):
    page.goto(f"{served.url}/?tab=generate&subject=base&subject=tiny-1&subject=../x&split=train&row=2")
    tab = page.get_by_role("tabpanel").locator("visible=true")
    rows = subjects.question(marks, subjects.resolve(marks, BOTH)[0], None, None, "train").rows
    until(
        lambda: tab.get_by_label("Its text").count() and tab.get_by_label("Its text").input_value() == rows[2]["text"]
    )
    tab.get_by_label(f"Row (0 to {len(rows) - 1})").wait_for()
    press(tab, "Next")
    row = rows[3]
    until(lambda: tab.get_by_label("Its text").input_value() == row["text"])
    decode(tab, "labels")
    press(tab, "Generate")
    until(lambda: answered(tab))
    for subject in BOTH:
        said = answer(tab, subject)
        assert said in ("fine", HOSTILE)
        verdict = "✓ Right" if said == row["label"] else f"✗ Wrong: expected {row['label']}"
        assert column(tab, subject).locator(".chip").all_text_contents() == [f"Label: {said}", verdict]
    tab.get_by_text(f"The row's label is {row['label']}.", exact=True).wait_for()
    chances = column(tab, "tiny-1").get_by_role("table", name="Label probabilities")
    assert set(chances.get_by_role("rowheader").all_text_contents()) == {"fine", HOSTILE, "other"}
    assert f"Sentence: {row['text']}\nLabel:" in exact_prompt(tab)
    assert column(tab, "base").locator("pre .special").first.text_content() == "<s>"
    column(tab, "base").get_by_role("button", name="Copy the prompt").click()
    tab.get_by_text(re.compile("^(Copied|Marked: copy it)$")).wait_for()

    name, text = saved(tab, "Save as JSONL")
    lines = [json.loads(line) for line in text.splitlines()]
    assert (name, [x["subject"] for x in lines], lines[0]["expected"]) == ("answers.jsonl", BOTH, row["label"])
    assert [x["output"] for x in lines] == [answer(tab, subject) for subject in BOTH]
    assert "| base |" in saved(tab, "Save as Markdown")[1]

    # It is there again after the page has been loaded anew, and one click brings all of it back.
    until(lambda: before(opened(tab, "History")) == [row["text"]])
    page.goto(served.url)
    page.get_by_role("tab", name="Generate").click()
    until(lambda: before(opened(tab, "History")) == [row["text"]])
    tab.get_by_role("button", name=row["text"], exact=True).click()
    until(lambda: answered(tab) and tab.get_by_label("Its text").input_value() == row["text"])
    tab.get_by_role("button", name="Decoding").click()
    assert tab.get_by_label("labels", exact=True).is_checked()
    press(tab, "Clear history")
    press(tab, "Clear it for good")
    until(lambda: before(tab) == [])
    assert page.evaluate("window.hit") is None


@pytest.mark.long
def test_a_text_is_asked_through_the_task_a_raw_prompt_as_it_is_and_a_chat_goes_on(tab):
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
    assert not tab.locator(".chip").count()

    tab.get_by_label("A chat", exact=True).check()
    said = []
    for words in ("Hello there.", "And now?"):
        message(tab).fill(words)
        press(tab, "Generate")
        until(lambda: message(tab).input_value() == "")
        until(lambda: answered(tab))
        said.append(answer(tab, "tiny-1"))
    turns = column(tab, "tiny-1").locator(".turn").all_text_contents()
    assert turns == ["You: Hello there.", f"Model: {said[0]}", "You: And now?"]
    prompt = exact_prompt(tab, "tiny-1")
    assert prompt.index("Hello there.") < prompt.index(said[0]) < prompt.index("And now?")
    press(tab, "New chat")
    tab.get_by_text("A new chat").wait_for()
    message(tab).fill("Again.")
    press(tab, "Generate")
    until(lambda: answered(tab) and column(tab, "base").locator(".turn").all_text_contents() == ["You: Again."])
    assert tab.page.evaluate("window.hit") is None


@pytest.mark.long
def test_a_blind_vote_tells_nothing_before_it_and_is_counted(tab):
    tab.get_by_label("A text", exact=True).check()
    tab.get_by_label("Blind mode").check()
    tab.get_by_role("textbox", name="Text").fill("A fine day.")
    press(tab, "Generate")
    tab.get_by_role("button", name="B is best").wait_for()
    shown = tab.locator(".prose.side-by-side").inner_html()
    assert not any(word in shown for word in ("tiny", "base", "second", "Exact prompt", "chip", "Label prob"))
    assert tab.locator(".answers h3").all_text_contents() == ["A", "B"]
    press(tab, "Save as JSONL")
    tab.page.get_by_text("Vote first").wait_for()
    assert before(opened(tab, "History")) == []
    press(tab, "B is best")
    tab.get_by_text("You voted for B:").wait_for()
    titles = tab.locator(".answers h3").all_text_contents()
    assert sorted(title[3:] for title in titles) == BOTH and [title[:3] for title in titles] == ["A: ", "B: "]
    opened(tab, "Blind votes")
    winner = tab.locator(".tally tbody tr").first
    winner.wait_for()
    assert winner.locator("th, td").all_text_contents() == [titles[1][3:], "1", "1", "100%"]
    until(lambda: before(tab) == ["A fine day."])
    tab.page.reload()
    tab.page.get_by_role("tab", name="Generate").click()
    opened(tab, "Blind votes")
    tab.get_by_text("1 vote, 0 of them ties and 0 for none").wait_for()
    press(tab, "Reset tally")
    tab.get_by_text("No votes yet.").wait_for()


@pytest.mark.long
def test_a_list_of_prompts_is_kept_and_run_through_all_subjects(tab, marks):
    opened(tab, "Prompt lists")
    tab.get_by_label("Name of a list").fill("First list")
    press(tab, "New list")
    tab.page.get_by_text("is no valid name").wait_for()
    tab.get_by_label("Name of a list").fill("first")
    press(tab, "New list")
    tab.get_by_text("This list is empty.").wait_for()
    tab.get_by_label("Prompts to add").fill(f"one\tfine\n{HOSTILE}")
    press(tab, "Add these prompts")
    tab.get_by_text("2 prompts").wait_for()
    text = tab.get_by_label("Its text").input_value()
    press(tab, "Add the prompt above to the list")
    tab.get_by_text("3 prompts").wait_for()
    kept = prompt_lists.load(marks, "first")
    assert [(x.text, bool(x.expected)) for x in kept] == [("one", True), (HOSTILE, False), (text, True)]
    press(tab, "Remove prompt 2")
    tab.get_by_text("2 prompts").wait_for()

    decode(tab, "labels")
    press(tab, "Run all")
    tab.get_by_text("All of it was run: 2 prompts.").wait_for()
    table = tab.get_by_role("region", name="Results of the list").locator("tbody tr")
    first = table.first.locator("td").all_text_contents()
    assert first[1:3] == ["one", "fine"]
    chips = table.first.locator(".chip").all_text_contents()
    assert chips[0].startswith("Label: ") and chips[1] == ("✓ right" if chips[0] == "Label: fine" else "✗ wrong")
    assert re.fullmatch(r"\d of 2", table.last.locator("td").first.text_content())
    name, saved_text = saved(tab, "Save results as JSONL")
    lines = [json.loads(line) for line in saved_text.splitlines()]
    assert (name, [(x["text"], x["subject"]) for x in lines[:2]]) == (
        "prompts.jsonl",
        [("one", "base"), ("one", "tiny-1")],
    )

    until(lambda: not tab.page.locator(".toast-body").count(), "Gradio's own message has gone")
    from test_page_axe import problems

    assert [problems(tab.page, theme) for theme in ("dark", "light")] == [[], []]
    tab.get_by_label("sample", exact=True).check()
    tab.get_by_label("Max new tokens").fill("4096")
    tab.get_by_label("Temperature").fill("9")
    press(tab, "Run all")
    tab.get_by_text("Prompt 1 of 2 …").wait_for()
    press(tab, "Stop the list")
    tab.get_by_text("Stopped. 0 of 2 were run.").wait_for()

    tab.get_by_label("Name of a list").fill("second")
    press(tab, "Rename the list")
    until(lambda: prompt_lists.listing(marks) == ["second"])
    press(tab, "Delete the list")
    press(tab, "Delete second for good")
    tab.get_by_text("There are no lists yet").wait_for()
    assert prompt_lists.listing(marks) == []
    assert tab.page.evaluate("window.hit") is None


@pytest.mark.long
def test_an_answer_grows_and_can_be_stopped(tab, marks):
    tab.get_by_label("A raw prompt").check()
    tab.get_by_role("textbox", name="Raw prompt").fill("Once upon")
    decode(tab, "sample", max_new_tokens=4096, temperature=9)
    press(tab, "Generate")
    first = until(lambda: len(answer(tab, "base")))
    until(lambda: len(answer(tab, "base")) > 2 * first)
    press(tab, "Stop")
    tab.get_by_text("Stopped.").wait_for()
    begun = time.monotonic()
    tab.get_by_label("A row of the data").check()
    tab.get_by_label("labels", exact=True).check()
    press(tab, "Generate")  # it would wait for minutes behind the stopped answer
    until(lambda: answered(tab))
    assert time.monotonic() - begun < 30


@pytest.mark.long
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
    """The controls came after the results were asked for, which then stayed those of other subjects. What stood so at the
    last look already is not on its way."""
    first = {
        "seen": offer.fingerprint(home),
        "offered": ["base", tiny_run.id],
        "names": ["base", tiny_run.id],
        "looks": 1,
    }
    controls = [["base", tiny_run.id], "validation", "", True]
    others = [["base"], *controls[1:]]
    for shown_for, last, again in (
        (None, None, False),
        (None, controls, True),
        (others, controls, True),
        (controls, controls, False),
    ):
        changes = [change for _, change in clicked(home, "Compare", **first, shown_for=shown_for, odd=last)]
        assert (2 in changes) is again


def test_visitors_of_a_space_run_lists_and_change_none(home, monkeypatch):
    prompt_lists.create(home, "mine")
    prompt_lists.add(home, "mine", [Prompt(text="one")])
    handlers = {e.fn.__name__: e.fn for e in app.build(home).fns.values() if e.fn and e.fn.__module__ == LISTS}
    monkeypatch.setenv("SPACE_ID", "me/lab")
    monkeypatch.delenv("LAB_LOGIN", raising=False)
    pressed, visitor = SimpleNamespace(remove=1), None
    changing = {"make": ["new"], "rename": ["mine", "new"], "ask": ["mine"], "delete": ["mine"]}
    changing |= {"remove": [pressed, "mine"], "add": ["mine", ""], "add_all": ["mine", "two", "text"]}
    for name, values in changing.items():
        with pytest.raises(gr.Error):
            handlers[name](visitor, *values)
    assert set(handlers) - set(changing) <= {"refresh", "show", "run", "stop", "save", "<lambda>"}
    assert [x.text for x in prompt_lists.load(home, "mine")] == ["one"]
    done = {"event": "answer", "subject": "base", "output": "positive", "label": "positive", "prompt": ""}
    done |= {"label_probabilities": None, "tokens": 1, "seconds": 1}
    monkeypatch.setattr(generator, "ask", lambda *_: (yield done))
    run = handlers["run"](SimpleNamespace(session_hash="x"), "mine", ["base"], *Decoding().model_dump().values())
    assert "All of it was run: 1 prompt." in list(run)[-1][0]


def given(**changes) -> Given:
    """What is read from the controls when this stands in them."""
    stands = {"names": ["base"], "way": "text", "dataset": "", "split": "validation", "number": 0, "text": "A day."}
    stands |= {"raw": "Once", "system": "", "message": "Hello."}
    decoding = {**Decoding().model_dump(), **{key: changes.pop(key) for key in list(changes) if key not in stands}}
    return generate_controls.given_of(*{**stands, **changes}.values(), *decoding.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"names": ["base:/etc"]},
        {"names": list("abcdef")},
        {"names": "base"},
        {"way": "a file"},
        {"way": ["row"]},
        {"text": "  "},
        {"text": None},
        {"way": "raw", "raw": "x" * (asking.LONGEST + 1)},
        {"way": "chat", "message": ""},
        {"way": "row", "number": -1},
        {"way": "row", "number": 0.5},
        {"way": "row", "number": None},
        {"way": "row", "split": None},
        {"way": "row", "dataset": 3},
        {"mode": "none"},
        {"max_new_tokens": 10**6},
        {"temperature": None},
        {"seed": {"a": 1}},
    ],
)
def test_what_is_wrong_is_refused(wrong):
    with pytest.raises(InputError):
        given(**wrong)


def test_what_stands_in_the_controls_is_what_is_asked():
    row = given(way="row", number=871.0, dataset="marks")
    assert (row.way, row.row, row.dataset, row.text) == ("row", 871, "marks", "")
    assert [given(way=way).text for way in ("text", "raw", "chat")] == ["A day.", "Once", "Hello."]
    assert given(way="chat", system="Be kind.").system == "Be kind."
    assert given(max_new_tokens="").decoding.max_new_tokens is None


@pytest.mark.parametrize(
    "wrong",
    [
        "x",
        {},
        {"subjects": ["nobody-1"]},
        {"subjects": ["../x"]},
        {"subjects": ["base"], "dataset": "gone"},
        {"subjects": ["base"], "split": ["train"]},
        {"subjects": ["base"], "row": 10**6},
        {"subjects": ["base"], "row": "3"},
    ],
)
def test_what_another_tab_wants_is_looked_at(home, wrong):
    with gr.Blocks():
        parts = generate_controls.build()
    with pytest.raises(InputError):
        generate_opened.bring_here(home, parts, wrong)
    wanted = {"subjects": ["base"], "dataset": "sentiment", "split": "train", "row": 3, "text": "", "when": 1.0}
    found = generate_opened.bring_here(home, parts, wanted)
    assert (found[parts.chosen]["value"], found[parts.way], found[parts.number]) == (["base"], "row", 3)
    assert (found[parts.dataset]["value"], found[parts.split]["value"]) == ("sentiment", "train")


def test_whatever_changes_the_page_gets_all_that_is_known(home, monkeypatch):
    """Of several changes that come at once the browser applied the last alone, and an answer lost its verdict."""
    done = {"event": "answer", "label": None, "label_probabilities": None, "prompt": "Once", "tokens": 1, "seconds": 1}
    coming = [
        {"event": "loading", "what": "tiny"},
        {"event": "text", "subject": "base", "output": "fi"},
        {**done, "subject": "base", "output": "fine"},
        {**done, "subject": "base:tiny-llama", "output": "$" + "{value} {{value}} <b>"},
    ]
    monkeypatch.setattr(generator, "ask", lambda *_: (yield from coming))
    question = asking.look_up(home, Given(names=["base", "base:tiny-llama"], way="row"))
    *_, (said, events) = generate_told.told(home, question, threading.Event())
    shown = generate_told.growing(question, said, events)
    assert said == question.said
    assert [shown.count(words) for words in (">fine<", "Invalid", "1 token in 1.00 s", "Exact prompt")] == [1, 2, 2, 2]
    assert not re.search(r"[{$]|<b>", shown)


def test_partial_texts_that_come_too_fast_are_left_out():
    events = [{"event": "text", "output": str(i)} for i in range(50)] + [{"event": "answer"}]
    passed = list(generate_told.paced(iter(events)))
    assert len(passed) == 2
    assert passed[-1] == {"event": "answer"}
