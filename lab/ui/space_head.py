"""The head of the page on a Space: signing in, what visitors can do, and what a restart would take away."""

import gradio as gr

from lab import space
from lab.copies import Copies
from lab.ui import access, look, roles

SIGN_IN = "Sign in with Hugging Face"
NO_STORAGE = (
    "This Space has no storage of its own: runs, datasets and tasks made here are lost when it restarts. "
    "Storage is attached in the settings of the Space, at /data."
)

KEPT = "Finished runs, datasets and tasks are kept in this Space's storage; a training under way is not."


def build(page: gr.Blocks, copies: Copies | None) -> None:
    """Nothing on a machine of one's own."""
    if not space.on_space():
        return
    with gr.Row(elem_classes=["space-head"]):
        said = gr.HTML()
        button = gr.LoginButton(SIGN_IN, size="sm", scale=0, min_width=220) if roles.can_sign_in() else None

    @access.handler
    def say(request: gr.Request):
        words = "".join(f"<p>{look.text(words)}</p>" for words in sentences(roles.role(request), copies))
        return words if button is None else (words, gr.update(value=button_words(roles.signed_in(request))))

    shown = [said]
    if button is not None:
        button.load_event_to_attach = None  # Gradio's own way of keeping its words would be a public event
        shown.append(button)
    page.load(say, None, shown, api_visibility="private", show_progress="hidden")


def button_words(name: str) -> str:
    """The words of the button for who is signed in under this name; its script knows by them which way it goes."""
    return f"Sign out ({name})" if name else SIGN_IN


def sentences(role: str, copies: Copies | None) -> list[str]:
    """What whoever opens the page should know before anything else."""
    found = []
    if role == roles.VISITOR:
        who = f"{roles.author() or 'its owner'}{', who signs in here' if roles.can_sign_in() else ''}"
        found.append(
            "You are visiting: look around, preview prompts and generate. "
            f"Training, adding, editing and deleting are for {who}."
        )
    if copies is None:
        found.append(NO_STORAGE)
    elif role == roles.OWNER:
        wrong = [*copies.broken, *([copies.problem] if copies.problem else [])]
        found.append(f"Not everything is kept for the next start: {'; '.join(wrong[:3])}." if wrong else KEPT)
    return found
