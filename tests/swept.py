"""Sweeps whose runs nobody has trained: folders and scores as a worker leaves them, so that tests need no training."""

import random

import yaml

from lab import bases, comparison, evaluations, grid, runs, sweeps
from lab.comparison import Comparison
from lab.home import Home
from lab.plan import Plan
from lab.prompt import Renderer
from lab.runs import Run
from lab.subjects import ADAPTER_WEIGHTS
from lab.sweeps import Sweep

SMALL = {"train_rows": 32, "validation": 200, "max_steps": 1, "quantization": "none"}


def prepared(home: Home, **values) -> sweeps.Prepared:
    """A checked sweep of small runs on the bundled sentiment set."""
    return sweeps.prepare(home, grid.parse({**SMALL, **values}))


def finished(home: Home, planned: Plan, accuracy: float | None = 0.8, invalid: int = 0) -> Run:
    """A run that looks as if it had been trained and, with an accuracy, scored on its held-out rows."""
    run = runs.create(home, planned.config, planned.task, planned.train, planned.validation)
    run.adapter.mkdir()
    (run.adapter / ADAPTER_WEIGHTS).write_bytes(run.id.encode())  # all that is read of them is their hash
    run.beat(attempt=1, step=1, total_steps=1, epoch=1.0)
    run.end("finished")
    if accuracy is not None:
        score(home, Comparison(subjects=[run.id]), accuracy, invalid)
    return run


def score(home: Home, wanted: Comparison, accuracy: float, invalid: int = 0) -> None:
    """Keeps an evaluation of one subject with about this accuracy."""
    asked = comparison.look_up(home, wanted)
    (subject,), (question,) = asked.subjects, asked.questions
    base, chance = bases.find(subject.base), random.Random(7)
    renderer = Renderer(question.task, bases.tokens_at_hand(base))
    request = evaluations.request(subject, base, question, renderer, asked.decoding)
    evaluations.save(home, request, question, [*_answers(question, accuracy, invalid, chance)], 1.5)


def _answers(question, accuracy: float, invalid: int, chance: random.Random):
    task = question.task
    for i, row in enumerate(question.rows):
        gold = task.gold(row) if task.names else task.answer(row)
        others = [name for name in task.names if name != gold] or ["something else"]
        said = gold if chance.random() < accuracy else others[0]
        label = said if task.names else None
        if i < invalid:
            said, label = "I would rather not say", None
        probabilities = {"probabilities": dict.fromkeys(task.names, 0.5) | {"other": 0.0}} if task.names else {}
        yield {"answer": said, "label": label, "tokens": 3, **probabilities}


def made_up(home: Home, accuracies: list[float | None], **values) -> Sweep:
    """A sweep all of whose runs have finished, with these accuracies in the order of its points; None has no run."""
    ready = prepared(home, **values)
    sweep = sweeps.settled(home, ready)
    for place, (planned, accuracy) in enumerate(zip(ready.plans, accuracies, strict=True)):
        if accuracy is not None:
            sweep = sweep.with_run(place, finished(home, planned, accuracy, invalid=3 * place).id, False)
    sweeps.keep(home, sweep)
    return sweep


def text(**values) -> str:
    return yaml.safe_dump({**SMALL, **values}, sort_keys=False)
