"""Calibrations: short trainings of a few steps, measured, from which the time of a whole run follows."""

import hashlib
import json
from math import log2
from pathlib import Path

from lab import runs
from lab.config import Config
from lab.errors import InputError
from lab.home import Home, newest_first, read_json, write_json
from lab.plan import Plan
from lab.runs import Run

STEPS = 12  # at most
ROWS, SCORED_ROWS = 400, 32  # of a run's, that a calibration takes
# What a step's time follows from, beside the model and the rows.
KEYS = ["quantization", "adapter", "batch_size", "accumulate", "optimizer", "gradient_checkpointing", "shared_prefix"]


class Calibration(Run):
    """A few steps of a run, in a folder like a run's, with what was measured. Its id follows from what is measured."""

    kind = "calibration"

    @staticmethod
    def place(home: Home) -> Path:
        return home.calibrations

    def measured(self) -> dict | None:
        """What was measured, None while it was not: `loading_seconds, step_seconds, validation_seconds` (a row's loss),
        `scoring_seconds: {base, labels}` (a row's answer, decoded or decided by labels; None where none is scored),
        `device`."""
        return read_json(self._path("measured.json"))

    def keep(self, measured: dict) -> None:
        write_json(self._path("measured.json"), measured)


def identity(planned: Plan) -> str:
    """The id of the calibration that fits a plan: of runs that differ in their length or learning rate it is the same, and
    mostly of those that differ in seed or rows, for of the rows' lengths only the mean counts, within a tenth."""
    config, lengths = planned.config.model_dump(), list(map(len, planned.train_examples))
    seen = {
        "base": planned.base.fingerprint(),
        "config": {key: config[key] for key in KEYS},
        "decoding": planned.config.decoding.identity(),
        "labels": planned.task.names,
        "prefix": planned.batch_cost()["prefix"],
        "length": round(8 * log2(sum(lengths) / len(lengths))),
        "is_scored": bool(planned.validation),
    }
    return "calibration-" + hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:16]


def known(home: Home, planned: Plan) -> Calibration | None:
    """The calibration that fits a plan, measured or not; None where there is none."""
    if planned.base.folder is None:
        return None
    try:
        return Calibration(home, identity(planned))
    except InputError:
        return None


def create(home: Home, planned: Plan) -> Calibration:
    """The calibration that fits a plan, made when there is none. Raises InputError for a model that is not on this machine."""
    if planned.base.folder is None or not any(planned.base.folder.glob("*.safetensors")):
        raise InputError(
            f"{planned.base.public_name} is not on this machine yet, and nothing is downloaded to measure it; "
            f"its first run will bring it here."
        )
    if found := known(home, planned):
        return found
    name = identity(planned)
    wanted = {"max_steps": STEPS, "epochs": None, "evaluate_at": None, "train_rows": "all", "validation": None}
    config = Config.model_validate({**planned.config.model_dump(), **wanted})
    runs.lay_out(home.calibrations / name, config, planned.task, planned.train[:ROWS], planned.validation[:SCORED_ROWS])
    return Calibration(home, name)


def listing(home: Home) -> list[str]:
    """The ids of all calibrations, newest first."""
    return newest_first(home.calibrations, "task.yaml")


def seconds(planned: Plan, measured: dict) -> dict:
    """How long a plan's run will take by a calibration, in seconds: `{training, scoring, total}`.

    Answers of the base are decoded; those of an adapter count as labels, which it will have learnt by then.
    """
    training, scoring = planned.total_steps * measured["step_seconds"], 0.0
    if by := measured["scoring_seconds"]:
        held_out, train = planned.validation_rows, planned.train_rows if planned.config.score_train_rows else 0
        scored = len(planned.evaluate_at) * (held_out + train)
        epochs = planned.total_steps // planned.steps_per_epoch
        scoring = held_out * by["base"] + scored * (by["labels"] or by["base"])
        scoring += epochs * held_out * measured["validation_seconds"]
    return {"training": training, "scoring": scoring, "total": measured["loading_seconds"] + training + scoring}
