"""Scores of predictions, as pure functions on lists. An invalid prediction is None: it counts as wrong and is never hidden."""

from collections import Counter

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
    """Wilson's 95% interval of a share of `n` rows; None without rows."""
    from scipy.stats import binomtest

    if n == 0:
        return None
    interval = binomtest(right, n).proportion_ci(0.95, method="wilson")
    return [float(interval.low), float(interval.high)]


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


def mcnemar(first_right: list[bool], second_right: list[bool]) -> float:
    """Exact McNemar test (1947) of two subjects on the same rows: the two-sided p-value of their discordant rows."""
    from scipy.stats import binomtest

    only_first = sum(a and not b for a, b in zip(first_right, second_right, strict=True))
    only_second = sum(b and not a for a, b in zip(first_right, second_right, strict=True))
    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def count_texts(texts: list[str]) -> list[list]:
    """`[[text, count], …]`, most common first, then as they came."""
    return [[text, n] for text, n in Counter(texts).most_common()]


def most_probable(probabilities: dict[str, float]) -> str:
    """The label that `labels` decoding answers with; ties go to the first."""
    return max((name for name in probabilities if name != "other"), key=probabilities.get)


def labels_alone(gold: list[str], probabilities: list[dict[str, float] | None]) -> float | None:
    """The accuracy if each row were answered with its most probable label, as `labels` decoding does; what invalid answers
    cost is how far it lies above the accuracy. None where probabilities are missing."""
    if not gold or None in probabilities:
        return None
    return sum(most_probable(row) == true for true, row in zip(gold, probabilities, strict=True)) / len(gold)
