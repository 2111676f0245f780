"""The left half of the Train tab: the form of a run, what it comes to, and its start."""

import gradio as gr

from lab import jobs, readiness, sweeping, sweeps
from lab.errors import InputError
from lab.home import Home
from lab.readiness import Line
from lab.ui import access, look, several, templates
from lab.ui.form import Form
from lab.ui.several import Several

START = "Start training"
EVERY = 1.5  # seconds between two looks at a measurement
SIGNS = {"ok": "✓", "look": "!", "stop": "✗", "said": "·"}
MEANING = {"ok": "all right", "look": "worth a look", "stop": "in the way", "said": "for information"}


def build(page: gr.Blocks, home: Home, tab: gr.Tab, chosen: gr.State, swept: gr.State) -> gr.events.Dependency:
    """`chosen` becomes the id of a run that was started, `swept` the name of a sweep. Returns the event of a start, for
    what is to follow it."""
    gr.Markdown("## New run", elem_classes=["section"])
    start_from = templates.chooser(home)
    fields = Form(home)
    sweep = Several(home)
    card = gr.HTML()
    with gr.Row():
        measure = gr.Button("Measure time", min_width=120)
        start = gr.Button(START, variant="primary", min_width=160)
    text = templates.build(page, home, tab, fields, start_from)
    timer = gr.Timer(EVERY, active=False)
    quiet = {"api_visibility": "private", "show_progress": "hidden"}

    def looked_at(*values, said: str = "") -> tuple:
        """Everything that follows from the form: card, start button, the heading of what is folded, YAML and command."""
        values, swept_values = parted(values)
        lines, written, wanted, start_says = lines_of(home, fields, sweep, values, swept_values)
        wrong = [line for line in lines if line.sign == "stop"]
        button = gr.update(value=missing(wrong) if wrong else start_says, interactive=not wrong)
        measuring = any(line.about == "Time" and line.words.startswith(readiness.MEASURING) for line in lines)
        return (
            card_of(lines, said),
            button,
            gr.update(interactive=not wrong and not measuring),
            gr.Timer(active=measuring),
            gr.update(label=fields.folded(*values)),
            sweep.shown(wanted),
            *written,
        )

    def parted(values: tuple) -> tuple[tuple, tuple]:
        """The values of the form, and those of the part with several values."""
        return values[: len(fields.components)], values[len(fields.components) :]

    @access.handler
    def look_at(*values):
        return looked_at(*values)

    @access.handler
    def measure_time(request: gr.Request, *values):
        try:
            access.may_change(request)
            jobs.calibrate(home, fields.read(*parted(values)[0]))
        except InputError as error:
            return looked_at(*values, said=str(error))
        return looked_at(*values)

    @access.handler
    def start_training(request: gr.Request, *values):
        try:
            access.may_change(request)
            config = fields.read(*parted(values)[0])
            wanted = sweep.read(config, *parted(values)[1])
            if wanted:
                begun = sweeping.start(home, sweeps.prepare(home, wanted))
                said = f"The sweep {begun.name} has {len(begun.runs)} runs; it stands under Sweeps."
                return *looked_at(*values, said=said), gr.skip(), begun.name
            run = jobs.train(home, config)
        except InputError as error:
            return *looked_at(*values, said=str(error)), gr.skip(), gr.skip()
        return *looked_at(*values, said=f"Added as {run.id}; it stands under Runs."), run.id, gr.skip()

    @access.handler
    def refresh():
        return fields.refreshed()

    inputs = [*fields.components, *sweep.components]
    outputs = [card, start, measure, timer, fields.rest, sweep.yaml, *text]
    # Nothing of it when the page opens: a browser is slow to hear of so many fields, and shows another tab first.
    tab.select(refresh, None, fields.named, **quiet)
    changes = [part.change for part in inputs]
    looking = [look_at, inputs, outputs]
    gr.on([tab.select, timer.tick, *changes], *looking, trigger_mode="always_last", **quiet)
    measure.click(measure_time, inputs, outputs, api_visibility="private", show_progress_on=measure)
    return start.click(
        start_training, inputs, [*outputs, chosen, swept], api_visibility="private", show_progress_on=start
    )


def lines_of(home: Home, fields: Form, sweep: Several, values: tuple, swept: tuple) -> tuple:
    """The lines of the card; the config as YAML and as a command, which stay as they were where it has problems; the sweep,
    if one is asked for; and what the start button says."""
    try:
        config = fields.read(*values)
        wanted = sweep.read(config, *swept)
        if wanted is None:
            return readiness.look(home, config), templates.written(config), None, START
        about, new = several.line(home, wanted)
    except InputError as error:
        problems = [line.removeprefix("- ") for line in str(error).splitlines() if not line.endswith("has problems:")]
        return [Line("stop", "Form", problem) for problem in problems], (gr.skip(), gr.skip()), None, START
    lines = [about, *readiness.look(home, wanted.points[0].config)]
    return lines, templates.written(config), wanted, several.start_words(new)


def missing(wrong: list[Line]) -> str:
    """What must be put right before a start, in a few words."""
    keys = dict.fromkeys(line.words.partition(":")[0] for line in wrong if line.about == "Form")
    named = [key for key in keys if len(key) < 40][:2] or [wrong[0].about.lower()]
    more = len(wrong) - len(named)
    return f"First put right: {', '.join(named)}{f' and {more} more' if more > 0 else ''}"


def card_of(lines: list[Line], said: str = "") -> str:
    """The lines as a list, each with a sign and its meaning in words for those who do not see it."""
    items = "".join(
        f'<li class="{line.sign}"><span class="sign" role="img" aria-label="{MEANING[line.sign]}">{SIGNS[line.sign]}</span>'
        f"<strong>{look.text(line.about)}</strong> <span>{look.text(line.words)}</span></li>"
        for line in lines
    )
    return f'<div class="card"><h3>Before you start</h3><ul>{items}</ul><p role="status">{look.text(said)}</p></div>'
