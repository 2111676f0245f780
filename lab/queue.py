"""The queue of a home folder: which jobs there are, which of them have a worker, and whose turn it is."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from lab import calibration, comparison, merging, publish, runs, scoring, signs
from lab.calibration import Calibration
from lab.comparison import EvaluationJob
from lab.errors import InputError
from lab.home import Home
from lab.job import Job, Stopped, hold, lock_holder
from lab.merging import Merging
from lab.publish import Push
from lab.runs import Run
from lab.scoring import Scoring

KINDS: dict[str, type[Job]] = {cls.kind: cls for cls in (Run, EvaluationJob, Scoring, Calibration, Merging, Push)}
POLL = 0.3  # seconds between two looks at the queue
LONGEST_WAIT = 15  # times as long between two looks, for those far back in it
BEAT_EVERY = 30  # seconds between two heartbeats of one that waits
STEP_ASIDE_WITHIN = 120  # seconds that the generation worker may take to give its memory back


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


def promised_room(home: Home) -> int:
    """Bytes that the trainings in the queue, the one at work too, may still write, as far as that is known."""
    return sum(job.room_to_come() for job in living(home))


@contextmanager
def turn(home: Home, job: Job) -> Iterator[None]:
    """Waits until all that was asked for before is done and the generation worker has stepped aside; then it is its turn.

    The order follows from the tickets; that no two are at work at once, from a lock.
    """
    beaten = time.monotonic()
    with ExitStack() as ours:
        while (before := _before(home, job, ours)) is not None:
            for _ in range(1 + min(before, LONGEST_WAIT)):  # a hundred that wait must not keep the machine busy
                heed_stop(job)
                time.sleep(POLL)
            if time.monotonic() - beaten > BEAT_EVERY:
                beaten = time.monotonic()
                with suppress(OSError):  # on a full disk it waits on
                    job.beat()
        heed_stop(job)
        for other in everything(home):  # whoever was at work before has ended
            if other.folder != job.folder:
                other.settle()
        job.beat(queued=False)
        _have_step_aside(home, job)
        yield


def _have_step_aside(home: Home, job: Job) -> None:
    """Waits until the generation worker has given its memory back, and kills it when it has not by then: it may hang."""
    lock, deadline = home.generator / "lock", time.monotonic() + STEP_ASIDE_WITHIN
    while lock_holder(lock) is not None:
        heed_stop(job)
        if time.monotonic() > deadline:
            job.log(f"The generation worker has not stepped aside within {STEP_ASIDE_WITHIN:g} s: it is ended.")
            signs.kill(lock)
            break
        time.sleep(POLL)
    if lock_holder(lock) is not None:
        job.log("The generation worker still holds its model in memory.")


def _before(home: Home, job: Job, ours: ExitStack) -> int | None:
    """How many jobs come before this one beside the one at work; None when it is its turn, which it then holds."""
    waiting = [other.folder for other in living(home)]
    place = waiting.index(job.folder) if job.folder in waiting else len(waiting)
    if place:
        return place - 1
    home.queue.mkdir(parents=True, exist_ok=True)
    with suppress(InputError):
        ours.enter_context(hold(home.queue / "at-work", "Another job is at work."))
        return None
    return 0


def heed_stop(job: Job) -> None:
    if job.stop_requested():
        raise Stopped
