"""Zips for browsers to fetch: in a folder of this process inside Gradio's own, from which they are served without a copy."""

import functools
import shutil
import tempfile
import threading
from pathlib import Path

from gradio import utils

from lab import export, temporary
from lab.export import Parcel

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
    folder = tempfile.TemporaryDirectory(prefix=temporary.EXPORT, dir=utils.get_upload_folder())
    _kept.append(folder)
    _kept.append(temporary.hold(Path(folder.name)))
    return Path(folder.name)


_kept: list = []  # what ends with this process: its folder and the lock on it


def clear_left() -> list[str]:
    """Removes the folders that killed processes have left, here and where others are made; returns their names."""
    return temporary.clear_left(Path(utils.get_upload_folder()))
