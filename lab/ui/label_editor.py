"""The table of labels with what one does to its rows, the chosen label in a form below it, and the way back."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from lab import data, preview
from lab.home import Home
from lab.ui import access, label_table
from lab.ui.label_table import ALIASES, COLUMNS, DEFINITION, EMPTY, INTO, NAME, Row

MOST_LABELS = 100  # taken over from a dataset
MOST_STEPS = 50  # that can be undone
SHOWN_LETTERS = 90  # of a cell that is not being edited

History = list[tuple[tuple | None, list[Row]]]  # what was edited, and the table after it; the last one stands


@dataclass(frozen=True)
class LabelEditor:
    """The table; the `parts` that `opened` fills; what `standing` reads."""

    table: gr.Dataframe
    parts: list[gr.components.Component]
    all_of_it: list[gr.components.Component]


def build(home: Home, dataset: gr.Dropdown, column: gr.Dropdown, edited_at: gr.State) -> LabelEditor:
    """Table, buttons and form; `edited_at` gets a new time with every change. `column` holds the labels of the data."""
    table = gr.Dataframe(
        headers=COLUMNS,
        datatype="str",
        type="array",
        column_count=(4, "fixed"),
        row_count=(2, "dynamic"),
        column_widths=["24%", "42%", "15%", "19%"],
        label="Labels",
        show_label=False,
        interactive=True,
        wrap=True,
        buttons=[],
        max_height=420,
        max_chars=SHOWN_LETTERS,
        elem_classes=["words-table", "labels-table"],
    )
    gr.Markdown(
        "Each row is a label as it stands in the data. A click chooses a row, a double click or Enter edits a cell.",
        elem_classes=["quiet"],
    )
    with gr.Row(elem_classes=["at-end"]):
        add = gr.Button("Add a label", size="sm", min_width=110)
        from_data = gr.Button("Add labels from the data", size="sm", min_width=110)
        undo = gr.Button("Undo", size="sm", min_width=80)
    with gr.Column(elem_classes=["chosen-label"]):
        with gr.Row(elem_classes=["at-end"]):
            chosen = gr.Dropdown([], label="Chosen label", filterable=False, interactive=True, min_width=230, scale=3)
            up = gr.Button("Move up", size="sm", min_width=70)
            down = gr.Button("Move down", size="sm", min_width=70)
            remove = gr.Button("Remove", size="sm", min_width=70)
        with gr.Row():
            name = gr.Textbox(label="Label as in the data", max_lines=1, min_width=130)
            into = gr.Dropdown([""], value="", label="Merge into", interactive=True, filterable=False, min_width=130)
            aliases = gr.Textbox(label="Aliases (a, b)", max_lines=1, min_width=130)
        definition = gr.Textbox(label="Definition", lines=4, max_lines=14)
    said = gr.Markdown(elem_classes=["said", "labels-said"])
    # Which row the form shows: sent with what is typed, so that no text is written into the row chosen after it.
    row = gr.Number(0, visible="hidden", precision=0)
    history = gr.State([])

    form = [chosen, row, name, definition, aliases, into]
    parts = [table, *form, history]
    all_of_it = [table, history, row, name, definition, aliases, into]
    quiet = {"api_visibility": "private", "show_progress": "hidden"}

    def does(change: Callable, *more):
        """A handler that changes the table by a function of it and of the chosen row."""

        @access.handler
        def do(chosen, table, history, *values):
            rows = standing(table, history, *values[:5])
            new, i, words = change(rows, number(chosen), *values[5:])
            return *opened(new, i, after(after(history, None, rows), None, new)), words, time.time()

        return [do, [chosen, *all_of_it, *more], [*parts, said, edited_at]]

    def add_found(rows, i, dataset_name, column):
        found = preview.labels_in(data.load(home, dataset_name), column or "")[:MOST_LABELS]
        return label_table.with_labels(rows, found)

    up.click(*does(lambda rows, i: label_table.moved(rows, i, -1)), **quiet)
    down.click(*does(lambda rows, i: label_table.moved(rows, i, 1)), **quiet)
    remove.click(*does(label_table.removed), **quiet)
    add.click(*does(lambda rows, i: label_table.added(rows)), **quiet)
    from_data.click(*does(add_found, dataset, column), **quiet)

    @access.handler
    def take_back(chosen, history):
        if len(history) < 2:
            return *[gr.skip()] * len(parts), "There is nothing to undo.", gr.skip()
        history = history[:-1]
        return *opened(history[-1][1], number(chosen), history), "Undone.", time.time()

    def went_on(rows, i, table, history):
        """The form for another row; the table too, where what was typed last had not yet reached it."""
        if rows == label_table.all_rows(table):
            return gr.skip(), *in_form(rows, i), *[gr.skip()] * 2
        return *opened(rows, i, after(history, None, rows)), time.time()

    @access.handler
    def click(event: gr.SelectData, *values):
        rows, i = standing(*values), event.index[0]
        clicked = label_table.all_rows([event.row_value or []])[0]
        if not (i < len(rows) and rows[i][NAME] == clicked[NAME]):  # the table is shown in another order
            i = next((j for j, row in enumerate(rows) if row[NAME] == clicked[NAME]), i)
        return went_on(rows, i, *values[:2])

    @access.handler
    def choose(chosen, *values):
        return went_on(standing(*values), chosen, *values[:2])

    @access.handler
    def type_in_table(table, chosen, history):
        rows = label_table.all_rows(table)
        before = history[-1][1] if history else rows
        if rows == before:
            return [gr.skip()] * (len(parts) + 1)
        new = label_table.renamed(before, rows)
        return *opened(new, number(chosen), after(history, None, new), redraw=new != rows), time.time()

    def types(column: int):
        """A handler for a field of the form, which writes a cell of the row that the form shows."""

        @access.handler
        def write(text, row, table, history):
            rows, i, text = label_table.all_rows(table), number(row), str(text or "")
            text = text if column == DEFINITION else text.strip()
            if not i < len(rows) or rows[i][column] == text:
                return [gr.skip()] * 4
            going_on = len(history) > 1 and history[-1] == (
                (i, column),
                rows,
            )  # one step back undoes all that was typed
            base = history[-2][1] if going_on else rows
            new = label_table.written(base, i, column, text)
            return new, gr.update(choices=names(new)), after(history, (i, column), new), time.time()

        return [write, [row, table, history], [table, chosen, history, edited_at]]

    # Each click counts, also one that comes before the page has heard of the one before it.
    several = {"trigger_mode": "multiple", "concurrency_limit": 1}
    undo.click(take_back, [chosen, history], [*parts, said, edited_at], **several, **quiet)
    table.select(click, all_of_it, [*parts, edited_at], **quiet)
    table.input(type_in_table, [table, chosen, history], [*parts, edited_at], **quiet)
    chosen.input(choose, [chosen, *all_of_it], [*parts, edited_at], **quiet)
    for field, cell in ((name, NAME), (definition, DEFINITION), (aliases, ALIASES), (into, INTO)):
        event = field.input if field is into else field.change  # `input` of a text box misses pasting and deleting
        write, others, outputs = types(cell)
        event(write, [field, *others], outputs, trigger_mode="always_last", **quiet)
    return LabelEditor(table, parts, all_of_it)


def standing(table: list, history: History, row, name, definition, aliases, into) -> list[Row]:
    """The rows as they stand, with what was typed into the form a moment ago and has not reached the table yet.

    Whoever types into a cell of the table itself is not overruled by the form, which follows a moment later.
    """
    rows, i, last = label_table.all_rows(table), number(row), history[-1][1] if history else None
    typed = [str(name or "").strip(), str(definition or ""), str(aliases or "").strip(), str(into or "").strip()]
    new = rows
    for column, text in enumerate(typed):
        new = label_table.written(new, i, column, text)
    return new if last in (rows, new) else rows


def opened(rows: list[Row], i: int = 0, history: History | None = None, redraw: bool = True) -> tuple:
    """The values of the editor's parts for a table; without a history one begins."""
    rows = rows or [EMPTY]
    return rows if redraw else gr.skip(), *in_form(rows, i), history or [(None, rows)]


def in_form(rows: list[Row], i: int) -> tuple:
    """The values of the form for a row of the table."""
    i = min(max(0, number(i)), max(0, len(rows) - 1))
    row = rows[i] if rows else EMPTY
    targets = [other[NAME] for other in rows if other[NAME] and other[INTO] in ("", other[NAME]) and other is not row]
    if row[INTO] and row[INTO] not in targets:
        targets.append(row[INTO])
    into = gr.update(choices=["", *dict.fromkeys(targets)], value=row[INTO])
    return gr.update(choices=names(rows), value=i), i, row[NAME], row[DEFINITION], row[ALIASES], into


def names(rows: list[Row]) -> list[tuple[str, int]]:
    """The rows as they can be chosen."""
    return [(f"{i + 1}. {row[NAME] or 'without a name'}", i) for i, row in enumerate(rows)]


def after(history: History, what: tuple | None, rows: list[Row]) -> History:
    """The history with one more step, or with its last one gone on with where the same cell is being typed in."""
    if history and history[-1][1] == rows:
        return history
    kept = history[:-1] if what and len(history) > 1 and history[-1][0] == what else history
    return [*kept, (what, rows)][-MOST_STEPS:]


def number(value) -> int:
    """The number of a row as a browser sent it; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
