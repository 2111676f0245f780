"""What outlives a Space's restart: copies of what is finished, whole or not at all, and nothing of what was deleted."""

import json
import os
import shutil

import pytest
from colours import created

from lab import copies as copies_module
from lab import runs, tasks
from lab.copies import Copies
from lab.home import ASSETS, Home
from lab.runs import Run

MODEL = ASSETS / "tiny-llama"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def run(colours) -> Run:
    """A run that has ended, with an adapter and a note."""
    run = created(colours, MODEL)
    run.adapter.mkdir()
    (run.adapter / "weights").write_bytes(os.urandom(5000))
    run.describe(title="First")
    run.begin()
    run.end("finished")
    return run


def files_of(folder) -> dict:
    """Content and time of each file, by its path."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".") and path.name != "lock"
    }


def restarted(home: Home, place) -> Copies:
    """The copies of a Space that has been restarted: its home folder is empty."""
    shutil.rmtree(home.path)
    return Copies(home, place)


def test_what_is_finished_comes_back_as_it_was(colours, run, place):
    before = files_of(colours.path)
    made = Copies(colours, place).copy()
    assert {"runs/tiny-1", "tasks/colours.yaml", "datasets/colours"} <= set(made)
    assert set(restarted(colours, place).restore()) == set(made)
    assert files_of(colours.path) == before
    found = Run(colours, run.id)
    assert (found.status(), found.about()["title"], runs.listing(colours)) == ("finished", "First", [run.id])
    assert tasks.load(colours, "colours").name == "colours"


def test_a_look_copies_only_what_has_changed(colours, run, place):
    kept = Copies(colours, place)
    kept.copy()
    assert kept.copy() == [] and Copies(colours, place).copy() == []
    weights = place / "runs" / run.id / "files" / "adapter" / "weights"
    copied = weights.stat().st_mtime_ns
    run.describe(notes="Later.")
    assert kept.copy() == [f"runs/{run.id}"]
    assert weights.stat().st_mtime_ns == copied  # the large files are not copied again
    restarted(colours, place).restore()
    assert Run(colours, run.id).about() == {"title": "First", "notes": "Later."}


def test_a_run_that_is_worked_on_waits(colours, place):
    run = created(colours, MODEL)
    with run.hold():
        run.begin()
        assert f"runs/{run.id}" not in Copies(colours, place).copy()
        run.end("stopped")
    assert f"runs/{run.id}" in Copies(colours, place).copy()


def test_deletions_are_followed(colours, run, place):
    kept = Copies(colours, place)
    kept.copy()
    run.delete()
    kept.copy()
    kept.copy()
    assert not (place / "runs" / run.id).exists()
    assert f"runs/{run.id}" not in restarted(colours, place).restore()


def test_a_home_that_is_gone_as_a_whole_takes_no_copy_with_it(colours, run, place):
    kept = Copies(colours, place)
    kept.copy()
    shutil.rmtree(colours.path)
    for _ in range(3):
        kept.copy()
    assert f"runs/{run.id}" in kept.restore()


def test_what_was_never_brought_back_is_not_taken_for_deleted(colours, run, place):
    Copies(colours, place).copy()
    kept = restarted(colours, place)
    for _ in range(3):
        kept.copy()
    assert f"runs/{run.id}" in kept.restore()


@pytest.mark.parametrize("after", range(6))
def test_an_interrupted_first_copy_is_no_copy(colours, run, place, after, monkeypatch):
    real, left = copies_module._copy, [after]

    def breaks_off(source, target):
        if not left[0]:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes()[:10])
            raise OSError("No space left on device")
        left[0] -= 1
        return real(source, target)

    monkeypatch.setattr(copies_module, "_copy", breaks_off)
    kept = Copies(colours, place)
    made = kept.copy()
    assert "could not be copied: No space left" in kept.problem
    monkeypatch.setattr(copies_module, "_copy", real)
    assert sorted(restarted(colours, place).restore()) == sorted(made)
    assert f"runs/{run.id}" not in made and not colours.runs.exists()


def test_an_interrupted_second_copy_leaves_the_first(colours, run, place, monkeypatch):
    kept = Copies(colours, place)
    kept.copy()
    before = files_of(colours.path)
    run.describe(notes="Later.")
    monkeypatch.setattr(copies_module, "_write", lambda path, content: (_ for _ in ()).throw(OSError("gone")))
    assert kept.copy() == []
    restarted(colours, place).restore()
    assert files_of(colours.path) == before


@pytest.mark.parametrize("harm", ["missing", "shorter", "other", "manifest"])
def test_a_copy_that_is_not_whole_is_left_where_it_is_and_named(colours, run, place, harm):
    Copies(colours, place).copy()
    copy = place / "runs" / run.id
    path = copy / ("manifest.json" if harm == "manifest" else "files/adapter/weights")
    content = path.read_bytes()
    path.unlink() if harm == "missing" else path.write_bytes(content[:-1] + (b"x" if harm == "other" else b""))
    kept = restarted(colours, place)
    assert f"runs/{run.id}" not in kept.restore()
    assert not (colours.runs / run.id).exists() and run.id in kept.broken[0] and copy.exists()
    assert tasks.load(colours, "colours")  # the others came back


@pytest.mark.parametrize("path", ["../stolen", "/tmp/stolen", "a/../../stolen"])
def test_a_manifest_names_nothing_outside(colours, place, path):
    (place / "tasks" / "x").mkdir(parents=True)
    (place / "tasks" / "x" / "files").mkdir()
    about = {"stored": path, "size": 0, "sha256": "", "mtime_ns": 0}
    for stored, name in ((path, "y"), ("y", path)):
        manifest = {"single": False, "folders": [], "files": {name: {**about, "stored": stored}}}
        (place / "tasks" / "x" / "manifest.json").write_text(json.dumps(manifest))
        kept = Copies(colours, place)
        assert kept.restore() == [] and "leads out" in kept.broken[0]


def test_what_only_living_processes_need_is_not_kept(colours, place):
    for folder in (colours.generator, colours.queue, colours.jobs / "evaluation-1"):
        folder.mkdir(parents=True)
        (folder / "file").write_text("")
    assert {unit.partition("/")[0] for unit in Copies(colours, place).copy()} == {"datasets", "tasks"}
