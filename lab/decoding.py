"""How an answer is made: the settings of decoding, with their defaults."""

from typing import Literal

from pydantic import Field

from lab.task import Strict


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
