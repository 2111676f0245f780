"""What leaves with the weights: the task, `lab.json`, and a model card that says what it is and how to use it."""

import json
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import yaml

from lab import bases, card_scores, methods, vllm
from lab import task as task_file
from lab.bases import Base
from lab.config import Config, Decoding
from lab.home import read_json, write
from lab.methods import Method
from lab.plan import Plan
from lab.prompt import Renderer
from lab.runs import Run
from lab.task import Task
from lab.tokens import Tokens

PACKAGES = ["torch", "transformers", "peft", "trl", "bitsandbytes"]
HERE = "path/to/this/folder"  # in a card, until it is known where it will be


@dataclass(frozen=True)
class Made:
    """What a card speaks of; `columns` are those of the rows, `rows` is how many were trained on, `merged` the type of
    the weights into which an adapter was merged, None where it was not."""

    name: str
    config: Config
    task: Task
    base: Base
    renderer: Renderer
    columns: list[str]
    rows: int
    merged: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is a model, and no adapter that needs its base."""
        return self.merged is not None or self.method.is_whole

    @property
    def method(self) -> Method:
        return methods.of(self.config.adapter.method)


def of_run(run: Run, base: Base, tokens: Tokens, name: str, merged: str | None = None) -> Made:
    """What a card called `name` says of a run, by what is kept in its folder."""
    columns = list(next(iter(run.rows("train")), {}))
    task = run.task
    return Made(name, run.config, task, base, Renderer(task, tokens), columns, run.count("train"), merged)


def write_all(folder: Path, run_id: str, planned: Plan, stops: set[int], scores: list[dict]) -> None:
    """Writes `task.yaml`, `lab.json` and `README.md` into the folder of what a run leaves."""
    columns = list(planned.train[0])
    made = Made(run_id, planned.config, planned.task, planned.base, planned.renderer, columns, len(planned.train))
    settings = read_json(folder / "adapter_config.json") or {}
    for name, text in files(made, stops, settings, scores).items():
        write(folder / name, text)


def files(made: Made, stops: set[int], settings: dict, scores: list[dict]) -> dict[str, str]:
    """`task.yaml`, `lab.json` and `README.md` by their names; `stops` are tokens that end an answer, `settings` is the
    adapter_config.json of an adapter, `scores` are those of `card_scores.of`."""
    about = facts(made, stops)
    return {
        "task.yaml": task_file.dump(made.task),
        "lab.json": json.dumps(about, ensure_ascii=False, indent=1, allow_nan=False) + "\n",
        "README.md": _card(made, about, settings, scores),
    }


def facts(made: Made, stops: set[int]) -> dict:
    """The content of `lab.json`."""
    config, renderer = made.config, made.renderer
    prompt = renderer.prompt_text({column: f"<{column}>" for column in made.columns})  # no row is given away
    return {
        "run": made.name,
        "method": config.adapter.method,
        "base_model": bases.public_name(config.base_model),
        "base_revision": made.base.revision,
        "base_fingerprint": made.base.fingerprint(),
        **made.base.marks(),
        "quantization": config.quantization,
        **({"merged": made.merged} if made.merged else {}),
        "template_hash": renderer.hash,
        "stop_tokens": sorted(stops | {renderer.stop_id}),
        "decoding": config.decoding.model_dump(),
        "max_new_tokens": config.decoding.for_kind(made.task.kind).max_new_tokens,
        "prompt_form": prompt,
        "add_special_tokens": _tokenizer_adds(renderer.tokens, prompt),
        "dataset": config.dataset,
        "versions": {name: version(name) for name in PACKAGES},
    }


def _tokenizer_adds(tokens: Tokens, prompt: str) -> bool:
    """Whether a prompt must be tokenized with the special tokens that the tokenizer adds, to get the tokens of training."""
    return tokens.encoder.encode(prompt, add_special_tokens=False).ids != tokens.encode([prompt])[0]


# -- the card ------------------------------------------------------------------------------------------------------------


def _card(made: Made, about: dict, settings: dict, scores: list[dict]) -> str:
    config, task = made.config, made.task
    labels = "".join(
        f"- **{x.name}**{': ' + ' '.join(x.definition.split()) if x.definition else ''}\n" for x in task.labels
    )
    parts = [
        f"---\n{yaml.safe_dump(_head(made), sort_keys=False, allow_unicode=True)}---",
        f"# {made.name}",
        f"{_what(made)}, task `{task.name}` ({task.kind}), trained on {made.rows:,} rows of `{config.dataset}` with QLoRA Lab.",
        f"## Labels\n\n{labels.rstrip()}" if labels else "",
        f"## Scores\n\n{_scores_in_words(made, scores)}",
        f"## Training\n\n{_settings_in_words(config)}",
        f"## Prompt\n\nIt was trained on prompts of exactly this form:\n\n{fenced(about['prompt_form'])}",
        f"## Use\n\n{fenced(_code(made, about), 'python')}",
        f"## Serve\n\n{_serving_in_words(serving(made, about, settings))}",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _head(made: Made) -> dict:
    """The metadata by which the Hub knows what it is. A base that is not of the Hub is not named: it would be another's."""
    related = {"base_model": made.base.name.partition("@")[0]} if made.base.on_hub else {}
    if related:
        related["base_model_relation"] = "finetune" if made.is_whole else "adapter"
    tags = [
        *([] if made.method.is_whole else [made.method.name]),
        *(["merged"] if made.merged else []),
        made.task.kind,
        "qlora-lab",
    ]
    library = "transformers" if made.is_whole else "peft"
    return {**related, "library_name": library, "pipeline_tag": "text-generation", "tags": tags}


def _what(made: Made) -> str:
    base, name = bases.public_name(made.config.base_model), made.method.words
    if made.merged:
        return f"`{base}` with its {name} merged into the unquantized weights ({made.merged})"
    return f"`{base}`, all of its weights fine-tuned" if made.is_whole else f"{name} for `{base}`"


def _scores_in_words(made: Made, scores: list[dict]) -> str:
    quantization = made.config.quantization
    return card_scores.in_words(scores, quantization if made.merged and quantization != "none" else None)


def _settings_in_words(config: Config) -> str:
    """Method and settings as a list; of what was chosen among many the keys that a reader compares."""
    length = f"{config.epochs} epochs" if config.epochs else f"{config.max_steps} steps"
    keys = methods.of(config.adapter.method).keys
    adapter = {key: value for key, value in config.adapter.model_dump().items() if key in keys}
    rows = {
        "method": config.adapter.method,
        **adapter,
        "quantization in training": config.quantization,
        "length": length,
        "batch": f"{config.batch_size} rows × {config.accumulate}",
        "learning rate": f"{config.learning_rate:g}, {config.schedule}, warm-up {config.warmup}",
        "optimizer": config.optimizer,
        "seed": config.seed,
    }
    return "\n".join(f"- {key}: {json.dumps(x) if isinstance(x, bool | list) else x}" for key, x in rows.items())


def _code(made: Made, about: dict) -> str:
    """Plain peft, or plain transformers, with the exact prompt and the tokens that end an answer."""
    model, _, revision = _base_outside(made).partition("@")
    revision = f', revision="{revision}"' if revision else ""
    lines = ["from transformers import AutoModelForCausalLM, AutoTokenizer", ""]
    if made.is_whole:
        lines += [f'tokenizer = AutoTokenizer.from_pretrained("{HERE}")']
        lines += [f'model = AutoModelForCausalLM.from_pretrained("{HERE}")']
    else:
        lines = ["from peft import PeftModel", *lines, f'base = "{model}"']
        lines += [f"tokenizer = AutoTokenizer.from_pretrained(base{revision})"]
        lines += [f'model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base{revision}), "{HERE}")']
    said = ", ".join(f"{key}={value}" for key, value in generation(about).items())
    return "\n".join(
        [
            *lines,
            "",
            f"prompt = {json.dumps(about['prompt_form'], ensure_ascii=False)}",
            f'inputs = tokenizer(prompt, add_special_tokens={about["add_special_tokens"]}, return_tensors="pt")',
            'inputs.pop("token_type_ids", None)',
            f"answer = model.generate(**inputs, {said})",
            'print(tokenizer.decode(answer[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))',
        ]
    )


def generation(about: dict) -> dict:
    """The decoding of a lab.json in the words of transformers."""
    decoding = Decoding.model_validate(about["decoding"])
    found = {"max_new_tokens": about["max_new_tokens"], "do_sample": decoding.draws}
    if decoding.draws:  # at a temperature of 0 nothing is drawn, and plain transformers refuses one
        found |= {"temperature": decoding.temperature, "top_p": decoding.top_p, "top_k": decoding.top_k}
    if decoding.beams > 1:
        found["num_beams"] = decoding.beams
    if decoding.repetition_penalty != 1:
        found["repetition_penalty"] = decoding.repetition_penalty
    return {**found, "eos_token_id": about["stop_tokens"]}


def serving(made: Made, about: dict, settings: dict) -> vllm.Serving:
    """How vLLM serves it, from wherever it will be."""
    if made.is_whole:
        return vllm.model(about, made.name, HERE)
    return vllm.adapter(_base_outside(made), about, settings, made.name, HERE)


def _base_outside(made: Made) -> str:
    """The base by a name that others can use: a Hub id, or where a folder would stand."""
    base = bases.public_name(made.config.base_model)
    return base if made.base.on_hub else f"path/to/{base}"


def _serving_in_words(found: vllm.Serving) -> str:
    commands = fenced("\n\n".join(filter(None, [found.command, found.request])), "sh") if found.command else ""
    return "\n\n".join(filter(None, [*found.notes, commands]))


def fenced(text: str, language: str = "") -> str:
    """A text between fences longer than any that stand in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
