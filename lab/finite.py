"""Losses and gradients that are no numbers: three in a row end a training, and weights that hold one are never saved."""

import math

import torch

from lab.errors import WorkError

MOST = 3  # in a row


class NoNumber(WorkError):
    """Ends a training that has nothing left to learn with."""

    reason = "no_number"


class Watch:
    """Counts, for each thing that is measured, how often in a row it was no number."""

    def __init__(self):
        self._since: dict[str, tuple[int, int, str]] = {}  # times in a row, the step of the first, what it was

    def see(self, what: str, step: int, value: float | None) -> None:
        """Takes note of a value; None: it was not measured, or does not count. Raises NoNumber at the third in a row."""
        if value is None:
            return
        if math.isfinite(value):
            self._since.pop(what, None)
            return
        times, first, name = self._since.get(what, (0, step, "NaN" if math.isnan(value) else "infinite"))
        self._since[what] = times + 1, first, name
        if times + 1 >= MOST:
            raise NoNumber(f"The {what} was {name} at step {first:,}, and no number {MOST} times in a row.")


def holds_no_number(network: torch.nn.Module) -> str | None:
    """The first of the trained weights that holds something which is no number; None when all can be saved."""
    for name, weight in network.named_parameters():
        if weight.requires_grad and not torch.isfinite(weight).all():
            return name
    return None
