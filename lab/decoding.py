"""How an answer is made: the settings of decoding, with their defaults."""

from collections.abc import Collection
from typing import Literal

from pydantic import Field

from lab.task import Strict

DRAWN = ("temperature", "top_p", "top_k", "seed")  # keys that matter only where tokens are drawn


class Decoding(Strict):
    """How an answer is made. `labels` answers with the most probable label; `sample` draws with a seed."""

    mode: Literal["greedy", "labels", "sample"] = Field("greedy", description="greedy, labels or sample")
    max_new_tokens: int | None = Field(
        None, gt=0, le=4096, description="longest answer in tokens; by default 16 for labels and 256 for texts"
    )
    temperature: float = Field(0.8, ge=0, le=10, description="`sample`: above 1 flatter, below 1 sharper, 0 as greedy")
    top_p: float = Field(1.0, gt=0, le=1, description="`sample`: share of probability kept")
    top_k: int = Field(0, ge=0, description="`sample`: number of tokens kept, 0 for all")
    beams: int = Field(1, gt=0, le=64, description="beam search with so many beams")
    repetition_penalty: float = Field(1.0, gt=0, le=10, description="above 1 avoids repeating")
    seed: int = Field(42, ge=0, lt=2**32, description="`sample`: seed")

    @property
    def is_plain_greedy(self) -> bool:
        """Whether each token is simply the most probable one."""
        return self.mode != "labels" and not self.draws and self.beams == 1 and self.repetition_penalty == 1

    @property
    def draws(self) -> bool:
        """Whether tokens are drawn; at a temperature of 0 the most probable is certain."""
        return self.mode == "sample" and self.temperature > 0

    @property
    def idle(self) -> tuple[str, ...]:
        """The keys that change nothing with this mode."""
        if self.mode == "labels":
            return tuple(key for key in type(self).model_fields if key != "mode")
        return () if self.mode == "sample" else DRAWN

    def for_kind(self, kind: str) -> "Decoding":
        """The decoding with its defaults settled for a kind of task."""
        longest = self.max_new_tokens or (16 if kind == "classify" else 256)
        return self.model_copy(update={"max_new_tokens": longest})

    def identity(self) -> dict:
        """The keys that matter for the outcome; two decodings with the same identity give the same answers."""
        if self.mode == "labels":
            return {"mode": "labels"}
        keys = ["max_new_tokens", "beams", "repetition_penalty"]
        keys += ["temperature", "top_p", "top_k", "seed"] if self.draws else []
        return {"mode": "sample" if self.draws else "greedy", **{key: getattr(self, key) for key in keys}}


def changed(decoding: Decoding) -> list[str]:
    """The keys of a decoding that are not the default."""
    return [key for key, field in Decoding.model_fields.items() if getattr(decoding, key) != field.default]


def ignored(decoding: Decoding, named: Collection[str]) -> list[str]:
    """A sentence where some of the keys that somebody has named change nothing with the mode; else none."""
    # A temperature of 0 asks for what greedy does anyway, and the longest answer is settled for each kind of task.
    idle = [key for key in decoding.idle if key in named and key != "max_new_tokens"]
    if decoding.temperature == 0 and "temperature" in idle:
        idle.remove("temperature")
    if not idle:
        return []
    advice = "; set mode=sample to draw tokens" if set(idle) & set(DRAWN) else ""
    change = "changes" if len(idle) == 1 else "change"
    return [f"decoding: {' and '.join(idle)} {change} nothing with mode={decoding.mode}{advice}."]
