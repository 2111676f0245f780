"""How the Train tab bears 300 runs of 2,000 points each, one of them live: `python tests/benchmarks/page_load.py`."""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from browser import CHROMIUM  # noqa: E402
from many_runs import Alive, fill  # noqa: E402

from lab.home import Home  # noqa: E402

# In the browser: when the chart first showed each step of the live run, in seconds since 1970.
WATCH = """() => { window.shown = {}; setInterval(() => {
    const last = document.querySelector('.curves .js-plotly-plot')?.data?.[0]?.x.at(-1);
    if (last !== undefined && !(last in window.shown)) window.shown[last] = Date.now() / 1000;
}, 20); }"""
HEAD = "document.querySelector('.run-head h3')?.innerText.startsWith('{}')"
DRAWN = "document.querySelector('.curves .js-plotly-plot')?.layout?.uirevision.startsWith('{} ')"
TRACES = "document.querySelector('.curves .js-plotly-plot').data"


def cpu_seconds(pid: int) -> float:
    """What a process has used of a core so far, itself and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def until(page: Page, true: str) -> None:
    page.wait_for_function(true, polling="raf", timeout=120_000)


def opened(browser: Browser, url: str) -> tuple[Page, float, float]:
    """A new page with the tab open; the seconds until the page stood, and from the click until all runs and curves were there."""
    page, begun = browser.new_page(viewport={"width": 1400, "height": 1000}), time.perf_counter()
    page.goto(url, wait_until="commit")
    tab = page.locator("button[role=tab]", has_text="Train").first
    tab.wait_for()
    whole = time.perf_counter() - begun
    until(page, "window.Plotly")  # the page is at rest: what it reads ahead is there
    page.wait_for_timeout(500)
    there = "document.querySelector('[data-run]') && document.querySelector('.curves .js-plotly-plot .main-svg')"
    return page, whole, timed(page, tab.click, there)


def tell(what: str, seconds: list[float]) -> None:
    print(
        f"{what:<42}{statistics.median(seconds):6.2f} s median of {len(seconds)}, {max(seconds):.2f} s at most",
        flush=True,
    )


def timed(page: Page, do: Callable[[], None], true: str) -> float:
    begun = time.perf_counter()
    do()
    until(page, true)
    return time.perf_counter() - begun


def selections(page: Page, count: int, times: int) -> None:
    """Choosing runs, filtering them, others beside the chosen one, smoothing."""
    show_all = page.locator("[data-all]")
    print(
        f"all {count} rows are shown after {timed(page, show_all.click, '!document.querySelector(`[data-all]`)'):.2f} s"
    )
    ids = [f"load-{count - 1 - 7 * i}" for i in range(times)]
    tell(
        "a run is chosen, its curves are drawn",
        [
            timed(page, page.locator(f'[data-run="{x}"] button').click, f"{HEAD.format(x)} && {DRAWN.format(x)}")
            for x in ids
        ],
    )
    find, filtered = page.get_by_label("Find runs"), []
    for i in range(times):
        words, rows = (f"take {7 * (i + 1)}", f"< {count}") if i % 2 == 0 else ("", f"== {count}")
        filtered.append(
            timed(page, lambda w=words: find.fill(w), f"document.querySelectorAll('[data-run]').length {rows}")
        )
    tell("the runs are filtered, or all again", filtered)
    timed(page, lambda: find.fill(""), f"document.querySelectorAll('[data-run]').length == {count}")
    page.locator('[data-run="load-5"] button').click()
    until(page, DRAWN.format("load-5"))
    page.get_by_label("Beside it").click()
    beside = []
    for i in range(6):
        option = page.get_by_role("option", name=f"load-{23 + i}", exact=True)
        page.get_by_label("Beside it").fill(f"load-{23 + i}")
        option.wait_for()
        beside.append(timed(page, option.click, f"new Set({TRACES}.map(t => t.legendgroup)).size == {i + 2}"))
    tell("another run is beside it", beside)
    page.keyboard.press("Tab")
    number, smoothed = page.get_by_label(re.compile("^number input for Smoothing")), []
    for i in range(times):
        value, has = ("0", "!") if i % 2 == 0 else (f"0.{i}", "")
        smoothed.append(
            timed(page, lambda v=value: number.fill(v), f"{has}{TRACES}.some(t => t.name.includes('smoothed'))")
        )
    tell("seven runs are smoothed otherwise", smoothed)


def live(page: Page, server: int, worker: Alive, seconds: float) -> None:
    """What an open page with the live run costs the server, and how soon a point is on the screen."""
    page.evaluate(WATCH)
    before, begun = cpu_seconds(server), time.monotonic()
    page.wait_for_timeout(seconds * 1000)
    used, taken = cpu_seconds(server) - before, time.monotonic() - begun
    shown = {int(step): at for step, at in page.evaluate("window.shown").items()}
    first, last = min(shown.values()), max(shown)
    waits = [
        min(at for step, at in shown.items() if step >= logged) - when
        for logged, when in dict(worker.logged).items()
        if first < when and logged <= last
    ]
    print(
        f"a page with a live run: {100 * used / taken:.1f} % of a core over {taken:.0f} s, {megabytes(server):.0f} MB"
    )
    print(
        f"{len(waits)} points on the screen after {statistics.median(waits):.2f} s median, {max(waits):.2f} s at most"
    )


def measure(url: str, server: int, worker: Alive, arguments: argparse.Namespace) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        opening = []
        for _ in range(arguments.times):
            page, *seconds = opened(browser, url)
            opening.append(seconds)
            page.close()
        tell("the page, to its tabs", [whole for whole, _ in opening])
        tell("the tab, from the click to the curves", [since for _, since in opening])
        page, *_ = opened(browser, url)
        live(page, server, worker, arguments.seconds)
        selections(page, arguments.runs, arguments.times)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--points", type=int, default=2000, help="logged steps of each run")
    parser.add_argument("--times", type=int, default=10, help="how often each thing is done")
    parser.add_argument("--seconds", type=float, default=30, help="how long the live run is watched")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = fill(Home.at(folder), arguments.runs, arguments.points)
        worker = Alive(made[-1], arguments.points)
        worker.start()
        command = [sys.executable, "app.py", "--home", folder, "--port", "0"]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            url = next(found[1] for line in server.stdout if (found := re.search(r"ready: (\S+)", line)))
            print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            measure(url, server.pid, worker, arguments)
            print(f"load average {os.getloadavg()[0]:.1f}")
        finally:
            server.terminate()
            server.wait()
            worker.ended.set()
            worker.join()


if __name__ == "__main__":
    main()
