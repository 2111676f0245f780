"""What the views of a comparison share: each draws its parts from what is known, and only the one looked at is drawn."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from lab.errors import InputError
from lab.ui import look
from lab.ui.compare_look import Look

QUIET = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
# For what others wait for: past the queue the browser is not told that a state has changed.
TO_OTHERS = {**QUIET, "queue": True}
FEW = {"filterable": False, "interactive": True, "min_width": 160}
NO_LABELS = "These subjects answered with texts in which no label is read, so there is nothing to count here."
GONE = "Compare subjects first."


@dataclass(frozen=True)
class View:
    """`draw(look, *values of the inputs)` gives an update for each output."""

    inputs: list[gr.components.Component]
    outputs: list[gr.components.Component]
    draw: Callable[..., list]


def quiet(words: str) -> str:
    return f'<p class="quiet-line">{look.text(words)}</p>'


def table(caption: str, heads: list[str], rows: list[list[str]]) -> str:
    """A table of texts, the first of each row its name."""
    head = "".join(f'<th scope="col">{look.text(x)}</th>' for x in heads)
    body = "".join(
        f'<tr><th scope="row">{look.text(first)}</th>{"".join(f"<td>{look.text(x)}</td>" for x in rest)}</tr>'
        for first, *rest in rows
    )
    said = look.text(caption)
    return (
        f'<div class="scrolls" role="region" tabindex="0" aria-label="{said}"><table class="lab-table"><caption>{said}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def chosen_of(names: list[str], name, usual: int = -1) -> str | None:
    """The name chosen if it is among them, else the usual one; None where there are none."""
    if name in names:
        return name
    return names[usual] if names else None


def known(found: Look | None) -> Look:
    """Raises InputError where nothing is compared."""
    if not isinstance(found, Look) or not found.objects:
        raise InputError(GONE)
    return found
