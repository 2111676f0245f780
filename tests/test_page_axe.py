"""What axe finds on the pages: nothing serious or critical, light and dark, no rule switched off."""

import re

import pytest
from test_page_dataset import prompt_of
from waiting import until

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install -r tests/requirements.txt")

# Five at most, each one selector, one rule, one reason.
EXCEPTIONS: list[tuple[str, str, str]] = []


@pytest.mark.long
def test_nothing_serious_on_the_dataset_tab(page, served):
    page.goto(served.url)
    until(lambda: prompt_of(page))
    for part in ("Add a dataset", "Merge labels, compare two versions, publish"):
        page.get_by_text(part, exact=True).filter(visible=True).click()
    page.get_by_text("Labels of sentiment: ").wait_for()
    until(lambda: page.locator(".checks li").count() > 3)
    until(lambda: page.locator(".chart-place:visible .js-plotly-plot").count() == 2, "both charts are drawn")
    until(lambda: page.locator(".pending:visible").count() == 0, "nothing is faded any more")
    assert problems(page, "light") == []
    assert problems(page, "dark") == []


@pytest.mark.long
def test_nothing_serious_on_the_train_tab(page, served):
    page.goto(served.url)
    page.get_by_role("tab", name="Train", exact=True).click()
    until(lambda: "125 steps" in page.locator(".card").inner_text())
    for name in ("All settings", re.compile("^As YAML")):
        page.get_by_text(name).filter(visible=True).first.click()
    page.get_by_label(re.compile(r"^\s*Batch size")).filter(visible=True).fill("0")
    until(lambda: "✗" in page.locator(".card").inner_text())
    assert problems(page, "light") == []
    assert problems(page, "dark") == []


def problems(page, theme: str) -> list[str]:
    """Rule, selector and summary of each serious or critical finding that is no exception."""
    page.evaluate("dark => document.body.classList.toggle('dark', dark)", theme == "dark")
    page.wait_for_timeout(500)  # colours fade in
    excepted = {(selector, rule) for selector, rule, _ in EXCEPTIONS}
    found = []
    for violation in axe.Axe().run(page).response["violations"]:
        if violation["impact"] in ("serious", "critical"):
            for node in violation["nodes"]:
                selector = " ".join(map(str, node["target"]))
                if (selector, violation["id"]) not in excepted:
                    found.append(f"{violation['id']}: {selector}: {node['html'][:200]}")
    return found


def test_exceptions_are_few():
    assert len(EXCEPTIONS) <= 5
    assert all(len(exception) == 3 and all(exception) for exception in EXCEPTIONS)
