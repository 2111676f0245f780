"""Lint: what looks wrong between a task and the rows of a dataset, before anything is trained."""

import difflib
from collections import Counter
from collections.abc import Callable

from lab.config import Decoding
from lab.errors import InputError
from lab.task import Task, fields, text_of


def unknown_labels(task: Task, rows: list[dict]) -> dict[str, int]:
    """Labels that stand in the rows but not in the task, with their counts."""
    found = Counter(gold for row in rows if (gold := task.gold(row)) is not None)
    known = set(task.names)
    return {label: n for label, n in found.items() if label not in known}


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
    found = lint_columns(task, rows, columns)
    if task.labels:
        _lint_labels(task, rows, _adder(found))
    return found


def _adder(found: list[dict]) -> Callable[..., None]:
    def say(severity: str, message: str, label: str | None = None, count: int = 0) -> None:
        found.append({"severity": severity, "message": message, "label": label, "rows": count})

    return say


def lint_columns(task: Task, rows: list[dict], columns: list[str]) -> list[dict]:
    """The part of `lint` that is about columns and templates."""
    found: list[dict] = []
    say = _adder(found)
    for column in filter(None, [task.text, task.label, task.target]):
        if column not in columns:
            say("error", f"The dataset has no column {column!r}; it has {', '.join(columns)}.", None, len(rows))
    for place, template in (("instruction", task.instruction), ("prompt", task.prompt)):
        for name in fields(template):
            if name != "labels" and name not in columns:
                say(
                    "warning",
                    f"${name} in the {place} is no column of the dataset; it stays as written.",
                    None,
                    len(rows),
                )
    empty = sum(not text_of(row.get(task.text)).strip() for row in rows)
    if task.text in columns and empty:
        say("warning", f"The column {task.text!r} is empty.", None, empty)
    if "labels" in columns and "labels" in fields(task.instruction) + fields(task.prompt):
        say("warning", "$labels stands for the task's labels, not for the column of that name.", None, len(rows))
    if task.text not in fields(task.prompt) and task.format != "text":
        say(
            "warning",
            f"The prompt does not use ${task.text}: every row gets the same prompt unless another column is in it.",
        )
    return found


def _lint_labels(task: Task, rows: list[dict], say) -> None:
    counts = Counter(gold for row in rows if (gold := task.gold(row)) is not None)
    for label, n in unknown_labels(task, rows).items():
        near = nearest(label, task.names)
        hint = f"; is it {near!r}?" if near else ""
        say("error", f"The rows have the label {label!r}, which the task does not know{hint}", label, n)
    for label in task.labels:
        if label.name not in counts:
            say("warning", f"No row has the label {label.name!r}.", label.name)
        if task.with_definitions and not label.definition:
            say("warning", f"The label {label.name!r} has no definition.", label.name, counts[label.name])
    for a in task.names:
        for b in task.names:
            if a != b and b.casefold().startswith(a.casefold()):
                say(
                    "warning",
                    f"The label {a!r} begins the label {b!r}; an answer cut short could be read as either.",
                    a,
                    counts[a],
                )
    if task.kind == "classify" and "labels" not in fields(task.instruction) + fields(task.prompt):
        say(
            "warning",
            "Neither instruction nor prompt uses $labels: the model is not told the labels or their definitions.",
        )
