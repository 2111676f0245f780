"""Zips for browsers to fetch: in a folder of this process inside Gradio's own, from which they are served without a copy."""

import fcntl
import functools
import os
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from gradio import utils

from lab import export
from lab.export import Parcel

PREFIX, LOCK = "lab-export-", ".lock"
JUST_MADE = 60  # seconds in which a folder may have no lock yet
_making = threading.Lock()


def packed(what: Parcel) -> str:
    """A parcel as a zip, in place of the one of that name before; its path."""
    with _making:
        (_place() / f"{what.name}.zip").unlink(missing_ok=True)
        return str(export.to_zip(what, _place()))


def fetched(made: Path) -> str:
    """The path of a zip that a job has made, for browsers: the same bytes under a second name, or a copy on another disk."""
    with _making:
        target = _place() / made.name
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(made)
        except OSError:
            export.need_room(target.parent, made.stat().st_size)
            shutil.copyfile(made, target)
        return str(target)


@functools.cache
def _place() -> Path:
    """The folder of this process, which goes with it; a lock says that it lives."""
    Path(utils.get_upload_folder()).mkdir(parents=True, exist_ok=True)
    folder = tempfile.TemporaryDirectory(prefix=PREFIX, dir=utils.get_upload_folder())
    _kept.append(folder)
    _kept.append(_locked(Path(folder.name)))
    return Path(folder.name)


_kept: list = []  # what ends with this process: its folder and the lock on it


def _locked(folder: Path) -> int | None:
    """A handle that holds the lock on a folder until it is closed; None where a process has it that lives."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def clear_left() -> list[str]:
    """Removes the folders that killed processes have left, here and where they were made before; returns their names."""
    gone = []
    for parent in {Path(utils.get_upload_folder()), Path(tempfile.gettempdir())}:
        for folder in parent.glob(f"{PREFIX}*"):
            with suppress(OSError):  # another's, or gone by now
                about = folder.lstat()
                is_ours = folder.is_dir() and not folder.is_symlink() and about.st_uid == os.getuid()
                if not is_ours or time.time() - about.st_mtime < JUST_MADE:
                    continue
                handle = _locked(folder)
                if handle is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    os.close(handle)
                    gone.append(folder.name)
    return gone
