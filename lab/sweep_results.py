"""What comes of a sweep: how its points stand, their scores beside each other, and what is still to be scored."""

from contextlib import suppress
from functools import lru_cache

from lab import comparison, scoreboard, sweeps, text_scores
from lab.comparison import Comparison
from lab.errors import InputError
from lab.evaluations import Evaluation
from lab.home import Home
from lab.runs import Run
from lab.scoring import Scoring
from lab.sweeps import NOT_STARTED, Sweep
from lab.wanted_metrics import Metric

DELETED = "deleted"  # beside the statuses of a run


def status_of(home: Home, run_id: str | None) -> str:
    """The status of a point's run."""
    if run_id is None:
        return NOT_STARTED
    try:
        return Run(home, run_id).status()
    except InputError:
        return DELETED


def job_of(home: Home, sweep: Sweep) -> Scoring | None:
    """The job that evaluates the decodings of a subject; None where none was needed, or it is gone."""
    with suppress(InputError):
        return Scoring(home, sweep.job) if sweep.job else None
    return None


def members(home: Home, sweep: Sweep) -> list[dict]:
    """`{id, status, reused, values}` of each point: of its run, or of a sweep over decodings of its evaluation."""
    if sweep.grid.asking:
        found = _decodings(home, sweep)
    else:
        found = [{"id": one["id"], "status": status_of(home, one["id"])} for one in sweep.runs]
    return [
        {**one, "reused": kept["reused"], "values": point.values}
        for one, kept, point in zip(found, sweep.runs, sweep.grid.points, strict=True)
    ]


def _decodings(home: Home, sweep: Sweep) -> list[dict]:
    made, job = scores(home, sweep), job_of(home, sweep)
    status = job.status() if job else NOT_STARTED
    status = NOT_STARTED if status == "finished" else status  # what it made was deleted since
    return [{"id": one and one.id, "status": "finished" if one else status} for one in made]


def counted(found: list[dict]) -> dict[str, int]:
    """How many points have which status, in the order in which they first occur."""
    counts: dict[str, int] = {}
    for one in found:
        counts[one["status"]] = counts.get(one["status"], 0) + 1
    return counts


# -- scores ----------------------------------------------------------------------------------------------------------------


def scores(home: Home, sweep: Sweep) -> list[Evaluation | None]:
    """The evaluation of each point, None where it is not there yet. Looked for again only when something has changed."""
    statuses = tuple(status_of(home, one["id"]) for one in sweep.runs)
    state = home.evaluations.stat().st_mtime_ns if home.evaluations.is_dir() else 0
    return list(_scores(home, sweep.name, sweeps.file_of(home, sweep.name).stat().st_mtime_ns, statuses, state))


@lru_cache(maxsize=8)
def _scores(home: Home, name: str, written: int, statuses: tuple, state: int) -> tuple[Evaluation | None, ...]:
    found: list[Evaluation | None] = []
    for one in asked(home, sweeps.load(home, name)):
        found += sweeps.evaluated(home, [one]) if one else [None]
    return tuple(found)


def asked(home: Home, sweep: Sweep) -> list[Comparison | None]:
    """What is asked of each point to be compared: of a run what it was scored on itself; None before it has finished."""
    if sweep.grid.asking:
        return list(sweep.wanted())
    return [
        Comparison(subjects=[one["id"]], metrics=sweep.grid.metrics)
        if status_of(home, one["id"]) == "finished"
        else None
        for one in sweep.runs
    ]


def lacking(home: Home, sweep: Sweep) -> list[Comparison]:
    """What must still be evaluated before all points that have finished can be compared."""
    pairs = zip(asked(home, sweep), scores(home, sweep), strict=True)
    return [
        one
        for one, made in pairs
        if one and (not made or text_scores.lacking(made, one.metrics)) and _can_be_asked(home, one)
    ]


def _can_be_asked(home: Home, one: Comparison) -> bool:
    with suppress(InputError):  # it held out no rows, say
        return bool(comparison.look_up(home, one).questions)
    return False


def look(home: Home, sweep: Sweep) -> dict:
    """What `sweep` prints: `name, over, runs, comparison`, and `notes` on what differs between the compared.

    `comparison` has the objects of `compare` for all points that were scored, on the rows that all of them share, each
    with its `values`.
    """
    belong, made = members(home, sweep), scores(home, sweep)
    pairs = [(one, point) for one, point in zip(made, sweep.grid.points, strict=True) if one]
    compared, notes = _compared([one for one, _ in pairs], sweep.grid.metrics)
    if sweep.grid.asking:  # the decodings differ, which is what was asked for
        notes = [note for note in notes if "different decodings" not in note]
    unscored = [x["id"] for x, one in zip(belong, made, strict=True) if x["status"] == "finished" and not one]
    if unscored:
        notes.append(f"Finished, but not scored on held-out rows: {', '.join(unscored)}.")
    compared = [{**x, "values": point.values} for x, (_, point) in zip(compared, pairs, strict=True)]
    about = {"subject": sweep.grid.asking.subject} if sweep.grid.asking else {}
    return {
        "name": sweep.name,
        "over": sweep.grid.keys,
        **about,
        "runs": belong,
        "comparison": compared,
        "notes": notes,
    }


def _compared(made: list[Evaluation], metrics: list[Metric] | None) -> tuple[list[dict], list[str]]:
    """The objects of `compare`, and notes; where there are no rows that all share, each on its own, without p-values."""
    if not made:
        return [], []
    try:
        return scoreboard.compare(made, wanted=metrics)
    except InputError:
        alone = [scoreboard.compare([one], wanted=metrics)[0][0] for one in made]
        return alone, ["They share no rows, so each is scored on its own: what differs may come from the rows."]
