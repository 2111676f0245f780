"""Blind votes: who stands behind which letter, and what is counted."""

import random

import pytest

from lab import blind
from lab.blind import Tally
from lab.errors import InputError

NAMES = ["base", "tiny-1", "tiny-2"]


def test_every_subject_gets_a_letter_and_every_order_comes_up():
    draw = random.Random(1)
    orders = [tuple(blind.shuffled(NAMES, draw).values()) for _ in range(600)]
    assert all(sorted(order) == NAMES for order in orders)
    assert len(set(orders)) == 6
    assert min(orders.count(order) for order in set(orders)) > 60  # 100 are expected
    assert list(blind.shuffled(NAMES)) == ["A", "B", "C"]


def test_votes_are_counted_for_those_behind_the_letters():
    tally, letters = Tally(), {"A": "tiny-1", "B": "base"}
    for vote in ("A", "A", "B", "tie", "none"):
        tally = blind.counted(tally, letters, vote)
    tally = blind.counted(tally, {"A": "tiny-2"}, "A")
    assert (tally.wins, tally.ties, tally.none_good, tally.votes) == ({"tiny-1": 2, "base": 1, "tiny-2": 1}, 1, 1, 6)
    assert blind.table(tally) == [("tiny-2", 1, 1), ("tiny-1", 2, 5), ("base", 1, 5)]
    assert blind.read(tally.model_dump()) == tally
    for vote in ("C", "base", "", None):
        with pytest.raises(InputError):
            blind.counted(tally, letters, vote)


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        "x",
        {"ties": -1},
        {"wins": {"base": 1}},  # won where it never stood
        {"wins": {}, "shown": {"base": -1}},
        {"wins": {"base": "many"}, "shown": {"base": 2}},
        {"more": 1},
    ],
)
def test_what_is_no_tally_counts_as_none(kept):
    assert blind.read(kept) == Tally()
