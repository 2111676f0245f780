"""The public events about tasks and their versions."""

from contextlib import suppress

import gradio as gr

from lab import balance, bases, data, preview, tasks, versions
from lab.config import BUNDLED_MODEL
from lab.errors import InputError
from lab.home import Home
from lab.task import Task
from lab.ui import access
from lab.ui.given_yaml import read_task


def task_add(home: Home, request: gr.Request, task: str) -> dict:
    """Keeps a task, given as YAML text."""
    access.may_change(request)
    added = read_task(task)
    tasks.add(home, added)
    return _summary(added)


def task_list(home: Home) -> list[dict]:
    """All tasks, the user's first: name, kind, labels."""
    found = []
    for name in tasks.listing(home):
        with suppress(InputError):  # one broken file must not hide the others
            found.append(_summary(tasks.load(home, name)))
    return found


def _summary(task: Task) -> dict:
    return {"name": task.name, "kind": task.kind, "labels": task.names, "with_definitions": task.with_definitions}


def task_show(home: Home, name: str) -> dict:
    """A task with all its keys."""
    return tasks.load(home, name).model_dump()


def task_lint(home: Home, name: str, dataset: str) -> list[dict]:
    """What looks wrong between a task and a dataset: severity, message, label, rows."""
    return preview.lint_whole(tasks.load(home, name), data.load(home, dataset))


def task_preview(home: Home, name: str, dataset: str, row: int = 0, model: str = BUNDLED_MODEL) -> dict:
    """The exact prompt of a row of the dataset's first split, its tokens counted."""
    task, found = tasks.load(home, name), data.load(home, dataset)
    shown = preview.of_row(task, found, found.splits[0], row, bases.find(access.model_id(model)))
    del shown["spans"], shown["marked"]  # for the page
    return shown


def task_balance(home: Home, name: str, dataset: str) -> list[dict]:
    """How often each label stands in each split of a dataset, before and after the task's merges."""
    return balance.of_task(data.load(home, dataset), tasks.load(home, name))


def task_save(home: Home, request: gr.Request, task: str) -> dict:
    """Keeps a task, given as YAML text, as the newest version under its name; content that is unchanged is not kept twice."""
    access.may_change(request)
    given = read_task(task)
    number, new = tasks.save(home, given)
    return _summary(given) | {"version": number, "new": new}


def task_versions(home: Home, name: str) -> list[dict]:
    """The versions of a task, newest first: when each was saved, what changed, which runs used it."""
    return versions.history(home, name)


def task_diff(home: Home, name: str, first: int | None = None, second: int | None = None) -> dict:
    """How two versions of a task differ; by default the newest and the one before it."""
    return versions.compare(home, name, first, second)


def task_restore(home: Home, request: gr.Request, name: str, version: int) -> dict:
    """Makes an earlier version of a task the newest one."""
    access.may_change(request)
    number, new = tasks.restore(home, name, version)
    return {"name": name, "restored": version, "version": number, "new": new}


def task_delete(home: Home, request: gr.Request, name: str) -> dict:
    """Deletes a task with all its versions; runs keep the task that they used."""
    access.may_change(request)
    return {"name": name, "deleted": True, "versions": versions.delete(home, name)}


COMMANDS = [
    *(task_add, task_list, task_show, task_lint, task_preview, task_balance),
    *(task_save, task_versions, task_diff, task_restore, task_delete),
]
