"""Base and three adapters of the bundled model side by side: in one batch, against the four in turn and one adapter alone; and
how soon the first token comes from the generation worker.

`python tests/benchmarks/side_by_side.py [--quantization nf4] [--rounds 15]`, warm, with label probabilities. All ways take
turns in every round; what stands is the median. Without --quantization both are measured. "As trained": every
column says what it says, so the base's is often the longest; "equal": all say 16 tokens. If the machine does other
things too, use `OMP_NUM_THREADS=1` and look at the ratios alone.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import workload  # noqa: F401  # isort: skip  (first: it finds the lab)
import torch
from colours import created, trained, worked

from lab import generator, side_by_side, subjects
from lab.config import BUNDLED_MODEL, Decoding
from lab.home import Home
from lab.job import lock_holder
from lab.side_by_side import SideBySide

ROW = {"text": "I was glad that the soup was splendid."}
CHANGES = {"task": "sentiment", "dataset": "sentiment", "train_rows": 32, "validation": "none", "epochs": 1}
GREEDY = Decoding(max_new_tokens=16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quantization", choices=["none", "nf4", "int8"])
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    for quantization in [given.quantization] if given.quantization else ["none", "nf4"]:
        with tempfile.TemporaryDirectory() as folder:
            home = Home.at(Path(folder))
            runs = [trained(home, BUNDLED_MODEL, quantization=quantization, seed=seed, **CHANGES) for seed in (1, 2, 3)]
            print(f"quantization {quantization}, {torch.get_num_threads()} threads")
            bench(home, runs, given.rounds, "as trained")
            with patch.object(side_by_side, "stream", endless):
                bench(home, runs, given.rounds, "equal")
            first_token(home, runs, given.rounds)
            worked(home, created(home, BUNDLED_MODEL, **CHANGES), lambda *args: "finished")  # the worker ends for it


def endless(model, prompts, decoding, stops, *rest):
    """`stream` without an end before the longest answer."""
    return stream(model, prompts, decoding, {model.network.config.vocab_size - 1}, *rest)


stream = side_by_side.stream


def bench(home: Home, runs: list, rounds: int, lengths: str) -> None:
    four, one = ["base", *(run.id for run in runs)], [runs[0].id]
    desk, columns = SideBySide(), side_by_side._columns

    def seconds(names: list[str], together: bool) -> float:
        found = subjects.resolve(home, names)
        way = columns if together else (lambda model, chosen, *_: [[subject] for subject in chosen])
        begun = time.perf_counter()
        with patch.object(side_by_side, "_columns", way):
            said = desk.answer(found, runs[0].task, ROW, GREEDY)
        taken = time.perf_counter() - begun
        tokens[:] = [one["tokens"] for one in said] if len(found) > 1 else tokens
        return taken

    tokens: list[int] = []
    ways = {"four in one batch": (four, True), "four in turn": (four, False), "one adapter": (one, False)}
    taken = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            spent = seconds(*way)
            if number:  # the first round warms up
                taken[name].append(spent)
    print(f"  {lengths} (tokens {tokens})")
    middle = {name: statistics.median(spent) for name, spent in taken.items()}
    for name, spent in middle.items():
        print(f"    {name}: {spent * 1000:.0f} ms")
    together = middle["four in one batch"]
    ratios = together / middle["four in turn"], together / middle["one adapter"]
    print(f"    ratios: {ratios[0]:.2f} of in turn, {ratios[1]:.2f} of one adapter")


def first_token(home: Home, runs: list, rounds: int) -> None:
    names, waited = ["base", *(run.id for run in runs)], []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        for event in generator.ask(home, names, runs[0].task, ROW, GREEDY):
            if event["event"] == "text" and event["output"]:
                waited.append(time.perf_counter() - begun)
                break
    assert lock_holder(home.generator / "lock")
    warm = waited[1:]
    print(
        f"  first token from a warm worker: {statistics.median(warm) * 1000:.0f} ms, at most {max(warm) * 1000:.0f} ms"
    )


if __name__ == "__main__":
    main()
