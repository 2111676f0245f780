"""What a run survives: its worker killed at any moment."""

import os
import random
import signal
import time

import pytest
from colours import created, settings, worked
from test_jobs import ended, losses, weights
from waiting import until

from lab import jobs
from lab.runs import Run

pytestmark = pytest.mark.faults
STEPS = 24


@pytest.fixture(scope="module")
def changes() -> dict:
    """Eight epochs with dropout, checkpoints after each, scored in the middle and at the end."""
    return {"epochs": STEPS // 3, "evaluate_at": [4, 8], "adapter": {"r": 4, "dropout": 0.1}, "learning_rate": 0.01}


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_worker_is_interrupted_at_once_and_resumed_to_the_same_adapter(colours, tiny_model, changes, seed):
    """Killed at two random moments of one run.

    Seen to fail with the random state left out of what is restored (`_load_rng_state` emptied): the dropout differs.
    """
    whole = worked(colours, created(colours, tiny_model, **changes))
    chance = random.Random(seed)
    run = jobs.train(colours, settings(tiny_model, **changes))
    for _ in range(2):
        kill_at_some_step(run, chance.randrange(min(len(run.points()), STEPS - 6), STEPS - 4))
        jobs.resume(colours, run.id)
    until(lambda: ended(run), "it has ended")
    assert jobs.outcome(run) == "finished", run.log_tail()
    assert run.state()["attempt"] == 3
    assert losses(run) == losses(whole)
    assert [p["step"] for p in run.points()] == list(range(1, STEPS + 1))
    assert run.points()[-1]["accuracy"] == whole.points()[-1]["accuracy"]
    assert weights(run) == weights(whole)


def kill_at_some_step(run: Run, step: int) -> None:
    until(lambda: ended(run) or (run.points() and run.points()[-1]["step"] > step), f"step {step} is logged")
    seen = [point["step"] for point in run.points()]
    assert run.status() == "running", run.log_tail()
    os.kill(run.holder(), signal.SIGKILL)
    begun = time.monotonic()
    until(lambda: run.status() == "interrupted", "it is shown as interrupted")
    assert time.monotonic() - begun < 5
    assert [point["step"] for point in run.points()][: len(seen)] == seen
