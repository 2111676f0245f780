"""The right half of the Train tab: all runs, and the chosen one live."""

import gradio as gr

from lab import bases, jobs, progress, runs
from lab.errors import InputError
from lab.home import Home
from lab.job import ALIVE, RESUMABLE
from lab.runs import Run
from lab.ui import access, charts, form, look

EVERY = 1.5  # seconds between two looks at the disk
LOG_LINES = 200
COLUMNS = ["Run", "Status", "Progress", "Time left", "Loss", "Accuracy"]
NOTHING = "Nothing has been trained yet: press **Start training**, and the run shows up here, step by step."
SAID = {  # what a status means, where the word alone does not say it
    "queued": "It waits for its turn.",
    "stalled": "It has given no sign of life for five minutes.",
    "stopping": "It saves and stops after the step that it is at.",
    "stopped": "It was saved; Resume goes on from there.",
    "interrupted": "Its process has ended without a word; Resume goes on from its newest checkpoint.",
}


def build(page: gr.Blocks, home: Home, tab: gr.Tab, chosen: gr.State) -> list:
    """`chosen` is the id of the run that is shown. Returns handler, inputs and outputs of a look at the disk."""
    gr.Markdown("## Runs", elem_classes=["section"])
    nothing = gr.Markdown(NOTHING, visible=False)
    table = gr.Dataframe(
        headers=COLUMNS,
        datatype="str",
        type="array",
        interactive=False,
        label="Newest first; click one to see it below",
        visible=False,
        max_height=240,
        buttons=[],
    )
    with gr.Column(visible=False) as detail:
        head = gr.Markdown(elem_classes=["said"])
        made = gr.Markdown(elem_classes=["quiet", "said"])
        bar = gr.Slider(0, 1, 0, label="Progress", interactive=False, buttons=[])
        error = gr.Textbox(label="What went wrong", interactive=False, visible=False, lines=2, max_lines=12)
        with gr.Row():
            stop = gr.Button("Stop", min_width=90)
            resume = gr.Button("Resume", min_width=90)
            delete = gr.Button("Delete", variant="stop", min_width=90)
        with gr.Row(visible=False) as confirm:
            sure = gr.Button("Delete it for good", variant="stop", min_width=160)
            keep = gr.Button("Keep it", min_width=90)
        losses = gr.Plot(label="Loss", show_label=False)
        scores = gr.Plot(label="Scores", show_label=False, visible=False)
        with gr.Accordion("Log", open=False):
            log = gr.Textbox(label=f"The last {LOG_LINES} lines of the log", interactive=False, lines=12, max_lines=20)
    doomed = gr.State("")
    seen = gr.State({})  # by output: a key of what it shows, so that only what changed is sent
    timer = gr.Timer(EVERY)

    # -- looking ------------------------------------------------------------------------------------------------------

    outputs = {
        "table": table,
        "nothing": nothing,
        "detail": detail,
        "head": head,
        "made": made,
        "bar": bar,
        "error": error,
        "stop": stop,
        "resume": resume,
        "delete": delete,
        "losses": losses,
        "scores": scores,
        "log": log,
    }

    @access.handler
    def look_again(chosen, before):
        found = progress.overview(home)
        run = shown_run(found, chosen)
        try:
            drawn, now = redrawn(views(home, run, found), before)
        except progress.UNREADABLE as error:  # it was deleted a moment ago, or what stands in a file is wrong
            run = progress.broken(run["id"], error)
            drawn, now = redrawn(views(home, run, found), before)
        updates = {outputs[name]: update for name, update in drawn.items()}
        now["run"] = run["id"] if run else ""
        return {**updates, seen: now} if now != before else gr.skip()

    looking = [look_again, [chosen, seen], [*outputs.values(), seen]]
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    page.load(None, js=charts.KEEP_ZOOM, **quiet)
    gr.on([page.load, timer.tick], *looking, queue=False, **quiet)
    # What a browser missed, asleep or offline, is there after a click on the tab.
    tab.select(lambda chosen: look_again(chosen, {}), chosen, looking[2], queue=False, **quiet)

    # -- the chosen run -----------------------------------------------------------------------------------------------

    @access.handler
    def choose(event: gr.SelectData):
        run_id = (event.row_value or [""])[0]
        if run_id not in runs.listing(home):
            raise InputError("There is no such run.")
        return run_id, gr.update(visible=False)

    @access.handler
    def stop_run(request: gr.Request, seen):
        access.may_change(request)
        Run(home, seen.get("run", "")).request_stop()

    @access.handler
    def resume_run(request: gr.Request, seen):
        access.may_change(request)
        return jobs.resume(home, seen.get("run", "")).id

    @access.handler
    def ask(seen):
        run_id = seen.get("run", "")
        return run_id, gr.update(visible=True), gr.update(value=f"Delete {run_id} for good")

    @access.handler
    def delete_run(request: gr.Request, doomed):
        access.may_change(request)
        jobs.delete(home, Run(home, doomed))
        return "", "", gr.update(visible=False)

    picked = table.select(choose, None, [chosen, confirm], **quiet)
    stopped = stop.click(stop_run, seen, None, **quiet)
    resumed = resume.click(resume_run, seen, chosen, **quiet)
    delete.click(ask, seen, [doomed, confirm, sure], **quiet)
    keep.click(lambda: ("", gr.update(visible=False)), None, [doomed, confirm], **quiet)
    deleted = sure.click(delete_run, doomed, [chosen, doomed, confirm], **quiet)
    for done in (picked, stopped, resumed, deleted):
        done.then(*looking, **quiet)
    return looking


# -- what is shown ---------------------------------------------------------------------------------------------------------


def shown_run(found: list[dict], chosen: str) -> dict | None:
    """The chosen run; where none is chosen, or it is gone, the one at work, else the newest."""
    by_id = {run["id"]: run for run in found}
    at_work = [run for run in found if run["status"] in ALIVE and run["status"] != "queued"]
    return by_id.get(chosen) or next(iter([*at_work, *found]), None)


def table_rows(found: list[dict]) -> list[list[str]]:
    return [
        [
            run["id"],
            run["status"],
            steps_in_words(run),
            progress.in_words(run["left"]) if run.get("left") else "",
            number(run.get("loss")),
            number(run.get("accuracy")),
        ]
        for run in found
    ]


def views(home: Home, run: dict | None, found: list[dict]) -> dict[str, tuple]:
    """For each output: a key that changes when it must be drawn again, and what draws it."""
    all_runs = {
        "table": (table_rows(found), lambda rows: gr.update(value=rows, visible=bool(rows))),
        "nothing": (not found, lambda none: gr.update(visible=none)),
        "detail": (bool(run), lambda some: gr.update(visible=some)),
    }
    if run is None:
        return all_runs
    status, run_id = run["status"], run["id"]
    all_runs |= {
        "head": (head_of(run, place_in_queue(home, run)), str),
        "bar": (bar_of(run), lambda values: gr.update(**values)),
        "error": (run["error"], error_box),
        "stop": (status in ALIVE and status != "stopping", lambda on: gr.update(interactive=on)),
        "resume": (status in RESUMABLE, lambda on: gr.update(interactive=on)),
        "delete": (status not in (*ALIVE, progress.BROKEN), lambda on: gr.update(interactive=on)),
    }
    if status == progress.BROKEN:
        no_plot = ("", lambda _: gr.update(value=None, visible=False))
        return {**all_runs, "made": ("", str), "losses": no_plot, "scores": no_plot, "log": ("", str)}
    here, points = Run(home, run_id), progress.points(home, run_id)
    mark = (run_id, points.update())
    return {
        **all_runs,
        "made": ((run_id, run["attempt"], run["batches"]), lambda _: made_of(here, run["batches"])),
        "losses": (mark, lambda _: plot_box(charts.loss_chart, run_id, points.lines(), progress.LOSSES)),
        "scores": (mark, lambda _: plot_box(charts.scores_chart, run_id, points.lines(), progress.SCORES)),
        "log": ((run_id, progress.log_size(here)), lambda _: here.log_tail(LOG_LINES)),
    }


def redrawn(wanted: dict[str, tuple], before: dict) -> tuple[dict, dict]:
    """The outputs whose key is another one than before, drawn; and all keys as they are now."""
    drawn = {name: draw(key) for name, (key, draw) in wanted.items() if name not in before or before[name] != key}
    return drawn, {**before, **{name: key for name, (key, _) in wanted.items()}}


def place_in_queue(home: Home, run: dict) -> int:
    """How many jobs come before a queued run, evaluations among them."""
    queue = [job.id for job in jobs.living(home)] if run["status"] == "queued" else []
    return queue.index(run["id"]) if run["id"] in queue else 0


def head_of(run: dict, before: int) -> str:
    """How the run stands, in words."""
    status = run["status"]
    spent, left, epoch = run.get("seconds"), run.get("left"), run.get("epoch")
    facts = [
        f"It waits for its turn; before it: {before}." if before else SAID.get(status, ""),
        f"Trained for {progress.in_words(spent)}{f', about {progress.in_words(left)} left' if left else ''}."
        if spent
        else "",
        f"Epoch {epoch:.3g}." if isinstance(epoch, float | int) and epoch else "",
        progress.rates_in_words(run.get("rates") or {}),
        f"Attempt {run['attempt']}." if (run.get("attempt") or 0) > 1 else "",
    ]
    return f"### {look.plain(run['id'])}: {status}\n\n{' '.join(filter(None, facts))}"


def made_of(run: Run, batches: str | None) -> str:
    """What a run was made from, and how its batches pass through the model."""
    config = run.config
    said = form.in_words(config, run.task.kind)
    what = f"{config.task} on {config.dataset}, {bases.public_name(config.base_model)}"
    made = f"{what}; beside the defaults: {said}." if said else f"{what}, all by default."
    return look.plain(f"{made} {batches[0].upper()}{batches[1:]}." if batches else made)


def steps_in_words(run: dict) -> str:
    step, total = run.get("step") or 0, run.get("total_steps") or 0
    return f"{step:,} of {total:,} ({step / total:.0%})" if total else ""


def number(value) -> str:
    """A value for the table; one that is no number stands there by its name."""
    return f"{value:.4g}" if isinstance(value, int | float) else str(value or "")


def bar_of(run: dict) -> dict:
    """How far it is with what it is at: training steps, or rows that are scored."""
    doing, step, total = run.get("doing"), run.get("step") or 0, run.get("total_steps") or 0
    if doing and doing["total"] > 1:
        done, total = doing["done"], doing["total"]
        return {"value": done, "maximum": total, "label": f"Scoring {doing['what']}: {done:,} of {total:,} rows"}
    if doing:
        return {"value": 0, "maximum": 1, "label": doing["what"].capitalize()}
    label = f"Training: step {steps_in_words(run)}" if total else "Training has not begun"
    return {"value": step, "maximum": max(1, total), "label": label}


def error_box(error: dict | None):
    text = " ".join(filter(None, [error["message"], error["advice"]])) if error else ""
    return gr.update(value=text, visible=bool(text))


def plot_box(chart, run_id: str, lines: dict[str, dict], keys: list[str]):
    """A chart, where there is anything to draw."""
    some = any(lines[key] for key in keys)
    return gr.update(value=chart(lines, run_id) if some else None, visible=some)
