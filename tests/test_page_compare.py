"""The Compare tab in a real browser: what is known by itself, what is missing by a job, nothing hidden, text as text."""

import json
import os
import threading
from pathlib import Path

import colours
import pytest
import yaml
from waiting import until

from lab import comparison, data, jobs, scoreboard, tasks
from lab.comparison import Comparison
from lab.config import BUNDLED_MODEL
from lab.errors import InputError
from lab.home import Home
from lab.job import Stopped, lock_holder
from lab.task import parse
from lab.ui import compare_tab, offer

HOSTILE = '<img src=x onerror="window.hit=1">'
TASK = {
    "name": "marks",
    "label": "label",
    "instruction": "Answer with one label: $labels",
    "labels": [{"name": "fine"}, {"name": HOSTILE}],
    "prompt": "Sentence: $text\nLabel:",
}


def prepared(folder: Path) -> Home:
    """A home with a task of two labels, one of them hostile, and a small run of the bundled model on it."""
    home = Home.at(folder / "home")
    rows = [{"text": f"sentence {i}", "label": TASK["labels"][i % 2]["name"]} for i in range(96)]
    (folder / "marks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data.add(home, data.About(name="marks", label="label"), {"train": folder / "marks.jsonl"})
    tasks.add(home, parse(yaml.safe_dump(TASK)))
    train(home)
    return home


def train(home: Home):
    changes = {"task": "marks", "dataset": "marks", "validation": 32, "epochs": 1, "batch_size": 16}
    return colours.trained(home, BUNDLED_MODEL, **changes)


def end_generation(home: Home) -> None:
    """Ends the home's generation worker, if there is one."""
    pid = lock_holder(home.generator / "lock")
    if pid:
        os.kill(pid, 15)


@pytest.fixture(scope="module")
def marks(tmp_path_factory) -> Home:
    return prepared(tmp_path_factory.mktemp("compare"))


@pytest.fixture(scope="module")
def served(serve, marks):
    return serve(marks.path)


@pytest.fixture
def tab(page, served):
    page.goto(served.url)
    page.get_by_role("tab", name="Compare").click()
    return page.get_by_role("tabpanel").locator("visible=true")


def table(tab, label: str) -> list[list[str]]:
    """The rows of a table as they stand on the page."""
    return tab.get_by_role("grid", name=label, exact=True).evaluate_all("""
        grids => grids.flatMap(grid => [...grid.querySelectorAll('[role=row]')].map(
            row => [...row.querySelectorAll('[role=gridcell]')].map(cell => cell.innerText.trim())
        )).filter(row => row.length)
    """)


def choose(tab, label: str, option: str) -> None:
    tab.get_by_label(label, exact=True).first.click()
    tab.page.get_by_role("option", name=option, exact=True).click()


def scored(tab) -> list[str]:
    """The subjects of the table of scores."""
    return [row[0] for row in table(tab, "Scores")] if tab.get_by_text("Brackets hold").is_visible() else []


def test_base_and_the_newest_run_stand_there_by_themselves_and_nothing_is_hidden(tab, marks):
    until(lambda: scored(tab) == ["base", "tiny-1"])
    asked = comparison.look_up(marks, Comparison(subjects=["base", "tiny-1"]))
    known = scoreboard.compare(asked.known(marks))[0]
    assert table(tab, "Scores") == compare_tab.scores_of(known)["data"]
    assert sum(x["invalid"] for x in known) > 0
    until(lambda: table(tab, "Invalid outputs"))
    assert table(tab, "Invalid outputs")[0][:2] == ["base", known[0]["invalid_outputs"][0][0]]
    counts = table(tab, "Rows by true label and answer")
    assert [row[0] for row in counts] == ["fine", HOSTILE]
    assert sum(int(cell) for row in counts for cell in row[1:]) == 32
    assert [row[0] for row in table(tab, "Scores by label")] == ["fine", HOSTILE]
    choose(tab, "Labels of", "base")
    wanted = [["fine", *map(str, known[0]["confusion"]["counts"][0])]]
    until(lambda: table(tab, "Rows by true label and answer")[:1] == wanted)
    assert tab.page.evaluate("window.hit") is None


def test_evaluate_makes_what_is_missing_and_a_new_run_shows_up(tab, marks):
    until(lambda: scored(tab))
    choose(tab, "Decoding", "labels")
    tab.get_by_text("base and tiny-1 have not been evaluated").wait_for()
    assert scored(tab) == []
    tab.get_by_role("button", name="Evaluate").click()
    tab.get_by_role("button", name="Stop evaluation").wait_for()
    tab.get_by_text("is finished").wait_for()
    until(lambda: [row[-2] for row in table(tab, "Scores")] == ["labels", "labels"])
    tab.get_by_text("No invalid outputs.").wait_for()
    assert tab.page.evaluate("window.hit") is None
    tab.get_by_role("button", name="Evaluate").click()
    tab.get_by_text("Nothing is missing").wait_for()
    choose(tab, "Decoding", "the run's own")
    assert train(marks).id == "tiny-2"
    until(lambda: scored(tab) == ["base", "tiny-2"])


@pytest.mark.faults
def test_an_evaluation_outlives_the_page_and_can_be_stopped(tab, marks):
    until(lambda: scored(tab))
    job = comparison.create(marks, Comparison(subjects=["base"], decoding=["mode=sample"]))

    def compute(home, job, progress):
        progress("base on marks/validation", 32)(8)
        until(job.stop_requested)
        raise Stopped

    working = threading.Thread(target=colours.worked, args=(marks, job, compute))
    working.start()
    until(lambda: job.state().get("doing"))
    tab.page.reload()
    tab.page.get_by_role("tab", name="Compare").click()
    tab.get_by_text("of 32 rows").wait_for()
    assert tab.get_by_label("Decoding", exact=True).first.input_value() == "sample"
    assert tab.get_by_role("button", name="Evaluate").is_disabled()
    tab.get_by_role("button", name="Stop evaluation").click()
    working.join(60)
    assert jobs.outcome(job) == "stopped"
    tab.get_by_text(f"{job.id} is stopped").wait_for()
    until(lambda: tab.get_by_role("button", name="Evaluate").is_enabled())


# -- without a browser -----------------------------------------------------------------------------------------------


def test_what_can_be_chosen(colours, tiny_model):
    from colours import created, trained

    first = trained(colours, tiny_model, epochs=2, evaluate_at=[1, 2])
    created(colours, tiny_model)  # has not ended
    steps = [c["step"] for c in first.checkpoints()]
    wanted = ["base", first.id, *(f"{first.id}@{step}" for step in reversed(steps))]
    assert offer.on_offer(colours) == wanted
    assert offer.default(wanted) == ["base", first.id]
    assert offer.default(["base"]) == ["base"]


@pytest.mark.parametrize("names", [[], ["base:/etc"], ["base:../x"], ["base:."], [7], "base", None])
def test_names_that_are_no_subjects_are_refused(names):
    with pytest.raises(InputError):
        offer.taken(names)


@pytest.mark.parametrize("split, decoding", [("../x", ""), ("validation", "beam"), (None, ""), ("test", None)])
def test_settings_that_are_no_choices_are_refused(split, decoding):
    with pytest.raises(InputError):
        compare_tab.asked_for(["base"], split, decoding, True)


def test_the_controls_say_what_a_job_was_asked_for():
    wanted = compare_tab.asked_for(["base", "a-1"], "test", "labels", False)
    assert compare_tab.controls_of(wanted, ["base", "a-1"]) == (["base", "a-1"], "test", "labels", False)
    assert compare_tab.controls_of(wanted, ["base"]) is None
    assert compare_tab.controls_of(Comparison(subjects=["base"], rows=3), ["base"]) is None


def test_tables_of_texts_and_of_many_invalid_outputs():
    scores = ["accuracy", "accuracy_ci95", "labels_alone", "macro_f1", "f1_ci95", "weighted_f1", "invalid", "p_value"]
    empty = dict.fromkeys(scores)
    one = {"subject": "base", "n": 1200, "decoding": "greedy", "seconds": 1.25, "text_metrics": {"exact_match": 0.5}}
    shown = compare_tab.scores_of([{**empty, **one}])
    assert dict(zip(shown["headers"], shown["data"][0], strict=True))["exact match"] == "0.500"
    assert shown["data"][0][1:4] == ["1,200", "–", "–"]
    many = compare_tab.invalid_of([{"subject": "base", "invalid_outputs": [[f"text {i}", 2] for i in range(500)]}])
    assert len(many["data"]) == compare_tab.MOST_TEXTS + 1
    assert many["data"][-1] == ["base", "… and 300 other texts", "600"]
    assert [compare_tab.p_value(p) for p in (None, 1.0, 0.0123, 1e-30)] == ["", "1", "0.012", "< 0.0001"]
