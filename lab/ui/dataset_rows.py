"""The rows of the chosen dataset: page by page, searched and filtered; only the page that is shown leaves the disk."""

from collections.abc import Callable
from typing import NamedTuple

import gradio as gr

from lab import browse, data
from lab.data import Dataset
from lab.errors import InputError
from lab.home import Home
from lab.task import text_of
from lab.ui import access, look

PAGE_ROWS = 10
MOST_LETTERS, MOST_LABELS = 250, 200  # of what is shown and offered
FOR_NUMBER, NARROW, LEAST_OF_LONG = 0.12, 0.22, 0.22  # of the table's width
# No label is empty or begins with a blank, so that these two are none.
ALL_LABELS, NO_LABEL = "", " "


class Rows(NamedTuple):
    """What the other parts of the tab need to know."""

    table: gr.Dataframe
    split: gr.Dropdown
    show: Callable  # from a dataset's name to the values of `parts`
    parts: list  # what is filled anew for another dataset


def build(home: Home, dataset: gr.Dropdown) -> Rows:
    """The table of rows with what chooses them; the tab fills it anew for each dataset that is chosen."""
    with gr.Row():
        search = gr.Textbox(
            label="Search",
            placeholder="a word that stands in the row",
            max_lines=1,
            max_length=browse.LONGEST_SEARCH,
            min_width=200,
            scale=3,
        )
        choice = {"filterable": False, "interactive": True, "min_width": 120, "scale": 1}
        label = gr.Dropdown([("all", ALL_LABELS)], value=ALL_LABELS, label="With the label", **choice)
        split = gr.Dropdown(label="Split", **choice)
    rows = gr.Dataframe(label="Rows", **{**look.WORDS_TABLE, "max_height": 640})
    where = gr.Markdown(elem_classes=["quiet", "line-kept"])
    with gr.Row(elem_classes=["at-end"]):
        back = gr.Button("Previous rows", size="md", min_width=90)
        number = gr.Number(1, label="Page", precision=0, minimum=1, interactive=True, min_width=80)
        on = gr.Button("Next rows", size="md", min_width=90)

    @access.handler
    def show_dataset(name):
        found = data.load(home, name)
        first = found.splits[0]
        labels = gr.update(choices=labels_on_offer(found), value=ALL_LABELS)
        return "", labels, gr.update(choices=found.splits, value=first), *shown(found, first, 1)

    @access.handler
    def narrow(name, search, label, split):
        return shown(data.load(home, name), split, 1, search, label)

    @access.handler
    def go_to(name, search, label, split, number):
        return shown(data.load(home, name), split, number, search, label)

    def turned(step: int):
        @access.handler
        def turn(name, search, label, split, number):
            found = data.load(home, name)
            last = pages(found, split, search, label)
            number = max(1, min(last, whole(number, "The page") + step))
            return shown(found, split, number, search, label)

        return turn

    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    asked, page_of = [dataset, search, label, split], [number, rows, where]
    gr.on([search.change, label.input, split.input], narrow, asked, page_of, trigger_mode="always_last", **quiet)
    gr.on([number.submit, number.blur], go_to, [*asked, number], page_of, **quiet)
    for button, step in ((back, -1), (on, 1)):
        button.click(turned(step), [*asked, number], page_of, trigger_mode="always_last", **quiet)
    return Rows(rows, split, show_dataset, [search, label, split, *page_of])


def shown(dataset: Dataset, split: str, number, search: str | None = "", label: str | None = ALL_LABELS) -> tuple:
    """A page of rows: its number, the table with cells as text, and a line that says where it is."""
    number, search = whole(number, "The page"), search or ""
    found = browse.page(dataset, split, number, PAGE_ROWS, search, wanted(label))
    columns = browse.columns_of(dataset, split)[: browse.SHOWN_COLUMNS]
    table = [[str(n), *(cut(text_of(row.get(column))) for column in columns)] for n, row in found["rows"].items()]
    value = {"headers": ["row", *map(cut, columns)], "data": table}
    return number, gr.update(value=value, column_widths=widths(value)), place(found, split)


def place(found: dict, split: str) -> str:
    """Where among the rows a page of `browse.page` is."""
    matches, total, first = found["matches"], found["total"], found["first"]
    if not matches:
        return f"None of the {total:,} rows of {look.plain(split)} match: search for less, or choose all labels."
    rows = f"Rows {first + 1:,} to {first + len(found['rows']):,} of {matches:,}"
    return f"{rows} that match, of {total:,}." if matches < total else f"{rows}. Row numbers count from 0."


def pages(dataset: Dataset, split: str, search: str | None, label: str | None) -> int:
    return browse.page(dataset, split, 1, PAGE_ROWS, search or "", wanted(label))["pages"]


def wanted(label: str | None) -> str | None:
    """A choice of the list of labels as `browse.page` takes it."""
    return None if not label else label.strip()


def labels_on_offer(dataset: Dataset) -> list[tuple[str, str]]:
    """The choices of labels; where there are too many of them, the most frequent."""
    counts = browse.label_counts(dataset, dataset.about.label) if dataset.about.label else {}
    if not any(counts.values()):
        return [("all", ALL_LABELS)]
    labels = browse.labels_in(dataset, dataset.about.label)[:MOST_LABELS]
    unlabelled = any(sum(counts[split].values()) < browse.size(dataset, split) for split in dataset.splits)
    none = [("no label", NO_LABEL)] if unlabelled else []
    return [("all", ALL_LABELS), *((cut(label), label) for label in labels), *none]


def picked(event: gr.SelectData) -> int:
    """The number, in its split, of the row that was clicked."""
    cells = event.row_value
    if not isinstance(cells, list) or not cells or not str(cells[0]).isdecimal():
        raise InputError("Click a row of the table.")
    return int(cells[0])


def widths(table: dict) -> list[str]:
    """Widths of columns by what stands in them. Together they fill the table, unless they are so many that words would
    be broken on a phone: then it scrolls sideways."""
    columns = zip(table["headers"], *table["data"], strict=True)
    longest = [min(60, max(map(len, column))) for column in columns][1:]
    shares = [letters / max(1, sum(longest)) for letters in longest]
    long = [share for share in shares if share > NARROW]
    room = (1 - FOR_NUMBER - NARROW * (len(shares) - len(long))) / max(NARROW, sum(long))
    wide = [max(LEAST_OF_LONG, share * room) if share > NARROW else NARROW for share in shares]
    return [f"{share:.1%}" for share in (FOR_NUMBER, *wide)]


def whole(number, what: str) -> int:
    """A number that a browser sent, if it is a whole one."""
    if isinstance(number, bool) or not isinstance(number, int | float) or number != int(number):
        raise InputError(f"{what} must be a whole number.")
    return int(number)


def cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"
