"""Between a task and the values of the form that edits it, and what follows from them while one edits."""

import json
import time

import gradio as gr
import yaml
from pydantic import ValidationError

from lab import balance, bases, preview, tasks
from lab import task as task_file
from lab.config import ID
from lab.data import Dataset
from lab.errors import InputError
from lab.home import Home
from lab.task import Task
from lab.ui import access, balance_table, exact_prompt, label_editor, label_table, look
from lab.ui.label_editor import MOST_LABELS
from lab.versions import content_hash

LABEL, LABELS = 2, 6  # where the label column and the table of labels stand among the values of the fields
AS_BEFORE = "**Not as edited: what is below is the last prompt without problems.**"


def opened(home: Home, task_name: str | None, dataset: Dataset, task: Task | None = None) -> tuple:
    """The values of `Form.opened` for a task, for one of its versions, or for a new one where `task_name` is empty."""
    plain = plain_values(home, task_name, dataset, task)
    try:
        stood = stood_as(task_name, Task.model_validate({**plain, "name": "new"}))
    except ValidationError:  # a draft that has no labels yet
        stood = [task_name or "", None]
    values = filled(plain, dataset)
    rows, *label_parts = label_editor.opened(values[1 + LABELS])
    return *values[: 1 + LABELS], rows, *values[2 + LABELS :], *label_parts, time.time(), stood


def reopened(home: Home, task_name: str | None, dataset: Dataset, name: str, values: list) -> tuple:
    """The values of `Form.opened` that bring edits back into it."""
    rows, *label_parts = label_editor.opened(label_table.all_rows(values[LABELS]))
    stood = opened(home, task_name, dataset)[-1]
    standing = [name, *values[:LABELS], rows, *values[LABELS + 1 :], *by_kind(values[0])]
    # The columns stay as they were chosen, whatever the dataset of now has.
    return *standing, *label_parts, time.time(), stood


def stood_as(task_name: str | None, task: Task) -> list[str]:
    """A task and the hash of its content as `parsed` reads it from the form, which hides what its kind does not have."""
    hidden = {"target": None, "read": None} if task.kind == "classify" else {}
    return [task_name or "", content_hash(task.model_copy(update=hidden))]


def plain_values(home: Home, task_name: str | None, dataset: Dataset, task: Task | None = None) -> dict:
    """The plain values of a task, or of a draft, under a name by which it can be saved: a bundled one proposes a free name."""
    if task_name:
        name = tasks.free_name(home, task_name) if tasks.is_bundled(task_name) else task_name
        return (task or tasks.load(home, task_name)).model_dump() | {"name": name}
    about = dataset.about
    found = preview.labels_in(dataset, about.label)[:MOST_LABELS] if about.label else []
    draft = {"with_definitions": True, "format": "auto", "read": None, **tasks.draft(about, found)}
    return draft | {"name": tasks.free_name(home, draft["name"])}


def filled(values: dict, dataset: Dataset) -> tuple:
    """Name and fields of the form for plain values."""
    columns = preview.columns_of(dataset, dataset.splits[0])
    return (
        values["name"],
        values["kind"],
        gr.update(choices=columns, value=values["text"]),
        gr.update(choices=["", *columns], value=values["label"] or ""),
        gr.update(choices=["", *columns], value=values["target"] or ""),
        values["instruction"],
        values["prompt"],
        label_table.rows_of(values["labels"]),
        values["with_definitions"],
        values["format"],
        values["read"] or "",
        *by_kind(values["kind"]),
    )


def by_kind(kind: str) -> tuple:
    """The fields that only a generate task has."""
    return gr.update(visible=kind == "generate"), gr.update(visible=kind == "generate")


def parsed(name: str | None, values: tuple) -> Task:
    """The task that stands in the form. Raises InputError with all that is wrong with it."""
    kind, text, label, target, instruction, prompt, labels, with_definitions, form, read = values
    generate = kind == "generate"
    content = {
        "name": (name or "").strip(),
        "kind": kind,
        "text": text or "",
        "label": label or None,
        "target": (target or None) if generate else None,
        "instruction": instruction or "",
        "with_definitions": with_definitions,
        "labels": label_table.labels_of(labels),
        "prompt": prompt or "",
        "format": form,
        "read": (read or None) if generate else None,
    }
    _refuse_long(content)
    return task_file.parse(yaml.safe_dump(content, allow_unicode=True), "The task")


def _refuse_long(content: dict) -> None:
    """Raises InputError for texts that a task does not take, before much is done with them: a browser's own limit on a field
    keeps no other program from sending more."""
    for key, value in content.items():
        if isinstance(value, str) and len(value) > task_file.LONGEST:
            raise InputError(
                f"{key}: this text has {len(value):,} letters, and at most {task_file.LONGEST:,} are taken."
            )
    if len(json.dumps(content["labels"])) > task_file.LONGEST_YAML:
        raise InputError(
            f"labels: all of them together have more than {task_file.LONGEST_YAML:,} letters; shorten some."
        )


def without_problems(name: str | None, values: tuple) -> Task | None:
    """The task that stands in the form; None while something is wrong with it. Its name does not matter."""
    try:
        return parsed(some_name(name), values)
    except InputError:
        return None


def some_name(name: str | None) -> str:
    """The name, or another one: it matters only when the task is saved."""
    return name if ID.fullmatch(name or "") else "new"


def without(lost: list[str]) -> str:
    """What is said of merged labels with definitions."""
    one = len(lost) == 1
    return (
        f"{', '.join(map(repr, lost))} {'is' if one else 'are'} merged into another label: a task keeps no definition "
        f"or aliases of {'it' if one else 'them'}."
    )


# -- what stands beside the editor -----------------------------------------------------------------------------------


def shown(dataset: Dataset, split: str, number, model: str | None, name: str | None, values: tuple) -> tuple:
    """What follows from the form: the prompt, a line about its tokens, what looks wrong, the label balance."""
    try:
        balanced = balance_table.rendered(what_if(dataset, values))
    except InputError:
        balanced = gr.skip()
    try:
        number = -1 if number is None or number != int(number) else int(number)
        task = parsed(some_name(name), values)
        found = preview.of_row(task, dataset, split, number, bases.find(access.model_id(model)))
        problems = preview.look_for_problems(task, dataset)
    except InputError as error:
        return gr.skip(), AS_BEFORE, look.plain(str(error)), balanced
    lost = label_table.left_out(values[LABELS])
    notes = [f"- **Not saved:** {look.plain(without(lost))}"] if lost else []
    notes += [x for x in exact_prompt.noted(found, problems) if x.startswith("-") or not notes]
    return exact_prompt.rendered(found), exact_prompt.counted(found), "\n".join(notes), balanced


def what_if(dataset: Dataset, values: tuple) -> list[dict]:
    """The label balance with the merges that stand in the table; nothing without a label column."""
    if not values[LABEL]:
        return []
    names = [label["name"] for label in label_table.labels_of(values[LABELS])]
    return balance.what_if(dataset, values[LABEL], names, label_table.merges_of(values[LABELS]))
