"""The commands about datasets."""

from pathlib import Path

import click

from lab import checks, data, preview, tables
from lab.cli import dataset_work, show
from lab.cli.common import command, say
from lab.config import BUNDLED_MODEL, Config
from lab.errors import InputError
from lab.home import Home


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
@click.option("--task", "task_name", help="The task whose labels and prompts count; by default the one of that name.")
@click.option("--model", default=BUNDLED_MODEL, show_default=True, help="Whose tokenizer counts.")
@click.option(
    "--max-length", type=click.IntRange(1), default=Config().max_length, show_default=True, help="The longest allowed."
)
def dataset_check(home: Home, name, task_name, model, max_length):
    """Say what is wrong with the rows: repeats, overlap of splits, empty texts, labels, rows that are too long."""
    found = checks.of(home, data.load(home, name), task_name, model, max_length)
    return found, lambda console: show.checks(console, found)


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


dataset = click.Group("dataset", help="Rows from a file or the Hub.")
verbs = {"add": dataset_add, "list": dataset_list, "show": dataset_show, "check": dataset_check} | dataset_work.verbs
for name, function in verbs.items():
    dataset.add_command(command(name)(function))
commands = [dataset]
