"""How far runs are, for those who look again and again; and in words."""

from contextlib import suppress
from pathlib import Path

from lab import comparison, merging, points, publish, runs, scoring
from lab.comparison import EvaluationJob
from lab.errors import InputError
from lab.home import Home
from lab.job import ALIVE, file_mark
from lab.merging import Merging
from lab.points import RATES
from lab.publish import Push
from lab.runs import Run
from lab.scoring import Scoring

BROKEN = "broken"  # the status of a folder that cannot be read
# What a file may raise that a crash, a full disk or an editor has left.
UNREADABLE = (InputError, OSError, ValueError, LookupError, TypeError, AttributeError)


# -- a run at a glance ---------------------------------------------------------------------------------------------------


# By the folder of runs and by id: the run, its stamp, and what was found then.
_seen: dict[Path, dict[str, tuple[Run, tuple, dict]]] = {}


def overview(home: Home) -> list[dict]:
    """All runs at a glance, newest first; one that cannot be read is among them and hides no other.

    Runs on which nobody works are read again only when their files have changed.
    """
    found, ids, seen = [], runs.listing(home), _seen.setdefault(home.runs, {})
    for run_id in ids:
        try:
            found.append(_at_a_glance(home, run_id, seen))
        except UNREADABLE as error:
            found.append(broken(run_id, error))
    for gone in seen.keys() - set(ids):
        seen.pop(gone, None)
    return found


def _at_a_glance(home: Home, run_id: str, seen: dict[str, tuple[Run, tuple, dict]]) -> dict:
    run, stamp, known = seen.get(run_id) or (None, None, None)
    if run and stamp == run.stamp():
        return known
    seen.pop(run_id, None)
    run = Run(home, run_id)
    stamp = run.stamp()
    found = glance(run)
    if stamp is not None and found["status"] not in ALIVE:
        seen[run_id] = run, stamp, found
    return found


def glance(run: Run) -> dict:
    """`id, title, notes, status, step, total_steps, epoch, attempt, ticket, doing, batches, error, seconds, left, loss,
    accuracy, rates` and `losses`, a few of the training losses from first to last; cheaply."""
    state, status, last = run.state(), run.status(), points.tail(run.points_file).last()
    step, total = int(state.get("step") or 0), int(state.get("total_steps") or 0)
    alive = status in ALIVE
    return {
        "id": run.id,
        **run.about(),
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
        "losses": points.glimpse(run.points_file),
        "accuracy": last.get("accuracy"),
        "rates": {key: last[key] for key in RATES if last.get(key)},
    }


def places(home: Home, found: list[dict]) -> dict[str, int]:
    """How many jobs come before each queued run, evaluations among them; `found` as `overview` gives it."""
    queued = [run for run in found if run["status"] == "queued"]
    if not queued:
        return {}
    tickets = [run["ticket"] for run in found if run["status"] in ALIVE]
    others = [(EvaluationJob, name) for name in comparison.listing(home)]
    others += [(Scoring, name) for name in scoring.listing(home)]
    others += [(Merging, name) for name in merging.listing(home)] + [(Push, name) for name in publish.listing(home)]
    for kind, job_id in others:
        with suppress(InputError):  # deleted in the meantime
            job = kind(home, job_id)
            tickets += [job.state().get("ticket") or 0] if job.holder() is not None else []
    return {run["id"]: sum(ticket < run["ticket"] for ticket in tickets) for run in queued}


def log_size(run: Run) -> int:
    """By which one sees whether a run's log says more than before."""
    return (file_mark(run.log_file) or (0, 0))[1]


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
