"""The Train tab: the form of a run on the left, the runs and the chosen one, live, on the right."""

import gradio as gr

from lab.home import Home
from lab.ui import new_run, runs_view


def build(page: gr.Blocks, home: Home) -> None:
    with gr.Tab("Train") as tab:
        chosen = gr.State("")
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                started = new_run.build(page, home, tab, chosen)
            with gr.Column(scale=3, min_width=320):
                looking = runs_view.build(page, home, tab, chosen)
    started.then(*looking, api_visibility="private", show_progress="hidden")
