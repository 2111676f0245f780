"""The pictures of the README: `python assets/screenshots/make.py`, with Chromium and the packages of the tests.

Starts the lab with a home of its own, trains a run with the bundled model, and looks at the four tabs, light and dark.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gradio_client import Client
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RUN = "name: reviews\nepochs: 2\ntrain_rows: 640\nvalidation: 300\nevaluate_at: [1, 2]\n"
HEIGHTS = {"Dataset": 1900, "Train": 1700, "Compare": 1300, "Generate": 900}  # pixels, of each tab's most telling part
WIDTH = 1280
LARGEST = 400_000  # bytes
PATIENCE = 600  # seconds; other work may run beside it
TICKING = re.compile(r"^\d+\.\d+s$", re.MULTILINE)  # how long Gradio waits for something
STILL = 4  # seconds without a change after which a tab shows all it has to show


def main() -> None:
    with tempfile.TemporaryDirectory() as home, serving(Path(home)) as url:
        train(Client(url, verbose=False))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for theme in ("light", "dark"):
                for tab, height in HEIGHTS.items():
                    page = browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme=theme)
                    page.goto(f"{url}/?__theme={theme}")
                    take(page, tab, HERE / f"{tab.lower()}{'-dark' if theme == 'dark' else ''}.png")
                    page.close()
            browser.close()


class serving:
    """The page over a home folder, for as long as it is needed."""

    def __init__(self, home: Path):
        self.said = (home / "said.txt").open("w+")
        command = [sys.executable, "app.py", "--home", str(home / "home"), "--port", "0"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self.said, stderr=subprocess.STDOUT)

    def __enter__(self) -> str:
        while not (ready := re.search(r"ready: (http://\S+)/", Path(self.said.name).read_text())):
            if self.process.poll() is not None:
                raise SystemExit(Path(self.said.name).read_text())
            time.sleep(0.2)
        return ready[1]

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.said.close()


def train(lab: Client) -> None:
    """Trains a run, which is scored as it goes, the base included, and has both answer once."""
    run = lab.predict(RUN, api_name="/train")["id"]
    end = time.monotonic() + PATIENCE
    while (status := lab.predict(run, api_name="/run_show")["status"]) in ("queued", "running"):
        if time.monotonic() > end:
            raise SystemExit(f"{run} takes too long")
        time.sleep(2)
    if status != "finished":
        raise SystemExit(lab.predict(run, api_name="/run_log")["log"])
    lab.predict(subjects=["base", run], row=0, api_name="/generate")  # from here on answers come at once


def take(page: Page, tab: str, picture: Path) -> None:
    """A picture of a tab once nothing on it changes any more."""
    page.get_by_role("tab", name=tab, exact=True).click()
    still(page)
    if tab == "Generate":
        page.get_by_role("button", name="Generate", exact=True).click()
        still(page)
    page.screenshot(path=picture)
    if picture.stat().st_size > LARGEST:
        raise SystemExit(f"{picture.name} has {picture.stat().st_size:,} bytes; at most {LARGEST:,} are for a README")
    print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes")


def still(page: Page) -> None:
    """Waits until the words on the page have stayed the same for a while."""
    seen, since, end = [], time.monotonic(), time.monotonic() + PATIENCE
    while time.monotonic() - since < STILL:
        if time.monotonic() > end:
            raise SystemExit("the page does not come to rest")
        page.wait_for_timeout(250)
        now = TICKING.sub("", page.locator("body").inner_text()).split()
        if now != seen:
            seen, since = now, time.monotonic()


if __name__ == "__main__":
    main()
