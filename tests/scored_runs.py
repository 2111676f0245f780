"""A home with runs that were scored on the same rows, made by hand in the formats of a worker and of an evaluation."""

import os
import random
import shutil
import time

from lab import bases, comparison, evaluations, plan, runs
from lab.comparison import Comparison
from lab.config import Config
from lab.home import Home
from lab.prompt import Renderer
from lab.runs import Run
from lab.subjects import ADAPTER_WEIGHTS

ADAPTER_BYTES = 2_000_000
INVALID = ["The writer sounds pleased.", "I cannot say.", "Positive, I think, but not wholly"]


def fill(home: Home, subjects: int, rows: int | str = "validation") -> list[str]:
    """Makes `base` and so many runs less one, each scored on the 872 bundled validation rows, or on so many rows.

    Returns their names. The runs are an hour old.
    """
    planned = plan.make(home, Config(name="load", train_rows=256, epochs=2, validation=rows))
    first = runs.create(home, planned.config, planned.task, planned.train, planned.validation)
    made, then = [first], time.time() - 3600 - subjects
    for i in range(2, subjects):
        shutil.copytree(first.folder, home.runs / f"load-{i}")
        made.append(Run(home, f"load-{i}"))
    for i, run in enumerate(made):
        run.adapter.mkdir()
        (run.adapter / ADAPTER_WEIGHTS).write_bytes(random.Random(i).randbytes(ADAPTER_BYTES))
        os.utime(run.folder / "task.yaml", (then + i, then + i))  # by which they are told newest first
        run.beat(attempt=1, step=32, total_steps=32, epoch=2.0, ticket=i)
        run.end("finished")
    names = ["base", *(run.id for run in made)]
    score(home, names)
    return names


def score(home: Home, names: list[str]) -> None:
    """Keeps an evaluation of each, with answers drawn by chance: the later the subject, the better."""
    asked = comparison.look_up(home, Comparison(subjects=names))
    for i, (subject, question) in enumerate(zip(asked.subjects, asked.questions, strict=True)):
        base, chance = bases.find(subject.base), random.Random(i)
        renderer = Renderer(question.task, bases.tokens_at_hand(base))
        answers = [answered(question.task.gold(row), question.task.names, chance, i) for row in question.rows]
        wanted = evaluations.request(subject, base, question, renderer, asked.decoding)
        evaluations.save(home, wanted, question, answers, 12.5)


def answered(gold: str, labels: list[str], chance: random.Random, skill: int) -> dict:
    sure = min(0.98, 0.55 + 0.02 * skill)
    right = chance.random() < sure
    label = gold if right else chance.choice([x for x in labels if x != gold])
    p = chance.uniform(0.5, 0.99)
    others = [x for x in labels if x != label]
    chances = {x: p if x == label else (0.999 - p) / len(others) for x in labels} | {"other": 0.001}
    if chance.random() < 0.05:
        return {"answer": chance.choice(INVALID), "label": None, "tokens": 7, "probabilities": chances}
    return {"answer": label, "label": label, "tokens": 2, "probabilities": chances}
