"""A job's folder: its lock, heartbeat, stop and outcome, and the status that follows from them; only here is that known."""

import fcntl
import os
import shutil
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from lab import shortage
from lab.config import Config
from lab.errors import InputError
from lab.home import forget_unfinished, naming, read_json, write, write_json
from lab.hub_token import without_tokens

STALLED_AFTER = 300  # seconds without a heartbeat
STALLED_LOADING = 3600  # seconds, while something is loaded or downloaded, which says nothing on the way
SPARE = 1 << 16  # bytes
STARTING = 3  # seconds that a worker may take from being asked for to holding its job
ALIVE = ("queued", "running", "stalled", "stopping")  # while a process holds the lock
RESUMABLE = ("interrupted", "stopped", "failed")
_held: dict[Path, int] = {}  # locks that this process holds; opening such a file again would drop the lock
_threads = threading.Lock()  # so that no thread opens a file that another is about to lock


class Stopped(Exception):
    """Breaks off work that leaves nothing to save, because a stop was asked for."""


class Job:
    """A folder that one process at a time works on: a run, or a set of evaluations."""

    kind = "job"
    config: Config | None = None  # of a training, by which advice is given
    ADVICE_ON_MEMORY = shortage.ANY_ADVICE  # of what has no config
    RECORDS = ("state.json", "result.json")  # files from which readers know how it stands

    def __init__(self, job_id: str, folder: Path):
        self.id, self.folder = job_id, folder

    def _path(self, name: str) -> Path:
        return self.folder / name

    @property
    def lock_file(self) -> Path:
        return self._path("lock")

    @property
    def log_file(self) -> Path:
        return self._path("log.txt")

    # -- what the worker writes ----------------------------------------------------------------------------------

    def log(self, line: str) -> None:
        with naming(self.log_file), self.log_file.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {without_tokens(line)}\n")

    def renew(self) -> None:
        """Forgets the outcome and the stop of the last attempt, before a worker is started for the next."""
        self._path("stop").unlink(missing_ok=True)
        self._path("result.json").unlink(missing_ok=True)
        for name in self.RECORDS[:2]:  # what a killed worker was writing, which nobody writes now
            forget_unfinished(self._path(name))

    def begin(self) -> int:
        """Starts an attempt, in the queue. Returns its number, counted from 1."""
        attempt = (self.state().get("attempt") or 0) + 1
        self.beat(attempt=attempt, queued=True, doing=None)
        return attempt

    def beat(self, **changes) -> None:
        """Writes what has changed of the state, with a heartbeat that no change of the clock can touch."""
        if not self.folder.is_dir():
            raise InputError(f"{self.id} was deleted.")
        write_json(self._path("state.json"), {**self.state(), **changes, "heartbeat": _heartbeat()})

    def pulse(self, doing: dict | None) -> None:
        """Renews the heartbeat while something other than a step goes on, `{what, done, total}`; at most once a second.

        A `total` of 0 says that nobody can tell how far it is, as while something is loaded.
        """
        state = self.state()
        age = _age(state.get("heartbeat"))
        known = state.get("doing") or {}
        if age is None or age > 1 or (doing or {}).get("what") != known.get("what"):
            self.beat(doing=doing)

    def keep_spare(self) -> None:
        """Takes room on the disk for the outcome, which must find some on a full one; `free_spare` gives it back."""
        with naming(self._path(".spare")), self._path(".spare").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, SPARE)

    def free_spare(self) -> None:
        self._path(".spare").unlink(missing_ok=True)

    def end(self, status: str, error: dict | None = None) -> None:
        """Writes the outcome, last of all: `finished`, `stopped` or `failed` with `{reason, message, advice}`."""
        told = {key: without_tokens(text) for key, text in error.items()} if error else None
        write_json(self._path("result.json"), {"status": status, "error": told})

    def request_stop(self) -> None:
        """Asks the worker to save and stop; it looks at every step. Raises InputError when there is no worker."""
        if self.holder() is None:
            raise InputError(f"{self.id} is {self.status()}; there is nothing to stop.")
        self.mark_stop()

    def mark_stop(self) -> None:
        """The mark that a worker looks for; safe in a signal handler, for it takes no lock."""
        if self.folder.is_dir():
            write(self._path("stop"), "")

    def stop_requested(self) -> bool:
        return self._path("stop").exists()

    # -- what readers see ----------------------------------------------------------------------------------------

    def state(self) -> dict:
        """What the worker last said of itself: `attempt, queued, doing, heartbeat`, and of a run its progress."""
        return read_json(self._path("state.json")) or {}

    def pace(self) -> float:
        """Seconds that its last step took, as far as it has steps and has told."""
        return 0

    def room_to_come(self) -> int:
        """Bytes that it may still write, by what was estimated of it; 0 where nothing was."""
        estimated = self.state().get("disk_bytes") or 0
        return max(0, estimated - sum(written.size for written in files_below(self.folder))) if estimated else 0

    def holder(self) -> int | None:
        """The pid of the process that works on it, by its lock; None when there is none."""
        return lock_holder(self.lock_file)

    def status(self) -> str:
        """`queued | running | stalled | stopping | stopped | finished | failed | interrupted`, from lock, heartbeat, result."""
        if self.holder() is not None:
            state = self.state()
            if self.stop_requested():
                return "stopping"
            is_counting = state.get("queued") or (state.get("doing") or {}).get("total") != 0
            silence = _age(state.get("heartbeat")) or 0
            if silence > (STALLED_AFTER if is_counting else STALLED_LOADING):
                return "stalled"
            return "queued" if state.get("queued") else "running"
        result, state = read_json(self._path("result.json")), self.state()
        if result:
            return result["status"]
        age = _age(state.get("heartbeat"))
        return "queued" if state.get("queued") and age is not None and age < STARTING else "interrupted"

    def stamp(self) -> tuple | None:
        """Another one whenever readers may find something else; nothing is read for it. None while a process works on it."""
        seen = dict(zip(self.RECORDS, map(file_mark, self._records), strict=True))
        return None if seen["result.json"] is None and self.holder() is not None else tuple(seen.values())

    @cached_property
    def _records(self) -> list[str]:
        """As strings: of hundreds of runs, again and again, building paths costs more than looking at the files."""
        return [str(self._path(name)) for name in self.RECORDS]

    def error(self) -> dict | None:
        """`{reason, message, advice}` of a failure, or of a kill by the kernel for want of memory, else None."""
        result = read_json(self._path("result.json"))
        if result:
            return result.get("error")
        heartbeat = self.state().get("heartbeat") or {}
        blame = shortage.killed_since(heartbeat.get("kills")) if heartbeat.get("boot_id") == _boot_id() else None
        if not blame or self.status() != "interrupted":
            return None
        return shortage.by_kernel(self.config, self.ADVICE_ON_MEMORY, blame == "sure")

    def settle(self) -> None:
        """Keeps how an attempt ended whose worker was killed, before a later kill can be taken for its end."""
        state = self.state()
        is_over = state.get("attempt") and not state.get("queued") and not self._path("result.json").exists()
        if is_over and self.status() == "interrupted":
            self.end("interrupted", self.error())

    def log_tail(self, lines: int | None = None) -> str:
        """The log, or its last lines."""
        try:
            text = self.log_file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return text if lines is None else "".join(text.splitlines(keepends=True)[-lines:])

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Holds the lock; raises InputError when another process has it. The lock proves that a worker lives.

        A POSIX lock (lockf), because flock stays held by a living child after its parent was killed. Nothing else in
        this process may open the file: closing any handle of it would drop the lock.
        """
        with hold(self.lock_file, f"{self.id} is running already."):
            yield

    def delete(self) -> None:
        """Removes the folder. Raises InputError while a worker lives, and when there is no such folder any more."""
        if not self.folder.is_dir():
            raise InputError(f"{self.id} was deleted already.")
        with hold(self.lock_file, f"{self.id} is {self.status()}; stop it first."):
            self.folder.rename(self.folder.with_name(f".deleted-{self.id}-{time.time_ns()}"))
        for doomed in self.folder.parent.glob(".deleted-*"):  # also what an earlier deletion has left half-way
            shutil.rmtree(doomed, ignore_errors=True)


@contextmanager
def hold(path: Path, otherwise: str) -> Iterator[None]:
    """Holds a POSIX lock on a file; raises InputError with the sentence `otherwise` when it is taken."""
    with _threads:
        if path in _held:
            raise InputError(otherwise)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise InputError(otherwise) from error
        _held[path] = handle
    try:
        yield
    finally:
        with _threads:
            del _held[path]
            os.close(handle)


def lock_holder(path: Path) -> int | None:
    """The pid that holds a POSIX lock on a file, asked without taking it; None when nobody does."""
    with _threads:
        if path in _held:
            return os.getpid()
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            layout = "hhqqi4x"  # struct flock on 64-bit Linux: type, whence, start, length, pid
            answer = fcntl.fcntl(handle, fcntl.F_GETLK, struct.pack(layout, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
            kind, _, _, _, pid = struct.unpack(layout, answer)
            return None if kind == fcntl.F_UNLCK else pid
        finally:
            os.close(handle)


class Written(NamedTuple):
    """A file: its path, and by what one sees that it has changed."""

    path: str
    size: int
    changed: int


def files_below(folder: Path) -> list[Written]:
    """The files in a folder's folders, without those that lie in itself; what goes meanwhile is left out."""
    found = []
    for place, _, names in os.walk(folder):
        for name in names if Path(place) != folder else ():
            with suppress(FileNotFoundError):
                about = Path(place, name).stat()
                found.append(Written(f"{place}/{name}", about.st_size, about.st_mtime_ns))
    return found


def file_mark(path: Path | str) -> tuple | None:
    """By which one sees that a file has changed, without reading it; None where there is none."""
    try:
        about = os.stat(path)  # noqa: PTH116 - a Path costs more than the look itself, and the page looks all the time
    except FileNotFoundError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns


def _heartbeat() -> dict:
    boottime = time.clock_gettime(time.CLOCK_BOOTTIME)
    return {"boot_id": _boot_id(), "boottime": boottime, "kills": shortage.kills()}


def _age(heartbeat: dict | None) -> float | None:
    if not heartbeat or heartbeat["boot_id"] != _boot_id():
        return None
    return time.clock_gettime(time.CLOCK_BOOTTIME) - heartbeat["boottime"]


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
