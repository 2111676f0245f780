"""The part of the Dataset tab that merges labels into a new dataset."""

import gradio as gr

from lab import browse, data, label_merging, tasks
from lab.data import Dataset
from lab.errors import InputError
from lab.home import Home
from lab.ui import access, look

MOST_LABELS = 30  # that are listed
WRITTEN = "the merges below"


def build(home: Home, dataset: gr.Dropdown) -> tuple[list, object]:
    """Returns the fields that are filled when the part is opened, and what fills them."""
    gr.Markdown("### Merge labels into a new dataset", elem_classes=["section"])
    known = gr.Markdown(elem_classes=["quiet", "said"])
    with gr.Row():
        choice = {"filterable": False, "interactive": True, "min_width": 180}
        by = gr.Dropdown([WRITTEN], value=WRITTEN, label="Merge by", **choice)
        label = gr.Dropdown([], label="Column with the labels", **choice)
        new = gr.Textbox(
            label="Name of the merged dataset", placeholder="small letters, digits, - and _", max_lines=1, min_width=180
        )
    merges = gr.Textbox(
        label="Merges",
        info="One new label a line, with the labels that become it. Labels that are not named stay.",
        placeholder="polarized = pro, contra",
        lines=3,
        max_lines=12,
    )
    with gr.Row(elem_classes=["at-end"]):
        go = gr.Button("Merge labels", min_width=140)
    said = gr.Markdown(elem_classes=["said", "line-kept"])

    @access.handler
    def merge_into_new(request: gr.Request, name, by, label, new, merges):
        access.may_change(request)
        new = (new or "").strip()
        if by == WRITTEN:
            written = [line for line in (merges or "").splitlines() if line.strip()]
            found = label_merging.merge(home, name, new, label_merging.parse(written), label or None)
        else:
            task = tasks.load(home, by)
            found = label_merging.merge(home, name, new, label_merging.of_task(task), label or task.label, task.name)
        return gr.update(choices=data.listing(home), value=new), look.plain(in_words(found))

    private = {"api_visibility": "private", "show_progress": "minimal"}
    go.click(merge_into_new, [dataset, by, label, new, merges], [dataset, said], **private, concurrency_limit=1)

    @access.handler
    def tell(name, label):
        return labels_in_words(data.load(home, name), label)

    label.input(tell, [dataset, label], known, **{**private, "show_progress": "hidden"})

    def fill(name: str) -> tuple:
        found = data.load(home, name)
        columns, column = browse.columns_of(found, found.splits[0]), found.about.label
        merging = [WRITTEN, *(x for x in tasks.listing(home) if _merges(home, x))]
        return (
            labels_in_words(found, column),
            gr.update(choices=merging, value=WRITTEN),
            gr.update(choices=columns, value=column),
        )

    return [known, by, label], fill


def _merges(home: Home, name: str) -> bool:
    try:
        return any(label.merge for label in tasks.load(home, name).labels)
    except InputError:  # one broken file must not hide the others
        return False


def labels_in_words(dataset: Dataset, column: str | None) -> str:
    """The labels that stand in a column, as a line of the page."""
    if not column:
        return look.plain(f"{dataset.name} names no column with labels: choose one.")
    labels = browse.labels_in(dataset, label_merging.column_of(dataset, column))
    more = f" and {len(labels) - MOST_LABELS:,} more" if len(labels) > MOST_LABELS else ""
    return look.plain(f"Labels of {dataset.name}: {', '.join(labels[:MOST_LABELS]) or 'none'}{more}.")


def in_words(found: dict) -> str:
    merged = "; ".join(f"{x['label']} {x['rows']:,} rows" for x in found["merged"])
    return f"{found['name']} is there, made from {found['from']}: {merged}."
