"""The life of a worker, which is the process `python -m lab.worker HOME KIND ID`: one job, from its turn to its outcome."""

import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from lab import comparison, publish, queue, shortage
from lab.calibration import Calibration
from lab.comparison import EvaluationJob
from lab.errors import InputError, WorkError
from lab.home import Home
from lab.hub_token import traced
from lab.job import Job, Stopped
from lab.merging import Merging
from lab.publish import Push
from lab.runs import Run
from lab.scoring import Scoring


def work(home: Home, job: Job, compute: Callable | None = None) -> None:
    """Does a job in this process: waits for its turn, computes, and keeps the outcome, whatever happens.

    `compute(home, job, progress)` returns `finished` or `stopped`; by default it is what belongs to the job's kind.
    """
    with job.hold():
        try:
            job.keep_spare()
            job.begin()
            with queue.turn(home, job):
                status, error = (compute or COMPUTE[job.kind])(home, job, _progress(job)), None
        except Stopped:
            status, error = "stopped", None
        except Exception as raised:  # whatever happens, the job keeps its outcome
            error = _explain(job, raised)
            job.free_spare()
            with suppress(OSError):  # the disk may be full
                job.log(_in_full(raised))
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
            queue.heed_stop(job)

        tell(0)
        return tell

    return begin


def _in_full(error: Exception) -> str:
    """What the log says of an error: all that helps to find where it lies, which is not in the lab if the input was wrong."""
    return str(error) if isinstance(error, InputError) else traced(error)


def _explain(job: Job, error: Exception) -> dict:
    message = str(error).splitlines()[0] if str(error) else ""
    if isinstance(error, InputError):
        return {"reason": "input", "message": str(error), "advice": ""}
    if lacked := shortage.explain(error, job.folder, job.config, job.state().get("needs_bytes"), job.ADVICE_ON_MEMORY):
        return lacked
    if isinstance(error, WorkError):
        return {"reason": error.reason, "message": str(error), "advice": error.advice}
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
    job = queue.KINDS[kind](where, job_id)
    signal.signal(
        signal.SIGTERM, lambda *_: job.mark_stop()
    )  # a machine that shuts down says so; there is time to save
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    shortage.first_to_go()
    work(where, job)


if __name__ == "__main__":
    main(*sys.argv[1:])
