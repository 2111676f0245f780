"""The methods by which a base is adapted: what each trains, what it leaves, what can be done with that, and its keys.

LoRA (Hu et al. 2021) with rsLoRA (Kalajdzievski 2023) and DoRA (Liu et al. 2024) as switches; AdaLoRA (Zhang et al. 2023), which
moves ranks to the layers that use them; LLaMA-Adapter (Zhang et al. 2023), which puts prompts with a gate into attention;
and full fine-tuning.
"""

from dataclasses import dataclass
from typing import Literal

ADAPTER_FOLDER, MODEL_FOLDER = "adapter", "model"  # of a run, for what its training leaves
LOW_RANK = frozenset({"alpha", "dropout", "targets"})
PROMPTED = {"llama", "mistral"}  # the model types whose attention takes LLaMA-Adapter's prompts
ON_TYPES = f"goes on models of the types {' and '.join(sorted(PROMPTED))} only"


@dataclass(frozen=True)
class Method:
    """`keys` are those of a config's adapter that belong to it; `leaves` names the folder of a run with what was trained."""

    name: str
    words: str  # as a model card says it
    keys: frozenset[str]
    leaves: Literal["adapter", "model"] = ADAPTER_FOLDER
    can_merge: bool = True  # into the weights of its base

    @property
    def is_whole(self) -> bool:
        """Whether it trains all weights, and so leaves a model and no adapter."""
        return self.leaves == MODEL_FOLDER


METHODS = {
    method.name: method
    for method in (
        Method("lora", "LoRA adapter", LOW_RANK | {"r", "rslora", "dora"}),
        Method("adalora", "AdaLoRA adapter", LOW_RANK | {"initial_r", "target_r", "tinit", "tfinal", "orthogonality"}),
        Method("llama-adapter", "LLaMA-Adapter", frozenset({"adapter_len", "adapter_layers"}), can_merge=False),
        # There is nothing to merge: its weights are whole.
        Method("full", "fully fine-tuned model", frozenset(), leaves=MODEL_FOLDER, can_merge=False),
    )
}
KEYS = frozenset().union(*(method.keys for method in METHODS.values()))


def of(name: str) -> Method:
    """The method of that name."""
    return METHODS[name]


def owners(key: str) -> list[str]:
    """The names of the methods to which a key of a config's adapter belongs; empty for `method` itself."""
    return [method.name for method in METHODS.values() if key in method.keys]


def prompted_layers(wanted: int | None, layers: int) -> int:
    """The number of layers, counted from the top, that get LLaMA-Adapter's prompts: by default all but the lowest two."""
    return wanted or max(1, layers - 2)


def why_no_prompts(model: dict, base: str, wanted: int | None) -> str | None:
    """Why LLaMA-Adapter cannot go on a model, by its config.json; None where it can."""
    kind, layers = model.get("model_type"), model.get("num_hidden_layers") or 0
    if kind not in PROMPTED:
        return f"adapter.method: llama-adapter {ON_TYPES}, and {base} is {kind or 'of no known type'}; use lora."
    hidden, heads = model.get("hidden_size") or 0, model.get("num_attention_heads") or 1
    if (model.get("head_dim") or hidden // heads) * heads != hidden:
        return f"adapter.method: llama-adapter needs heads as wide together as the model, and those of {base} are not; use lora."
    if (wanted or 0) > layers:
        return f"adapter.adapter_layers: {base} has {layers} layers only."
    return None
