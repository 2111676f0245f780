"""The Generate tab: one prompt to base and adapters side by side, each answer as it is made."""

import threading
import time

import gradio as gr

from lab import asking
from lab.asking import Asked
from lab.blind import shuffled
from lab.errors import InputError
from lab.home import Home
from lab.ui import (
    access,
    answers,
    download,
    generate_blind,
    generate_controls,
    generate_history,
    generate_lists,
    generate_opened,
    generate_ratings,
    look,
    offer,
)
from lab.ui.generate_controls import QUIET
from lab.ui.generate_told import growing, hidden, recorded, special_of, told

LOOK_EVERY = 5  # seconds between two looks for new runs
EMPTY = "Choose what to ask and press Generate: the answers of all subjects appear here, side by side."
ANSWERING = "The answers are being made; they appear together, so that nothing tells who gave which."
VOTE = "Which answer is best? The names are shown once you have voted."


def build(page: gr.Blocks, home: Home, opened: gr.State) -> None:
    """`opened` is what another tab wants to be asked here; see `generate_opened`."""
    with gr.Tab("Generate") as tab:
        parts = generate_controls.build()
        with gr.Row(elem_classes=["at-end"]):
            parts.generate = gr.Button("Generate", variant="primary", min_width=120)
            parts.stop = gr.Button("Stop", min_width=120, interactive=False)
            about = "Columns are shuffled and have no names until you have voted."
            parts.blind = gr.Checkbox(False, label="Blind mode", info=about, min_width=200)
        parts.shown = gr.HTML(
            answers.side_by_side(EMPTY, []), elem_classes=["side-by-side", "flat"], js_on_load=answers.CLICKS
        )
        parts.saved = download.build()
        # What is shown: its record and, of a blind vote, who stands behind which letter. It never leaves the server.
        parts.standing = gr.State(None)
        parts.chat = gr.State(None)  # the conversation of each subject
        history = generate_history.build(parts)
        tally = generate_blind.build()
        lists = generate_lists.build(home)
        rated = generate_ratings.build()
        parts.seen, parts.offered = gr.State(None), gr.State(["base"])  # as in the Compare tab
        timer = gr.Timer(LOOK_EVERY)

    generate_controls.wire(page, home, parts)
    _keep_up(page, home, tab, timer, parts)
    answered = _wire_answer(home, parts)
    voted = generate_blind.wire(parts, tally)
    generate_history.wire(home, parts, history, [answered, voted])
    generate_lists.wire(page, home, tab, parts, lists)
    generate_ratings.wire(home, parts, rated)
    generate_opened.wire(page, home, parts, opened)


def _keep_up(page: gr.Blocks, home: Home, tab: gr.Tab, timer: gr.Timer, parts) -> None:
    @access.handler
    def watch(seen, offered, names, request: gr.Request = None):
        """What is on offer now; alike whichever comes first, the page that loads or a click on the tab."""
        others = offer.offered_now(home, seen, offered, names)
        if not others:
            return [gr.skip()] * 3
        wanted = generate_opened.subjects_in_address(home, request) if seen is None else None
        return *others[1:3], gr.update(**{**others[3], **({"value": wanted} if wanted else {})})

    choice = [parts.seen, parts.offered, parts.chosen]
    gr.on([page.load, timer.tick, tab.select], watch, choice, choice, **QUIET)


def _wire_answer(home: Home, parts) -> gr.events.Dependency:
    """Generate, Stop and New chat. Returns the event after which there may be something to remember."""
    called_off: dict[str, threading.Event] = {}  # by session, of the answer that is being made

    @access.handler
    def answer(request: gr.Request, chat, blind, *values):
        """The answers as they grow, and what the buttons can do."""
        try:
            asked = asked_with(home, chat, blind, values)
        except InputError as error:
            yield answers.side_by_side(look.spelled(str(error)), []), gr.skip(), gr.skip(), None, gr.skip(), gr.skip()
            return
        session, halt = request.session_hash, threading.Event()
        call_off(request)  # what was asked before, by Enter in a text
        called_off[session] = halt
        letters, before = shuffled(asked.names) if blind else None, None
        for said, events in told(home, asked, halt):
            if called_off.get(session) is not halt:
                return  # another answer is being made by now
            shown = hidden(ANSWERING, letters) if letters else growing(asked, said, events)
            if shown != before:
                yield shown, *buttons(asking=True), gr.skip(), gr.skip(), gr.skip()
            before = shown
        called_off.pop(session, None)
        # All at once: of several changes within milliseconds the browser may apply the last alone.
        yield at_the_end(asked, said, events, letters)

    @access.handler
    def call_off(request: gr.Request):
        """The answer ends itself, so that what it says last stands; Gradio's own cancelling lets more of it come after."""
        if halt := called_off.get(request.session_hash):
            halt.set()

    @access.handler
    def forget():
        return None, answers.side_by_side("A new chat: write a message and press Generate.", []), None, ""

    # Not `once`, which drops a click that comes before the browser has heard that the answer before it has ended.
    clicks = [parts.generate.click, parts.text.submit, parts.raw.submit, parts.message.submit]
    changed = [parts.shown, parts.generate, parts.stop, parts.standing, parts.chat, parts.message]
    asks = [parts.chat, parts.blind, *parts.inputs]
    asked = gr.on(clicks, answer, asks, changed, trigger_mode="multiple", **QUIET)
    parts.stop.click(call_off, None, None, queue=False, **QUIET)
    parts.new_chat.click(forget, None, [parts.chat, parts.shown, parts.standing, parts.message], **QUIET)
    return asked


def asked_with(home: Home, chat: dict | None, blind: bool, values: tuple) -> Asked:
    """What is asked with what stands in the controls. Raises InputError."""
    given = generate_controls.given_of(*values)
    if blind and given.way == "chat":
        raise InputError("A chat shows who says what: leave blind mode, or ask with a text.")
    goes_on = given.way == "chat" and chat and set(chat["turns"]) == set(given.names)  # with others it begins anew
    return asking.look_up(home, given, chat["turns"] if goes_on else None)


def at_the_end(asked: Asked, said: str, events: dict[str, dict], letters: dict[str, str] | None) -> tuple:
    """What is shown and what is remembered once all answers are there, or no more of them come."""
    record = recorded(asked, said, events, time.time())
    complete = len(record.answers) == len(asked.names)
    if not letters:
        shown = growing(asked, said, events)
    elif complete:
        shown = hidden(VOTE, letters, record, answers.ballot(list(letters)))
    else:
        shown = answers.side_by_side(look.spelled(said), [])
    stands = None
    if record.answers and (complete or not letters):
        stands = {"record": record.model_dump(), "special": special_of(asked.bases), "letters": letters}
    goes_on = [gr.skip(), gr.skip()]
    if asked.given.way == "chat" and complete:
        output = {answer.subject: answer.output for answer in record.answers}
        goes_on = [{"turns": {name: [*turns, output[name]] for name, turns in asked.turns.items()}}, ""]
    return shown, *buttons(asking=False), stands, *goes_on


def buttons(asking: bool) -> tuple[dict, dict]:
    """Generate while nothing is asked, Stop while something is."""
    return gr.update(interactive=not asking), gr.update(interactive=asking)
