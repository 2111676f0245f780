"""What ratings come to: averages with intervals, and how far raters agree. Pure functions on plain values."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations, permutations

from lab.rating_form import CRITERIA, Rating

OVERALL = "human_evaluation_average"
AVERAGES = [*(f"average_{name}" for name in CRITERIA), OVERALL]
AGREEMENT = "Krippendorff's alpha, ordinal"
DRAWS, SEED = 2000, 42  # of the bootstrap
Ratings = dict[tuple[str, int], Rating]  # of one rater, by (subject, index of the row)


def summary(subjects: list[str], of_raters: dict[str, Ratings]) -> dict:
    """`{scores, by_rater, agreement}`: averages of each subject over all raters, and of each rater alone."""
    return {
        "scores": [{"subject": subject, **scores(of_raters.values(), subject)} for subject in subjects],
        "by_rater": [
            {"rater": rater, "subject": subject, **scores([ratings], subject)}
            for rater, ratings in of_raters.items()
            for subject in subjects
            if any(of == subject for of, _ in ratings)
        ],
        "agreement": agreement(of_raters),
    }


def scores(of_raters: Iterable[Ratings], subject: str) -> dict:
    """`{rows, ratings, average_…, human_evaluation_average, ci95: {average: [low, high]}}` of a subject; None without ratings.

    A row counts once, with the mean of its ratings, however many have rated it.
    """
    rows: dict[int, list[list[float]]] = {}
    for ratings in of_raters:
        for (of, index), rating in ratings.items():
            if of == subject:
                rows.setdefault(index, []).append([*rating.marks, sum(rating.marks) / len(CRITERIA)])
    means = [[_mean(column) for column in zip(*rows[index], strict=True)] for index in sorted(rows)]
    columns = list(zip(*means, strict=True)) if means else [None] * len(AVERAGES)
    return {
        "rows": len(rows),
        "ratings": sum(map(len, rows.values())),
        **{name: column and _mean(column) for name, column in zip(AVERAGES, columns, strict=True)},
        "ci95": dict(zip(AVERAGES, intervals(means), strict=True)),
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def intervals(rows: list[list[float]]) -> list[list[float] | None]:
    """For each average the 95% percentile bootstrap over rows, seeded; None for fewer than two rows."""
    if len(rows) < 2:
        return [None] * len(AVERAGES)
    import numpy as np

    values = np.array(rows)
    counts = np.random.default_rng(SEED).multinomial(len(rows), [1 / len(rows)] * len(rows), DRAWS)
    low, high = np.percentile(counts @ values / len(rows), [2.5, 97.5], axis=0)
    return [[float(a), float(b)] for a, b in zip(low, high, strict=True)]


def agreement(of_raters: dict[str, Ratings]) -> dict:
    """`{method, answers, criterion: alpha or None, note}`; `answers` are those that two or more have rated. `note` says why
    something is undefined."""
    keys = Counter(key for ratings in of_raters.values() for key in ratings)
    shared = [key for key, raters in keys.items() if raters > 1]
    found = {"method": AGREEMENT, "answers": len(shared)}
    for name in CRITERIA:
        units = [[getattr(r[key], name) for r in of_raters.values() if key in r] for key in shared]
        found[name] = alpha(units)
    lacking = [CRITERIA[name].lower() for name in CRITERIA if found[name] is None]
    note = f"undefined where all ratings are the same: {', '.join(lacking)}" if lacking else None
    return {**found, "note": note if shared else "undefined: no answer has been rated by two raters"}


def alpha(units: list[list[float]]) -> float | None:
    """Krippendorff's alpha for ordered values (Krippendorff 2011). A unit holds the values that its raters gave.

    1 is agreement, 0 what chance brings. None where it is undefined: no unit with two values, or one value everywhere.
    """
    pairs: Counter = Counter()
    for values in units:
        for pair in permutations(values, 2):
            pairs[pair] += 1 / (len(values) - 1)
    totals: Counter = Counter()
    for (value, _), weight in pairs.items():
        totals[value] += weight
    order = sorted(totals)
    observed = expected = 0.0
    for (i, low), (j, high) in combinations(enumerate(order), 2):
        between = sum(totals[x] for x in order[i : j + 1]) - (totals[low] + totals[high]) / 2
        observed += pairs[low, high] * between**2
        expected += totals[low] * totals[high] * between**2
    return 1 - (totals.total() - 1) * observed / expected if expected else None
