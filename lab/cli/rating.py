"""The commands about ratings: sets of answers that people rate, and what their ratings come to."""

import sys
from pathlib import Path

import click

from lab import jobs, rating_form, ratings, tasks
from lab.cli import show
from lab.cli.common import command, follow, say
from lab.errors import InputError, WorkError
from lab.home import Home, write
from lab.rating_scores import AVERAGES

MARK = click.Choice(["0", "0.5", "1"])


@click.argument("names", nargs=-1, required=True, metavar="SUBJECT…")
@click.option("--name", metavar="NAME", help="What the set is called; by default rating-1, rating-2 …")
@click.option("--rows", default=ratings.ROWS, show_default=True, metavar="N", help="The first N rows.")
@click.option("--task", "task_name", metavar="NAME", help="The task that asks; by default the run's.")
@click.option("--dataset", "dataset_name", metavar="NAME", help="The dataset; by default the run's own rows.")
@click.option("--split", default="validation", show_default=True, help="validation, test or train.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Set a key of the decoding.")
def rating_start(home: Home, names, name, rows, task_name, dataset_name, split, sets):
    """Make a set of answers to be rated; answers that are missing are made by a worker first."""
    task = tasks.load_name_or_file(home, task_name) if task_name else None
    about = {"task": task, "dataset": dataset_name, "split": split, "decoding": list(sets)}
    wanted = ratings.wanted(list(names), rows, **about)
    if not all(ratings.known(home, wanted)):
        job = jobs.evaluate(home, wanted)
        if job:
            follow(job)
            if jobs.outcome(job) != "finished":
                raise WorkError(f"The evaluation was {job.status()}; what was made of it is kept.")
    found = ratings.overview(home, ratings.create(home, wanted, name).name)
    return found, lambda console: console.print(f"{found['name']}: {found['rows']} rows, {found['answers']} answers.")


def rating_list(home: Home):
    """List the rating sets, newest first."""
    found = []
    for name in ratings.listing(home):
        try:
            found.append(ratings.overview(home, name))
        except InputError as error:
            say(f"{name} is left out: {error}")
    columns = ["set", "subjects", "rows", "answers", "rated by"]
    rows = [[x["name"], ", ".join(x["subjects"]), x["rows"], x["answers"], _raters(x["raters"])] for x in found]
    return found, lambda console: show.table(console, columns, rows)


def _raters(done: dict[str, int]) -> str:
    return ", ".join(f"{rater} {count}" for rater, count in done.items())


@click.argument("name", metavar="NAME")
@click.option("--row", type=int, metavar="N", help="Show this row's question and answers, to rate them.")
def rating_show(home: Home, name, row):
    """Show what the ratings of a set come to: averages with intervals, agreement between raters."""
    if row is not None:
        found = ratings.load(home, name).row(row)
        return found, lambda console: _row(console, found)
    found = ratings.look(home, name)
    return found, lambda console: _scores(console, found)


def _row(console, found: dict) -> None:
    console.print(found["question"])
    console.print(f"expected: {found['expected']}")
    for subject, answer in found["answers"].items():
        console.print(f"\n{subject}: {answer}")


def _scores(console, found: dict) -> None:
    console.print(f"{found['name']}: {found['rows']} rows, {found['answers']} answers; {_raters(found['raters'])}")
    columns = ["subject", "rater", "rows", *rating_form.CRITERIA.values(), "Overall"]
    lines = [("all", x) for x in found["scores"]]
    lines += [(x["rater"], x) for x in found["by_rater"]] if len(found["raters"]) > 1 else []
    rows = [[x["subject"], rater, x["rows"], *(_share(x, key) for key in AVERAGES)] for rater, x in lines]
    show.table(console, columns, rows)
    agreed = found["agreement"]
    values = ", ".join(f"{words} {_number(agreed[key])}" for key, words in rating_form.CRITERIA.items())
    note = f" ({agreed['note']})" if agreed["note"] else ""
    console.print(f"{agreed['method']}, over {agreed['answers']} answers: {values}{note}")


def _share(found: dict, key: str) -> str:
    interval = found["ci95"][key]
    return _number(found[key]) + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


@click.argument("name", metavar="NAME")
@click.option("--rater", required=True, metavar="RATER", help="Who rates: small letters, digits, - and _.")
@click.option("--index", required=True, type=int, metavar="N", help="The row, counted from 0.")
@click.option("--subject", required=True, metavar="SUBJECT", help="Whose answer.")
@click.option("--grammatical-correctness", required=True, type=MARK)
@click.option("--coherence", required=True, type=MARK)
@click.option("--correctness-of-answer", required=True, type=MARK)
@click.option("--comment", default="", metavar="TEXT")
def rating_add(home: Home, name, rater, index, subject, comment, **marks):
    """Rate one answer, in place of the rater's own rating before; `show NAME --row N` shows it."""
    rating = rating_form.read({**{key: float(value) for key, value in marks.items()}, "comment": comment})
    ratings.rate(home, name, rater, {(subject, index): rating})
    found = {"name": name, "rater": rater, "subject": subject, "index": index, **rating.model_dump()}
    return found, lambda console: console.print(f"Kept: {rater} on row {index} of {name}, {subject}.")


@click.argument("name", metavar="NAME")
@click.option("--rater", required=True, metavar="RATER")
@click.option("--subject", required=True, metavar="SUBJECT")
@click.option(
    "--to", "target", metavar="FILE", help="Write the list to this file, and its averages to FILE-averages.json."
)
def rating_export(home: Home, name, rater, subject, target):
    """Print a rater's ratings of a subject as a JSON list; with --json also the averages."""
    found = ratings.handed_on(home, name, rater, subject)
    texts = ratings.as_files(found)
    if not target:
        return found, lambda console: click.echo(texts[".json"], nl=False)
    path = Path(target).expanduser()
    beside = path.with_name(f"{path.name.removesuffix('.json')}-averages.json")
    if path.is_dir():
        raise InputError(f"{target} is a folder; name a file.")
    write(path, texts[".json"])
    write(beside, texts["-averages.json"])
    return found, lambda console: click.echo(f"Written: {path} and {beside}")


@click.argument("name", metavar="NAME")
@click.argument("file", metavar="FILE.json")
@click.option("--rater", required=True, metavar="RATER")
@click.option("--subject", required=True, metavar="SUBJECT")
def rating_import(home: Home, name, file, rater, subject):
    """Take in a rater's ratings of a subject from a JSON list, as `export` prints it; - reads stdin."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as text.") from error
    count = ratings.take_in(home, name, rater, subject, text)
    found = {"name": name, "rater": rater, "subject": subject, "ratings": count}
    return found, lambda console: console.print(f"Kept {count} ratings of {subject} by {rater}.")


@click.argument("name", metavar="NAME")
def rating_delete(home: Home, name):
    """Delete a rating set with all its ratings."""
    ratings.delete(home, name)
    return {"name": name, "deleted": True}, lambda console: console.print(f"Deleted {name}.")


group = click.Group("rating", help="Answers that people rate: grammar, coherence, correctness.")
verbs = {"start": rating_start, "list": rating_list, "show": rating_show, "add": rating_add}
verbs |= {"export": rating_export, "import": rating_import, "delete": rating_delete}
for verb, function in verbs.items():
    group.add_command(command(verb)(function))
commands = [group]
