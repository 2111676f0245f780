"""The scores of a sweep's runs gathered: at each epoch and decoding, over all seeds, with the spread between them."""

from collections.abc import Callable
from statistics import fmean, stdev

from lab import metrics, scoreboard
from lab.errors import InputError
from lab.evaluations import Evaluation
from lab.grid import written
from lab.home import Home
from lab.memo import Memo, state_of
from lab.runs import Run
from lab.sweep_asked import EPOCH, Ask
from lab.wanted_metrics import Metric

SEED = "seed"  # over which runs are gathered
SPREAD = ("accuracy", "macro_f1", "weighted_f1")
TRAINED = ("train_accuracy", "train_macro_f1", "train_invalid")
ON_TRAINING = dict(zip(("accuracy", "macro_f1", "invalid"), TRAINED, strict=True))
_POINTS = Memo(400)  # what runs have logged, in short, by the state of their file
Answered = list[tuple[Ask, Evaluation | None]]


def gathered(home: Home, found: Answered, wanted: list[Metric] | None = None) -> list[dict]:
    """A cell for each combination of epoch, decoding and the values of a sweep but for the seed; none where that is one
    evaluation of each run; `wanted` are the metrics of texts. A cell has

    `values`, `task` and `dataset`, `runs` (how many), `n` rows of each; `accuracy, macro_f1, weighted_f1, text_metrics`,
    means over the runs; `spread`: `{key: {min, max, sd}}` of these, where there are several runs; `accuracy_ci95`, Wilson's
    interval of the mean on `n` rows, and `f1_ci95`, the mean of the runs' intervals: runs on the same rows make neither
    narrower; `invalid`, a mean, and `all_invalid`; of the training rows `train_accuracy, train_macro_f1, train_invalid`,
    None where they were not scored, and `train_n`, how many there are.
    """
    held_out = [(ask, made) for ask, made in found if not ask.on_training]
    trained = {_place(ask): made for ask, made in found if ask.on_training and made}
    groups: dict[str, list] = {}
    for ask, made in held_out:
        if made:
            values = {key: value for key, value in ask.values.items() if key != SEED}
            on_training = _at(home, ask) if ask.logged else _of_training(trained.get(_place(ask)))
            groups.setdefault(repr(values), []).append((ask, values, made, on_training))
    seeds = any(len({ask.run for ask, *_ in group}) > 1 for group in groups.values())
    several = any(EPOCH in ask.values for ask, _ in held_out) or len({ask.run for ask, _ in held_out}) < len(held_out)
    return [_cell(home, group, wanted) for group in groups.values()] if seeds or several else []


def _place(ask: Ask) -> tuple[str, str]:
    return ask.run, repr(ask.values)


def _of_training(made: Evaluation | None) -> dict:
    """The scores on training rows, as a run logs them."""
    scored = scoreboard.compare([made])[0][0] if made else {}
    return {trained: scored[key] for key, trained in ON_TRAINING.items() if scored.get(key) is not None}


def _cell(home: Home, group: list[tuple[Ask, dict, Evaluation, dict]], wanted: list[Metric] | None) -> dict:
    scored = [scoreboard.compare([made], wanted=wanted)[0][0] for _, _, made, _ in group]
    rows, count = scored[0]["n"], len(scored)
    trained = [on_training for *_, on_training in group]
    means = {key: _mean(x[key] for x in scored) for key in SPREAD}
    texts = dict.fromkeys(key for x in scored for key in x.get("text_metrics") or {})
    invalid = [x["invalid"] for x in scored if x["invalid"] is not None]
    cell = {
        "values": group[0][1],
        **{key: scored[0][key] for key in ("task", "dataset")},
        "runs": count,
        "n": rows,
        **means,
        "accuracy_ci95": None if means["accuracy"] is None else metrics.wilson(means["accuracy"] * rows, rows),
        "f1_ci95": _mean_interval([x["f1_ci95"] for x in scored]),
        "spread": {key: _spread([x[key] for x in scored]) for key in SPREAD} if count > 1 else {},
        "invalid": fmean(invalid) if invalid else None,
        "all_invalid": bool(invalid) and all(x["invalid"] == x["n"] for x in scored),
        **{key: _mean(x.get(key) for x in trained) for key in TRAINED},
        "train_n": _safely(lambda: Run(home, group[0][0].run).count("train"), None) if any(trained) else None,
    }
    if texts:
        cell["text_metrics_ci95"] = scored[0].get("text_metrics_ci95") if count == 1 else None
        cell["text_metrics"] = {key: _mean(_number(x["text_metrics"].get(key)) for x in scored) for key in texts}
    return cell


def _mean_interval(intervals: list[list[float] | None]) -> list[float] | None:
    known = [interval for interval in intervals if interval]
    return [fmean(bounds) for bounds in zip(*known, strict=True)] or None


def _number(value) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _mean(values) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _spread(values: list) -> dict | None:
    known = [value for value in values if value is not None]
    return {"min": min(known), "max": max(known), "sd": stdev(known)} if len(known) > 1 else None


def over(cells: list[dict]) -> dict[str, list]:
    """The keys in which cells differ, with their values."""
    keys = dict.fromkeys(key for cell in cells for key in cell["values"])
    found = {key: list({written(x["values"].get(key)): x["values"].get(key) for x in cells}.values()) for key in keys}
    return {key: values for key, values in found.items() if len(values) > 1}


# -- what the runs have logged ---------------------------------------------------------------------------------------------


def _logged(home: Home, run_id: str) -> dict:
    """`{first, last, scored}`: the training losses of the first and of the last step, and the points with scores by step."""
    run = Run(home, run_id)

    def read() -> dict:
        points = run.points()
        losses = [x["loss"] for x in points if isinstance(x.get("loss"), int | float)]
        scored = {x["step"]: x for x in points if any(key in x for key in (*TRAINED, "accuracy"))}
        return {"losses": losses[:1] + losses[-1:], "scored": scored}

    return _POINTS.get(state_of(run.points_file), read)


def losses(home: Home, run_id: str | None) -> dict:
    """`first_loss` and `last_loss` of a run's training; nothing where none was logged."""
    found = _safely(lambda: _logged(home, run_id)["losses"], []) if run_id else []
    return dict(zip(("first_loss", "last_loss"), found, strict=False)) if len(found) == 2 else {}


def _at(home: Home, ask: Ask) -> dict:
    return _safely(lambda: _logged(home, ask.run)["scored"].get(ask.step) or {}, {})


def _safely(read: Callable, otherwise):
    """What was read; of a run that was deleted meanwhile, nothing."""
    try:
        return read()
    except (InputError, OSError):
        return otherwise
