"""How many parameters a method trains at most, of a model whose layers are not those of a Llama: by its tensors or its config."""

import re
from math import prod

from lab.config import Config
from lab.shapes import rank

NO_LAYER = re.compile(r"emb|wte|wpe|lm_head")  # of what has two dimensions, those to which PEFT adds nothing
HIDDEN = ("hidden_size", "n_embd", "d_model")
INNER = ("intermediate_size", "n_inner", "ffn_dim", "d_ff")
LAYERS = ("num_hidden_layers", "n_layer", "num_layers")
HEADS = ("num_attention_heads", "n_head")
PLACES = ("max_position_embeddings", "n_positions")
EXPERTS = ("num_local_experts", "n_routed_experts", "num_experts")


def trained_at_most(model: dict, tensors: dict[str, tuple[int, ...]], config: Config) -> int | None:
    """By the names and shapes of its tensors, where they are known, else by its config.json; None where neither tells."""
    method = config.adapter.method
    if method == "llama-adapter":  # for Llamas alone, of which all is known
        return None
    if method == "full":
        return sum(map(prod, tensors.values())) or _weights(model)
    sizes = [shape for name, shape in tensors.items() if len(shape) == 2 and _is_adapted(name, config)]
    sizes = sizes or _matrices(model)
    return sum(_of_layer(a, b, config) for a, b in sizes) or None


def _is_adapted(name: str, config: Config) -> bool:
    """Whether a layer gets an adapter, by the name of its weights."""
    module, _, kind = name.rpartition(".")
    if kind != "weight":
        return False
    if config.adapter.targets == "all-linear":
        return not NO_LAYER.search(module)
    return any(f".{module}".endswith(f".{target}") for target in config.adapter.targets)


def _of_layer(a: int, b: int, config: Config) -> int:
    r = rank(config)
    # AdaLoRA has a singular value for each rank, DoRA a magnitude for each of the layer's outputs.
    more = r if config.adapter.method == "adalora" else max(a, b) if config.adapter.dora else 0
    return r * (a + b) + more


def _matrices(model: dict) -> list[tuple[int, int]]:
    """The linear layers of a transformer, at most: four of attention in each layer, and three of each expert."""
    model = model.get("text_config", model)
    hidden, layers, heads = (_number(model, names) for names in (HIDDEN, LAYERS, HEADS))
    if not hidden or not layers:
        return []
    inner = _number(model, INNER) or 4 * hidden
    wide = max(hidden, (_number(model, ["head_dim"]) or 0) * (heads or 0))
    experts = _number(model, EXPERTS) or 0
    return ([(hidden, wide)] * 4 + [(hidden, inner)] * 3 * (experts + 1)) * layers  # one expert may be shared by all


def _weights(model: dict) -> int | None:
    """All parameters, at most, with biases and norms."""
    inner = model.get("text_config", model)
    hidden, words = _number(inner, HIDDEN), _number(inner, ["vocab_size"])
    found = _matrices(model)
    if not found or not words:
        return None
    rotates = any(key.startswith(("rope", "rotary", "partial_rotary")) for key in inner)
    places = 0 if rotates else _number(inner, PLACES) or 0  # those that rotate have no weights for places
    return sum(a * b + 2 * (a + b) for a, b in found) + (2 * words + places) * hidden


def _number(model: dict, names) -> int | None:
    return next((model[name] for name in names if isinstance(model.get(name), int) and model[name] > 0), None)
