"""The views below the scores of a comparison; none is drawn before somebody looks at it."""

import gradio as gr

from lab.home import Home
from lab.ui import (
    access,
    compare_answers,
    compare_calibration,
    compare_confusion,
    compare_differences,
    compare_export,
    compare_scores,
    compare_texts,
)
from lab.ui.compare_look import Look
from lab.ui.compare_view import QUIET, View

FIRST = "intervals"


def build(home: Home, found: gr.State, opened: gr.State, tabs: gr.Tabs) -> tuple:
    """The tabs of the views. Returns the handler, inputs and outputs that draw the one that is looked at."""
    current = gr.State(FIRST)
    rooms = {
        FIRST: ("Intervals", compare_scores.build_intervals),
        "course": ("Over training", lambda: compare_scores.build_course(home, found)),
        "confusion": ("Confusion", lambda: compare_confusion.build(found, opened, tabs)),
        "calibration": ("Calibration", lambda: compare_calibration.build(found)),
        "invalid": ("Invalid outputs", lambda: compare_answers.build_invalid(found)),
        "apart": ("Disagreements", lambda: compare_answers.build_apart(found, opened, tabs)),
        "texts": ("Text metrics", lambda: compare_texts.build(home, found)),
        "differences": ("Differences", lambda: compare_differences.build(home, found)),
        "export": ("Export", compare_export.build),
    }
    views: dict[str, View] = {}
    selected = {}
    with gr.Tabs(overflow_behavior="wrap", elem_classes=["views"]):
        for name, (title, make) in rooms.items():
            with gr.Tab(title) as selected[name]:
                views[name] = make()

    def looked_at(name: str):
        @access.handler
        def draw(found, *values):
            view = views[name]
            return [name, *(drawn(view, found, values))]

        return draw

    for name, view in views.items():
        outputs = [current, *view.outputs]
        selected[name].select(looked_at(name), [found, *view.inputs], outputs, trigger_mode="always_last", **QUIET)

    @access.handler
    def draw(current, found, *values):
        updates = []
        for name, view in views.items():
            own, values = values[: len(view.inputs)], values[len(view.inputs) :]
            updates += drawn(view, found, own) if name == current else [gr.skip()] * len(view.outputs)
        return updates

    inputs = [current, found, *(part for view in views.values() for part in view.inputs)]
    return draw, inputs, [part for view in views.values() for part in view.outputs]


def drawn(view: View, found: Look | None, values: tuple) -> list:
    """The view's updates; none while nothing is known."""
    return list(view.draw(found, *values)) if found and found.objects else [gr.skip()] * len(view.outputs)
