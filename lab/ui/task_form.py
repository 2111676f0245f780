"""The part of the Dataset tab that edits a task and shows the exact prompt of a row while one edits."""

import csv
import io
import time

import gradio as gr
import yaml

from lab import bases, data, preview, tasks
from lab import task as task_file
from lab.config import BUNDLED_MODEL, BUNDLED_TASK, ID
from lab.data import Dataset
from lab.errors import InputError
from lab.home import Home
from lab.packing import cost_in_words
from lab.task import Task
from lab.ui import access, look

LABEL_COLUMNS = ["name", "definition", "aliases", "merge"]
KINDS = ["classify", "generate"]
FORMATS = list(Task.model_json_schema()["properties"]["format"]["enum"])
NEW = ("New task for this dataset", "")
MOST_LABELS = 100  # taken over from a dataset


def build(page: gr.Blocks, home: Home, tab: gr.Tab, dataset: gr.Dropdown) -> None:
    """The editor on the left, the exact prompt on the right."""
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            gr.Markdown("## Task", elem_classes=["section"])
            with gr.Row():
                task = gr.Dropdown(
                    choices_of(home),
                    value=BUNDLED_TASK,
                    label="Task",
                    filterable=False,
                    interactive=True,
                    min_width=160,
                )
                kind = gr.Radio(KINDS, value="classify", label="Kind", min_width=160)
            with gr.Row():
                column = {"allow_custom_value": True, "interactive": True, "min_width": 130}
                text = gr.Dropdown([], label="Text column", **column)
                label = gr.Dropdown([], label="Label column", **column)
                target = gr.Dropdown([], label="Answer column", **column)
            instruction = gr.Textbox(
                label="Instruction", lines=3, max_lines=12, info="$labels stands for the list of labels."
            )
            prompt = gr.Textbox(
                label="Row template",
                lines=2,
                max_lines=12,
                info="$column is a cell of the row; [[ … $column … ]] drops out when that cell is empty.",
            )
            labels = gr.Dataframe(
                headers=LABEL_COLUMNS,
                datatype="str",
                type="array",
                column_count=(4, "fixed"),
                row_count=(2, "dynamic"),
                column_widths=["22%", "44%", "17%", "17%"],
                label="Labels",
                interactive=True,
                wrap=True,
                buttons=[],
                max_height=420,
                elem_classes=["words-table", "labels-table"],
            )
            gr.Markdown(
                "A double click edits a cell. Aliases and merged labels have commas between them; a row without a name is left out.",
                elem_classes=["quiet"],
            )
            with gr.Row():
                add_row = gr.Button("Add a label", size="sm", min_width=120)
                from_data = gr.Button("Add labels from the data", size="sm", min_width=120)
            with gr.Row():
                with_definitions = gr.Checkbox(True, label="Definitions in $labels", min_width=160)
                form = gr.Dropdown(
                    FORMATS, value="auto", label="Format", filterable=False, interactive=True, min_width=120
                )
            read = gr.Textbox(
                label="Where the label stands in the answer",
                info="A regular expression with one group.",
                visible=False,
                max_lines=1,
            )
            with gr.Row(elem_classes=["at-end"]):
                name = gr.Textbox(label="Save as", max_lines=1, min_width=160)
                save = gr.Button("Save task", variant="primary", min_width=120)
            saved = gr.Markdown(elem_classes=["said"])
        with gr.Column(scale=1, min_width=320, elem_classes=["stays-in-sight"]):
            gr.Markdown("## Exact prompt", elem_classes=["section"])
            with gr.Row():
                split = gr.Dropdown([], label="Split", filterable=False, interactive=True, min_width=110)
                number = gr.Number(0, label="Row", precision=0, minimum=0, interactive=True, min_width=90)
                model = gr.Dropdown(
                    [BUNDLED_MODEL],
                    value=BUNDLED_MODEL,
                    label="Model",
                    allow_custom_value=True,
                    interactive=True,
                    min_width=180,
                )
            tokens = gr.Markdown(elem_classes=["said"])
            exact = gr.HighlightedText(
                label="Exact prompt",
                show_label=False,
                color_map={preview.SHARED: look.SHARED_COLOUR, preview.TRAINED: look.TRAINED_COLOUR},
                show_legend=True,
                show_inline_category=False,
                interactive=False,
                elem_classes=["exact-prompt"],
                buttons=[],
            )
            looks = gr.Markdown(elem_classes=["said"])

    fields = [kind, text, label, target, instruction, prompt, labels, with_definitions, form, read]
    filled_at = gr.State(0.0)  # when the form was last filled by the lab and not by its user

    @access.handler
    def refresh(chosen):
        names = choices_of(home)
        return gr.update(choices=names, value=chosen if chosen in tasks.listing(home) else "")

    @access.handler
    def choose(dataset_name):
        """The task that belongs to a dataset: the one of its name, else a new one."""
        found = data.load(home, dataset_name)
        task_name = found.name if found.name in tasks.listing(home) else ""
        start = gr.update(choices=choices_of(home), value=task_name)
        splits = gr.update(choices=found.splits, value=found.splits[0])
        return start, splits, 0, *filled(home, task_name, found), time.time()

    @access.handler
    def fill(task_name, dataset_name):
        return *filled(home, task_name, data.load(home, dataset_name)), time.time()

    @access.handler
    def show(dataset_name, split, number, model, name, *values):
        if split is None:  # the form is still being filled
            return gr.skip()
        return shown(data.load(home, dataset_name), split, number, model, name, values)

    @access.handler
    def save_task(request: gr.Request, name, *values):
        try:
            access.may_change(request)
            kept = parsed(name, values)
            tasks.save(home, kept)
        except InputError as error:
            return gr.skip(), look.plain(str(error))
        return gr.update(choices=choices_of(home), value=kept.name), look.plain(f"Saved the task {kept.name}.")

    @access.handler
    def add_labels(dataset_name, *values):
        label, table = values[2], values[6]
        known = {row["name"] for row in labels_of(table)} | {
            x for row in labels_of(table) for x in row.get("merge", [])
        }
        found = preview.labels_in(data.load(home, dataset_name), label or "")[:MOST_LABELS]
        return [*filled_rows(table), *([x, "", "", ""] for x in found if x not in known)] or [[""] * 4], time.time()

    @access.handler
    def add_a_label(table):
        return [*filled_rows(table), [""] * 4], time.time()

    everything = [name, *fields]
    private = {"api_visibility": "private"}
    quiet = {**private, "show_progress": "hidden"}
    gr.on([tab.select], refresh, task, task, **quiet)
    outputs = [*everything, read, target, filled_at]
    gr.on([page.load, dataset.change], choose, dataset, [task, split, number, *outputs], **quiet)
    task.input(fill, [task, dataset], outputs, **quiet)
    add_row.click(add_a_label, labels, [labels, filled_at], **quiet)
    from_data.click(add_labels, [dataset, *fields], [labels, filled_at], **quiet)
    kind.input(by_kind, kind, [read, target], **quiet)
    # `input` of a text box comes with printing keys alone, not with pasting or deleting; `change` comes with all of it.
    edits = [
        field.change if isinstance(field, gr.Textbox) else field.input for field in (*fields, split, number, model)
    ]
    asked = [dataset, split, number, model, *everything]
    gr.on([*edits, filled_at.change], show, asked, [exact, tokens, looks], trigger_mode="always_last", **quiet)
    save.click(save_task, everything, [task, saved], **private)


def choices_of(home: Home) -> list:
    return [NEW, *((name, name) for name in tasks.listing(home))]


# -- between a task and the form -------------------------------------------------------------------------------------


def filled(home: Home, task_name: str | None, dataset: Dataset) -> tuple:
    """The values of name and fields for a task, or for a new one where `task_name` is empty."""
    about = dataset.about
    if task_name:
        values = tasks.load(home, task_name).model_dump()
    else:
        found = preview.labels_in(dataset, about.label)[:MOST_LABELS] if about.label else []
        values = {"with_definitions": True, "format": "auto", "read": None, **tasks.draft(about, found)}
    columns = preview.columns_of(dataset, dataset.splits[0])
    rows = [
        [x["name"], x.get("definition", ""), *(joined(x.get(k, [])) for k in LABEL_COLUMNS[2:])]
        for x in values["labels"]
    ]
    return (
        values["name"],
        values["kind"],
        gr.update(choices=columns, value=values["text"]),
        gr.update(choices=["", *columns], value=values["label"] or ""),
        gr.update(choices=["", *columns], value=values["target"] or ""),
        values["instruction"],
        values["prompt"],
        rows or [[""] * 4],
        values["with_definitions"],
        values["format"],
        values["read"] or "",
        *by_kind(values["kind"]),
    )


def by_kind(kind: str) -> tuple:
    """The fields that only a generate task has."""
    return gr.update(visible=kind == "generate"), gr.update(visible=kind == "generate")


def parsed(name: str | None, values: tuple) -> Task:
    """The task that stands in the form. Raises InputError with all that is wrong with it."""
    kind, text, label, target, instruction, prompt, labels, with_definitions, form, read = values
    generate = kind == "generate"
    content = {
        "name": (name or "").strip(),
        "kind": kind,
        "text": text or "",
        "label": label or None,
        "target": (target or None) if generate else None,
        "instruction": instruction or "",
        "with_definitions": with_definitions,
        "labels": labels_of(labels),
        "prompt": prompt or "",
        "format": form,
        "read": (read or None) if generate else None,
    }
    return task_file.parse(yaml.safe_dump(content, allow_unicode=True), "The task")


def filled_rows(table: list) -> list[list[str]]:
    """The rows of the table of labels that are not empty, each with its four cells as text."""
    rows = [["" if cell is None else str(cell).strip() for cell in [*row, "", "", "", ""][:4]] for row in table or []]
    return [row for row in rows if any(row)]


def labels_of(table: list) -> list[dict]:
    """The labels of the table. Raises InputError when a row has a definition but no name."""
    found = []
    for number, (name, definition, aliases, merge) in enumerate(filled_rows(table), 1):
        if not name:
            raise InputError(f"Labels, row {number}: give the label a name, or empty the row.")
        found.append({"name": name, "definition": definition, "aliases": split_up(aliases), "merge": split_up(merge)})
    return found


def joined(words: list[str]) -> str:
    """Words with commas between; a word that holds one is quoted, as in a csv file."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(words)
    return line.getvalue().replace(",", ", ") if not any("," in word for word in words) else line.getvalue()


def split_up(cell: str) -> list[str]:
    """The words of a cell; see `joined`."""
    words = next(csv.reader([cell.replace("\n", " ")], skipinitialspace=True), [])
    return [word.strip() for word in words if word.strip()]


# -- the exact prompt ------------------------------------------------------------------------------------------------


def shown(dataset: Dataset, split: str, number, model: str | None, name: str | None, values: tuple) -> tuple:
    """What stands beside the editor: pieces of the prompt, a line about its tokens, what looks wrong."""
    try:
        number = -1 if number is None or number != int(number) else int(number)
        task = parsed(name if ID.fullmatch(name or "") else "new", values)  # the name matters when it is saved
        found = preview.of_row(task, dataset, split, number, bases.find(access.model_id(model)))
        problems = preview.look_for_problems(task, dataset)
    except InputError as error:
        return (
            gr.skip(),
            "**Not as edited: what is below is the last prompt without problems.**",
            look.plain(str(error)),
        )
    return found["spans"], counted(found), "\n".join(noted(found, problems))


def counted(found: dict) -> str:
    """How many tokens there are, what of them is trained and what is shared."""
    about = "" if found["exact"] else "estimated "
    trained = "none of them trained, for the row has no answer"
    if found["trained_tokens"]:
        trained = f"{found['trained_tokens']} of them trained (“{look.plain(found['trained_text'].strip())}”)"
    shared = f"the first {found['shared_prefix_tokens']} shared by all rows"
    costs = f"Training: {cost_in_words(found['batch'])}."
    return f"**{about}{found['tokens']} tokens**, {trained}, {shared}. {costs} Format: {found['format']}."


def noted(found: dict, problems: list[dict]) -> list[str]:
    """A list in Markdown of notes about the rendering and what lint says, errors first."""
    messages = {x["message"] for x in problems}
    lines = [f"- {look.plain(note)}" for note in found["notes"] if note not in messages]
    lines += [f"- Not checked: {look.plain(x)}." for x in found.get("unchecked", [])]
    for x in sorted(problems, key=lambda x: x["severity"]):
        rows = f" ({x['rows']:,} row{'s' * (x['rows'] > 1)})" if x["rows"] else ""
        lines.append(f"- **{x['severity'].capitalize()}:** {look.plain(x['message'] + rows)}")
    return lines or ["Nothing looks wrong."]
