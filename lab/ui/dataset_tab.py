"""The Dataset tab: choose or add a dataset, see what is in it, edit the task and see the exact prompt of a row."""

from functools import lru_cache

import gradio as gr

from lab import data, preview, tasks
from lab.config import BUNDLED_DATASET, BUNDLED_MODEL, Config
from lab.data import Dataset
from lab.errors import InputError
from lab.home import Home
from lab.task import text_of
from lab.ui import access, dataset_form, look, task_form

PAGE_ROWS = 10
MOST_COLUMNS, MOST_LETTERS, MOST_LABELS = 20, 400, 40  # of what is shown


def build(page: gr.Blocks, home: Home) -> None:
    with gr.Tab("Dataset") as tab:
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                dataset = gr.Dropdown(
                    data.listing(home), value=BUNDLED_DATASET, label="Dataset", filterable=False, interactive=True
                )
                summary = gr.Markdown(elem_classes=["quiet", "said"])
                counts = gr.Dataframe(label="Rows and labels by split", **look.WORDS_TABLE)
            with gr.Column(scale=3, min_width=320):
                rows = gr.Dataframe(label="Rows", **{**look.WORDS_TABLE, "max_height": 640})
                with gr.Row(elem_classes=["at-end"]):
                    split = gr.Dropdown(label="Split", filterable=False, interactive=True, min_width=120)
                    number = gr.Number(1, label="Page", precision=0, minimum=1, interactive=True, min_width=90)
                    back = gr.Button("Previous rows", size="md", min_width=120)
                    on = gr.Button("Next rows", size="md", min_width=120)
                where = gr.Markdown(elem_classes=["quiet"])
        dataset_form.build(home, dataset)
        task_form.build(page, home, tab, dataset)

    @access.handler
    def refresh(chosen):
        names = data.listing(home)
        return gr.update(choices=names, value=chosen if chosen in names else BUNDLED_DATASET)

    @access.handler
    def show_dataset(name):
        found = data.load(home, name)
        said, table = described(home, found)
        first = found.splits[0]
        return said, table, gr.update(choices=found.splits, value=first), 1, *shown_rows(found, first, 1)

    @access.handler
    def show_rows(name, split, number):
        return shown_rows(data.load(home, name), split, number)

    def turned(step: int):
        @access.handler
        def turn(name, split, number):
            found = data.load(home, name)
            number = max(1, min(pages(found, split), whole(number, "The page") + step))
            return number, *shown_rows(found, split, number)

        return turn

    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    gr.on([page.load, tab.select], refresh, dataset, dataset, **quiet)
    shown = [summary, counts, split, number, rows, where]
    gr.on([page.load, dataset.change], show_dataset, dataset, shown, api_visibility="private", show_progress="minimal")
    gr.on([split.input, number.submit, number.blur], show_rows, [dataset, split, number], [rows, where], **quiet)
    back.click(turned(-1), [dataset, split, number], [number, rows, where], **quiet)
    on.click(turned(1), [dataset, split, number], [number, rows, where], **quiet)


def described(home: Home, dataset: Dataset) -> tuple[str, dict]:
    """What is in a dataset, in words and as a table of rows and labels by split. Looked at once for each state of it."""
    files = [*dataset.files.values(), home.tasks / f"{dataset.name}.yaml"]
    state = tuple((path, path.stat().st_mtime_ns) for path in files if path.is_file())
    return _described(home, dataset.name, state)


@lru_cache(maxsize=16)
def _described(home: Home, name: str, state: tuple) -> tuple[str, dict]:
    found = preview.describe(
        home, data.load(home, name), None, BUNDLED_MODEL, Config().max_length, most=preview.PREVIEW_ROWS
    )
    counted = "prompt with its answer" if name in tasks.listing(home) else "text"
    splits, tokens = found["splits"], found["tokens"]
    labels = list(dict.fromkeys(label for about in splits.values() for label in about["labels"]))
    table = [["rows", *(f"{about['rows']:,}" for about in splits.values())]]
    for label in labels[:MOST_LABELS]:
        table.append([cut(label), *(f"{about['labels'].get(label, 0):,}" for about in splits.values())])
    if len(labels) > MOST_LABELS:
        table.append([f"and {len(labels) - MOST_LABELS:,} more labels", *("" for _ in splits)])
    said = [
        found["about"],
        f"Columns: {', '.join(found['columns'])}.",
        f"Texts that stand twice in a split: {found['duplicates']:,}; in more than one split: {found['overlap']:,}.",
        f"Longest {counted} of the first {preview.PREVIEW_ROWS:,} rows: {tokens['max']:,} tokens of the bundled model; "
        f"95% have {tokens['p95']:,} or fewer.",
    ]
    return "\n\n".join(look.plain(line) for line in said if line), {"headers": ["", *splits], "data": table}


def shown_rows(dataset: Dataset, split: str, number) -> tuple:
    """One page of a split's rows, cells as text, and a line that says where it is."""
    total, number = preview.size(dataset, split), whole(number, "The page")
    if not 1 <= number <= pages(dataset, split):
        raise InputError(f"Page {number}: {dataset.name}/{split} has the pages 1 to {pages(dataset, split)}.")
    start = (number - 1) * PAGE_ROWS
    found = preview.rows_at(dataset, split, start, PAGE_ROWS)
    columns = preview.columns_of(dataset, split)[:MOST_COLUMNS]
    table = [[str(start + i), *(cut(text_of(row[column])) for column in columns)] for i, row in enumerate(found)]
    where = f"Rows {start:,} to {start + len(found) - 1:,} of {total:,}, counted from 0."
    value = {"headers": ["row", *map(cut, columns)], "data": table}
    return gr.update(value=value, column_widths=widths(value)), where


def widths(table: dict) -> list[str]:
    """Widths of columns by what stands in them; together they fill the table, unless it has many columns."""
    longest = [min(60, max(map(len, column))) for column in zip(table["headers"], *table["data"], strict=True)]
    least = 0.2 if len(longest) < 5 else 0.14
    shares = [0.12, *(max(letters / sum(longest), least) for letters in longest[1:])]
    widest = shares.index(max(shares))
    shares[widest] = max(0.3, 1 - sum(share for i, share in enumerate(shares) if i != widest))
    return [f"{share:.0%}" for share in shares]


def pages(dataset: Dataset, split: str) -> int:
    return max(1, -(-preview.size(dataset, split) // PAGE_ROWS))


def whole(number, what: str) -> int:
    """A number that a browser sent, if it is a whole one."""
    if isinstance(number, bool) or not isinstance(number, int | float) or number != int(number):
        raise InputError(f"{what} must be a whole number.")
    return int(number)


def cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"
