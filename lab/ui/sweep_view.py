"""The sweeps on the Train tab: the chosen one's runs, and their scores over the swept value as chart and table."""

from types import SimpleNamespace

import gradio as gr

from lab import ahead, presets, sweep_asked, sweep_results, sweep_words, sweeping, sweeps
from lab.errors import InputError
from lab.home import Home
from lab.job import ALIVE
from lab.sweeps import Sweep
from lab.ui import access, look, sweep_charts
from lab.ui.given_yaml import read_sweep

EVERY = 6  # seconds between two looks at the disk; what they cost, a page costs the server all day
QUIET = {"api_visibility": "private", "show_progress": "hidden"}
HIDDEN = gr.update(visible="hidden")
NOTHING = (
    "No sweep yet. Give a key several values under “Several values (a sweep)” in the form above, or write a sweep as YAML "
    "below: all its runs are queued, and their scores stand here over the swept value."
)
EXAMPLE = """subject: base            # a run, a checkpoint, base:MODEL or base
decoding: {mode: sample}
grid:
  temperature: [0.2, 0.7, 1.2]
  top_k: [0, 20]"""


def build(page: gr.Blocks, home: Home, tab: gr.Tab, swept: gr.State) -> list:
    """`swept` is the name of the sweep that is shown. Returns handler, inputs and outputs of a look at the disk."""
    parts = _layout(home)
    seen = gr.State({})  # what is shown, so that only what has changed is sent
    shown = [swept, parts.which, parts.along, parts.told, parts.chart, parts.go_on, parts.stop, parts.delete, seen]

    @access.handler
    def look_again(name, along, before):
        drawn = _look(home, name, along, before)
        if not drawn:
            return gr.skip()
        # Meanwhile another sweep may have been started and chosen, which must not be undone.
        return [gr.skip() if drawn[0] == name else drawn[0], *drawn[1:]]

    @access.handler
    def show_again(name, along):
        return _look(home, name, along, {}) or gr.skip()

    looking = [look_again, [swept, parts.along, seen], shown]
    # Past the queue, in which the server keeps a stream open for each event; no state here is waited for.
    gr.on([page.load, gr.Timer(EVERY).tick, parts.along.input], *looking, queue=False, **QUIET)
    gr.on([tab.select], show_again, [swept, parts.along], shown, **QUIET)
    parts.which.input(show_again, [parts.which, parts.along], shown, **QUIET)
    for done in _actions(home, parts, swept, seen):
        done.then(*looking, **QUIET)
    return looking


def _look(home: Home, name: str, along: str, before: dict) -> list | None:
    """The values of the view's parts; None where nothing has changed."""
    names = sweeps.listing(home)
    name = name if name in names else (names[0] if names else "")
    if not name:
        empty = f'<p class="quiet-line">{NOTHING}</p>'
        now = {"names": []}
        off = gr.update(interactive=False)
        shown = ["", gr.update(choices=[], value=None), gr.update(visible=False), empty, gr.update(visible=False)]
        return None if before == now else [*shown, off, off, off, now]
    try:
        sweep = sweeps.load(home, name)
        members = sweep_results.members(home, sweep)
        axes = _axes(sweep)
        along = along if along in axes else _first(sweep, axes)
        now = {"names": names, "name": name, "along": along, "state": hash(_state(home, members))}
        if now == before:
            return None
        found = sweep_results.look(home, sweep)
    except InputError as error:
        now = {"names": names, "name": name, "error": str(error)}
        if now == before:
            return None
        broken = f'<p class="run-head wrong">{look.text(str(error))}</p>'
        which, off = gr.update(choices=names, value=name), gr.update(interactive=False)
        return [name, which, HIDDEN, broken, gr.update(visible=False), off, off, gr.update(interactive=True), now]
    figure = sweep_charts.chart(found, along)
    alive = any(one["status"] in ALIVE for one in members)
    missing = not alive and any(one["status"] != "finished" for one in members)
    return [
        name,
        gr.update(choices=names, value=name),
        gr.update(choices=axes, value=along, visible=len(axes) > 1),
        told(found),
        gr.update(value=figure, visible=figure is not None),
        gr.update(interactive=missing),
        gr.update(interactive=alive),
        gr.update(interactive=True),
        now,
    ]


def _axes(sweep: Sweep) -> list[str]:
    """Along which keys the scores can be drawn."""
    axes = sweep_asked.axes(sweep.grid)
    return [*axes, sweep_charts.EACH] if len(axes) > 1 else axes


def _first(sweep: Sweep, axes: list[str]) -> str:
    """Along which they are drawn at first: over the epochs where there are some, else over each key of several blocks."""
    if sweep_asked.EPOCH in axes:
        return sweep_asked.EPOCH
    return axes[-1] if len(sweep.grid.blocks) > 1 or sweep.grid.decodings else axes[0]


def _state(home: Home, members: list[dict]) -> tuple:
    """Another one whenever a sweep may have to be drawn again."""
    state = home.evaluations.stat().st_mtime_ns if home.evaluations.is_dir() else 0
    return state, tuple((one["id"], one["status"], one["reused"]) for one in members)


def told(found: dict) -> str:
    """A sweep in words and as tables, as HTML."""
    tables = _table("Runs and scores of the sweep", *sweep_words.table(found))
    if found["cells"]:
        tables = _table("Scores by epoch, decoding and over the seeds", *sweep_words.cells_table(found)) + tables
    said = "".join(f"<li>{look.text(sentence)}</li>" for sentence in sweep_words.said(found))
    return (
        f'<div class="curve-words sweep-told"><h3 aria-live="polite">{look.text(sweep_words.title(found))}</h3>'
        f"<ul>{said}</ul>{tables}</div>"
    )


def _table(label: str, columns: list[str], rows: list[list[str]]) -> str:
    heads = "".join(f'<th scope="col">{look.text(name)}</th>' for name in columns)
    body = "".join(
        f'<tr><th scope="row">{look.text(row[0])}</th>{"".join(f"<td>{look.text(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return (
        f'<div class="by-epoch" role="region" aria-label="{label}" tabindex="0"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


# -- what can be done ------------------------------------------------------------------------------------------------------


def _actions(home: Home, parts: SimpleNamespace, swept: gr.State, seen: gr.State) -> list:
    """Returns the events after which there is something new to see."""
    doomed = gr.State(None)  # what is asked about: stop or delete, and the name
    asking = [doomed, parts.sure, parts.keep]

    def ask(name: str, what: str, words: str):
        return [what, name], gr.update(visible=True, value=words), gr.update(visible=True)

    @access.handler
    def ask_stop(name):
        count = len(sweeping.at_work(home, sweeps.load(home, name or "")))
        return ask(name, "stop", f"Stop {count} of {name}, queued or at work")

    @access.handler
    def ask_delete(name):
        return ask(name, "delete", f"Delete the sweep {name}; its runs stay")

    @access.handler
    def do(request: gr.Request, doomed):
        access.may_change(request)
        what, name = doomed if isinstance(doomed, list) and len(doomed) == 2 else ("", "")
        if what == "stop":
            sweeping.stop(home, sweeps.load(home, str(name)))
        elif what == "delete":
            sweeps.delete(home, str(name))
        return None, HIDDEN, HIDDEN, ""

    @access.handler
    def go_on(request: gr.Request, name):
        access.may_change(request)
        sweep = sweeps.load(home, name or "")
        return started(home, sweep)

    @access.handler
    def start_text(request: gr.Request, text):
        try:
            access.may_change(request)
            wanted = read_sweep(text or "")
            needs = _needs(home)
            ahead.refuse(ahead.lacking(home, wanted, needs), needs)
            prepared = sweeps.prepare(home, wanted)
            begun = sweeping.start(home, prepared)
        except InputError as error:
            return gr.skip(), look.line(str(error))
        notes = " ".join(prepared.notes)
        return begun.name, look.line(f"The sweep {begun.name} has {len(begun.runs)} points. {notes}")

    @access.handler
    def take_preset(name):
        preset = presets.load(home, name or "")
        if not preset.sweep:
            raise InputError(f"{name} is a preset of one run; choose it above the form.")
        return sweeps.text(preset.sweep), look.line(preset.about)

    parts.preset.input(take_preset, parts.preset, [parts.text, parts.said], **QUIET)
    parts.stop.click(ask_stop, swept, asking, **QUIET)
    parts.delete.click(ask_delete, swept, asking, **QUIET)
    parts.keep.click(lambda: (None, HIDDEN, HIDDEN), None, asking, **QUIET)
    private = {"api_visibility": "private"}
    return [
        parts.sure.click(do, doomed, [*asking, parts.said], **QUIET),
        parts.go_on.click(go_on, swept, [swept, parts.said], show_progress_on=parts.go_on, **private),
        parts.start.click(start_text, parts.text, [swept, parts.said], show_progress_on=parts.start, **private),
    ]


def _needs(home: Home) -> ahead.Needs:
    """The datasets that presets need, with the commands that fetch them."""
    return {name: one for preset in presets.whole(home) for name, one in preset.needs.items()}


def started(home: Home, sweep: Sweep) -> tuple:
    """Goes on with a sweep: what was broken off is resumed, what is missing is started. The name, and a line about it."""
    begun = sweeping.start(home, sweeps.prepare(home, sweep.grid, sweep.task))
    return begun.name, look.line(f"{begun.name} goes on.")


# -- layout ----------------------------------------------------------------------------------------------------------------


def _layout(home: Home) -> SimpleNamespace:
    """All parts by their names, where the page stands."""
    gr.Markdown("## Sweeps", elem_classes=["section"])
    with gr.Row(elem_classes=["at-end"]):
        # What is chosen is checked by the handlers: gradio would check it against choices that are a moment old.
        free = {"allow_custom_value": True, "interactive": True}
        which = gr.Dropdown([], label="Sweep", scale=2, min_width=200, **free)
        go_on = gr.Button("Start what is missing", min_width=150, interactive=False)
        stop = gr.Button("Stop all", min_width=90, interactive=False)
        delete = gr.Button("Delete the sweep", variant="stop", min_width=130, interactive=False)
    with gr.Row():
        sure = gr.Button("Yes", variant="stop", min_width=160, visible="hidden")
        keep = gr.Button("Leave it", min_width=90, visible="hidden")
    along = gr.Dropdown([], label="Along the axis", visible=False, **free)
    told = gr.HTML(apply_default_css=False)
    chart = gr.Plot(label="Scores", show_label=False, visible=False)
    with gr.Accordion("A sweep as YAML", open=False):
        names = [(f"preset {name}", name) for name in presets.of_sweeps(home)]
        preset = gr.Dropdown(
            names, value=None, label="Start from a published experiment", info="fills the text", **free
        )
        text = gr.Textbox(
            label="Sweep",
            info="A config with grid:, or with subject: the decodings under which one subject is evaluated.",
            placeholder=EXAMPLE,
            lines=6,
            max_lines=24,
            max_length=20_000,
            interactive=True,
            elem_classes=["code"],
        )
        start = gr.Button("Start this sweep", min_width=150)
    said = gr.Markdown(elem_classes=["said"])
    return SimpleNamespace(**locals())
