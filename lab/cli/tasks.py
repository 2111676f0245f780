"""The commands about tasks and their versions."""

from pathlib import Path

import click

from lab import balance, bases, data, preview, tasks, versions
from lab import task as task_file
from lab.cli import show
from lab.cli.common import command, say
from lab.config import BUNDLED_MODEL
from lab.errors import InputError
from lab.home import Home
from lab.task import Task


@click.argument("file", metavar="FILE.yaml")
def task_add(home: Home, file):
    """Keep a task from a YAML file."""
    added = task_file.load(Path(file).expanduser())
    tasks.add(home, added)
    return _summary(added), lambda console: console.print(f"Added the task {added.name}.")


def task_list(home: Home):
    """List all tasks, yours first, then the bundled ones."""
    found = []
    for name in tasks.listing(home):
        try:
            found.append(_summary(tasks.load(home, name)))
        except InputError as error:  # one broken file must not hide the others
            say(f"{name} is left out: {error}")
    return found, lambda console: show.tasks(console, found)


def _summary(task: Task) -> dict:
    return {"name": task.name, "kind": task.kind, "labels": task.names, "with_definitions": task.with_definitions}


@click.argument("name")
def task_show(home: Home, name):
    """Show a task."""
    found = tasks.load_name_or_file(home, name)
    return found.model_dump(), lambda console: console.print(task_file.dump(found))


@click.argument("name")
@click.option("--dataset", "dataset_name", required=True, help="The dataset it is to be used with.")
def task_lint(home: Home, name, dataset_name):
    """Say what looks wrong between a task and a dataset."""
    task, dataset = tasks.load_name_or_file(home, name), data.load(home, dataset_name)
    found = preview.lint_whole(task, dataset)
    return found, lambda console: show.lint(console, found)


@click.argument("name")
@click.option("--dataset", "dataset_name", required=True, help="The dataset that the row is taken from.")
@click.option("--row", default=0, show_default=True, help="Which row of its first split, counted from 0.")
@click.option("--model", default=BUNDLED_MODEL, show_default=True, help="Whose tokenizer and chat template.")
def task_preview(home: Home, name, dataset_name, row, model):
    """Show the exact prompt of one row, tokens counted, trained tokens marked."""
    task, dataset = tasks.load_name_or_file(home, name), data.load(home, dataset_name)
    split, total = dataset.splits[0], preview.size(dataset, dataset.splits[0])
    if not 0 <= row < total:
        raise InputError(f"--row {row}: {dataset_name}/{split} has the rows 0 to {total - 1}.")
    found = preview.of_row(task, dataset, split, row, bases.find(model))
    del found["spans"], found["marked"]  # for the page
    return found, lambda console: show.preview(console, found)


@click.argument("name")
@click.option("--dataset", "dataset_name", required=True, help="The dataset whose rows are counted.")
def task_balance(home: Home, name, dataset_name):
    """Show how often each label stands in each split, before and after the task's merges."""
    found = balance.of_task(data.load(home, dataset_name), tasks.load_name_or_file(home, name))
    return found, lambda console: show.balance(console, found)


@click.argument("file", metavar="FILE.yaml")
def task_save(home: Home, file):
    """Keep a task from a YAML file as the newest version under its name."""
    given = task_file.load(Path(file).expanduser())
    number, new = tasks.save(home, given)
    said = f"Saved the task {given.name} as version {number}." if new else f"{given.name} is as in version {number}."
    return _summary(given) | {"version": number, "new": new}, lambda console: console.print(said)


@click.argument("name")
def task_versions(home: Home, name):
    """List the versions of a task: when each was saved, what changed, which runs used it."""
    found = versions.history(home, name)
    return found, lambda console: show.versions(console, found)


@click.argument("name")
@click.argument("first", metavar="[A]", type=int, required=False)
@click.argument("second", metavar="[B]", type=int, required=False)
def task_diff(home: Home, name, first, second):
    """Show how version A of a task differs from version B; by default the newest from the one before it."""
    found = versions.compare(home, name, first, second)
    return found, lambda console: show.difference(console, found)


@click.argument("name")
@click.argument("version", type=int)
def task_restore(home: Home, name, version):
    """Make an earlier version of a task the newest one; nothing is lost."""
    number, new = tasks.restore(home, name, version)
    said = f"{name} is as in version {version} again" + (f"; this is version {number}." if new else ", as it was.")
    found = {"name": name, "restored": version, "version": number, "new": new}
    return found, lambda console: console.print(said)


@click.argument("name")
def task_delete(home: Home, name):
    """Delete a task with all its versions; runs keep the task that they used."""
    kept = versions.delete(home, name)
    said = f"Deleted the task {name} with its {kept} version{'s' * (kept != 1)}."
    return {"name": name, "deleted": True, "versions": kept}, lambda console: console.print(said)


task = click.Group("task", help="What the model must do: labels with definitions, instruction, template.")
verbs = {
    "add": task_add,
    "list": task_list,
    "show": task_show,
    "lint": task_lint,
    "preview": task_preview,
    "balance": task_balance,
    "save": task_save,
    "versions": task_versions,
    "diff": task_diff,
    "restore": task_restore,
    "delete": task_delete,
}
for name, function in verbs.items():
    task.add_command(command(name)(function))
commands = [task]
