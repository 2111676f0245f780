"""Merging the labels of a dataset into a new dataset: all splits, all other columns as they are."""

import csv
import difflib
from collections import Counter

import pyarrow as pa

from lab import browse, data, tables
from lab.data import Dataset
from lab.errors import InputError
from lab.home import Home, check_id
from lab.task import Task

Merges = dict[str, list[str]]  # the new label -> the labels of the data that become it


def parse(written: list[str]) -> Merges:
    """Merges from texts such as `polarized=pro,contra`; a label that holds a comma stands in double quotes.

    Raises InputError, with all problems in one message.
    """
    merges: Merges = {}
    problems = []
    for text in written:
        new, equals, old = text.partition("=")
        labels = [x.strip() for x in next(csv.reader([old.strip()], skipinitialspace=True), [])]
        if not equals or not new.strip() or not labels or not all(labels):
            problems.append(
                f"{text!r} is no merge: write the new label, = and the labels that become it: new=one,other."
            )
        merges.setdefault(new.strip(), []).extend(labels)
    if not written:
        problems.append("Say which labels to merge: new=one,other.")
    if problems := problems or contradictions(merges):
        raise InputError("\n".join(problems))
    return {new: list(dict.fromkeys(old)) for new, old in merges.items()}


def contradictions(merges: Merges) -> list[str]:
    """What does not hang together in merges, which all happen at once."""
    into: dict[str, set[str]] = {}
    for new, labels in merges.items():
        for label in labels:
            into.setdefault(label, set()).add(new)
    problems = [
        f"{x!r} is merged into two labels: {', '.join(sorted(new))}." for x, new in into.items() if len(new) > 1
    ]
    for new in merges:
        if into.get(new, {new}) != {new}:
            problems.append(f"{new!r} is a new label and is merged into {', '.join(sorted(into[new]))!r} itself.")
    return problems


def of_task(task: Task) -> Merges:
    """The merges of a task. Raises InputError when it has none."""
    found = {label.name: label.merge for label in task.labels if label.merge}
    if not found:
        raise InputError(f"The task {task.name} merges no labels; give the merges themselves: new=one,other.")
    return found


def column_of(dataset: Dataset, label: str | None) -> str:
    """The column whose labels are meant. Raises InputError when there is none."""
    columns = list(dict.fromkeys(c for split in dataset.splits for c in browse.columns_of(dataset, split)))
    column = label or dataset.about.label
    if column is None:
        raise InputError(f"{dataset.name} names no column with labels: give one; it has {', '.join(columns)}.")
    if column not in columns:
        raise InputError(f"{dataset.name} has no column {column!r}; it has {', '.join(columns)}.")
    return column


def merge(
    home: Home, name: str, new: str, merges: Merges, label: str | None = None, told_by: str | None = None
) -> dict:
    """Makes a new dataset of one in which labels are merged; labels that are not named stay.

    `told_by` is the task the merges come from: of its labels not all need to stand in the data. Returns `{name, from, label,
    merged: [{label, from: {label: rows}, rows}], absent, splits: {split: {rows, labels}}, about}`. Raises InputError for
    labels that are not there, with the nearest spelling, and leaves nothing behind.
    """
    check_id(new, "The dataset")
    dataset = data.load(home, name)
    column = column_of(dataset, label)
    known = browse.labels_in(dataset, column)
    absent = [x for old in merges.values() for x in old if x not in known]
    if absent and (not told_by or not set(known) & {x for old in merges.values() for x in old}):
        raise InputError("\n".join(_unknown(x, known, dataset, column) for x in absent))
    becomes = {old: into for into, labels in merges.items() for old in labels}
    splits, before = {}, Counter()
    for split in dataset.splits:
        splits[split] = _merged(dataset, split, column, becomes)
        before.update(browse.value_counts(dataset, split, column))
    made = data.add_tables(home, _about(dataset, new, column, merges, told_by), splits)
    merged = [
        {"label": into, "from": {x: before[x] for x in labels}, "rows": sum(before[x] for x in {into, *labels})}
        for into, labels in merges.items()
    ]
    counts = browse.label_counts(made, column)
    sizes = {split: {"rows": browse.size(made, split), "labels": counts[split]} for split in made.splits}
    report = {"name": new, "from": name, "label": column, "merged": merged, "absent": absent}
    return report | {"splits": sizes, "about": made.about.about}


def _unknown(label: str, known: list[str], dataset: Dataset, column: str) -> str:
    near = difflib.get_close_matches(label, known, n=1, cutoff=0.5)
    near = near or [x for x in known if x.casefold() == label.casefold()]
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, known[:20])) or 'none'}."
    return f"There is no label {label!r} in the column {column!r} of {dataset.name}; {hint}"


def _merged(dataset: Dataset, split: str, column: str, becomes: dict[str, str]) -> pa.Table:
    """A split with its labels merged; in a column of text what is not merged stays to the letter, others become text."""
    table = tables.read(dataset.file(split))
    if column not in table.column_names:
        return table
    words = browse.texts(dataset, split, column).to_pylist()
    kind, numbered = table.schema.field(column).type, column == dataset.about.label and dataset.about.label_names
    is_text = not numbered and (pa.types.is_string(kind) or pa.types.is_large_string(kind))
    stands = table.column(column).to_pylist() if is_text else [word or None for word in words]
    merged = [becomes.get(word.strip(), was) for word, was in zip(words, stands, strict=True)]
    return table.set_column(table.column_names.index(column), column, pa.array(merged, pa.string()))


def _about(dataset: Dataset, new: str, column: str, merges: Merges, told_by: str | None) -> data.About:
    """The new dataset's description, with what it was made from."""
    said = "; ".join(f"{into} = {' + '.join(labels)}" for into, labels in merges.items())
    by = f" by the task {told_by}" if told_by else ""
    made_from = data.origin(dataset) | {"label": column, "merges": merges}
    sentence = f"{dataset.name} with labels of {column} merged{by}: {said}. {data.in_words(made_from)}"
    changed = {"name": new, "label": column, "label_names": None, "about": sentence, "made_from": made_from}
    return dataset.about.model_copy(update=changed | {"source": f"dataset:{dataset.name}"})
