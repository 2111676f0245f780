"""Real workers with a stand-in for the training: they start in a second, and do what a test wants of them.

`workers(monkeypatch, folder, code)` puts a module of that code in the place of `lab.train` for all workers that are started
from here on, by this process or by one that inherits its environment.
"""

from pathlib import Path

import pytest
from colours import created
from test_jobs import ended
from waiting import until

from lab import jobs
from lab.home import Home
from lab.runs import Run

STEPS = '''
"""A training of steps that take no time, with checkpoints; where it stands is kept in its checkpoints alone."""
import json, time
from lab import checkpoints

def train(home, run, progress):
    progress("loading", 0)
    time.sleep(run.config.warmup)  # how long it loads
    run.clear_torn()
    step, total = run.newest_checkpoint()[0] or 0, run.config.max_steps
    run.beat(step=step, total_steps=total)
    while step < total:
        step += 1
        time.sleep(0.01)
        run.log_point({"attempt": run.state()["attempt"], "step": step, "epoch": float(step), "loss": 1 / step})
        run.beat(step=step, total_steps=total, epoch=float(step), doing=None)
        asked = run.stop_requested()
        if asked or step % 10 == 0 or step == total:
            save(run, step)
        if asked:
            break
    return "finished" if step == total else "stopped"

def save(run, step):
    folder = run.checkpoint_folder / f"checkpoint-{step}"
    folder.mkdir(exist_ok=True)
    (folder / "weights.json").write_text(json.dumps({"step": step}))
    time.sleep(0.02)
    run.sync_points()
    checkpoints.seal(folder, step, float(step), kept=False)
    for old in [c["step"] for c in run.checkpoints()][:-2]:
        checkpoints.drop(run.checkpoint_folder / f"checkpoint-{old}")
'''
IN_PLACE = """
import os, sys, types
folder = os.environ["STAND_IN"]
module = types.ModuleType("lab.train")
module.train = lambda *given: __import__("stand_in_train").train(*given)
sys.modules["lab.train"] = module
sys.path.insert(0, folder)
if os.path.exists(folder + "/clock.py"):
    import clock
"""


def counts(few: int, many: int) -> list:
    """How often something is done: a few times with the other faults, and every night as often as it takes."""
    return [pytest.param(few, marks=pytest.mark.faults), pytest.param(many, marks=pytest.mark.nightly)]


def workers(monkeypatch, folder: Path, code: str = STEPS, clock: str = "") -> dict[str, str]:
    """See above; `clock` is a module that each of them loads first. Returns what the environment needs for it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(IN_PLACE)
    (folder / "stand_in_train.py").write_text(code)
    if clock:
        (folder / "clock.py").write_text(clock)
    needed = {"STAND_IN": str(folder), "PYTHONPATH": str(folder)}
    for name, value in needed.items():
        monkeypatch.setenv(name, value)
    return needed


def begun(home: Home, model: Path, **changes) -> Run:
    """A run with a worker of its own, which has begun its steps."""
    run = created(home, model, **{"max_steps": 100_000, "epochs": None, "warmup": 0.0, "validation": "none", **changes})
    jobs.start(home, run)
    until(lambda: run.points() or ended(run), "it is at its steps")
    assert run.status() == "running", run.log_tail()
    return run


def of_session(session: int) -> list[int]:
    """All processes of a session, zombies among them."""
    found = []
    for path in Path("/proc").iterdir():
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split() if path.name.isdigit() else []
        except OSError:
            continue
        if fields and int(fields[3]) == session:
            found.append(int(path.name))
    return found


def zombies_of(pid: int) -> list[int]:
    """The children of a process that have ended and that it has not taken in, whichever of its threads started them."""
    found = []
    for path in Path("/proc").iterdir():
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split() if path.name.isdigit() else []
        except OSError:
            continue
        if fields and fields[0] == "Z" and int(fields[1]) == pid:
            found.append(int(path.name))
    return found
