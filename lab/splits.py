"""The frozen split of a run: which rows are trained and which are held out, by seed, stratified where it can be."""

import math
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from lab.config import Config
from lab.data import Dataset, rows_with
from lab.errors import InputError
from lab.task import Task

DEFAULT_SHARE = 0.2


@dataclass
class Split:
    """The rows of a run. `notes` say what the user should know about how they were chosen; `there` is how many rows there
    are to train on, of which `train_rows` may have taken a part."""

    train: list[dict]
    validation: list[dict]
    notes: list[str] = field(default_factory=list)
    there: int | None = None


def freeze(dataset: Dataset, task: Task, config: Config) -> Split:
    """The rows to train and to hold out, the same for the same dataset, seed and settings.

    Only rows with an answer are used. The training rows are shuffled, and the first `train_rows` of them taken, so that
    a smaller number is a part of a larger one. Raises InputError when nothing could be trained.
    """
    if "train" not in dataset.splits:
        raise InputError(f"The dataset {dataset.name} has no split train; it has {', '.join(dataset.splits)}.")
    notes: list[str] = []
    train = _answered(dataset, "train", task, notes)
    wanted = wanted_validation(dataset, config)
    if wanted == "none":
        validation = []
    elif isinstance(wanted, str):
        if wanted == "train":
            raise InputError("validation: train would score the rows that were trained; choose another split.")
        validation = _answered(dataset, wanted, task, notes)
        if not validation:
            raise InputError(f"validation: no row of the split {wanted!r} has an answer to score.")
    else:
        train, validation = hold_out(train, task, wanted, config.rows_seed, notes)
    train = shuffled(train, config.rows_seed)
    there = len(train)
    if config.train_rows != "all":
        if config.train_rows > len(train):
            notes.append(f"train_rows is {config.train_rows}, but there are {len(train)} rows to train: all are used.")
        train = train[: config.train_rows]
    if not train:
        raise InputError(f"No row of {dataset.name} has an answer in the column {task.answer_column!r} to train on.")
    return Split(train, validation, notes, there)


def wanted_validation(dataset: Dataset, config: Config) -> str | int | float:
    """What is held out: `none`, the name of a split, a share or a number of the rows of `train`."""
    if config.validation is None:
        return "validation" if "validation" in dataset.splits else DEFAULT_SHARE
    return config.validation


def hold_out(
    rows: list[dict], task: Task, size: float | int, seed: int, notes: list[str]
) -> tuple[list[dict], list[dict]]:
    """Splits rows into (train, validation): `size` is a share or a number of rows.

    Stratified by the label as it stands in the data, so that merging labels leaves the split as it is; at random when
    a label has fewer than two rows or there are more labels than rows to hold out.
    """
    from sklearn.model_selection import train_test_split

    held = size if isinstance(size, int) else math.ceil(len(rows) * size)
    if held >= len(rows):
        raise InputError(f"validation: {size} cannot be held out of {len(rows)} rows with an answer.")
    labels = [str(row.get(task.label)) for row in rows] if task.label else None
    rare = [x for x, n in Counter(labels).items() if n < 2] if labels else []
    if rare:
        notes.append(f"The split is random, not stratified: the label {rare[0]!r} has a single row.")
    if labels and not rare and len(set(labels)) > min(held, len(rows) - held):
        notes.append("The split is random, not stratified: there are more labels than rows on one side of it.")
        rare = labels
    order = list(range(len(rows)))
    stratify = labels if labels and not rare else None
    train, validation = train_test_split(order, test_size=held, random_state=seed, stratify=stratify)
    return [rows[i] for i in train], [rows[i] for i in sorted(validation)]


def shuffled(rows: list[dict], seed: int) -> list[dict]:
    """The rows in an order that the seed decides."""
    rows = list(rows)
    Random(seed).shuffle(rows)
    return rows


def _answered(dataset: Dataset, split: str, task: Task, notes: list[str]) -> list[dict]:
    rows = rows_with(dataset, split, [task.text, task.answer_column], task.name)
    answered = [row for row in rows if task.answer(row) is not None]
    if len(answered) < len(rows):
        notes.append(f"{len(rows) - len(answered)} of {len(rows)} rows of {split} have no answer and are left out.")
    return answered
