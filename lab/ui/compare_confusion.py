"""A view of a comparison: the confusion of one subject as a table whose numbers open the rows behind them."""

import gradio as gr

from lab import behind
from lab.errors import InputError
from lab.ui import access, compare_rows, look
from lab.ui.compare_look import Look
from lab.ui.compare_view import FEW, NO_LABELS, QUIET, TO_OTHERS, View, chosen_of, known, quiet, table

COUNTS, SHARES = "Counts", "Shares of the true label"
INVALID = "(invalid)"
HINT = "Select a number in the table to see the rows behind it."
CLICKS = """element.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (!button) return;
  for (const other of element.querySelectorAll("button")) other.setAttribute("aria-pressed", other === button);
  trigger("click", {true: Number(button.dataset.true), said: Number(button.dataset.said)});
});"""


def build(found: gr.State, opened: gr.State, tabs: gr.Tabs) -> View:
    with gr.Row():
        name = gr.Dropdown([], label="Labels of", **FEW)
        how = gr.Radio([COUNTS, SHARES], value=COUNTS, label="Numbers", min_width=280)
    with gr.Row():
        with gr.Column(min_width=320):
            cells = gr.HTML(js_on_load=CLICKS, apply_default_css=False, elem_classes=["confusion", "flat"])
            by_label = gr.HTML(apply_default_css=False, elem_classes=["flat"])
        chart = gr.Plot(label="Confusion", show_label=False, min_width=320)
    rows = compare_rows.place()
    cell = gr.State(None)  # the subject and the places of the true label and of the answer whose rows are shown
    outputs = [name, cells, by_label, chart, rows, cell]

    def draw(found: Look, name, how) -> list:
        from lab.ui import compare_charts

        one = chosen_of(found.labelled, name)
        if one is None:
            return [gr.update(visible=False), quiet(NO_LABELS), "", gr.update(visible=False), "", None]
        scores, _ = found.one(one)
        figure = compare_charts.confusion_chart(scores["confusion"], how == SHARES)
        chooser = gr.update(choices=found.labelled, value=one, visible=True)
        shown = [matrix(scores["confusion"], how == SHARES), labels_of(scores), gr.update(value=figure, visible=True)]
        return [chooser, *shown, quiet(HINT), None]

    @access.handler
    def again(found, name, how):
        return draw(known(found), name, how)

    @access.handler
    def select(found, name, event: gr.EventData):
        chosen = (
            name,
            compare_rows.whole(getattr(event, "true", None)),
            compare_rows.whole(getattr(event, "said", None)),
        )
        return page(known(found), chosen, 1), chosen

    @access.handler
    def click(found, cell, event: gr.EventData):
        """A page turned, or a row opened."""
        if cell is None:
            raise InputError(HINT)
        if (row := getattr(event, "open", None)) is not None:
            return gr.skip(), *compare_rows.opened(known(found).one(cell[0])[1], [cell[0]], row)
        return page(known(found), cell, compare_rows.whole(getattr(event, "page", None))), gr.skip(), gr.skip()

    gr.on([name.input, how.input], again, [found, name, how], outputs, trigger_mode="always_last", **QUIET)
    cells.click(select, [found, name], [rows, cell], **QUIET)
    rows.click(click, [found, cell], [rows, opened, tabs], **TO_OTHERS)
    return View([name, how], outputs, draw)


def page(found: Look, cell: tuple, number: int) -> str:
    """A page of the rows of a cell."""
    name, true, said = cell
    scores, evaluation = found.one(name)
    labels = scores["confusion"]["labels"] if scores["confusion"] else []
    if true >= len(labels) or said > len(labels):
        raise InputError("Click a number of the table.")
    label = labels[said] if said < len(labels) else None
    rows = behind.cell(evaluation, found.shared, labels[true], label)
    title = f"{name}: true {labels[true]}, answered {label or INVALID}"
    return compare_rows.shown(title, rows, number, [name])


def matrix(confusion: dict, as_shares: bool) -> str:
    """Rows are true labels, columns answers, the last column invalid ones; each number is a button."""
    labels = confusion["labels"]
    heads = "".join(f'<th scope="col">{look.text(x)}</th>' for x in ("True label", *labels, INVALID))
    body = "".join(_true(i, labels[i], row, as_shares) for i, row in enumerate(confusion["counts"]))
    return (
        '<div class="scrolls" role="region" tabindex="0" aria-label="Rows by true label and answer">'
        f'<table class="lab-table"><caption>Rows by true label and answer</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _true(place: int, label: str, counts: list[int], as_shares: bool) -> str:
    total = max(1, sum(counts))
    cells = []
    for said, n in enumerate(counts):
        words = f"{n / total:.1%}" if as_shares else f"{n:,}"
        kind = "right" if said == place else "wrong"
        button = f'<button type="button" data-true="{place}" data-said="{said}" aria-pressed="false">{words}</button>'
        cells.append(f'<td class="{kind}">{button}</td>')
    return f'<tr><th scope="row">{look.text(label)}</th>{"".join(cells)}</tr>'


def labels_of(scores: dict) -> str:
    """The scores label by label."""
    rows = [
        [x["label"], *(f"{x[key]:.3f}" for key in ("precision", "recall", "f1")), f"{x['support']:,}"]
        for x in scores["per_label"]
    ]
    return table("Scores by label", ["Label", "Precision", "Recall", "F1", "Rows"], rows)
