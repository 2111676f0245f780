"""The public events about ratings: sets of answers that people rate, and what their ratings come to."""

import time
from contextlib import suppress

import gradio as gr

from lab import jobs, rating_form, ratings, tasks
from lab.errors import InputError, WorkError
from lab.home import Home
from lab.ui import access
from lab.ui.offer import taken

LOOK_EVERY = 0.3  # seconds


def rating_start(
    home: Home,
    request: gr.Request,
    subjects: list[str],
    name: str | None = None,
    rows: int = ratings.ROWS,
    task: str | None = None,
    dataset: str | None = None,
    split: str = "validation",
    settings: list[str] | None = None,
) -> dict:
    """Makes a set of answers to be rated, of subjects to the first rows of a split; waits for answers that are missing."""
    access.may_change(request)
    about = {"task": tasks.load(home, task) if task else None, "dataset": dataset or None, "split": split}
    wanted = ratings.wanted(taken(subjects), rows, **about, decoding=settings or [])
    if not all(ratings.known(home, wanted)) and (job := jobs.evaluate(home, wanted)):
        while job.holder() is not None:
            time.sleep(LOOK_EVERY)
        if jobs.outcome(job) != "finished":
            raise WorkError(f"The evaluation was {job.status()}; what was made of it is kept.")
    return ratings.overview(home, ratings.create(home, wanted, name or None).name)


def rating_list(home: Home) -> list[dict]:
    """All rating sets, newest first: name, subjects, rows, answers, where they come from, answers rated by each rater."""
    found = []
    for name in ratings.listing(home):
        with suppress(InputError):  # one broken set must not hide the others
            found.append(ratings.overview(home, name))
    return found


def rating_show(home: Home, name: str, row: int | None = None) -> dict:
    """What the ratings of a set come to: averages with intervals, agreement between raters; or a row to be rated."""
    return ratings.look(home, name) if row is None else ratings.load(home, name).row(row)


def rating_add(
    home: Home,
    request: gr.Request,
    name: str,
    rater: str,
    subject: str,
    index: int,
    grammatical_correctness: float,
    coherence: float,
    correctness_of_answer: float,
    comment: str = "",
) -> dict:
    """Rates one answer with 0, 0.5 or 1 by each criterion, in place of the rater's own rating before."""
    access.may_change(request)
    values = zip(rating_form.CRITERIA, (grammatical_correctness, coherence, correctness_of_answer), strict=True)
    rating = rating_form.read({**dict(values), "comment": comment})
    ratings.rate(home, name, rater, {(subject, index): rating})
    return {"name": name, "rater": rater, "subject": subject, "index": index, **rating.model_dump()}


def rating_export(home: Home, name: str, rater: str, subject: str) -> dict:
    """A rater's ratings of a subject, as a list in the form that rating_import reads, and their averages."""
    return ratings.handed_on(home, name, rater, subject)


def rating_import(home: Home, request: gr.Request, name: str, rater: str, subject: str, content: str) -> dict:
    """Takes in a rater's ratings of a subject from JSON text: a list of index, the three criteria, comment."""
    access.may_change(request)
    count = ratings.take_in(home, name, rater, subject, content)
    return {"name": name, "rater": rater, "subject": subject, "ratings": count}


def rating_delete(home: Home, request: gr.Request, name: str) -> dict:
    """Deletes a rating set with all its ratings."""
    access.may_change(request)
    ratings.delete(home, name)
    return {"name": name, "deleted": True}


COMMANDS = [rating_start, rating_list, rating_show, rating_add, rating_export, rating_import, rating_delete]
