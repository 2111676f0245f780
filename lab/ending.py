"""The end of a worker that was asked to stop: what is left of it when the time of grace is over is killed.

`python -m lab.ending LOCK PID BEGUN SECONDS`, started with every stop, in a process of its own: who asked may be gone by then.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from lab.errors import InputError
from lab.job import hold, lock_holder

WORKER = b"lab.worker"  # in the command line of every worker
LOOK_EVERY = 0.2  # seconds between two looks at what is left of a session
GIVE_UP_AFTER = 10  # seconds of killing


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


def worker_of(lock: Path) -> Process | None:
    """The worker that holds a lock, with a session of its own; None when nobody holds it, or what holds it is no worker."""
    pid = lock_holder(lock)
    found = process(pid) if pid else None
    if (
        found is None or found.session != pid or lock_holder(lock) != pid
    ):  # asked again: else the number may be another's
        return None
    with suppress(OSError):
        return found if WORKER in Path(f"/proc/{pid}/cmdline").read_bytes() else None
    return None


def members(session: int) -> list[Process]:
    """The living processes of a session."""
    found = [process(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [one for one in found if one and one.session == session and one.state not in "ZX"]


def see_out(pid: int, begun: int, seconds: float) -> bool:
    """Waits until a worker has ended, and kills it when it has not by then; and what is left of its session then.

    Returns whether the worker had to be killed.
    """
    with _handle(pid) as worker:
        seen, is_late = process(pid), False
        if worker is not None and seen and seen.begun == begun:  # so the handle is of this very process
            is_late = not select.select([worker], [], [], seconds)[0]
            if is_late:
                signal.pidfd_send_signal(worker, signal.SIGKILL)
        _clear(pid, begun)
        return is_late


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


def main(lock: str, pid: str, begun: str, seconds: str) -> None:
    with suppress(InputError), hold(Path(lock).with_name(".ending"), "Somebody sees to it already."):
        if see_out(int(pid), int(begun), float(seconds)):
            print(f"killed: it had not stopped within {float(seconds):g} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
