"""Rows behind a number, page by page, each of which can be opened in Generate. All texts are text."""

import time

import gradio as gr

from lab import behind
from lab.errors import InputError
from lab.evaluations import Evaluation
from lab.ui import look

MOST_LETTERS = 600  # of a text and of an answer
# A button says which row to open or which page to turn to.
CLICKS = """element.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (button?.dataset.open) trigger("click", {open: Number(button.dataset.open)});
  if (button?.dataset.page) trigger("click", {page: Number(button.dataset.page)});
});"""


def place() -> gr.HTML:
    """Where rows are shown."""
    return gr.HTML(js_on_load=CLICKS, apply_default_css=False, elem_classes=["rows-behind", "flat"])


def shown(title: str, rows: list[dict], number: int, names: list[str]) -> str:
    """A page of rows as HTML; `names` are those whose answers the rows hold."""
    found = behind.page(rows, number)
    if not found["total"]:
        return f'<p class="quiet-line" role="status">{look.text(title)}: no rows.</p>'
    first = (found["number"] - 1) * behind.PAGE + 1
    where = f"{title}: rows {first:,} to {first + len(found['rows']) - 1:,} of {found['total']:,}"
    heads = "".join(f'<th scope="col">{look.text(x)}</th>' for x in ("Row", "Text", "True label", *names))
    body = "".join(_row(row) for row in found["rows"])
    return (
        f'<p role="status">{look.text(where)}</p><div class="scrolls" role="region" tabindex="0" aria-label="Rows">'
        f'<table class="lab-table"><thead><tr>{heads}<th scope="col"><span class="unseen">Open</span></th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>{_pager(found)}"
    )


def _row(row: dict) -> str:
    answers = "".join(f"<td>{_answer(x, row['gold'])}</td>" for x in row["answers"])
    open_it = f'<button type="button" data-open="{row["row"]}">Open in Generate</button>'
    text = f"<td class='text'>{look.text(cut(row['text']))}</td>"
    return (
        f'<tr><th scope="row">{row["row"]}</th>{text}<td>{look.text(row["gold"])}</td>{answers}<td>{open_it}</td></tr>'
    )


def _answer(x: dict, gold: str) -> str:
    """What was answered, how it is read, and how sure the model was."""
    if x["label"] is None:
        return f"{look.text(cut(x['answer']))} <span class='verdict'>✗ invalid</span>"
    said = look.text(cut(x["answer"]))
    read = "" if x["answer"].strip() == x["label"] else f" → {look.text(x['label'])}"
    sure = "" if x["sure"] is None else f" <small>{x['sure']:.3f}</small>"
    return f"{said}{read} <span class='verdict'>{'✓' if x['label'] == gold else '✗'}</span>{sure}"


def _pager(found: dict) -> str:
    if found["pages"] == 1:
        return ""
    number, last = found["number"], found["pages"]
    back = f'<button type="button" data-page="{number - 1}"{"" if number > 1 else " disabled"}>Previous rows</button>'
    on = f'<button type="button" data-page="{number + 1}"{"" if number < last else " disabled"}>Next rows</button>'
    return f'<p class="pager">{back} Page {number:,} of {last:,} {on}</p>'


def cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"


# -- what is clicked -------------------------------------------------------------------------------------------------


def whole(value) -> int:
    """A number that a browser sent. Raises InputError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError("Click a number or a button of the table.")
    return value


def opened(evaluation: Evaluation, names: list[str], row) -> tuple:
    """What Generate is told to open, and the page turned to it."""
    info, predictions = evaluation.request["info"], evaluation.predictions
    row = whole(row)
    if row >= len(predictions):
        raise InputError("This row is not there any more; compare again.")
    asked = {
        "subjects": names,
        "dataset": info["dataset"],
        "split": info["split"],
        "row": row,
        "text": predictions[row]["text"],
        "when": time.time(),
    }
    return asked, gr.Tabs(selected="generate")
