"""The scores: scikit-learn's and scipy's numbers, with invalid answers in the denominator and nothing hidden."""

import random

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from lab.metrics import calibration, confusion, count_texts, holm, labels_alone, mcnemar, score, sureness, wilson

LABELS = ["a", "b", "c", "d"]
INVALID = "no label at all"


def test_what_invalid_answers_cost_is_what_the_labels_alone_would_add():
    chances = [
        {"a": 0.2, "b": 0.1, "other": 0.7},
        {"a": 0.3, "b": 0.3, "other": 0.4},
        {"a": 0.1, "b": 0.8, "other": 0.1},
    ]
    assert labels_alone(["a", "b", "b"], chances) == pytest.approx(2 / 3)  # a tie goes to the first
    assert labels_alone(["a"], [None]) is None
    assert labels_alone([], []) is None


def sample(seed: int, rows: int, gold_labels: list[str], said_labels: list[str | None]) -> tuple[list, list]:
    draw = random.Random(seed)
    gold = [draw.choice(gold_labels) for _ in range(rows)]
    return gold, [g if draw.random() < 0.5 else draw.choice(said_labels) for g in gold]


CASES = {
    "all labels": sample(1, 60, LABELS, LABELS),
    "invalid answers": sample(2, 60, LABELS, [*LABELS, None, None]),
    "a label neither true nor said": sample(3, 60, ["a", "b"], ["a", "b", "c", None]),
    "a label only said": sample(4, 40, ["a", "b"], ["c"]),
    "a label only true": sample(5, 40, ["a", "b", "c"], ["a"]),
    "a single row": (["a"], ["a"]),
    "a single wrong row": (["a"], ["b"]),
    "only invalid": (["a", "b", "b"], [None, None, None]),
    "all right": (["a", "b", "c"], ["a", "b", "c"]),
}


@pytest.fixture(params=CASES)
def case(request) -> tuple[list[str], list[str | None], list[str]]:
    """(gold, predicted, labels that occur) of each case in turn."""
    gold, said = CASES[request.param]
    return gold, said, [x for x in LABELS if x in gold or x in said]


def plain(said: list[str | None]) -> list[str]:
    return [INVALID if x is None else x for x in said]


def test_accuracy_and_f1_are_those_of_scikit_learn(case):
    gold, said, present = case
    found = score(gold, said, LABELS)
    options = {"labels": present, "zero_division": 0}
    assert found["n"] == len(gold)
    assert found["accuracy"] == pytest.approx(accuracy_score(gold, plain(said)))
    assert found["macro_f1"] == pytest.approx(f1_score(gold, plain(said), average="macro", **options))
    assert found["weighted_f1"] == pytest.approx(f1_score(gold, plain(said), average="weighted", **options))


def test_each_label_has_the_scores_of_scikit_learn_in_the_order_of_the_codebook(case):
    gold, said, present = case
    columns = precision_recall_fscore_support(gold, plain(said), labels=present, zero_division=0)
    found = score(gold, said, LABELS)["per_label"]
    assert [x["label"] for x in found] == present
    for one, precision, recall, f1, support in zip(found, *columns, strict=True):
        assert (one["precision"], one["recall"], one["f1"]) == pytest.approx((precision, recall, f1))
        assert one["support"] == support


def test_labels_that_neither_rows_nor_answers_have_are_left_out_and_named(case):
    gold, said, present = case
    assert score(gold, said, LABELS)["labels_left_out"] == [x for x in LABELS if x not in present]


def test_an_absent_label_does_not_drag_the_macro_f1_down():
    assert score(["a", "b"], ["a", "b"], LABELS)["macro_f1"] == 1.0


def test_invalid_answers_stay_in_the_denominator():
    found = score(["a", "a", "b", "b"], ["a", None, "b", None], ["a", "b"])
    assert found["invalid"] == 2
    assert found["n"] == 4
    assert found["accuracy"] == 0.5
    assert found["macro_f1"] == pytest.approx(2 / 3)  # precision 1, recall 1/2, for both labels


def test_invalid_answers_cost_no_label_its_precision():
    assert score(["a", "b"], ["a", None], ["a", "b"])["per_label"][0]["precision"] == 1.0


def test_a_label_named_like_the_invalid_ones_is_still_a_label():
    found = score(["(invalid)", "a"], ["(invalid)", None], ["(invalid)", "a"])
    assert found["accuracy"] == 0.5
    assert found["invalid"] == 1


def test_the_confusion_has_true_rows_said_columns_and_invalid_last():
    gold = ["a", "a", "a", "b", "b", "c"]
    said = ["a", "b", None, "b", None, "a"]
    assert confusion(gold, said, ["a", "b", "c"]) == {
        "labels": ["a", "b", "c"],
        "counts": [[1, 1, 0, 1], [0, 1, 0, 1], [1, 0, 0, 0]],
    }


def test_the_confusion_counts_every_row_once(case):
    gold, said, present = case
    found = score(gold, said, LABELS)["confusion"]
    assert found["labels"] == present
    assert sum(map(sum, found["counts"])) == len(gold)
    assert sum(line[-1] for line in found["counts"]) == score(gold, said, LABELS)["invalid"]


def test_without_rows_there_are_no_scores():
    found = score([], [], LABELS)
    assert found["n"] == 0
    for key in ("accuracy", "accuracy_ci95", "macro_f1", "weighted_f1", "f1_ci95"):
        assert found[key] is None


# -- intervals and tests ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "n", "interval"),
    [
        (8, 10, [0.4902, 0.9433]),
        (0, 10, [0.0, 0.2775]),
        (10, 10, [0.7225, 1.0]),
        (50, 100, [0.4038, 0.5962]),
        (1, 1, [0.2065, 1.0]),
    ],
)
def test_the_interval_of_an_accuracy_is_wilsons(right, n, interval):
    assert wilson(right, n) == pytest.approx(interval, abs=5e-5)


@pytest.mark.parametrize(("right", "n"), [(0, 23), (17, 23), (871, 872), (80_000, 99_999)])
def test_the_interval_is_scipys(right, n):
    found = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson(right, n) == pytest.approx([found.low, found.high], abs=1e-12)


@pytest.mark.parametrize("n", [23, 100, 872])
def test_the_interval_covers_the_truth_in_95_of_100_draws(n):
    """On average over true accuracies from 0.5 to 0.95; a single one may lie off, as few rows have few outcomes."""
    bounds = np.array([wilson(right, n) for right in range(n + 1)])
    truths = np.linspace(0.5, 0.95, 46)
    draws = np.random.default_rng(1).binomial(n, truths, (20_000, len(truths)))
    low, high = bounds[draws, 0], bounds[draws, 1]
    assert 0.94 <= ((low <= truths) & (truths <= high)).mean() <= 0.97


@pytest.mark.parametrize(("few", "many"), [(3, 12), (40, 75), (200, 260), (0, 700), (3000, 3100)])
def test_the_paired_test_is_scipys_of_the_discordant_rows(few, many):
    first, second = [True] * few + [False] * many, [False] * few + [True] * many
    assert mcnemar(first, second) == pytest.approx(binomtest(few, few + many, 0.5).pvalue, rel=1e-9)
    assert mcnemar(second, first) == mcnemar(first, second)


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # 4 × 0.005, 3 × 0.01, 2 × 0.03, then no lower
        ([None, 0.02, 0.5, None], [None, 0.04, 0.5, None]),
        ([0.4, 0.9, 0.6], [1.0, 1.0, 1.0]),
        ([], []),
    ],
)
def test_p_values_are_adjusted_as_holm_does(p_values, adjusted):
    assert holm(p_values) == pytest.approx(adjusted)


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [(1, 6, 0.125), (0, 5, 0.0625), (0, 6, 0.03125), (2, 8, 0.109375), (8, 2, 0.109375), (3, 3, 1.0), (0, 0, 1.0)],
)
@pytest.mark.parametrize("both", [0, 20])
def test_two_subjects_are_compared_by_the_exact_mcnemar_test(only_first, only_second, p, both):
    first = [True] * only_first + [False] * only_second + [True] * both + [False] * both
    second = [False] * only_first + [True] * only_second + [True] * both + [False] * both
    assert mcnemar(first, second) == pytest.approx(p)


def test_the_interval_of_the_f1_holds_it_and_is_a_share(case):
    gold, said, _ = case
    found = score(gold, said, LABELS)
    low, high = found["f1_ci95"]
    assert 0 <= low <= high <= 1
    if len(gold) >= 40:
        assert low < found["macro_f1"] < high


def test_the_interval_of_the_f1_is_the_same_every_time():
    gold, said = CASES["invalid answers"]
    assert score(gold, said, LABELS)["f1_ci95"] == score(list(gold), list(said), list(LABELS))["f1_ci95"]


def test_more_rows_make_the_intervals_narrower():
    gold, said = CASES["invalid answers"]
    few, many = score(gold, said, LABELS), score(gold * 9, said * 9, LABELS)
    for key in ("accuracy_ci95", "f1_ci95"):
        assert (many[key][1] - many[key][0]) < 0.5 * (few[key][1] - few[key][0])


def test_the_interval_of_the_f1_agrees_with_a_bootstrap_through_scikit_learn():
    gold, said = sample(7, 80, LABELS, [*LABELS, None])
    draw, scores = random.Random(0), []
    for _ in range(300):
        rows = draw.choices(range(80), k=80)
        chosen = [gold[i] for i in rows], plain([said[i] for i in rows])
        scores.append(f1_score(*chosen, labels=LABELS, average="macro", zero_division=0))
    scores.sort()
    assert score(gold, said, LABELS)["f1_ci95"] == pytest.approx([scores[7], scores[-8]], abs=0.03)


def test_rows_and_answers_must_be_equally_many():
    with pytest.raises(ValueError):
        score(["a", "b"], ["a"], LABELS)


def test_texts_are_counted_most_common_first_then_as_they_came():
    assert count_texts(["x", "y", "z", "y"]) == [["y", 2], ["x", 1], ["z", 1]]


# -- calibration -----------------------------------------------------------------------------------------------------


def test_sure_is_a_labels_part_of_what_the_labels_have():
    assert sureness({"a": 0.3, "b": 0.1, "other": 0.6}, "a") == pytest.approx(0.75)
    assert sureness({"a": 0.0, "b": 0.0, "other": 1.0}, "a") is None


def test_calibration_holds_the_gap_between_sure_and_right_against_a_hand_count():
    sure = [{"a": p, "b": 1 - p, "other": 0.0} for p in (0.95, 0.91, 0.65, 0.62, 1.0)]
    found = calibration(["a", "b", "a", "a", "a"], ["a", "a", "a", "a", None], sure)
    assert (found["n"], found["left_out"]) == (4, 1)
    by_low = {b["low"]: b for b in found["bins"] if b["n"]}
    assert {low: (b["n"], b["right"]) for low, b in by_low.items()} == {0.6: (2, 1.0), 0.9: (2, 0.5)}
    assert by_low[0.9]["sure"] == pytest.approx(0.93)
    assert found["ece"] == pytest.approx((2 * (1 - 0.635) + 2 * (0.93 - 0.5)) / 4)
    assert calibration(["a"], ["a"], [None]) is None
    only_invalid = calibration(["a"], [None], [{"a": 1.0, "other": 0.0}])
    assert (only_invalid["n"], only_invalid["left_out"], only_invalid["ece"]) == (0, 1, None)


@pytest.mark.parametrize("p", [0.1, 0.2, 0.3, 0.6, 0.7, 0.9, 1.0])
def test_a_bin_holds_its_upper_end(p):
    found = calibration(["a"], ["a"], [{"a": p, "b": 1 - p, "other": 0.0}])
    assert [b["high"] for b in found["bins"] if b["n"]] == [pytest.approx(p)]
