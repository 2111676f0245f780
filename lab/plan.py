"""The plan of a run: every check that needs no weights, what will be trained and scored, and estimates."""

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil

from lab import bases, bounds, data, decoding, fitting, lint, machine, memory, methods, packing, shapes, splits, tasks
from lab.bases import Base
from lab.config import Config
from lab.data import Dataset
from lab.errors import InputError
from lab.home import Home
from lab.prompt import Example, Renderer
from lab.runs import Run
from lab.splits import Split
from lab.task import Task
from lab.tokens import Tokens

LOOKED_AT = 2000  # rows of a split, while a config is written
# Of a config, what decides about rows and tokens.
ROW_KEYS = ["task", "dataset", "base_model", "train_rows", "seed", "split_seed", "validation", "max_length", "too_long"]


@dataclass
class Plan:
    """What a config comes to: rows in tokens, steps, and what is to be said about the rows. All checks have passed."""

    config: Config
    task: Task
    base: Base
    tokens: Tokens
    renderer: Renderer
    train: list[dict]
    validation: list[dict]
    train_examples: list[Example]
    validation_examples: list[Example]
    about_rows: list[str] = field(default_factory=list)
    counts: tuple[int, int] | None = None  # training and validation rows, where the plan holds a part of them alone
    there: int | None = None  # rows to train on, of which `train_rows` may have taken a part

    @property
    def train_rows(self) -> int:
        return self.counts[0] if self.counts else len(self.train)

    @property
    def validation_rows(self) -> int:
        return self.counts[1] if self.counts else len(self.validation)

    @property
    def steps_per_epoch(self) -> int:
        return steps_per_epoch(self.train_rows, self.config)

    @property
    def total_steps(self) -> int:
        return self.config.max_steps or self.config.epochs * self.steps_per_epoch

    @property
    def warmup_steps(self) -> int:
        """Over how many steps the learning rate rises. A share of them makes the first steps depend on how many follow."""
        share = self.config.warmup
        return int(share) if share >= 1 else ceil(self.total_steps * share)

    @property
    def notes(self) -> list[str]:
        """What the user should read."""
        return [*self.about_rows, *self.about_keys]

    @property
    def about_keys(self) -> list[str]:
        """Sentences about keys of the config that change nothing, or less than they say."""
        config, warmup, total = self.config, self.warmup_steps, self.total_steps
        found = decoding.ignored(config.decoding, decoding.changed(config.decoding))
        if warmup > total:
            found.append(
                f"warmup: the learning rate rises over {warmup:,} steps, but {total:,} are trained: it never passes "
                f"{total / warmup:.2g} of {config.learning_rate:g}."
            )
        if config.evaluate_at and not self.scored:
            epochs = ", ".join(map(str, config.evaluate_at))
            found.append(
                f"evaluate_at: no rows are held out, so the run scores none after epoch {epochs}; "
                "its checkpoints are kept."
            )
        return found

    @property
    def scored(self) -> str:
        """Which rows are scored after the epochs of `evaluate_at`, in words; nothing where none are."""
        held_out = ["held-out rows"] if self.validation_rows else []
        return " and the ".join([*held_out, *(["training rows"] if self.config.score_train_rows else [])])

    @property
    def last_epoch(self) -> int:
        return self.config.epochs or ceil(self.total_steps / self.steps_per_epoch)

    @property
    def evaluate_at(self) -> list[int]:
        """The epochs after which rows are decoded and scored; the end of training is always among them by default."""
        return self.config.evaluate_at or [self.last_epoch]

    def batch_cost(self) -> dict:
        """What a training batch costs with and without its shared prefix; see `packing`."""
        model = self.base.config() if self.base.folder is not None else {}
        width = model.get("hidden_size") or packing.USUAL_WIDTH
        return packing.batch_cost(self.train_examples, self.config.batch_size, width)

    def _memory_estimates(self) -> dict:
        """Bytes that the training will take on this machine, by `memory`; empty where they cannot be known."""
        model, prefix = self.base.config(), packing.shared_prefix([e.prompt for e in self.train_examples])
        rows = [(len(e), len(e.completion)) for e in self.train_examples]
        place = memory.GPU if machine.device().kind == "cuda" else memory.CPU
        batch = memory.largest_batch(rows, prefix, self.config, self.total_steps, model)
        found = memory.estimate(model, self.config, batch, place)
        if found is None:
            return {}
        return {
            "trainable_parameters": shapes.trainable_parameters(model, self.config),
            "weights_bytes": found["weights"],
            "adapter_and_optimizer_bytes": found["adapter"] + found["gradients_and_optimizer"],
            "activations_bytes": found["activations"] + found["logits"],
            "libraries_bytes": found["libraries"],
            "peak_bytes": found["peak"],
        }

    @cached_property
    def disk_bytes(self) -> int | None:
        """What the run takes of the disk at most; None where it cannot be known."""
        if self.base.folder is None:
            return None
        model = self.base.config()
        trained = shapes.trainable_parameters(model, self.config)
        if trained is None:
            trained = bounds.trained_at_most(model, self.base.tensors(), self.config)
        return shapes.disk_bytes(trained, self.config, self.last_epoch, len(self.evaluate_at))

    @property
    def unknown_room(self) -> list[str]:
        """What is not known of the room that it takes on the disk, in words."""
        return bases.unknown_room(self.base, self.disk_bytes)

    def report(self) -> dict:
        """What `train --dry-run` prints."""
        lengths, batch = [len(e) for e in self.train_examples], self.config.batch_size
        cost = self.batch_cost()
        estimates = {"largest_batch_tokens": max(lengths) * min(batch, len(lengths))}
        if self.base.folder is not None:
            estimates |= self._memory_estimates()
        if (room := self.disk_bytes) is not None:
            estimates["disk_bytes"] = room
        return {
            "task": self.task.name,
            "dataset": self.config.dataset,
            "base_model": self.config.base_model,
            "train_rows": self.train_rows,
            "validation_rows": self.validation_rows,
            "steps": self.total_steps,
            "steps_per_epoch": self.steps_per_epoch,
            "evaluate_at": self.evaluate_at,
            "scored": self.scored,
            "tokens": {
                "max": max(lengths),
                "mean": sum(lengths) / len(lengths),
                "shared_prefix": cost["prefix"],
                "trained_per_row": sum(len(e.completion) for e in self.train_examples) / len(lengths),
                "per_batch": cost["padded_tokens" if self.config.shared_prefix == "off" else "packed_tokens"],
                "batch": cost,
                "shares": self.config.shared_prefix == "auto",
                "exact": self.tokens.exact,
            },
            "estimates": estimates,
            "notes": self.notes,
            "unchecked": [
                *([] if self.tokens.exact else bases.unchecked(self.base)),
                *unchecked(self.base, self.config),
                *self.unknown_room,
            ],
        }


def unchecked(base: Base, config: Config) -> list[str]:
    """What of a config's adapter could not be checked because the model, or its weights, are not on this machine."""
    adapter, found = config.adapter, []
    if adapter.method == "llama-adapter" and base.folder is None:
        found.append(f"whether {adapter.method} fits {base.name}: it {methods.ON_TYPES}")
    if adapter.targets != "all-linear" and (base.folder is None or not base.weight_names()):
        found.append(f"whether {base.name} has the layers {', '.join(adapter.targets)}")
    return found


def steps_per_epoch(rows: int, config: Config) -> int:
    """Optimizer steps in which so many rows are trained once."""
    return ceil(ceil(rows / config.batch_size) / config.accumulate)


def make(home: Home, config: Config) -> Plan:
    """Checks a config against task, dataset and tokenizer. Raises InputError with what is wrong and what to do.

    Nothing is downloaded: for a Hub model that is not on this machine the tokens are estimates, which refuse nothing.
    """
    task, dataset = tasks.load_name_or_file(home, config.task), data.load(home, config.dataset)
    return _made(config, task, dataset, splits.freeze(dataset, task, config))


def sampled(home: Home, config: Config, most: int = LOOKED_AT) -> Plan:
    """The plan of a config by at most so many rows of a split, for a look at it while it is written; see `make`.

    What is wrong with some rows may escape it; labels never do, for the sample has a row of each.
    """
    task, dataset = tasks.load_name_or_file(home, config.task), data.load(home, config.dataset)
    total = dataset.size("train") if "train" in dataset.splits else 0
    if total <= most:
        return _made(config, task, dataset, splits.freeze(dataset, task, config))
    part, held = dataset.thinned(most, config.rows_seed), splits.wanted_validation(dataset, config)
    thinner = held if not isinstance(held, int) else max(1, held * part.size("train") // total)
    split = splits.freeze(part, task, config.model_copy(update={"train_rows": "all", "validation": thinner}))
    if isinstance(held, str):
        answered = round(len(split.train) * total / part.size("train"))
        grown = 0 if held == "none" else dataset.size(held) / part.size(held)
        train, validation = answered, round(len(split.validation) * grown)
    else:
        answered = round((len(split.train) + len(split.validation)) * total / part.size("train"))
        validation = held if isinstance(held, int) else ceil(answered * held)
        train = answered - validation
    if config.train_rows != "all":
        train = min(train, config.train_rows)
        split.train = split.train[:train]
    return _made(config, task, part, split, (train, validation))


def _made(config: Config, task: Task, dataset: Dataset, split: Split, counts: tuple[int, int] | None = None) -> Plan:
    base = bases.find(config.base_model)
    config = config.model_copy(update={"decoding": config.decoding.for_kind(task.kind), "base_model": base.pinned})
    lint.refuse_decoding(task, config.decoding)
    lint.refuse_unknown_labels(task, dataset.name, split.train + split.validation)
    _check_learnable(task, dataset, split.train)
    found = lint.lint(task, split.train, dataset.columns)
    split.notes += [x["message"] for x in found if x["severity"] == "warning"]
    return _fitted(config, task, base, bases.tokens_at_hand(base), split, counts)


def again(run: Run, base: Base, tokens: Tokens) -> Plan:
    """The plan of a run that stands already, from its own config, task and rows; `base` is on this machine now."""
    config = run.config.model_copy(update={"base_model": base.pinned})
    return _fitted(config, run.task, base, tokens, Split(run.rows("train"), run.rows("validation")))


def _fitted(
    config: Config, task: Task, base: Base, tokens: Tokens, split: Split, counts: tuple[int, int] | None = None
) -> Plan:
    renderer, notes = Renderer(task, tokens), split.notes
    notes += renderer.notes
    (train, train_examples), (validation, validation_examples) = fitting.fit(split, renderer, config, notes)
    prompts = {tuple(example.prompt) for example in train_examples}
    both = sum(tuple(example.prompt) in prompts for example in validation_examples)
    if both:
        notes.append(f"{both} of {len(validation)} validation rows have a prompt that is also trained.")
    plan = Plan(
        config,
        task,
        base,
        tokens,
        renderer,
        train,
        validation,
        train_examples,
        validation_examples,
        notes,
        counts,
        split.there,
    )
    return _checked(plan)


def refitted(planned: Plan, config: Config) -> Plan:
    """The same rows and tokens under a config that differs in other keys than those of `ROW_KEYS`; see `make`."""
    usual = {key: getattr(planned.config, key) for key in ROW_KEYS}
    lint.refuse_decoding(planned.task, config.decoding)
    decoding = config.decoding.for_kind(planned.task.kind)
    return _checked(replace(planned, config=config.model_copy(update={**usual, "decoding": decoding})))


def _checked(plan: Plan) -> Plan:
    """The plan itself. Raises InputError for epochs that are not reached, and for a model that does not fit."""
    if plan.config.evaluate_at and max(plan.evaluate_at) * plan.steps_per_epoch > plan.total_steps:
        raise InputError(
            f"evaluate_at: epoch {max(plan.evaluate_at)} is not reached: {plan.total_steps} steps are "
            f"{plan.total_steps / plan.steps_per_epoch:.3g} epochs. Leave evaluate_at out to score at the end."
        )
    if plan.base.folder is not None:
        _check_model(plan)
    return plan


def _check_learnable(task: Task, dataset: Dataset, train: list[dict]) -> None:
    counts = Counter(task.gold(row) for row in train)
    if task.kind == "classify" and len(counts) == 1:
        label, n = next(iter(counts.items()))
        raise InputError(
            f"All {n} training rows of {dataset.name} have the one label {label!r}: there is nothing to learn."
        )


def _check_model(plan: Plan) -> None:
    """Raises InputError for a model that would run code of its own, lacks something, or reads too few tokens for the rows."""
    model = plan.base.config()
    names = list(plan.base.tensors())
    if not names and not plan.base.on_hub:  # of a Hub model the weights may still come
        raise InputError(f"{plan.base.name} has no weights in safetensors form; other forms are not read.")
    if not plan.base.on_hub and not any(
        (plan.base.folder / x).is_file() for x in ("tokenizer.json", "tokenizer.model")
    ):
        raise InputError(
            f"{plan.base.name} has no tokenizer that can be read: there is no tokenizer.json in its folder."
        )
    adapter = plan.config.adapter
    why_not = methods.why_no_prompts(model, plan.base.public_name, adapter.adapter_layers)
    if adapter.method == "llama-adapter" and why_not:
        raise InputError(why_not)
    targets = adapter.targets
    absent = [t for t in targets if not any(f".{t}.weight" in f".{n}" for n in names)] if names else []
    if targets != "all-linear" and absent:
        raise InputError(f"adapter.targets: {plan.base.name} has no layer {', '.join(map(repr, absent))}.")
    longest = max(len(e) for e in plan.train_examples + plan.validation_examples)
    context = model.get("max_position_embeddings")
    if plan.tokens.exact and context and longest > context:
        raise InputError(
            f"The longest row has {longest} tokens, but {plan.base.name} reads {context} at most; lower max_length."
        )
