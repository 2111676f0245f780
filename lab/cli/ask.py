"""The commands that put rows and prompts to subjects: evaluate, compare, generate, demo."""

import click

from lab import comparison, exports, generator, jobs, scoreboard, subjects, tasks, wanted_metrics
from lab.cli import run as run_commands
from lab.cli import show
from lab.cli.common import command, follow, say
from lab.comparison import Comparison
from lab.config import BUNDLED_TASK, Decoding
from lab.errors import InputError, WorkError
from lab.evaluations import Evaluation
from lab.home import Home


def _rows_options(function):
    for option in (
        click.argument("names", nargs=-1, required=True, metavar="SUBJECT…"),
        click.option("--task", "task_name", metavar="NAME", help="The task that asks; by default the run's."),
        click.option("--dataset", "dataset_name", metavar="NAME", help="The dataset; by default the run's own rows."),
        click.option("--split", default="validation", show_default=True, help="validation, test or train."),
        click.option("--decoding", "mode", type=click.Choice(["greedy", "labels", "sample"]), help="How to answer."),
        click.option("--rows", type=click.IntRange(1), metavar="N", help="Only the first N rows."),
        click.option("--no-probabilities", is_flag=True, help="Leave the label probabilities out."),
        click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Set a key of the decoding."),
        click.option("--metrics", metavar="NAME,…", help=f"Metrics of texts: {', '.join(wanted_metrics.NAMES)}."),
        click.option("--bertscore-model", metavar="MODEL", help="The encoder of BERTScore: a Hub id or a folder."),
        click.option("--scorer", metavar="MODEL", help="The model under which answers have a perplexity."),
    ):
        function = option(function)
    return function


def _comparison(
    home: Home,
    names,
    task_name,
    dataset_name,
    split,
    mode,
    rows,
    no_probabilities,
    sets,
    metrics,
    bertscore_model,
    scorer,
) -> Comparison:
    return Comparison(
        subjects=list(names),
        task=tasks.load_name_or_file(home, task_name) if task_name else None,
        dataset=dataset_name,
        split=split,
        rows=rows,
        decoding=[*([f"mode={mode}"] if mode else []), *sets],
        probabilities=not no_probabilities,
        metrics=wanted_metrics.listed(metrics, bertscore_model=bertscore_model, scorer=scorer),
    )


def _evaluations(home: Home, wanted: Comparison) -> list[Evaluation]:
    """The evaluations asked for; those that are missing are made by a worker, when it is its turn."""
    if wanted.decoding:
        _say_ignored(comparison.look_up(home, wanted).decoding, wanted.decoding)
    job = jobs.evaluate(home, wanted)
    if job:
        follow(job)
        if jobs.outcome(job) != "finished":
            raise WorkError(f"The evaluation was {job.status()}; what was made of it is kept.")
    return comparison.made(home, wanted)


def _say_ignored(decoding: Decoding, sets: list[str]) -> None:
    for note in comparison.ignored(decoding, sets):
        say(f"note: {note}")


@_rows_options
def evaluate(home: Home, **options):
    """Score subjects on frozen rows: a run id, RUN@STEP, base:MODEL or base."""
    wanted = _comparison(home, **options)
    found = [scoreboard.compare([one], wanted=wanted.metrics)[0][0] for one in _evaluations(home, wanted)]
    return found, lambda console: show.comparison(console, found)


@_rows_options
@click.option("--csv", "form", flag_value="csv", help="Print the table as CSV.")
@click.option("--markdown", "form", flag_value="markdown", help="Print the table as Markdown.")
@click.option("--latex", "form", flag_value="latex", help="Print the table as LaTeX.")
@click.option("--reference", metavar="SUBJECT", help="Whom the others are tested against; by default the first.")
def compare(home: Home, form, reference, **options):
    """Compare subjects on the same rows, with intervals and an exact McNemar test against a reference."""
    if reference and reference not in options["names"]:
        raise InputError(f"--reference {reference}: name one of the subjects, {', '.join(options['names'])}.")
    wanted = _comparison(home, **options)
    found, notes = scoreboard.compare(_evaluations(home, wanted), reference, wanted.metrics)
    if len(found) > 2 and (words := scoreboard.winner_in_words(found)):
        notes = [*notes, words]
    for note in notes:
        say(f"note: {note}")
    if form:
        return found, lambda console: click.echo(exports.FORMS[form](found, notes), nl=False)
    return found, lambda console: show.comparison(console, found)


@click.argument("names", nargs=-1, required=True, metavar="SUBJECT…")
@click.option("--text", help="A text, asked through the task.")
@click.option("--row", type=int, metavar="N", help="A row of the run's validation rows, counted from 0.")
@click.option("--raw", metavar="PROMPT", help="A prompt as it is.")
@click.option("--task", "task_name", metavar="NAME", help="The task that asks; by default the run's.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Set a key of the decoding.")
def generate(home: Home, names, text, row, raw, task_name, sets):
    """Put the same prompt to several subjects, side by side."""
    if sum(x is not None for x in (text, row, raw)) != 1:
        raise InputError("Give exactly one of --text, --row and --raw.")
    chosen = subjects.resolve(home, list(names))
    own = next((s.run.task for s in chosen if s.run), None)
    task = tasks.load_name_or_file(home, task_name) if task_name else own or tasks.load(home, BUNDLED_TASK)
    asked: dict | str = raw if raw is not None else {task.text: text}
    if row is not None:
        rows = subjects.question(home, chosen[0], task if task_name else None, None, "validation").rows
        if not 0 <= row < len(rows):
            raise InputError(f"--row {row}: there are the rows 0 to {len(rows) - 1}.")
        asked = rows[row]
    decoding = comparison.decoding_for(chosen, list(sets)).for_kind("generate" if raw is not None else task.kind)
    _say_ignored(decoding, list(sets))
    generator.refuse_beside_jobs(home)  # a second base beside a training could drive it out of memory
    from lab.side_by_side import SideBySide

    found = SideBySide().answer(chosen, task, asked, decoding)
    return found, lambda console: show.answers(console, found)


def demo(home: Home):
    """The whole loop on the bundle: train, score base and adapter on the same rows, compare, generate side by side."""
    done, _ = run_commands.train(home, sets=["name=demo"])
    both = {"names": ["base", done["id"]], "task_name": None, "dataset_name": None, "split": "validation"}
    both |= {"mode": None, "rows": None, "no_probabilities": False, "sets": ()}
    both |= dict.fromkeys(("metrics", "bertscore_model", "scorer"))
    found, _ = compare(home, form=None, reference=None, **both)
    answers = []
    for row in range(3):
        answers += generate(home, both["names"], None, row, None, None, ())[0]

    def tell(console):
        show.comparison(console, found)
        show.answers(console, answers)

    return found, tell


functions = {"evaluate": evaluate, "compare": compare, "generate": generate, "demo": demo}
commands = [command(name)(function) for name, function in functions.items()]
