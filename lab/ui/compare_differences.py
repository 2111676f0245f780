"""A view of a comparison: in which keys of their configs, and in which words of their prompts, two runs differ."""

import gradio as gr

from lab import config
from lab.home import Home
from lab.runs import Run
from lab.ui import access, version_panel
from lab.ui.compare_look import Look
from lab.ui.compare_view import FEW, QUIET, View, chosen_of, known, quiet, table


def build(home: Home, found: gr.State) -> View:
    with gr.Row():
        first = gr.Dropdown([], label="First run", **FEW)
        second = gr.Dropdown([], label="Second run", **FEW)
    settings = gr.HTML(apply_default_css=False, elem_classes=["flat"])
    wording = gr.HTML(apply_default_css=False, elem_classes=["difference", "flat"])
    outputs = [first, second, settings, wording]

    def draw(found: Look, first, second) -> list:
        runs = runs_of(found)
        if len(runs) < 2:
            words = "Choose adapters of two runs, to see how their configs and prompts differ."
            return [*(gr.update(choices=runs, value=chosen_of(runs, x)) for x in (first, None)), quiet(words), ""]
        one = chosen_of(runs, first, usual=0)
        others = [x for x in runs if x != one]
        other = chosen_of(others, second)
        choosers = [gr.update(choices=runs, value=one), gr.update(choices=others, value=other)]
        return [*choosers, *compared(Run(home, one), Run(home, other))]

    @access.handler
    def again(found, first, second):
        return draw(known(found), first, second)

    gr.on([first.input, second.input], again, [found, first, second], outputs, trigger_mode="always_last", **QUIET)
    return View([first, second], outputs, draw)


def runs_of(found: Look) -> list[str]:
    """The ids of the runs whose adapters are compared, each once."""
    return list(dict.fromkeys(x["run"] for x in found.objects if x["run"]))


def compared(one: Run, other: Run) -> tuple[str, str]:
    """The keys that differ, and the lines of the tasks that do."""
    rows = [[key, said(a), said(b)] for key, a, b in config.apart(one.config, other.config)]
    keys = table("Keys that differ", ["Key", one.id, other.id], rows) if rows else quiet("Their configs are the same.")
    return keys, version_panel.shown(f"Task, from {one.id} to {other.id}", one.task, other.task)


def said(value) -> str:
    return "none" if value is None else str(value)
