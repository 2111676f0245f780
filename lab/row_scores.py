"""Scores of texts from what each row adds to them, with intervals: means, a corpus BLEU, a perplexity.

Kept row by row, they can be had for any part of the rows, and drawn from.
"""

import math
from collections.abc import Callable

from lab.metrics import BOOTSTRAP_DRAWS, BOOTSTRAP_SEED

DRAWN_AT_ONCE = 2_000_000  # cells: what a bootstrap may hold in memory at a time

# A kind gives its scores from the sums of the rows' columns and their number; None where nothing can be said.
Scores = list[float | None]


def mean(sums: list[float], n: int) -> Scores:
    """The mean of each column."""
    return [total / n for total in sums]


def corpus_bleu(sums: list[float], n: int) -> Scores:
    """sacreBLEU's score of a corpus, 0 to 100, from `[answers' length, references' length, matches × 4, n-grams × 4]`."""
    from sacrebleu.metrics import BLEU

    counts = [round(x) for x in sums]
    of_corpus = BLEU.compute_bleu(counts[2:6], counts[6:10], counts[0], counts[1], smooth_method="exp")
    return [float(of_corpus.score)]


def perplexity(sums: list[float], n: int) -> Scores:
    """exp(negative log-likelihood / tokens), of `[negative log-likelihood, tokens]`; None without tokens."""
    nll, tokens = sums
    try:
        return [math.exp(nll / tokens) if tokens else None]
    except OverflowError:
        return [None]


KINDS: dict[str, Callable[[list[float], int], Scores]] = {
    "mean": mean,
    "corpus_bleu": corpus_bleu,
    "perplexity": perplexity,
}


def score(kind: str, keys: list[str], rows: list[list[float]]) -> tuple[dict, dict]:
    """`(values, intervals)` by key: the score over the rows, and its 95% percentile bootstrap over rows (Efron 1979), seeded.

    `rows` are parallel lists of columns. None stands where there is no score, as without rows.
    """
    if not rows:
        return dict.fromkeys(keys), dict.fromkeys(keys)
    values = KINDS[kind]([sum(column) for column in zip(*rows, strict=True)], len(rows))
    return dict(zip(keys, values, strict=True)), dict(zip(keys, _bootstrap(kind, rows, len(keys)), strict=True))


def _bootstrap(kind: str, rows: list[list[float]], width: int) -> list[list[float] | None]:
    import numpy as np

    cells, n = np.array(rows, dtype=float), len(rows)
    chance, drawn = np.random.default_rng(BOOTSTRAP_SEED), []
    at_once = max(1, DRAWN_AT_ONCE // cells.size)
    for start in range(0, BOOTSTRAP_DRAWS, at_once):
        draws = chance.integers(n, size=(min(at_once, BOOTSTRAP_DRAWS - start), n))
        drawn += [KINDS[kind](sums, n) for sums in cells[draws].sum(axis=1).tolist()]
    return [_interval([scores[i] for scores in drawn]) for i in range(width)]


def _interval(drawn: Scores) -> list[float] | None:
    """The middle 95% of what was drawn; None where a draw has no score."""
    import numpy as np

    if None in drawn:
        return None
    low, high = np.percentile(drawn, [2.5, 97.5])
    return [float(low), float(high)]
