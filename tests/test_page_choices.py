"""What one chooses stays chosen, however late the answers come to what the page had asked before."""

import pyarrow as pa
import pytest
from browser import PATIENCE, choose

from lab import data
from lab.home import Home

JOIN = "**/gradio_api/queue/join*"


@pytest.fixture(scope="module")
def served(serve, tmp_path_factory):
    home = Home.at(tmp_path_factory.mktemp("choices") / "home")
    rows = [
        {"text": "a dull day", "kind": "bad"},
        {"text": "a dull day", "kind": "good"},
    ]  # of which the card complains
    data.add_tables(home, data.About(name="days", label="kind"), {"train": pa.Table.from_pylist(rows)})
    return serve(home.path)


def asked_by(page, route) -> list[str]:
    """By which events of the page something was asked: load, change, select …"""
    number = route.request.post_data_json["fn_index"]
    find = "n => window.gradio_config.dependencies.find(d => d.id === n).targets.map(t => t[1])"
    return page.evaluate(find, number)


def until(page, holds) -> None:
    for _ in range(PATIENCE * 10):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come to that")


@pytest.mark.long
def test_a_dataset_that_was_chosen_while_the_page_still_opened_stays(page, served):
    """Seen to fail as it was: the list of datasets, filled anew as the page opens, brought the first one back with it, and the
    task's form stayed with the first one's task."""
    held, holding = [], True

    def hold(route) -> None:
        """Keeps back what is asked about the dataset of the beginning: it arrives after the choice."""
        if holding and "sentiment" in (route.request.post_data_json or {}).get("data", []):
            held.append(route)
        else:
            route.continue_()

    page.route(JOIN, hold)
    page.goto(served.url)
    page.get_by_label("Dataset", exact=True).first.wait_for()
    until(page, lambda: {"load", "select"} <= {kind for route in held for kind in asked_by(page, route)})
    choose(page, "Dataset", "days")
    page.get_by_text("Rows 1 to 2 of 2.").wait_for()
    page.locator(".checks.bad").wait_for()
    holding = False
    for route in held:
        route.continue_()
    until(page, lambda: page.get_by_label("Save as", exact=True).first.input_value() == "days")
    page.wait_for_timeout(3000)  # what comes late has been shown by now, and is put right
    page.get_by_text("Rows 1 to 2 of 2.").wait_for()
    page.locator(".checks.bad").wait_for()
    page.get_by_text("This task is not saved yet.").wait_for()
    assert page.get_by_label("Dataset", exact=True).first.input_value() == "days"
    assert page.get_by_label("Task", exact=True).first.input_value() == "New task for this dataset"
