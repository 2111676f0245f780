"""Waiting for what other processes do."""

import time
from collections.abc import Callable

PATIENCE = 180  # seconds; a training beside other work


def until(true: Callable, what: str = "it is so", patience: float = PATIENCE):
    """Waits until something is true; returns it."""
    end = time.monotonic() + patience
    while not (found := true()):
        assert time.monotonic() < end, f"waited {patience} s until {what}"
        time.sleep(0.05)
    return found
