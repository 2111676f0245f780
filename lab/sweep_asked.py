"""What is asked of the runs of a sweep: at which epoch, with which decoding and on which rows each of them is scored."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from lab import blocks as several
from lab.bases import public_name
from lab.comparison import Comparison
from lab.config import decoding as with_settings
from lab.errors import InputError
from lab.grid import Grid
from lab.home import Home
from lab.plan import steps_per_epoch
from lab.runs import Run
from lab.sweeps import Sweep

EPOCH = "epoch"  # beside the keys of the grid and of the decoding


@dataclass(frozen=True)
class Ask:
    """One evaluation. `place`: that of the point; `values`: the point's, with those of the decoding and with the epoch where
    there are several; `own`: whether the run answered so while it trained, `logged`: whether it answered its training rows
    so; `last`: whether it is the end of the training; `on_training`: whether it is asked its training rows."""

    place: int
    values: dict[str, Any]
    run: str
    step: int | None
    comparison: Comparison
    own: bool
    logged: bool
    last: bool
    on_training: bool = False


def axes(grid: Grid) -> list[str]:
    """The keys over which its scores may differ: those of the grid, the epoch, those of the decodings."""
    decoded = several.union([{key: [value] for key, value in one.values.items()} for one in grid.decodings])
    at = [EPOCH] if not grid.asking and _at_several_epochs(grid) else []
    return [*grid.keys, *at, *(key for key, values in decoded.items() if len(values) > 1)]


def _at_several_epochs(grid: Grid) -> bool:
    return len({epoch for point in grid.points for epoch in point.config.evaluate_at or ()}) > 1


def all_of(home: Home, sweep: Sweep) -> list[Ask]:
    """Every evaluation of its runs, whether they have finished or not; none of a run that is gone."""
    epochs, found = _at_several_epochs(sweep.grid), []
    for place, one in enumerate(sweep.runs):
        if one["id"]:
            with suppress(InputError):
                found += _of_run(Run(home, one["id"]), sweep.grid, place, epochs)
    return found


def of_bases(home: Home, sweep: Sweep) -> list[tuple[dict, Comparison]]:
    """What each base is asked beside the first run that stands on it: `{base_model, quantization, task}`, and the comparison,
    whose first subject is the base."""
    found = {}
    for one in sweep.runs if not sweep.grid.asking else []:
        with suppress(InputError):
            run = Run(home, one["id"] or "")
            config = run.config
            about = {
                "base_model": public_name(config.base_model),
                "quantization": config.quantization,
                "task": config.task,
            }
            asked = _comparison(run.id, [], sweep.grid)
            found.setdefault(str(about), (about, asked.model_copy(update={"subjects": ["base", run.id]})))
    return list(found.values())


def _of_run(run: Run, grid: Grid, place: int, epochs: bool) -> list[Ask]:
    config, values = run.config, grid.points[place].values
    per_epoch = steps_per_epoch(run.count("train"), config)
    end = config.max_steps or config.epochs * per_epoch
    found = []
    for epoch in config.evaluate_at or [None]:
        step = epoch and epoch * per_epoch
        last = step in (None, end)
        at = {EPOCH: epoch or config.epochs or round(end / per_epoch, 3)} if epochs else {}
        subject = run.id if last else f"{run.id}@{step}"
        for decoding in grid.decodings or [None]:
            settings = decoding.settings if decoding else []
            same = not decoding or _same(run, settings)
            found.append(
                Ask(
                    place,
                    {**values, **at, **(decoding.values if decoding else {})},
                    run.id,
                    step or end,
                    _comparison(subject, settings, grid),
                    own=same and not grid.scored_on,
                    logged=same and config.score_train_rows,
                    last=last,
                )
            )
            if config.score_train_rows and not same:
                found.append(_on_training(found[-1]))
    return found


def _on_training(ask: Ask) -> Ask:
    """The same put to the rows that the run was trained on; only labels are read of them, and no metrics of texts."""
    asked = Comparison(
        subjects=ask.comparison.subjects, decoding=ask.comparison.decoding, split="train", probabilities=False
    )
    return replace(ask, comparison=asked, own=False, on_training=True)


def _comparison(subject: str, settings: list[str], grid: Grid) -> Comparison:
    where = grid.scored_on.model_dump() if grid.scored_on else {}
    # Label probabilities are for comparing; what the runs score by themselves has them.
    more = {"probabilities": not settings, "metrics": grid.metrics}
    return Comparison(subjects=[subject], decoding=settings, **more, **where)


def _same(run: Run, settings: list[str]) -> bool:
    """Whether a run answered with this decoding while it trained."""
    used = run.config.decoding
    return with_settings(settings, used).identity() == used.identity()
