"""Whether a model may share prefixes: the engine compares itself with the ordinary path when a model is first used."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from peft import PeftModel

from lab import shortage
from lab.model import Model
from lab.prefix import CachedPrefix, answer_places, pack
from lab.prompt import Example

COPIES = 16  # rows that are packed for the check: a long sequence shows more than two rows would
OFF = "shared_prefix is off"
NOISE = 0.02  # standard deviation of what is added to adapter weights, which fresh are zero and would hide errors
TOLERANCE, COARSE_TOLERANCE = 1e-4, 0.05  # of the answer tokens' log-probabilities; coarse: 16 bits, or int8's rounding


def why_not(model: Model, rows: list[Example], prefix: int, room: int = 0) -> str | None:
    """Why rows must pass through the model in the ordinary way; None where they may share their first `prefix` tokens.

    `rows` are some of them, the longest among them. They are put through both paths when a model is first used; the model's
    attention windows are looked at each time. `room` are the tokens that a row may still grow by. Raises
    what says that memory is not enough.
    """
    if not model.share:
        return OFF
    if not all(row.prompt for row in rows):
        return "a row has an empty prompt"
    config, longest = model.network.config.get_text_config(), max(map(len, rows)) + room
    if getattr(config, "window_size", None):  # GPT-Neo, which counts places in the sequence and not positions
        return f"its layers look back {config.window_size:,} places in a sequence, however it is packed"
    window = _window(config)
    if window and longest > window:
        return f"its layers look back {window:,} tokens only, and rows have up to {longest:,}"
    shares = prefix > 0  # rows without anything in common are packed too
    if shares not in model.verdicts:
        model.verdicts[shares] = _compare(model, rows, rows[0].prompt[:prefix])
    return model.verdicts[shares]


def _window(config) -> int | None:
    """The number of tokens that sliding or chunked layers look back; None where all layers see everything."""
    kinds = getattr(config, "layer_types", None)
    slides = "sliding_attention" in kinds if kinds else getattr(config, "use_sliding_window", True)
    windows = [
        getattr(config, "sliding_window", None) if slides else None,
        getattr(config, "attention_chunk_size", None),
    ]
    return min(filter(None, windows), default=None)


def _compare(model: Model, rows: list[Example], prefix: list[int]) -> str | None:
    """Rows through both paths, as many of them in the packed ones as a batch may have; why they do not agree, or None."""
    network = model.network
    modes = {module: module.training for module in network.modules()}
    batch = rows * (COPIES // len(rows))
    network.eval()
    try:
        with torch.no_grad(), model.autocast(), _randomised(network):
            alone = torch.cat([ordinary(model, [row]) for row in rows])
            noise = (ordinary(model, rows) - alone).abs().max().item()
            expected = alone.repeat(COPIES // len(rows))
            apart = max((way(model, batch, prefix) - expected).abs().max().item() for way in (packed, cached))
    except Exception as error:  # whatever a foreign model does with a sequence of this kind
        if shortage.lack_of_memory(error):
            raise
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        return f"it does not take packed sequences ({reason})"
    finally:
        for module, training in modes.items():
            module.training = training
    coarse = network.dtype != torch.float32 or model.quantization == "int8"
    # In 16 bits a deep model differs from itself, batch against row, by more than the tolerance.
    if apart <= (max(COARSE_TOLERANCE, 2 * noise) if coarse else TOLERANCE):
        return None
    return f"its log-probabilities would differ by {apart:.2g}"


@contextmanager
def _randomised(network: torch.nn.Module) -> Iterator[None]:
    """Within it an adapter's weights that are trained are others, drawn with a generator of their own."""
    is_adapted = isinstance(network, PeftModel)  # a base's own weights, where all are trained, hide nothing
    weights = [weight for weight in network.parameters() if weight.requires_grad and is_adapted]
    kept = [weight.detach().clone() for weight in weights]
    draw = torch.Generator().manual_seed(0)
    try:
        for weight in weights:
            noise = torch.randn(weight.shape, generator=draw) * NOISE
            weight.data += noise.to(weight.device, weight.dtype)
        yield
    finally:
        for weight, before in zip(weights, kept, strict=True):
            weight.data.copy_(before)


def _said(logits: torch.Tensor, rows: list[Example]) -> torch.Tensor:
    """The log-probabilities (answer tokens,) of the answers' tokens from their logits (answer tokens, vocabulary)."""
    answers = torch.tensor([token for row in rows for token in row.completion], device=logits.device)
    return logits.float().log_softmax(-1).gather(1, answers[:, None])[:, 0]


def ordinary(model: Model, rows: list[Example]) -> torch.Tensor:
    """The log-probabilities (answer tokens,) of the rows' answers, row after row, by a padded batch."""
    width = max(map(len, rows))
    ids = [row.tokens + [model.pad_id] * (width - len(row)) for row in rows]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    places = [range(len(row.prompt) - 1, len(row) - 1) for row in rows]
    keep = sorted({place for of_row in places for place in of_row})
    ids, mask, kept = (torch.tensor(x, device=model.device) for x in (ids, mask, keep))
    logits = model.network(input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=kept).logits
    return _said(torch.cat([logits[i, [keep.index(p) for p in of_row]] for i, of_row in enumerate(places)]), rows)


def _behind(rows: list[Example], prefix: list[int]) -> list[list[int]]:
    return [row.tokens[len(prefix) :] for row in rows]


def packed(model: Model, rows: list[Example], prefix: list[int]) -> torch.Tensor:
    """The same by one packed sequence, as in training."""
    sequence = pack(_behind(rows, prefix), prefix, model.network)
    keep = torch.tensor(answer_places(rows, len(prefix), sequence.starts), device=model.device)
    inputs = {key: tensor.to(model.device) for key, tensor in sequence.inputs().items()}
    return _said(model.network(**inputs, use_cache=False, logits_to_keep=keep).logits[0], rows)


def cached(model: Model, rows: list[Example], prefix: list[int]) -> torch.Tensor:
    """The same with the prefix read from a cache, as in evaluation."""
    sequence = pack(_behind(rows, prefix), prefix, model.network, cached=True)
    kept = CachedPrefix(model.network, prefix)
    return _said(kept.logits(sequence.inputs(), answer_places(rows, len(prefix), sequence.starts)), rows)
