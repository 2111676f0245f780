"""The commands that make something of datasets: labels merged, two versions compared, one published with its prompts."""

from pathlib import Path

import click
from rich.console import Console

from lab import agreement, label_merging, publication, tasks
from lab.cli import show
from lab.cli.common import say
from lab.errors import InputError
from lab.home import Home


@click.argument("name")
@click.argument("new")
@click.option("--merge", "merges", multiple=True, metavar="NEW=OLD,OLD", help="A new label and those that become it.")
@click.option("--task", "task_name", help="Merge as this task does, instead of --merge.")
@click.option("--label", metavar="COL", help="The column with the labels; by default the dataset's own.")
def dataset_merge_labels(home: Home, name, new, merges, task_name, label):
    """Make the dataset NEW of NAME with labels merged; labels that are not named stay."""
    if bool(merges) == bool(task_name):
        raise InputError(
            "Say which labels to merge: with --merge new=one,other, or with --task by the merges of a task."
        )
    if task_name:
        task = tasks.load_name_or_file(home, task_name)
        wanted, label = label_merging.of_task(task), label or task.label
    else:
        task, wanted = None, label_merging.parse(list(merges))
    found = label_merging.merge(home, name, new, wanted, label, task and task.name)
    return found, lambda console: _merged(console, found)


def _merged(console: Console, found: dict) -> None:
    console.print(found["about"])
    rows = [
        [x["label"], f"{x['rows']:,}", ", ".join(f"{label} {n:,}" for label, n in x["from"].items())]
        for x in found["merged"]
    ]
    show.table(console, ["new label", "rows", "merged into it"], rows)
    for split, about in found["splits"].items():
        console.print(f"{split}: {about['rows']} rows ({', '.join(f'{x} {n}' for x, n in about['labels'].items())})")


@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--on", metavar="COL", help="The column by which rows are the same, an id; by default their text.")
@click.option("--label", metavar="COL", help="The column with the labels; by default that of each dataset.")
@click.option("--keep", metavar="NEW", help="Keep the rows of A on which both agree as a new dataset.")
def dataset_agreement(home: Home, first, second, on, label, keep):
    """Measure how far two annotated versions of the same rows agree: Cohen's kappa, and where they differ."""
    found = agreement.measure(home, first, second, on, label, keep)
    return found, lambda console: _agreement(console, found)


def _agreement(console: Console, found: dict) -> None:
    for sentence in agreement.in_words(found):
        console.print(sentence)
    if found["disagreements"]:
        rows = [[a, b, f"{n:,}"] for a, b, n in found["disagreements"]]
        show.table(console, [found["first"], found["second"], "rows"], rows)


@click.argument("name")
@click.option("--task", "task_name", required=True, help="The task that puts its rows into prompts.")
@click.option("--model", help="Render for this base model; by default in the task's own format.")
@click.option("--to", metavar="DIR", help="Write the folder DIR/NAME.")
@click.option("--repo", metavar="OWNER/NAME", help="Push it to the Hub, with the token in HF_TOKEN.")
@click.option("--private", is_flag=True, help="A private repository.")
@click.option(
    "--format", "form", type=click.Choice(publication.FORMS), default="parquet", show_default=True, help="Of its files."
)
def dataset_push(home: Home, name, task_name, model, to, repo, private, form):
    """Publish a dataset with its rendered prompts and a card: to a folder, or to the Hub."""
    if bool(to) == bool(repo):
        raise InputError("Say where to: --to DIR for a folder, or --repo OWNER/NAME for the Hub.")
    if private and not repo:
        raise InputError("--private is for a repository of the Hub: give it with --repo OWNER/NAME.")
    made = publication.prepare(home, name, tasks.load_name_or_file(home, task_name), model)
    if to:
        found = publication.to_folder(made, Path(to).expanduser(), form)
    else:
        say(f"pushing {name} to {repo} …")
        found = publication.to_hub(made, repo, private, form)
    return found, lambda console: _pushed(console, found)


def _pushed(console: Console, found: dict) -> None:
    splits = ", ".join(f"{split} {about['rows']:,} rows" for split, about in found["splits"].items())
    console.print(f"{found['name']} with the prompts of {found['task']}: {splits}.")
    console.print(f"new columns: {', '.join(found['added'].values())}; format: {found['format']}")
    console.print(found.get("folder") or f"{found['url']} ({'private' if found['private'] else 'public'})")
    for note in found["notes"]:
        console.print(note, style="dim")


verbs = {"merge-labels": dataset_merge_labels, "push": dataset_push, "agreement": dataset_agreement}
