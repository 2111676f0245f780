"""The part of the Dataset tab that edits a task: its fields, the exact prompt beside them, and its versions below."""

from dataclasses import dataclass

import gradio as gr

from lab import data, tasks, versions
from lab.config import BUNDLED_MODEL, BUNDLED_TASK
from lab.errors import InputError
from lab.home import Home
from lab.task import Task
from lab.ui import access, exact_prompt, label_editor, label_table, look, put_aside, version_panel
from lab.ui.label_editor import LabelEditor
from lab.ui.put_aside import PutAside
from lab.ui.task_values import LABELS, by_kind, opened, parsed, reopened, shown, stood_as, without, without_problems

KINDS = ["classify", "generate"]
FORMATS = list(Task.model_json_schema()["properties"]["format"]["enum"])
NEW = ("New task for this dataset", "")


@dataclass(frozen=True)
class Form:
    """What is edited. `fields` are what `parsed` reads, in its order; `edited_at` gets a new time when the lab fills them."""

    task: gr.Dropdown
    fields: list[gr.components.Component]
    labels: LabelEditor
    name: gr.Textbox
    save: gr.Button
    said: gr.Markdown
    edited_at: gr.State
    stood: gr.JSON  # what the lab put into it last, see `put_aside`
    aside: PutAside

    @property
    def everything(self) -> list:
        """The name and the fields, as `filled` gives them."""
        return [self.name, *self.fields]

    @property
    def opened(self) -> list:
        """What `opened` fills."""
        label_parts = self.labels.parts[1:]  # the table is one of the fields
        return [*self.everything, self.fields[-1], self.fields[3], *label_parts, self.edited_at, self.stood]


@dataclass(frozen=True)
class Beside:
    """Which row is shown with which model, and what is shown of it."""

    split: gr.Dropdown
    number: gr.Number
    model: gr.Dropdown
    outputs: list[gr.components.Component]  # as `shown` gives them


def build(page: gr.Blocks, home: Home, tab: gr.Tab, dataset: gr.Dropdown) -> tuple[gr.Dropdown, gr.Number, gr.State]:
    """The editor on the left, the exact prompt on the right, versions below.

    Returns the split and the row of the exact prompt, and the time of the last edit, a change of which shows it anew.
    """
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            form, label_balance = _editor(home, dataset)
        with gr.Column(scale=1, min_width=320, elem_classes=["stays-in-sight"]):
            beside = _beside(label_balance)
    panel = version_panel.build()
    _fills(page, home, tab, dataset, form, beside, panel)
    _shows(home, dataset, form, beside, panel)
    _keeps(home, dataset, form, panel)
    return beside.split, beside.number, form.edited_at


def _editor(home: Home, dataset: gr.Dropdown) -> tuple[Form, gr.HTML]:
    edited_at = gr.State(0.0)
    gr.Markdown("## Task", elem_classes=["section"])
    with gr.Row():
        task = gr.Dropdown(
            choices_of(home), value=BUNDLED_TASK, label="Task", filterable=False, interactive=True, min_width=160
        )
        kind = gr.Radio(KINDS, value="classify", label="Kind", min_width=160)
    aside = put_aside.build()
    stood = gr.JSON(visible="hidden")  # in the page, so that it comes with the values of the same moment
    with gr.Row():
        column = {"allow_custom_value": True, "interactive": True, "min_width": 130}
        text = gr.Dropdown([], label="Text column", **column)
        label = gr.Dropdown([], label="Label column", **column)
        target = gr.Dropdown([], label="Answer column", **column)
    instruction = gr.Textbox(label="Instruction", lines=3, max_lines=12, info="$labels stands for the list of labels.")
    prompt = gr.Textbox(
        label="Row template",
        lines=2,
        max_lines=12,
        info="$column is a cell of the row; [[ … $column … ]] drops out when that cell is empty.",
    )
    with gr.Row():
        with_definitions = gr.Checkbox(True, label="Definitions in $labels", min_width=160)
        form = gr.Dropdown(FORMATS, value="auto", label="Format", filterable=False, interactive=True, min_width=120)
    read = gr.Textbox(
        label="Where the label stands in the answer",
        info="A regular expression with one group.",
        visible=False,
        max_lines=1,
    )
    gr.Markdown("## Labels", elem_classes=["section"])
    labels = label_editor.build(home, dataset, label, edited_at)
    gr.Markdown("### What merging does", elem_classes=["section"])
    label_balance = gr.HTML(elem_classes=["label-balance", "flat"])
    with gr.Row(elem_classes=["at-end"]):
        name = gr.Textbox(label="Save as", max_lines=1, min_width=160)
        save = gr.Button("Save task", variant="primary", min_width=120)
    said = gr.Markdown(elem_classes=["said"])
    fields = [kind, text, label, target, instruction, prompt, labels.table, with_definitions, form, read]
    return Form(task, fields, labels, name, save, said, edited_at, stood, aside), label_balance


def _beside(label_balance: gr.HTML) -> Beside:
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
    gr.HTML(exact_prompt.legend(), elem_classes=["flat"])
    exact = gr.HTML(elem_classes=["exact-prompt", "flat"])
    looks = gr.Markdown(elem_classes=["said", "looks-wrong"])
    return Beside(split, number, model, [exact, tokens, looks, label_balance])


# -- events ----------------------------------------------------------------------------------------------------------

PRIVATE = {"api_visibility": "private"}
QUIET = {**PRIVATE, "show_progress": "hidden"}


def _fills(page, home: Home, tab, dataset, form: Form, beside: Beside, panel) -> None:
    """Events that put a task into the form."""

    @access.handler
    def refresh(chosen):
        there = chosen in tasks.listing(home)
        # What is chosen is not told again: another one may have been chosen by now.
        return gr.update(choices=choices_of(home)) if there else gr.update(choices=choices_of(home), value="")

    @access.handler
    def list_versions(chosen):
        return version_panel.listed(home, chosen)

    @access.handler
    def choose(dataset_name, *before):
        """The task that belongs to a dataset: the one of its name, else a new one."""
        found = data.load(home, dataset_name)
        task_name = found.name if found.name in tasks.listing(home) else ""
        start = gr.update(choices=choices_of(home), value=task_name)
        splits = gr.update(choices=found.splits, value=found.splits[0])
        panels = version_panel.listed(home, task_name)
        return start, splits, 0, *opened(home, task_name, found), *panels, *left_behind(*before)

    @access.handler
    def fill(task_name, dataset_name, *before):
        values = opened(home, task_name, data.load(home, dataset_name))
        return *values, *version_panel.listed(home, task_name), *left_behind(*before)

    @access.handler
    def restore(task_name, number, dataset_name, *before):
        if not task_name:
            raise InputError("Choose a saved task to restore a version of it.")
        version = versions.one(home, task_name, version_panel.whole(number))
        said = f"Version {version.number} of {task_name} stands in the editor. Save it to make it the newest one."
        values = opened(home, task_name, data.load(home, dataset_name), version.task)
        return *values, said, None, *left_behind(*before)

    @access.handler
    def bring_back(edits, dataset_name):
        task_name, name, *values = edits or [None] * (1 + len(form.everything))
        if edits is None:
            raise InputError("Nothing was put aside.")
        task_name = task_name if task_name in tasks.listing(home) else ""
        start = gr.update(choices=choices_of(home), value=task_name)
        standing = reopened(home, task_name, data.load(home, dataset_name), name, values)
        return start, *standing, *version_panel.listed(home, task_name), *put_aside.taken()

    tab.select(refresh, form.task, form.task, **QUIET).then(list_versions, form.task, panel.parts, **QUIET)
    # What is chosen last is filled in last, also while an earlier choice, or the first one, is under way.
    last = {"trigger_mode": "always_last", **QUIET}
    before, aside = [form.stood, *form.everything], form.aside
    outputs = [form.task, beside.split, beside.number, *form.opened, *panel.parts, *aside.parts]
    gr.on([page.load, dataset.change], choose, [dataset, *before], outputs, **last)
    form.task.input(fill, [form.task, dataset, *before], [*form.opened, *panel.parts, *aside.parts], **last)
    outputs = [*form.opened, panel.said, panel.asked, *aside.parts]
    panel.restore.click(restore, [form.task, panel.version, dataset, *before], outputs, **QUIET)
    outputs = [form.task, *form.opened, *panel.parts, *aside.parts]
    aside.button.click(bring_back, [aside.edits, dataset], outputs, **QUIET)
    form.fields[0].input(by_kind, form.fields[0], [form.fields[-1], form.fields[3]], **QUIET)


def _shows(home: Home, dataset, form: Form, beside: Beside, panel) -> None:
    """Events that show what follows from what stands in the form."""

    @access.handler
    def show(dataset_name, split, number, model, name, *values):
        if split is None:  # the form is still being filled
            return gr.skip()
        return shown(data.load(home, dataset_name), split, number, model, name, values)

    @access.handler
    def differ(task_name, number, other, name, *values):
        return version_panel.compared(home, task_name, number, other, lambda: without_problems(name, values))

    # `input` of a text box comes with printing keys alone, not with pasting or deleting; `change` comes with all of it.
    fields = [field for field in form.fields if field is not form.labels.table]  # it has events of its own
    edits = [
        field.change if isinstance(field, gr.Textbox) else field.input
        for field in (*fields, beside.split, beside.number, beside.model)
    ]
    asked = [dataset, beside.split, beside.number, beside.model, *form.everything]
    showing = gr.on([*edits, form.edited_at.change], show, asked, beside.outputs, trigger_mode="always_last", **QUIET)
    to_compare = [form.task, panel.version, panel.other, *form.everything]
    showing.then(differ, to_compare, panel.difference, **QUIET)
    gr.on([panel.version.change, panel.other.change], differ, to_compare, panel.difference, **QUIET)


def _keeps(home: Home, dataset, form: Form, panel) -> None:
    """Events that change what is on disk."""
    warned = gr.State([])  # labels of which a second click is to save without their definitions

    @access.handler
    def save_task(request: gr.Request, warned, *values):
        of_labels, (name, *values) = values[: len(form.labels.all_of_it)], values[len(form.labels.all_of_it) :]
        values[LABELS] = label_editor.standing(*of_labels)
        nothing = [gr.skip()] * (4 + len(panel.parts))
        try:
            access.may_change(request)
            kept, lost = parsed(name, values), label_table.left_out(values[LABELS])
            if lost and lost != warned:
                return *nothing, look.plain(f"{without(lost)} Press “Save task” again to save without."), lost
            number, new = tasks.save(home, kept)
        except InputError as error:
            return *nothing, look.plain(str(error)), []
        said = f"Saved the task {kept.name} as version {number}." if new else f"{kept.name} is as in version {number}."
        start, stood = gr.update(choices=choices_of(home), value=kept.name), stood_as(kept.name, kept)
        return start, stood, "", None, *version_panel.listed(home, kept.name), said, lost

    @access.handler
    def delete(request: gr.Request, asked, name, dataset_name):
        access.may_change(request)
        stays = [gr.skip()] * (1 + len(form.opened) + len(panel.parts))
        try:
            first = version_panel.asks_twice(home, name, asked)
            if first:
                return *stays, look.plain(first), name
            versions.delete(home, name)
        except InputError as error:
            return *stays, look.plain(str(error)), None
        left = name if name in tasks.listing(home) else ""
        values = [*opened(home, left, data.load(home, dataset_name)), *version_panel.listed(home, left)]
        return gr.update(choices=choices_of(home), value=left), *values, f"Deleted the task {name}.", None

    form.save.click(
        save_task,
        [warned, *form.labels.all_of_it, *form.everything],
        [form.task, form.stood, panel.said, panel.asked, *panel.parts, form.said, warned],
        **PRIVATE,
    )
    outputs = [form.task, *form.opened, *panel.parts, panel.said, panel.asked]
    panel.delete.click(delete, [panel.asked, form.task, dataset], outputs, **PRIVATE)


def left_behind(stood, name, *values) -> tuple:
    """What becomes of edits that stand in the form when something else comes into it."""
    return put_aside.put(stood, without_problems(name, values), name, values)


def choices_of(home: Home) -> list:
    return [NEW, *((name, name) for name in tasks.listing(home))]
