"""The typed configs, and the only place where defaults live: form, command line, validation and README read them here."""

import re
import shlex
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from lab import hanging, yaml_text
from lab.decoding import Decoding
from lab.errors import InputError
from lab.task import Strict, plain_problems

BUNDLED_MODEL, BUNDLED_TASK, BUNDLED_DATASET = "tiny-llama", "sentiment", "sentiment"
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(gt=0, le=10_000_000)]


class Adapter(Strict):
    """How the base is adapted; see `methods`. A key counts for the methods that it names, one that names none for LoRA and AdaLoRA."""

    method: Literal["lora", "adalora", "llama-adapter", "full"] = Field(
        "lora", description="lora, adalora, llama-adapter, or full: all weights, without quantization"
    )
    r: Positive = Field(16, description="`lora`: rank")
    alpha: float = Field(32, gt=0, description="scale of the update: alpha / r")
    dropout: Share = Field(0.05, description="dropout in front of the adapter")
    targets: Literal["all-linear"] | list[str] = Field("all-linear", description="layers that get one")
    rslora: bool = Field(False, description="`lora`: scale by alpha / √r")
    dora: bool = Field(False, description="`lora`: learn the weights' magnitude apart")
    initial_r: Positive = Field(12, description="`adalora`: rank of each layer at first")
    target_r: Positive = Field(8, description="`adalora`: mean rank of the layers at the end")
    tinit: Share = Field(0.1, description="`adalora`: share of the steps before ranks fall")
    tfinal: Share = Field(0.3, description="`adalora`: share of the steps after they have fallen")
    orthogonality: float = Field(0.5, ge=0, le=100, description="`adalora`: weight of its regulariser")
    adapter_len: Positive = Field(10, description="`llama-adapter`: prompt tokens of a layer")
    adapter_layers: Positive | None = Field(
        None, description="`llama-adapter`: layers from the top that get them; by default all but two"
    )


class Config(Strict):
    """A run's config, as in its YAML file."""

    name: str = Field("run", pattern=r"^[a-z0-9][a-z0-9_-]{0,47}$", description="becomes part of the run's id")
    task: str = Field(BUNDLED_TASK, description="a name from `task list`, or a path to a .yaml")
    dataset: str = Field(BUNDLED_DATASET, description="a name from `dataset list`")
    base_model: str = Field(
        BUNDLED_MODEL, description="the bundled model, a Hub id (owner/name[@revision]), or a local folder"
    )
    quantization: Literal["nf4", "int8", "none"] = Field("nf4", description="how the base is held: nf4, int8 or none")
    adapter: Adapter = Adapter()
    train_rows: int | str = Field(2000, description="`all`, or the first so many of the shuffled training split")
    epochs: Positive | None = Field(1, description="passes over the training rows")
    max_steps: Positive | None = Field(None, description="optimizer steps, instead of epochs")
    batch_size: Positive = Field(16, description="rows a step and device")
    accumulate: Positive = Field(1, description="batches a step")
    learning_rate: float = Field(2e-4, gt=0, le=1, description="highest learning rate")
    schedule: Literal["constant", "linear", "cosine"] = Field("constant", description="constant, linear or cosine")
    warmup: float = Field(
        0.03,
        ge=0,
        le=1_000_000,
        description="share of the steps over which the learning rate rises; from 1 on their number",
    )
    optimizer: Literal["adamw", "adamw_8bit", "paged_adamw_8bit", "paged_adamw_32bit"] = Field(
        "adamw", description="adamw, or on a GPU adamw_8bit, paged_adamw_8bit, paged_adamw_32bit"
    )
    gradient_checkpointing: bool = Field(False, description="less memory, a third more time")
    max_length: Annotated[int, Field(ge=8)] = Field(512, description="longest prompt and answer in tokens")
    too_long: Literal["error", "cut", "drop"] = Field(
        "error", description="rows longer than that: refuse to start, cut the text's end (never the answer), or drop"
    )
    seed: int = Field(42, ge=0, lt=2**32, description="for split, order, adapter and dropout")
    split_seed: int | None = Field(
        None, ge=0, lt=2**32, description="which rows are held out and which come first; by default as `seed`"
    )
    validation: int | float | str | None = Field(
        None,
        description="a fraction, a number of rows, the name of a split, or none; by default the dataset's own, else 0.2",
    )
    evaluate_at: list[Positive] | None = Field(
        None, description="epochs after which rows are decoded and scored; by default the last"
    )
    score_train_rows: bool = Field(False, description="also score the training rows then")
    checkpoint_every: Positive = Field(1, description="epochs between checkpoints, at most ten minutes apart")
    decoding: Decoding = Decoding()
    shared_prefix: Literal["auto", "off"] = Field(
        "auto", description="auto: what all rows begin with passes through the model once a batch; off: once a row"
    )

    @model_validator(mode="before")
    @classmethod
    def _steps_replace_default_epochs(cls, values):
        if isinstance(values, dict) and values.get("max_steps") is not None and "epochs" not in values:
            values = {**values, "epochs": None}
        return values

    @field_validator("train_rows", mode="before")
    @classmethod
    def _all_or_a_number(cls, value):
        if value != "all" and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ValueError(f"{value!r} is neither `all` nor a number of rows")
        return value

    @field_validator("warmup")
    @classmethod
    def _share_or_steps(cls, value):
        if value >= 1 and value != int(value):
            raise ValueError(f"{value!r} is neither a share of the steps (below 1) nor a number of steps")
        return value

    @field_validator("validation", mode="before")
    @classmethod
    def _fraction_rows_split_or_none(cls, value):
        if isinstance(value, str):
            right = bool(ID.fullmatch(value))
        elif isinstance(value, float):
            right = 0 < value < 1
        else:
            right = value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1)
        if not right:
            raise ValueError(f"{value!r} is no fraction (0.2), number of rows (200), name of a split, or `none`")
        return value

    @property
    def rows_seed(self) -> int:
        """The seed that decides about rows: which are held out, and which are trained."""
        return self.seed if self.split_seed is None else self.split_seed

    @model_validator(mode="after")
    def _hangs_together(self):
        if problems := contradictions(self.model_dump()):
            raise ValueError("\n".join(problems))
        return self


def contradictions(values: dict) -> list[str]:
    """What does not hang together in a config's plain values, of which some may be wrong in themselves."""
    return hanging.contradictions(values, defaults())


def defaults() -> dict:
    """The default of every key as plain values."""
    return {
        key: field.default.model_dump() if isinstance(field.default, Strict) else field.default
        for key, field in Config.model_fields.items()
    }


def parse(values: dict, where: str = "The config") -> Config:
    """A config from plain values. Raises InputError with every problem in one message."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        keys = [*Config.model_fields, *Adapter.model_fields, *Decoding.model_fields]
        raise InputError(f"{where} has problems:\n{plain_problems(error, keys, contradictions(values))}") from error


def read(path: Path | None, sets: list[str]) -> Config:
    """A config from a YAML file (None: all defaults) and `key=value` settings, each value read as YAML."""
    values: dict = {}
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The config {path} cannot be read: {' '.join(str(error).split())}") from error
        values = mapping(text, f"The config {path}")
    return parse(with_settings(values, sets), f"The config {path.name}" if path else "The config")


def mapping(text: str, where: str) -> dict:
    """Keys and values of YAML text. Raises InputError, which begins with `where`, when it is something else."""
    try:
        values = yaml_text.load(text) or {}
    except yaml.YAMLError as error:
        raise InputError(f"{where} cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InputError(f"{where} must be a YAML mapping of keys to values.")
    return values


def decoding(sets: list[str], base: Decoding | None = None) -> Decoding:
    """A decoding with `key=value` settings on top of another one."""
    values = with_settings((base or Decoding()).model_dump(), [s.removeprefix("decoding.") for s in sets])
    try:
        return Decoding.model_validate(values)
    except ValidationError as error:
        raise InputError(f"The decoding has problems:\n{plain_problems(error, [*Decoding.model_fields])}") from error


def with_settings(values: dict, sets: list[str]) -> dict:
    """Plain values with dotted `key=value` settings put in. Raises InputError when one cannot be read."""
    result = yaml.safe_load(yaml.safe_dump(values)) if values else {}
    for setting in sets:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise InputError(f"--set {setting}: write it as key=value, for example --set epochs=3.")
        try:
            value = yaml_text.load(text)
        except yaml.YAMLError as error:
            raise InputError(f"--set {setting}: the value is not valid YAML.") from error
        if isinstance(value, str):
            value = _number(value)
        *folders, last = key.strip().split(".")
        place = result
        for folder in folders:
            place = place.setdefault(folder, {})
            if not isinstance(place, dict):
                raise InputError(f"--set {setting}: {folder} has no keys of its own.")
        place[last] = value
    return result


def _number(text: str) -> float | str:
    """YAML 1.1 reads 2e-4 as text; people mean the number."""
    return float(text) if re.fullmatch(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", text) else text


def dump(model: BaseModel) -> str:
    """A config as YAML text with every key, that `parse` reads back."""
    return yaml.safe_dump(model.model_dump(), sort_keys=False, allow_unicode=True)


def changes(chosen: Config) -> dict:
    """The dotted keys in which a config is not the default, with their values, in the config's order.

    A key whose default another key overrules, as `max_steps` does with `epochs`, is none of them.
    """
    usual = _flat(Config().model_dump())
    found = {key: value for key, value in _flat(chosen.model_dump()).items() if value != usual[key]}
    if chosen.max_steps is not None:
        found.pop("epochs", None)
    return found


def apart(first: Config, second: Config) -> list[tuple]:
    """`(dotted key, its value in the first, in the second)` of the keys in which two configs differ."""
    one, other = _flat(first.model_dump()), _flat(second.model_dump())
    return [(key, one.get(key), other.get(key)) for key in {**one, **other} if one.get(key) != other.get(key)]


def _flat(values: dict, before: str = "") -> dict:
    flat = {}
    for key, value in values.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return flat


def brief(chosen: Config) -> str:
    """A config as YAML text: what is trained on what, and the keys that are not the default. `parse` reads it back."""
    values: dict = {key: getattr(chosen, key) for key in ("name", "task", "dataset", "base_model")}
    for key, value in changes(chosen).items():
        *outer, last = key.split(".")
        place = values
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = value
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def command(chosen: Config) -> str:
    """The command that trains with a config, as one types it into a shell."""
    sets = [f"{key}={_inline(value)}" for key, value in changes(chosen).items()]
    return " ".join(["python -m lab train", *(f"--set {shlex.quote(setting)}" for setting in sets)])


def _inline(value) -> str:
    """A value as YAML in one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True).removesuffix("...\n").strip()


def reference() -> list[tuple[str, str, str]]:
    """(key, default, meaning) of every key, for the README's table and the form."""
    rows = []
    for key, field in Config.model_fields.items():
        if isinstance(field.default, Strict):
            rows += [
                (f"{key}.{k}", str(f.default), f.description or "") for k, f in type(field.default).model_fields.items()
            ]
        else:
            rows.append((key, str(field.default), field.description or ""))
    return rows
