"""Writes the tiny model's training texts, always the same ones: python assets/recipes/corpus.py prints some of them."""

import json
import random
import re
from collections.abc import Iterator

import claims
import feelings
import instructions
import sentiment
import smalltalk
import sorting
import town_hall

SEED = 90210
ROUNDS = [110_000, 50_000]  # texts of the first and of the second round of training
EARLY = 33_000  # texts have easier remarks
# How many in a hundred texts each module writes.
MIX = {feelings: 60, sorting: 12, smalltalk: 7, instructions: 11, claims: 6, town_hall: 4}
SHORTEST, RUN = 4, 8  # no run of 8 words of a held-out row stands in a training text, nor a whole row of 4 to 7 words
WORD = re.compile(r"\w+")


def held_out_rows() -> list[dict]:
    """Return every row that measures something: the validation rows, and all of town-hall, which is split by folds."""
    splits = [module.rows()["validation"] for module in (sentiment, instructions, claims)]
    splits += town_hall.rows().values()
    return [row for split in splits for row in split]


def words_of(text: str) -> list[str]:
    """Return the words of a text in small letters."""
    return WORD.findall(text.lower())


def runs(words: list[str], length: int = RUN) -> Iterator[str]:
    """Yield each run of so many words."""
    for place in range(len(words) - length + 1):
        yield " ".join(words[place : place + length])


class Guard:
    """Rejects texts that hold a held-out row or a run of its words."""

    def __init__(self, rows: list[dict]):
        self.held = {run for row in rows for value in row.values() for run in runs(words_of(value))}
        mains = [words_of(row.get("text") or row.get("claim") or row["instruction"]) for row in rows]
        self.short = {" ".join(words) for words in mains if SHORTEST <= len(words) < RUN}
        self.starts = {" ".join(text.split()[:SHORTEST]) for text in self.short}

    def rejects(self, text: str) -> bool:
        """Say whether a text must not be trained on."""
        words = words_of(text)
        if any(run in self.held for run in runs(words)):
            return True
        for place, start in enumerate(runs(words, SHORTEST)):
            if start in self.starts and any(
                " ".join(words[place : place + n]) in self.short for n in range(SHORTEST, RUN)
            ):
                return True
        return False


def plain_text(found: str | list[dict]) -> str:
    """Return all words of a practice text."""
    return found if isinstance(found, str) else "\n".join(turn["content"] for turn in found)


def texts(count: int = sum(ROUNDS)) -> Iterator[str | list[dict]]:
    """Yield the training texts in their order: a str, or a chat as a list of messages."""
    rng, guard = random.Random(SEED), Guard(held_out_rows())
    modules, weights = list(MIX), list(MIX.values())
    made = 0
    while made < count:
        module = rng.choices(modules, weights)[0]
        level = "early" if made < EARLY else "later" if made < ROUNDS[0] else "last"
        found = module.practice(rng, level) if module is feelings else module.practice(rng)
        if not guard.rejects(plain_text(found)):
            made += 1
            yield found


if __name__ == "__main__":
    for example in texts(60):
        print(json.dumps(example, ensure_ascii=False))
