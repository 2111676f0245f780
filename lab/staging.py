"""Folders that appear whole or not at all, and what is left of them where their process was killed."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.home import sync_folder

HALF = ".lab-half"  # how the names of folders end whose process is still at work on them, or was killed
YOUNG = 60  # seconds in which such a folder may be there and not be held yet


@contextmanager
def staged(folder: Path, replace: bool = False) -> Iterator[Path]:
    """A folder that appears under its name only when all of it has been written; on an error nothing of it is left.

    One of that name that is there already stays, and an OSError is raised, unless it is to be replaced.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    clear(folder.parent)
    with half(folder) as place:
        inner, old = place / "new", place / "old"
        inner.mkdir()
        yield inner
        _sync(inner)
        if replace and folder.exists():
            folder.rename(old)
        try:
            inner.rename(folder)
        except BaseException:
            if old.exists():
                old.rename(folder)
            raise
    sync_folder(folder.parent)


@contextmanager
def half(target: Path) -> Iterator[Path]:
    """A folder beside a target, for what will be the target; it is held until it is removed, on an error too."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.", suffix=HALF) as name:
        place = Path(name)
        with _hold(place):
            yield place


def clear(parent: Path, at_once: bool = False) -> None:
    """Removes the halves that killed processes have left in a folder.

    `at_once` is for who knows that nobody is about to hold one. A folder that had made way for its successor when its
    process was killed is not lost: the successor, which is whole by then, takes its name.
    """
    for place in parent.glob(f".*{HALF}"):
        with suppress(OSError):  # somebody else clears it
            if place.is_symlink() or not (at_once or time.time() - place.stat().st_mtime > YOUNG):
                continue
            with _hold(place) as is_held:
                if is_held:
                    _complete(place)
                    shutil.rmtree(place)


@contextmanager
def _hold(place: Path) -> Iterator[bool]:
    """Holds a folder as long as this process lives; says whether it does, which not every file system allows."""
    handle = os.open(place, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _complete(place: Path) -> None:
    target = place.with_name(place.name.removesuffix(HALF)[1:].rpartition(".")[0])
    if (place / "old").exists() and not target.exists():
        (place / "new").rename(target)


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        elif path.is_dir():
            sync_folder(path)
    sync_folder(folder)
