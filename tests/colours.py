"""A toy data set that a tiny model can learn, its task, and runs on it."""

import json
from collections.abc import Callable
from pathlib import Path

import yaml

from lab import comparison, config, data, jobs, plan, runs, tasks, worker
from lab.comparison import Comparison
from lab.config import Config
from lab.evaluations import Evaluation
from lab.home import Home
from lab.job import Job
from lab.runs import Run
from lab.task import parse

CODEBOOK = {
    "name": "colours",
    "label": "label",
    "instruction": "Name the kind of colour.\n$labels",
    "labels": [
        {"name": "warm", "definition": "red, orange and their like"},
        {"name": "cold", "definition": "blue, green and their like"},
    ],
    "prompt": "Colour: $text\nKind:",
}
WORDS = {"warm": ["red", "orange", "scarlet", "amber"], "cold": ["blue", "green", "teal", "navy"]}


def add_to(home: Home, folder: Path) -> Home:
    """Adds 24 rows and their task to a home."""
    rows = [
        {"text": f"{shade} {word}", "label": label}
        for label, words in WORDS.items()
        for word in words
        for shade in ("a", "the", "dark")
    ]
    (folder / "colours.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data.add(home, data.About(name="colours", text="text", label="label"), {"train": folder / "colours.jsonl"})
    tasks.add(home, parse(yaml.safe_dump(CODEBOOK)))
    return home


def settings(model: Path, **changes) -> Config:
    """A config that trains on them within a second."""
    values = {
        "name": "tiny",
        "task": "colours",
        "dataset": "colours",
        "base_model": str(model),
        "quantization": "none",
        "train_rows": "all",
        "epochs": 2,
        "batch_size": 8,
        "adapter": {"r": 4, "dropout": 0.0},
    }
    return config.parse({**values, **changes})


def created(home: Home, model: Path, **changes) -> Run:
    """A run that waits for somebody to work on it."""
    planned = plan.make(home, settings(model, **changes))
    return runs.create(home, planned.config, planned.task, planned.train, planned.validation)


def worked(home: Home, job: Job, compute: Callable | None = None) -> Job:
    """The job, done in this process. Raises InputError or WorkError when it failed."""
    job.renew()
    job.beat(ticket=1)
    worker.work(home, job, compute)
    jobs.outcome(job)
    return job


def trained(home: Home, model: Path, **changes) -> Run:
    return worked(home, created(home, model, **changes))


def evaluated(home: Home, names: list[str], **options) -> list[Evaluation]:
    """The evaluations of these subjects, made in this process."""
    from lab.evaluate import evaluate

    return evaluate(home, comparison.look_up(home, Comparison(subjects=names, **options)))
