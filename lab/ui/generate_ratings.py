"""Ratings in the Generate tab: people judge answers by three criteria, blind if they wish, and see what it comes to."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import gradio as gr

from lab import jobs, rating_form, ratings
from lab.answered import MOST_ANSWERS, Record
from lab.comparison import Comparison
from lab.errors import InputError, WorkError
from lab.home import Home, check_id
from lab.ui import access, compare_job, download, generate_controls, offer
from lab.ui import generate_ratings_table as table
from lab.ui import generate_ratings_walk as walks
from lab.ui.generate_controls import QUIET

HIDDEN = gr.update(visible="hidden")
LOOK_EVERY = 1  # seconds
NO_WALK = "Make a rating set with the button below, or press Generate and rate the answers above."


def build() -> SimpleNamespace:
    with gr.Accordion("Ratings", open=False) as fold:
        with gr.Row():
            chosen = gr.Dropdown([], label="Rating set", filterable=False, interactive=True, scale=2, min_width=240)
            about = "your name: small letters, digits, - and _"
            rater = gr.Textbox(label="Rater", info=about, max_lines=1, max_length=64, min_width=160)
            about = "a set: who answered is told at the end; the answers above are rated as they stand there"
            blindly = gr.Checkbox(True, label="Rate blind", info=about, min_width=160)
        with gr.Row():
            start = gr.Button("Rate the set", variant="primary", min_width=120)
            columns = gr.Button("Rate the answers above", min_width=160)
        said = gr.HTML(table.line(NO_WALK), elem_classes=["flat"])
        row = gr.HTML(js_on_load=walks.SCRIPT, elem_classes=["side-by-side", "rated", "flat"])
        results = gr.HTML(elem_classes=["prompt-list", "flat"])
        with gr.Row(elem_classes=["at-end"]):
            show = gr.Button("Show results", min_width=120)
            subject = gr.Dropdown([], label="Subject of the file", filterable=False, interactive=True, min_width=160)
            save = gr.Button("Save my ratings as JSON", min_width=160)
            save_averages = gr.Button("Save my averages as JSON", min_width=160)
            load = gr.UploadButton("Import ratings (JSON)", file_types=[".json"], min_width=160)
        with gr.Row(elem_classes=["at-end"]):
            about = "of the subjects, rows and decoding chosen above"
            rows = gr.Number(ratings.ROWS, label="First rows", info=about, precision=0, minimum=1, min_width=140)
            make = gr.Button("New rating set", min_width=120)
            delete = gr.Button("Delete the set", min_width=120)
            sure = gr.Button("Delete it for good", variant="stop", min_width=140, visible="hidden")
            keep = gr.Button("Keep it", min_width=90, visible="hidden")
        walk, doomed = gr.State(None), gr.State("")
    return SimpleNamespace(**locals())


def wire(home: Home, parts: SimpleNamespace, own: SimpleNamespace) -> None:
    _wire_walk(home, parts, own)
    _wire_results(home, parts, own)
    _wire_sets(home, parts, own)


def choices(home: Home, name: str | None) -> dict:
    """The choice of sets, in words that tell no subject."""
    found = {}
    for one in ratings.listing(home):
        with suppress(InputError):  # one broken set must not hide the others
            about = ratings.overview(home, one)
            where = f"{about['dataset']} {about['split']}" if about["dataset"] else "asked in this tab"
            found[one] = f"{one}: {where}, {about['rows']:,} rows"
    pairs = [(words, one) for one, words in found.items()]
    return gr.update(choices=pairs, value=name if name in found else next(iter(found), None))


# -- the walk ------------------------------------------------------------------------------------------------------------


def _wire_walk(home: Home, parts: SimpleNamespace, own: SimpleNamespace) -> None:
    shown = [own.walk, own.said, own.row, own.results, own.subject]
    cleared = "", gr.update(choices=[], value=None)

    @access.handler
    def start(request: gr.Request, chosen, rater, blindly):
        access.may_change(request)
        found, rater = ratings.load(home, named(chosen)), rater_of(rater)
        walk = walks.begin(found, rater, blindly is True)
        return walk, walks.said(home, walk), walks.shown(home, walk), *cleared

    @access.handler
    def start_here(request: gr.Request, standing, rater):
        """Rates what stands in the columns, and is kept in a set of its own."""
        access.may_change(request)
        rater = rater_of(rater)
        if not standing:
            raise InputError("There are no answers to rate yet: press Generate first.")
        if standing["letters"]:
            raise InputError("Vote first: rating would tell who gave which answer.")
        found, index = ratings.put_in(home, Record.model_validate(standing["record"]))
        walk = walks.begin(found, rater, False, index)
        return choices(home, found.name), walk, walks.said(home, walk), walks.shown(home, walk), *cleared

    @access.handler
    def act(request: gr.Request, event: gr.EventData, walk):
        place, go = getattr(event, "place", None), getattr(event, "go", None)
        if place is None or not walk:
            return [gr.skip()] * 5  # a click on something else
        access.may_change(request)
        go = {-1: -1, 1: 1}.get(go, 0) if isinstance(go, int) else 0
        walks.keep(home, walk, place, getattr(event, "forms", None), whole=go == 1)
        if not go:
            return gr.skip(), walks.said(home, walk), gr.skip(), gr.skip(), gr.skip()
        walk, ended = walks.stepped(home, walk, place, go)
        ending = outcome(home, walk["name"]) if ended else (gr.skip(), gr.skip())
        return walk, walks.said(home, walk), walks.shown(home, walk), *ending

    own.start.click(start, [own.chosen, own.rater, own.blindly], shown, **QUIET)
    own.columns.click(start_here, [parts.standing, own.rater], [own.chosen, *shown], **QUIET)
    own.row.click(act, own.walk, shown, trigger_mode="multiple", **QUIET)


def named(chosen) -> str:
    if not isinstance(chosen, str) or not chosen:
        raise InputError("Choose a rating set, or make a new one below.")
    return chosen


def rater_of(rater) -> str:
    if not isinstance(rater, str) or not rater.strip():
        raise InputError("Write who rates first: small letters, digits, - and _.")
    return check_id(rater.strip(), "The rater")


def outcome(home: Home, name: str) -> tuple[str, dict]:
    """The results of a set, and its subjects to choose from."""
    found = ratings.look(home, name)
    return table.rendered(found), gr.update(choices=found["subjects"], value=found["subjects"][0])


# -- results, files ------------------------------------------------------------------------------------------------------


def _wire_results(home: Home, parts: SimpleNamespace, own: SimpleNamespace) -> None:
    @access.handler
    def show(chosen, walk):
        refuse_hidden(home, walk, named(chosen))
        return outcome(home, chosen)

    def saves(end: str):
        @access.handler
        def save(chosen, rater, subject, walk):
            refuse_hidden(home, walk, named(chosen))
            found = ratings.handed_on(home, chosen, rater_of(rater), subject_of(subject))
            return download.file(f"{chosen}-{found['rater']}{end}", ratings.as_files(found)[end])

        return save

    @access.handler
    def load(request: gr.Request, file, chosen, rater, subject, walk):
        access.may_change(request)
        refuse_hidden(home, walk, named(chosen))
        try:
            with Path(file).open(encoding="utf-8") as opened:
                text = opened.read(rating_form.LONGEST + 1)
        except (OSError, ValueError, TypeError) as error:
            raise InputError("The file cannot be read as text.") from error
        ratings.take_in(home, chosen, rater_of(rater), subject_of(subject), text)
        return outcome(home, chosen)

    who = [own.chosen, own.rater, own.subject, own.walk]
    own.show.click(show, [own.chosen, own.walk], [own.results, own.subject], **QUIET)
    own.save.click(saves(".json"), who, parts.saved, **QUIET)
    own.save_averages.click(saves("-averages.json"), who, parts.saved, **QUIET)
    own.load.upload(load, [own.load, *who], [own.results, own.subject], **QUIET)


def subject_of(subject) -> str:
    if not isinstance(subject, str) or not subject:
        raise InputError("Choose whose answers the file rates; Show results names them.")
    return subject


def refuse_hidden(home: Home, walk: dict | None, name: str) -> None:
    """Raises InputError while results would tell a blind rater who has answered."""
    if walk and walk["name"] == name and walks.is_hidden(home, walk):
        raise InputError("Rate all rows first: the results would tell who gave which answer.")


# -- sets ----------------------------------------------------------------------------------------------------------------


def _wire_sets(home: Home, parts: SimpleNamespace, own: SimpleNamespace) -> None:
    @access.handler
    def make(request: gr.Request, rows, names, dataset, split, *decoding):
        access.may_change(request)
        chosen = generate_controls.read_decoding(decoding).model_dump()
        sets = [f"{key}={json.dumps(value)}" for key, value in chosen.items()]
        about = {"dataset": dataset or None, "split": split, "decoding": sets}
        generate_controls.rows(home, names, dataset, split)  # refuses what is none of these
        wanted = ratings.wanted(offer.taken(names, MOST_ANSWERS), rows if rows is None else int(rows), **about)
        yield from ((gr.skip(), table.line(words)) for words in answered(home, wanted))
        found = ratings.create(home, wanted)
        yield choices(home, found.name), table.line(f"{found.name} is made: {found.answers:,} answers to rate.")

    @access.handler
    def refresh(chosen):
        return choices(home, chosen)

    @access.handler
    def ask(request: gr.Request, chosen):
        access.may_change(request)
        ratings.load(home, named(chosen))
        return chosen, gr.update(visible=True, value=f"Delete {chosen} for good"), gr.update(visible=True)

    @access.handler
    def delete(request: gr.Request, doomed):
        access.may_change(request)
        ratings.delete(home, doomed)
        return choices(home, None), None, "", "", "", HIDDEN, HIDDEN

    place = [parts.chosen, parts.dataset, parts.split, *parts.decoding]
    own.make.click(make, [own.rows, *place], [own.chosen, own.said], concurrency_limit=4, **QUIET)
    own.fold.expand(refresh, own.chosen, own.chosen, **QUIET)
    own.delete.click(ask, own.chosen, [own.doomed, own.sure, own.keep], **QUIET)
    own.keep.click(lambda: (HIDDEN, HIDDEN), None, [own.sure, own.keep], **QUIET)
    gone = [own.chosen, own.walk, own.said, own.row, own.results, own.sure, own.keep]
    own.sure.click(delete, own.doomed, gone, **QUIET)


def answered(home: Home, wanted: Comparison) -> Iterator[str]:
    """Has the answers made that are missing, and says how far that is. Raises WorkError where it does not end well."""
    if all(ratings.known(home, wanted)):
        return
    job = jobs.evaluate(home, wanted)
    while job and job.holder() is not None:
        yield f"The answers are being made. {compare_job.in_words(home, job, job.status())}"
        time.sleep(LOOK_EVERY)
    if job and jobs.outcome(job) != "finished":
        raise WorkError(f"The evaluation was {job.status()}; what was made of it is kept.")
