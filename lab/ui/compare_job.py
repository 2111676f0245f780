"""The evaluation job that the Compare tab watches, in words."""

from contextlib import suppress

import gradio as gr

from lab import jobs, queue
from lab.comparison import EvaluationJob
from lab.errors import InputError, WorkError
from lab.home import Home
from lab.job import ALIVE, Job
from lab.ui import look


def living(home: Home) -> list[EvaluationJob]:
    return [job for job in queue.living(home) if job.kind == EvaluationJob.kind]


def underway(home: Home) -> EvaluationJob | None:
    """The evaluation job that is at work or next in the queue."""
    return next(iter(living(home)), None)


def found_job(home: Home, job_id: str | None) -> EvaluationJob | None:
    with suppress(InputError):  # its folder may be gone by now
        return EvaluationJob(home, job_id) if job_id else None
    return None


def progress(home: Home, job: EvaluationJob | None) -> tuple:
    """A line about a job, and whether Evaluate and Stop evaluation can be pressed."""
    status = job.status() if job else "none"
    alive = status in ALIVE
    buttons = gr.update(interactive=not alive), gr.update(visible=alive, interactive=status != "stopping")
    return look.line(in_words(home, job, status) if job else ""), *buttons


def in_words(home: Home, job: EvaluationJob, status: str) -> str:
    if status == "queued":
        waiting = [other.id for other in queue.living(home)]
        before = waiting[: waiting.index(job.id)] if job.id in waiting else []
        return f"{job.id} waits for its turn behind {_listed(before)}." if before else f"{job.id} is about to start."
    if status == "stopping":
        return f"{job.id} is stopping; the subjects that it has finished are kept."
    if status in ALIVE:
        return f"{job.id}: {_doing(job)}"
    with suppress(InputError, WorkError):
        return f"{job.id} is {jobs.outcome(job)}."
    error = job.error()
    return f"{job.id} failed: {error['message']} {error['advice']}".strip()


def _doing(job: Job) -> str:
    doing = job.state().get("doing")
    if not doing:
        return "starting."
    if doing["what"].startswith("loading"):
        return f"{doing['what']}."
    return f"{doing['what']}, {doing['done']:,} of {doing['total']:,} rows ({doing['done'] / doing['total']:.0%})."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} others"
