"""The points that runs log, read as they are added; and the numbers of which charts are made."""

import json
import os
import re
import threading
from bisect import bisect_right
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from lab.home import Home
from lab.job import file_mark
from lab.runs import Run

LOSSES = ["loss", "validation_loss"]
SCORES = ["accuracy", "macro_f1", "invalid", "train_accuracy", "train_macro_f1", "train_invalid"]
RATES = ["rows_per_s", "tokens_per_s", "row_tokens_per_s"]
PACE = ["learning_rate", "grad_norm", "rows_per_s", "tokens_per_s", "memory_bytes"]  # beside the losses of a step
KEYS = [*LOSSES, *SCORES, *PACE, "epoch"]
_LOSS = re.compile(rb'"loss": *(-?\d[^,}]*)[,}]')


def _point(line: bytes) -> dict:
    """A line as a point; empty for one that is none, which hides no other."""
    try:
        point = json.loads(line)
    except ValueError:
        return {}
    return point if isinstance(point, dict) and isinstance(point.get("step"), int) else {}


class Growing:
    """A file of lines that only grows; `added` returns the whole lines that are new since the last call."""

    def __init__(self, path: Path):
        self.path, self.offset, self.seen, self.head = path, 0, None, b""

    def added(self) -> tuple[bytes, bool]:
        """The new bytes, and whether the file is another one than before, of which they are all."""
        seen = file_mark(self.path)
        if seen is None:
            anew, self.offset, self.seen, self.head = self.offset > 0, 0, None, b""
            return b"", anew
        if seen == self.seen:
            return b"", False
        with self.path.open("rb") as file:
            head = file.read(256)  # an id that is used again may get the same inode, but not the same first point
            anew = seen[1] < self.offset or not head.startswith(self.head)
            if anew:
                self.offset = 0
            file.seek(self.offset)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]  # behind the last line break stands nothing, or a torn line
        self.offset, self.seen, self.head = self.offset + len(new), seen, head[: self.offset + len(new)]
        return new, anew


class Tail:
    """The newest values of a run, found without parsing its other points."""

    def __init__(self, path: Path):
        self._file, self._found, self._lock = Growing(path), {}, threading.Lock()

    def last(self) -> dict:
        """`step, seconds, loss` and the rates of the newest training step, and the newest `accuracy`."""
        with self._lock:
            new, anew = self._file.added()
            found = {} if anew else self._found
            for mark, keys in ((b'"loss"', ("step", "seconds", "loss", *RATES)), (b'"accuracy"', ("accuracy",))):
                at = new.rfind(mark)
                if at >= 0:
                    point = _point(new[new.rfind(b"\n", 0, at) + 1 : new.find(b"\n", at)])
                    found = found | {key: point.get(key) for key in keys}
            self._found = found
            return found


class Points:
    """What a run has logged, by step, read as it is added; of a step logged twice the last attempt counts."""

    def __init__(self, run: Run):
        self._run, self._file, self._lock = run, Growing(run.points_file), threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._lines: dict[str, dict] = {key: {} for key in KEYS}
        self._rows: dict[str, int] = {}

    def update(self) -> tuple:
        """Reads what is new. Returns a mark that is another one whenever there is something else to draw."""
        with self._lock:
            new, anew = self._file.added()
            if anew:
                self._forget()
            for point in filter(None, map(_point, new.splitlines())):
                for key in self._lines.keys() & point.keys():
                    self._lines[key][point["step"]] = point[key]
            return (self._file.head, self._file.offset)

    def lines(self) -> dict[str, dict]:
        """`{key: {step: value}}` for all KEYS, in the order of the steps; all scores as shares."""
        with self._lock:
            lines = {key: _in_order(line) for key, line in self._lines.items()}
            for key, split in (("invalid", "validation"), ("train_invalid", "train")):
                if lines[key]:
                    if split not in self._rows:
                        self._rows[split] = max(1, self._run.count(split))
                    lines[key] = {step: count / self._rows[split] for step, count in lines[key].items()}
            return lines


def _in_order(line: dict) -> dict:
    """A copy by step, which is how nearly every run has logged it already."""
    return dict(line) if all(a < b for a, b in pairwise(line)) else dict(sorted(line.items()))


@lru_cache(maxsize=1000)
def tail(path: Path) -> Tail:
    """The newest values in a file of points, shared by all who look at it."""
    return Tail(path)


@lru_cache(maxsize=16)  # runs that are being looked at; a hundred thousand points take about 80 MB
def points(home: Home, run_id: str) -> Points:
    """The points of a run, shared by all who look at it."""
    return Points(Run(home, run_id))


def glimpse(path: Path, places: int = 24, block: int = 2048) -> tuple[float, ...]:
    """The training loss in a few numbers, each the mean of what stands about one place of the file; the rest is not read."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return ()
    try:
        size = os.fstat(handle).st_size
        if size <= places * block:
            found = list(map(float, _LOSS.findall(os.read(handle, size))))
            every = -(-len(found) // places) or 1
            parts = [found[i : i + every] for i in range(0, len(found), every)]
        else:
            starts = [i * (size - block) // (places - 1) for i in range(places)]
            parts = [list(map(float, _LOSS.findall(os.pread(handle, block, start)))) for start in starts]
    finally:
        os.close(handle)
    return tuple(sum(part) / len(part) for part in parts if part)


# -- numbers for a chart -------------------------------------------------------------------------------------------------


def smooth(values: list[float], keep: float = 0.9) -> list[float]:
    """A running average in which each value weighs `keep` times the next one; 0 leaves them as they are."""
    total = weight = 0.0
    smoothed = []
    for value in values:
        total, weight = keep * total + (1 - keep) * value, keep * weight + (1 - keep)
        smoothed.append(total / weight)
    return smoothed


def thin(values: list[float], most: int = 1000) -> list[int]:
    """The places of at most `most` values: first and last, and the lowest and highest of every stretch between.

    Stretches double in length as values come, so that what is drawn already stays where it is.
    """
    if len(values) <= most:
        return list(range(len(values)))
    stretch = 2
    while 2 * -(-len(values) // stretch) > most - 2:
        stretch *= 2
    places = {0, len(values) - 1}
    for start in range(0, len(values), stretch):
        part = range(start, min(start + stretch, len(values)))
        places |= {min(part, key=values.__getitem__), max(part, key=values.__getitem__)}
    return sorted(places)


# -- by epoch --------------------------------------------------------------------------------------------------------------


def by_epoch(lines: dict[str, dict]) -> list[dict]:
    """What was measured now and then, in the order of the steps: `step, epoch, loss, validation_loss` and the scores.

    `loss` is the mean of the training losses since the step before; what was not measured is None.
    """
    scored = sorted(set().union(*(lines[key] for key in ("validation_loss", *SCORES))))
    losses = [(step, loss) for step, loss in lines["loss"].items() if isinstance(loss, int | float)]
    found, before = [], 0
    for step in scored:
        upto = bisect_right(losses, step, key=lambda entry: entry[0])
        part = [loss for _, loss in losses[before:upto]]
        row = {"step": step, "epoch": lines["epoch"].get(step), "loss": sum(part) / len(part) if part else None}
        found.append(row | {key: lines[key].get(step) for key in ("validation_loss", *SCORES)})
        before = upto
    return found
