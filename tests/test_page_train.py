"""The Train tab in a real browser: starting, watching, stopping, resuming and deleting runs, and runs from elsewhere."""

import re
import shlex
import subprocess
import sys
import time

import pytest

from lab import config, plan, presets, runs
from lab.config import Config
from lab.home import ROOT, Home
from lab.runs import Run

HOSTILE = "<img src=x onerror=\"window.hit=1\"> **bold** 'quoted'"
PATIENCE = 180  # seconds; training beside other work
SMALL = ["--set", "train_rows=64", "--set", "batch_size=4", "--set", "validation=24"]


@pytest.fixture(scope="module")
def served(serve):
    return serve()


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


def until(true, what: str, patience: float = PATIENCE):
    """Waits until something is true; returns it."""
    end = time.monotonic() + patience
    while not (found := true()):
        assert time.monotonic() < end, f"waited {patience} s until {what}"
        time.sleep(0.1)
    return found


def head(page) -> str:
    """The heading of the chosen run: its id and its status."""
    found = page.get_by_role("heading", level=3).filter(has_text=re.compile(r": \w+$"))
    return found.first.inner_text() if found.count() else ""


def chosen_is(page, said: str) -> None:
    until(lambda: head(page) == said, f"the page says {said}; it says {head(page)}")


def drawn(page, trace: str) -> list:
    """The steps of a line of a chart, as plotly has drawn it."""
    return page.evaluate(
        "name => [...document.querySelectorAll('.js-plotly-plot')].flatMap(p => p.data).filter(t => t.name === name)"
        ".flatMap(t => [...t.x])",
        trace,
    )


def row_of(page, run_id: str):
    """A run's row in the list."""
    cell = page.get_by_role("gridcell", name=run_id, exact=True).filter(visible=True)
    return page.get_by_role("row").filter(has=cell).first


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


# -- the form ------------------------------------------------------------------------------------------------------------


def test_before_anything_was_trained_the_page_says_what_to_do(page, serve):
    opened(page, serve().url)
    until(page.get_by_text("Nothing has been trained yet").is_visible, "the page says what to do")
    assert not button(page, "Stop").is_visible()


def choose(page, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).filter(visible=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def card(page) -> str:
    """What stands under `Before you start`, line by line with its sign."""
    return page.locator(".card").inner_text()


def test_what_is_wrong_is_said_while_one_types_and_nothing_starts(tab):
    until(lambda: "125 steps" in card(tab), "it is looked at")
    fill(tab, batch_size="0", learning_rate="fast")
    first = button(tab, "First put right: batch_size, learning_rate")
    until(first.is_visible, "the button says what is missing")
    assert not first.is_enabled()
    assert all(key in card(tab) for key in ("✗", "batch_size: ", "learning_rate: "))
    fill(tab, batch_size="8", learning_rate="2e-4")
    until(lambda: button(tab, "Start training").is_enabled() and "250 steps" in card(tab), "it is right again")


def test_what_only_the_rows_show_is_said_too(tab):
    choose(tab, "Dataset", "town-hall")
    until(lambda: "✗" in card(tab) and "has labels" in card(tab), "labels that the task does not know are said")
    choose(tab, "Task", "town-hall")
    until(lambda: "longer than max_length 512" in card(tab), "rows that are too long are said")
    assert button(tab, "First put right: data").is_visible()


def test_a_preset_fills_the_form_which_is_yaml_and_a_command_too(tab, home):
    choose(tab, "Start from", "preset codebook")
    until(lambda: "120 steps" in card(tab), "the form is filled")
    assert "definitions of a page" in tab.get_by_text("Seven labels with").inner_text()
    tab.get_by_text("All settings (3 changed)", exact=True).wait_for()
    tab.get_by_text("As YAML, as a command, as a preset").click()
    text, command = tab.get_by_role("textbox", name="YAML"), tab.get_by_role("textbox", name="Command")
    made = config.parse(config.mapping(text.input_value(), "it"))
    assert (made.task, made.epochs, made.evaluate_at) == ("town-hall", 10, [5, 10])
    words = shlex.split(command.input_value())
    assert config.read(None, words[words.index("train") + 2 :: 2]) == made
    text.fill("train_rows: 300\nseed: 7\nadapter: {r: 4}")
    button(tab, "Fill the form from this YAML").click()
    until(lambda: "300 rows to train on" in card(tab), "the form is filled from the text")
    tab.get_by_text("All settings (2 changed)", exact=True).wait_for()
    tab.get_by_label("Name of a preset").fill("mine")
    button(tab, "Save as preset").click()
    tab.get_by_text("Kept as the preset mine.").wait_for()
    assert presets.load(home, "mine").config == Config(train_rows=300, seed=7, adapter={"r": 4})
    text.fill("train_rows: none of them")
    button(tab, "Fill the form from this YAML").click()
    tab.get_by_text("neither `all` nor a number of rows").wait_for()


def test_the_time_is_measured_on_request(tab):
    fill(tab, train_rows="64")
    until(lambda: "Not measured yet" in card(tab), "the card says that it is not known")
    button(tab, "Measure time").click()
    until(lambda: "Measured on this machine" in card(tab), "it is measured")
    assert re.search(r"About .+: 4 steps of [\d.]+ s", card(tab))


# -- a run from start to end -----------------------------------------------------------------------------------------------


def test_start_watch_reload_stop_resume_delete(tab, served, home):
    fill(tab, name="whole", train_rows="64", batch_size="4", epochs="4")
    tab.get_by_text("All settings", exact=True).click()
    fill(tab, validation="24")
    button(tab, "Start training").click()
    until(lambda: head(tab).startswith("whole-1: "), "the new run is chosen")
    first = until(lambda: drawn(tab, "training, each step"), "points appear")
    until(lambda: len(drawn(tab, "training, each step")) > len(first), "more points appear")
    assert head(tab) == "whole-1: running"
    opened(tab, served.url)  # a reload
    chosen_is(tab, "whole-1: running")
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
        axis = "document.querySelector('.js-plotly-plot')._fullLayout.xaxis"
        chart = tab.locator(".js-plotly-plot").first.bounding_box()
        tab.mouse.move(chart["x"] + chart["width"] * 0.3, chart["y"] + chart["height"] * 0.4)
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
    assert error.input_value() == f"{HOSTILE} Halve batch_size."
    assert (button(tab, "Stop").is_enabled(), button(tab, "Resume").is_enabled()) == (False, True)
    row_of(tab, "broken-1").get_by_text("broken-1").click()
    chosen_is(tab, "broken-1: broken")
    assert "state.json is broken" in error.input_value()
    assert not any(button(tab, name).is_enabled() for name in ("Stop", "Resume", "Delete"))
    assert tab.evaluate("window.hit") is None
