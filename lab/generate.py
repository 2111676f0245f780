"""Answers and label probabilities of a model for prompts in tokens; and the same prompt put to several subjects."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from transformers import DynamicCache, GenerationConfig

from lab import bases
from lab.config import Decoding
from lab.errors import InputError
from lab.model import Model, free_memory
from lab.prompt import Renderer
from lab.subjects import Subject, check_fit
from lab.task import Task

BATCH_ROWS, BATCH_TOKENS = 32, 16_384


@dataclass(frozen=True)
class Answer:
    """What a model said: the text without special tokens, and how many tokens it took, the end-of-sequence included."""

    text: str
    tokens: int


def batches(
    prompts: list[list[int]], rows: int = BATCH_ROWS, tokens: int = BATCH_TOKENS, new: int = 0
) -> Iterator[list[int]]:
    """Positions of the prompts in batches of similar length, longest first, each within so many rows and tokens.

    `new` are the tokens that each row may grow by.
    """
    batch: list[int] = []
    for i in sorted(range(len(prompts)), key=lambda i: -len(prompts[i])):
        if batch and (len(batch) == rows or (len(batch) + 1) * (len(prompts[batch[0]]) + new) > tokens):
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
) -> list[Answer]:
    """What the model says to each prompt, with its present adapter. `progress` is told the rows done with each batch."""
    settings = _settings(model, decoding, stops)
    answers: list[Answer | None] = [None] * len(prompts)
    with torch.random.fork_rng(devices=_gpus()), torch.no_grad(), model.autocast():
        torch.manual_seed(decoding.seed)
        room = BATCH_TOKENS // decoding.beams
        for batch in batches(prompts, max(1, BATCH_ROWS // decoding.beams), room, decoding.max_new_tokens):
            ids, mask = _pad_left(model, [prompts[i] for i in batch])
            output = model.network.generate(input_ids=ids, attention_mask=mask, generation_config=settings)
            for i, said in zip(batch, output[:, ids.shape[1] :].tolist(), strict=True):
                answers[i] = _read(model, said, stops)
            progress(len(batch))
    return answers


def _gpus() -> list[int]:
    return list(range(torch.cuda.device_count()))


def _settings(model: Model, decoding: Decoding, stops: set[int]) -> GenerationConfig:
    sampling = decoding.mode == "sample"
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


def _pad_left(model: Model, prompts: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, prompts))
    ids = [[model.pad_id] * (width - len(p)) + p for p in prompts]
    mask = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
    return torch.tensor(ids, device=model.device), torch.tensor(mask, device=model.device)


def _read(model: Model, said: list[int], stops: set[int]) -> Answer:
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
            ids, mask = _pad_left(model, [prompts[i] for i in batch])
            scores = _label_scores(model, ids, mask, list(labels.values()))
            for i, row in zip(batch, scores.exp().tolist(), strict=True):
                found = dict(zip(labels, row, strict=True))
                results[i] = {**found, "other": max(0.0, 1.0 - sum(row))}
            progress(len(batch))
    return results


def _label_scores(model: Model, ids: torch.Tensor, mask: torch.Tensor, labels: list[list[int]]) -> torch.Tensor:
    """Log-probabilities, (rows, labels), of the labels behind left-padded prompts."""
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
    for label in labels:
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
    return torch.stack(columns, 1)


def most_probable(probabilities: dict[str, float]) -> str:
    """The label that `labels` decoding answers with; ties go to the first."""
    return max((name for name in probabilities if name != "other"), key=probabilities.get)


def side_by_side(subjects: list[Subject], task: Task, row: dict | str, decoding: Decoding) -> list[dict]:
    """The same row, or a raw prompt (a str), put to every subject; one base is in memory at a time.

    Returns for each subject `{subject, prompt, output, label, label_probabilities, seconds, tokens}`.
    """
    results: dict[str, dict] = {}
    for name, quantization in dict.fromkeys((s.base, s.quantization) for s in subjects):
        model = None
        free_memory()
        model = Model(bases.find(name), quantization)
        for subject in subjects:
            if (subject.base, subject.quantization) == (name, quantization) and subject.name not in results:
                check_fit(subject, model.base)
                results[subject.name] = {"subject": subject.name, **_respond(model, subject, task, row, decoding)}
    return [results[subject.name] for subject in subjects]


def _respond(model: Model, subject: Subject, task: Task, row: dict | str, decoding: Decoding) -> dict:
    renderer = Renderer(task, model.tokens)
    raw = isinstance(row, str)
    text = row if raw else renderer.prompt_text(row)
    prompts = model.tokens.encode([text])
    by_label = task.kind == "classify" and not raw
    if decoding.mode == "labels" and not by_label:
        raise InputError("--decoding labels needs the prompt of a classify task; use greedy or sample here.")
    with model.using(subject.adapter):
        start = time.perf_counter()
        probabilities = label_probabilities(model, prompts, renderer.label_ids())[0] if by_label else None
        if decoding.mode == "labels":
            label = most_probable(probabilities)
            said = Answer(label, len(renderer.label_ids()[label]))
        else:
            said = answer(model, prompts, decoding, model.stops | {renderer.stop_id})[0]
        seconds = time.perf_counter() - start
    label = None if raw else task.read_answer(said.text)
    return {
        "prompt": text,
        "output": said.text,
        "label": label,
        "label_probabilities": probabilities,
        "seconds": seconds,
        "tokens": said.tokens,
    }
