"""How the chosen run leaves the lab: zips to download, a push to the Hub, and how vLLM serves it."""

from types import SimpleNamespace

import gradio as gr

from lab import bases, export, jobs, leaving
from lab.errors import InputError, WorkError
from lab.home import Home
from lab.job import ALIVE
from lab.merging import Merging
from lab.publish import Push
from lab.runs import Run
from lab.ui import access, look, shown_run, zips

EVERY = 1.0  # seconds between two looks at a job
QUIET = {"api_visibility": "private", "show_progress": "hidden"}
HIDDEN, NONE = gr.update(visible="hidden"), gr.update(visible="hidden", value=None)
IDLE = "", gr.update(active=False)


def build(home: Home, shown: gr.JSON) -> gr.Textbox:
    """The part for the run that `shown` names. Returns the field that says how it is served, which a look fills."""
    parts = _layout()
    timer, job_id = gr.Timer(EVERY, active=False), gr.State("")
    watched = [job_id, timer, parts.said, parts.stop, parts.file]

    @access.handler
    def pack_left(request: gr.Request, shown):
        access.may_change(request)
        return *IDLE, *ready(zips.packed(export.parcel(home, shown_run.run_of(shown))))

    @access.handler
    def pack_merged(request: gr.Request, shown):
        access.may_change(request)
        return after(leaving.merge(home, shown_run.run_of(shown), packed=True, kept=True))

    @access.handler
    def push_now(request: gr.Request, shown, repo, revision, merge, private):
        access.may_change(request)
        to = (str(repo or "").strip(), bool(merge), bool(private), str(revision or "").strip() or None)
        return after(leaving.push(home, shown_run.run_of(shown), *to))

    @access.handler
    def watch(job_id):
        return after(found_job(home, job_id))

    @access.handler
    def stop_job(request: gr.Request, job_id):
        access.may_change(request)
        if job := found_job(home, job_id):
            job.request_stop()
        return after(job)

    parts.left.click(pack_left, shown, watched, **QUIET)
    parts.merged.click(pack_merged, shown, watched, **QUIET)
    parts.push.click(push_now, [shown, parts.repo, parts.revision, parts.merge, parts.private], watched, **QUIET)
    parts.stop.click(stop_job, job_id, watched, **QUIET)
    timer.tick(watch, job_id, watched, **QUIET)
    return parts.serve


def found_job(home: Home, job_id) -> Merging | None:
    """The job that a browser watches; None where there is none any more."""
    kinds = {kind.kind: kind for kind in (Merging, Push)}
    kind = kinds.get(str(job_id).rpartition("-")[0])
    try:
        return kind(home, str(job_id)) if kind else None
    except InputError:
        return None


def after(job: Merging | None) -> tuple:
    """What stands there of a job: its id while it goes on, whether it is watched, how far it is, whether it can be stopped,
    and the zip it has made."""
    if job is None:
        return *IDLE, look.line("It is not there any more."), HIDDEN, NONE
    status = job.status()
    if status in ALIVE:
        can_stop = gr.update(visible=True, interactive=status != "stopping")
        return job.id, gr.update(active=True), look.line(doing(job, status)), can_stop, NONE
    try:
        jobs.outcome(job)
    except (InputError, WorkError) as error:
        return *IDLE, look.line(str(error)), HIDDEN, NONE
    if status != "finished":
        return *IDLE, look.line(f"{job.id} is {status}."), HIDDEN, NONE
    if isinstance(job, Push):
        return *IDLE, look.line(f"{job.wanted.subject} is on the Hub: {job.pushed()['url']}"), HIDDEN, NONE
    return *IDLE, *ready(zips.fetched(job.made))


def ready(path: str) -> tuple:
    return look.line(""), HIDDEN, gr.update(visible=True, value=path)


def doing(job: Merging, status: str) -> str:
    """How far a job is that goes on."""
    known = job.state().get("doing")
    if status == "queued" or not known:
        return f"{job.id} waits for its turn." if status == "queued" else f"{job.id} is {status}."
    share = f", {known['done'] / known['total']:.0%}" if known["total"] else ""
    return f"{job.id}: {known['what']}{share}."


def serving(home: Home, run: Run) -> str:
    """How vLLM serves what a run has left, with places instead of this machine's folders; empty where it has left nothing."""
    try:
        what = export.as_left(home, run.id)
    except InputError:
        return ""
    base = bases.find(run.config.base_model)
    outside = base.name if base.on_hub else f"path/to/{base.public_name}"
    return what.serving(outside, f"path/to/{what.name}").text


def _layout() -> SimpleNamespace:
    with gr.Accordion("Export", open=False):
        with gr.Row():
            left = gr.Button("Zip as it is", min_width=120)
            merged = gr.Button("Zip merged into its base", min_width=160)
        said = gr.Markdown(visible=False, elem_classes=["said"])
        stop = gr.Button("Stop it", size="sm", visible="hidden")
        file = gr.File(label="Ready to download", visible="hidden", interactive=False)
        with gr.Row():
            about = {"max_lines": 1, "max_length": 100}
            repo = gr.Textbox(label="Place on the Hub", placeholder="owner/name", min_width=160, **about)
            revision = gr.Textbox(label="Branch", placeholder="main", min_width=100, **about)
        with gr.Row():
            merge = gr.Checkbox(False, label="Merged", min_width=100)
            private = gr.Checkbox(False, label="Private", min_width=100)
            push = gr.Button("Push to the Hub", min_width=140)
        serve = gr.Textbox(label="How vLLM serves it", interactive=False, lines=6, max_lines=20)
    return SimpleNamespace(**locals())
