"""Folders of a process, outside of the home, and what is left of them where it was killed."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

EXPORT, READ, PUSH = "lab-export-", "lab-read-", "lab-push-"  # how their names begin
LOCK = ".lock"  # in each; whoever holds it lives
JUST_MADE = 60  # seconds in which a folder may have no lock yet


@contextmanager
def folder(prefix: str) -> Iterator[Path]:
    """A folder that is gone with the block, or cleared away later by who finds that nobody holds it."""
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        handle = hold(Path(name))
        try:
            yield Path(name)
        finally:
            os.close(handle)


def hold(place: Path) -> int | None:
    """A handle that holds the lock on a folder until it is closed; None where a process has it that lives."""
    handle = os.open(place / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def clear_left(*places: Path) -> list[str]:
    """Removes the folders that killed processes have left, in these places and where they are made; returns their names."""
    gone = []
    for parent in {Path(tempfile.gettempdir()), *places}:
        for prefix in (EXPORT, READ, PUSH):
            gone += [place.name for place in parent.glob(f"{prefix}*") if _cleared(place)]
    return gone


def _cleared(place: Path) -> bool:
    with suppress(OSError):  # another's, or gone by now
        about = place.lstat()
        is_ours = place.is_dir() and not place.is_symlink() and about.st_uid == os.getuid()
        if not is_ours or time.time() - about.st_mtime < JUST_MADE:
            return False
        handle = hold(place)
        if handle is not None:
            shutil.rmtree(place, ignore_errors=True)
            os.close(handle)
            return True
    return False
