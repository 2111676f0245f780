"""Scores of predictions, as pure functions on lists. An invalid prediction is None: it counts as wrong and is never hidden."""

from collections import Counter
from collections.abc import Sequence
from math import ceil, exp, isfinite, lgamma, log, sqrt
from statistics import NormalDist

CALIBRATION_BINS = 10
BOOTSTRAP_DRAWS, BOOTSTRAP_SEED = 1000, 42


def score(gold: list[str], predicted: list[str | None], labels: list[str]) -> dict:
    """Accuracy, F1 with intervals, per label and confusion, for rows with a true label.

    `gold` and `predicted` are parallel; `predicted` holds None where an answer was invalid. F1 is scikit-learn's over the
    task's `labels` that occur in the rows or the answers (`zero_division=0`); those left out are named. The interval of
    the accuracy is Wilson's (1927), that of the macro F1 a percentile bootstrap over rows.
    """
    from sklearn.metrics import precision_recall_fscore_support

    present = [x for x in labels if x in set(gold) | set(predicted)]
    invalid = _name_for_invalid(labels)
    said = [invalid if p is None else p for p in predicted]
    n, right = len(gold), sum(g == p for g, p in zip(gold, said, strict=True))
    per_label, macro, weighted = [], 0.0, 0.0
    if present:
        columns = precision_recall_fscore_support(gold, said, labels=present, zero_division=0)
        for name, precision, recall, f1, support in zip(present, *columns, strict=True):
            scores = {"precision": float(precision), "recall": float(recall), "f1": float(f1), "support": int(support)}
            per_label.append({"label": name, **scores})
        macro = sum(x["f1"] for x in per_label) / len(per_label)
        total = sum(x["support"] for x in per_label)
        weighted = sum(x["f1"] * x["support"] for x in per_label) / total if total else 0.0
    return {
        "n": n,
        "accuracy": right / n if n else None,
        "accuracy_ci95": wilson(right, n),
        "macro_f1": macro if n else None,
        "weighted_f1": weighted if n else None,
        "f1_ci95": bootstrap_macro_f1(gold, said, present),
        "invalid": sum(p is None for p in predicted),
        "per_label": per_label,
        "labels_left_out": [x for x in labels if x not in present],
        "confusion": confusion(gold, predicted, present),
    }


def _name_for_invalid(labels: list[str]) -> str:
    name = "(invalid)"
    while name in labels:
        name = f"({name})"
    return name


def confusion(gold: list[str], predicted: list[str | None], labels: list[str]) -> dict:
    """`{labels, counts}`: rows are true labels, columns predicted ones, the last column invalid answers."""
    pairs = Counter(zip(gold, predicted, strict=True))
    return {"labels": labels, "counts": [[pairs[(true, said)] for said in [*labels, None]] for true in labels]}


def wilson(right: int, n: int) -> list[float] | None:
    """Wilson's 95% interval (1927) of a share of `n` rows; None without rows.

    Over true shares from 0.5 to 0.95 it covers the truth in 95% of draws on average, with few rows too.
    """
    if n == 0:
        return None
    z = NormalDist().inv_cdf(0.975)
    share, weight = right / n, z * z / n
    middle = (share + weight / 2) / (1 + weight)
    half = z * sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    # At the ends the interval holds 0 and 1 themselves, which rounding must not take away.
    return [0.0 if right == 0 else middle - half, 1.0 if right == n else middle + half]


def bootstrap_macro_f1(gold: list[str], said: list[str], labels: list[str]) -> list[float] | None:
    """Percentile bootstrap (Efron 1979) of the macro F1: rows are drawn with replacement, seeded, the labels stay.

    F1 depends on the rows only through the counts of (true, predicted) pairs, so those are drawn, from a multinomial.
    """
    import numpy as np

    if not gold or not labels:
        return None
    pairs = Counter(zip(gold, said, strict=True))
    shares = np.array(list(pairs.values())) / len(gold)
    counts = np.random.default_rng(BOOTSTRAP_SEED).multinomial(len(gold), shares, BOOTSTRAP_DRAWS)  # (draws, pairs)
    f1 = []
    for label in labels:
        is_true, is_said = np.array([[true == label, guess == label] for true, guess in pairs]).T
        both = counts[:, is_true & is_said].sum(axis=1)
        either = counts[:, is_true].sum(axis=1) + counts[:, is_said].sum(axis=1)
        f1.append(2 * both / np.maximum(either, 1))  # 0 where the label neither occurs nor is said
    low, high = np.percentile(np.mean(f1, axis=0), [2.5, 97.5])
    return [float(low), float(high)]


def mcnemar(first_right: Sequence[bool], second_right: Sequence[bool]) -> float:
    """Exact McNemar test (1947) of two subjects on the same rows: the two-sided p-value of their discordant rows."""
    pairs = Counter(zip(first_right, second_right, strict=True))
    return _coin(min(pairs[True, False], pairs[False, True]), pairs[True, False] + pairs[False, True])


def _coin(few: int, n: int) -> float:
    """The probability that one side of a fair coin comes up at most `few` times in `n` throws, or the other does."""
    if 2 * few >= n:
        return 1.0
    term = total = 1.0  # as parts of the probability of `few`, the largest
    for k in range(few, 0, -1):
        term *= k / (n - k + 1)
        total += term
    largest = lgamma(n + 1) - lgamma(few + 1) - lgamma(n - few + 1) - n * log(2)
    return min(1.0, 2 * total * exp(largest))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """The p-values adjusted for being so many, as Holm (1979) does; None stays None and is not counted."""
    order = sorted((i for i, p in enumerate(p_values) if p is not None), key=lambda i: p_values[i])
    adjusted, highest = [None] * len(p_values), 0.0
    for place, i in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - place) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def count_texts(texts: list[str]) -> list[list]:
    """`[[text, count], …]`, most common first, then as they came."""
    return [[text, n] for text, n in Counter(texts).most_common()]


def most_probable(probabilities: dict[str, float]) -> str:
    """The label that `labels` decoding answers with; ties go to the first."""
    return max((name for name in probabilities if name != "other"), key=probabilities.get)


def numbers(probabilities: dict[str, float] | None) -> dict[str, float] | None:
    """Label probabilities as they are; None where one is no number, as overflow and ruined weights make them."""
    return probabilities if probabilities and all(map(isfinite, probabilities.values())) else None


def labels_alone(gold: list[str], probabilities: list[dict[str, float] | None]) -> float | None:
    """The accuracy if each row were answered with its most probable label, as `labels` decoding does; what invalid answers
    cost is how far it lies above the accuracy. None where probabilities are missing."""
    if not gold or None in probabilities:
        return None
    return sum(most_probable(row) == true for true, row in zip(gold, probabilities, strict=True)) / len(gold)


def sureness(probabilities: dict[str, float], label: str) -> float | None:
    """The probability of a label among the labels: theirs add up to one, what else could be said is left out."""
    total = sum(p for name, p in probabilities.items() if name != "other")
    return probabilities[label] / total if total > 0 and label in probabilities else None


def calibration(
    gold: list[str], predicted: list[str | None], probabilities: list[dict[str, float] | None]
) -> dict | None:
    """How often answers are right that the model was so sure of: `{bins, n, left_out, ece}`; None without probabilities.

    Sure is the answered label's probability among the labels (see `sureness`); `left_out` counts the rows without one,
    which are those with invalid answers. A bin is `{low, high, n, sure, right, right_ci95}`, of `CALIBRATION_BINS` equally
    wide ones over (0, 1], empty ones with None. `ece` is the expected calibration error (Naeini et al. 2015): the gap
    between being sure and being right, averaged over rows.
    """
    if not gold or None in probabilities:
        return None
    found: list[list[tuple[float, bool]]] = [[] for _ in range(CALIBRATION_BINS)]
    for true, said, of_labels in zip(gold, predicted, probabilities, strict=True):
        sure = None if said is None else sureness(of_labels, said)
        if sure is not None:
            place = min(CALIBRATION_BINS - 1, max(0, ceil(sure * CALIBRATION_BINS) - 1))
            found[place].append((sure, true == said))
    bins = [_bin(i, rows) for i, rows in enumerate(found)]
    n = sum(b["n"] for b in bins)
    gaps = sum(b["n"] * abs(b["sure"] - b["right"]) for b in bins if b["n"])
    return {"bins": bins, "n": n, "left_out": len(gold) - n, "ece": gaps / n if n else None}


def _bin(place: int, rows: list[tuple[float, bool]]) -> dict:
    n, right = len(rows), sum(is_right for _, is_right in rows)
    return {
        "low": place / CALIBRATION_BINS,
        "high": (place + 1) / CALIBRATION_BINS,
        "n": n,
        "sure": sum(sure for sure, _ in rows) / n if n else None,
        "right": right / n if n else None,
        "right_ci95": wilson(right, n),
    }
