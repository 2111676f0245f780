"""What other tabs and the page's address want to be asked in the Generate tab: these subjects, that row.

`opened` holds {subjects: [names], dataset, split, row: number, text, when}. `?tab=generate&subject=a&subject=b&split=
validation&row=3` (and `&dataset=name`) in the address says the same.
"""

import time
from types import SimpleNamespace

import gradio as gr

from lab import asking, data
from lab.answered import MOST_ANSWERS
from lab.errors import InputError
from lab.home import Home
from lab.ui import access, generate_controls, offer
from lab.ui.generate_controls import OWN_ROWS, QUIET

SELECT_TAB = """() => {
  if (new URLSearchParams(location.search).get("tab") === "generate")
    [...document.querySelectorAll("[role=tablist] [role=tab]")].find(tab => tab.textContent === "Generate")?.click();
}"""


def wire(page: gr.Blocks, home: Home, parts: SimpleNamespace, opened: gr.State) -> None:
    @access.handler
    def from_address(request: gr.Request):
        return in_address(home, request) or gr.skip()

    @access.handler
    def bring(wanted):
        return bring_here(home, parts, wanted) if wanted else gr.skip()

    page.load(None, js=SELECT_TAB, **QUIET)
    page.load(from_address, None, opened, **QUIET)
    controls = [parts.chosen, parts.way, parts.dataset, parts.split, parts.number]
    opened.change(bring, opened, controls, **QUIET)


def bring_here(home: Home, parts: SimpleNamespace, wanted) -> dict:
    """The values of the controls for what is wanted. Raises InputError for what is not there."""
    if not isinstance(wanted, dict):
        raise InputError("Nothing that could be asked here has been chosen.")
    names = offer.taken(wanted.get("subjects"), MOST_ANSWERS)
    dataset, split, row = wanted.get("dataset") or "", wanted.get("split") or "validation", wanted.get("row")
    found = generate_controls.rows(home, names, dataset, split)
    if row is not None:
        asking.row_at(found.rows, row)
    if dataset not in (known := data.listing(home)):
        dataset = ""  # the run's own rows, of which the dataset has gone
    splits = asking.splits_of(home, names, dataset)
    choices = list(dict.fromkeys([*offer.on_offer(home), *names]))
    return {
        parts.chosen: gr.update(choices=choices, value=names),
        parts.way: "row",
        parts.dataset: gr.update(choices=[OWN_ROWS, *known], value=dataset),
        parts.split: gr.update(choices=splits, value=split),
        parts.number: 0 if row is None else int(row),
    }


def in_address(home: Home, request: gr.Request) -> dict | None:
    """What the address wants, as `opened` holds it; None where it says nothing about this tab."""
    names = subjects_in_address(home, request)
    if not names:
        return None
    asked = request.query_params
    row = asked.get("row", "0")
    return {
        "subjects": names,
        "dataset": asked.get("dataset", ""),
        "split": asked.get("split", "validation"),
        "row": int(row) if row.isdecimal() and len(row) < 12 else 0,
        "when": time.time(),
    }


def subjects_in_address(home: Home, request: gr.Request | None) -> list[str]:
    """Those subjects of the address that can be chosen."""
    if request is None or request.query_params.get("tab") != "generate":
        return []
    wanted = request.query_params.getlist("subject")
    choices = offer.on_offer(home) if wanted else []
    return [name for name in dict.fromkeys(wanted) if name in choices][:MOST_ANSWERS]
