"""A home with many runs of many points, made by hand in the formats of a worker; and a run that a thread keeps alive."""

import json
import math
import os
import random
import shutil
import threading
import time

from lab import plan, runs
from lab.config import Config
from lab.home import Home
from lab.runs import Run

EPOCHS = 10


def point(step: int, steps: int, chance: random.Random) -> dict:
    """What a step logs."""
    loss = 0.4 + 1.6 * math.exp(-4 * step / steps) + chance.gauss(0, 0.08)
    return {
        "attempt": 1,
        "step": step,
        "epoch": round(EPOCHS * step / steps, 6),
        "loss": loss,
        "learning_rate": 2e-4,
        "grad_norm": abs(chance.gauss(1, 0.3)),
        "tokens_per_s": chance.gauss(9000, 300),
        "row_tokens_per_s": chance.gauss(30000, 900),
        "rows_per_s": chance.gauss(40, 2),
        "memory_bytes": 2_500_000_000 + 1000 * step,
        "seconds": 0.4 * step,
    }


def scores(step: int, steps: int) -> list[dict]:
    """What the end of an epoch logs: losses that part, as they do when a run overfits."""
    epoch = round(EPOCHS * step / steps)
    at, rise = {"attempt": 1, "step": step, "epoch": float(epoch)}, 0.01 * max(0, epoch - 4) ** 2
    accuracy = 0.9 - 0.4 * math.exp(-epoch / 2) - rise / 3
    scored = {"accuracy": accuracy, "macro_f1": accuracy - 0.02, "invalid": 8 // epoch}
    train = {"train_accuracy": 1 - 0.5 * math.exp(-epoch / 2), "train_macro_f1": 0.99, "train_invalid": 0}
    return [{**at, "validation_loss": 0.5 + math.exp(-epoch) + rise}, {**at, **scored, **train}]


def points_of(steps: int, seed: int) -> bytes:
    """The file of points of a whole run."""
    chance, lines = random.Random(seed), []
    for step in range(1, steps + 1):
        lines.append(point(step, steps, chance))
        if step % (steps // EPOCHS) == 0:
            lines += scores(step, steps)
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def fill(home: Home, count: int, steps: int) -> list[Run]:
    """Makes so many runs, most of them finished. The last one waits for somebody to work on it; it lacks a tenth of its points."""
    planned = plan.make(home, Config(name="load", train_rows=64, validation=64, epochs=EPOCHS, score_train_rows=True))
    first = runs.create(home, planned.config, planned.task, planned.train, planned.validation)
    files, made, now = [points_of(steps, seed) for seed in range(5)], [first], time.time() - count
    for i in range(2, count + 1):
        shutil.copytree(first.folder, home.runs / f"load-{i}")
        made.append(Run(home, f"load-{i}"))
    for i, run in enumerate(made):
        os.utime(run.folder / "task.yaml", (now + i, now + i))  # by which they are told newest first
        run.points_file.write_bytes(files[i % len(files)])
        run.beat(attempt=1, step=steps, total_steps=steps, epoch=float(EPOCHS), ticket=i)
        run.log(f"step {steps}, validation rows: accuracy 0.84")
        if i % 7 == 0:
            run.describe(f"Learning rate 2e-4, take {i}", "Rank 16 was enough; see the codebook of May.")
        if i % 10 == 3:
            run.end(
                "failed", {"reason": "error", "message": "The loss was no number.", "advice": "Lower learning_rate."}
            )
        elif i % 10 != 4:  # these were interrupted
            run.end("finished")
    lines = files[0].splitlines(keepends=True)
    made[-1].points_file.write_bytes(b"".join(lines[: len(lines) * 9 // 10]))
    made[-1].renew()
    return made


class Alive(threading.Thread):
    """Plays the worker of a run: holds its lock and logs a point each `every` seconds, until `ended` is set."""

    def __init__(self, run: Run, steps: int, every: float = 1.0):
        super().__init__(daemon=True)
        self.run_, self.steps, self.every = run, steps, every
        self.logged: dict[int, float] = {}  # when each step was logged, in seconds since 1970
        self.held, self.ended = threading.Event(), threading.Event()

    def run(self) -> None:
        step, chance = 1 + max(point["step"] for point in self.run_.points()), random.Random(7)
        with self.run_.hold():
            self.held.set()
            while not self.ended.wait(self.every):
                self.run_.log_point(point(step, self.steps, chance))
                self.run_.beat(step=step, total_steps=self.steps, epoch=EPOCHS * step / self.steps)
                self.logged[step] = time.time()
                step += 1
