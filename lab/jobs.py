"""Jobs: the queue, start, stop and resume, and the life of a worker, which is `python -m lab.jobs HOME KIND ID`."""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from lab import calibration, comparison, disk, ending, merging, plan, publish, runs, scoring, shortage
from lab.calibration import Calibration
from lab.comparison import Comparison, EvaluationJob
from lab.config import Config
from lab.errors import InputError, WorkError
from lab.home import ROOT, Home, guard
from lab.job import ALIVE, RESUMABLE, Job, Stopped, hold, lock_holder
from lab.merging import Merging
from lab.plan import Plan
from lab.publish import Push
from lab.runs import Run
from lab.scoring import Scoring

KINDS: dict[str, type[Job]] = {cls.kind: cls for cls in (Run, EvaluationJob, Scoring, Calibration, Merging, Push)}
POLL = 0.3  # seconds between two looks at the queue
LONGEST_WAIT = 15  # times as long between two looks, for those far back in it
START_WITHIN = 60  # seconds
GRACE = 300  # seconds that a worker may take from being asked to stop to its end: a step, and saving
STEP_ASIDE_WITHIN = 120  # seconds that the generation worker may take to give its memory back
KEPT_JOBS = 20  # evaluation jobs whose folders stay; their results stay for good
KEPT_CALIBRATIONS = 100
# Without its cache of freed blocks for each thread, glibc fills more of the holes that a training step leaves: the peak on a
# CPU is lower by up to a tenth, the speed the same.
WORKER = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}


# -- what is asked for ---------------------------------------------------------------------------------------------------


def train(home: Home, config: Config) -> Run:
    """Checks a config and starts a run with it. Raises InputError, with nothing left behind, when it cannot be trained."""
    return train_planned(home, plan.make(home, config))


def train_planned(home: Home, planned: Plan) -> Run:
    """Starts a run with a plan, whose checks have passed. Raises InputError when its checkpoints do not fit on the disk."""
    disk.need_room(home.path, planned.disk_bytes)
    run = runs.create(home, planned.config, planned.task, planned.train, planned.validation)
    for note in planned.notes:
        run.log(f"note: {note}")
    start(home, run)
    return run


def resume(home: Home, run_id: str) -> Run:
    """Starts a run again from its newest whole checkpoint. Raises InputError when it is at work or finished."""
    run = Run(home, run_id)
    status = run.status()
    if status not in RESUMABLE:
        raise InputError(f"{run_id} is {status}; what can be resumed are runs that are {', '.join(RESUMABLE)}.")
    disk.need_room(home.path, run.state().get("needs_bytes"))
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
    worker = ending.worker_of(job.lock_file)
    job.request_stop()
    if worker is not None and not job.state().get("queued"):  # those in the queue do nothing but look for it
        words = [str(job.lock_file), str(worker.pid), str(worker.begun), str(GRACE)]
        with suppress(FileNotFoundError):  # it has ended and was deleted
            spawn(["lab.ending", *words], job.log_file)


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


# -- the queue -----------------------------------------------------------------------------------------------------------


def everything(home: Home) -> list[Job]:
    """All jobs, runs first."""
    found = []
    listings = ((Run, runs), (EvaluationJob, comparison), (Scoring, scoring), (Calibration, calibration))
    listings = (*listings, (Merging, merging), (Push, publish))
    for kind, ids in ((kind, module.listing(home)) for kind, module in listings):
        for job_id in ids:
            with suppress(InputError):  # deleted in the meantime
                found.append(kind(home, job_id))
    return found


def living(home: Home) -> list[Job]:
    """The jobs that have a worker, in the order of the queue; the first of them is at work."""
    found = [(job.state().get("ticket") or 0, job.id, job) for job in everything(home) if job.holder() is not None]
    return [job for _, _, job in sorted(found, key=lambda entry: entry[:2])]


def start(home: Home, job: Job) -> None:
    """Starts a worker for a job, at the end of the queue, and returns when the worker holds the job.

    Raises InputError when it has one already, WorkError when none comes up. This is the one place that knows that a
    worker is a process on this machine; it lives in a session of its own, so that neither terminal nor page takes it along.
    """
    with guard(home.queue):
        if job.holder() is not None:
            raise InputError(f"{job.id} is {job.status()} already.")
        last = max((other.state().get("ticket") or 0 for other in living(home)), default=0)
        job.renew()
        job.beat(ticket=last + 1, queued=True)
        worker = spawn(["lab.jobs", str(home.path), job.kind, job.id], job.log_file)
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


@contextmanager
def _turn(home: Home, job: Job) -> Iterator[None]:
    """Waits until all that was asked for before is done and the generation worker has stepped aside; then it is its turn.

    The order follows from the tickets; that no two are at work at once, from a lock.
    """
    with ExitStack() as turn:
        while (before := _before(home, job, turn)) is not None:
            for _ in range(1 + min(before, LONGEST_WAIT)):  # a hundred that wait must not keep the machine busy
                _heed_stop(job)
                time.sleep(POLL)
        _heed_stop(job)
        for other in everything(home):  # whoever was at work before has ended
            if other.folder != job.folder:
                other.settle()
        job.beat(queued=False)
        deadline = time.monotonic() + STEP_ASIDE_WITHIN
        while lock_holder(home.generator / "lock") is not None:
            _heed_stop(job)
            if time.monotonic() > deadline:
                job.log("The generation worker still holds its model in memory.")
                break
            time.sleep(POLL)
        yield


def _before(home: Home, job: Job, turn: ExitStack) -> int | None:
    """How many jobs come before this one beside the one at work; None when it is its turn, which it then holds."""
    queue = [other.folder for other in living(home)]
    place = queue.index(job.folder) if job.folder in queue else len(queue)
    if place:
        return place - 1
    home.queue.mkdir(parents=True, exist_ok=True)
    with suppress(InputError):
        turn.enter_context(hold(home.queue / "at-work", "Another job is at work."))
        return None
    return 0


def _heed_stop(job: Job) -> None:
    if job.stop_requested():
        raise Stopped


# -- the worker ----------------------------------------------------------------------------------------------------------


def work(home: Home, job: Job, compute: Callable | None = None) -> None:
    """Does a job in this process: waits for its turn, computes, and keeps the outcome, whatever happens.

    `compute(home, job, progress)` returns `finished` or `stopped`; by default it is what belongs to the job's kind.
    """
    with job.hold():
        try:
            job.keep_spare()
            job.begin()
            with _turn(home, job):
                status, error = (compute or COMPUTE[job.kind])(home, job, _progress(job)), None
        except Stopped:
            status, error = "stopped", None
        except Exception as raised:  # whatever happens, the job keeps its outcome
            error = _explain(job, raised)
            job.free_spare()
            with suppress(OSError):  # the disk may be full
                job.log("".join(traceback.format_exception(raised)))
            status = "failed"
        job.free_spare()
        with suppress(OSError):
            job.log(f"{status} at step {job.state()['step']}" if job.state().get("step") else status)
            job.beat(doing=None)
        job.end(status, error)


def _progress(job: Job) -> Callable[[str, int], Callable[[int], None]]:
    """Where compute tells how far it is; the job's heartbeat, and the place where a stop is heeded between steps."""

    def begin(what: str, total: int) -> Callable[[int], None]:
        done = 0

        def tell(count: int) -> None:
            nonlocal done
            done += count
            job.pulse({"what": what, "done": done, "total": total})
            _heed_stop(job)

        tell(0)
        return tell

    return begin


def _explain(job: Job, error: Exception) -> dict:
    message = str(error).splitlines()[0] if str(error) else ""
    if isinstance(error, InputError):
        return {"reason": "input", "message": str(error), "advice": ""}
    if isinstance(error, WorkError):
        return {"reason": error.reason, "message": str(error), "advice": error.advice}
    if lacked := shortage.explain(error, job.folder, job.config, job.state().get("needs_bytes")):
        return lacked
    return {"reason": "error", "message": f"{type(error).__name__}: {message}", "advice": "The log has the details."}


def _train(home: Home, run: Run, progress) -> str:
    from lab.train import train as train_now

    return train_now(home, run, progress)


def _evaluate(home: Home, job: EvaluationJob, progress) -> str:
    from lab.evaluate import evaluate as evaluate_now

    evaluate_now(home, comparison.look_up(home, job.wanted), progress)
    return "finished"


def _score(home: Home, job: Scoring, progress) -> str:
    from lab.evaluate import evaluate_each

    asked, refused = [], None
    for one in job.wanted:
        try:
            asked.append(comparison.look_up(home, one))
        except InputError as error:
            refused = error
            job.log(f"left out: {error}")
    if refused and not asked:
        raise refused
    evaluate_each(home, asked, progress)
    return "finished"


def _calibrate(home: Home, job: Calibration, progress) -> str:
    from lab.calibrate import calibrate as measure

    return measure(home, job, progress)


def _merge(home: Home, job: Merging, progress) -> str:
    from lab.merge import merge

    merge(home, job, progress)
    return "finished"


def _push(home: Home, job: Push, progress) -> str:
    try:
        if job.wanted.dtype:
            _merge(home, job, progress)
        publish.push(home, job, progress)
    finally:
        job.forget_model()
    return "finished"


COMPUTE = {Run.kind: _train, EvaluationJob.kind: _evaluate, Scoring.kind: _score, Calibration.kind: _calibrate}
COMPUTE |= {Merging.kind: _merge, Push.kind: _push}


def main(home: str, kind: str, job_id: str) -> None:
    """The worker's process: one job, and then it ends."""
    where = Home.at(home)
    job = KINDS[kind](where, job_id)
    signal.signal(
        signal.SIGTERM, lambda *_: job.mark_stop()
    )  # a machine that shuts down says so; there is time to save
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    shortage.first_to_go()
    work(where, job)


if __name__ == "__main__":
    main(*sys.argv[1:])
