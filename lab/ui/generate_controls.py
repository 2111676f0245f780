"""What is asked in the Generate tab: subjects, a row, a text, a raw prompt or a chat, and the decoding."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
from pydantic import ValidationError

from lab import asking, config, data
from lab.answered import MOST_ANSWERS, Given
from lab.asking import LONGEST
from lab.config import Decoding
from lab.errors import InputError
from lab.home import Home
from lab.task import plain_problems
from lab.ui import access, form, look, offer

WAYS = [("A row of the data", "row"), ("A text", "text"), ("A raw prompt", "raw"), ("A chat", "chat")]
OWN_ROWS = ("the run's own", "")
QUIET = {"api_visibility": "private", "show_progress": "hidden"}


def build() -> SimpleNamespace:
    """The parts by their names. `inputs` are those that `given_of` reads, in its order."""
    most = {"multiselect": True, "max_choices": MOST_ANSWERS, "interactive": True}
    chosen = gr.Dropdown(["base"], value=["base"], label="Subjects", info="the base and up to four others", **most)
    way = gr.Radio(WAYS, value="row", label="Ask with")
    row_form, dataset, split, number, steps, row_text = _row_form()
    long = {"max_length": LONGEST, "visible": False}
    text = gr.Textbox(label="Text", info="Asked through the task.", lines=3, max_lines=20, **long)
    raw = gr.Textbox(label="Raw prompt", info="Goes to the model as it is.", lines=5, max_lines=30, **long)
    with gr.Column(visible=False) as chat_form:
        about = "What stands before the conversation; may be empty."
        system = gr.Textbox(label="System message", info=about, lines=1, max_lines=12, max_length=LONGEST)
        about = "Each subject goes on with its own conversation, in which its own answers stand; other subjects begin a new one."
        message = gr.Textbox(label="Message", info=about, lines=2, max_lines=20, max_length=LONGEST)
        new_chat = gr.Button("New chat", size="sm", min_width=120)
    with gr.Accordion("Decoding", open=False):
        decoding = _decoding_fields()
    forms = {"row": row_form, "text": text, "raw": raw, "chat": chat_form}
    inputs = [chosen, way, dataset, split, number, text, raw, system, message, *decoding]
    return SimpleNamespace(**locals())


def _row_form() -> tuple:
    with gr.Column() as row_form:
        with gr.Row(elem_classes=["at-end"]):
            few = {"filterable": False, "interactive": True, "min_width": 140}
            dataset = gr.Dropdown([OWN_ROWS], value="", label="Dataset of the row", **{**few, "min_width": 180})
            split = gr.Dropdown(["validation"], value="validation", label="Rows", **few)
            number = gr.Number(0, label="Row", precision=0, minimum=0, interactive=True, min_width=120)
            steps = [gr.Button(word, min_width=90) for word in ("Previous", "Next", "Random")]
        row_text = gr.Textbox(label="Its text", interactive=False, lines=2, max_lines=12)
    return row_form, dataset, split, number, steps, row_text


def _decoding_fields() -> list:
    """The widgets of the decoding, in the order of its keys."""
    keys = [field for field in form.fields() if field.key.startswith("decoding.")]
    with gr.Row():
        return [form.component(replace(field, key=field.key.removeprefix("decoding.")), 240) for field in keys]


def wire(page: gr.Blocks, home: Home, parts: SimpleNamespace) -> None:
    """What the controls do among themselves."""

    @access.handler
    def switch(way):
        return [gr.update(visible=way == kind) for kind in parts.forms]

    @access.handler
    def show_row(names, dataset, split, number):
        """The text of a row, how many rows there are, and what else there is to choose from."""
        choices = gr.update(choices=[OWN_ROWS, *data.listing(home)])
        try:
            splits = asking.splits_of(home, offer.taken(names, MOST_ANSWERS), dataset or "")
            there = split in splits
            found = rows(home, names, dataset, split if there else splits[0])
            numbers = gr.update(label=f"Row (0 to {len(found.rows) - 1:,})")
            said = asking.asked_text(found.task, asking.row_at(found.rows, number))
            offered = gr.update(choices=splits) if there else gr.update(choices=splits, value=splits[0])
            return choices, offered, numbers, said
        except InputError as error:
            return choices, gr.skip(), gr.skip(), look.spelled(str(error))

    def stepped(to: Callable[[int, int], int]) -> Callable:
        @access.handler
        def step(names, dataset, split, number):
            last = len(rows(home, names, dataset, split).rows) - 1
            now = int(number) if isinstance(number, int | float) and abs(number) < 1e12 else 0
            return max(0, min(last, to(now, last)))

        return step

    parts.way.change(switch, parts.way, list(parts.forms.values()), **QUIET)
    place = [parts.chosen, parts.dataset, parts.split, parts.number]
    shown = [parts.dataset, parts.split, parts.number, parts.row_text]
    changes = [page.load, *(part.change for part in place)]
    gr.on(changes, show_row, place, shown, trigger_mode="always_last", **QUIET)
    moves = (lambda now, last: now - 1, lambda now, last: now + 1, lambda now, last: random.randint(0, last))
    for button, to in zip(parts.steps, moves, strict=True):
        button.click(stepped(to), place, parts.number, trigger_mode="always_last", **QUIET)


def rows(home: Home, names, dataset, split):
    """The rows that stand in the controls. Raises InputError."""
    if not isinstance(dataset, str | None) or not isinstance(split, str):
        raise InputError("Choose a dataset and its rows.")
    return asking.rows_of(home, offer.taken(names, MOST_ANSWERS), dataset or "", split)


def given_of(names, way, dataset, split, number, text, raw, system, message, *decoding) -> Given:
    """What stands in `inputs`. Raises InputError for what is wrong with it."""
    names = offer.taken(names, MOST_ANSWERS)
    if way == "row" and not (isinstance(number, int | float) and number == number // 1 and number >= 0):
        raise InputError("Rows are counted from 0: write the number of one.")
    values = {"names": names, "way": way, "dataset": dataset or "", "split": split, "decoding": read_decoding(decoding)}
    values["row"] = int(number) if way == "row" else 0
    values["text"] = {"text": text, "raw": raw, "chat": message}.get(way, "") if isinstance(way, str) else ""
    values["system"] = system if way == "chat" and isinstance(system, str) else ""
    if way in ("text", "raw", "chat"):
        asking.written(values["text"])
    try:
        return Given.model_validate(values)
    except ValidationError as error:
        raise InputError(f"This cannot be asked:\n{plain_problems(error, list(Given.model_fields))}") from error


def read_decoding(values: tuple) -> Decoding:
    """The decoding that stands in its widgets. Raises InputError with all that is wrong with it."""
    given = [None if isinstance(value, str) and not value.strip() else value for value in values]
    keys = Decoding.model_fields
    return config.decoding([f"{key}={json.dumps(value)}" for key, value in zip(keys, given, strict=True)])


def put_back(home: Home, parts: SimpleNamespace, given: Given) -> dict:
    """The values of the controls for what was asked before; a subject that is gone is left out."""
    names = [name for name in given.names if name in offer.on_offer(home)]
    places = {"text": parts.text, "raw": parts.raw}
    values = {parts.way: given.way, **({parts.chosen: names} if names else {})}
    if given.way == "row":
        splits = list(dict.fromkeys([*asking.OWN_SPLITS, given.split]))
        values |= {parts.dataset: given.dataset, parts.split: gr.update(choices=splits, value=given.split)}
        values[parts.number] = given.row
    elif given.way == "chat":
        values |= {parts.system: given.system, parts.message: ""}
    else:
        values[places[given.way]] = given.text
    keys = [field for field in form.fields() if field.key.startswith("decoding.")]
    for part, field in zip(parts.decoding, keys, strict=True):
        value = getattr(given.decoding, field.key.removeprefix("decoding."))
        values[part] = str(value) if form.widget(field) == "text" and value is not None else value
    return values
