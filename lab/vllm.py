"""How vLLM serves what a run has left: the command, why it may not be servable as it is, and a call with the exact prompt."""

import json
import shlex
from dataclasses import dataclass

from lab.config import Decoding

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # what its --max-lora-rank takes
URL = "http://localhost:8000/v1/completions"


@dataclass(frozen=True)
class Serving:
    """`command` is None where vLLM cannot serve it as it is; `request` is a call of the server once it is up."""

    command: str | None
    request: str
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it for a terminal: notes as comments, then the commands."""
        parts = [*(f"# {note}" for note in self.notes), self.command, self.request if self.command else None]
        return "\n\n".join(filter(None, parts))


def real_rank(adapter: dict) -> int:
    """The largest rank of an adapter's layers, by its adapter_config.json."""
    return max([int(adapter.get("r") or 1), *map(int, (adapter.get("rank_pattern") or {}).values())])


def why_not(adapter: dict) -> str | None:
    """Why vLLM cannot put an adapter, by its adapter_config.json, beside its base; None where it can."""
    kind = adapter.get("peft_type")
    if kind == "ADAPTION_PROMPT":
        return "vLLM cannot serve a LLaMA-Adapter, which cannot be merged either; it runs with plain peft."
    if kind != "LORA":
        return f"vLLM serves LoRA adapters alone, and this one is of the type {kind}; export it merged."
    if adapter.get("use_dora"):
        return "vLLM does not serve DoRA adapters; export it merged."
    if real_rank(adapter) > RANKS[-1]:
        return f"vLLM serves ranks up to {RANKS[-1]}, and this adapter has {real_rank(adapter)}; export it merged."
    return None


def adapter(base: str, about: dict, settings: dict, name: str, place: str) -> Serving:
    """An adapter in the folder `place` beside its base, a Hub id with or without @revision or a folder.

    `settings` is its adapter_config.json, `about` its lab.json.
    """
    reason = why_not(settings)
    if reason:
        return Serving(None, "", (reason,))
    repo, _, revision = base.partition("@") if not base.startswith(("/", "path/")) else (base, "", "")
    rank = next(allowed for allowed in RANKS if allowed >= real_rank(settings))
    words = ["vllm", "serve", repo, *(["--revision", revision] if revision else []), "--enable-lora"]
    words += ["--lora-modules", f"{name}={place}", "--max-lora-rank", str(rank)]
    notes = []
    if about.get("quantization") not in (None, "none"):
        notes.append(
            f"It was trained on the base in {about['quantization']}; this serves it on the unquantized base, "
            f"whose answers can differ a little."
        )
    return Serving(shlex.join(words), request(name, about), (*notes, *_without_beams(about)))


def model(about: dict, name: str, place: str) -> Serving:
    """A whole model in the folder `place`: merged or fully fine-tuned."""
    return Serving(
        shlex.join(["vllm", "serve", place, "--served-model-name", name]), request(name, about), _without_beams(about)
    )


def _without_beams(about: dict) -> tuple[str, ...]:
    """That the call answers otherwise than the lab, where that is so: the server's own beam search takes no stop tokens and
    draws nothing, so that it would be another one."""
    beams = Decoding.model_validate(about.get("decoding") or {}).beams
    said = f"The lab answered with {beams} beams; this call answers without, so what it says can differ from what was scored."
    return (said,) if beams > 1 else ()


def request(name: str, about: dict) -> str:
    """A call of the server with the prompt as it was trained; empty where lab.json, of an older lab, does not know it."""
    if "prompt_form" not in about:
        return ""
    asked = {"model": name, "prompt": about["prompt_form"], **sampling(Decoding.model_validate(about["decoding"]))}
    asked |= {"max_tokens": about["max_new_tokens"], "stop_token_ids": about["stop_tokens"]}
    asked |= {"add_special_tokens": about["add_special_tokens"]}
    body = shlex.quote(json.dumps(asked, ensure_ascii=False))
    return f"curl {URL} -H 'Content-Type: application/json' -d {body}"


def sampling(decoding: Decoding) -> dict:
    """A decoding in the words of the OpenAI API and of vLLM's own keys beside it."""
    found = {"temperature": 0}
    if decoding.draws:
        found = {"temperature": decoding.temperature, "top_p": decoding.top_p, "seed": decoding.seed}
        found |= {"top_k": decoding.top_k} if decoding.top_k else {}
    if decoding.repetition_penalty != 1:
        found["repetition_penalty"] = decoding.repetition_penalty
    return found
