"""Two views of a comparison: scores with their intervals, and how they go with training."""

import gradio as gr

from lab import course
from lab.errors import InputError
from lab.home import Home
from lab.ui import access, look
from lab.ui.compare_look import Look
from lab.ui.compare_view import NO_LABELS, QUIET, View, quiet

SCORES = [(name, key) for key, (name, _) in course.SCORES.items()]
ALONG = [(name.capitalize(), key) for key, name in course.ALONG.items()]


def build_intervals() -> View:
    """The scores of all subjects with their intervals; the table above holds the same numbers."""
    chart = gr.Plot(label="Accuracy and macro F1", show_label=False, visible=False)
    texts = gr.Plot(label="Metrics of texts", show_label=False, visible=False)
    said = gr.HTML(elem_classes=["flat"], apply_default_css=False)

    def draw(found: Look) -> list:
        from lab.ui import compare_charts, text_chart

        of_labels = compare_charts.f1_chart(found.objects) if found.labelled else None
        of_texts = text_chart.chart(found.objects)
        return [
            *(gr.update(value=x, visible=x is not None) for x in (of_labels, of_texts)),
            _about(of_labels, of_texts),
        ]

    return View([], [chart, texts, said], draw)


def _about(of_labels, of_texts) -> str:
    """What is to be known when looking at these charts."""
    if of_labels is None and of_texts is None:
        return quiet(NO_LABELS)
    p = " Where two intervals overlap, look at p: it compares row by row." if of_labels else ""
    arrows = " ↑: more is better, ↓: less is better." if of_texts else ""
    return quiet(f"The same numbers stand in the table above.{p}{arrows}")


def build_course(home: Home, found: gr.State) -> View:
    """A score against epochs or training rows."""
    with gr.Row():
        score = gr.Radio(SCORES, value="accuracy", label="Score", min_width=280)
        along = gr.Radio(ALONG, value="epochs", label="Along", min_width=200)
    chart = gr.Plot(label="Scores over training", show_label=False)
    said = gr.HTML(elem_classes=["flat", "curve-words"], apply_default_css=False)

    def draw(found: Look, score, along) -> list:
        from lab.ui import compare_charts

        if score not in course.SCORES or along not in course.ALONG:
            raise InputError("Choose a score and what it is drawn along.")
        lines = course.lines(home, found.objects, score, along)
        if not lines:
            return [gr.update(visible=False), quiet(NO_LABELS)]
        figure = compare_charts.course_chart(lines, course.SCORES[score][0], course.ALONG[along])
        items = "".join(f"<li>{look.text(words)}</li>" for words in course.in_words(lines, along))
        joined = "a run with its checkpoints" if along == "epochs" else "runs that differ in their training rows alone"
        about = f"A mark is a subject, a line joins {joined}. A base has seen no rows."
        words = f"<details><summary>The points in words</summary><ul>{items}</ul></details>"
        return [gr.update(value=figure, visible=True), f"{quiet(about)}{words}"]

    @access.handler
    def again(found, score, along):
        return draw(found, score, along) if found else [gr.skip()] * 2

    gr.on([score.input, along.input], again, [found, score, along], [chart, said], trigger_mode="always_last", **QUIET)
    return View([score, along], [chart, said], draw)
