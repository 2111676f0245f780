"""What was asked in the Generate tab, kept in each browser alone, and what is shown, saved as a file."""

from contextlib import suppress
from types import SimpleNamespace

import gradio as gr

from lab import answered, history, subjects
from lab.answered import Record
from lab.errors import InputError
from lab.home import Home
from lab.ui import access, answers, download, generate_controls, look
from lab.ui.generate_controls import QUIET
from lab.ui.generate_told import special_of

NOTHING = f"Nothing has been asked yet. The last {history.MOST_RECORDS} questions are kept here, in this browser alone."
STORED = {"storage_key": "lab-asked", "secret": "lab-asked"}  # not secret: whose browser it is may read it
HIDDEN = gr.update(visible="hidden")
SHORT = 120  # letters of a question in the list
FORMS = {"JSONL": ("jsonl", answered.jsonl), "Markdown": ("md", answered.markdown)}
CLICKS = """element.addEventListener("click", event => {
  const one = event.target.closest("[data-when]");
  if (one) trigger("click", {when: Number(one.dataset.when)});
});"""


def build(parts: SimpleNamespace) -> SimpleNamespace:
    with gr.Row():
        saves = {form: gr.Button(f"Save as {form}", size="sm", min_width=140) for form in FORMS}
    with gr.Accordion("History", open=False):
        shown = gr.HTML(listed([]), elem_classes=["asked-before", "flat"], js_on_load=CLICKS)
        with gr.Row():
            saves_all = {form: gr.Button(f"Save history as {form}", size="sm", min_width=160) for form in FORMS}
            clear = gr.Button("Clear history", size="sm", min_width=140)
            sure = gr.Button("Clear it for good", variant="stop", size="sm", min_width=140, visible="hidden")
            keep = gr.Button("Keep it", size="sm", min_width=90, visible="hidden")
    kept = gr.BrowserState(None, **STORED)
    return SimpleNamespace(**locals())


def wire(home: Home, parts: SimpleNamespace, own: SimpleNamespace, events: list) -> None:
    """`events` are those after which there may be something new to remember."""

    @access.handler
    def remember(standing, kept):
        if not standing or standing["letters"]:  # who gave a blind answer stays unknown until the vote
            return gr.skip(), gr.skip()
        found = history.with_new(kept, Record.model_validate(standing["record"]))
        return found, listed(history.records(found))

    @access.handler
    def show(kept):
        return listed(history.records(kept))

    @access.handler
    def bring_back(event: gr.EventData, kept):
        when = getattr(event, "when", None)
        if when is None:
            return gr.skip()
        record = history.at(kept, when)
        if not record:
            raise InputError("This question is not kept any more.")
        bases = {}
        with suppress(InputError):  # a run that has gone
            bases = {subject.name: subject.base for subject in subjects.resolve(home, record.given.names)}
        special = special_of(bases)
        chat = {answer.subject: [*record.turns.get(answer.subject, []), answer.output] for answer in record.answers}
        return {
            **generate_controls.put_back(home, parts, record.given),
            parts.shown: answers.side_by_side(record.said, answers.of_record(record, special)),
            parts.standing: {"record": record.model_dump(), "special": special, "letters": None},
            parts.chat: {"turns": chat} if record.given.way == "chat" else gr.skip(),
        }

    @access.handler
    def clear():
        return None, listed([]), HIDDEN, HIDDEN

    for event in events:
        event.then(remember, [parts.standing, own.kept], [own.kept, own.shown], **QUIET)
    own.kept.change(show, own.kept, own.shown, **QUIET)  # also once the browser has read it, however late
    own.shown.click(bring_back, own.kept, [*parts.inputs, parts.shown, parts.standing, parts.chat], **QUIET)
    own.clear.click(lambda: (gr.update(visible=True), gr.update(visible=True)), None, [own.sure, own.keep], **QUIET)
    own.keep.click(lambda: (HIDDEN, HIDDEN), None, [own.sure, own.keep], **QUIET)
    own.sure.click(clear, None, [own.kept, own.shown, own.sure, own.keep], **QUIET)
    for form in FORMS:
        own.saves[form].click(_saves_shown(form), parts.standing, parts.saved, **QUIET)
        own.saves_all[form].click(_saves_all(form), own.kept, parts.saved, **QUIET)


def _saves_shown(form: str):
    @access.handler
    def save(standing):
        if not standing:
            raise InputError("There are no answers to save yet: press Generate first.")
        if standing["letters"]:
            raise InputError("Vote first: a file would tell who gave which answer.")
        return file("answers", form, [Record.model_validate(standing["record"])])

    return save


def _saves_all(form: str):
    @access.handler
    def save(kept):
        found = history.records(kept)
        if not found:
            raise InputError("Nothing has been asked yet, so there is no history to save.")
        return file("history", form, found)

    return save


def file(name: str, form: str, records: list[Record]) -> dict:
    """The records as a file for the browser, in one of `FORMS`."""
    ending, written = FORMS[form]
    return download.file(f"{name}.{ending}", written(records))


def listed(records: list[Record]) -> str:
    """The questions as buttons, newest first."""
    if not records:
        return f'<p class="quiet-line">{look.text(NOTHING)}</p>'
    return f'<ul aria-label="Questions asked before, newest first">{"".join(map(_item, records))}</ul>'


def _item(record: Record) -> str:
    ways = {value: words for words, value in generate_controls.WAYS}
    words = " ".join(record.asked.split())
    words = words if len(words) <= SHORT else f"{words[:SHORT]}…"
    about = f"{ways[record.given.way]}, {record.given.decoding.mode}, {', '.join(record.given.names)}"
    return (
        f'<li><button type="button" data-when="{record.when!r}">{look.text(words)}</button> '
        f"<small>{look.text(about)}</small></li>"
    )
