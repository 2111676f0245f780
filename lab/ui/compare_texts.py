"""A view of a comparison: which metrics of texts are counted, with which models, and what the numbers were counted with."""

import gradio as gr

from lab import exports, jobs, wanted_metrics
from lab.comparison import Comparison
from lab.errors import InputError, WorkError
from lab.home import Home
from lab.ui import access, look
from lab.ui.compare_look import Look
from lab.ui.compare_view import View, known, quiet

CHOICES = [(wanted_metrics.heading(name), name) for name in wanted_metrics.NAMES if name != wanted_metrics.EXACT]
NO_TEXTS = "These subjects answered with labels; metrics of texts are for tasks that generate."
ABOUT = "They are counted from the answers that were kept, without asking anybody again, and stand in the table above."
HINT = "tiny-llama or a Hub id, owner/name"


def build(home: Home, found: gr.State) -> View:
    with gr.Column(visible=False) as room:
        names = gr.CheckboxGroup(CHOICES, value=[*wanted_metrics.PLAIN], label="Metrics of texts")
        with gr.Row():
            encoder = gr.Textbox(label="Encoder of BERTScore", placeholder=HINT, min_width=240)
            scorer = gr.Textbox(label="Scorer of the answers' perplexity", placeholder=HINT, min_width=240)
        count = gr.Button("Count", min_width=120)
        said = gr.Markdown(visible=False, elem_classes=["said"])
    settings = gr.HTML(apply_default_css=False, elem_classes=["flat"])

    def draw(found: Look) -> list:
        texts = any("text_metrics" in x for x in found.objects)
        return [gr.update(visible=texts), told(found.objects) if texts else quiet(NO_TEXTS)]

    @access.handler
    def start(request: gr.Request, found, names, encoder, scorer):
        """A job for the metrics that are lacking, which the tab watches as any other."""
        try:
            access.may_change(request)
            job = jobs.evaluate(home, asked_for(known(found), names, encoder, scorer))
        except (InputError, WorkError) as error:
            return look.line(str(error))
        return look.line(f"{job.id} counts them." if job else "All of them were counted before.")

    asked = [found, names, encoder, scorer]
    count.click(start, asked, said, concurrency_limit=1, api_visibility="private", show_progress="hidden")
    return View([], [room, settings], draw)


def asked_for(found: Look, names, encoder, scorer) -> Comparison:
    """The same comparison of the subjects that are known, with these metrics. Raises InputError, also for models by a path."""
    chosen = {"bertscore_model": encoder, "scorer": scorer}
    models = {key: access.model_id(name) for key, name in chosen.items() if isinstance(name, str) and name.strip()}
    names = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    metrics = wanted_metrics.listed(names, **models)
    if not metrics:
        raise InputError("Tick the metrics to be counted.")
    return found.wanted.model_copy(update={"subjects": found.names, "metrics": metrics})


def told(objects: list[dict]) -> str:
    """What the metrics in the table were counted with."""
    items = "".join(f"<li>{look.text(words)}</li>" for words in exports.text_settings(objects))
    return f"{quiet(ABOUT)}<ul class='settings'>{items}</ul>"
