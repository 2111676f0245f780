"""Edits that were not saved when another task came into the form: they are put aside and can be brought back."""

from dataclasses import dataclass

import gradio as gr

from lab.versions import content_hash

Stood = list  # the name of the task that the lab put into the form last, and the hash of its content


@dataclass(frozen=True)
class PutAside:
    """The button that brings edits back, and the edits: the task they belong to, name and values of the fields."""

    button: gr.Button
    edits: gr.State

    @property
    def parts(self) -> list:
        """What `put` and `taken` fill."""
        return [self.edits, self.button]


def build() -> PutAside:
    button = gr.Button("Bring back unsaved edits", size="sm", visible="hidden")
    return PutAside(button, gr.State(None))


def put(stood: Stood | None, task, name: str | None, values: tuple) -> tuple:
    """The values of the parts when something else comes into the form. `task` is what stands in it, None with problems.

    What was put aside earlier stays on offer until something new is.
    """
    now = content_hash(task) if task else None
    if not isinstance(stood, list) or len(stood) != 2 or now == stood[1]:
        return gr.skip(), gr.skip()
    words = f"Bring back the unsaved edits of {stood[0] or 'the new task'}"
    return [stood[0], name, *values], gr.update(value=words, visible=True)


def taken() -> tuple:
    """The values of the parts when nothing is aside any more."""
    return None, gr.update(visible="hidden")
