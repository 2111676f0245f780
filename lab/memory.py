"""The memory that a training takes, derived from the shapes of model, adapter and batch, without torch and before anything is loaded.

What autograd keeps for the backward pass is counted tensor by tensor, as Korthikanti et al. (2022, "Reducing Activation
Recomputation in Large Transformer Models", section 4) count it for a dense transformer, here for a Llama with LoRA (Hu et al.
2021) on a frozen base. For T tokens, b bytes a number, width h, inner width i, queries q and keys k wide, rank r, a layer keeps

    T · [ 2 · 4 (h + 1)                     the inputs of both norms and their scales, in float32
        + 3 b i                             gate, silu(gate) and up
        + b (2 q) + 4 heads                 queries, what attention gives, and its normalisers (Dao et al. 2022)
        + Σ adapted (b + m) in + b r ]      the input of lora_A behind its dropout, the dropout's mask, the input of lora_B
        + keys, values and mask             see `_attention`

where m is 4 on a CPU, which keeps masks as numbers, and 1 on a GPU; without dropout the linear layers on one input keep it once.
The frozen linear layers keep nothing, but for int8, which keeps its input. With gradient checkpointing (Chen et al. 2016)
only the inputs of the layers stay, and one layer at a time is computed anew.
To this come what the forward pass holds in its last layer and will not keep, a quantized layer's weights while they are used,
and, if that is more, what the loss takes: logits, log-probabilities and their gradients.
NF4 with doubly quantized scales takes 4.127 bits a weight (Dettmers et al. 2023, section 3); embeddings stay as they are. On a
CPU weights in float32 are not copied but mapped: the pages of the file stay in memory, beside quantized weights too, for the
embeddings belong to the same mapping. An adapter's parameter takes 4 bytes, its gradient 4, Adam's moments 8, or 2 in 8 bits
(Dettmers et al. 2022). One part has nothing to do with shapes: on a CPU the libraries' code, read in at first use, their objects
and the linear algebra's buffers take about 35 MiB after the imports, as a training of a model of next to no size shows (2 threads).
Full fine-tuning keeps weights, gradients and moments of the whole model in float32, the inputs of all its linear layers, and
on a GPU copies of their weights in fewer bits; AdaLoRA three averages of its weights' importance. LLaMA-Adapter keeps nothing
below the layers that have its prompts, and in these the queries and what attends to the prompts.
Not counted are the holes in glibc's heap, which on a CPU have taken up to 40% more; a GPU's allocator has its own.
"""

import random
from dataclasses import dataclass
from math import ceil

from lab import methods
from lab.config import Config
from lab.packing import group, is_worth_packing, longest_group
from lab.shapes import Shapes, adapted_layers, moments, rank, trainable_parameters

WEIGHT_BITS = {"nf4": 4.127, "int8": 8}
TILE_TOKENS, TILE_WIDTH = 4096, 32768  # of TRL's loss, which goes through tokens and vocabulary in tiles
CHECKED_ROWS, SCORED_ROWS, SCORED_TOKENS, SCORED_LOGITS = 16, 32, 4096, 1 << 25  # of `selfcheck` and `decide`
DRAWN_BATCHES = 1000
LIBRARIES = 35 << 20  # bytes on a CPU; see above


@dataclass(frozen=True)
class Place:
    """Where a training runs: bytes of a number, and of a number's mark in a dropout's mask."""

    number: int
    mark: int


CPU, GPU = Place(4, 4), Place(2, 1)


@dataclass(frozen=True)
class Batch:
    """A batch as it passes through the model: rows with their lengths (prefix included), the prefix that they share, and the
    tokens of all their answers. `groups` of so many tokens (`size`) lie behind the prefix; padded rows have none."""

    lengths: list[int]
    prefix: int
    answers: int
    groups: int = 0
    size: int = 0

    @classmethod
    def of(cls, lengths: list[int], prefix: int, answers: int, shares: bool, width: int) -> "Batch":
        """Packed where rows may share (`shares`) and it costs less, as in training; `width` is the model's hidden size."""
        own = [length - prefix for length in lengths]
        if shares and min(own) > 0:
            groups = group(own, prefix)
            if is_worth_packing(lengths, prefix, groups, width):
                return cls(lengths, prefix, answers, len(groups), longest_group(own, groups))
        return cls(lengths, prefix, answers)

    @property
    def tokens(self) -> int:
        """The tokens that pass through the model, padding included."""
        if self.groups:
            return self.prefix + self.groups * self.size
        return len(self.lengths) * max(self.lengths)


def largest_batch(
    rows: list[tuple[int, int]], prefix: int, config: Config, steps: int, model: dict | None = None
) -> Batch:
    """The largest of as many batches as the run has, drawn from the rows as the trainer draws them: shuffled each epoch.

    `rows` are (length, answer's tokens), at least one; `prefix` is shared by all. The trainer's own order needs torch.
    """
    draw, size, shares = random.Random(config.seed), min(config.batch_size, len(rows)), config.shared_prefix == "auto"
    width = (model or {}).get("hidden_size") or 4096
    left, largest = min(steps * config.accumulate, DRAWN_BATCHES), None
    while left > 0:
        order = draw.sample(rows, len(rows))
        for start in range(0, len(order), size)[:left]:
            drawn = order[start : start + size]
            batch = Batch.of([n for n, _ in drawn], prefix, sum(a for _, a in drawn), shares, width)
            if largest is None or batch.tokens > largest.tokens:
                largest = batch
        left -= ceil(len(rows) / size)
    if not largest.groups:  # with more batches than are drawn the longest row is in one of them
        longest = max(n for n, _ in rows)
        largest = Batch([*largest.lengths[1:], longest], prefix, largest.answers)
    return largest


# -- the estimate --------------------------------------------------------------------------------------------------------


def estimate(model: dict, config: Config, batch: Batch, place: Place) -> dict[str, int] | None:
    """Bytes by part at the peak, above the level after the imports: `{libraries, weights, adapter, gradients_and_optimizer,
    activations, logits, peak}`, of which the last is the sum; None for models of other shapes than Llama's.

    `model` is its config.json.
    """
    shapes = Shapes.of(model)
    parameters = trainable_parameters(model, config)
    if shapes is None or parameters is None:
        return None
    is_whole = methods.of(config.adapter.method).is_whole
    averages = 12 if config.adapter.method == "adalora" else 0
    held = {
        "libraries": LIBRARIES if place is CPU else 0,  # a GPU's memory holds none
        "weights": 4 * shapes.weights if is_whole else _weights(shapes, config.quantization, place),
        "adapter": 0 if is_whole else 4 * parameters,
        "gradients_and_optimizer": parameters * (4 + moments(config) + averages),
    }
    kept, passing = _kept(shapes, config, batch, place), _passing(shapes, config, batch.tokens, place)
    logits = _loss(shapes, batch, place)
    activations = kept + max(0, passing - logits)
    scoring = _scoring(shapes, config, batch, place)
    activations += max(0, scoring - activations - logits)
    parts = {**held, "activations": activations, "logits": logits}
    return {**parts, "peak": sum(parts.values())}


def _weights(shapes: Shapes, quantization: str, place: Place) -> int:
    held = shapes.linear_weights * WEIGHT_BITS.get(quantization, 8 * place.number) / 8
    if place is CPU and shapes.file_number == 4:
        file = 4 * (shapes.linear_weights + shapes.embeddings)
        return int(file + (held if quantization in WEIGHT_BITS else 0))
    return int(held + shapes.embeddings * place.number)


def _kept(shapes: Shapes, config: Config, batch: Batch, place: Place) -> int:
    """What all layers keep for the backward pass."""
    tokens, b = batch.tokens, place.number
    method, layers = config.adapter.method, shapes.layers
    alike = [{"q_proj", "k_proj", "v_proj"}, {"o_proj"}, {"gate_proj", "up_proj"}, {"down_proj"}]
    once, front = sum(shapes.linear[min(names)][0] for names in alike), 0
    if method == "full":
        inputs = b * once
    elif method == "llama-adapter":
        layers = methods.prompted_layers(config.adapter.adapter_layers, layers)
        inputs = b * shapes.queries + shapes.heads * config.adapter.adapter_len * (8 + 2 * b)
    else:
        inputs, front = _inputs(shapes, config, alike, place)
        if config.quantization == "int8" and config.adapter.dropout:
            inputs += b * once
    layer = tokens * (8 * (shapes.hidden + 1) + 3 * b * shapes.inner + inputs) + _attention(shapes, batch, place)
    # Weights as autocast copies them.
    copies = b * (shapes.linear_weights + shapes.vocabulary * shapes.hidden) if method == "full" and b < 4 else 0
    if config.gradient_checkpointing:
        return (layers - 1) * tokens * shapes.hidden * b + layer + copies
    return layers * layer - tokens * shapes.hidden * place.mark * front + copies


def _inputs(shapes: Shapes, config: Config, alike: list[set[str]], place: Place) -> tuple[int, int]:
    """Bytes that the low-rank matrices of a layer keep of a token; and how many layers on its first input have dropout: what
    enters the first layer needs no gradient, so there it keeps no mask."""
    adapted, b, front = adapted_layers(config), place.number, 0
    if config.adapter.dropout:
        inputs = sum(shapes.linear[name][0] for name in adapted) * (b + place.mark)
        front = len({"q_proj", "k_proj", "v_proj"} & set(adapted))
    else:
        inputs = b * sum(shapes.linear[min(names)][0] for names in alike if names & set(adapted))
    return inputs + b * rank(config) * len(adapted), front


def _attention(shapes: Shapes, batch: Batch, place: Place) -> int:
    """What a layer's attention keeps. Under a mask keys and values are repeated for every head that reads them, and the mask
    becomes numbers; the prefix and rows without padding need no mask."""
    tokens, b, q, k = batch.tokens, place.number, shapes.queries, shapes.keys
    kept = tokens * (2 * b * q + 4 * shapes.heads)
    if batch.groups:
        seen = batch.prefix + batch.size
        kept += batch.groups * seen * b * (2 * q + batch.size)
        return kept + (tokens * 2 * k * b if batch.prefix else 0)
    is_masked = min(batch.lengths) < max(batch.lengths)
    return kept + tokens * b * (2 * q + max(batch.lengths) if is_masked else 2 * k)


def _passing(shapes: Shapes, config: Config, tokens: int, place: Place) -> int:
    """What the last layer's forward pass holds beside what is kept: the input of down_proj, the normed input of the layer's
    second half, and around down_proj its output, lora_B's, that scaled, and their sum; and the weights of a quantized one."""
    weights = max(a * b for a, b in shapes.linear.values()) if config.quantization in WEIGHT_BITS else 0
    return place.number * (tokens * (shapes.inner + 5 * shapes.hidden) + weights)


def _loss(shapes: Shapes, batch: Batch, place: Place) -> int:
    """What the loss takes at the start of the backward pass.

    Packed: log-probabilities and two gradients of the answers' tokens in float32, beside logits in fewer bits. Padded on a
    CPU, TRL puts all places through the vocabulary in tiles, and a tile's gradient takes eight arrays of its size (the tile,
    scaled twice, log-probabilities, probabilities, the gradient, two of its terms) and one of truth values. On GPUs only the
    answers' places go through one.
    """
    b, final = place.number, batch.tokens * shapes.hidden * place.number  # the normed states
    if batch.groups:
        return final + batch.answers * shapes.vocabulary * (12 + (b if b < 4 else 0))
    places = len(batch.lengths) * (max(batch.lengths) - 1) if place is CPU else batch.answers
    tile = min(places, TILE_TOKENS) * (min(shapes.vocabulary, TILE_WIDTH) if place is CPU else TILE_WIDTH)
    return final + places * shapes.hidden * (b + 4) + int(tile * (8.25 * 4 if place is CPU else b))


def _scoring(shapes: Shapes, config: Config, batch: Batch, place: Place) -> int:
    """What rows take that pass without gradients, when a model is first checked and when rows are scored."""
    own = max(1, max(batch.lengths) - batch.prefix)
    answer = ceil(batch.answers / len(batch.lengths))
    rows = batch.prefix + max(CHECKED_ROWS * own, min(SCORED_ROWS * own, SCORED_TOKENS))
    cache = 2 * shapes.keys * shapes.layers * rows * place.number
    logits = min(SCORED_ROWS * 2 * answer * shapes.vocabulary, SCORED_LOGITS)
    wide = place.number * rows * 2 * shapes.inner
    return _passing(shapes, config, rows, place) + wide + cache + 8 * logits
