"""Lint: what looks wrong between a task and the rows of a dataset, before anything is trained."""

import difflib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from lab.config import Decoding
from lab.errors import InputError
from lab.task import Task, fields, text_of

MOST_UNKNOWN = 20  # labels that are named one by one; a column of texts taken for labels has thousands


@dataclass(frozen=True)
class Counts:
    """What lint needs to know of rows: how many there are, of how many the text is empty, and how often each label
    stands in them before any merge."""

    rows: int
    empty: int
    labels: Counter[str]


def count(task: Task, rows: list[dict]) -> Counts:
    """The counts of rows for a task."""
    empty = sum(not text_of(row.get(task.text)).strip() for row in rows)
    found = Counter(text_of(row.get(task.label)).strip() for row in rows) if task.label else Counter()
    del found[""]
    return Counts(len(rows), empty, found)


def unknown_labels(task: Task, rows: list[dict]) -> dict[str, int]:
    """Labels that stand in the rows but not in the task, with their counts."""
    return _unknown(task, merged(task, count(task, rows).labels))


def merged(task: Task, labels: Counter[str]) -> Counter[str]:
    """Counts of labels as they stand in the data → counts after the task's merges."""
    found: Counter[str] = Counter()
    becomes = {name: label.name for label in reversed(task.labels) for name in label.merge}
    for label, n in labels.items():
        found[becomes.get(label, label)] += n
    return found


def _unknown(task: Task, golds: Counter[str]) -> dict[str, int]:
    known = set(task.names)
    return {label: n for label, n in sorted(golds.items(), key=lambda pair: (-pair[1], pair[0])) if label not in known}


def refuse_unknown_labels(task: Task, dataset: str, rows: list[dict]) -> None:
    """Raises InputError, with counts and nearest spellings, when rows have labels that the task does not know."""
    unknown = unknown_labels(task, rows) if task.labels else {}
    if not unknown:
        return
    parts = []
    for label, n in sorted(unknown.items(), key=lambda item: -item[1])[:10]:
        near = nearest(label, task.names)
        parts.append(f"{label!r} ({n} rows{f', nearest is {near!r}' if near else ''})")
    raise InputError(
        f"{dataset} has labels in the column {task.label!r} that the task {task.name} does not know: {'; '.join(parts)}. "
        f"Add them to the task, merge them into a label of it, or name integer labels with --label-names."
    )


def refuse_decoding(task: Task, decoding: Decoding) -> None:
    """Raises InputError for a decoding that a task has no use for."""
    if decoding.mode == "labels" and task.kind != "classify":
        raise InputError(
            f"Decoding by labels needs a classify task; {task.name} is a generate task. Use greedy or sample."
        )


def nearest(word: str, names: list[str]) -> str | None:
    """The name spelled most like the word, or None when nothing is near."""
    folded = {name.casefold(): name for name in names}
    match = difflib.get_close_matches(word.casefold(), folded, n=1)
    return folded[match[0]] if match else None


def lint(task: Task, rows: list[dict], columns: list[str]) -> list[dict]:
    """What looks wrong between a task and a dataset's rows.

    Returns a list of `{severity: error | warning, message, label: name or None, rows: how many rows it touches}`.
    """
    return lint_counts(task, count(task, rows), columns)


def lint_counts(task: Task, counts: Counts, columns: list[str]) -> list[dict]:
    """`lint` where the rows are counted already."""
    found = lint_columns(task, counts, columns)
    if task.labels:
        _lint_labels(task, counts.labels, _adder(found))
    return found


def _adder(found: list[dict]) -> Callable[..., None]:
    def say(severity: str, message: str, label: str | None = None, count: int = 0) -> None:
        found.append({"severity": severity, "message": message, "label": label, "rows": count})

    return say


def lint_columns(task: Task, counts: Counts, columns: list[str]) -> list[dict]:
    """The part of `lint` that is about columns and templates."""
    found: list[dict] = []
    total, empty = counts.rows, counts.empty
    say = _adder(found)
    for column in filter(None, [task.text, task.label, task.target]):
        if column not in columns:
            say("error", f"The dataset has no column {column!r}; it has {', '.join(columns)}.", None, total)
    for place, template in (("instruction", task.instruction), ("prompt", task.prompt)):
        for name in fields(template):
            if name != "labels" and name not in columns:
                say(
                    "warning",
                    f"${name} in the {place} is no column of the dataset; it stays as written.",
                    None,
                    total,
                )
    if task.text in columns and empty:
        say("warning", f"The column {task.text!r} is empty.", None, empty)
    if "labels" in columns and "labels" in fields(task.instruction) + fields(task.prompt):
        say("warning", "$labels stands for the task's labels, not for the column of that name.", None, total)
    if task.text not in fields(task.prompt) and task.format != "text":
        say(
            "warning",
            f"The prompt does not use ${task.text}: every row gets the same prompt unless another column is in it.",
        )
    return found


def _lint_labels(task: Task, labels: Counter[str], say) -> None:
    counts = merged(task, labels)
    _lint_unknown(task, counts, say)
    _lint_merges(task, labels, list(_unknown(task, counts))[:MOST_UNKNOWN], say)
    for label in task.labels:
        if label.name not in counts:
            say("warning", f"No row has the label {label.name!r}.", label.name)
        if task.with_definitions and not label.definition:
            say("warning", f"The label {label.name!r} has no definition.", label.name, counts[label.name])
    _lint_beginnings(task, counts, say)
    if task.kind == "classify" and "labels" not in fields(task.instruction) + fields(task.prompt):
        say(
            "warning",
            "Neither instruction nor prompt uses $labels: the model is not told the labels or their definitions.",
        )


def _lint_unknown(task: Task, counts: Counter[str], say) -> None:
    unknown = list(_unknown(task, counts).items())
    for label, n in unknown[:MOST_UNKNOWN]:
        near = nearest(label, task.names)
        hint = f"; is it {near!r}?" if near else ""
        say("error", f"The rows have the label {label!r}, which the task does not know{hint}", label, n)
    if more := unknown[MOST_UNKNOWN:]:
        say(
            "error",
            f"The rows have {len(more):,} more labels that the task does not know.",
            None,
            sum(n for _, n in more),
        )


def _lint_merges(task: Task, labels: Counter[str], unknown: list[str], say) -> None:
    """Merged labels that no row has, where one that the rows have is spelled almost like it."""
    for label in task.labels:
        for name in label.merge:
            near = nearest(name, unknown) if name not in labels else None
            if near:
                say(
                    "warning",
                    f"No row has the label {name!r}, which is merged into {label.name!r}; is it {near!r}?",
                    name,
                )


def _lint_beginnings(task: Task, counts: Counter[str], say) -> None:
    for a in task.names:
        for b in task.names:
            if a != b and b.casefold().startswith(a.casefold()):
                say(
                    "warning",
                    f"The label {a!r} begins the label {b!r}; an answer cut short could be read as either.",
                    a,
                    counts[a],
                )
