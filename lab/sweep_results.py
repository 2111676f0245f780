"""What comes of a sweep: how its points stand, their scores beside each other, and what is still to be scored."""

import json
from contextlib import suppress
from functools import lru_cache

from lab import comparison, scoreboard, sweep_asked, sweep_cells, sweeps, text_scores
from lab.comparison import Comparison
from lab.errors import InputError, WorkError
from lab.evaluations import Evaluation
from lab.home import Home
from lab.job import ALIVE
from lab.runs import Run
from lab.scoring import Scoring
from lab.sweep_asked import Ask
from lab.sweeps import NOT_STARTED, SKIPPED, Sweep
from lab.wanted_metrics import Metric

DELETED = "deleted"  # beside the statuses of a run
DIFFERENT_LABELS = "Points with different labels are compared apart, each with the first of its like."


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
    """`{id, status, reused, values}` of each point: of its run, or of a sweep over decodings of its evaluation; and `why`,
    where it is skipped."""
    if sweep.grid.asking:
        found = _decodings(home, sweep)
    else:
        found = [_state_of(home, one) for one in sweep.runs]
    return [
        {**one, "reused": kept["reused"], "values": point.values}
        for one, kept, point in zip(found, sweep.runs, sweep.grid.points, strict=True)
    ]


def _state_of(home: Home, one: dict) -> dict:
    if one.get("skipped"):
        return {"id": None, "status": SKIPPED, "why": one["skipped"]}
    return {"id": one["id"], "status": status_of(home, one["id"])}


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
    """The evaluation of each decoding of a subject, None where it is not there yet."""
    return list(_answered(home, sweep, sweep.wanted()))


def answered(home: Home, sweep: Sweep) -> list[tuple[Ask, Evaluation | None]]:
    """What is asked of the runs of a sweep, with the evaluations; those at the end of a training once it has finished."""
    asks = sweep_asked.all_of(home, sweep)
    made = _answered(home, sweep, [ask.comparison for ask in asks])
    ended = {one["id"] for one in sweep.runs if one["id"] and status_of(home, one["id"]) == "finished"}
    return [(ask, one if not ask.last or ask.run in ended else None) for ask, one in zip(asks, made, strict=True)]


def _answered(home: Home, sweep: Sweep, wanted: list[Comparison]) -> tuple[Evaluation | None, ...]:
    """Looked for again only when something has changed."""
    statuses = tuple(status_of(home, one["id"]) for one in sweep.runs)
    state = home.evaluations.stat().st_mtime_ns if home.evaluations.is_dir() else 0
    asked = json.dumps([one.model_dump(mode="json") for one in wanted])
    return _found(home, sweep.name, sweeps.file_of(home, sweep.name).stat().st_mtime_ns, statuses, state, asked)


@lru_cache(maxsize=8)
def _found(home: Home, name: str, written: int, statuses: tuple, state: int, asked: str) -> tuple:
    return tuple(sweeps.evaluated(home, [Comparison.model_validate(one) for one in json.loads(asked)]))


def lacking(home: Home, sweep: Sweep) -> list[Comparison]:
    """What must still be evaluated before all points that have finished can be compared."""
    if sweep.grid.asking:
        pairs = [*zip(sweep.wanted(), scores(home, sweep), strict=True)]
    else:
        ended = {one["id"] for one in sweep.runs if one["id"] and status_of(home, one["id"]) == "finished"}
        pairs = [(ask.comparison, made) for ask, made in answered(home, sweep) if ask.run in ended]
    wanted = [one for one, made in pairs if not made or text_scores.lacking(made, one.metrics)]
    return [one for one in wanted if _can_be_asked(home, one)]


def base_of(home: Home, one: Comparison) -> Evaluation | None:
    """The evaluation of the base, the first subject of a comparison; None where it was not made yet."""
    with suppress(InputError, WorkError):
        return comparison.known(home, one)[0]
    return None


def _bases(home: Home, sweep: Sweep) -> list[dict]:
    """The objects of `compare` of the bases on which the runs stand, with `base_model` and `quantization`."""
    found = [(about, base_of(home, one)) for about, one in sweep_asked.of_bases(home, sweep)]
    return [{**about, **scoreboard.compare([made], wanted=sweep.grid.metrics)[0][0]} for about, made in found if made]


def _can_be_asked(home: Home, one: Comparison) -> bool:
    with suppress(InputError):  # it held out no rows, say
        return bool(comparison.look_up(home, one).questions)
    return False


def look(home: Home, sweep: Sweep) -> dict:
    """What `sweep` prints: `name, over, runs, comparison`, `cells` and `notes` on what differs between the compared.

    `comparison` has the objects of `compare` for all points that were scored, on the rows that all of them share, each
    with its `values`; with `decodings` one for each of them. `cells` are the scores at each epoch over several seeds, see
    `sweep_cells`; none where they would only say the same again. `bases` are those of the models without any training.
    """
    belong = members(home, sweep)
    if sweep.grid.asking:
        made = scores(home, sweep)
        pairs = [(one, point.values) for one, point in zip(made, sweep.grid.points, strict=True) if one]
        cells, unscored, about = [], [], {"subject": sweep.grid.asking.subject}
    else:
        found = answered(home, sweep)
        pairs = [
            (one, {key: value for key, value in ask.values.items() if key != sweep_asked.EPOCH})
            for ask, one in found
            if one and ask.last and not ask.on_training
        ]
        cells, about = sweep_cells.gathered(home, found, sweep.grid.metrics), {}
        scored = {ask.run for ask, one in found if one and ask.last and not ask.on_training}
        unscored = [x["id"] for x in belong if x["status"] == "finished" and x["id"] not in scored]
        job = job_of(home, sweep)
        unscored = [] if job and job.status() in ALIVE else unscored
        belong = [one | sweep_cells.losses(home, one["id"]) for one in belong]
    compared, notes = _compared([one for one, _ in pairs], sweep.grid.metrics)
    if sweep.grid.asking or sweep.grid.decodings:  # the decodings differ, which is what was asked for
        notes = [note for note in notes if "different decodings" not in note]
    if unscored:
        notes.append(f"Finished, but not scored on held-out rows: {', '.join(unscored)}.")
    notes += dict.fromkeys(f"Skipped: {one['why']}" for one in belong if one.get("why"))
    compared = [{**x, "values": values} for x, (_, values) in zip(compared, pairs, strict=True)]
    return {
        "name": sweep.name,
        "over": sweep.grid.keys,
        **about,
        "runs": belong,
        "comparison": compared,
        "cells": cells,
        "bases": _bases(home, sweep),
        "notes": notes,
    }


def _compared(made: list[Evaluation], metrics: list[Metric] | None) -> tuple[list[dict], list[str]]:
    """The objects of `compare`, and notes. Those with different labels are compared apart: no p-value holds there."""
    groups: dict[tuple, list[int]] = {}
    for place, one in enumerate(made):
        groups.setdefault(tuple(one.request["info"]["labels"]), []).append(place)
    found, notes = {}, [DIFFERENT_LABELS] if len(groups) > 1 else []
    for places in groups.values():
        objects, said = _compared_alike([made[place] for place in places], metrics)
        found |= zip(places, objects, strict=True)
        notes += said
    return [found[place] for place in range(len(made))], list(dict.fromkeys(notes))


def _compared_alike(made: list[Evaluation], metrics: list[Metric] | None) -> tuple[list[dict], list[str]]:
    """The same with the same labels; where there are no rows that all share, each on its own, without p-values."""
    try:
        return scoreboard.compare(made, wanted=metrics)
    except InputError:
        alone = [scoreboard.compare([one], wanted=metrics)[0][0] for one in made]
        return alone, ["They share no rows, so each is scored on its own: what differs may come from the rows."]
