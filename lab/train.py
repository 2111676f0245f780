"""Training: a run from its config to its adapter, with TRL's SFTTrainer; loss over the answers alone."""

import math
import shutil

import torch
from datasets import Dataset
from transformers import PrinterCallback
from transformers.utils import logging as transformers_logging
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from lab import bases, card, checkpoints, plan
from lab.evaluate import Progress, quiet
from lab.home import Home, read_json, staged, write_json
from lab.job import Stopped
from lab.keeper import Keeper, Scorer
from lab.model import Model, device, precision, with_tokenizer
from lab.plan import Plan
from lab.prompt import Example
from lab.runs import Run
from lab.subjects import ADAPTER_WEIGHTS

OPTIMIZERS = {"adamw": "adamw_torch"}  # the others are named as transformers names them
transformers_logging.disable_progress_bar()


def train(home: Home, run: Run, progress: Progress = quiet) -> str:
    """Trains a run in this process, from where it stands to its adapter, and scores it.

    Where the run has checkpoints, training goes on from the newest whole one, exactly as if it had never stopped.
    Returns `finished` or `stopped`. Raises InputError or WorkError when it cannot be trained.
    """
    progress(f"loading {bases.public_name(run.config.base_model)}", 0)
    base, tokens = with_tokenizer(bases.find(run.config.base_model))
    planned = plan.again(run, base, tokens)
    step = _settle(run, planned)
    model = Model(planned.base, planned.config.quantization)
    model.new_adapter(planned.config)
    config = planned.config
    run.log(f"{len(planned.train)} rows, {planned.total_steps} steps, {len(planned.validation)} rows held out")
    run.log(f"{config.base_model} is loaded: {config.quantization}, {precision()} on {device()}")
    scorer = Scorer(home, run, model, planned, progress)
    try:
        scorer.score_base()
        trainer = _trainer(model, planned, run, scorer)
        trainer.train(resume_from_checkpoint=str(run.checkpoint(step)) if step else None)
        outcome = "finished" if trainer.state.global_step >= planned.total_steps else "stopped"
    except Stopped:  # while rows were scored, when nothing is left to save
        outcome = "stopped"
    _leave_adapter(run, model, planned, scorer)
    return outcome


def _settle(run: Run, planned: Plan) -> int | None:
    """Brings a run's folder into order before training; returns the step from which it goes on, None for a new start."""
    run.clear_torn()
    step, passed_over = run.newest_checkpoint()
    for line in passed_over:
        run.log(line)
    for checkpoint in run.checkpoints():
        if checkpoint["step"] > (step or 0):  # broken; training will write there again
            checkpoints.drop(run.checkpoint(checkpoint["step"]))
    frozen = (run.config, run.rows("train"), run.rows("validation"))
    if step is None and frozen != (planned.config, planned.train, planned.validation):
        # What only the model's own tokenizer, which is here now, could decide.
        for note in planned.notes:
            run.log(f"note: {note}")
        run.refreeze(planned.config, planned.train, planned.validation)
    run.beat(step=step or 0, total_steps=planned.total_steps)
    if step:
        run.log(f"goes on from checkpoint-{step}")
    return step


class Trainer(SFTTrainer):
    """TRL's trainer without the model card that it would write into every checkpoint; the adapter gets the lab's own."""

    def create_model_card(self, *args, **kwargs) -> None:
        pass


def _trainer(model: Model, planned: Plan, run: Run, scorer: Scorer) -> Trainer:
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
        callbacks=[Keeper(run, planned, scorer)],
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


def _leave_adapter(run: Run, model: Model, planned: Plan, scorer: Scorer) -> None:
    """Leaves the adapter of the last checkpoint, to the byte, with what is needed to use it without the lab."""
    steps = [c["step"] for c in run.checkpoints()]
    if not steps:  # stopped before the first step
        return
    checkpoint = run.checkpoint(steps[-1])
    with staged(run.adapter, replace=True) as folder:
        shutil.copy2(checkpoint / ADAPTER_WEIGHTS, folder / ADAPTER_WEIGHTS)
        about = read_json(checkpoint / "adapter_config.json")
        write_json(folder / "adapter_config.json", {**about, "base_model_name_or_path": model.base.public_name})
        card.write_all(folder, run.id, planned, model.stops, scorer.by_step.get(steps[-1]))
