"""How long the Dataset tab takes with 100,000 rows, median of ten: `python tests/benchmarks/page_dataset.py`."""

import argparse
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from playwright.sync_api import Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from browser import CHROMIUM  # noqa: E402

from lab import data  # noqa: E402
from lab.home import Home  # noqa: E402

WORDS = [
    "the",
    "a",
    "play",
    "market",
    "dentist",
    "was",
    "found",
    "dull",
    "bright",
    "lovely",
    "awful",
    "never",
    "again",
    "weather",
    "music",
    "story",
    "harbour",
    "evening",
]


def add_rows(home: Home, rows: int) -> None:
    """Adds the dataset `large`: sentences of 5 to 40 words that end in their number, and three labels."""
    chance = random.Random(1)
    made = [
        {
            "text": f"{' '.join(chance.choices(WORDS, k=chance.randint(5, 40)))} {number}",
            "label": chance.choice(["good", "bad", "so so"]),
            "source": f"page {number % 97}",
        }
        for number in range(rows)
    ]
    splits = {"train": pa.Table.from_pylist(made), "validation": pa.Table.from_pylist(made[: rows // 20])}
    data.add_tables(home, data.About(name="large", label="label"), splits)


def shown(page: Page, text: str) -> None:
    page.get_by_text(text).first.wait_for()


def listed(page: Page, label: str, option: str) -> Locator:
    """The option in its opened list; time counts from the click on it, which is the choice."""
    page.get_by_label(label, exact=True).first.click()
    found = page.get_by_role("option", name=option, exact=True)
    found.wait_for()
    return found


def seconds(act: Callable[[], None]) -> float:
    begun = time.monotonic()
    act()
    return time.monotonic() - begun


def once(page: Page, url: str, rows: int, turn: int) -> dict[str, float]:
    """One pass through what somebody does with a large dataset: seconds until each is on the screen."""
    took = {}

    def do(what: str, act: Callable[[], None], text: str) -> None:
        took[what] = seconds(lambda: (act(), shown(page, text)))

    do("open the page", lambda: page.goto(url), "Rows 1 to 10 of 4,000")
    page.locator(".checks.good, .checks.bad").wait_for()
    page.get_by_text("of them trained").first.wait_for()
    page.wait_for_function("window.Plotly")  # the page is at rest: what it reads ahead is there
    page.wait_for_timeout(1000)
    page.get_by_role("tab", name="Train").click()
    shown(page, "Start training")
    page.wait_for_timeout(1000)
    do("open the tab", page.get_by_role("tab", name="Dataset").click, "of them trained")
    page.wait_for_timeout(1000)
    do("choose the dataset: rows", listed(page, "Dataset", "large").click, f"Rows 1 to 10 of {rows:,}")
    took["choose the dataset: checks and charts too"] = took["choose the dataset: rows"] + seconds(
        lambda: shown(page, f"an earlier split too, with the same column text: {rows // 20:,} of validation")
    )
    page.wait_for_timeout(1000)  # the codebook's form follows
    do("next page", lambda: page.get_by_role("button", name="Next rows").click(), f"Rows 11 to 20 of {rows:,}")
    last = f"{rows // 10}"
    do(
        "last page",
        lambda: (page.get_by_label("Page").fill(last), page.get_by_label("Page").press("Enter")),
        f" to {rows:,} of {rows:,}",
    )
    do("search", lambda: page.get_by_label("Search").fill(f"HARBOUR {turn}"), "that match, of")
    do("search again, fewer", lambda: page.get_by_label("Search").fill(f"harbour {turn}7"), "that match, of")
    page.get_by_label("Search").fill("")
    shown(page, f"Rows 1 to 10 of {rows:,}")
    do("filter by label", listed(page, "With the label", "so so").click, f"that match, of {rows:,}")
    do("another split", listed(page, "Split", "validation").click, f"that match, of {rows // 20:,}")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        add_rows(Home.at(folder), given.rows)
        command = [sys.executable, "app.py", "--home", folder, "--port", "0"]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            url = next(found[1] for line in server.stdout if (found := re.search(r"ready: (\S+)", line)))
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
                page = browser.new_page(viewport={"width": 1400, "height": 1000})
                page.set_default_timeout(120_000)
                passes = [once(page, url, given.rows, turn) for turn in range(1, given.times + 1)]
                browser.close()
        finally:
            server.terminate()
            server.wait()
    for what in passes[0]:
        times = [one[what] for one in passes]
        print(f"{what}: {statistics.median(times):.2f} s (median of {len(times)}), {max(times):.2f} s at most")


if __name__ == "__main__":
    main()
