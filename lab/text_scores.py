"""The text metrics of evaluations, kept beside their predictions row by row, so that none is computed twice."""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

from lab import bases, metrics, row_scores
from lab.errors import InputError, WorkError
from lab.evaluations import Evaluation
from lab.home import read_json, write
from lab.memo import Memo, state_of
from lab.task import Task
from lab.wanted_metrics import EXACT, NAMES, PLAIN, Metric, models

_KEPT = Memo(200)  # what is kept of an evaluation, by the state of its folder
_SCORED = Memo(400)  # scores over a part of the rows
EXACT_SETTINGS = {"text": "the whole answer, case and blanks at its ends ignored", "interval": "Wilson"}


@dataclass(frozen=True)
class Kept:
    """A metric of one evaluation as it is kept: `rows` parallel to the predictions."""

    id: str
    metric: str
    settings: dict
    kind: str
    keys: tuple[str, ...]
    rows: list[list[float]]
    over_all: tuple[dict, dict]  # values and intervals by key, over all rows
    changed: int  # ns: when it was kept


def id_of(metric: Metric) -> str | None:
    """By which a kept metric is found again: its name and the files of its model; None where those are not at hand."""
    if metric.model is None:
        return metric.name
    try:
        base = bases.find(metric.model)
    except InputError:  # a folder that is gone by now
        return None
    if base.folder is None:
        return None
    content = [bases.public_name(base.name), base.fingerprint()]
    return f"{metric.name}-{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]}"


def keep(evaluation: Evaluation, metric: Metric, kind: str, keys: list[str], rows: list[list], settings: dict) -> None:
    """Keeps a metric of an evaluation: `rows` are parallel to its predictions.

    Raises WorkError where a model gave what is no number: weights that hold one that is none, or overflow.
    """
    for number, row in enumerate(rows, 1):
        if not all(map(math.isfinite, row)):
            who = bases.public_name(metric.model) if metric.model else evaluation.name
            raise WorkError(
                f"{metric.name} of {evaluation.name} is not a number: {who} gives NaN or infinity for row {number} of those "
                f"scored. Look whether its weights are whole, or leave this metric out."
            )
    values, intervals = row_scores.score(kind, keys, rows)
    content = {"metric": metric.name, "settings": settings, "values": values, "ci95": intervals}
    content |= {"kind": kind, "keys": keys, "rows": rows}
    # Without indents, for there may be many rows.
    write(evaluation.folder / f"text-{id_of(metric)}.json", json.dumps(content, ensure_ascii=False, allow_nan=False))


def kept(folder: Path) -> dict[str, Kept]:
    """What is kept of an evaluation, by its id, in the order of `NAMES`, and of those with several settings the newest last."""

    def read() -> dict[str, Kept]:
        found = []
        for path in folder.glob("text-*.json"):
            x = read_json(path)
            found.append(
                Kept(
                    id=path.stem.removeprefix("text-"),
                    metric=x["metric"],
                    settings=x["settings"],
                    kind=x["kind"],
                    keys=tuple(x["keys"]),
                    rows=x["rows"],
                    over_all=(x["values"], x["ci95"]),
                    changed=path.stat().st_mtime_ns,
                )
            )
        order = sorted(found, key=lambda one: (NAMES.index(one.metric), one.changed))
        return {one.id: one for one in order}

    return _KEPT.get(state_of(folder), read)


def lacking(evaluation: Evaluation, wanted: list[Metric] | None) -> list[Metric]:
    """The metrics of those wanted that are not kept of an evaluation yet."""
    have = kept(evaluation.folder) if wanted else {}
    return [one for one in wanted or [] if one.name != EXACT and id_of(one) not in have]


def refuse(task: Task, wanted: list[Metric] | None) -> None:
    """Raises InputError where metrics of texts are asked of a task that answers with labels, or with models that can't be."""
    if wanted and task.kind != "generate":
        raise InputError(
            f"metrics: the task {task.name} answers with labels; metrics of texts are for tasks that generate."
        )
    for model in models(wanted):
        bases.find(model)


def chosen(evaluations: list[Evaluation], wanted: list[Metric] | None) -> list[str]:
    """The ids of the metrics to be shown: those wanted, else all that any of the evaluations has, each with its newest
    settings."""
    if wanted is not None:
        return [x for x in map(id_of, wanted) if x]
    newest: dict[str, Kept] = {}
    for evaluation in evaluations:
        for one in kept(evaluation.folder).values():
            if one.metric not in newest or newest[one.metric].changed < one.changed:
                newest[one.metric] = one
    return [newest[name].id for name in NAMES if name in newest]


def of(evaluation: Evaluation, predictions: list[dict], ids: list[str]) -> dict:
    """`{text_metrics, text_metrics_ci95, text_metrics_settings}` over predictions, of which some may be left out.

    The first two hold numbers and intervals by key, None where there is none; settings are told by metric.
    """
    values, intervals = exact_match(predictions)
    settings = {EXACT: EXACT_SETTINGS}
    have, shared = kept(evaluation.folder), frozenset(p["key"] for p in predictions)
    for id_ in ids:
        if id_ not in have:
            continue
        one = have[id_]
        found = _SCORED.get((state_of(evaluation.folder), id_, shared), lambda one=one: _score(evaluation, one, shared))
        values, intervals = values | found[0], intervals | found[1]
        settings[one.metric] = one.settings
    return {"text_metrics": values, "text_metrics_ci95": intervals, "text_metrics_settings": settings}


def _score(evaluation: Evaluation, one: Kept, shared: frozenset[str]) -> tuple[dict, dict]:
    if len(shared) == len(evaluation.keys):
        return one.over_all
    rows = [row for key, row in zip(evaluation.keys, one.rows, strict=True) if key in shared]
    return row_scores.score(one.kind, list(one.keys), rows)


def exact_match(predictions: list[dict]) -> tuple[dict, dict]:
    """How often an answer is the target to the letter, case and blanks at the ends ignored; with Wilson's interval."""
    same = sum(p["answer"].strip().casefold() == (p["target"] or "").strip().casefold() for p in predictions)
    share = same / len(predictions) if predictions else None
    return {EXACT: share}, {EXACT: metrics.wilson(same, len(predictions))}


def plain() -> list[Metric]:
    """The metrics that are counted with every evaluation of texts."""
    return [Metric(name=name) for name in PLAIN]
