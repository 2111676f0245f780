"""Keeps the records of a training while it goes on: points, heartbeat, checkpoints, scores; and heeds a stop."""

import time
from collections import Counter

import torch
from transformers import TrainerCallback

from lab import checkpoints
from lab.evaluate import Progress, evaluate_loaded
from lab.exports import share
from lab.finite import NoNumber, Watch, holds_no_number
from lab.home import Home
from lab.model import Model
from lab.plan import Plan
from lab.runs import Run, safe_number
from lab.scoreboard import compare
from lab.shapes import KEPT_FOR_RESUME
from lab.subjects import Question, Subject
from lab.wanted_metrics import heading

SAVE_AT_LEAST_EVERY = 600  # seconds


class Scorer:
    """Decodes and scores rows for a run: the base once before training, then the adapter at the epochs asked for."""

    def __init__(self, home: Home, run: Run, model: Model, planned: Plan, progress: Progress):
        self.home, self.run, self.model, self.planned, self.progress = home, run, model, planned, progress

    def _question(self, split: str) -> Question:
        rows = self.planned.validation if split == "validation" else self.planned.train
        return Question(self.planned.task, self.planned.config.dataset, split, rows)

    def _score(self, subject: Subject, split: str) -> dict:
        # Label probabilities are for comparing on held-out rows; the training rows only show the overfitting.
        made = evaluate_loaded(
            self.home,
            self.model,
            subject,
            self._question(split),
            self.planned.config.decoding,
            split == "validation",
            self.progress,
        )
        return compare([made])[0][0]

    def score_base(self) -> None:
        config = self.planned.config
        if self.planned.validation:
            self.model.network.eval()
            with self.model.using(None):
                scores = self._score(Subject("base", config.base_model, config.quantization), "validation")
            self.run.log(f"base: {_in_words(scores)}")

    def score_checkpoint(self, step: int) -> dict:
        """The scores of the checkpoint just saved, as keys of a metrics point."""
        config, point = self.planned.config, {}
        adapter = self.run.checkpoint(step)
        name, is_whole = f"{self.run.id}@{step}", self.run.method.is_whole
        subject = Subject(name, config.base_model, config.quantization, adapter, self.run, is_whole)
        splits = (["validation"] if self.planned.validation else []) + (["train"] if config.score_train_rows else [])
        self.model.network.eval()
        for split in splits:
            scores = self._score(subject, split)
            before = "train_" if split == "train" else ""
            point |= {
                f"{before}{key}": scores[key] for key in ("accuracy", "macro_f1", "invalid") if scores[key] is not None
            }
            point |= {f"{before}{key}": value for key, value in scores.get("text_metrics", {}).items()}
            self.run.log(f"step {step}, {split} rows: {_in_words(scores)}")
        self.model.network.train()
        return point


def _in_words(scores: dict) -> str:
    texts = ", ".join(f"{heading(key)} {share(value)}" for key, value in scores.get("text_metrics", {}).items())
    if scores["accuracy"] is None:
        return f"{scores['n']} rows answered; {texts}"
    low, high = scores["accuracy_ci95"]
    return (
        f"accuracy {scores['accuracy']:.3f} ({low:.3f} to {high:.3f}), macro F1 {scores['macro_f1']:.3f}, "
        f"{scores['invalid']} of {scores['n']} invalid{f'; {texts}' if texts else ''}"
    )


class Keeper(TrainerCallback):
    """Keeps the run's records: metrics points, heartbeat, checkpoints with manifests, scores; and heeds a stop."""

    def __init__(self, run: Run, planned: Plan, scorer: Scorer):
        self.run, self.planned, self.scorer = run, planned, scorer
        self.attempt = run.state()["attempt"]
        self.started = self.saved_at = time.monotonic()
        self.step_began, self.tokens = 0.0, Counter()
        self.watch = Watch()

    def on_train_begin(self, args, state, control, **kwargs):
        if state.global_step:  # training goes on
            before = (p.get("seconds") or 0 for p in self.run.points() if p["step"] <= state.global_step)
            self.started -= max(before, default=0)
            if self._is_scored(state):  # it may have ended between the checkpoint and its scores
                self._score(state)
        _forget_peak_memory()
        self._beat(state)

    def on_step_begin(self, args, state, control, **kwargs):
        self.step_began = time.monotonic()

    def on_step_end(self, args, state, control, model=None, **kwargs):
        # At the end of an epoch the validation loss comes first, and then what is due is saved.
        ends_epoch = state.global_step % self.planned.steps_per_epoch == 0
        if self.run.stop_requested():
            control.should_training_stop, control.should_save = True, not ends_epoch
        elif time.monotonic() - self.saved_at > SAVE_AT_LEAST_EVERY:
            control.should_save = not ends_epoch
        control.should_save = control.should_save and self._may_be_saved(model, state)

    def on_prediction_step(self, args, state, control, **kwargs):
        self.run.pulse({"what": "the validation loss", "done": 0, "total": 0})

    def on_epoch_end(self, args, state, control, model=None, **kwargs):
        epoch, last = round(state.epoch), state.global_step >= state.max_steps
        whole = last or abs(state.epoch - epoch) < 1e-6
        control.should_evaluate = whole and bool(self.planned.validation)
        due = epoch % self.planned.config.checkpoint_every == 0 or self._is_scored(state)
        late = control.should_training_stop or time.monotonic() - self.saved_at > SAVE_AT_LEAST_EVERY
        control.should_save = control.should_save or (whole and (due or last or late))
        control.should_save = control.should_save and self._may_be_saved(model, state)

    def on_train_end(self, args, state, control, model=None, **kwargs):
        if state.global_step >= state.max_steps and (name := holds_no_number(model)):
            raise self._advised(
                NoNumber(f"At the last step, {state.global_step:,}, the weights of {name} are no numbers.")
            )

    def on_log(self, args, state, control, logs=None, optimizer=None, **kwargs):
        # What each checkpoint holds of the log is JSON, too.
        state.log_history[-1] = {key: safe_number(value) for key, value in state.log_history[-1].items()}
        point = {"attempt": self.attempt, "step": state.global_step, "epoch": round(state.epoch, 6)}
        if "loss" in logs:
            rows = self._rows_at(state.global_step) - self._rows_at(state.global_step - 1)
            tokens = Counter({key: logs[f"num_{key}"] for key in ("tokens", "row_tokens")})
            point |= {key: logs[key] for key in ("loss", "learning_rate", "grad_norm") if key in logs}
            seconds = time.monotonic() - self.step_began  # here the loss is known, so the GPU has done its work
            point |= {f"{key}_per_s": (tokens[key] - self.tokens[key]) / seconds for key in tokens}
            point |= {"rows_per_s": rows / seconds}
            self.tokens = tokens
            point |= {"memory_bytes": _peak_memory(), "seconds": time.monotonic() - self.started}
        elif "eval_loss" in logs:
            point["validation_loss"] = logs["eval_loss"]
        else:
            return
        self.run.log_point({key: safe_number(value) for key, value in point.items()})
        self._beat(state)
        # In float16 a step whose gradients have overflowed is left out, and the next one is taken with smaller ones.
        is_left_out = getattr(optimizer, "step_was_skipped", False)
        try:
            self.watch.see("training loss", state.global_step, point.get("loss"))
            self.watch.see("norm of the gradients", state.global_step, None if is_left_out else point.get("grad_norm"))
            self.watch.see("validation loss", state.global_step, point.get("validation_loss"))
        except NoNumber as error:
            raise self._advised(error) from None

    def on_save(self, args, state, control, **kwargs):
        step, scored = state.global_step, self._is_scored(state)
        self.run.sync_points()  # a checkpoint that outlives a power cut must not know more than they do
        folder = self.run.checkpoint_folder / f"checkpoint-{step}"
        checkpoints.seal(folder, step, round(state.epoch, 6), kept=scored)
        self.saved_at = time.monotonic()
        passing = [c["step"] for c in self.run.checkpoints() if not c["kept"]]
        for old in passing[: max(0, len(passing) - KEPT_FOR_RESUME)]:
            checkpoints.drop(self.run.checkpoint_folder / f"checkpoint-{old}")
        if scored:
            self._score(state)

    def _score(self, state) -> None:
        scores = self.scorer.score_checkpoint(state.global_step)
        _forget_peak_memory()
        point = {"attempt": self.attempt, "step": state.global_step, "epoch": round(state.epoch, 6), **scores}
        self.run.log_point({key: safe_number(value) for key, value in point.items()})
        self._beat(state)

    def _may_be_saved(self, model, state) -> bool:
        """Whether all weights are numbers; the newest checkpoint of which that is so stays the newest."""
        name = holds_no_number(model)
        if name:
            self.run.log(f"step {state.global_step} is not saved: the weights of {name} are no numbers")
        return name is None

    def _advised(self, error: NoNumber) -> NoNumber:
        steps = [c["step"] for c in self.run.checkpoints()]
        kept = f"What was learned before is {self.run.id}@{steps[-1]}." if steps else "Nothing was saved before."
        rate = f"a learning_rate below {self.planned.config.learning_rate:g}"
        error.advice = f"{kept} Start a new run with {rate} or a longer warmup, and look at the rows of that step."
        return error

    def _is_scored(self, state) -> bool:
        """Whether rows are scored now: at a whole epoch that was asked for, and where no epochs were named, at the end."""
        if state.global_step >= state.max_steps and self.planned.config.evaluate_at is None:
            return True
        return state.global_step in {epoch * self.planned.steps_per_epoch for epoch in self.planned.evaluate_at}

    def _rows_at(self, step: int) -> int:
        epochs, rest = divmod(step, self.planned.steps_per_epoch)
        config, rows = self.planned.config, len(self.planned.train)
        return epochs * rows + min(rows, rest * config.batch_size * config.accumulate)

    def _beat(self, state) -> None:
        total, epoch = self.planned.total_steps, round(state.epoch or 0, 6)
        self.run.beat(step=state.global_step, total_steps=total, epoch=epoch, doing=None)


def _forget_peak_memory() -> None:
    """So that the peak reported is the training's, not that of decoding."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak_memory() -> int:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kibibytes on Linux
