"""What tests of the page share: the page in a process of its own, and a Chromium that looks at it."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60  # seconds; other work may run beside the tests
CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Served:
    """A page that is being served."""

    url: str
    process: subprocess.Popen
    home: Path
    said: Path  # all that it has printed


@pytest.fixture(scope="module")
def serve(tmp_path_factory) -> Iterator[Callable[..., Served]]:
    """Starts `python app.py` on a free port; all that were started end with the module.

    To be called with a home folder (else a new one), further words for the command line, and `environment`.
    """
    started: list[subprocess.Popen] = []

    def start(home: Path | None = None, *words: str, environment: dict | None = None) -> Served:
        folder = tmp_path_factory.mktemp("page")
        home, said = home or folder / "home", folder / "said.txt"
        command = [sys.executable, "app.py", "--home", str(home), "--port", "0", *words]
        with said.open("w") as file:
            process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **(environment or {})}, stdout=file, stderr=subprocess.STDOUT
            )
        started.append(process)
        end = time.monotonic() + PATIENCE
        while not (ready := re.search(r"ready: (http://\S+)/", said.read_text())):
            assert process.poll() is None and time.monotonic() < end, f"the page did not start: {said.read_text()}"
            time.sleep(0.05)
        return Served(ready[1], process, home, said)

    yield start
    for process in started:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@pytest.fixture(scope="module")
def served(serve) -> Served:
    """The page over a home of its own, one for the module. A module that needs more in the home says so itself."""
    return serve()


def choose(page, label: str, option: str) -> None:
    """Chooses from the dropdown with this label, where one is to be seen."""
    page.get_by_label(label, exact=True).filter(visible=True).first.click()
    page.get_by_role("option", name=option, exact=True).click()


@pytest.fixture(scope="session")
def chromium():
    """A Chromium. Without one the tests are left out, unless LAB_REQUIRE_BROWSER is set: then they fail."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _without("playwright")
    path = shutil.which("chromium")
    if not path:
        _without("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield browser
        browser.close()


def _without(what: str) -> None:
    say = pytest.fail if os.environ.get("LAB_REQUIRE_BROWSER") else pytest.skip
    say(f"{what} is not installed")


@pytest.fixture(scope="module")
def context(chromium):
    """What the pages of a module share: the browser's cache, without which each would load all of Gradio anew."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(PATIENCE * 1000)
    yield context
    context.close()


@pytest.fixture
def page(context):
    """A new page in a browser that remembers nothing of the pages before, 1400 px wide; an error of its scripts fails the
    test."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    forget(context, page)
    page.close()
    assert errors == []


def forget(context, page) -> None:
    """Ends what the page does, which could be to write down something more, and then removes what it has written down."""
    origin = page.evaluate("location.origin")
    page.goto("about:blank")
    told = {"origin": origin, "storageTypes": "local_storage"}
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", told)
    context.clear_cookies()
