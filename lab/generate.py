"""Answers and label probabilities of a model for prompts in tokens."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from transformers import DynamicCache, GenerationConfig, StoppingCriteria
from transformers.cache_utils import DynamicLayer
from transformers.generation.streamers import BaseStreamer

from lab.config import Decoding
from lab.job import Stopped
from lab.model import Model
from lab.prefix import CachedPrefix

SPEAK_EVERY = 0.05  # seconds between two partial texts
BATCH_ROWS, BATCH_TOKENS = 32, 16_384


@dataclass(frozen=True)
class Answer:
    """What a model said: the text without special tokens, and how many tokens it took, the end-of-sequence included."""

    text: str
    tokens: int


def batches(
    prompts: list[list[int]],
    rows: int = BATCH_ROWS,
    tokens: int = BATCH_TOKENS,
    new: int = 0,
    unpadded: bool = False,
) -> Iterator[list[int]]:
    """Positions of the prompts in batches of similar length, longest first, each within so many rows and tokens.

    `new` are the tokens that each row may grow by; `unpadded` batches hold rows of one length.
    """
    batch: list[int] = []
    for i in sorted(range(len(prompts)), key=lambda i: -len(prompts[i])):
        longest = len(prompts[batch[0]]) if batch else 0
        full = len(batch) == rows or (len(batch) + 1) * (longest + new) > tokens
        if batch and (full or (unpadded and len(prompts[i]) < longest)):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def answer(
    model: Model,
    prompts: list[list[int]],
    decoding: Decoding,
    stops: set[int],
    progress: Callable[[int], None] = lambda n: None,
    prefix: CachedPrefix | None = None,
) -> list[Answer]:
    """What the model says to each prompt, with its present adapter. `progress` is told the rows done with each batch.

    `prefix`, with which all prompts begin, is read from its cache instead of passing through the model again.
    """
    settings = _settings(model, decoding, stops)
    answers: list[Answer | None] = [None] * len(prompts)
    with torch.random.fork_rng(devices=_gpus()), torch.no_grad(), model.autocast():
        torch.manual_seed(decoding.seed)
        room = BATCH_TOKENS // decoding.beams
        # The padding would count as said before, and be penalised.
        unpadded = decoding.repetition_penalty != 1
        rows = max(1, BATCH_ROWS // decoding.beams)
        for batch in batches(prompts, rows, room, decoding.max_new_tokens, unpadded):
            ids, mask = pad_left(model, [prompts[i] for i in batch], len(prefix or []))
            cache = prefix and prefix.for_batch(len(batch) * decoding.beams)
            kept = {"past_key_values": cache} if cache else {}
            output = model.network.generate(input_ids=ids, attention_mask=mask, generation_config=settings, **kept)
            for i, said in zip(batch, output[:, ids.shape[1] :].tolist(), strict=True):
                answers[i] = read(model, said, stops)
            progress(len(batch))
    return answers


def stream(
    model: Model,
    prompts: list[list[int]],
    decoding: Decoding,
    stops: set[int],
    hear: Callable[[int, str], None],
    halted: Callable[[], bool],
    keep: Callable[[list[int]], None] = lambda rows: None,
    cache: DynamicCache | None = None,
) -> list[tuple[Answer, float]]:
    """The answers to prompts while they are made, each with its seconds; `hear` is given the number of an answer and its
    text so far. Raises Stopped when `halted` says so.

    They are the answers that `answer` gives. A beam search says nothing until its end. Several are greedy ones, each of
    another adapter by `Model.using_each`, whose `keep` is told the rows that go on when one has ended. `cache` has
    read the prompts, but for their last tokens, and is used up.
    """
    settings, count = _settings(model, decoding, stops), len(prompts)
    ids, mask = pad_left(model, prompts)
    width = ids.shape[1]
    listener, start = _Listener(model, stops, hear), time.perf_counter()
    if cache is not None:
        cache.batch_repeat_interleave(decoding.beams)
    said: list[list[int]] = [[] for _ in range(count)]
    ended, going = [0.0] * count, list(range(count))
    with torch.random.fork_rng(devices=_gpus()), torch.no_grad(), model.autocast():
        torch.manual_seed(decoding.seed)
        while going:
            listener.begin(going)
            output = model.network.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=settings,
                past_key_values=cache,
                return_dict_in_generate=True,
                streamer=None if decoding.beams > 1 else listener,
                stopping_criteria=[_Halt(halted, stops if count > 1 else set())],
            )
            if halted():
                raise Stopped
            for row, tokens in zip(going, output.sequences[:, width:].tolist(), strict=True):
                said[row], ended[row] = tokens, time.perf_counter() - start
            left = decoding.max_new_tokens - len(said[going[0]])
            rest = [i for i, row in enumerate(going) if left > 0 and count > 1 and said[row][-1] not in stops]
            if rest:
                keep(rest)
                ids, cache, settings.max_new_tokens = (
                    output.sequences[rest],
                    _rows_of(output.past_key_values, rest),
                    left,
                )
                mask = torch.nn.functional.pad(mask[rest], (0, ids.shape[1] - mask.shape[1]), value=1)
            going = [going[i] for i in rest]
    return [(read(model, tokens, stops), seconds) for tokens, seconds in zip(said, ended, strict=True)]


def _rows_of(cache, rows: list[int]) -> DynamicCache | None:
    """A cache with these of its rows; None where it cannot be told which they are, and must be filled anew."""
    if not isinstance(cache, DynamicCache) or not all(isinstance(layer, DynamicLayer) for layer in cache.layers):
        return None
    cache.batch_select_indices(torch.tensor(rows, device=cache.layers[0].keys.device))
    return cache


class _Listener(BaseStreamer):
    """Hears every new token of a generation, one of each row, and passes on the texts so far."""

    def __init__(self, model: Model, stops: set[int], hear: Callable[[int, str], None]):
        self.model, self.stops, self.hear = model, stops, hear
        self.said: dict[int, list[int]] = {}
        self.going: list[int] = []
        self.spoke = 0.0

    def begin(self, going: list[int]) -> None:
        """Tells which answers the rows of the generation that comes now are, new or to be gone on with."""
        self.going, self.before = going, True

    def put(self, value):
        if self.before:  # what was there comes first
            self.before = False
            return
        for number, token in zip(self.going, value.flatten().tolist(), strict=True):
            self.said.setdefault(number, []).append(token)
        if time.monotonic() - self.spoke > SPEAK_EVERY:
            self.spoke = time.monotonic()
            for number in self.going:
                # The end of a text may hold half a character, of which the rest is still to come.
                self.hear(number, read(self.model, self.said[number], self.stops).text.rstrip("\ufffd"))

    def end(self):
        pass


class _Halt(StoppingCriteria):
    """Ends all rows when `halted` says so, or when one of them says one of these stops."""

    def __init__(self, halted: Callable[[], bool], stops: set[int]):
        self.halted, self.stops = halted, stops

    def __call__(self, input_ids, scores, **kwargs):
        ends = self.halted() or (self.stops and not self.stops.isdisjoint(input_ids[:, -1].tolist()))
        return torch.full((input_ids.shape[0],), bool(ends), device=input_ids.device)


def _gpus() -> list[int]:
    return list(range(torch.cuda.device_count()))


def _settings(model: Model, decoding: Decoding, stops: set[int]) -> GenerationConfig:
    sampling = decoding.draws
    drawn = {"temperature": decoding.temperature, "top_p": decoding.top_p, "top_k": decoding.top_k} if sampling else {}
    return GenerationConfig(
        do_sample=sampling,
        num_beams=decoding.beams,
        max_new_tokens=decoding.max_new_tokens,
        repetition_penalty=decoding.repetition_penalty,
        eos_token_id=sorted(stops),
        pad_token_id=model.pad_id,
        **drawn,
    )


def pad_left(model: Model, prompts: list[list[int]], prefix: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompts and their mask (rows, longest prompt), padded on the left, but behind the first `prefix` tokens of each."""
    width = max(map(len, prompts))
    ids = [p[:prefix] + [model.pad_id] * (width - len(p)) + p[prefix:] for p in prompts]
    mask = [[1] * prefix + [0] * (width - len(p)) + [1] * (len(p) - prefix) for p in prompts]
    return torch.tensor(ids, device=model.device), torch.tensor(mask, device=model.device)


def read(model: Model, said: list[int], stops: set[int]) -> Answer:
    """The answer that new tokens say, up to the first that ends it."""
    end = next((i for i, token in enumerate(said) if token in stops), None)
    kept = said if end is None else said[:end]
    text = model.tokens.encoder.decode(kept, skip_special_tokens=True).strip()
    return Answer(text, len(kept) + (end is not None))


def label_probabilities(
    model: Model,
    prompts: list[list[int]],
    labels: dict[str, list[int]],
    progress: Callable[[int], None] = lambda n: None,
) -> list[dict[str, float]]:
    """For each prompt the probability of each label: the product over its tokens and the end-of-sequence that follows.

    `labels` maps names to completions in tokens, as `Renderer.label_ids` gives them. The probabilities are not
    normalised; `other` is one minus their sum. The prompt passes through the model once, the labels read its cache.
    """
    results: list[dict[str, float] | None] = [None] * len(prompts)
    with torch.no_grad(), model.autocast():
        for batch in batches(prompts):
            ids, mask = pad_left(model, [prompts[i] for i in batch])
            found, _ = _label_scores(model, ids, mask, labels)
            for i, row in zip(batch, found, strict=True):
                results[i] = row
            progress(len(batch))
    return results


def label_probabilities_each(
    model: Model, prompts: list[list[int]], labels: dict[str, list[int]]
) -> tuple[list[dict[str, float]], DynamicCache | None]:
    """The same for prompts in one batch, and a cache with which `stream` need not read them again."""
    with torch.no_grad(), model.autocast():
        found, cache = _label_scores(model, *pad_left(model, prompts), labels)
    if not all(type(layer) is DynamicLayer for layer in cache.layers):
        return found, None  # windowed layers keep more than they need while they can be cropped
    cache.crop(-1)
    return found, cache


def _label_scores(
    model: Model, ids: torch.Tensor, mask: torch.Tensor, labels: dict[str, list[int]]
) -> tuple[list[dict[str, float]], DynamicCache]:
    """The probabilities of the labels, and of any other answer, behind each left-padded prompt; and the cache of the prompts."""
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    cache = DynamicCache(config=model.network.config)
    for layer in cache.layers:
        if hasattr(layer, "activate_past_recording"):  # windowed layers can then be cropped back too
            layer.activate_past_recording()
    out = model.network(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    first = out.logits[:, -1].float().log_softmax(-1)  # (rows, vocabulary)
    rows, columns = ids.shape[0], []
    for label in labels.values():
        score = first[:, label[0]]
        if len(label) > 1:
            said = torch.tensor([label[:-1]] * rows, device=ids.device)
            steps = torch.arange(1, len(label), device=ids.device)
            out = model.network(
                input_ids=said,
                attention_mask=torch.cat([mask, torch.ones_like(said)], 1),
                position_ids=positions[:, -1:] + steps,
                past_key_values=cache,
                use_cache=True,
            )
            following = torch.tensor(label[1:], device=ids.device).expand(rows, -1)[..., None]
            score = score + out.logits.float().log_softmax(-1).gather(2, following).sum((1, 2))
            cache.crop(1 - len(label))
        columns.append(score)
    chances = torch.stack(columns, 1).exp().tolist()
    return [{**dict(zip(labels, row, strict=True)), "other": max(0.0, 1.0 - sum(row))} for row in chances], cache
