"""What an adapter carries besides its weights: the task, `lab.json`, and a model card that says how to use it."""

from importlib.metadata import version
from pathlib import Path

from lab import bases
from lab import task as task_file
from lab.home import write, write_json
from lab.plan import Plan

PACKAGES = ["torch", "transformers", "peft", "trl", "bitsandbytes"]


def write_all(folder: Path, run_id: str, planned: Plan, stops: set[int], scores: dict | None) -> None:
    """Writes `task.yaml`, `lab.json` and `README.md` into an adapter's folder."""
    config = planned.config
    write(folder / "task.yaml", task_file.dump(planned.task))
    about = {
        "run": run_id,
        "base_model": bases.public_name(config.base_model),
        "base_revision": planned.base.revision,
        "base_fingerprint": planned.base.fingerprint(),
        "quantization": config.quantization,
        "template_hash": planned.renderer.hash,
        "stop_tokens": sorted(stops | {planned.renderer.stop_id}),
        "decoding": config.decoding.model_dump(),
        "dataset": config.dataset,
        "versions": {name: version(name) for name in PACKAGES},
    }
    write_json(folder / "lab.json", about)
    write(folder / "README.md", _card(run_id, planned, scores))


def _card(run_id: str, planned: Plan, scores: dict | None) -> str:
    config, task = planned.config, planned.task
    base = bases.public_name(config.base_model)
    where = base.partition("@")[0] if planned.base.on_hub else f"path/to/{base}"
    example = planned.renderer.prompt_text(
        {column: f"<{column}>" for column in planned.train[0]}
    )  # no row is given away
    labels = "".join(f"- **{x.name}**{': ' + x.definition.strip() if x.definition else ''}\n" for x in task.labels)
    return f"""---
base_model: {base.partition("@")[0]}
library_name: peft
tags: [lora, {task.kind}]
---
# {run_id}

A LoRA adapter for `{base}`, task `{task.name}` ({task.kind}), trained on {len(planned.train)} rows of
`{config.dataset}` with QLoRA Lab.

{"## Labels" if labels else ""}

{labels}
## Scores

{_scores_in_words(scores)}

## Use

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = "{where}"
tokenizer = AutoTokenizer.from_pretrained(base)
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), "path/to/this/folder")
```

It was trained in {config.quantization} quantization on prompts of exactly this form (tokenize it without special tokens
where it already begins with one):

```
{example}
```
"""


def _scores_in_words(scores: dict | None) -> str:
    if not scores or scores["accuracy"] is None:
        return "Not scored on held-out rows."
    low, high = scores["accuracy_ci95"]
    f1_low, f1_high = scores["f1_ci95"]
    return (
        f"On {scores['n']} held-out rows: accuracy {scores['accuracy']:.3f} (95% interval {low:.3f} to {high:.3f}), "
        f"macro F1 {scores['macro_f1']:.3f} ({f1_low:.3f} to {f1_high:.3f}), {scores['invalid']} invalid answers."
    )
