"""The versions of the chosen task: listed, compared with each other or with the editor, restored, deleted."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from lab import difference, tasks, versions
from lab.errors import InputError
from lab.home import Home
from lab.task import Task
from lab.ui import look

EDITOR = 0  # among the choices of what to compare with
MOST_SHOWN, MOST_RUNS = 50, 5
MARKS = {"+": "added", "-": "removed", "…": "left out"}


@dataclass(frozen=True)
class VersionPanel:
    """The parts that `listed` fills, and those that take part in events of the form."""

    parts: list[gr.components.Component]
    version: gr.Dropdown
    other: gr.Dropdown
    difference: gr.HTML
    restore: gr.Button
    delete: gr.Button
    said: gr.Markdown
    asked: gr.State  # the task for whose deletion a second click is waited for


def build() -> VersionPanel:
    gr.Markdown("## Versions", elem_classes=["section"])
    table = gr.HTML(elem_classes=["versions", "flat"])
    with gr.Row(elem_classes=["at-end"]):
        choice = {"filterable": False, "interactive": True, "min_width": 160}
        version = gr.Dropdown([], label="Version", **choice)
        other = gr.Dropdown([], label="Compared with", **choice)
        restore = gr.Button("Restore into the editor", size="md", min_width=160)
        delete = gr.Button("Delete task", size="md", min_width=120)
    said = gr.Markdown(elem_classes=["said"])
    difference_shown = gr.HTML(elem_classes=["difference", "flat"])
    return VersionPanel(
        [table, version, other], version, other, difference_shown, restore, delete, said, gr.State(None)
    )


# -- what stands in it -----------------------------------------------------------------------------------------------


def listed(home: Home, name: str | None) -> tuple:
    """The values of the panel's `parts` for a task; nothing to choose for one that is not saved yet."""
    try:
        found = versions.history(home, name) if name and name in tasks.listing(home) else []
        table = rendered(found)
    except InputError as error:  # a file that was edited by hand and is broken
        found, table = [], f'<p class="quiet-line">{look.text(error)}</p>'
    numbers = [(f"Version {x['version']}", x["version"]) for x in found]
    return (
        table,
        gr.update(choices=numbers, value=numbers[0][1] if numbers else None),
        gr.update(choices=[("What stands in the editor", EDITOR), *numbers], value=EDITOR),
    )


def rendered(found: list[dict]) -> str:
    """The list of versions as a table, newest first."""
    if not found:
        return '<p class="quiet-line">This task is not saved yet. Saving it makes its first version.</p>'
    rows = "".join(_row(x) for x in found[:MOST_SHOWN])
    if len(found) > MOST_SHOWN:
        rows += f'<tr><td colspan="4">and {len(found) - MOST_SHOWN:,} older ones</td></tr>'
    head = "".join(f'<th scope="col">{x}</th>' for x in ("Version", "Saved", "What changed", "Runs that used it"))
    caption = '<caption class="unseen">Versions of the task, newest first</caption>'
    return f'<div class="scrolls" role="region" tabindex="0" aria-label="Versions"><table class="lab-table">{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(x: dict) -> str:
    saved = "bundled" if x["bundled"] else time.strftime("%Y-%m-%d %H:%M", time.localtime(x["saved"]))
    changed = "; ".join(x["changed"]) or ("as it came with the lab" if x["bundled"] else "first version")
    used = ", ".join(x["runs"][:MOST_RUNS]) + (f" and {len(x['runs']) - MOST_RUNS} more" * (len(x["runs"]) > MOST_RUNS))
    now = " (current)" if x["current"] else ""
    cells = "".join(f"<td>{look.text(cell)}</td>" for cell in (saved, changed, used or "–"))
    return f'<tr><th scope="row">{x["version"]}{now}</th>{cells}</tr>'


def compared(home: Home, name: str | None, number, other, editor: Callable[[], Task | None]) -> str:
    """How a version differs from another one, or from what `editor` gives (None: it has problems), as HTML.

    The older of two versions comes first.
    """
    if not name or number is None:
        return ""
    try:
        old, said = versions.one(home, name, whole(number)), f"From version {number} to what stands in the editor"
        if other in (EDITOR, None):
            new = editor()
            if new is None:
                return (
                    '<p class="quiet-line">What stands in the editor has problems; without them it can be compared.</p>'
                )
        else:
            old, newer = sorted((old, versions.one(home, name, whole(other))), key=lambda version: version.number)
            new, said = newer.task, f"From version {old.number} to version {newer.number}"
        return shown(said, old.task, new)
    except InputError as error:
        return f'<p class="quiet-line">{look.text(error)}</p>'


def shown(said: str, old: Task, new: Task) -> str:
    """The lines that differ between two tasks, with marks and colours, below what changed in a few words."""
    changed, lines = difference.changes(old, new), difference.compared(old, new)
    if not changed:
        return f'<p class="quiet-line">{look.text(said)}: no difference.</p>'
    body = "".join(_line(line) for line in lines)
    return f'<p>{look.text(said)}: {look.text("; ".join(changed))}.</p><div class="lines" role="region" tabindex="0" aria-label="Difference">{body}</div>'


def _line(line: dict) -> str:
    kind, mark = MARKS.get(line["mark"], "same"), {"-": "−", " ": "&nbsp;"}.get(line["mark"], line["mark"])
    tag = {"added": "ins", "removed": "del"}.get(kind, "span")
    words = "".join(f"<b>{look.text(text)}</b>" if own else look.text(text) for text, own in line["pieces"])
    return f'<div class="{kind}"><span class="mark">{mark}</span><{tag}>{words}</{tag}></div>'


def whole(number) -> int:
    """The number of a version as a browser sent it. Raises InputError for what is none."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise InputError("Choose a version from the list.")
    return number


def asks_twice(home: Home, name: str | None, asked: str | None) -> str | None:
    """What is to be said before a task is deleted; None when its deletion was asked for a second time. Raises InputError."""
    if not name:
        raise InputError("Choose a saved task to delete it.")
    if tasks.is_bundled(name):
        raise InputError(f"{name!r} is a bundled task, which stays.")
    if asked == name:
        return None
    kept, used = versions.listing(home, name), {x for runs in versions.used_by(home, name).values() for x in runs}
    also = f" {len(used)} run{'s' * (len(used) != 1)} used it and keep their own copy." if used else ""
    plural = "s" if len(kept) != 1 else ""
    return f"This deletes {name} with its {len(kept)} version{plural}; it cannot be undone.{also} Press “Delete task” again to go on."
