"""Attacks with paths: written as ids, names, models and files through every event, and as the names of uploads."""

import contextlib
import inspect
import os
import shutil
import subprocess
import sys
import tempfile
import types
import typing
from copy import deepcopy
from pathlib import Path
from urllib.parse import urlencode

import furnished
import gradio as gr
import httpx
import pytest
import yaml
from attacks import SECRET, paths, some_paths
from browser import ROOT
from colours import CODEBOOK
from huggingface_hub import constants
from pydantic import ValidationError
from starlette.requests import Request
from test_hub_ids import COMMIT

import app
from lab import jobs, tasks
from lab.config import BUNDLED_MODEL
from lab.errors import WorkError
from lab.home import ASSETS, Home
from lab.rating_form import CRITERIA

FILE = object()  # stands for an upload
# Values with which the other parameters of an event, by their names or for one event or one family of them, let it get as
# far as it can; whatever is missing here has a default.
VALID = {
    "run_id": furnished.DONE,
    "task": "colours",
    "dataset": "colours",
    "name": "colours",
    "new": "colours-2",
    "first": "colours",
    "second": "colours",
    "subjects": ["base", furnished.DONE],
    "model": BUNDLED_MODEL,
    "text": "red paint",
    "title": "A title",
    "repo": "owner/name",
    "config": yaml.safe_dump(furnished.SETTINGS),
    "sweep": yaml.safe_dump({**furnished.SETTINGS, "grid": {"seed": [5, 6]}}),
    "rater": furnished.RATER,
    "subject": "base",
    "index": 0,
    **dict.fromkeys(CRITERIA, 1.0),
    "content": "[]",
    "version": 1,
    "preset.name": furnished.PRESET,
    "sweeps.name": furnished.SWEEP,
    "rating.name": furnished.RATED,
    "rating_start.name": "asked",
    "task_add.task": yaml.safe_dump({**CODEBOOK, "name": "other"}),
    "task_save.task": yaml.safe_dump(CODEBOOK),
    "task_diff.first": 1,
    "task_diff.second": 2,
    "dataset_add.name": "added",
    "dataset_add.text": "text",
    "dataset_add.file": FILE,
    "generate.text": "red paint",
    "dataset_merge_labels.merges": ["bright=warm,cold"],
}
# What must be left out for a parameter to be looked at.
INSTEAD = {
    "dataset_add.hub": {"file": None},
    "dataset_merge_labels.task": {"merges": None},
    "generate.raw": {"text": None},
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
    constants.HF_TOKEN_PATH,  # so that it can be taken out of what is shown
]


class Watch:
    """Writes down which files this process touches that it has no business with."""

    def __init__(self):
        self.own: list[str] | None = None  # folders in which it may; None: it is not watched
        self.touched: set[tuple[str, str]] = set()
        self.canaries = ""  # the folder about which it may not even ask
        sys.addaudithook(self)

    def seen(self, stat):
        """`os.stat`, of which no hook is told; it tells whether a file is there. Passed by is that of `Path.resolve`, by which
        the lab finds out where a link in the home leads."""

        def asked(path, *given, **named):
            frame = sys._getframe(2)
            if (
                self.own is not None
                and isinstance(path, str | bytes | os.PathLike)
                and frame.f_code.co_name != "resolve"
            ):
                plain = os.path.normpath(Path.cwd() / os.fsdecode(path))
                if plain == self.canaries or plain.startswith(f"{self.canaries}/"):
                    self.touched.add(("os.stat", plain))
            return stat(path, *given, **named)

        return asked

    def __call__(self, event: str, about: tuple) -> None:
        if self.own is None or event not in (*CHANGES, *LOOKS):
            return
        for path in about[: 2 if event in ("os.rename", "os.link") else 1]:
            if isinstance(path, str | bytes | os.PathLike):
                real = os.path.realpath(_folder(event, about) / os.fsdecode(path))
                places = self.own if event in CHANGES else self.own + READ_BY_ALL
                if not any(real == place or real.startswith(f"{place}/") for place in places):
                    self.touched.add((event, real))


def _folder(event: str, about: tuple) -> Path:
    """The folder in which a name is meant: an open one where there is one, as when a folder is removed with all in it."""
    handle = about[1] if event in ("os.remove", "os.rmdir") else -1
    return Path(f"/proc/self/fd/{handle}").readlink() if handle >= 0 else Path()


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
    monkeypatch.setattr(tempfile, "tempdir", str(uploads))
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    home = furnished.furnish(Home.at(tmp_path / "home"), tmp_path)
    cached = tmp_path / "uploads" / "hub" / "models--owner--name"  # where this process may look
    shutil.copytree(ASSETS / BUNDLED_MODEL, cached / "snapshots" / COMMIT)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cached.parent))
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
    watch.canaries = str(outside)
    monkeypatch.setattr(os, "stat", watch.seen(os.stat))
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


def answered(event, values: list, home: Path, path: str = "") -> tuple[str, Exception | None]:
    """What an event says, and what it raises; what it touches outside of the home is written down."""
    filled = gr.helpers.special_args(event.fn, list(values), request=asked_from(path))[0]
    watch.own = [str(home), str(home.parent / "uploads")]
    try:
        made = event.fn(*filled)
        return str(list(made) if hasattr(made, "__next__") else made), None
    except Exception as error:
        return f"{type(error).__name__}: {error}", error
    finally:
        watch.own = None


def asks(event, values: list, home: Path, path: str = "") -> str:
    return answered(event, values, home, path)[0]


def parameters(event) -> dict[str, inspect.Parameter]:
    """What callers give to an event, as its function says; the inputs of most have no names of their own."""
    found = {x.name: x for x in inspect.signature(event.fn).parameters.values() if x.name != "request"}
    assert len(found) == len(event.inputs), event.api_name
    return found


def valid(event, name: str, parameter: inspect.Parameter):
    """A value with which an event goes on."""
    family = event.api_name.partition("_")[0]
    for key in (f"{event.api_name}.{name}", f"{family}.{name}"):
        if key in VALID:
            return VALID[key]
    if parameter.default is parameter.empty:
        return VALID[name]
    return VALID.get(name, "") if parameter.default == "" else parameter.default


def fed(event) -> dict[str, bool]:
    """The parameters of an event that take a text, and whether they take a list of them."""
    found = {}
    for field, (name, parameter) in zip(event.inputs, parameters(event).items(), strict=True):
        kind = parameter.annotation
        kinds = set(typing.get_args(kind)) if isinstance(kind, types.UnionType) else {kind}
        if not isinstance(field, KEPT) and kinds & {str, list[str]}:
            found[name] = str not in kinds
    return found


def is_stopped_by_types(event, error: BaseException | None) -> bool:
    """Whether an event was never asked: its arguments were not of their types."""
    while error is not None:
        if isinstance(error, ValidationError) and error.title == event.api_name:
            return True
        error = error.__cause__
    return False


@pytest.mark.parametrize(
    "forms", [pytest.param(10, marks=pytest.mark.faults), pytest.param(200, marks=pytest.mark.nightly)]
)
def test_no_path_through_any_public_event(watched, forms):
    """One parameter after the other holds a path, and each time the event itself is reached. Seen to fail with the look at
    the resolved place left out of `home.inside`: the link then leads to the canaries; and with any text taken for a
    revision: the Hub's library then opens the file that one names."""
    page, outside = watched
    home = outside.parent / "home"
    upload = outside.parent / "uploads" / "rows.csv"
    problems, pairs = [], 0
    for event in [event for event in page.fns.values() if event.api_visibility == "public"]:
        names = parameters(event)
        usual = {name: valid(event, name, x) for name, x in names.items()}
        usual = {name: str(upload) if x is FILE else x for name, x in usual.items()}
        for name, is_list in fed(event).items():
            pairs += 1
            values = {**usual, **INSTEAD.get(f"{event.api_name}.{name}", {})}
            for path in some_paths(str(outside), forms):
                upload.write_text("text,label\nred,warm\nblue,cold\n")
                given = {**values, name: [path] if is_list else path}
                said, error = answered(event, list(given.values()), home, path)
                if SECRET in said or "has a problem" in said or is_stopped_by_types(event, error):
                    problems.append((event.api_name, name, path, said[:200]))
    assert problems == []
    assert watch.touched == set()
    assert pairs > 80


@pytest.mark.parametrize(
    "forms", [pytest.param(5, marks=pytest.mark.faults), pytest.param(99, marks=pytest.mark.nightly)]
)
def test_no_path_through_the_pages_own_events(watched, forms):
    """Everything that a browser can put into one is a path. Seen to fail as above."""
    page, outside = watched
    home = outside.parent / "home"
    for event in [event for event in page.fns.values() if event.api_visibility != "public" and event.fn is not None]:
        for path in some_paths(str(outside), forms):
            values = [deepcopy(x.value) if isinstance(x, KEPT) else path for x in event.inputs]
            for given in (
                values,
                [[x] if x is path else x for x in values],
                [{"run": x, "id": x} if x is path else x for x in values],
            ):
                said = asks(event, given, home, path)
                assert SECRET not in said, (event.api_name, path)
    assert watch.touched == set()


@pytest.mark.faults
def test_a_path_is_no_bundled_task(tmp_path):
    """It failed: of any file that ends so it was said that it is a bundled task."""
    (tmp_path / "there.yaml").write_text("")
    assert tasks.is_bundled("sentiment") and not tasks.is_bundled(str(tmp_path / "there"))
    assert not tasks.is_bundled(["sentiment"])


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
