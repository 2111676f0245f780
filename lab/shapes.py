"""A model's widths by its config.json, and how many of its parameters a method trains."""

from dataclasses import dataclass
from math import ceil

from lab import methods
from lab.config import Config

LLAMA_SHAPED = {"llama", "mistral", "qwen2", "qwen3", "gemma", "granite"}
LINEAR_NAMES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
KEPT_FOR_RESUME = 2  # checkpoints, beside those that are scored


@dataclass(frozen=True)
class Shapes:
    """A Llama's widths. `linear` maps the linear layers of a transformer's layer to (in, out)."""

    hidden: int
    inner: int
    layers: int
    heads: int
    queries: int
    keys: int
    vocabulary: int
    is_tied: bool
    file_number: int  # bytes in the weights' file

    @classmethod
    def of(cls, model: dict) -> "Shapes | None":
        """The shapes by a config.json; None when they are not such as Llama's."""
        names = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size"]
        if model.get("model_type") not in LLAMA_SHAPED or not all(isinstance(model.get(name), int) for name in names):
            return None
        hidden, inner, layers, heads, vocabulary = (model[name] for name in names)
        if min(hidden, inner, layers, heads, vocabulary) < 1:
            return None
        head = model.get("head_dim") or hidden // heads
        keys = head * (model.get("num_key_value_heads") or heads)
        in_file = 2 if str(model.get("dtype") or model.get("torch_dtype")).endswith("16") else 4
        tied = model.get("tie_word_embeddings", model["model_type"] == "gemma")
        return cls(hidden, inner, layers, heads, head * heads, keys, vocabulary, bool(tied), in_file)

    @property
    def linear(self) -> dict[str, tuple[int, int]]:
        h, i, q, k = self.hidden, self.inner, self.queries, self.keys
        shapes = [(h, q), (h, k), (h, k), (q, h), (h, i), (h, i), (i, h)]
        return dict(zip(LINEAR_NAMES, shapes, strict=True))

    @property
    def linear_weights(self) -> int:
        return self.layers * sum(a * b for a, b in self.linear.values())

    @property
    def embeddings(self) -> int:
        return self.vocabulary * self.hidden * (1 if self.is_tied else 2)

    @property
    def weights(self) -> int:
        """All of them, with the norms' scales."""
        return self.linear_weights + self.embeddings + (2 * self.layers + 1) * self.hidden


def trainable_parameters(model: dict, config: Config) -> int | None:
    """The parameters that a method trains, for a low rank r × (in + out) a linear layer; None when the layers are not those of
    a Llama."""
    shapes, wanted, adapted = Shapes.of(model), config.adapter, adapted_layers(config)
    if shapes is None or not set(adapted) <= set(LINEAR_NAMES):
        return None
    if wanted.method == "full":
        return shapes.weights
    if wanted.method == "llama-adapter":
        layers = methods.prompted_layers(wanted.adapter_layers, shapes.layers)
        return layers * (wanted.adapter_len * shapes.hidden + 1)
    r, sizes = rank(config), [shapes.linear[name] for name in adapted]
    # AdaLoRA has a singular value for each rank, DoRA a magnitude for each of the layer's outputs.
    more = [r if wanted.method == "adalora" else out if wanted.dora else 0 for _, out in sizes]
    return shapes.layers * sum(r * (a + b) + m for (a, b), m in zip(sizes, more, strict=True))


def rank(config: Config) -> int:
    """The rank of a layer's matrices, for AdaLoRA the one at first."""
    return config.adapter.initial_r if config.adapter.method == "adalora" else config.adapter.r


def moments(config: Config) -> int:
    """Bytes of Adam's moments a parameter."""
    return 2 if "8bit" in config.optimizer else 8


def disk_bytes(parameters: int | None, config: Config, epochs: int, scored: int) -> int | None:
    """Bytes on the disk that a run of so many epochs takes at most, so many of them scored: its checkpoints with what is trained
    in float32 and the moments, and what it leaves. None when it is not known how many parameters are trained."""
    if parameters is None:
        return None
    # AdaLoRA keeps its weights whole beside what is left of them, and two averages of their importance.
    checkpoint = parameters * (4 + moments(config) + (12 if config.adapter.method == "adalora" else 0))
    return checkpoint * min(max(1, ceil(epochs / config.checkpoint_every)), scored + KEPT_FOR_RESUME) + 4 * parameters


def adapted_layers(config: Config) -> list[str]:
    """The names of the linear layers that get an adapter of low rank."""
    return LINEAR_NAMES if config.adapter.targets == "all-linear" else config.adapter.targets
