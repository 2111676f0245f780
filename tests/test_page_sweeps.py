"""Sweeps on the Train tab in a real browser: several values in the form, the view of a sweep, stopping and forgetting it."""

import re

import pytest
import swept
from browser import choose
from test_page_new_run import card
from test_page_train import button, opened
from waiting import until

from lab import jobs, runs, sweeps
from lab.home import Home
from lab.runs import Run

RATES = [1e-4, 1e-3]


@pytest.fixture(scope="module")
def home(served) -> Home:
    """A home with two runs that look as if they had been trained and scored, of a sweep that was forgotten."""
    home = Home.at(served.home)
    swept.made_up(home, [0.6, 0.9], name="lr", grid={"learning_rate": RATES})
    sweeps.delete(home, "lr")
    return home


@pytest.fixture
def tab(page, home, served):
    return opened(page, served.url)


def told(page) -> str:
    return page.locator(".sweep-told").inner_text() if page.locator(".sweep-told").count() else ""


def drawn(page) -> dict[str, list]:
    """The values of the chart of the sweep by the names of its lines."""
    found = "[...document.querySelectorAll('.js-plotly-plot')].flatMap(p => p.data).filter(t => t.yaxis && t.error_y)"
    return dict(page.evaluate(f"{found}.map(t => [t.name, [...t.x]])"))


@pytest.mark.long
def test_several_values_in_the_form_are_a_sweep_and_what_ran_is_reused(tab, home):
    tab.get_by_text("No sweep yet.").wait_for()
    choose(tab, "Start from", "as run lr-1")
    until(lambda: "32 rows to train on" in card(tab), "the form is filled")
    tab.get_by_text("Several values (a sweep)", exact=True).click()
    tab.get_by_label("Values 1", exact=True).fill("1e-4, 1e-3, 5")
    until(lambda: "choose the key that" in card(tab), "the missing key is said")
    choose(tab, "Key 1", "Learning rate")
    until(lambda: "(with learning_rate=5)" in card(tab), "what is wrong with one of the values is said")
    assert not button(tab, "First put right: learning_rate").is_enabled()
    tab.get_by_label("Values 1", exact=True).fill("1e-4, 1e-3, 0.01")
    until(button(tab, "Start 1 run").is_visible, "what it starts is said")
    assert "3 runs (3 of learning_rate), 2 of them ran already" in card(tab)
    assert "- 0.01" in tab.get_by_label("The sweep as YAML").input_value()
    tab.get_by_label("Values 1", exact=True).fill("1e-4, 1e-3")
    button(tab, "Show the sweep: all of it ran already").click()
    until(lambda: "lr: 2 runs over learning_rate; 2 finished" in told(tab), "the sweep is shown")
    assert runs.listing(home) == ["lr-2", "lr-1"]
    until(lambda: drawn(tab) == {"accuracy": RATES, "macro F1": RATES}, "its scores are drawn")
    table = tab.get_by_label("Runs and scores of the sweep")
    assert table.get_by_role("row").count() == 3
    assert re.search(r"0\.0001\s+lr-1\s+finished, ran already\s+0\.\d+ \[", table.inner_text())
    assert "Best accuracy" in told(tab) and "at learning_rate 0.001" in told(tab)

    tab.get_by_text("A sweep as YAML", exact=True).click()  # over two keys, of which one has a single value
    text = tab.get_by_role("textbox", name="Sweep", exact=False).filter(visible=True).last
    until(text.is_editable, "what opens is there")  # or the form's box of the same name would be taken
    choose(tab, "Start from a published experiment", "preset sst2")
    until(lambda: "Llama-2-13b-chat" in text.input_value(), "the preset's sweep fills the text")
    button(tab, "Start this sweep").click()
    tab.get_by_text("dataset add sst2 hub:stanfordnlp/sst2").wait_for()
    text.fill("grid: {task: [../x]}")
    button(tab, "Start this sweep").click()
    tab.get_by_text("no valid name").wait_for()
    text.fill(swept.text(name="both", grid={"learning_rate": RATES, "batch_size": [16]}))
    button(tab, "Start this sweep").click()
    until(lambda: "both: 2 runs over learning_rate and batch_size" in told(tab), "the other one is shown")
    choose(tab, "Along the axis", "batch_size")
    until(lambda: drawn(tab).get("learning_rate 0.001") == [16], "it is drawn along the other key")
    choose(tab, "Sweep", "lr")
    until(lambda: "lr: 2 runs over learning_rate;" in told(tab), "the first one is shown again")


@pytest.mark.long
def test_all_of_a_sweep_is_stopped_and_a_sweep_is_forgotten(tab, home):
    ready = swept.prepared(home, name="going", grid={"seed": [1, 2]})
    sweep = sweeps.settled(home, ready)
    for place, planned in enumerate(ready.plans):
        run = runs.create(home, planned.config, planned.task, planned.train, planned.validation)
        sweep = sweep.with_run(place, run.id, False)
    sweeps.keep(home, sweep)
    first, second = (Run(home, name) for name in sweep.own)
    with first.hold(), second.hold():
        second.beat(queued=True, ticket=1)
        until(lambda: "sweep" in told(tab) or told(tab), "sweeps are shown")
        choose(tab, "Sweep", "going")
        until(lambda: "1 running, 1 queued" in told(tab), "how it stands is said")
        button(tab, "Stop all").click()
        button(tab, "Leave it").click()
        until(lambda: not button(tab, "Leave it").is_visible(), "the question is gone")
        assert not first.stop_requested()
        button(tab, "Stop all").click()
        button(tab, "Stop 2 of going, queued or at work").click()
        until(lambda: first.stop_requested() and second.stop_requested(), "both are asked to stop")
        until(lambda: "2 stopping" in told(tab), "it is said")
    for run in (first, second):
        run.end("stopped")
    until(button(tab, "Start what is missing").is_enabled, "it can be gone on with")
    button(tab, "Delete the sweep").click()
    button(tab, "Delete the sweep going; its runs stay").click()
    until(lambda: "going" not in sweeps.listing(home), "it is forgotten")
    assert {first.id, second.id} <= set(runs.listing(home))
    for run in (first, second):
        jobs.delete(home, run)
