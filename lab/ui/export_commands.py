"""The public events by which what a run has left leaves the lab: as a zip, or to the Hub."""

import time

import gradio as gr

from lab import export, jobs, leaving, publish
from lab.errors import WorkError
from lab.home import Home
from lab.ui import access, zips

LOOK_EVERY = 0.3  # seconds


def run_export(home: Home, request: gr.Request, run_id: str, merge: bool = False) -> str:
    """What a run has left as a zip, with task, settings and card; usable without the lab. `merge`: its adapter merged into the
    unquantized base, which a job does first."""
    access.may_change(request)  # it changes nothing, but weights are not for every visitor of a Space to take away
    if not merge:
        return zips.packed(export.parcel(home, run_id))
    job = leaving.merge(home, run_id, packed=True, kept=True)
    while job.holder() is not None:
        time.sleep(LOOK_EVERY)
    if (status := jobs.outcome(job)) != "finished":
        raise WorkError(f"The merging was {status}; nothing is left of it.")
    return zips.fetched(job.made)


def run_push(
    home: Home,
    request: gr.Request,
    run_id: str,
    repo: str,
    merge: bool = False,
    private: bool = False,
    revision: str | None = None,
) -> dict:
    """Sends what a run has left to the Hub, with its model card, by a job, and returns at once; run_pushes says what came of
    it. The token is the server's own HF_TOKEN."""
    access.may_change(request)
    return publish.told(leaving.push(home, run_id, repo, merge, private, revision))


def run_pushes(home: Home, request: gr.Request) -> list[dict]:
    """What was sent to the Hub, newest first: id, run_id, repo, revision, status, url, error."""
    access.may_change(request)  # private places have names, too
    return publish.told_of_all(home)


COMMANDS = [run_push, run_pushes]
