"""Trains the bundled tiny chat model from scratch on the texts of corpus.py: python assets/recipes/make_model.py.

With --minutes it stops the training after so many minutes; the learning rate falls to nothing by then.
"""

import argparse
import hashlib
import json
import math
import random
import shutil
import time
from collections.abc import Iterator
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
SHARE_OF_LONG = 0.2  # of the short texts, besides the long ones, stand in rows of 2,048 tokens
OTHER_WEIGHT = 0.3  # of the tokens in chats that the model does not write itself
PEAK_RATE, WARMUP = 3e-3, 100


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


def steps(short: list, long: list, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the batches of one pass in random order."""
    rng = random.Random(seed)
    groups = []
    for rows, size in [(short, TOKENS_PER_STEP // SHORT), (long, TOKENS_PER_STEP // CONTEXT)]:
        mixed = rng.sample(rows, len(rows))
        groups += [mixed[start : start + size] for start in range(0, len(mixed), size)]
    rng.shuffle(groups)
    for group in groups:
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


def rate(done: float, step: int) -> float:
    """Return the learning rate when a share of the training is done."""
    return PEAK_RATE * min(1.0, (step + 1) / WARMUP) * max(0.02, 0.5 + 0.5 * math.cos(math.pi * min(1.0, done)))


def train(model: LlamaForCausalLM, short: list, long: list, passes: float, minutes: float) -> float:
    """Train the model and return the mean loss of the last hundred steps."""
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.95))
    count = sum(1 for _ in steps(short, long, 0))
    begun, step, losses = time.monotonic(), 0, []
    for epoch in range(math.ceil(passes)):
        for ids, weights in steps(short, long, epoch):
            spent = (time.monotonic() - begun) / 60
            done = max(step / (count * passes), spent / minutes)
            if done >= 1:
                return sum(losses[-100:]) / len(losses[-100:])
            for group in optimizer.param_groups:
                group["lr"] = rate(done, step)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                hidden = model.model(input_ids=ids).last_hidden_state
                wanted = weights[:, 1:] > 0
                logits = model.lm_head(hidden[:, :-1][wanted])
            each = functional.cross_entropy(logits.float(), ids[:, 1:][wanted], reduction="none")
            loss = (each * weights[:, 1:][wanted]).sum() / weights[:, 1:].sum()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
            step += 1
            if step % 50 == 0:
                print(f"step {step} of {count * passes:.0f}, {spent:.1f} min, loss {sum(losses[-50:]) / 50:.3f}", flush=True)
    return sum(losses[-100:]) / len(losses[-100:])


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
    write_tokenizer(tokenizer, aside)
    (aside / "README.md").write_text(card(facts), encoding="utf-8")
    old = folder.with_name(folder.name + ".old")
    if folder.exists():
        folder.rename(old)
    aside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def main() -> None:
    """Make tokenizer and model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop the training after so many minutes")
    parser.add_argument("--passes", type=float, default=1.0, help="passes through the texts")
    parser.add_argument("--texts", type=int, default=corpus.TEXTS, help="number of texts")
    parser.add_argument("--to", type=Path, default=MODEL, help="folder of the model")
    options = parser.parse_args()
    torch.manual_seed(corpus.SEED)
    found = list(corpus.texts(options.texts))
    digest = hashlib.sha256("\n".join(json.dumps(text) for text in found).encode()).hexdigest()
    template = jinja2.Environment().from_string(TEMPLATE)
    rendered = [render(template, text) for text in found]
    tokenizer = make_tokenizer(rendered)
    short, long, total = batches(tokenizer, rendered)
    print(f"{len(found)} texts, {total} tokens, {len(short)} rows of {SHORT}, {len(long)} rows of {CONTEXT}", flush=True)
    model = new_model(tokenizer.get_vocab_size(), tuple(tokenizer.token_to_id(token) for token in (BOS, EOS, PAD)))
    begun = time.monotonic()
    loss = train(model, short, long, options.passes, options.minutes)
    facts = {
        "texts": len(found), "tokens": f"{total / 1e6:.1f}", "digest": digest, "loss": f"{loss:.2f}",
        "minutes": round((time.monotonic() - begun) / 60), "passes": options.passes,
        "parameters": f"{model.num_parameters() / 1e6:.2f}", "vocabulary": tokenizer.get_vocab_size(),
    }  # fmt: skip
    save(model, tokenizer, facts, options.to)
    print(facts)


if __name__ == "__main__":
    main()
