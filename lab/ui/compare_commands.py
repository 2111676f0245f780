"""The public events that score subjects: evaluate and compare."""

import time

import gradio as gr

from lab import comparison, jobs, scoreboard, tasks, wanted_metrics
from lab.comparison import Comparison
from lab.errors import InputError, WorkError
from lab.evaluations import Evaluation
from lab.home import Home
from lab.ui import access
from lab.ui.offer import taken
from lab.wanted_metrics import Metric

LOOK_EVERY = 0.3  # seconds


def evaluate(
    home: Home,
    request: gr.Request,
    subjects: list[str],
    task: str | None = None,
    dataset: str | None = None,
    split: str = "validation",
    decoding: str | None = None,
    rows: int | None = None,
    probabilities: bool = True,
    settings: list[str] | None = None,
    metrics: list[str] | None = None,
    bertscore_model: str | None = None,
    scorer: str | None = None,
) -> list[dict]:
    """Scores subjects (a run, RUN@STEP, base:MODEL, base) on frozen rows, each on its own; waits for what is missing.
    `decoding` is greedy, labels or sample; `settings` are further keys of it as key=value; `metrics` are of texts."""
    texts = _metrics(metrics, bertscore_model, scorer)
    made = _evaluations(home, request, subjects, task, dataset, split, decoding, rows, probabilities, settings, texts)
    return [scoreboard.compare([evaluation], wanted=texts)[0][0] for evaluation in made]


def compare(
    home: Home,
    request: gr.Request,
    subjects: list[str],
    task: str | None = None,
    dataset: str | None = None,
    split: str = "validation",
    decoding: str | None = None,
    rows: int | None = None,
    probabilities: bool = True,
    settings: list[str] | None = None,
    reference: str | None = None,
    metrics: list[str] | None = None,
    bertscore_model: str | None = None,
    scorer: str | None = None,
) -> list[dict]:
    """Compares subjects on the same rows, with intervals and an exact McNemar test against the reference, which is the
    first where none is named; see `evaluate`."""
    texts = _metrics(metrics, bertscore_model, scorer)
    made = _evaluations(home, request, subjects, task, dataset, split, decoding, rows, probabilities, settings, texts)
    return scoreboard.compare(made, reference, texts)[0]


def _metrics(names: list[str] | None, encoder: str | None, scorer: str | None) -> list[Metric] | None:
    """The metrics of texts asked for; their models are Hub ids or the bundled one."""
    chosen = {"bertscore_model": encoder, "scorer": scorer}
    return wanted_metrics.listed(names, **{key: access.model_id(name) for key, name in chosen.items() if name})


def _evaluations(
    home: Home, request, names, task, dataset, split, mode, rows, probabilities, settings, texts
) -> list[Evaluation]:
    """The evaluations asked for; what is missing is made by a job, which only those who may change things can start."""
    if rows is not None and rows < 1:
        raise InputError("rows: at least 1.")
    wanted = Comparison(
        subjects=taken(names),
        task=tasks.load(home, task) if task else None,
        dataset=dataset or None,
        split=split,
        rows=rows,
        decoding=[*([f"mode={mode}"] if mode else []), *(settings or [])],
        probabilities=probabilities,
        metrics=texts,
    )
    asked = comparison.look_up(home, wanted)
    if asked.is_complete(home):
        return asked.known(home)
    access.may_change(request)
    job = jobs.evaluate(home, wanted)
    while job and job.holder() is not None:
        time.sleep(LOOK_EVERY)
    if job and jobs.outcome(job) != "finished":
        raise WorkError(f"The evaluation was {job.status()}; what was made of it is kept.")
    return comparison.made(home, wanted)


COMMANDS = [evaluate, compare]
