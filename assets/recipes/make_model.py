"""Trains the bundled tiny chat model from scratch on the texts of corpus.py: python assets/recipes/make_model.py.

It takes about half an hour on two idle cores. With --minutes each round ends after so many minutes; the learning rate
falls to nothing by then.
"""

import argparse
import copy
import hashlib
import json
import math
import random
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import corpus
import jinja2
import numpy as np
import torch
from make_tokenizer import ANSWER, BOS, EOS, PAD, TEMPLATE, make_tokenizer, write_tokenizer
from torch.nn import functional
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

MODEL = Path(__file__).resolve().parent.parent / "tiny-llama"
CONTEXT, SHORT = 2048, 512
TOKENS_PER_STEP = 4096
SHARE_OF_LONG = 0.03  # of the short texts, besides the long ones, stand in rows of 2,048 tokens
OTHER_WEIGHT = 0.3  # of the tokens in chats that the model does not write itself
PEAK_RATES, WARMUP = [3e-3, 2e-3], 100  # of the two rounds


def render(template: jinja2.Template, found: str | list[dict]) -> str:
    """Return a training text as the tokenizer gets it."""
    if isinstance(found, str):
        return f"{BOS}{found}{EOS}"
    return template.render(messages=found, bos_token=BOS, eos_token=EOS, add_generation_prompt=False)


def weights_of(ids: list[int], answer_id: int, eos_id: int) -> list[float]:
    """Return the weight of each token in the loss: answers, and texts that are no chats, count fully."""
    if answer_id not in ids:
        return [1.0] * len(ids)
    weights, inside = [], False
    for token in ids:
        weights.append(1.0 if inside else OTHER_WEIGHT)
        inside = token == answer_id or (inside and token != eos_id)
    return weights


def pack(texts: list[tuple[list[int], list[float]]], length: int, pad_id: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return rows of one length, filled with whole texts."""
    rows, ids, weights = [], [], []
    for text, its_weights in [*texts, ([0] * (length + 1), [])]:
        if len(ids) + len(text) > length and ids:
            gap = length - len(ids)
            rows.append((np.array(ids + [pad_id] * gap, np.int64), np.array(weights + [0.0] * gap, np.float32)))
            ids, weights = [], []
        ids, weights = ids + text, weights + its_weights
    return rows


def batches(tokenizer, rendered: list[str]) -> tuple[list, list, int]:
    """Return rows of 512 tokens, rows of 2,048 tokens, and the number of tokens in all."""
    answer_id, eos_id, pad_id = (tokenizer.token_to_id(token) for token in (ANSWER, EOS, PAD))
    short, long, total = [], [], 0
    rng = random.Random(corpus.SEED)
    for encoding in tokenizer.encode_batch(rendered, add_special_tokens=False):
        ids = encoding.ids[:CONTEXT]
        total += len(ids)
        goes_long = len(ids) > SHORT or rng.random() < SHARE_OF_LONG
        (long if goes_long else short).append((ids, weights_of(ids, answer_id, eos_id)))
    return pack(short, SHORT, pad_id), pack(long, CONTEXT, pad_id), total


def steps(short: list, long: list) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the batches of one pass, in the order of the texts, with the long rows spread evenly."""
    groups = []
    for rows, size in [(short, TOKENS_PER_STEP // SHORT), (long, TOKENS_PER_STEP // CONTEXT)]:
        starts = range(0, len(rows), size)
        groups += [(start / len(rows), rows[start : start + size]) for start in starts]
    for _, group in sorted(groups, key=lambda item: item[0]):
        yield torch.from_numpy(np.stack([ids for ids, _ in group])), torch.from_numpy(np.stack([w for _, w in group]))


def new_model(vocabulary: int, ids: tuple[int, int, int]) -> LlamaForCausalLM:
    """Return an untrained model."""
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=192, intermediate_size=512, num_hidden_layers=5, num_attention_heads=6,
        num_key_value_heads=2, head_dim=32, max_position_embeddings=CONTEXT, tie_word_embeddings=True,
        bos_token_id=ids[0], eos_token_id=ids[1], pad_token_id=ids[2], rms_norm_eps=1e-5,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    torch.nn.init.zeros_(model.model.embed_tokens.weight[ids[2]].data)
    return model


def rate(peak: float, done: float, step: int) -> float:
    """Return the learning rate of a round when a share of the training is done."""
    return peak * min(1.0, (step + 1) / WARMUP) * max(0.02, 0.5 + 0.5 * math.cos(math.pi * min(1.0, done)))


def backward(model: LlamaForCausalLM, ids: torch.Tensor, weights: torch.Tensor, total: float) -> float:
    """Add the gradients of some rows to a model and return their part of the loss."""
    torch.set_num_threads(1)
    with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):
        hidden = model.model(input_ids=ids).last_hidden_state
        counted = weights[:, 1:] > 0
        logits = model.lm_head(hidden[:, :-1][counted])
    each = functional.cross_entropy(logits.float(), ids[:, 1:][counted], reduction="none")
    loss = (each * weights[:, 1:][counted]).sum() / total
    loss.backward()
    return loss.item()


def twin(model: LlamaForCausalLM) -> LlamaForCausalLM:
    """Return a model with the same weights in memory and gradients of its own."""
    other = copy.deepcopy(model)
    for its, ours in zip(other.parameters(), model.parameters(), strict=True):
        its.data = ours.data
    return other


def make_optimizer(model: LlamaForCausalLM) -> torch.optim.Optimizer:
    """Return the optimizer; only matrices decay."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95))


def train(model: LlamaForCausalLM, short: list, long: list, peak: float, minutes: float) -> tuple[int, float]:
    """Train the model for one round and return the number of steps and the mean loss of the last hundred.

    Each half of a batch is worked on by a thread with a core of its own: much faster than sharing every single
    matrix product between two cores, above all when the machine has other work.
    """
    models, optimizer = [model, twin(model)], make_optimizer(model)
    count = sum(1 for _ in steps(short, long))
    begun, losses = time.monotonic(), []
    with ThreadPoolExecutor(2) as pool:
        for step, (ids, weights) in enumerate(steps(short, long)):
            spent = (time.monotonic() - begun) / 60
            done = max(step / count, spent / minutes)
            if done >= 1:
                break
            for group in optimizer.param_groups:
                group["lr"] = rate(peak, done, step)
            total = weights[:, 1:].sum().item()
            halves = zip(models, ids.tensor_split(2), weights.tensor_split(2), strict=True)
            parts = [pool.submit(backward, *half, total) for half in halves if len(half[1])]
            losses.append(sum(part.result() for part in parts))
            join_gradients(*models)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            if step % 50 == 49:
                print(f"step {step + 1} of {count}, {spent:.1f} min, loss {sum(losses[-50:]) / 50:.3f}", flush=True)
    return len(losses), sum(losses[-100:]) / len(losses[-100:])


def join_gradients(model: LlamaForCausalLM, other: LlamaForCausalLM) -> None:
    """Add the twin's gradients to the model's."""
    for ours, its in zip(model.parameters(), other.parameters(), strict=True):
        if its.grad is not None:
            ours.grad = its.grad if ours.grad is None else ours.grad.add_(its.grad)
            its.grad = None


def card(facts: dict) -> str:
    """Return the model's README."""
    return (Path(__file__).resolve().parent / "card.md").read_text(encoding="utf-8").format(**facts)


def save(model: LlamaForCausalLM, tokenizer, facts: dict, folder: Path) -> None:
    """Write the model's folder aside, then put it in the place of the old one."""
    aside = folder.with_name(folder.name + ".new")
    shutil.rmtree(aside, ignore_errors=True)
    model.generation_config = GenerationConfig(
        bos_token_id=model.config.bos_token_id, eos_token_id=model.config.eos_token_id,
        pad_token_id=model.config.pad_token_id, do_sample=False, max_new_tokens=64,
    )  # fmt: skip
    model.to(torch.float16).save_pretrained(aside)
    (aside / "model.safetensors").chmod(0o644)
    write_tokenizer(tokenizer, aside)
    (aside / "README.md").write_text(card(facts), encoding="utf-8")
    old = folder.with_name(folder.name + ".old")
    if folder.exists():
        folder.rename(old)
    aside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def main() -> None:
    """Make tokenizer and model: two rounds, the second one with harder remarks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=math.inf, help="end each round after so many minutes")
    parser.add_argument("--after", type=Path, help="folder of a model that has the first round behind it")
    parser.add_argument("--to", type=Path, default=MODEL, help="folder of the model")
    options = parser.parse_args()
    torch.manual_seed(corpus.SEED)
    found = list(corpus.texts())
    digest = hashlib.sha256("\n".join(json.dumps(text) for text in found).encode()).hexdigest()
    template = jinja2.Environment().from_string(TEMPLATE)
    rendered = [render(template, text) for text in found]
    first = corpus.ROUNDS[0]
    tokenizer = make_tokenizer(rendered)
    model = new_model(tokenizer.get_vocab_size(), tuple(tokenizer.token_to_id(token) for token in (BOS, EOS, PAD)))
    if options.after:
        model = LlamaForCausalLM.from_pretrained(options.after, dtype=torch.float32)
    total = all_steps = 0
    for number, part in enumerate([rendered[:first], rendered[first:]]):
        short, long, tokens = batches(tokenizer, part)
        print(
            f"{len(part)} texts, {tokens} tokens, {len(short)} rows of {SHORT}, {len(long)} rows of {CONTEXT}",
            flush=True,
        )
        total += tokens
        if number == 0 and options.after:
            count, loss = sum(1 for _ in steps(short, long)), math.nan
        else:
            count, loss = train(model, short, long, PEAK_RATES[number], options.minutes)
        all_steps += count
    facts = {
        "texts": len(found),
        "tokens": f"{total / 1e6:.1f}",
        "digest": digest,
        "loss": f"{loss:.2f}",
        "steps": f"{all_steps:,}",
        "parameters": f"{model.num_parameters() / 1e6:.2f}",
        "vocabulary": tokenizer.get_vocab_size(),
    }
    save(model, tokenizer, facts, options.to)
    print(facts)


if __name__ == "__main__":
    main()
