"""Merging and publishing, started: what is there already is not made again, and what nobody fetched goes."""

from contextlib import suppress

from lab import jobs, merging, publish
from lab.errors import InputError
from lab.home import Home
from lab.merging import Merging
from lab.publish import Push

KEPT_MERGED = 2  # merged models, each as large as its base, that wait for whoever asks again
KEPT_PUSHES = 20  # their folders hold a log


def merge(home: Home, name: str, packed: bool, kept: bool) -> Merging:
    """Starts a job that merges a run's adapter, or a checkpoint's, into its base.

    `kept`: what is made stays for whoever asks for the same, and the job that makes or has made it is returned. Raises
    InputError when it cannot be merged, or there is no room.
    """
    wanted = merging.checked(home, name).model_copy(update={"packed": packed, "kept": kept})
    if kept and (job := merging.same(home, wanted)):
        return job
    _forget_old(home)
    job = merging.create(home, wanted)
    jobs.start(home, job)
    return job


def push(home: Home, name: str, repo: str, merge: bool, private: bool, revision: str | None) -> Push:
    """Starts a job that sends what a run has left, or its merged model, to the Hub. Raises InputError."""
    wanted = publish.checked(home, name, repo, merge, private, revision)
    _forget_old(home)
    job = merging.create(home, wanted, Push)
    jobs.start(home, job)
    return job


def forget(home: Home, job: Merging) -> None:
    """Removes a job with what it has made, unless a worker lives."""
    with suppress(InputError):
        jobs.delete(home, job)


def _forget_old(home: Home) -> None:
    """Removes merged models beyond those that are kept, and all that a killed worker has left half-way."""
    for kind, module, most in ((Merging, merging, KEPT_MERGED), (Push, publish, KEPT_PUSHES)):
        whole = 0
        for job_id in module.listing(home):
            with suppress(InputError):  # somebody else has deleted it
                job = kind(home, job_id)
                whole += 1
                if whole >= most or job.status() == "interrupted":
                    forget(home, job)
