"""A text that the server makes and the browser saves as a file."""

import time

import gradio as gr

# The browser makes the file itself, so none lies on the server.
SAVES = """watch("value", () => {
  const file = props.value;
  if (!file || !file.name) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file.text], {type: "text/plain;charset=utf-8"}));
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});"""


def build() -> gr.HTML:
    """The part to which a handler gives what `file` returns."""
    return gr.HTML({}, html_template=" ", js_on_load=SAVES, elem_classes=["unseen"], apply_default_css=False)


def file(name: str, text: str) -> dict:
    """A file to be saved; one with the same text is saved again."""
    return {"name": name, "text": text, "at": time.time()}
