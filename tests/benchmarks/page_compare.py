"""How long a comparison of 20 subjects on 872 rows each takes to open, median of ten: `python tests/benchmarks/page_compare.py`."""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from browser import CHROMIUM  # noqa: E402
from scored_runs import fill  # noqa: E402

from lab.home import Home  # noqa: E402

SCORED = "[...document.querySelectorAll('tbody.compared tr')].filter(row => row.innerText.includes('[')).length == {}"
DRAWN = "[...document.querySelectorAll('.js-plotly-plot')].some(one => one.checkVisibility() && one.querySelector('.main-svg'))"
VIEWS = {  # what is to be seen of each, once it is drawn
    "Over training": DRAWN,
    "Confusion": f"document.querySelector('.confusion button') && {DRAWN}",
    "Calibration": f"document.body.innerText.includes('ECE 0') && {DRAWN}",
    "Invalid outputs": "document.body.innerText.includes('answers are no label')",
    "Disagreements": "document.querySelectorAll('.rows-behind tbody tr').length >= 20",
    "Export": "document.body.innerText.includes('The same at the command line')",
}


def until(page: Page, true: str) -> None:
    page.wait_for_function(f"() => {true}", polling="raf", timeout=120_000)


def timed(page: Page, do, true: str) -> float:
    begun = time.perf_counter()
    do()
    until(page, true)
    return time.perf_counter() - begun


def once(browser: Browser, url: str, names: list[str]) -> dict[str, float]:
    """One pass, each thing in seconds until it is on the screen."""
    page = browser.new_page(viewport={"width": 1400, "height": 1400})
    address = f"{url}?{urlencode([('tab', 'compare'), *(('subject', name) for name in names)])}"
    took = {
        "its address opened: page, table": timed(
            page, lambda: page.goto(address, wait_until="commit"), SCORED.format(len(names))
        )
    }
    until(page, f"window.Plotly && {DRAWN}")  # the page is at rest
    page.wait_for_timeout(1000)
    page.get_by_role("tab", name="Dataset", exact=True).click()
    page.wait_for_timeout(1000)
    tab = page.get_by_role("tab", name="Compare", exact=True)
    took["the tab clicked: table, chart"] = timed(page, tab.click, f"{SCORED.format(len(names))} && {DRAWN}")
    box = page.locator(f"input[data-subject='{names[-1]}']")
    took["a subject taken out: table"] = timed(page, box.click, SCORED.format(len(names) - 1))
    page.wait_for_timeout(1000)
    took["a subject added, all scores asked anew: table"] = timed(page, box.click, SCORED.format(len(names)))
    page.wait_for_timeout(500)
    for name, true in VIEWS.items():
        took[f"the view {name}"] = timed(page, page.get_by_role("tab", name=name, exact=True).click, true)
    page.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=20)
    parser.add_argument("--times", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        names = fill(Home.at(folder), given.subjects)
        command = [sys.executable, "app.py", "--home", folder, "--port", "0"]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            url = next(found[1] for line in server.stdout if (found := re.search(r"ready: (\S+)", line)))
            print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
                passes = [once(browser, url, names) for _ in range(given.times)]
                browser.close()
            print(f"load average {os.getloadavg()[0]:.1f}")
        finally:
            server.terminate()
            server.wait()
    for what in passes[0]:
        times = [one[what] for one in passes]
        print(
            f"{what:<48}{statistics.median(times):6.2f} s median of {len(times)}, {times[0]:.2f} s the first, {max(times):.2f} s at most"
        )


if __name__ == "__main__":
    main()
