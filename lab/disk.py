"""The disk: what is said when it is full or fails, and whether it has room for what is about to be written."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.errors import InputError

WRITER = re.compile(
    r"PytorchStreamWriter|inline_container|file write failed|iostream error"
)  # torch's, which does not say why
NUMBER = re.compile(r"\(os error (\d+)\)")  # as safetensors says it
FULL = (errno.ENOSPC, errno.EDQUOT)
BROKEN = (errno.EIO, errno.EROFS, errno.ENXIO, errno.ENODEV, errno.ESTALE)


def told(error: BaseException, folder: Path, needed: int | None) -> dict | None:
    """`{reason, message, advice}` when a disk is full or failed, else None: that of the error's file, else that of a folder,
    in which `needed` bytes come next, if known."""
    number, disk = _number(error), Disk.of(folder)
    place = Disk.of(_named(error) or folder)
    if place.place != disk.place:
        disk, needed = place, None
    if number is None and isinstance(error, RuntimeError) and WRITER.search(str(error)):
        number = errno.ENOSPC if disk.free < (needed or 0) else errno.EIO
    if number in FULL:
        missing = f"{in_bytes(needed)} are needed next, and" if needed else "more is needed than the"
        message = f"The disk at {disk} is full: {missing} {in_bytes(disk.free)} {'are' if needed else 'that are'} free."
        return {
            "reason": "disk_full",
            "message": message,
            "advice": "Free some there, then go on; what was kept is whole.",
        }
    if number in BROKEN:
        message = f"The disk at {disk} failed: {os.strerror(number)}{_file(error)}."
        return {"reason": "disk_error", "message": message, "advice": "Check it, then go on; what was kept is whole."}
    return None


def in_words(error: Exception) -> str | None:
    """What is told of an error to those who call commands and events; None for an error that is not the disk's or names no file."""
    name = _named(error)
    about = told(error, name, None) if name else None
    return about and f"{about['message']} {about['advice']}"


@contextmanager
def placed(path: Path) -> Iterator[None]:
    """Lets an error of the disk name a place of which it says nothing itself, as those of libraries that fetch files."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    except RuntimeError as error:
        number = _number(error)
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def need_room(folder: Path, needed: int | None, promised: int = 0) -> None:
    """Raises InputError when so many bytes do not fit on the disk of a folder beside those promised to others."""
    disk = Disk.of(folder)
    if needed and needed + promised > disk.free:
        others = f", of which runs before it will take {in_bytes(promised)}" if promised else ""
        raise InputError(
            f"The disk at {disk} has {in_bytes(disk.free)} free{others}, and checkpoints take up to {in_bytes(needed)}: "
            f"free some, or name fewer epochs in evaluate_at."
        )


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError):
        return error.errno
    said = NUMBER.search(str(error))
    return int(said[1]) if said else None


def _named(error: BaseException) -> Path | None:
    name = getattr(error, "filename", None)
    return Path(os.fsdecode(name)) if isinstance(name, str | bytes) else None


def _file(error: BaseException) -> str:
    name = _named(error)
    return f" ({name.name})" if name else ""


def in_bytes(size: int) -> str:
    """A number of bytes, to the byte, and from a million on as people read it, too."""
    about = f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
    return f"{size:,} bytes ({about})" if size >= 1e6 else f"{size:,} bytes"


@dataclass(frozen=True)
class Disk:
    """Where a file system is mounted, what it is, and its free bytes."""

    place: str
    device: str
    free: int

    @classmethod
    def of(cls, folder: Path) -> "Disk":
        """That of a folder, or of the nearest one above it that is there."""
        path = folder.resolve()
        nearest = next(part for part in (path, *path.parents) if part.exists())
        place, device = _mounted(nearest)
        return cls(place, device, shutil.disk_usage(nearest).free)

    def __str__(self) -> str:
        return f"{self.place} ({self.device})" if self.device else self.place


def _mounted(path: Path) -> tuple[str, str]:
    """The mount point above a path, and its device; the path itself where nobody says."""
    found = (str(path), "")
    with suppress(OSError):
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
            device, place = (re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), x) for x in line.split(" ")[:2])
            if path.is_relative_to(place) and (not found[1] or len(place) >= len(found[0])):
                found = (place, device)
    return found
