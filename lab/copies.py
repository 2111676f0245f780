"""Copies of what is finished, in a folder that outlives this machine: a Space's own disk is empty after every restart.

`<place>/<kind>/<name>/` holds one thing of the home folder (a run, a dataset, a task's file …): its files in `files/`, and
`manifest.json`, written last, with their sizes and hashes. The place may be object storage: nothing there is locked, appended
to, renamed as a folder, or trusted to be on the disk already. A file whose content has changed gets a name of its own until
the manifest names it, so that there is always one whole copy; what fits no manifest is no copy.
"""

import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from lab.errors import InputError
from lab.home import Home
from lab.job import ALIVE, Job
from lab.staging import staged

PASSING = {"generator", "queue", "jobs"}  # of the home folder: what only living processes need
EVERY = 5  # seconds between two looks
BLOCK = 1 << 20
Unit = tuple[str, str]  # kind and name: ("runs", "run-1"), ("tasks", "reviews.yaml")


class Broken(Exception):
    """A copy that is not whole."""


class Copies:
    """Copies the finished things of a home folder to a place, and brings them back into an empty home."""

    def __init__(self, home: Home, place: Path):
        self.home, self.place = home, place
        self.known: set[Unit] = set()  # of which this process knows that they were in the home folder
        self.manifests: dict[Unit, dict] = {}  # as they stand in the place, so that a look reads nothing there
        self.missed: set[Unit] = set()  # which were not there at the last look
        self.broken: list[str] = []  # copies that could not be brought back
        self.problem: str | None = None  # why the last look could not copy everything

    # -- bringing back -------------------------------------------------------------------------------------------

    def restore(self) -> list[str]:
        """Brings back what the home folder lacks; returns it as `kind/name`. What is not whole stays where it is."""
        made = []
        for manifest in sorted(self.place.glob("*/*/manifest.json")):
            unit = (manifest.parent.parent.name, manifest.parent.name)
            if (self.home.path / unit[0] / unit[1]).exists():
                continue
            try:
                self.manifests[unit] = _read(manifest)
                self._bring(unit, self.manifests[unit])
            except (Broken, OSError) as error:
                self.broken.append(f"{unit[0]}/{unit[1]}: {error}")
            else:
                made.append("/".join(unit))
        return made

    def _bring(self, unit: Unit, manifest: dict) -> None:
        """A thing as it was, the times of its files included, by which runs are put in order."""
        kind, name = unit
        with staged(self.home.path / kind / name) as folder:
            for inner in manifest["folders"]:
                (folder / _checked(inner)).mkdir(parents=True, exist_ok=True)
            for path, about in manifest["files"].items():
                target = folder / _checked(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                stored = self.place / kind / name / "files" / _checked(about["stored"])
                if _copy(stored, target) != (about["size"], about["sha256"]):
                    raise Broken(f"{path} is not as it was copied")
                os.utime(target, ns=(about["mtime_ns"], about["mtime_ns"]))
            if manifest["single"]:  # the thing is a file: it takes the place of the folder that held it alone
                inner = folder.with_name("single")
                (folder / name).rename(inner)
                folder.rmdir()
                inner.rename(folder)

    # -- copying -------------------------------------------------------------------------------------------------

    def follow(self) -> threading.Thread:
        """Copies from now on whatever is finished, in a thread that ends with the process."""

        def look() -> None:
            while True:
                try:
                    self.copy()
                except Exception as error:  # the page says it, and the next look tries again
                    self.problem = f"{type(error).__name__}: {error}"
                time.sleep(EVERY)

        thread = threading.Thread(target=look, name="copies", daemon=True)
        thread.start()
        return thread

    def copy(self) -> list[str]:
        """Copies what is new or has changed, and removes the copies of what was deleted; returns what was copied."""
        if not self.home.path.is_dir():
            return []  # nothing was made yet; a home that is gone as a whole was not deleted thing by thing
        made, problem, present = [], None, set(self._units())
        for unit in sorted(present):
            try:
                if self._copy_unit(unit):
                    made.append("/".join(unit))
                self.known.add(unit)
            except FileNotFoundError:
                pass  # deleted in the meantime
            except (OSError, InputError) as error:
                problem = f"{unit[0]}/{unit[1]} could not be copied: {error}"
        self._forget(present)
        self.problem = problem
        return made

    def _units(self) -> Iterator[Unit]:
        for folder in _entries(self.home.path):
            if folder.is_dir() and folder.name not in PASSING:
                yield from ((folder.name, entry.name) for entry in _entries(folder))

    def _forget(self, present: set[Unit]) -> None:
        """Follows deletions of what this process has seen itself; twice missing, for a replaced folder is away for a moment."""
        missing = self.known - present
        for unit in missing & self.missed:
            copy = self.place / unit[0] / unit[1]
            with suppress(OSError):
                (copy / "manifest.json").unlink(missing_ok=True)  # from here on it is no copy any more
                shutil.rmtree(copy, ignore_errors=True)
            self.known.discard(unit)
            self.manifests.pop(unit, None)
        self.missed = missing - self.missed

    def _copy_unit(self, unit: Unit) -> bool:
        """Copies a thing unless a process works on it or its copy is up to date. Returns whether there is a new copy."""
        source, copy = self.home.path.joinpath(*unit), self.place.joinpath(*unit)
        if source.is_dir() and Job(unit[1], source).status() in ALIVE:
            return False
        files, folders = _contents(source)
        old = self.manifests.get(unit) or _manifest_or_none(copy / "manifest.json")
        known = old["files"] if old else {}
        if old and old["folders"] == folders and _marks(known) == files:
            self.manifests[unit] = old
            return False
        taken, entries = {about["stored"] for about in known.values()}, {}
        for path, (size, mtime_ns) in files.items():
            about = known.get(path)
            if not about or (about["size"], about["mtime_ns"]) != (size, mtime_ns):
                stored = next(
                    name for name in _names(path) if name not in taken and (name == path or name not in files)
                )
                size, digest = _copy((source / path) if source.is_dir() else source, copy / "files" / stored)
                about = {"stored": stored, "size": size, "sha256": digest, "mtime_ns": mtime_ns}
            entries[path] = about
        if _contents(source) != (files, folders):
            return False  # it has changed under our hands; the next look takes it
        manifest = {"single": source.is_file(), "folders": folders, "files": entries}
        _write(copy / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1).encode())
        self.manifests[unit] = manifest
        _clear(copy / "files", {about["stored"] for about in entries.values()})
        return True


# -- files -----------------------------------------------------------------------------------------------------------


def _entries(folder: Path) -> list[Path]:
    """What a folder shows; hidden names are guards, and what is half written or half deleted."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return []


def _contents(source: Path) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """(size, time in ns) of a thing's files by their paths inside it, and the folders inside it; without locks and what is hidden."""
    if source.is_file():
        about = source.stat()
        return {source.name: (about.st_size, about.st_mtime_ns)}, []
    files, folders = {}, []
    for place, inner, names in os.walk(source):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        here = Path(place).relative_to(source)
        folders += [(here / name).as_posix() for name in inner]
        for name in names:
            if not name.startswith(".") and name != "lock":
                about = Path(place, name).stat()
                files[(here / name).as_posix()] = (about.st_size, about.st_mtime_ns)
    if not source.is_dir():
        raise FileNotFoundError(source)
    return files, folders


def _marks(known: dict) -> dict[str, tuple[int, int]]:
    return {path: (about["size"], about["mtime_ns"]) for path, about in known.items()}


def _names(path: str) -> Iterator[str]:
    """The names under which a file may be stored."""
    yield path
    number = 2
    while True:
        yield f"{path}~{number}"
        number += 1


def _copy(source: Path, target: Path) -> tuple[int, str]:
    """Copies a file; returns its size and SHA-256 as they were read."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size, digest = 0, hashlib.sha256()
    with source.open("rb") as reading, target.open("wb") as writing:
        while block := reading.read(BLOCK):
            writing.write(block)
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(content)
    beside.replace(path)


def _clear(folder: Path, kept: set[str]) -> None:
    """Removes the files of earlier contents, and what an interrupted copy has left."""
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in kept:
            with suppress(OSError):
                path.unlink()


def _manifest_or_none(path: Path) -> dict | None:
    try:
        return _read(path)
    except (Broken, FileNotFoundError):
        return None


def _read(path: Path) -> dict:
    """A manifest. Raises Broken when it is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        for about in found["files"].values():
            about["stored"], about["size"], about["sha256"], about["mtime_ns"]
        found["folders"], found["single"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Broken("its manifest is broken") from error
    return found


def _checked(path: str) -> str:
    """A path inside a thing, and nowhere else."""
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts:
        raise Broken(f"{path!r} leads out of it")
    return path
