"""The left half of the Train tab: the form of a run, what is wrong with it, what it will cost, and its start."""

import gradio as gr

from lab import jobs, plan, preview
from lab.errors import InputError
from lab.home import Home
from lab.packing import cost_in_words
from lab.ui import access, look
from lab.ui.form import Form


def build(page: gr.Blocks, home: Home, tab: gr.Tab, chosen: gr.State) -> gr.events.Dependency:
    """`chosen` becomes the id of a run that was started. Returns the event of a start, for what is to follow it."""
    gr.Markdown("## New run", elem_classes=["section"])
    fields = Form(home)
    cost = gr.Markdown(elem_classes=["quiet", "said"])
    with gr.Row():
        check = gr.Button("Check only", min_width=120)
        start = gr.Button("Start training", variant="primary", min_width=160)
    wrong = gr.Textbox(label="To be put right", interactive=False, visible=False, max_lines=12)
    said = gr.Markdown(elem_classes=["said"])

    quiet = {"api_visibility": "private", "show_progress": "hidden"}

    @access.handler
    def refresh():
        return fields.refreshed()

    @access.handler
    def check_fields(*values):
        try:
            fields.read(*values)
        except InputError as error:
            return refusal(error)
        return notice("")

    @access.handler
    def show_cost(*values):
        try:
            return look.line(preview.batch_in_words(home, fields.read(*values)))
        except InputError:  # what is wrong stands beside the form already, or will when it is checked
            return look.line("")

    @access.handler
    def check_all(*values):
        try:
            return notice(report_in_words(plan.make(home, fields.read(*values)).report()))
        except InputError as error:
            return refusal(error)

    @access.handler
    def start_training(request: gr.Request, *values):
        try:
            access.may_change(request)
            run = jobs.train(home, fields.read(*values))
        except InputError as error:
            return *refusal(error), gr.skip()
        return *notice(f"{look.plain(run.id)} is on its way."), run.id

    gr.on([page.load, tab.select], refresh, None, fields.named, **quiet)
    changes = [field.change for field in fields.components]
    told = [wrong, said]
    gr.on(changes, check_fields, fields.components, told, trigger_mode="always_last", queue=False, **quiet)
    gr.on([page.load, *changes], show_cost, fields.components, cost, trigger_mode="always_last", **quiet)
    check.click(check_all, fields.components, told, api_visibility="private")
    return start.click(start_training, fields.components, [*told, chosen], api_visibility="private")


# -- beside the form ---------------------------------------------------------------------------------------------------


def refusal(error: InputError) -> tuple:
    """What is wrong, as plain text, and no notice."""
    return gr.update(value=str(error), visible=True), ""


def notice(markdown: str) -> tuple:
    """A notice, and nothing that is wrong."""
    return gr.update(value="", visible=False), markdown


def report_in_words(report: dict) -> str:
    """What a check found, as Markdown."""
    tokens = report["tokens"]
    lines = [
        f"Nothing is wrong: {report['train_rows']:,} rows to train on, {report['validation_rows']:,} held out; "
        f"{report['steps']:,} steps, {report['steps_per_epoch']:,} an epoch; "
        f"scored after epoch {', '.join(map(str, report['evaluate_at']))}.",
        f"{'' if tokens['exact'] else 'Estimated: '}{tokens['mean']:.0f} tokens a row, {tokens['max']:,} at most, "
        f"the first {tokens['shared_prefix']:,} shared by all rows: {cost_in_words(tokens['batch'], tokens['shares'])}.",
        *(f"{key.replace('_', ' ').capitalize()}: {value:,}." for key, value in report["estimates"].items()),
        *report["notes"],
        *(f"Not checked: {text}." for text in report["unchecked"]),
    ]
    return "\n\n".join(look.plain(line) for line in lines)
