"""Signs of life of the generation worker: its process touches the lock that it holds; who waits for it hears when it no longer does.

A thread of its own does so, whatever the model does, so that a slow one is never taken for a process that hangs.
"""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from lab import ending
from lab.errors import WorkError
from lab.job import file_mark

WORKER = b"lab.generator"  # in its command line
BEAT_EVERY = 2  # seconds between two signs
SILENT_AFTER = 120  # seconds without one; some libraries let no other thread work while a slow disk loads them
LONGEST_LOOK = 1  # seconds of silence that one look may count; the machine may have slept since the one before


def give(lock: Path) -> None:
    """From now on this process gives signs of life."""

    def beat() -> None:
        while True:
            with suppress(OSError):  # it takes no room, but a disk may fail
                os.utime(lock)
            time.sleep(BEAT_EVERY)

    threading.Thread(target=beat, daemon=True).start()


class Watch:
    """Listens for the signs of life of the worker that holds a lock."""

    def __init__(self, lock: Path):
        self.lock, self.sign, self.silence, self.looked = lock, file_mark(lock), 0.0, time.monotonic()

    def look(self) -> None:
        """To be called again and again. Raises WorkError for a worker that was silent for too long, which is killed."""
        sign, now = file_mark(self.lock), time.monotonic()
        self.silence = self.silence + min(now - self.looked, LONGEST_LOOK) if sign == self.sign else 0.0
        self.sign, self.looked = sign, now
        if self.silence > SILENT_AFTER:
            kill(self.lock, sign)
            raise WorkError(
                f"The generation worker hung: it gave no sign of life for {SILENT_AFTER:g} s, and was ended. Ask again; if it "
                "happens again, see generator/log.txt in the home folder, and whether the machine is short of memory."
            )


def kill(lock: Path, sign: tuple | None = None) -> None:
    """Ends the worker that holds a lock, if there is one; with a `sign` only if it has not given another since."""
    worker = ending.worker_of(lock, WORKER)
    if worker is not None and (sign is None or file_mark(lock) == sign):
        ending.see_out(worker.pid, worker.begun, ending.AT_ONCE)
