"""The trainer: TRL's SFTTrainer on rows in tokens, in ordinary batches or packed behind their shared prefix."""

from dataclasses import dataclass
from pathlib import Path

import torch
from datasets import Dataset
from transformers import PreTrainedModel, PrinterCallback, TrainerCallback
from transformers.utils import logging as transformers_logging
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from lab import tuners
from lab.model import Model, device, precision
from lab.packing import is_worth_packing, shared_prefix
from lab.plan import Plan
from lab.prefix import answer_places, groups_for, pack
from lab.prompt import Example

OPTIMIZERS = {"adamw": "adamw_torch"}  # the others are named as transformers names them
ROW_TOKENS = "row_tokens"  # what a batch carries beside the model's inputs
transformers_logging.disable_progress_bar()


class Padded(DataCollatorForLanguageModeling):
    """Rows padded to the longest of their batch, as TRL puts them together."""

    def torch_call(self, examples: list[dict]) -> dict:
        batch = super().torch_call([{key: row[key] for key in ("input_ids", "labels")} for row in examples])
        return {**batch, ROW_TOKENS: _row_tokens(examples)}


@dataclass(frozen=True)
class Packing:
    """Rows packed behind the prefix that all rows of their batch share, where that costs less than padding; see `prefix`."""

    network: PreTrainedModel
    padded: Padded

    def __call__(self, rows: list[dict]) -> dict:
        """`labels` (rows, 1 + longest answer), -100 where there is none; `logits_to_keep` (answer tokens,), the places in
        the sequence at which they are predicted; `row_tokens`, how many the rows have; and what `Packed.inputs` gives. The
        trainer, which counts rows and trained tokens by the labels, takes the first tensor of a batch for them and shifts
        them; hence their place and their first column."""
        examples = [Example(row["input_ids"][: row["prompt"]], row["input_ids"][row["prompt"] :]) for row in rows]
        shared = shared_prefix([example.prompt for example in examples])
        lengths = [len(example) for example in examples]
        groups = groups_for(self.network, [length - shared for length in lengths], shared)
        if not is_worth_packing(lengths, shared, groups, self.network.config.get_text_config().hidden_size):
            return self.padded(rows)
        packed = pack([example.tokens[shared:] for example in examples], examples[0].prompt[:shared], self.network)
        answers = [torch.tensor([-100, *example.completion]) for example in examples]
        return {
            "labels": torch.nn.utils.rnn.pad_sequence(answers, batch_first=True, padding_value=-100),
            "logits_to_keep": torch.tensor(answer_places(examples, shared, packed.starts)),
            ROW_TOKENS: _row_tokens(rows),
            **packed.inputs(),
        }


def _row_tokens(rows: list[dict]) -> torch.Tensor:
    return torch.tensor(sum(len(row["input_ids"]) for row in rows))


class Trainer(SFTTrainer):
    """TRL's trainer with a loss for packed batches, which is TRL's for the same rows: the sum over the answers' tokens,
    divided by their number in all batches of the step; and with what the method adds to the gradients. It counts tokens in
    two ways, those that pass through the model, padding included, and those of the rows, and writes no model card into
    checkpoints; the adapter gets the lab's own."""

    tokens = row_tokens = 0

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        row_tokens = inputs.pop(ROW_TOKENS)
        if self.model.training:
            self.tokens += inputs["input_ids"].numel()
            self.row_tokens += int(row_tokens)
        if "logits_to_keep" in inputs:
            loss = self._packed_loss(model, inputs, num_items_in_batch)
        else:
            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if self.model.training:
            steps = self.current_gradient_accumulation_steps if num_items_in_batch is not None else 1
            loss = loss + tuners.pull(self.model) / steps
            self._metrics["train"] |= {"num_tokens": [self.tokens], "num_row_tokens": [self.row_tokens]}
        return loss

    def _packed_loss(self, model, inputs: dict, num_items_in_batch) -> torch.Tensor:
        labels = inputs.pop("labels")
        answers = labels[labels != -100]
        logits = model(**inputs, use_cache=False).logits[0]
        total = torch.nn.functional.cross_entropy(logits.float(), answers, reduction="sum")
        return total / (max(1, len(answers)) if num_items_in_batch is None else num_items_in_batch)

    def _load_from_checkpoint(self, resume_from_checkpoint, model=None):
        if not tuners.restore(self.model, Path(resume_from_checkpoint)):
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def create_model_card(self, *args, **kwargs) -> None:
        pass


def collator_for(model: Model, shares: bool) -> Padded | Packing:
    """What makes batches of rows; `shares`: whether they may share their prefix."""
    padded = Padded(pad_token_id=model.pad_id)
    return Packing(model.base_network, padded) if shares else padded


def trainer_for(model: Model, planned: Plan, folder: Path, shares: bool, callbacks: list[TrainerCallback]) -> Trainer:
    """A trainer for a plan's rows; `folder` is for checkpoints, `shares`: whether batches are packed behind their prefix."""
    network = model.network
    # TRL turns the adapter of a quantized base into bfloat16; it is kept in float32, which small learning rates and
    # float16's gradient scaling need.
    weights = {name: p.data for name, p in network.named_parameters() if p.requires_grad}
    trainer = Trainer(
        model=network,
        args=arguments_for(planned, folder),
        train_dataset=dataset_of(planned.train_examples),
        eval_dataset=dataset_of(planned.validation_examples) if planned.validation else None,
        processing_class=model.tokenizer(),
        data_collator=collator_for(model, shares),
        callbacks=[*tuners.callbacks(network), *callbacks],
    )
    trainer.remove_callback(PrinterCallback)
    for name, parameter in network.named_parameters():
        if name in weights:
            parameter.data = weights[name]
    return trainer


def dataset_of(examples: list[Example]) -> Dataset:
    """The rows as the trainer takes them; labels of -100 carry no loss."""
    return Dataset.from_dict(
        {
            "input_ids": [e.tokens for e in examples],
            "labels": [[-100] * len(e.prompt) + e.completion for e in examples],
            "prompt": [len(e.prompt) for e in examples],
        }
    )


def arguments_for(planned: Plan, folder: Path) -> SFTConfig:
    """Every option that the lab relies on is set here: the defaults of TRL and transformers move."""
    config, half = planned.config, precision()
    arguments = SFTConfig(
        output_dir=str(folder),
        max_steps=planned.total_steps,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.accumulate,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant_with_warmup" if config.schedule == "constant" else config.schedule,
        warmup_steps=planned.warmup_steps,
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
