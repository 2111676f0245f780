"""Measures a calibration: steps, validation loss and answers of a run, a few of each, by the code that runs use."""

import statistics
import time

from transformers import TrainerCallback

from lab import bases, methods, plan
from lab.calibration import Calibration
from lab.evaluate import Progress, quiet, respond
from lab.home import Home
from lab.model import Model, device, with_tokenizer
from lab.packing import shared_prefix
from lab.plan import Plan
from lab.selfcheck import why_not
from lab.trainer import trainer_for

ENOUGH = 8  # seconds of steps
FEWEST_STEPS = 3  # the first of them warms up


def calibrate(home: Home, job: Calibration, progress: Progress = quiet) -> str:
    """Trains and scores a few rows in this process and keeps how long each took. Returns `finished`."""
    progress(f"loading {bases.public_name(job.config.base_model)}", 0)
    begun = time.perf_counter()
    base, tokens = with_tokenizer(bases.find(job.config.base_model))
    planned = plan.again(job, base, tokens)
    config = planned.config
    share, whole = config.shared_prefix == "auto", methods.of(config.adapter.method).is_whole
    model = Model(planned.base, config.quantization, share, whole=whole)
    model.new_adapter(config, planned.total_steps)
    examples = planned.train_examples + planned.validation_examples
    ends = [max(examples, key=len), min(examples, key=lambda example: len(example.prompt))]
    shares = why_not(model, ends, shared_prefix([example.prompt for example in examples])) is None
    loading = time.perf_counter() - begun
    clock = Clock(progress(f"measuring steps of {job.id}", planned.total_steps))
    trainer = trainer_for(model, planned, job.checkpoint_folder, shares, [clock])
    trainer.train()
    job.keep(
        {
            "loading_seconds": loading,
            "step_seconds": statistics.median(clock.seconds[1:] or clock.seconds),
            "validation_seconds": _timed(trainer.evaluate) / len(planned.validation) if planned.validation else 0.0,
            "scoring_seconds": _scoring(model, planned) if planned.validation else None,
            "device": device(),
        }
    )
    return "finished"


def _timed(work, *given) -> float:
    begun = time.perf_counter()
    work(*given)
    return time.perf_counter() - begun


def _scoring(model: Model, planned: Plan) -> dict[str, float | None]:
    """Seconds for a row's answer: decoded from the base, and decided by labels, where the task has such answers."""
    model.network.eval()
    decoding, rows = planned.config.decoding, planned.validation

    def by(mode: str) -> float:
        asked = decoding.model_copy(update={"mode": mode})
        return _timed(respond, model, planned.renderer, rows, asked, True, lambda done: None) / len(rows)

    with model.using(None):
        return {"base": by(decoding.mode), "labels": by("labels") if planned.task.kind == "classify" else None}


class Clock(TrainerCallback):
    """Notes how long each step takes, and ends the training when it knows enough."""

    def __init__(self, tell):
        self.tell, self.seconds, self.begun = tell, [], 0.0

    def on_step_begin(self, args, state, control, **kwargs):
        self.begun = time.perf_counter()

    def on_log(self, args, state, control, logs=None, **kwargs):  # here the loss is known, so the GPU has done its work
        if "loss" in (logs or {}):
            self.seconds.append(time.perf_counter() - self.begun)
            self.tell(1)
            known = len(self.seconds) >= FEWEST_STEPS and sum(self.seconds) > ENOUGH
            control.should_training_stop = control.should_training_stop or known
