"""What a run has left, used without the lab: with `peft` and `transformers` alone, as its card says."""

from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


def whole(folder: Path):
    """The model in a folder."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def adapted(base: Path, adapter: Path):
    """A base with an adapter."""
    return PeftModel.from_pretrained(whole(base), str(adapter)).eval()


def said(network, tokenizer, prompt: list[int], stops: list[int], tokens: int) -> str:
    """The greedy answer to a prompt in tokens."""
    ids = torch.tensor([prompt])
    options = {"do_sample": False, "max_new_tokens": tokens, "eos_token_id": stops, "pad_token_id": 0}
    output = network.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options)
    return tokenizer.decode(output[0, len(prompt) :], skip_special_tokens=True).strip()
