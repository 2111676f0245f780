"""What a run has left, used without the lab: with `peft` and `transformers` alone."""

from pathlib import Path

import torch

from lab.runs import Run


def network(run: Run, base: Path):
    """The model that a run has left, loaded as its card says."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    if run.method.is_whole:
        return AutoModelForCausalLM.from_pretrained(run.left, dtype=torch.float32).eval()
    return PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), str(run.left)
    ).eval()


def said(model, tokenizer, prompt: list[int], stops: list[int], tokens: int) -> str:
    """The greedy answer to a prompt in tokens."""
    ids = torch.tensor([prompt])
    options = {"do_sample": False, "max_new_tokens": tokens, "eos_token_id": stops, "pad_token_id": 0}
    output = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options)
    return tokenizer.decode(output[0, len(prompt) :], skip_special_tokens=True).strip()
