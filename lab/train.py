"""Training: a run from its config to its adapter, with TRL's SFTTrainer; loss over the answers alone."""

import math
import shutil
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from datasets import Dataset
from transformers import PrinterCallback
from transformers.utils import logging as transformers_logging
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from lab import bases, card, plan, runs
from lab.config import Config
from lab.errors import WorkError
from lab.evaluate import Progress, quiet
from lab.home import Home, read_json, staged, write_json
from lab.keeper import Keeper, Scorer
from lab.model import Model, device, precision, with_tokenizer
from lab.plan import Plan
from lab.prompt import Example
from lab.runs import Run
from lab.subjects import ADAPTER_WEIGHTS

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
        planned = plan.make(home, config, *with_tokenizer(bases.find(config.base_model)))
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


def _leave_adapter(run: Run, model: Model, planned: Plan, step: int, scorer: Scorer) -> None:
    """Leaves the adapter of the last checkpoint, to the byte, with what is needed to use it without the lab."""
    checkpoint = run.checkpoint(step)
    if run.adapter.exists():
        shutil.rmtree(run.adapter)
    with staged(run.adapter) as folder:
        shutil.copy2(checkpoint / ADAPTER_WEIGHTS, folder / ADAPTER_WEIGHTS)
        about = read_json(checkpoint / "adapter_config.json")
        write_json(folder / "adapter_config.json", {**about, "base_model_name_or_path": model.base.public_name})
        card.write_all(folder, run.id, planned, model.stops, scorer.last)
