"""Real workers without their seconds of imports: forked by a server that has loaded the trainer and done nothing else."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import jobs, worker

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["lab.train", "lab.evaluate", "lab.worker"])


class Forked:
    """What `jobs.spawn` gives back, as far as `jobs.start` uses it."""

    def __init__(self, words: list[str], log: Path, before: Callable[[], None] | None = None):
        self.process = _FORKING.Process(target=_live, args=(words[1:], str(log), before), daemon=True)
        self.process.start()

    def poll(self) -> int | None:
        return self.process.exitcode

    def kill(self) -> None:
        self.process.kill()

    def wait(self, timeout: float | None = None) -> None:
        self.process.join(timeout)


def _live(words: list[str], log: str, before: Callable[[], None] | None) -> None:
    os.setsid()
    if before:
        before()
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(out, 1)
    os.dup2(out, 2)
    worker.main(*words)


@pytest.fixture
def quick_workers(monkeypatch) -> None:
    """From now on workers are forked; in all else they are what they always are."""
    monkeypatch.setattr(jobs, "spawn", Forked)
