"""Attacks with paths: written as ids, names, models and files through every event, and as the names of uploads."""

import contextlib
import os
import subprocess
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from urllib.parse import urlencode

import colours
import gradio as gr
import httpx
import pytest
from attacks import SECRET, paths
from browser import ROOT
from starlette.requests import Request

import app
from lab import jobs
from lab.config import BUNDLED_MODEL
from lab.errors import WorkError
from lab.home import Home

# Values with which the other parameters of an event let it get as far as it can.
VALID = {
    "run_id": "tiny-1",
    "task": "colours",
    "dataset": "colours",
    "first": "colours",
    "second": "colours",
    "subjects": ["base"],
    "split": "validation",
    "model": BUNDLED_MODEL,
    "raw": None,
    "hub": None,
    "row": None,
}
KEPT = (gr.State, gr.File, gr.UploadButton)  # what no browser can fill; files it can only upload
CHANGES = (
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.utime",
    "os.truncate",
)
LOOKS = ("open", "os.listdir", "os.scandir")
READ_BY_ALL = [
    sys.prefix,
    sys.base_prefix,
    "/usr",
    "/etc/localtime",
    "/dev",
    f"{ROOT}/lab",
    f"{ROOT}/assets",
    # What the kernel says of a machine and its processes; an environment is none of it.
    *(f"/proc/{name}" for name in ("meminfo", "vmstat", "sys/kernel/random/boot_id")),
    *(f"/proc/{os.getpid()}/{name}" for name in ("cgroup", "mounts", "stat", "cmdline")),
    "/sys/fs/cgroup",
]


class Watch:
    """Writes down which files this process touches that it has no business with."""

    def __init__(self):
        self.own: list[str] | None = None  # folders in which it may; None: it is not watched
        self.touched: set[tuple[str, str]] = set()
        sys.addaudithook(self)

    def __call__(self, event: str, about: tuple) -> None:
        if self.own is None or event not in (*CHANGES, *LOOKS):
            return
        for path in about[: 2 if event in ("os.rename", "os.link") else 1]:
            if isinstance(path, str | bytes | os.PathLike):
                real = os.path.realpath(os.fsdecode(path))
                places = self.own if event in CHANGES else self.own + READ_BY_ALL
                if not any(real == place or real.startswith(f"{place}/") for place in places):
                    self.touched.add((event, real))


watch = None


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """A home beside a folder with canaries, the page over it, and what watches this process while the page is asked."""
    global watch
    watch = watch or Watch()
    watch.touched.clear()
    outside, uploads = tmp_path / "outside", tmp_path / "uploads"
    for name in (
        "task.yaml",
        "config.yaml",
        "state.json",
        "about.json",
        "data/train.jsonl",
        "log.txt",
        "metrics.jsonl",
    ):
        (outside / name).parent.mkdir(parents=True, exist_ok=True)
        (outside / name).write_text(SECRET)
    uploads.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    home = colours.add_to(Home.at(tmp_path / "home"), tmp_path)
    colours.created(home, BUNDLED_MODEL)
    for folder in (
        home.runs,
        home.datasets,
        home.tasks,
        home.evaluations,
        home.sweeps,
        home.presets,
        home.ratings,
        home.jobs,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("link", "link.yaml", "link.json"):
            (folder / name).symlink_to(outside if name == "link" else outside / "task.yaml")

    def not_here(*given, **named):
        raise WorkError("Nothing is started here.")

    page = app.build(home)
    run = subprocess.Popen
    monkeypatch.setattr(jobs, "start", not_here)
    monkeypatch.setattr(jobs, "spawn", not_here)
    monkeypatch.setattr(
        subprocess, "Popen", lambda line, *given, **named: not_here() if "lab" in line else run(line, *given, **named)
    )
    before = snapshot(outside)
    yield page, outside
    watch.own = None
    assert snapshot(outside) == before


def snapshot(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def asked_from(path: str) -> gr.Request:
    """A request from a page whose address names a path."""
    words = ("run", "subjects", "tab", "row", "dataset", "task", "split", "open")
    scope = {
        "type": "http",
        "headers": [],
        "query_string": urlencode(dict.fromkeys(words, path) | {"tab": "generate"}).encode(),
    }
    return gr.Request(Request(scope))


def asks(event, values: list, home: Path, path: str = "") -> str:
    """What an event says; what it touches outside of the home is written down."""
    filled = gr.helpers.special_args(event.fn, list(values), request=asked_from(path))[0]
    watch.own = [str(home), str(home.parent / "uploads"), f"{tempfile.gettempdir()}/tmp"]
    try:
        made = event.fn(*filled)
        return str(list(made) if hasattr(made, "__next__") else made)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        watch.own = None


@pytest.mark.parametrize(
    "forms", [pytest.param(14, marks=pytest.mark.faults), pytest.param(99, marks=pytest.mark.nightly)]
)
def test_no_path_through_any_public_event(watched, forms):
    """One parameter after the other holds a path. Seen to fail with the look at the resolved place left out of
    `home.inside`: the link then leads to the canaries."""
    page, outside = watched
    home = outside.parent / "home"
    problems = []
    for event in [event for event in page.fns.values() if event.api_visibility == "public"]:
        names = [field.label for field in event.inputs]
        kinds = [field.api_info().get("type") if hasattr(field, "api_info") else None for field in event.inputs]
        default = [
            VALID.get(name, getattr(field, "value", None)) for name, field in zip(names, event.inputs, strict=True)
        ]
        for at, kind in enumerate(kinds):
            if kind not in ("string", "array") and names[at] not in (
                "hub",
                "repo",
                "revision",
                "model",
                "task",
                "split",
            ):
                continue
            for path in chosen(str(outside), forms):
                values = [
                    path if i == at and kind != "array" else [path] if i == at else x for i, x in enumerate(default)
                ]
                said = asks(event, values, home, path)
                if SECRET in said or "has a problem" in said:
                    problems.append((event.api_name, names[at], path, said[:200]))
    assert problems == []
    assert watch.touched == set()


@pytest.mark.parametrize(
    "forms", [pytest.param(5, marks=pytest.mark.faults), pytest.param(99, marks=pytest.mark.nightly)]
)
def test_no_path_through_the_pages_own_events(watched, forms):
    """Everything that a browser can put into one is a path. Seen to fail as above."""
    page, outside = watched
    home = outside.parent / "home"
    for event in [event for event in page.fns.values() if event.api_visibility != "public" and event.fn is not None]:
        for path in chosen(str(outside), forms):
            values = [deepcopy(x.value) if isinstance(x, KEPT) else path for x in event.inputs]
            for given in (
                values,
                [[x] if x is path else x for x in values],
                [{"run": x, "id": x} if x is path else x for x in values],
            ):
                said = asks(event, given, home, path)
                assert SECRET not in said, (event.api_name, path)
    assert watch.touched == set()


def chosen(target: str, count: int) -> list[str]:
    """So many forms of the path, from all over the list; the links are always among them."""
    every = paths(target)
    return list(dict.fromkeys(["link", target, *every[:: max(1, len(every) // count)]]))


@pytest.mark.faults
def test_the_names_of_uploads_lead_nowhere(serve, tmp_path):
    """Seen to fail with Gradio's `strip_invalid_filename_characters` and `Path(...).name` made the identity, and its
    `safe_join` a plain join: an upload then lay where its name said. `safe_join` alone would do."""
    uploads = tmp_path / "uploads"
    served = serve(tmp_path / "home", environment={"GRADIO_TEMP_DIR": str(uploads)})
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(uploads)}
    for name in paths(f"{tmp_path}/stolen.csv"):
        head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="' + name.encode() + b'"\r\n\r\n'
        body = head + b"text,label\na,b\n\r\n--x--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = httpx.post(served.url + "/gradio_api/upload", content=body, headers=headers, timeout=60)
        with contextlib.suppress(ValueError):
            for made in answer.json() if answer.status_code == 200 else []:
                assert Path(os.path.realpath(made)).is_relative_to(uploads), name
    now = {path for path in tmp_path.rglob("*") if not path.is_relative_to(uploads)}
    assert {path for path in now - before if not path.is_relative_to(tmp_path / "home")} == set()
