"""Agreement of two who labelled the same rows: against scikit-learn and by hand, and where kappa means nothing."""

import random

import pytest
from sklearn.metrics import cohen_kappa_score

from lab import kappa
from lab.metrics import wilson


def test_a_case_counted_by_hand():
    """25 rows: 20 yes and yes, 5 yes and no, 10 no and yes, 15 no and no."""
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    found = kappa.agreement(*map(list, zip(*pairs, strict=True)))
    assert found["n"] == 50
    assert found["agreement"] == pytest.approx(0.7)
    assert found["expected"] == pytest.approx(0.5)  # 0.5 * 0.6 + 0.5 * 0.4
    assert found["kappa"] == pytest.approx(0.4)
    assert (found["labels"], found["counts"]) == (["yes", "no"], [[20, 5], [10, 15]])
    assert found["disagreements"] == [["no", "yes", 10], ["yes", "no", 5]]
    assert found["note"] is None
    low, high = wilson(35, 50)
    assert found["kappa_ci95"] == pytest.approx([2 * low - 1, 2 * high - 1])


@pytest.mark.parametrize("labels", [2, 3, 7])
@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
def test_it_is_what_scikit_learn_says(labels, noise):
    draw = random.Random(f"{labels} {noise}")
    first = [f"label {draw.randrange(labels)}" for _ in range(113)]
    second = [f"label {draw.randrange(labels)}" if draw.random() < noise else x for x in first]
    found = kappa.agreement(first, second)
    assert found["kappa"] == pytest.approx(cohen_kappa_score(first, second))
    low, high = found["kappa_ci95"]
    assert low <= found["kappa"] <= high <= 1
    assert low < high  # also where they agree in every row


def test_a_label_that_one_of_them_alone_uses_counts():
    first, second = ["a", "a", "b", "c"], ["a", "d", "b", "b"]
    assert kappa.agreement(first, second)["kappa"] == pytest.approx(cohen_kappa_score(first, second))


def test_with_a_single_label_kappa_is_not_defined_and_that_is_said():
    found = kappa.agreement(["a"] * 3, ["a"] * 3)
    assert (found["kappa"], found["kappa_ci95"], found["agreement"]) == (None, None, 1.0)
    assert "not defined" in found["note"] and "not defined" in kappa.in_words(found)


def test_two_who_never_agree_have_a_kappa():
    found = kappa.agreement(["a"] * 3, ["b"] * 3)
    assert (found["kappa"], found["agreement"], found["expected"]) == (0, 0, 0)


def test_without_rows_there_is_nothing_but_a_word_on_it():
    found = kappa.agreement([], [])
    assert (found["n"], found["agreement"], found["kappa"]) == (0, None, None)
    assert kappa.in_words(found) == found["note"]


def test_the_interval_stays_where_kappa_can_be():
    found = kappa.agreement(["a"] * 9 + ["b"], ["a"] * 8 + ["b", "a"])
    assert found["kappa"] == pytest.approx(-1 / 9)
    assert found["kappa_ci95"][0] == -1
