"""Blind votes: subjects behind letters until somebody has voted, and the tally of the votes."""

import random
import string

from pydantic import Field, ValidationError

from lab.errors import InputError
from lab.task import Strict

TIE, NONE = "tie", "none"
MOST_NAMES = 200


class Tally(Strict):
    """The votes so far: how often each subject was chosen, and how often it could have been."""

    wins: dict[str, int] = {}
    shown: dict[str, int] = {}
    ties: int = Field(0, ge=0)
    none_good: int = Field(0, ge=0)

    @property
    def votes(self) -> int:
        return sum(self.wins.values()) + self.ties + self.none_good


def shuffled(names: list[str], draw: random.Random | None = None) -> dict[str, str]:
    """Which subject stands behind which letter: {A: name, B: name, …} in random order."""
    draw = draw or random.SystemRandom()
    return dict(zip(string.ascii_uppercase, draw.sample(names, len(names)), strict=False))


def ballot(letters: dict[str, str]) -> list[str]:
    """What can be voted for."""
    return [*letters, TIE, NONE]


def read(content) -> Tally:
    """The tally that a browser has kept; an empty one where it is none."""
    try:
        found = Tally.model_validate(content or {})
    except ValidationError:
        return Tally()
    counts = [*found.wins.values(), *found.shown.values()]
    good = len(found.shown) <= MOST_NAMES and set(found.wins) <= set(found.shown) and all(n >= 0 for n in counts)
    return found if good else Tally()


def counted(tally: Tally, letters: dict[str, str], vote: str) -> Tally:
    """The tally with one vote more. Raises InputError for a vote that was not on the ballot."""
    if vote not in ballot(letters):
        raise InputError(f"Vote for one of {', '.join(letters)}, a tie, or none.")
    found = tally.model_copy(deep=True)
    for name in letters.values():
        found.shown[name] = found.shown.get(name, 0) + 1
    if vote in letters:
        found.wins[letters[vote]] = found.wins.get(letters[vote], 0) + 1
    elif vote == TIE:
        found.ties += 1
    else:
        found.none_good += 1
    return found


def table(tally: Tally) -> list[tuple[str, int, int]]:
    """(subject, wins, votes in which it stood), most wins first."""
    rows = [(name, tally.wins.get(name, 0), shown) for name, shown in tally.shown.items()]
    return sorted(rows, key=lambda row: (-row[1] / row[2], row[0]))
