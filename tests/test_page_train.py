"""The Train tab in a real browser: starting, watching, stopping, resuming and deleting runs, and runs from elsewhere."""

import re
import subprocess
import sys

import pytest
from waiting import until

from lab import plan, runs
from lab.config import Config
from lab.home import ROOT, Home
from lab.runs import Run

HOSTILE = "<img src=x onerror=\"window.hit=1\"> **bold** 'quoted'"
SMALL = ["--set", "train_rows=64", "--set", "batch_size=4", "--set", "validation=24"]


@pytest.fixture
def home(served) -> Home:
    return Home.at(served.home)


@pytest.fixture
def tab(page, served):
    return opened(page, served.url)


def opened(page, url: str):
    page.goto(url)
    page.get_by_role("tab", name="Train", exact=True).click()
    page.get_by_role("button", name="Start training", exact=True).wait_for()
    return page


def head(page) -> str:
    """The heading of the chosen run: its id and its status."""
    found = page.get_by_role("heading", level=3).filter(has_text=re.compile(r": \w+$"))
    return found.first.inner_text() if found.count() else ""


def chosen_is(page, said: str) -> None:
    until(lambda: head(page) == said, f"the page says {said}; it says {head(page)}")


def drawn(page, trace: str) -> list:
    """The steps of a line of a chart, as plotly has drawn it."""
    return page.evaluate(
        "name => [...document.querySelectorAll('.curves .js-plotly-plot')].flatMap(p => p.data).filter(t => t.name === name)"
        ".flatMap(t => [...t.x])",
        trace,
    )


def row_of(page, run_id: str):
    """A run's row in the table."""
    return page.locator(f'tr[data-run="{run_id}"]')


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def fill(page, **values: str) -> None:
    for label, value in values.items():
        begins = re.compile(rf"^\s*{label.replace('_', ' ').capitalize()}")  # behind it stands what the field means
        page.get_by_label(begins).filter(visible=True).fill(value)


def made_by_hand(home: Home, name: str) -> Run:
    """A run on which nobody works yet; the test itself can play its worker."""
    planned = plan.make(home, Config(name=name, train_rows=32, validation=24))
    run = runs.create(home, planned.config, planned.task, planned.train, planned.validation)
    run.beat(attempt=1, step=0, total_steps=40, epoch=0.0)
    return run


def log(run: Run, *steps: int, **more) -> None:
    for step in steps:
        run.log_point({"attempt": 1, "step": step, "epoch": step / 40, "loss": 4 / step, "seconds": 2.0 * step, **more})
        run.beat(step=step, epoch=step / 40)


@pytest.mark.long
def test_before_anything_was_trained_the_page_says_what_to_do(page, serve):
    opened(page, serve().url)
    until(page.get_by_text("Nothing has been trained yet").is_visible, "the page says what to do")
    assert not button(page, "Stop").is_visible()


# -- a run from start to end -----------------------------------------------------------------------------------------------


@pytest.mark.long
def test_start_watch_stop_resume_delete(tab, home):
    fill(tab, name="whole", train_rows="64", batch_size="4", epochs="4")
    tab.get_by_text("All settings", exact=True).click()
    fill(tab, validation="24")
    button(tab, "Start training").click()
    until(lambda: head(tab).startswith("whole-1: "), "the new run is chosen")
    first = until(lambda: drawn(tab, "training, each step"), "points appear")
    until(lambda: len(drawn(tab, "training, each step")) > len(first), "more points appear")
    assert head(tab) == "whole-1: running"
    assert (button(tab, "Stop").is_enabled(), button(tab, "Resume").is_enabled()) == (True, False)
    assert not button(tab, "Delete").is_enabled()

    button(tab, "Stop").click()
    chosen_is(tab, "whole-1: stopped")
    run = Run(home, "whole-1")
    stopped_at = run.state()["step"]
    assert 0 < stopped_at < 64
    assert run.checkpoints()[-1]["step"] == stopped_at
    assert not button(tab, "Stop").is_enabled()

    button(tab, "Resume").click()
    chosen_is(tab, "whole-1: finished")
    until(lambda: drawn(tab, "training, each step") == list(range(1, 65)), "all steps are drawn")
    until(lambda: drawn(tab, "accuracy") == [64], "the scores are drawn")
    assert run.state()["attempt"] == 2
    tab.get_by_text("Log", exact=True).click()
    until(lambda: "finished at step 64" in log_of(tab), "the log is shown")

    button(tab, "Delete").click()
    button(tab, "Keep it").click()
    until(lambda: not button(tab, "Keep it").is_visible(), "the question is gone")
    assert "whole-1" in runs.listing(home)
    button(tab, "Delete").click()
    button(tab, "Delete whole-1 for good").click()
    until(lambda: "whole-1" not in runs.listing(home), "it is deleted")
    until(lambda: not row_of(tab, "whole-1").is_visible(), "it is gone from the list")


def log_of(page) -> str:
    field = page.get_by_label("The last 200 lines of the log", exact=True)
    return field.input_value() if field.is_visible() else ""


@pytest.mark.faults
def test_a_run_of_the_command_line_shows_up_by_itself_and_outlives_a_killed_page(page, serve, home):
    first = serve(home.path)
    opened(page, first.url)
    command = ["train", "--home", str(home.path), "--detach", "--set", "name=outside", "--set", "epochs=9", *SMALL]
    subprocess.run([sys.executable, "-m", "lab", *command], cwd=ROOT, check=True, capture_output=True)
    until(row_of(page, "outside-1").is_visible, "the run shows up")
    until(lambda: len(drawn(page, "training, each step")) > 1, "its points appear")
    worker = Run(home, "outside-1").holder()
    first.process.kill()
    first.process.wait()
    opened(page, serve(home.path).url)
    chosen_is(page, "outside-1: running")
    assert Run(home, "outside-1").holder() == worker  # it never noticed
    button(page, "Stop").click()
    chosen_is(page, "outside-1: stopped")


# -- what it shows -------------------------------------------------------------------------------------------------------


def test_new_points_are_drawn_as_they_are_logged_and_the_zoom_stays(tab, home):
    run = made_by_hand(home, "quick")
    with run.hold():
        log(run, 1, 2, 3)
        chosen_is(tab, "quick-1: running")
        until(lambda: drawn(tab, "training, each step") == [1, 2, 3], "the points are drawn")
        axis = "document.querySelector('.curves .js-plotly-plot')._fullLayout.xaxis"
        tab.locator(".curves .js-plotly-plot").scroll_into_view_if_needed()
        chart = tab.locator(".curves .js-plotly-plot .xy .bg, .curves .js-plotly-plot .nsewdrag").first.bounding_box()
        tab.mouse.move(chart["x"] + chart["width"] * 0.3, chart["y"] + chart["height"] * 0.3)
        tab.mouse.down()
        tab.mouse.move(chart["x"] + chart["width"] * 0.6, chart["y"] + chart["height"] * 0.7, steps=5)
        tab.mouse.up()
        until(lambda: tab.evaluate(f"{axis}.autorange") is False, "it is zoomed")
        before = tab.evaluate(f"{axis}.range")
        for step in range(4, 8):
            log(run, step)
            until(lambda step=step: step in drawn(tab, "training, each step"), "the point is drawn")
        assert tab.evaluate(f"{axis}.range") == before


def test_a_loss_that_is_no_number_is_on_the_chart(tab, home):
    run = made_by_hand(home, "diverged")
    with run.hold():
        log(run, 1, 2)
        log(run, 3, loss="NaN")
        chosen_is(tab, "diverged-1: running")
        until(lambda: drawn(tab, "training: NaN (1)") == [3], "it is marked")
        until(lambda: "NaN" in row_of(tab, "diverged-1").inner_text(), "the list says it")


@pytest.mark.long
def test_a_run_has_a_name_and_notes_which_find_it(tab, home):
    run, other = made_by_hand(home, "noted"), made_by_hand(home, "plain")
    row_of(tab, other.id).wait_for()  # above the other, whose row it moves
    row_of(tab, run.id).click()
    chosen_is(tab, "noted-1: interrupted")
    tab.get_by_text("Name and notes", exact=True).click()
    words = tab.locator(".run-detail")
    words.get_by_label("Name", exact=False).first.fill(HOSTILE[:80])
    words.get_by_label("Notes").fill("The codebook of May.")
    row_of(tab, other.id).click()  # what was typed and not saved is there again later
    chosen_is(tab, "plain-1: interrupted")
    until(lambda: tab.get_by_label("Notes").input_value() == "", "the other run has no notes")
    row_of(tab, run.id).click()
    until(lambda: tab.get_by_label("Notes").input_value() == "The codebook of May.", "the draft is there")
    button(tab, "Save name and notes").click()
    chosen_is(tab, f"{HOSTILE[:80]} · noted-1: interrupted")
    assert run.about() == {"title": HOSTILE[:80], "notes": "The codebook of May."}
    find = tab.get_by_label("Find runs")
    find.fill("MAY codebook")
    until(lambda: not row_of(tab, other.id).is_visible(), "the other one is left out")
    assert row_of(tab, run.id).is_visible()
    find.fill("nobody has this")
    until(tab.get_by_text("No run has all these words").is_visible, "it says that there is none")
    find.fill("")
    until(row_of(tab, other.id).is_visible, "all are there again")
    assert tab.evaluate("window.hit") is None


@pytest.mark.long
def test_runs_beside_each_other_smoothed_along_epochs_on_a_logarithmic_axis(tab, home):
    run, other = made_by_hand(home, "one"), made_by_hand(home, "two")
    for each in (run, other):
        log(each, *range(1, 21))
        each.log_point({"attempt": 1, "step": 20, "epoch": 0.5, "validation_loss": 0.7, "accuracy": 0.75})
    row_of(tab, other.id).wait_for()  # above the other, whose row it moves
    row_of(tab, run.id).click()
    chosen_is(tab, "one-1: interrupted")
    until(lambda: drawn(tab, "validation") == [20], "it is drawn")
    assert tab.get_by_text("Best accuracy on validation rows: 0.750 after epoch 0.5.").is_visible()
    assert tab.get_by_label("Losses and scores by epoch").get_by_role("cell", name="0.75", exact=True).count() == 1
    tab.get_by_label("Beside it").click()
    tab.get_by_role("option", name="two-1").click()
    until(lambda: 20 in drawn(tab, "two-1"), "the other one is beside it")
    tab.get_by_label("epoch", exact=True).click()
    until(lambda: max(drawn(tab, "two-1")) == max(drawn(tab, "training, smoothed")) == 0.5, "both along the epochs")
    tab.get_by_label("Logarithmic loss").click()
    layout = "document.querySelector('.curves .js-plotly-plot').layout"
    until(lambda: tab.evaluate(f"{layout}.yaxis.type") == "log", "the axis is logarithmic")
    tab.get_by_label(re.compile("^number input for Smoothing")).fill("0")
    until(lambda: drawn(tab, "training, smoothed") == [], "nothing is smoothed")
    assert tab.evaluate(f"{layout}.hoversubplots") == "axis"  # one cursor for all panels


def test_an_answer_that_comes_late_does_not_stay(tab, home):
    """What a look has found before a choice may reach the browser after it. Seen to fail without the number of the answer
    that the browser shows: the run that was left stayed on the page, over the buttons of the chosen one."""
    run, other = made_by_hand(home, "chosen"), made_by_hand(home, "left")
    row_of(tab, other.id).click()
    chosen_is(tab, "left-1: interrupted")
    held = []

    def hold(route):
        answer = route.fetch()
        if "left-1: running" in answer.text() and not held:
            held.append((route, answer))
        else:
            route.fulfill(response=answer)

    tab.route("**/run/predict*", hold)
    with other.hold():
        until(lambda: tab.wait_for_timeout(50) or held, "a look has found the other run at work")
        row_of(tab, run.id).click()
        chosen_is(tab, "chosen-1: interrupted")
        route, answer = held[0]
        route.fulfill(response=answer)
        chosen_is(tab, "left-1: running")
        chosen_is(tab, "chosen-1: interrupted")


@pytest.mark.long
def test_nothing_jumps_while_charts_are_drawn_anew(tab, home):
    run = made_by_hand(home, "steady")
    with run.hold():
        log(run, 1, 2)
        chosen_is(tab, "steady-1: running")
        until(lambda: drawn(tab, "training, each step") == [1, 2], "it is drawn")
        tab.evaluate("""() => { const told = document.querySelector('.curve-words'), seen = window.seen = new Set();
          const look = () => { seen.add(Math.round(told.getBoundingClientRect().top + scrollY)); requestAnimationFrame(look); };
          look(); }""")
        for step in range(3, 6):
            log(run, step)
            until(lambda step=step: step in drawn(tab, "training, each step"), "the point is drawn")
        assert len(tab.evaluate("[...window.seen]")) == 1


@pytest.mark.long
def test_what_a_worker_does_besides_training_is_said(tab, home):
    run = made_by_hand(home, "scoring")
    with run.hold():
        run.beat(doing={"what": "base on sentiment/validation", "done": 256, "total": 872})
        chosen_is(tab, "scoring-1: running")
        until(tab.get_by_text("Scoring base on sentiment/validation: 256 of 872 rows").is_visible, "it is said")


def test_a_failure_is_plain_text_and_a_broken_folder_hides_nothing(tab, home):
    made_by_hand(home, "broken")._path("state.json").write_text("{")
    run = made_by_hand(home, "failing")
    run.log(HOSTILE)
    run.end("failed", {"reason": "error", "message": HOSTILE, "advice": "Halve batch_size."})
    until(row_of(tab, "failing-1").is_visible, "it is listed")
    row_of(tab, "failing-1").get_by_text("failing-1").click()
    chosen_is(tab, "failing-1: failed")
    error = tab.get_by_label("What went wrong", exact=True)
    assert error.inner_text() == f"{HOSTILE} Halve batch_size."
    assert (button(tab, "Stop").is_enabled(), button(tab, "Resume").is_enabled()) == (False, True)
    row_of(tab, "broken-1").get_by_text("broken-1").click()
    chosen_is(tab, "broken-1: broken")
    assert "state.json is broken" in error.inner_text()
    assert not any(button(tab, name).is_enabled() for name in ("Stop", "Resume", "Delete"))
    assert tab.evaluate("window.hit") is None
