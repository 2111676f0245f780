"""Blind votes in the Generate tab: a vote shows who gave which answer, and is counted in this browser's tally."""

from types import SimpleNamespace

import gradio as gr

from lab import blind
from lab.answered import Record
from lab.blind import NONE, TIE, Tally
from lab.errors import InputError
from lab.ui import access, answers, look
from lab.ui.generate_controls import QUIET

NO_VOTES = "No votes yet. Switch blind mode on, press Generate, and vote: the tally is kept in this browser."
STORED = {"storage_key": "lab-votes", "secret": "lab-votes"}  # not secret: whose browser it is may read it


def build() -> SimpleNamespace:
    with gr.Accordion("Blind votes", open=False):
        table = gr.HTML(rendered(Tally()), elem_classes=["flat"])
        reset = gr.Button("Reset tally", size="sm", min_width=120)
    kept = gr.BrowserState(None, **STORED)
    return SimpleNamespace(table=table, reset=reset, kept=kept)


def wire(parts: SimpleNamespace, tally: SimpleNamespace) -> gr.events.Dependency:
    """Returns the event of a vote, after which there is something to remember."""

    @access.handler
    def vote(event: gr.EventData, standing, kept):
        choice = getattr(event, "vote", None)
        if choice is None:
            return [gr.skip()] * 4  # a click on something else
        letters = standing and standing["letters"]
        if not letters:
            raise InputError("There is no vote to be given: press Generate in blind mode first.")
        found = blind.counted(blind.read(kept), letters, choice)
        now = {**standing, "letters": None}
        return revealed(standing, choice), now, found.model_dump(), rendered(found)

    @access.handler
    def reset():
        return None, rendered(Tally())

    @access.handler
    def show(kept):
        return rendered(blind.read(kept))

    voted = parts.shown.click(
        vote, [parts.standing, tally.kept], [parts.shown, parts.standing, tally.kept, tally.table], **QUIET
    )
    tally.reset.click(reset, None, [tally.kept, tally.table], **QUIET)
    tally.kept.change(show, tally.kept, tally.table, **QUIET)  # also once the browser has read it, however late
    return voted


def revealed(standing: dict, choice: str) -> str:
    """The answers with the names of those who gave them."""
    letters, record = standing["letters"], Record.model_validate(standing["record"])
    titles = {name: f"{letter}: {name}" for letter, name in letters.items()}
    words = {TIE: "You voted for a tie.", NONE: "You voted for none."}
    said = words.get(choice) or f"You voted for {titles[letters[choice]]}."
    said = "\n".join(filter(None, [said, record.said]))
    return answers.side_by_side(said, answers.of_record(record, standing["special"], titles))


def rendered(tally: Tally) -> str:
    """The tally as a table."""
    if not tally.votes:
        return f'<p class="quiet-line">{look.text(NO_VOTES)}</p>'
    rows = "".join(
        f'<tr><th scope="row">{look.text(name)}</th><td>{wins:,}</td><td>{shown:,}</td><td>{wins / shown:.0%}</td></tr>'
        for name, wins, shown in blind.table(tally)
    )
    head = "".join(f'<th scope="col">{x}</th>' for x in ("Subject", "Wins", "Votes it stood in", "Share"))
    words = (
        f"{tally.votes:,} vote{'s' * (tally.votes > 1)}, {tally.ties:,} of them ties and {tally.none_good:,} for none"
    )
    return f'<table class="lab-table tally"><caption>{words}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
