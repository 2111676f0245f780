"""The Train tab: the form of a run on the left, the runs and the chosen one, live, on the right; below them the sweeps."""

import gradio as gr

from lab.home import Home
from lab.ui import new_run, runs_view, sweep_view


def build(page: gr.Blocks, home: Home) -> None:
    with gr.Tab("Train") as tab:
        chosen, swept = gr.State(""), gr.State("")
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                started = new_run.build(page, home, tab, chosen, swept)
            with gr.Column(scale=3, min_width=320):
                looking = runs_view.build(page, home, tab, chosen)
        sweep_looking = sweep_view.build(page, home, tab, swept)
    for look in (looking, sweep_looking):
        started.then(*look, api_visibility="private", show_progress="hidden")
