"""One prompt to base and three adapters of the bundled model in one batch, against the four in turn and one adapter alone.

`python tests/benchmarks/side_by_side.py [--quantization nf4] [--tokens 16]`: greedy answers with label probabilities, warm.
"""

import argparse
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import workload  # noqa: F401  # isort: skip  (first: it finds the lab)
import torch
from colours import trained

from lab import side_by_side, subjects
from lab.config import BUNDLED_MODEL, Decoding
from lab.home import Home
from lab.side_by_side import SideBySide

ROUNDS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quantization", default="nf4", choices=["none", "nf4", "int8"])
    parser.add_argument("--tokens", type=int, default=16, help="longest answer")
    given = parser.parse_args()
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        home = Home.at(Path(folder))
        changes = {"task": "sentiment", "dataset": "sentiment", "train_rows": 32, "validation": "none", "epochs": 1}
        runs = [
            trained(home, BUNDLED_MODEL, quantization=given.quantization, seed=seed, **changes) for seed in (1, 2, 3)
        ]
        bench(home, runs, Decoding(max_new_tokens=given.tokens))


def bench(home: Home, runs: list, decoding: Decoding) -> None:
    four, one = ["base", *(run.id for run in runs)], [runs[0].id]
    row, task, desk = {"text": "I was glad that the soup was splendid."}, runs[0].task, SideBySide()

    def seconds(names: list[str], together: bool) -> float:
        found = subjects.resolve(home, names)
        each = [[subject] for subject in found]
        begun = time.perf_counter()
        with patch.object(side_by_side, "_columns", lambda *args: [found] if together else each):
            desk.answer(found, task, row, decoding)
        return time.perf_counter() - begun

    ways = {"four in one batch": (four, True), "four in turn": (four, False), "one adapter": (one, False)}
    taken = {name: [] for name in ways}
    for number in range(ROUNDS + 1):
        for name, way in ways.items():
            spent = seconds(*way)
            if number:  # the first round warms up
                taken[name].append(spent)
    best = {name: sorted(spent)[len(spent) // 2] for name, spent in taken.items()}
    for name, spent in best.items():
        print(f"{name}: {spent:.3f} s (median of {ROUNDS})")
    together = best["four in one batch"]
    print(
        f"ratios: {together / best['four in turn']:.2f} of in turn, {together / best['one adapter']:.2f} of one adapter"
    )


if __name__ == "__main__":
    main()
