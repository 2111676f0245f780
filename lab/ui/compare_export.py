"""A view of a comparison: its table as files for spreadsheets and papers, and the commands that print the same."""

import shlex

import gradio as gr
from gradio import processing_utils

from lab import exports
from lab.ui import look
from lab.ui.compare_look import Look
from lab.ui.compare_view import View

NAMES = {"csv": "CSV", "markdown": "Markdown", "latex": "LaTeX"}


def build() -> View:
    with gr.Row():
        buttons = [gr.DownloadButton(f"Download as {name}", min_width=160) for name in NAMES.values()]
    command = gr.HTML(apply_default_css=False, elem_classes=["flat"])

    def draw(found: Look) -> list:
        return [*(written(button, form, found) for button, form in zip(buttons, NAMES, strict=True)), printed(found)]

    return View([], [*buttons, command], draw)


def written(button: gr.DownloadButton, form: str, found: Look) -> str:
    """The path of a new file of the lab's own, which is deleted as old uploads are."""
    text = exports.FORMS[form](found.objects, found.notes)
    name = f"comparison.{exports.ENDINGS[form]}"
    return processing_utils.save_bytes_to_cache(text.encode(), name, cache_dir=button.GRADIO_CACHE)


def printed(found: Look) -> str:
    """The same at the command line."""
    wanted = found.wanted
    words = ["python", "-m", "lab", "compare", *wanted.subjects, "--split", wanted.split]
    if wanted.decoding:
        words += ["--decoding", "".join(wanted.decoding).removeprefix("mode=")]
    words += ["--reference", found.objects[0]["reference"], "--csv"]
    return f'<p class="quiet-line">The same at the command line: <code>{look.text(shlex.join(words))}</code></p>'
