"""The right half of the Train tab: all runs, and the chosen one live."""

from types import SimpleNamespace

import gradio as gr

from lab import jobs, runs
from lab.errors import InputError
from lab.home import Home
from lab.runs import LONGEST_NOTES, LONGEST_TITLE, Run
from lab.ui import access, charts, run_charts, run_leaving, run_looks, run_table, shown_run
from lab.ui.run_looks import Asked

EVERY = 1.5  # seconds between two looks at the disk
LONGEST_SEARCH = 200  # letters
HIDDEN = gr.update(visible="hidden")
QUIET = {"api_visibility": "private", "show_progress": "hidden"}


def build(page: gr.Blocks, home: Home, tab: gr.Tab, chosen: gr.State) -> list:
    """`chosen` is the id of the run that is shown. Returns handler, inputs and outputs of a look at the disk."""
    seen = gr.State({})  # by output: a key of what it shows, so that only what changed is sent
    parts = _layout(home)
    show_all = gr.State(False)
    sent = gr.State(shown_run.Sent())
    view = [parts.beside, parts.by, parts.smoothing, parts.log_axis]
    asked = [parts.shown, chosen, seen, parts.words, show_all, *view, parts.title, parts.notes]
    outputs = {name: getattr(parts, name) for name in run_looks.OUTPUTS}
    drawn = [*outputs.values(), seen, parts.shown]

    def look(run_id: str, before: dict, asked: Asked) -> dict:
        drawn, now = run_looks.look(home, run_id, before, asked)
        return {**{outputs[name]: update for name, update in drawn.items()}, seen: now}

    def numbered(sent: shown_run.Sent, updates: dict) -> dict:
        now = {**updates[seen], "answer": sent.another()}
        return {**updates, seen: now, parts.shown: shown_run.told(now["answer"], now["run"])}

    @access.handler
    def look_again(sent, shown, chosen, before, *asked):
        last, kept = sent.last, before.get("answer", "")
        if not sent.is_kept(kept):
            return gr.skip()
        asked = Asked.of(*asked)
        if not kept == last == shown_run.answer_of(shown):
            before, asked = run_looks.anew(before, shown, asked)
        updates = look(chosen, before, asked)
        return numbered(sent, updates) if updates[seen] != before and sent.last == last else gr.skip()

    @access.handler
    def show_again(sent, shown, chosen, before, *asked):
        return numbered(sent, look(chosen, *run_looks.anew(before, shown, Asked.of(*asked))))

    looking = [look_again, [sent, *asked], drawn]
    page.load(None, js=charts.KEEP_ZOOM, **QUIET)
    gr.on([page.load, gr.Timer(EVERY).tick], *looking, queue=False, **QUIET)
    # What a browser missed, asleep or offline, is there after a click on the tab.
    tab.select(show_again, [sent, *asked], drawn, queue=False, **QUIET)
    changes = [part.change for part in (parts.words, *view)]
    gr.on(changes, *looking, queue=False, trigger_mode="always_last", **QUIET)

    @access.handler
    def choose(event: gr.EventData, sent, shown, run_id, before, words, every, *asked):
        sent.another()  # for looks that are under way; its own number is for those that begin in the meantime
        if getattr(event, "all", None):
            every = True
        elif (run_id := getattr(event, "run", None)) not in runs.listing(home):
            raise InputError("There is no such run.")
        updates = look(run_id, *run_looks.anew(before, shown, Asked.of(words, every, *asked)))
        return {**numbered(sent, updates), chosen: run_id, show_all: every, parts.sure: HIDDEN, parts.keep: HIDDEN}

    parts.table.click(choose, [sent, *asked], [chosen, show_all, parts.sure, parts.keep, *drawn], queue=False, **QUIET)
    for done in _actions(home, parts, chosen, seen):
        done.then(*looking, **QUIET)
    return looking


def _actions(home: Home, parts: SimpleNamespace, chosen: gr.State, seen: gr.State) -> list:
    """What can be done with the run that is shown. Returns the events after which there is something new to see."""
    doomed = gr.State("")
    asking, words = [doomed, parts.sure, parts.keep], [parts.title, parts.notes]

    @access.handler
    def stop_run(request: gr.Request, shown):
        access.may_change(request)
        jobs.stop(Run(home, shown_run.run_of(shown)))

    @access.handler
    def resume_run(request: gr.Request, shown):
        access.may_change(request)
        return jobs.resume(home, shown_run.run_of(shown)).id

    @access.handler
    def keep_words(request: gr.Request, shown, before, title, notes):
        access.may_change(request)
        run_id = shown_run.run_of(shown)
        kept = Run(home, run_id).describe(**run_looks.edited(before, run_id, title or "", notes or ""))
        words = kept["title"], kept["notes"]
        return *words, {**before, "about": (run_id, *words), "drafts": run_looks.drafts(before, run_id, None)}

    @access.handler
    def ask(shown):
        run_id = shown_run.run_of(shown)
        return run_id, gr.update(visible=True, value=f"Delete {run_id} for good"), gr.update(visible=True)

    @access.handler
    def delete_run(request: gr.Request, doomed):
        access.may_change(request)
        jobs.delete(home, Run(home, doomed))
        return "", "", HIDDEN, HIDDEN

    parts.delete.click(ask, parts.shown, asking, **QUIET)
    parts.keep.click(lambda: ("", HIDDEN, HIDDEN), None, asking, **QUIET)
    return [
        parts.stop.click(stop_run, parts.shown, None, **QUIET),
        parts.resume.click(resume_run, parts.shown, chosen, **QUIET),
        parts.save.click(keep_words, [parts.shown, seen, *words], [*words, seen], **QUIET),
        parts.sure.click(delete_run, doomed, [chosen, *asking], **QUIET),
    ]


# -- layout --------------------------------------------------------------------------------------------------------------


def _layout(home: Home) -> SimpleNamespace:
    """All parts by their names, where the page stands."""
    gr.Markdown("## Runs", elem_classes=["section"])
    said = {"label": "Find runs", "placeholder": "words of a name, a note or a status"}
    words = gr.Textbox(**said, max_lines=1, max_length=LONGEST_SEARCH)
    # In the page, so that it comes with what the browser shows: the number of that answer and its run, on which buttons act.
    shown = gr.JSON({}, visible="hidden")
    table = gr.HTML(run_table.EMPTY, js_on_load=run_table.CLICKS, apply_default_css=False)
    with gr.Column(elem_classes=["run-detail"]):  # hidden by CSS while the table is empty
        head = gr.HTML(apply_default_css=False)
        made = gr.Markdown(elem_classes=["quiet", "said"])
        with gr.Row():
            stop = gr.Button("Stop", min_width=90)
            resume = gr.Button("Resume", min_width=90)
            delete = gr.Button("Delete", variant="stop", min_width=90)
        with gr.Row():
            sure = gr.Button("Delete it for good", variant="stop", min_width=160, visible="hidden")
            keep = gr.Button("Keep it", min_width=90, visible="hidden")
        title, notes, save = _name_and_notes()
        beside, by, smoothing, log_axis = _view()
        curves = gr.Plot(label="Curves", show_label=False, elem_classes=["curves"])
        told = gr.HTML(apply_default_css=False)
        with gr.Accordion("Log", open=False):
            label = f"The last {run_looks.LOG_LINES} lines of the log"
            log = gr.Textbox(label=label, interactive=False, lines=12, max_lines=20)
        serve = run_leaving.build(home, shown)
    return SimpleNamespace(**locals())


def _name_and_notes() -> tuple[gr.Textbox, gr.Textbox, gr.Button]:
    with gr.Accordion("Name and notes", open=False):
        title = gr.Textbox(label="Name", info="beside the id, which stays", max_lines=1, max_length=LONGEST_TITLE)
        notes = gr.Textbox(label="Notes", lines=3, max_lines=12, max_length=LONGEST_NOTES)
        return title, notes, gr.Button("Save name and notes", min_width=160)


def _view() -> tuple[gr.Dropdown, gr.Radio, gr.Slider, gr.Checkbox]:
    """How the curves are looked at."""
    most = len(run_charts.OTHERS)
    beside = gr.Dropdown([], multiselect=True, max_choices=most, label=f"Beside it: up to {most} other runs")
    with gr.Row():
        by = gr.Radio([run_charts.STEP, run_charts.EPOCH], value=run_charts.STEP, label="Along", min_width=120)
        smoothing = gr.Slider(0, 0.99, run_charts.SMOOTHING, step=0.01, label="Smoothing", buttons=[], min_width=160)
        log_axis = gr.Checkbox(False, label="Logarithmic loss", elem_classes=["log-axis"])
    return beside, by, smoothing, log_axis
