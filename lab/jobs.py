"""Jobs: what is asked for, and how its worker is started, stopped and resumed."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from lab import calibration, comparison, disk, ending, plan, queue, runs, scoring
from lab.calibration import Calibration
from lab.comparison import Comparison, EvaluationJob
from lab.config import Config
from lab.errors import InputError, WorkError
from lab.home import ROOT, Home, guard
from lab.job import ALIVE, RESUMABLE, Job
from lab.plan import Plan
from lab.runs import Run
from lab.scoring import Scoring

START_WITHIN = 60  # seconds
GRACE = 300  # seconds that a worker may take from being asked to stop to its next sign of life or its end: a step, and saving
GRACE_IN_QUEUE = 10  # seconds, for those that do nothing but look for it
LONGEST_GRACE = 3600  # seconds in all, for one that goes on giving signs of life
KEPT_JOBS = 20  # evaluation jobs whose folders stay; their results stay for good
KEPT_CALIBRATIONS = 100
# Without its cache of freed blocks for each thread, glibc fills more of the holes that a training step leaves: the peak on a
# CPU is lower by up to a tenth, the speed the same.
WORKER = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}


def train(home: Home, config: Config) -> Run:
    """Checks a config and starts a run with it. Raises InputError, with nothing left behind, when it cannot be trained."""
    return train_planned(home, plan.make(home, config))


def train_planned(home: Home, planned: Plan) -> Run:
    """Starts a run with a plan, whose checks have passed. Raises InputError when its checkpoints do not fit on the disk."""
    need_room(home, [planned])
    run = runs.create(home, planned.config, planned.task, planned.train, planned.validation)
    for note in planned.notes:
        run.log(f"note: {note}")
    for what in planned.unknown_room:
        run.log(f"not checked: {what}")
    run.beat(disk_bytes=planned.disk_bytes)
    start(home, run)
    return run


def need_room(home: Home, planned: list[Plan]) -> None:
    """Raises InputError when the checkpoints of these runs do not fit on the disk, beside those of the runs in the queue."""
    disk.need_room(home.path, sum(one.disk_bytes or 0 for one in planned), queue.promised_room(home))


def resume(home: Home, run_id: str) -> Run:
    """Starts a run again from its newest whole checkpoint. Raises InputError when it is at work or finished."""
    run = Run(home, run_id)
    status = run.status()
    if status not in RESUMABLE:
        raise InputError(f"{run_id} is {status}; what can be resumed are runs that are {', '.join(RESUMABLE)}.")
    disk.need_room(home.path, run.state().get("needs_bytes"), queue.promised_room(home))
    start(home, run)
    return run


def evaluate(home: Home, wanted: Comparison) -> EvaluationJob | None:
    """Starts a job for the evaluations that a comparison lacks; None when it lacks nothing. Raises InputError."""
    if comparison.look_up(home, wanted).is_complete(home):
        return None
    _forget_old(home)
    job = comparison.create(home, wanted)
    start(home, job)
    return job


def score(home: Home, wanted: list[Comparison]) -> Scoring:
    """Starts one job for what several comparisons lack. Raises InputError."""
    for one in wanted:
        comparison.look_up(home, one)
    return score_later(home, wanted)


def score_later(home: Home, wanted: list[Comparison]) -> Scoring:
    """The same for subjects that are still being trained: those that are not there when its turn comes are left out."""
    _forget_old(home)
    job = scoring.create(home, wanted)
    start(home, job)
    return job


def _forget_old(home: Home) -> None:
    """Deletes the folders of old evaluation jobs; what they made stays."""
    for kind, module in ((EvaluationJob, comparison), (Scoring, scoring)):
        for job_id in module.listing(home)[KEPT_JOBS:]:
            with suppress(InputError):  # it is at work, or somebody else has deleted it
                delete(home, kind(home, job_id))


def calibrate(home: Home, config: Config) -> Calibration:
    """The calibration that fits a config; its worker is started where it was not measured. Raises InputError."""
    job = calibration.create(home, plan.sampled(home, config))
    if job.measured() is None and job.status() not in ALIVE:
        for old in calibration.listing(home)[KEPT_CALIBRATIONS:]:
            with suppress(InputError):
                delete(home, Calibration(home, old))
        start(home, job)
    return job


def stop(job: Job) -> None:
    """Asks a worker to save and stop; see `ending` for one that does not. Raises InputError when there is none."""
    if not stop_all([job]):
        job.request_stop()  # which says how it stands


def stop_all(wanted: list[Job]) -> list[Job]:
    """The same for several, in this order; returns those that had a worker."""
    asked, words = [], []
    for job in wanted:
        with suppress(InputError):  # it has just ended
            worker, grace = ending.worker_of(job.lock_file), _grace(job)
            job.request_stop()
            asked.append(job)
            if worker is not None:
                words += map(str, [job.lock_file, worker.pid, worker.begun, *grace])
    if words:
        with suppress(FileNotFoundError):  # it has ended and was deleted
            spawn(["lab.ending", *words], asked[0].log_file)
    return asked


def _grace(job: Job) -> ending.Grace:
    """The time that a worker has to stop: more than usual where a step takes long."""
    quiet = max(GRACE, 2 * job.pace())
    return ending.Grace(quiet, min(GRACE, GRACE_IN_QUEUE), max(LONGEST_GRACE, 2 * quiet))


def delete(home: Home, job: Job) -> None:
    """Removes a job's folder. Raises InputError while a worker lives or is about to, and when it is gone already."""
    with guard(home.queue):
        job.delete()


def outcome(job: Job) -> str:
    """How a job ended, its status. Raises InputError or WorkError, in the worker's words, when it failed or was killed."""
    error, status = job.error(), job.status()
    if error:
        kind = InputError if error["reason"] == "input" else WorkError
        raise kind(" ".join(filter(None, [f"{job.id} failed:", error["message"], error["advice"]])))
    if status == "interrupted":
        hint = f" Go on with: run resume {job.id}." if job.kind == Run.kind else ""
        raise WorkError(f"{job.id} was interrupted: its worker ended without a word.{hint}")
    return status


def start(home: Home, job: Job) -> None:
    """Starts a worker for a job, at the end of the queue, and returns when the worker holds the job.

    Raises InputError when it has one already, WorkError when none comes up. This is the one place that knows that a
    worker is a process on this machine; it lives in a session of its own, so that neither terminal nor page takes it along.
    """
    with guard(home.queue):
        if job.holder() is not None:
            raise InputError(f"{job.id} is {job.status()} already.")
        last = max((other.state().get("ticket") or 0 for other in queue.living(home)), default=0)
        job.beat(ticket=last + 1, queued=True)  # first: one without an outcome that is not queued is settled by others
        job.renew()
        worker = spawn(["lab.worker", str(home.path), job.kind, job.id], job.log_file)
        try:
            _wait_until_held(job, worker)
        except BaseException:
            worker.kill()  # or it would come up late, when nobody expects it any more
            worker.wait()
            job.beat(queued=False)
            raise


def _wait_until_held(job: Job, worker: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_WITHIN
    while job.holder() is None:
        if worker.poll() is not None or time.monotonic() > deadline:
            raise WorkError(f"No worker for {job.id} came up; its log says: {job.log_tail(3).strip() or 'nothing'}")
        time.sleep(0.02)


def spawn(module: list[str], log: Path) -> subprocess.Popen:
    """Starts `python -m module …` in a session of its own, its output at the end of a log."""
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**WORKER, **os.environ, "PYTHONPATH": search},
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # so that no zombie is left
    return process
