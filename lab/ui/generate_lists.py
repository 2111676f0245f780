"""Saved lists of prompts in the Generate tab: made, filled, renamed and deleted by the owner, run by everybody."""

import threading
import time
from types import SimpleNamespace

import gradio as gr

from lab import asking, prompt_lists
from lab.answered import MOST_ANSWERS, Record
from lab.errors import InputError
from lab.home import Home
from lab.ui import access, generate_controls, generate_history, list_table, offer
from lab.ui.generate_controls import QUIET
from lab.ui.generate_history import FORMS
from lab.ui.generate_told import STOPPED, recorded, told

WAYS = [("through the task", "text"), ("as raw prompts", "raw")]
HIDDEN = gr.update(visible="hidden")


def build(home: Home) -> SimpleNamespace:
    with gr.Accordion("Prompt lists", open=False):
        with gr.Row(elem_classes=["at-end"]):
            chosen = gr.Dropdown([], label="List", filterable=False, interactive=True, min_width=200)
            run = gr.Button("Run all", variant="primary", min_width=120)
            stop = gr.Button("Stop the list", min_width=120, interactive=False)
        prompts = gr.HTML(elem_classes=["prompt-list", "flat"], js_on_load=list_table.CLICKS)
        results = gr.HTML(elem_classes=["prompt-list", "flat"])
        with gr.Row():
            saves = {form: gr.Button(f"Save results as {form}", size="sm", min_width=160) for form in FORMS}
        with gr.Row(elem_classes=["at-end"]):
            expected = gr.Textbox(
                label="Expected answer", info="may be empty", max_lines=1, max_length=1000, min_width=200
            )
            add = gr.Button("Add the prompt above to the list", min_width=200)
        about = "One prompt a line; behind a tab may stand the expected answer."
        pasted = gr.Textbox(label="Prompts to add", info=about, lines=3, max_lines=20, max_length=1_000_000)
        with gr.Row(elem_classes=["at-end"]):
            way = gr.Radio(WAYS, value="text", label="Asked", min_width=200)
            add_all = gr.Button("Add these prompts", min_width=140)
        with gr.Row(elem_classes=["at-end"]):
            about = "small letters, digits, - and _"
            name = gr.Textbox(label="Name of a list", info=about, max_lines=1, max_length=64, min_width=200)
            make = gr.Button("New list", min_width=110)
            rename = gr.Button("Rename the list", min_width=110)
            delete = gr.Button("Delete the list", min_width=110)
            sure = gr.Button("Delete it for good", variant="stop", min_width=140, visible="hidden")
            keep = gr.Button("Keep it", min_width=90, visible="hidden")
        found = gr.State([])  # the records of the results
        doomed = gr.State("")
    return SimpleNamespace(**locals())


def wire(page: gr.Blocks, home: Home, tab: gr.Tab, parts: SimpleNamespace, own: SimpleNamespace) -> None:
    _wire_changes(home, parts, own)
    _wire_run(home, parts, own)
    shown = [own.chosen, own.prompts]

    @access.handler
    def refresh(name):
        return now(home, name)

    @access.handler
    def show(name):
        return list_table.prompts(prompt_lists.load(home, name)) if name else ""

    gr.on([page.load, tab.select], refresh, own.chosen, shown, **QUIET)
    own.chosen.input(show, own.chosen, own.prompts, **QUIET)


def now(home: Home, name: str | None) -> tuple:
    """The choice of lists and the prompts of the one chosen, as they are on the disk now."""
    names = prompt_lists.listing(home)
    name = name if name in names else next(iter(names), None)
    try:
        table = list_table.prompts(prompt_lists.load(home, name)) if name else list_table.NO_LISTS
    except InputError as error:  # a file that was edited by hand and is broken
        table = list_table.said(str(error))
    return gr.update(choices=names, value=name), table


def _wire_changes(home: Home, parts: SimpleNamespace, own: SimpleNamespace) -> None:
    """What changes lists, which is the owner's."""
    shown = [own.chosen, own.prompts]

    @access.handler
    def make(request: gr.Request, name):
        access.may_change(request)
        prompt_lists.create(home, name)
        return *now(home, name), ""

    @access.handler
    def rename(request: gr.Request, chosen, name):
        access.may_change(request)
        prompt_lists.rename(home, chosen, name)
        return *now(home, name), ""

    @access.handler
    def ask(request: gr.Request, chosen):
        access.may_change(request)
        prompt_lists.load(home, chosen)
        return chosen, gr.update(visible=True, value=f"Delete {chosen} for good"), gr.update(visible=True)

    @access.handler
    def delete(request: gr.Request, doomed):
        access.may_change(request)
        prompt_lists.delete(home, doomed)
        return *now(home, None), HIDDEN, HIDDEN

    @access.handler
    def remove(request: gr.Request, event: gr.EventData, chosen):
        access.may_change(request)
        number = getattr(event, "remove", None)
        if number is None:
            return gr.skip(), gr.skip()  # a click on something else
        prompt_lists.remove(home, chosen, number)
        return now(home, chosen)

    @access.handler
    def add(request: gr.Request, chosen, expected, *values):
        access.may_change(request)
        given = generate_controls.given_of(*values)
        if not isinstance(expected, str | None):
            raise InputError("The expected answer is a text.")
        prompt = asking.to_prompt(asking.look_up(home, given), expected)
        if not prompt_lists.add(home, chosen, [prompt]):
            raise InputError(f"This prompt stands in {chosen} already.")
        return *now(home, chosen), ""

    @access.handler
    def add_all(request: gr.Request, chosen, pasted, way):
        access.may_change(request)
        prompt_lists.add(home, chosen, prompt_lists.pasted(pasted, way))
        return *now(home, chosen), ""

    own.make.click(make, own.name, [*shown, own.name], **QUIET)
    own.rename.click(rename, [own.chosen, own.name], [*shown, own.name], **QUIET)
    own.delete.click(ask, own.chosen, [own.doomed, own.sure, own.keep], **QUIET)
    own.keep.click(lambda: (HIDDEN, HIDDEN), None, [own.sure, own.keep], **QUIET)
    own.sure.click(delete, own.doomed, [*shown, own.sure, own.keep], **QUIET)
    own.prompts.click(remove, own.chosen, shown, **QUIET)
    own.add.click(add, [own.chosen, own.expected, *parts.inputs], [*shown, own.expected], **QUIET)
    own.add_all.click(add_all, [own.chosen, own.pasted, own.way], [*shown, own.pasted], **QUIET)


def _wire_run(home: Home, parts: SimpleNamespace, own: SimpleNamespace) -> None:
    """Run all, Stop, and the results as a file."""
    called_off: dict[str, threading.Event] = {}  # by session

    @access.handler
    def run(request: gr.Request, chosen, names, *decoding):
        session, halt = request.session_hash, threading.Event()
        stop(request)
        called_off[session] = halt
        records = []
        try:
            for said, records in results(home, chosen, names, decoding, halt):
                if called_off.get(session) is not halt:
                    return  # it runs again
                yield list_table.results(said, records), *_buttons(running=True), gr.skip()
        finally:
            if called_off.get(session) is halt:
                del called_off[session]
        yield list_table.results(said, records), *_buttons(running=False), [x.model_dump() for x in records]

    @access.handler
    def stop(request: gr.Request):
        if halt := called_off.get(request.session_hash):
            halt.set()

    inputs = [own.chosen, parts.chosen, *parts.decoding]
    outputs = [own.results, own.run, own.stop, own.found]
    own.run.click(run, inputs, outputs, trigger_mode="multiple", **QUIET)
    own.stop.click(stop, None, None, queue=False, **QUIET)
    for form in FORMS:
        own.saves[form].click(_saves_results(form), own.found, parts.saved, **QUIET)


def _buttons(running: bool) -> tuple[dict, dict]:
    return gr.update(interactive=not running), gr.update(interactive=running)


def results(home: Home, chosen, names, decoding, halt: threading.Event):
    """Puts each prompt of a list to all subjects; yields what is to be said and the records so far."""
    names = offer.taken(names, MOST_ANSWERS)
    decoding = generate_controls.read_decoding(decoding)
    prompts = prompt_lists.load(home, chosen)
    if not prompts:
        raise InputError(f"The list {chosen} is empty: add a prompt first.")
    records: list[Record] = []
    for number, prompt in enumerate(prompts, 1):
        yield f"Prompt {number:,} of {len(prompts):,} …", records
        try:
            asked = asking.of_prompt(home, names, prompt, decoding)
        except InputError as error:
            raise InputError(f"Prompt {number:,}: {error}") from error
        for said, events in told(home, asked, halt):  # noqa: B007 - the last of them counts
            pass
        record = recorded(asked, said, events, time.time())
        if len(record.answers) < len(names):
            yield said if said != STOPPED else f"{STOPPED} {len(records):,} of {len(prompts):,} were run.", records
            return
        records = [*records, record]
    yield f"All of it was run: {len(prompts):,} prompt{'s' * (len(prompts) > 1)}.", records


def _saves_results(form: str):
    @access.handler
    def save(found):
        if not found:
            raise InputError("There are no results to save yet: choose a list and press Run all.")
        return generate_history.file("prompts", form, [Record.model_validate(x) for x in found])

    return save
