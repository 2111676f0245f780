"""Ratings in the Generate tab in a real browser: a blind walk that tells nothing too early, and what it leaves."""

import json
from pathlib import Path

import pytest
import scored_runs
from waiting import until

from lab import ratings
from lab.home import Home
from lab.rating_form import CRITERIA

BOTH = ["base", "load-1"]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    found = Home.at(tmp_path_factory.mktemp("rated") / "home")
    scored_runs.fill(found, 2, 12)
    return found


@pytest.fixture(scope="module")
def served(serve, home):
    return serve(home.path)


def choose_all(tab, mark: str) -> None:
    """Gives every answer of the row this mark by every criterion, with the keyboard alone."""
    groups = tab.locator(".rated fieldset")
    for i in range(groups.count()):
        group = groups.nth(i)
        group.get_by_label(mark, exact=True).focus()
        tab.page.keyboard.press("Space")


@pytest.mark.long
def test_a_blind_walk_through_three_rows(page, served, home):
    received: list[str] = []
    page.goto(served.url)
    page.get_by_role("tab", name="Generate").click()
    tab = page.get_by_role("tabpanel").locator("visible=true")
    until(lambda: tab.get_by_label("Its text").count() and tab.get_by_label("Its text").input_value())
    tab.locator("button.label-wrap", has_text="Ratings").click()
    tab.get_by_label("First rows").fill("3")
    tab.get_by_role("button", name="New rating set").click()
    tab.get_by_text("rating-1 is made: 6 answers to rate.").wait_for()
    found = ratings.load(home, "rating-1")
    assert found.subjects == BOTH

    tab.get_by_label("Rater").fill("ann")
    tab.get_by_role("button", name="Rate the set").click()
    tab.get_by_text("Row 1 of 3. ann has rated 0 of 3.").wait_for()
    shown = tab.locator(".rated").first
    for row in range(3):
        shown.locator(f"[data-place='{row}']").wait_for()
        assert shown.locator("input:checked").count() == 0  # nothing of the row before
        received.append(shown.inner_html())
        if row == 0:
            tab.get_by_role("button", name="Show results").click()
            page.get_by_text("the results would tell who gave which answer").wait_for()
        choose_all(tab, "1" if row else "0.5")
        until(lambda row=row: ratings.lacking(found, "ann") == list(range(row + 1, 3)), "it is kept at once")
        assert tab.get_by_role("button", name="Finish" if row == 2 else "Next row", exact=True).count() == 1
        page.keyboard.press("Enter")
        if row < 2:
            tab.get_by_text(f"Row {row + 2} of 3.").wait_for()
    assert not any(name in html for html in received for name in BOTH)
    tab.get_by_text("All are rated, so names are shown.").wait_for()
    tab.get_by_role("table").filter(has_text="0.83").wait_for()
    assert sorted(x.split(": ")[1] for x in shown.locator("h3").all_text_contents()) == BOTH
    tab.get_by_role("button", name="Row before", exact=True).click()
    tab.get_by_text("Row 2 of 3.").wait_for()
    assert shown.locator("input:checked").count() == len(BOTH) * len(CRITERIA)

    with page.expect_download() as download:
        tab.get_by_role("button", name="Save my ratings as JSON").click()
    lines = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert [(x["index"], x["coherence"]) for x in lines] == [(0, 0.5), (1, 1), (2, 1)]
    with page.expect_download() as download:
        tab.get_by_role("button", name="Save my averages as JSON").click()
    assert download.value.suggested_filename == "rating-1-ann-averages.json"
    averages = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert averages["average_coherence"] == pytest.approx(2.5 / 3) and "human_evaluation_average" in averages
    tab.get_by_label("Rater").fill("bob")
    changed = json.dumps([{**line, "coherence": 0} for line in lines]).encode()
    page.locator("input[type=file]").last.set_input_files(
        {"name": "bob.json", "mimeType": "application/json", "buffer": changed}
    )
    tab.get_by_text("over 3 answers").wait_for()
    assert ratings.raters(found) == ["ann", "bob"]
