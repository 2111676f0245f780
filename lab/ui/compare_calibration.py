"""A view of a comparison: whether a subject's label probabilities can be taken for the chance to be right."""

import gradio as gr

from lab import scores
from lab.ui import access
from lab.ui.compare_look import Look
from lab.ui.compare_view import FEW, QUIET, View, chosen_of, known, quiet, table

ABOUT = (
    "The probability is that of the answered label among the task's labels: theirs are made to add up to one. Rows with "
    "invalid answers have none and are left out. ECE, the expected calibration error, is how far probability and share "
    "right lie apart in a bin, averaged over rows; 0 is best."
)
NOTHING = "No label probabilities were kept: tick Label probabilities and press Evaluate."


def build(found: gr.State) -> View:
    name = gr.Dropdown([], label="Calibration of", **FEW)
    with gr.Row():
        chart = gr.Plot(label="Calibration", show_label=False, min_width=320)
        bins = gr.HTML(apply_default_css=False, elem_classes=["flat"], min_width=320)
    outputs = [name, chart, bins]

    def draw(found: Look, name) -> list:
        one = chosen_of(found.labelled, name)
        chooser = gr.update(choices=found.labelled, value=one, visible=one is not None)
        _, evaluation = found.one(one) if one else (None, None)
        predictions = [p for p in evaluation.predictions if p["key"] in found.shared] if evaluation else []
        calibration = scores.calibration(predictions) if evaluation else None
        if calibration is None or not calibration["n"]:
            return [chooser, gr.update(visible=False), quiet(NOTHING)]
        from lab.ui import compare_charts

        return [
            chooser,
            gr.update(value=compare_charts.calibration_chart(calibration), visible=True),
            told(calibration),
        ]

    @access.handler
    def again(found, name):
        return draw(known(found), name)

    name.input(again, [found, name], outputs, trigger_mode="always_last", **QUIET)
    return View([name], outputs, draw)


def told(found: dict) -> str:
    """The bins as a table, and their summary."""
    rows = [
        [
            f"{b['low']:.1f} to {b['high']:.1f}",
            f"{b['n']:,}",
            f"{b['sure']:.3f}",
            f"{b['right']:.3f} [{b['right_ci95'][0]:.3f}, {b['right_ci95'][1]:.3f}]",
        ]
        for b in found["bins"]
        if b["n"]
    ]
    left_out = f" {found['left_out']:,} rows with invalid answers are left out." if found["left_out"] else ""
    said = f"ECE {found['ece']:.3f} over {found['n']:,} rows.{left_out}"
    heads = ["Probability", "Rows", "On average", "Share right"]
    return f'<p role="status"><strong>{said}</strong></p>{table("Calibration by bin", heads, rows)}{quiet(ABOUT)}'
