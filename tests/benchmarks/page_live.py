"""What an open page with a live run costs the server, and how soon a point is on the screen: `python tests/benchmarks/page_live.py`."""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from browser import CHROMIUM  # noqa: E402

from lab import jobs  # noqa: E402
from lab.config import Config  # noqa: E402
from lab.home import Home  # noqa: E402

# In the browser: when the loss chart first showed each step, in seconds since 1970.
WATCH = """() => { window.shown = {}; setInterval(() => {
    const chart = document.querySelector('.js-plotly-plot');
    const last = chart && chart.data && chart.data[0] && chart.data[0].x.at(-1);
    if (last !== undefined && last !== null && !(last in window.shown)) window.shown[last] = Date.now() / 1000;
}, 50); }"""


def cpu_seconds(pid: int) -> float:
    """What a process has used of a core so far, itself and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def watch_log(points: Path, logged: dict[int, float], ended: threading.Event) -> None:
    """Notes when each step's loss was logged."""
    while not ended.wait(0.02):
        lines = points.read_bytes().split(b"\n")[:-1] if points.exists() else []
        for line in lines[len(logged) :]:
            point = json.loads(line)
            logged.setdefault(point["step"] if "loss" in point else -point["step"], time.time())


def measure(url: str, server: int, points: Path, seconds: float) -> None:
    logged, ended = {}, threading.Event()
    watcher = threading.Thread(target=watch_log, args=(points, logged, ended))
    watcher.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.goto(url)
            page.get_by_role("tab", name="Train").click()
            page.locator(".js-plotly-plot").first.wait_for(timeout=180_000)
            page.evaluate(WATCH)
            before, begun = cpu_seconds(server), time.monotonic()
            page.wait_for_timeout(seconds * 1000)
            used, taken = cpu_seconds(server) - before, time.monotonic() - begun
            shown = {int(step): at for step, at in page.evaluate("window.shown").items()}
            browser.close()
    finally:
        ended.set()
        watcher.join()
    first = min(shown.values())
    waits = [
        min(s for step, s in shown.items() if step >= x) - at
        for x, at in logged.items()
        if first < at and x <= max(shown)
    ]
    print(f"page with a live run: {100 * used / taken:.1f} % of a core over {taken:.0f} s, {megabytes(server):.0f} MB")
    print(
        f"{len(waits)} points on the screen after {statistics.median(waits):.1f} s (median), {max(waits):.1f} s at most"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="how long the page is watched")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        home = Home.at(folder)
        run = jobs.train(home, Config(epochs=20, validation="none"))
        command = [sys.executable, "app.py", "--home", folder, "--port", "0"]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            url = next(found[1] for line in server.stdout if (found := re.search(r"ready: (\S+)", line)))
            measure(url, server.pid, run.points_file, seconds)
        finally:
            server.terminate()
            server.wait()
            run.request_stop()
            while run.holder() is not None:
                time.sleep(0.2)


if __name__ == "__main__":
    main()
