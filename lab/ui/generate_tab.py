"""The Generate tab: one prompt to base and adapters side by side, each answer as it is made."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import gradio as gr

from lab import config, generator, subjects, tasks
from lab.config import BUNDLED_TASK, Decoding
from lab.errors import InputError, WorkError
from lab.home import Home
from lab.job import Stopped
from lab.subjects import Question
from lab.task import Task, fields, text_of
from lab.ui import access, answers, form, look, offer

MOST_SUBJECTS = 5
ROW, TEXT, RAW = "A row of the data", "A text", "A raw prompt"
LONGEST = 100_000  # letters of a text or a prompt
UPDATE_EVERY = 0.1  # seconds between two partial texts
LOOK_EVERY = 5  # seconds between two looks for new runs
STARTING = "Waiting for the generation worker; when it has to start, that takes a while."


def build(page: gr.Blocks, home: Home) -> None:
    with gr.Tab("Generate") as tab:
        chosen = gr.Dropdown(
            ["base"], value=["base"], label="Subjects", multiselect=True, max_choices=MOST_SUBJECTS, interactive=True
        )
        way = gr.Radio([ROW, TEXT, RAW], value=ROW, label="Ask with")
        with gr.Row() as row_form:
            number = gr.Number(0, label="Row", precision=0, minimum=0, interactive=True, scale=1, min_width=120)
            row_text = gr.Textbox(label="Its text", interactive=False, lines=2, max_lines=12, scale=5, min_width=280)
        text = gr.Textbox(
            label="Text", info="Asked through the task.", lines=3, max_lines=20, max_length=LONGEST, visible=False
        )
        raw = gr.Textbox(
            label="Raw prompt",
            info="Goes to the model as it is.",
            lines=5,
            max_lines=30,
            max_length=LONGEST,
            visible=False,
        )
        with gr.Accordion("Decoding", open=False):
            decoding = decoding_fields()
        with gr.Row():
            generate = gr.Button("Generate", variant="primary", min_width=120)
            cancel = gr.Button("Cancel", min_width=120, interactive=False)
        shown = gr.HTML(elem_classes=["side-by-side"])

        seen, offered = gr.State(None), gr.State(["base"])  # as in the Compare tab
        timer = gr.Timer(LOOK_EVERY)

    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    forms, choice = [row_form, text, raw], [seen, offered, chosen]

    @access.handler
    def watch(seen, offered, names):
        """What is on offer now; alike whichever comes first, the page that loads or a click on the tab."""
        others = offer.offered_now(home, seen, offered, names)
        return others[1:] if others else [gr.skip()] * 3

    @access.handler
    def switch(way):
        return [gr.update(visible=way == kind) for kind in (ROW, TEXT, RAW)]

    @access.handler
    def show_row(names, number):
        """The text of a row, and how many rows there are."""
        try:
            question = rows_of(home, names)
            last = len(question.rows) - 1
            return gr.update(label=f"Row (0 to {last:,})"), asked_text(question.task, row_at(question.rows, number))
        except InputError as error:
            return gr.skip(), str(error)

    def buttons(asking: bool) -> tuple[dict, dict]:
        """Generate while nothing is asked, Cancel while something is."""
        return gr.update(interactive=not asking), gr.update(interactive=asking)

    called_off: dict[str, threading.Event] = {}  # by session, of the answer that is being made

    @access.handler
    def answer(request: gr.Request, *values):
        """The answers as they grow, and what the buttons can do."""
        try:
            asked = asked_for(home, *values)
        except InputError as error:
            yield answers.side_by_side(look.spelled(str(error)), [], {}), gr.skip(), gr.skip()
            return
        halt = threading.Event()
        call_off(request)  # what was asked before, by Enter in a text
        called_off[request.session_hash] = halt
        for said, events in told(home, asked, halt):
            yield answers.side_by_side(look.spelled(said), asked.names, events), *buttons(asking=True)
        if called_off.get(request.session_hash) is halt:  # else another answer is being made by now
            del called_off[request.session_hash]
            yield gr.skip(), *buttons(asking=False)

    @access.handler
    def call_off(request: gr.Request):
        """The answer ends itself, so that what it says last stands; Gradio's own cancelling lets more of it come after."""
        if halt := called_off.get(request.session_hash):
            halt.set()

    gr.on([page.load, timer.tick, tab.select], watch, choice, choice, **quiet)
    way.change(switch, way, forms, **quiet)
    gr.on(
        [page.load, chosen.change, number.change],
        show_row,
        [chosen, number],
        [number, row_text],
        trigger_mode="always_last",
        **quiet,
    )
    inputs = [chosen, way, number, text, raw, *decoding]
    # Not `once`, which drops a click that comes before the browser has heard that the answer before it has ended.
    asking = [generate.click, text.submit, raw.submit]
    gr.on(asking, answer, inputs, [shown, generate, cancel], trigger_mode="multiple", **quiet)
    cancel.click(call_off, None, None, queue=False, **quiet)


def decoding_fields() -> list:
    """The widgets of the decoding, in the order of its keys."""
    keys = [field for field in form.fields() if field.key.startswith("decoding.")]
    with gr.Row():
        return [form.component(replace(field, key=field.key.removeprefix("decoding.")), 240) for field in keys]


# -- what is asked ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """What stands in the controls, looked up and checked."""

    names: list[str]
    task: Task
    row: dict | str
    decoding: Decoding
    known: bool  # whether it is a row of the data, which may have a true answer

    @property
    def reads_label(self) -> bool:
        return not isinstance(self.row, str) and (self.task.kind == "classify" or self.task.read is not None)

    @property
    def gold(self) -> str | None:
        return self.task.gold(self.row) if self.known else None

    def expected(self) -> str:
        answer = self.task.answer(self.row) if self.known else None
        if answer is None:
            return ""
        return f"The row's label is {answer}." if self.task.kind == "classify" else f"The row's own answer:\n{answer}"


def asked_for(home: Home, names, way, number, text, raw, *values) -> Asked:
    """Raises InputError for what is wrong or missing."""
    names = offer.taken(names, MOST_SUBJECTS)
    chosen = read_decoding(values)
    if way == ROW:
        question = rows_of(home, names)
        task, row = question.task, row_at(question.rows, number)
    elif way in (TEXT, RAW):
        task, row = task_of(home, names), written(text if way == TEXT else raw)
        row = {task.text: row} if way == TEXT else row
    else:
        raise InputError(f"Ask with one of: {ROW}, {TEXT}, {RAW}.")
    kind = "generate" if way == RAW else task.kind
    if chosen.mode == "labels" and kind != "classify":
        raise InputError("Decoding by labels needs the prompt of a classify task; choose greedy or sample here.")
    return Asked(names, task, row, chosen.for_kind(kind), known=way == ROW)


def task_of(home: Home, names: list[str]) -> Task:
    """The task of the first run chosen, else the bundled one."""
    own = next((subject.run.task for subject in subjects.resolve(home, names) if subject.run), None)
    return own or tasks.load(home, BUNDLED_TASK)


def rows_of(home: Home, names) -> Question:
    """The validation rows of the first run chosen, else the bundled ones, with their task."""
    return subjects.question(
        home, subjects.resolve(home, offer.taken(names, MOST_SUBJECTS))[0], None, None, "validation"
    )


def row_at(rows: list[dict], number) -> dict:
    if not isinstance(number, int | float) or number != int(number) or not 0 <= number < len(rows):
        raise InputError(f"There are the rows 0 to {len(rows) - 1:,}; write one of these numbers.")
    return rows[int(number)]


def asked_text(task: Task, row: dict) -> str:
    """What the prompt takes from a row: its text, and the other columns by name."""
    others = [name for name in dict.fromkeys(fields(task.prompt)) if name != task.text and text_of(row.get(name))]
    return "\n".join([text_of(row.get(task.text)), *(f"{name}: {text_of(row[name])}" for name in others)])


def written(text) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InputError("Write what is to be asked first.")
    if len(text) > LONGEST:
        raise InputError(f"At most {LONGEST:,} letters can be asked at once.")
    return text


def read_decoding(values: tuple) -> Decoding:
    """The decoding that stands in its widgets. Raises InputError with all that is wrong with it."""
    given = [None if isinstance(value, str) and not value.strip() else value for value in values]
    keys = Decoding.model_fields
    return config.decoding([f"{key}={json.dumps(value)}" for key, value in zip(keys, given, strict=True)])


# -- what is shown ---------------------------------------------------------------------------------------------------


def told(home: Home, asked: Asked, halt: threading.Event) -> Iterator[tuple[str, dict[str, dict]]]:
    """What is to be said about all answers, and the last event of each subject, as both change."""
    said, events = STARTING, {}
    yield said, events
    try:
        question = (home, asked.names, asked.task, asked.row, asked.decoding, halt.is_set)
        with closing(generator.ask(*question)) as coming:
            for event in paced(coming):
                if event["event"] == "loading":
                    said = f"Loading {event['what']} …"
                else:
                    said = f"{event['subject']} is answering …"
                    events[event["subject"]] = {**event, "verdict": verdict(event, asked)}
                yield said, events
        said = asked.expected()
    except Stopped:
        said = "Cancelled."
    except (InputError, WorkError) as error:
        said = str(error)
    yield said, events


def paced(events: Iterator[dict]) -> Iterator[dict]:
    """Events without the partial texts that come too fast to be seen."""
    last = 0.0
    for event in events:
        if event["event"] != "text" or time.monotonic() - last > UPDATE_EVERY:
            last = time.monotonic()
            yield event


def verdict(event: dict, asked: Asked) -> str:
    """How an answer is read: its label or invalid, right or wrong where that is known."""
    if event["event"] != "answer" or not asked.reads_label:
        return ""
    label, gold = event["label"], asked.gold
    read = "Invalid: it says no label of the task" if label is None else f"Label: {label}"
    if gold is None:
        return f"{read}."
    return f"{read}. ✓ Right." if label == gold else f"{read}. ✗ Wrong: the row's label is {gold}."
