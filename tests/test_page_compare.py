"""The Compare tab in a real browser: what is known by itself, what is missing by a job, nothing hidden, text as text."""

import json
import os
import threading
from importlib.util import find_spec
from pathlib import Path

import colours
import pytest
import scored_runs
import yaml
from waiting import until

from lab import comparison, data, exports, jobs, scoreboard, scores, tasks
from lab.comparison import Comparison
from lab.config import BUNDLED_MODEL
from lab.errors import InputError
from lab.evaluations import Evaluation
from lab.home import Home
from lab.job import Stopped, lock_holder
from lab.task import parse
from lab.ui import compare_answers, compare_confusion, compare_link, compare_look, compare_rows, compare_table, offer
from lab.ui.compare_look import Look

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
    for name, some in (("train", rows), ("test", rows[:8])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))
    files = {name: folder / f"{name}.jsonl" for name in ("train", "test")}
    data.add(home, data.About(name="marks", label="label"), files)
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
def filled(marks) -> list[Evaluation]:
    """Evaluations of other runs, older than the marks'."""
    return comparison.known(marks, Comparison(subjects=scored_runs.fill(marks, 4)))


@pytest.fixture(scope="module")
def served(serve, marks, filled):
    return serve(marks.path)


@pytest.fixture
def tab(page, served):
    page.goto(served.url)
    page.get_by_role("tab", name="Compare").click()
    return page.get_by_role("tabpanel").locator("visible=true")


def choose(tab, label: str, option: str) -> None:
    tab.get_by_label(label, exact=True).filter(visible=True).first.click()
    tab.page.get_by_role("option", name=option, exact=True).click()


def view(tab, name: str) -> None:
    tab.get_by_role("tab", name=name, exact=True).click()


def rows_of(tab, place: str) -> list[list[str]]:
    """The rows of a table of this place as they stand on the page."""
    return tab.locator(f"{place} tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )


def scored(tab) -> list[str]:
    """The subjects in the table that have scores, in its order."""
    return [row[1].split()[0] for row in rows_of(tab, ".scores tbody.compared") if "[" in row[4]]


@pytest.mark.long
def test_a_click_on_the_tab_of_a_page_that_is_still_late_does_not_undo_what_it_arrives_with(page, served):
    page.goto(served.url)
    page.get_by_role("tab", name="Compare").click()
    tab = page.get_by_role("tabpanel").locator("visible=true")
    until(lambda: scored(tab) == ["base", "tiny-1"])
    seen = {tuple(scored(tab)) for _ in range(20) if page.wait_for_timeout(100) is None}
    assert seen == {("base", "tiny-1")}


def test_base_and_the_newest_run_stand_there_by_themselves_and_nothing_is_hidden(tab, marks):
    until(lambda: scored(tab) == ["base", "tiny-1"])
    known, _ = scoreboard.compare(comparison.known(marks, Comparison(subjects=["base", "tiny-1"])))
    shown = rows_of(tab, ".scores tbody.compared")
    assert [row[4] for row in shown] == [exports.share(x["accuracy"], x["accuracy_ci95"]) for x in known]
    assert [row[7] for row in shown] == [str(x["invalid"]) for x in known]
    tab.get_by_text("is the best of 2, chosen on the rows it is reported on").wait_for()
    assert sum(x["invalid"] for x in known) > 0
    view(tab, "Invalid outputs")
    shown = {x["subject"]: [[text, str(n)] for text, n in x["invalid_outputs"]] for x in known}
    until(lambda: any(rows_of(tab, f"[aria-label^='Invalid outputs of {x}:'] tbody") == shown[x] != [] for x in shown))
    view(tab, "Confusion")
    counts = "[aria-label='Rows by true label and answer'] tbody"
    until(lambda: [row[0] for row in rows_of(tab, counts)] == ["fine", HOSTILE])
    assert sum(int(cell) for row in rows_of(tab, counts) for cell in row[1:]) == 32
    assert [row[0] for row in rows_of(tab, "[aria-label='Scores by label'] tbody")] == ["fine", HOSTILE]
    choose(tab, "Labels of", "base")
    wanted = ["fine", *map(str, known[0]["confusion"]["counts"][0])]
    until(lambda: rows_of(tab, counts)[:1] == [wanted])
    assert tab.page.evaluate("window.hit") is None


@pytest.mark.long
def test_evaluate_makes_what_is_missing_and_a_new_run_shows_up(tab, marks):
    until(lambda: scored(tab))
    choose(tab, "Decoding", "labels")
    tab.get_by_text("base and tiny-1 have not been evaluated").wait_for()
    assert scored(tab) == []
    tab.get_by_role("button", name="Score on test").click()
    tab.get_by_role("button", name="Stop evaluation").wait_for()
    tab.get_by_text("is finished").wait_for()
    until(lambda: scored(tab) == ["base", "tiny-1"])
    tab.get_by_text("marks: 8 test rows, decoding labels").wait_for()
    assert "split=test&decoding=labels" in tab.page.url
    view(tab, "Invalid outputs")
    tab.get_by_text("each of its 8 answers is a label").wait_for()
    assert tab.page.evaluate("window.hit") is None
    tab.get_by_role("button", name="Evaluate").click()
    tab.get_by_text("Nothing is missing").wait_for()
    choose(tab, "Decoding", "the run's own")
    choose(tab, "Rows", "validation")
    assert train(marks).id == "tiny-2"
    until(lambda: scored(tab) == ["base", "tiny-2"])


@pytest.mark.long
def test_subjects_are_chosen_and_sorted_in_the_table(page, served):
    page.goto(f"{served.url}?tab=compare&subject=base&subject=load-3&subject=load-9&reference=load-3")
    page.get_by_text("The link names load-9, which is not here").wait_for()
    tab = page.get_by_role("tabpanel").locator("visible=true").first
    until(lambda: scored(tab) == ["base", "load-3"])
    assert rows_of(tab, ".scores tbody.compared")[1][9] == "reference"
    page.locator("th[data-sort=accuracy] button").focus()
    page.keyboard.press("Enter")
    assert scored(tab) == ["load-3", "base"]
    page.locator("input[data-subject=load-2]").focus()
    page.keyboard.press("Space")
    until(lambda: scored(tab) == ["load-3", "load-2", "base"])  # still sorted
    assert page.locator("th[data-sort=accuracy]").get_attribute("aria-sort") == "descending"
    until(lambda: page.evaluate("document.activeElement.dataset.subject") == "load-2")
    page.keyboard.press("Tab")
    until(lambda: "subject=base&subject=load-3&subject=load-2" in page.url)
    assert "reference=load-3" in page.url
    choose(tab, "Reference", "base")
    until(lambda: [row[9] for row in rows_of(tab, ".scores tbody.compared")][-1] == "reference")
    page.locator("input[data-subject=load-3]").click()
    until(lambda: scored(tab) == ["load-2", "base"])
    assert page.locator("input[data-subject=load-3]").is_checked() is False
    page.reload()
    until(lambda: scored(tab) == ["base", "load-2"])
    page.get_by_role("tab", name="Train", exact=True).click()
    until(lambda: "tab=" not in page.url)


@pytest.mark.long
def test_the_views_show_what_lies_behind_the_scores(page, served, filled):
    page.goto(f"{served.url}?tab=compare&subject=base&subject=load-1&subject=load-3")
    tab = page.get_by_role("tabpanel").locator("visible=true").first
    until(lambda: scored(tab) == ["base", "load-1", "load-3"])
    known = {e.name: e for e in filled}
    view(tab, "Over training")
    page.get_by_text("a line joins a run with its checkpoints").wait_for()
    page.get_by_label("Training rows").check()
    page.get_by_text("runs that differ in their training rows alone").wait_for()
    view(tab, "Calibration")
    page.get_by_text(f"ECE {known['load-3'].scores['ece']:.3f} over").wait_for()
    view(tab, "Differences")
    page.get_by_text("Their configs are the same.").wait_for()
    view(tab, "Export")
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download as CSV").click()
    written = coming.value.path().read_text()
    assert [line.split(",")[0] for line in written.splitlines()] == ["subject", "base", "load-1", "load-3"]
    view(tab, "Confusion")
    n = known["load-3"].scores["confusion"]["counts"][0][1]
    page.locator(".confusion button").nth(1).click()
    page.get_by_text(f"rows 1 to 20 of {n}").wait_for()
    page.get_by_role("button", name="Next rows").filter(visible=True).click()
    page.get_by_text(f"rows 21 to {min(40, n)} of {n}").wait_for()
    page.get_by_label("Shares of the true label").check()
    until(lambda: "%" in page.locator(".confusion button").first.inner_text())
    if find_spec("axe_playwright_python"):
        from test_page_axe import problems

        assert problems(page, "light") == problems(page, "dark") == []
    view(tab, "Disagreements")
    page.get_by_text("base wrong, load-3 right: rows 1 to 20").wait_for()
    page.get_by_label("Both wrong").check()
    page.get_by_text("Both wrong: rows 1 to 20").wait_for()
    second = page.locator("tr", has=page.get_by_role("button", name="Open in Generate")).filter(visible=True).nth(1)
    text = second.locator("td.text").text_content()
    second.get_by_role("button").click()
    until(lambda: page.get_by_role("tab", name="Generate", exact=True).get_attribute("aria-selected") == "true")
    until(lambda: page.get_by_label("Its text").input_value() == text)
    until(lambda: "tab=" not in page.url)


@pytest.mark.long
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
    tab.page.goto(tab.page.url.partition("?")[0])  # an address would show what it names
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
        compare_look.asked_for(["base"], split, decoding, True)


def test_the_controls_say_what_a_job_was_asked_for():
    wanted = compare_look.asked_for(["base", "a-1"], "test", "labels", False)
    assert compare_look.controls_of(wanted, ["base", "a-1"]) == (["base", "a-1"], "test", "labels", False)
    assert compare_look.controls_of(wanted, ["base"]) is None
    assert compare_look.controls_of(Comparison(subjects=["base"], rows=3), ["base"]) is None


def test_a_table_of_texts_has_their_scores_and_many_invalid_outputs_end_in_a_sum():
    empty = dict.fromkeys([*scores.NOTHING, "p_value", "p_adjusted", "train_rows", "epochs", "best"])
    about = {"subject": "base", "dataset": "x", "split": "test", "n": 1200, "decoding": "greedy", "seconds": 1.25}
    one = {**empty, **about, "reference": "base", "text_metrics": {"exact_match": 0.5}}
    found = Look(Comparison(subjects=["base"]), [one], [], frozenset(), ["<b>a note</b>"], [], False)
    shown = compare_table.board(found, ["base"], [{"subject": f"run-{i}"} for i in range(50)])
    assert "Exact match" in shown and "0.500" in shown and "Accuracy" not in shown
    assert "&lt;b&gt;a note" in shown and "Read this before comparing" in shown
    assert f"Not compared; {50 - compare_table.MOST_OTHERS} older ones" in shown
    many = {"subject": "base", "n": 1000, "invalid": 1000, "invalid_outputs": [[f"text {i}", 2] for i in range(500)]}
    assert "… and 300 other texts</th><td>600" in compare_answers.invalid_of(many)
    assert [compare_table.p_value(p) for p in (None, 1.0, 0.0123, 1e-30)] == ["", "1", "0.012", "< 0.0001"]


CHOICES = ["base", "a-1", "a-1@4"]


def test_a_link_is_read_and_what_it_cannot_have_is_said():
    said = [("tab", "compare"), ("subject", "a-1"), ("subject", "base"), ("split", "test"), ("decoding", "labels")]
    link = compare_link.read([*said, ("reference", "base")], CHOICES)
    assert (link.names, link.split, link.decoding, link.reference) == (["a-1", "base"], "test", "labels", "base")
    assert link.problems == []
    assert compare_link.read([("tab", "train"), ("subject", "base")], CHOICES) is None
    assert compare_link.read([], CHOICES) is None
    wrong = [("tab", "compare"), ("subject", "gone-1"), ("subject", "../x"), ("split", "../x"), ("decoding", "<b>")]
    link = compare_link.read([*wrong, ("reference", "gone-1")], CHOICES)
    assert (link.names, link.split, link.decoding, link.reference) == ([], "validation", "", None)
    assert len(link.problems) == 3 and "gone-1, ../x, which are not here" in link.problems[0]
    many = compare_link.read(
        [("tab", "compare"), *(("subject", f"r-{i}") for i in range(99))], [f"r-{i}" for i in range(99)]
    )
    assert len(many.names) == offer.MOST_SUBJECTS and "the first 20 are shown" in many.problems[0]


@pytest.mark.parametrize("value", [-1, 1.5, True, "0", None, [0]])
def test_what_is_clicked_must_be_a_number_of_the_table(value):
    with pytest.raises(InputError):
        compare_rows.whole(value)


def test_texts_of_rows_are_shown_letter_by_letter():
    row = {"row": 3, "text": HOSTILE, "gold": HOSTILE, "answers": [{"answer": HOSTILE, "label": None, "sure": None}]}
    shown = compare_rows.shown(HOSTILE, [row], 1, [HOSTILE])
    assert "<img" not in shown and "✗ invalid" in shown
    matrix = compare_confusion.matrix({"labels": [HOSTILE], "counts": [[3, 1]]}, as_shares=True)
    assert "<img" not in matrix and "75.0%" in matrix
