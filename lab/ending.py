"""The end of workers that were asked to stop: what is left of one when its time of grace is over is killed.

`python -m lab.ending LOCK PID BEGUN SECONDS QUEUED LONGEST …`, so for each of them, started with every stop, in a process of
its own: who asked may be gone by then.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from lab.errors import InputError
from lab.home import read_json
from lab.job import file_mark, files_below, hold, lock_holder

WORKER = b"lab.worker"  # in the command line of every worker of a job
LOOK_EVERY = 0.2  # seconds between two looks at what is left of a session
GIVE_UP_AFTER = 10  # seconds of killing
HEAR_EVERY = 1  # seconds between two looks for a sign of life
EACH = 6  # words for each worker


class Process(NamedTuple):
    """What the kernel says of a process; number and begin together are never used again while the machine is up."""

    pid: int
    begun: int  # ticks since boot
    session: int
    state: str


def process(pid: int) -> Process | None:
    """A process by its number; None when there is none."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = said.rpartition(")")[2].split()  # a name may hold blanks and brackets
    return Process(pid, int(fields[19]), int(fields[3]), fields[0])


def worker_of(lock: Path, module: bytes = WORKER) -> Process | None:
    """The worker that holds a lock, with a session of its own; None when nobody holds it, or what holds it is no worker."""
    pid = lock_holder(lock)
    found = process(pid) if pid else None
    if (
        found is None or found.session != pid or lock_holder(lock) != pid
    ):  # asked again: else the number may be another's
        return None
    with suppress(OSError):
        return found if module in Path(f"/proc/{pid}/cmdline").read_bytes() else None
    return None


def members(session: int) -> list[Process]:
    """The living processes of a session."""
    found = [process(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [one for one in found if one and one.session == session and one.state not in "ZX"]


class Grace(NamedTuple):
    """Seconds that a worker may take to its end: from its last sign of life, while it only waits for its turn, and in all."""

    quiet: float
    queued: float
    longest: float


AT_ONCE = Grace(0, 0, 0)


def see_out(pid: int, begun: int, grace: Grace, folder: Path | None = None) -> bool:
    """Waits until a worker has ended, and kills it when it has not by then; and what is left of its session then.

    Signs of its life are its heartbeat and what it writes into the folders in its own one. Returns whether it had to be killed.
    """
    with _handle(pid) as worker:
        seen, is_late = process(pid), False
        if worker is not None and seen and seen.begun == begun:  # so the handle is of this very process
            is_late = not _ends(worker, grace, folder)
            if is_late:
                signal.pidfd_send_signal(worker, signal.SIGKILL)
                # Its first thread may have ended before others, which still hold its lock and its memory.
                select.select([worker], [], [], GIVE_UP_AFTER)
        _clear(pid, begun)
        return is_late


def _ends(worker: int, grace: Grace, folder: Path | None) -> bool:
    """Whether a worker ends by itself within its time of grace."""
    asked = heard = time.monotonic()
    signs = _signs(folder)
    while True:
        quiet = grace.queued if _is_queued(folder) else grace.quiet
        left = min(heard + quiet, asked + grace.longest) - time.monotonic()
        if select.select([worker], [], [], max(0, min(left, HEAR_EVERY)))[0]:
            return True
        if left <= 0:
            return False
        if (now := _signs(folder)) != signs:
            signs, heard = now, time.monotonic()


def _signs(folder: Path | None) -> list:
    return [file_mark(folder / "state.json"), *files_below(folder)] if folder else []


def _is_queued(folder: Path | None) -> bool:
    return bool(folder and (read_json(folder / "state.json") or {}).get("queued"))


def _clear(session: int, begun: int) -> None:
    """Kills all that lives of a session whose leader began then; again and again, for it may go on forking."""
    end = time.monotonic() + GIVE_UP_AFTER
    while time.monotonic() < end and (left := members(session)):
        leader = process(session)
        if leader and leader.begun != begun:  # the number is used again, which it is not while the session lives
            return
        for one in left:
            with _handle(one.pid) as handle, suppress(ProcessLookupError):
                seen = process(one.pid)
                if handle is not None and seen and seen.begun == one.begun:
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
        time.sleep(LOOK_EVERY)


@contextmanager
def _handle(pid: int) -> Iterator[int | None]:
    """A pidfd, which means one process for good, however often its number is used again; None when there is none."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _see_to(words: tuple[str, ...]) -> None:
    lock, pid, begun, grace = Path(words[0]), int(words[1]), int(words[2]), Grace(*map(float, words[3:]))
    with suppress(InputError, FileNotFoundError), hold(lock.with_name(".ending"), "Somebody sees to it already."):
        if see_out(pid, begun, grace, lock.parent):
            with lock.with_name("log.txt").open("a", encoding="utf-8") as log:
                seconds = f"{grace.quiet:g} s of its last sign of life, or {grace.longest:g} s in all"
                log.write(f"killed: it had not stopped within {seconds}\n")


def main(*words: str) -> None:
    """Sees to the end of each worker that is named."""
    named = [words[at : at + EACH] for at in range(0, len(words), EACH)]
    with ThreadPoolExecutor(len(named)) as threads:
        list(threads.map(_see_to, named))  # so that what goes wrong is raised


if __name__ == "__main__":
    main(*sys.argv[1:])
