"""How far runs are, for those who look again and again: points read as they are added, time left, smoothing, thinning."""

import json
import threading
from functools import lru_cache
from pathlib import Path

from lab import runs
from lab.errors import InputError
from lab.home import Home
from lab.job import ALIVE
from lab.runs import Run

LOSSES = ["loss", "validation_loss"]
SCORES = ["accuracy", "macro_f1", "invalid", "train_accuracy", "train_macro_f1", "train_invalid"]
RATES = ["rows_per_s", "tokens_per_s", "row_tokens_per_s"]
BROKEN = "broken"  # the status of a folder that cannot be read
# What a file may raise that a crash, a full disk or an editor has left.
UNREADABLE = (InputError, OSError, ValueError, LookupError, TypeError, AttributeError)


# -- a run at a glance ---------------------------------------------------------------------------------------------------


def overview(home: Home) -> list[dict]:
    """All runs at a glance, newest first; one that cannot be read is among them and hides no other."""
    found = []
    for run_id in runs.listing(home):
        try:
            found.append(glance(Run(home, run_id)))
        except UNREADABLE as error:
            found.append(broken(run_id, error))
    return found


def glance(run: Run) -> dict:
    """`id, status, step, total_steps, epoch, attempt, ticket, doing, batches, error, seconds, left, loss, accuracy, rates`, cheaply."""
    state, status, last = run.state(), run.status(), _tail(run.points_file).last()
    step, total = int(state.get("step") or 0), int(state.get("total_steps") or 0)
    alive = status in ALIVE
    return {
        "id": run.id,
        "status": status,
        "step": step,
        "total_steps": total,
        "epoch": state.get("epoch"),
        "attempt": state.get("attempt"),
        "ticket": int(state.get("ticket") or 0),
        "doing": state.get("doing") if alive else None,
        "batches": state.get("batches"),
        "error": run.error(),
        "seconds": last.get("seconds"),
        "left": seconds_left(last.get("seconds"), last.get("step"), total) if alive and step else None,
        "loss": last.get("loss"),
        "accuracy": last.get("accuracy"),
        "rates": {key: last[key] for key in RATES if last.get(key)},
    }


def log_size(run: Run) -> int:
    """By which one sees whether a run's log says more than before."""
    try:
        return run.log_file.stat().st_size
    except FileNotFoundError:
        return 0


def broken(run_id: str, error: Exception) -> dict:
    """A run that cannot be read, at a glance."""
    plain = isinstance(error, InputError)
    message = str(error) if plain else f"A file of it is missing or cannot be read ({type(error).__name__})."
    advice = "Put its folder right, or delete the folder."
    return {
        "id": run_id,
        "status": BROKEN,
        "ticket": 0,
        "error": {"reason": BROKEN, "message": message, "advice": advice},
    }


def rates_in_words(rates: dict) -> str:
    """How fast it trains; empty where nothing is known."""
    if not all(isinstance(rates.get(key), int | float) for key in RATES):
        return ""
    rows, tokens, of_rows = (rates[key] for key in RATES)
    return f"{rows:,.1f} rows a second: {tokens:,.0f} tokens through the model, {of_rows:,.0f} tokens of the rows."


def seconds_left(seconds: float | None, step: int | None, total: int | None) -> float | None:
    """Training time still to come, at the pace so far; None when there is no pace yet."""
    return seconds / step * max(0, total - step) if seconds and step and total else None


def in_words(seconds: float) -> str:
    """A span of time: 8 s, 1 min 20 s, 2 h 5 min, 3 d 4 h."""
    seconds = max(0, round(seconds))
    for large, small, unit, unit_below in ((86400, 3600, "d", "h"), (3600, 60, "h", "min"), (60, 1, "min", "s")):
        if seconds >= large:
            rest = seconds % large // small
            return f"{seconds // large} {unit}" + (f" {rest} {unit_below}" if rest else "")
    return f"{seconds} s"


# -- reading what was added ----------------------------------------------------------------------------------------------


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
        try:
            about = self.path.stat()
        except FileNotFoundError:
            anew, self.offset, self.seen, self.head = self.offset > 0, 0, None, b""
            return b"", anew
        seen = (about.st_ino, about.st_size, about.st_mtime_ns)
        if seen == self.seen:
            return b"", False
        with self.path.open("rb") as file:
            head = file.read(256)  # an id that is used again may get the same inode, but not the same first point
            anew = about.st_size < self.offset or not head.startswith(self.head)
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
    """The losses and scores of a run by step, read as they are added; of a step logged twice the last attempt counts."""

    def __init__(self, run: Run):
        self._run, self._file, self._lock = run, Growing(run.points_file), threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._lines: dict[str, dict] = {key: {} for key in [*LOSSES, *SCORES]}
        self._epochs: dict[int, float] = {}  # of the steps at which something was scored
        self._rows: dict[str, int] = {}

    def update(self) -> tuple:
        """Reads what is new. Returns a mark that is another one whenever there is something else to draw."""
        with self._lock:
            new, anew = self._file.added()
            if anew:
                self._forget()
            for point in filter(None, map(_point, new.splitlines())):
                step = point["step"]
                for key in self._lines.keys() & point.keys():
                    self._lines[key][step] = point[key]
                if "loss" not in point:
                    self._epochs[step] = point.get("epoch")
            return (self._file.head, self._file.offset)

    def lines(self) -> dict[str, dict]:
        """`{key: {step: value}}` in the order of the steps, and `epoch` at the steps that were scored; all scores as shares."""
        with self._lock:
            lines = {key: dict(sorted(line.items())) for key, line in {**self._lines, "epoch": self._epochs}.items()}
            for key, split in (("invalid", "validation"), ("train_invalid", "train")):
                if lines[key]:
                    if split not in self._rows:
                        self._rows[split] = max(1, len(self._run.rows(split)))
                    lines[key] = {step: count / self._rows[split] for step, count in lines[key].items()}
            return lines


@lru_cache(maxsize=1000)
def _tail(path: Path) -> Tail:
    return Tail(path)


@lru_cache(maxsize=8)  # runs that are being looked at; a hundred thousand points take about 20 MB
def points(home: Home, run_id: str) -> Points:
    """The points of a run, shared by all who look at it."""
    return Points(Run(home, run_id))


# -- numbers for a chart -------------------------------------------------------------------------------------------------


def smooth(values: list[float]) -> list[float]:
    """A running average over about a twentieth of the values, at least five and at most a hundred of them."""
    keep = 1 - 1 / min(100, max(5, len(values) / 20))
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
