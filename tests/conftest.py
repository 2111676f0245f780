"""What the tests share: tiny tokenizers and models, and a home folder of their own for each test."""

import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # no test reaches for the network
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.pop("LAB_HOME", None)
os.environ.pop("LAB_DEBUG", None)
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import colours as colours_set  # noqa: E402
import pytest  # noqa: E402
import tiny  # noqa: E402
from browser import chromium, context, page, serve, served  # noqa: E402, F401
from quick_workers import quick_workers  # noqa: E402, F401

from lab import queue  # noqa: E402
from lab.home import Home  # noqa: E402
from lab.runs import Run  # noqa: E402


@pytest.fixture(scope="session")
def tokenizer_folders(tmp_path_factory) -> dict[str, Path]:
    """A folder with a tokenizer for each style: llama2, mistral, phi, qwen."""
    return {style: tiny.tokenizer_folder(tmp_path_factory.mktemp(style), style) for style in tiny.STYLES}


@pytest.fixture(params=tiny.STYLES)
def style(request) -> str:
    """Each style in turn."""
    return request.param


@pytest.fixture(params=[s for s in tiny.STYLES if tiny.TEMPLATES[s]])
def chat_style(request) -> str:
    """Each style that has a chat template, in turn."""
    return request.param


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """The folder of a tiny Llama in the style of Llama-2."""
    return tiny.tiny_llama(tmp_path_factory.mktemp("tiny-model"))


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    """An empty home folder, which is also `$LAB_HOME`."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    return Home.at(tmp_path / "home")


@pytest.fixture
def colours(home, tmp_path) -> Home:
    """The home with a toy data set and its task, both named colours."""
    return colours_set.add_to(home, tmp_path)


@pytest.fixture
def tidy(colours):
    """The home with its toy data; whatever is still at work in it when a test ends, as one that fails, is killed."""
    yield colours
    for job in queue.living(colours):
        if (pid := job.holder()) is not None and pid != os.getpid():
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory, tiny_model) -> Home:
    """A home with the toy data set and a finished run on it, trained once for all tests, which copy it."""
    folder = tmp_path_factory.mktemp("trained")
    home = colours_set.add_to(Home.at(folder / "home"), folder)
    colours_set.trained(home, tiny_model)
    return home


@pytest.fixture
def tiny_run(home, trained_home) -> Run:
    """A finished run of the tiny model on the colours, which are in the home, too."""
    shutil.copytree(trained_home.path, home.path, dirs_exist_ok=True)
    return Run(home, "tiny-1")
