"""The part of the Dataset tab that compares two annotated versions of the same rows."""

import gradio as gr

from lab import agreement, browse, data
from lab.errors import InputError
from lab.home import Home
from lab.ui import access, look

BY_TEXT = "their text"
MOST_PAIRS = 50  # of labels that differ, shown


def build(home: Home, dataset: gr.Dropdown) -> tuple[list, object]:
    """Returns the fields that are filled when the part is opened, and what fills them."""
    gr.Markdown("### Agreement with another version of the same rows", elem_classes=["section"])
    with gr.Row():
        choice = {"filterable": False, "interactive": True, "min_width": 160}
        other = gr.Dropdown([], label="The other version", **choice)
        on = gr.Dropdown([BY_TEXT], value=BY_TEXT, label="Rows are the same by", **choice)
        label = gr.Dropdown([], label="Labels that are compared", **choice)
        keep = gr.Textbox(
            label="Keep the agreed rows as", placeholder="nothing is kept", max_lines=1, max_length=64, min_width=160
        )
    with gr.Row(elem_classes=["at-end"]):
        go = gr.Button("Compare them", min_width=140)
    shown = gr.HTML(elem_classes=["flat"], apply_default_css=False)

    @access.handler
    def compare_versions(request: gr.Request, name, other, on, label, keep):
        keep = (keep or "").strip() or None
        if keep:
            access.may_change(request)
        if not other:
            raise InputError("Choose the other version first.")
        found = agreement.measure(home, name, other, None if on == BY_TEXT else on, label or None, keep)
        return rendered(found), gr.update(choices=data.listing(home)) if keep else gr.skip()

    private = {"api_visibility": "private", "show_progress": "minimal"}
    go.click(compare_versions, [dataset, other, on, label, keep], [shown, dataset], **private, concurrency_limit=1)

    def fill(name: str) -> tuple:
        found = data.load(home, name)
        columns = browse.columns_of(found, found.splits[0])
        others = [x for x in data.listing(home) if x != name]
        ids = [x for x in columns if x != found.about.text]
        return (
            gr.update(choices=others, value=None),
            gr.update(choices=[BY_TEXT, *ids], value=BY_TEXT),
            gr.update(choices=columns, value=found.about.label),
            "",
        )

    return [other, on, label, shown], fill


def rendered(found: dict) -> str:
    """What `agreement.measure` found, in sentences and as a table of the labels that differ."""
    said = "".join(f"<p>{look.text(line)}</p>" for line in agreement.in_words(found))
    if not found["disagreements"]:
        return f'<div role="status">{said}</div>'
    rows = "".join(
        f'<tr><th scope="row">{look.text(a)}</th><td>{look.text(b)}</td><td>{n:,}</td></tr>'
        for a, b, n in found["disagreements"][:MOST_PAIRS]
    )
    heads = "".join(f'<th scope="col">{look.text(x)}</th>' for x in (found["first"], found["second"], "rows"))
    more = len(found["disagreements"]) - MOST_PAIRS
    caption = "Where they differ" + (f", the {MOST_PAIRS} most frequent of {more + MOST_PAIRS:,}" if more > 0 else "")
    return (
        f'<div role="status">{said}</div><div class="scrolls" role="region" tabindex="0" aria-label="Where they differ">'
        f'<table class="lab-table"><caption>{caption}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
