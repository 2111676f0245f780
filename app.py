"""The page: `python app.py [--home DIR] [--host ADDRESS] [--port N] [--mcp]`."""

import argparse
import sys

import lab.ui  # noqa: F401  # isort: skip  (first: it keeps gradio from calling home)
import gradio as gr

from lab import space
from lab.copies import Copies
from lab.errors import InputError
from lab.home import Home
from lab.ui import commands, compare_tab, dataset_tab, generate_tab, look, serving, space_head, train_tab


def build(home: Home, copies: Copies | None = None) -> gr.Blocks:
    """The page with its four tabs, and the commands as public events."""
    with gr.Blocks(title="QLoRA Lab", analytics_enabled=False, delete_cache=serving.DELETE_UPLOADS) as page:
        gr.Markdown("# QLoRA Lab", elem_classes=["page-title"])
        space_head.build(page, copies)
        opened = gr.State(None)  # the row that Compare asks Generate to open; among the tabs it would count as one
        with gr.Tabs() as tabs:
            dataset_tab.build(page, home)
            train_tab.build(page, home)
            compare_tab.build(page, home, opened, tabs)
            generate_tab.build(page, home, opened)
        for tab in tabs.children:
            tab.id = tab.label.lower()  # by which handlers and links select it
        commands.publish(home)
    look.only_shown_progress(page)
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description="Serves the page of QLoRA Lab.")
    parser.add_argument("--home", metavar="DIR", help="the home folder (or LAB_HOME; default workspace/)")
    parser.add_argument("--host", metavar="ADDRESS", help="the address to listen on; default 127.0.0.1")
    parser.add_argument("--port", type=int, metavar="N", help="the port; default the first free one from 7860 on")
    parser.add_argument("--mcp", action="store_true", default=None, help="also serve the commands as tools (MCP)")
    given = parser.parse_args()
    try:
        home = space.home(given.home)
        copies = Copies(home, place) if (place := space.storage()) else None
        if copies:
            copies.restore()
            copies.follow()
        serving.launch(build(home, copies), given.host, given.port, given.mcp)
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
