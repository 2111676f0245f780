"""Packing: which tokens are shared, how rows are grouped, the trie of labels, and what a batch costs."""

import random

import pytest

from lab.packing import Trie, batch_cost, cost_in_words, group, is_worth_packing, packed_tokens, shared_prefix
from lab.prompt import Example


def test_the_last_token_of_a_prompt_is_never_shared():
    assert shared_prefix([[1, 2, 3, 4], [1, 2, 5]]) == 2
    assert shared_prefix([[1, 2, 3], [1, 2, 3]]) == 2
    assert shared_prefix([[1, 2, 3], [1, 2]]) == 1
    assert shared_prefix([[1], [1]]) == shared_prefix([[1, 2], [3, 4]]) == 0


@pytest.mark.parametrize("prefix", [0, 30, 490])
def test_groups_hold_every_row_once_and_are_about_equally_long(prefix):
    draw = random.Random(1)
    for count in (1, 5, 16, 64):
        lengths = [draw.randint(20, 95) for _ in range(count)]
        groups = group(lengths, prefix)
        assert sorted(row for rows in groups for row in rows) == list(range(count))
        sizes = [sum(lengths[row] for row in rows) for rows in groups]
        assert max(sizes) - min(sizes) <= max(lengths)
        assert packed_tokens([prefix + n for n in lengths], prefix) == prefix + len(groups) * max(sizes)


def test_long_rows_that_share_nothing_are_not_packed():
    alike = [2000] * 8
    assert not is_worth_packing(alike, 0, group(alike, 0), 4096)
    behind = [n + 490 for n in range(20, 84, 4)]
    assert is_worth_packing(behind, 490, group([n - 490 for n in behind], 490), 4096)
    short = [20, 90, 40, 60, 30, 70, 80, 50]
    assert is_worth_packing(short, 0, group(short, 0), 512)
    one_mask = [list(range(8))]  # of a model whose attention cannot be replaced
    assert not is_worth_packing([600 + i for i in range(8)], 10, one_mask, 64)


def test_the_trie_shares_what_labels_have_in_common():
    trie = Trie.of({"a": [1, 2, 9], "b": [1, 3, 4, 9], "c": [1, 9]})
    assert (trie.tokens, trie.parents) == ([1, 2, 3, 4], [-1, 0, 0, 2])
    assert trie.ends == {"a": 1, "b": 3, "c": 0}
    assert [trie.path(node) for node in range(4)] == [[0], [0, 1], [0, 2], [0, 2, 3]]
    assert trie.children[0] == {2: 1, 3: 2}
    assert (trie.below(0), trie.below(2)) == ([0], [2, 3])


def test_a_batch_costs_its_prefix_once():
    examples = [Example([1] * 100 + [i, i], [7, 8]) for i in range(32)]
    cost = batch_cost(examples, 16)
    assert cost == {"rows": 16, "prefix": 100, "padded_tokens": 16 * 104, "packed_tokens": 100 + 16 * 4}
    assert cost_in_words(cost) == "16 rows × 104 tokens = 1,664 → 164 a batch"
    assert batch_cost(examples[:3], 16)["rows"] == 3
