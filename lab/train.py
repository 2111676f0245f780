"""Training: a run from its config to its adapter, with TRL's SFTTrainer; loss over the answers alone."""

import math
import shutil
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from transformers.utils import logging as transformers_logging
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from lab import bases, card, checkpoints, plan, runs
from lab.config import Config
from lab.errors import WorkError
from lab.evaluate import Progress, evaluate_loaded, quiet
from lab.evaluations import compare
from lab.home import Home, staged
from lab.model import Model, device, precision, with_tokenizer
from lab.plan import Plan
from lab.prompt import Example
from lab.runs import Run, safe_number
from lab.subjects import ADAPTER_WEIGHTS, Question, Subject

SAVE_AT_LEAST_EVERY = 600  # seconds
KEPT_FOR_RESUME = 2  # checkpoints
OPTIMIZERS = {"adamw": "adamw_torch"}  # the others are named as transformers names them
transformers_logging.disable_progress_bar()


def train(
    home: Home,
    config: Config,
    planned: Plan | None = None,
    say: Callable[[str], None] = print,
    progress: Progress = quiet,
) -> Run:
    """Trains a run in this process, from its checks to its adapter, and scores it.

    `planned` is the config's plan where it was made already; one with estimated tokens is made again. Raises InputError,
    with nothing left behind, when the config cannot be trained; what fails later is raised too, and kept with the run.
    """
    if planned is None or not planned.tokens.exact:
        planned = plan.make(home, config, with_tokenizer(bases.find(config.base_model))[0])
    model = Model(planned.base, config.quantization)
    model.new_adapter(config)
    run = runs.create(home, planned.config, planned.task, planned.train, planned.validation)
    with run.hold(), _stop_on_interrupt(run, say):
        attempt = run.begin()
        try:
            _work(home, run, model, planned, attempt, say, progress)
        except Exception as error:  # whatever happens, the run keeps its outcome
            outcome = _explain(error)
            run.log("".join(traceback.format_exception(error)))
            run.end("failed", outcome)
            raise WorkError(f"{run.id} failed: {outcome['message']} {outcome['advice']}") from error
    return run


@contextmanager
def _stop_on_interrupt(run: Run, say: Callable[[str], None]) -> Iterator[None]:
    """The first Ctrl-C stops at the next step and saves; the second ends the process at once."""

    def stop(signum, frame) -> None:
        run.request_stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        say(f"{run.id}: stopping at the next step; it will be saved. Press Ctrl-C again to leave at once.")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _explain(error: Exception) -> dict:
    if isinstance(error, torch.OutOfMemoryError):
        advice = "Halve batch_size and double accumulate, or set gradient_checkpointing=true."
        return {"reason": "out_of_memory", "message": "The memory of the device was not enough.", "advice": advice}
    message = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return {"reason": "error", "message": message, "advice": "The run's log has the details."}


def _work(
    home: Home, run: Run, model: Model, planned: Plan, attempt: int, say: Callable[[str], None], progress: Progress
) -> None:
    def tell(line: str) -> None:
        run.log(line)
        say(line)

    config = planned.config
    for note in planned.notes:
        tell(f"note: {note}")
    tell(f"{run.id}: {len(planned.train)} rows, {planned.total_steps} steps, {len(planned.validation)} rows held out")
    tell(f"{config.base_model} is loaded: {config.quantization}, {precision()} on {device()}")
    scorer = Scorer(home, run, model, planned, tell, progress)
    scorer.score_base()
    trainer = _trainer(model, planned, run, attempt, scorer, progress)
    trainer.train()
    step = trainer.state.global_step
    _leave_adapter(run, model, planned, step, scorer)
    run.end("stopped" if step < planned.total_steps else "finished")
    tell(f"{run.id}: {'stopped' if step < planned.total_steps else 'finished'} at step {step}")


class Scorer:
    """Decodes and scores rows for a run: the base once before training, then the adapter at the epochs asked for."""

    def __init__(
        self, home: Home, run: Run, model: Model, planned: Plan, tell: Callable[[str], None], progress: Progress
    ):
        self.home, self.run, self.model, self.planned = home, run, model, planned
        self.tell, self.progress = tell, progress
        self.last: dict | None = None  # the newest scores on the validation rows, for the model card

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
            with self.model.using(None):
                scores = self._score(Subject("base", config.base_model, config.quantization), "validation")
            self.tell(f"base: {_in_words(scores)}")

    def score_checkpoint(self, step: int) -> dict:
        """The scores of the checkpoint just saved, as keys of a metrics point."""
        config, point = self.planned.config, {}
        adapter = self.run.checkpoint(step)
        subject = Subject(f"{self.run.id}@{step}", config.base_model, config.quantization, adapter, self.run)
        splits = (["validation"] if self.planned.validation else []) + (["train"] if config.score_train_rows else [])
        self.model.network.eval()
        for split in splits:
            scores = self._score(subject, split)
            before = "train_" if split == "train" else ""
            point |= {
                f"{before}{key}": scores[key] for key in ("accuracy", "macro_f1", "invalid") if scores[key] is not None
            }
            self.tell(f"step {step}, {split} rows: {_in_words(scores)}")
            self.last = scores if split == "validation" else self.last
        self.model.network.train()
        return point


def _in_words(scores: dict) -> str:
    if scores["accuracy"] is None:
        return f"{scores['n']} rows answered"
    low, high = scores["accuracy_ci95"]
    return (
        f"accuracy {scores['accuracy']:.3f} ({low:.3f} to {high:.3f}), macro F1 {scores['macro_f1']:.3f}, "
        f"{scores['invalid']} of {scores['n']} invalid"
    )


class Trainer(SFTTrainer):
    """TRL's trainer without the model card that it would write into every checkpoint; the adapter gets the lab's own."""

    def create_model_card(self, *args, **kwargs) -> None:
        pass


def _trainer(model: Model, planned: Plan, run: Run, attempt: int, scorer: Scorer, progress: Progress) -> Trainer:
    network = model.network
    # TRL turns the adapter of a quantized base into bfloat16; it is kept in float32, which small learning rates and
    # float16's gradient scaling need.
    weights = {name: p.data for name, p in network.named_parameters() if p.requires_grad}
    trainer = Trainer(
        model=network,
        args=_arguments(planned, run),
        train_dataset=_dataset(planned.train_examples),
        eval_dataset=_dataset(planned.validation_examples) if planned.validation else None,
        processing_class=model.tokenizer(),
        data_collator=DataCollatorForLanguageModeling(pad_token_id=model.pad_id),
        callbacks=[Keeper(run, planned, attempt, scorer, progress)],
    )
    trainer.remove_callback(PrinterCallback)
    for name, parameter in network.named_parameters():
        if name in weights:
            parameter.data = weights[name]
    return trainer


def _dataset(examples: list[Example]) -> Dataset:
    """The rows as the trainer takes them; labels of -100 carry no loss."""
    return Dataset.from_dict(
        {
            "input_ids": [e.tokens for e in examples],
            "labels": [[-100] * len(e.prompt) + e.completion for e in examples],
        }
    )


def _arguments(planned: Plan, run: Run) -> SFTConfig:
    """Every option that the lab relies on is set here: the defaults of TRL and transformers move."""
    config, half = planned.config, precision()
    arguments = SFTConfig(
        output_dir=str(run.checkpoint_folder),
        max_steps=planned.total_steps,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.accumulate,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant_with_warmup" if config.schedule == "constant" else config.schedule,
        warmup_steps=math.ceil(planned.total_steps * config.warmup),
        optim=OPTIMIZERS.get(config.optimizer, config.optimizer),
        weight_decay=0.0,
        max_grad_norm=1.0,
        activation_checkpointing=config.gradient_checkpointing,
        gradient_checkpointing=None,  # its old name, which TRL turns on by default
        activation_checkpointing_kwargs={"use_reentrant": False} if config.gradient_checkpointing else None,
        bf16=half == torch.bfloat16,
        fp16=half == torch.float16,
        seed=config.seed,
        data_seed=config.seed,
        use_cpu=device() == "cpu",
        max_length=None,  # the rows were fitted before
        packing=False,
        padding_free=False,
        shuffle_dataset=False,
        completion_only_loss=True,
        loss_type="nll",
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        prediction_loss_only=True,
        eval_strategy="no",  # the Keeper says when to evaluate and when to save
        save_strategy="no",
        save_total_limit=None,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,  # the default hides a NaN behind a running average
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=device() == "cuda",
        dataloader_num_workers=0,
        dataloader_drop_last=False,
        push_to_hub=False,
    )
    if arguments.device.type == "cuda":
        arguments._n_gpu = 1  # the model sits on one, however many are visible
    return arguments


class Keeper(TrainerCallback):
    """Keeps the run's records: metrics points, heartbeat, checkpoints with manifests, scores; and heeds a stop."""

    def __init__(self, run: Run, planned: Plan, attempt: int, scorer: Scorer, progress: Progress):
        self.run, self.planned, self.attempt, self.scorer = run, planned, attempt, scorer
        self.tell_step = progress(run.id, planned.total_steps)
        self.started = self.saved_at = time.monotonic()
        self.step_began, self.step_seconds, self.tokens = 0.0, 0.0, 0

    def on_train_begin(self, args, state, control, **kwargs):
        self._beat(state)

    def on_step_begin(self, args, state, control, **kwargs):
        self.step_began = time.monotonic()

    def on_step_end(self, args, state, control, **kwargs):
        self.step_seconds = time.monotonic() - self.step_began
        self.tell_step(1)
        if self.run.stop_requested():
            control.should_training_stop = control.should_save = True
        elif time.monotonic() - self.saved_at > SAVE_AT_LEAST_EVERY:
            control.should_save = True

    def on_epoch_end(self, args, state, control, **kwargs):
        epoch, last = round(state.epoch), state.global_step >= state.max_steps
        whole = last or abs(state.epoch - epoch) < 1e-6
        control.should_evaluate = whole and bool(self.planned.validation)
        due = epoch % self.planned.config.checkpoint_every == 0 or self._is_scored(state)
        control.should_save = control.should_save or (whole and (due or last))

    def on_log(self, args, state, control, logs=None, **kwargs):
        point = {"attempt": self.attempt, "step": state.global_step, "epoch": round(state.epoch, 6)}
        if "loss" in logs:
            rows = self._rows_at(state.global_step) - self._rows_at(state.global_step - 1)
            tokens, self.tokens = logs["num_tokens"] - self.tokens, logs["num_tokens"]
            point |= {key: logs[key] for key in ("loss", "learning_rate", "grad_norm") if key in logs}
            if self.step_seconds:
                point |= {"rows_per_s": rows / self.step_seconds, "tokens_per_s": tokens / self.step_seconds}
            point |= {"memory_bytes": _peak_memory(), "seconds": time.monotonic() - self.started}
        elif "eval_loss" in logs:
            point["validation_loss"] = logs["eval_loss"]
        else:
            return
        self.run.log_point({key: safe_number(value) for key, value in point.items()})
        self._beat(state)

    def on_save(self, args, state, control, **kwargs):
        step, scored = state.global_step, self._is_scored(state)
        folder = self.run.checkpoint_folder / f"checkpoint-{step}"
        checkpoints.seal(folder, step, round(state.epoch, 6), kept=scored)
        self.saved_at = time.monotonic()
        passing = [c["step"] for c in self.run.checkpoints() if not c["kept"]]
        for old in passing[: max(0, len(passing) - KEPT_FOR_RESUME)]:
            checkpoints.drop(self.run.checkpoint_folder / f"checkpoint-{old}")
        if scored:
            scores = self.scorer.score_checkpoint(step)
            point = {"attempt": self.attempt, "step": step, "epoch": round(state.epoch, 6), **scores}
            self.run.log_point({key: safe_number(value) for key, value in point.items()})
            self._beat(state)

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
        self.run.beat(attempt=self.attempt, step=state.global_step, total_steps=total, epoch=epoch)


def _peak_memory() -> int:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kibibytes on Linux


def _leave_adapter(run: Run, model: Model, planned: Plan, step: int, scorer: Scorer) -> None:
    """Leaves the adapter of the last checkpoint, to the byte, with what is needed to use it without the lab."""
    checkpoint = run.checkpoint(step)
    if run.adapter.exists():
        shutil.rmtree(run.adapter)
    with staged(run.adapter) as folder:
        for name in ("adapter_config.json", ADAPTER_WEIGHTS):
            shutil.copy2(checkpoint / name, folder / name)
        card.write_all(folder, run.id, planned, model.stops, scorer.last)
