"""The commands about datasets and tasks."""

from pathlib import Path

import click

from lab import bases, data, preview, tables, tasks
from lab import task as task_file
from lab.cli import show
from lab.cli.common import command, say
from lab.config import BUNDLED_MODEL, Config
from lab.errors import InputError
from lab.home import Home
from lab.task import Task


@click.argument("name")
@click.argument("source")
@click.option("--text", default="text", show_default=True, metavar="COL", help="Column with the text.")
@click.option("--label", metavar="COL", help="Column with the label.")
@click.option("--label-names", metavar="NAME,NAME,…", help="Names of the integer labels 0, 1, …")
@click.option("--target", metavar="COL", help="Column with the answer of a generate task.")
@click.option("--validation", metavar="FILE", help="A file with the validation rows.")
@click.option("--test", metavar="FILE", help="A file with the test rows.")
def dataset_add(home: Home, name, source, text, label, label_names, target, validation, test):
    """Add a dataset: SOURCE is a csv, tsv, json, jsonl or parquet file, or hub:owner/name[:config][@revision]."""
    about = preview.described(name, text, label, label_names, target)
    if source.startswith("hub:"):
        if validation or test:
            raise InputError("A Hub dataset brings its own splits; --validation and --test are for files.")
        from lab.hub import fetch_dataset

        say(f"fetching {source.removeprefix('hub:')} …")
        splits, class_names = fetch_dataset(source.removeprefix("hub:"), label)
        about = about.model_copy(update={"source": source, "label_names": about.label_names or class_names})
        added = data.add_tables(home, about, splits)
    else:
        files = {"train": source, "validation": validation, "test": test}
        about = about.model_copy(update={"source": Path(source).name})
        added = data.add(home, about, {split: Path(path).expanduser() for split, path in files.items() if path})
    found = preview.describe(home, added, None, BUNDLED_MODEL, Config().max_length)
    return found, lambda console: show.dataset(console, found)


def dataset_list(home: Home):
    """List all datasets, yours first, then the bundled ones."""
    found = []
    for name in data.listing(home):
        one = data.load(home, name)
        sizes = {split: tables.size(one.files[split]) for split in one.splits}
        splits, columns = {split: rows for split, (rows, _) in sizes.items()}, sizes[one.splits[0]][1]
        found.append({"name": name, "splits": splits, "columns": columns, "about": one.about.about})
    return found, lambda console: show.datasets(console, found)


@click.argument("name")
@click.option("--task", "task_name", help="Count tokens of this task's prompts; by default the task of that name.")
@click.option("--model", default=BUNDLED_MODEL, show_default=True, help="Whose tokenizer counts.")
@click.option(
    "--max-length",
    type=click.IntRange(1),
    default=Config().max_length,
    show_default=True,
    help="The limit for the count of long rows.",
)
def dataset_show(home: Home, name, task_name, model, max_length):
    """Show rows by split, columns, label balance, duplicates, overlap and token lengths."""
    found = preview.describe(home, data.load(home, name), task_name, model, max_length)
    return found, lambda console: show.dataset(console, found)


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


dataset = click.Group("dataset", help="Rows from a file or the Hub.")
for name, function in {"add": dataset_add, "list": dataset_list, "show": dataset_show}.items():
    dataset.add_command(command(name)(function))
task = click.Group("task", help="What the model must do: labels with definitions, instruction, template.")
verbs = {"add": task_add, "list": task_list, "show": task_show, "lint": task_lint, "preview": task_preview}
for name, function in verbs.items():
    task.add_command(command(name)(function))
commands = [dataset, task]
