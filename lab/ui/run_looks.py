"""A look at the disk: what the page shows of the runs, and what of that must be drawn again."""

from dataclasses import dataclass, field, replace
from functools import cache

import gradio as gr

from lab import points, progress, versions
from lab.home import Home
from lab.job import ALIVE, RESUMABLE
from lab.runs import Run
from lab.ui import run_charts, run_leaving, run_table, run_words, shown_run
from lab.ui.run_charts import View

LOG_LINES = 200
OUTPUTS = (
    "table",
    "beside",
    "head",
    "made",
    "stop",
    "resume",
    "delete",
    "title",
    "notes",
    "curves",
    "told",
    "log",
    "serve",
)
KEPT = ("run", "about", "drafts")  # of what was seen: what may be typed over at any time


@dataclass(frozen=True)
class Asked:
    """What a browser asks to see beside the chosen run, and what stands in its fields; whatever it sends is made safe."""

    words: str = ""
    show_all: bool = False
    beside: tuple[str, ...] = ()
    view: View = field(default_factory=View)
    typed: tuple[str, str] | None = ("", "")  # name and notes; None: not of the run that was sent last

    @classmethod
    def of(cls, words, show_all, beside, by, smoothing, log, title, notes) -> "Asked":
        ids = beside if isinstance(beside, list) else []
        others = tuple(run_id for run_id in ids[: len(run_charts.OTHERS)] if isinstance(run_id, str))
        typed = (str(title or ""), str(notes or ""))
        return cls(str(words or ""), bool(show_all), others, View.of(by, smoothing, log), typed)


def look(home: Home, chosen: str, before: dict, asked: Asked) -> tuple[dict, dict]:
    """What must be drawn again, by output; and the keys of all that is shown now."""
    found = progress.overview(home)
    run = chosen_run(found, chosen)
    listed = views_of_all(home, found, run, asked)
    try:
        drawn, now = redrawn(listed | views_of_one(home, found, run, asked), before)
    except progress.UNREADABLE as error:  # it was deleted a moment ago, or what stands in a file is wrong
        run = progress.broken(run["id"], error)
        drawn, now = redrawn(listed | views_of_one(home, found, run, asked), before)
    now["run"] = run["id"] if run else ""
    return drawn | about(run or {}, before, now, asked.typed), now


def redrawn(wanted: dict[str, tuple], before: dict) -> tuple[dict, dict]:
    """The outputs whose key is another one than before, drawn; and all keys as they are now, by their hash."""
    now = {name: hash(key) for name, (key, _) in wanted.items()}
    drawn = {name: draw(key) for name, (key, draw) in wanted.items() if now[name] != before.get(name)}
    return drawn, {**before, **now}


def chosen_run(found: list[dict], chosen: str) -> dict | None:
    """The chosen run; where none is chosen, or it is gone, the one at work, else the newest."""
    by_id = {run["id"]: run for run in found}
    at_work = [run for run in found if run["status"] in ALIVE and run["status"] != "queued"]
    return by_id.get(chosen) or next(iter([*at_work, *found]), None)


# For each output a key that changes when it must be drawn again, and what draws it.


def views_of_all(home: Home, found: list[dict], run: dict | None, asked: Asked) -> dict[str, tuple]:
    places = progress.places(home, found)
    names = tuple((run_words.called(other), other["id"]) for other in found if other["status"] != progress.BROKEN)
    table = run_table.table(found, run["id"] if run else "", asked.words, asked.show_all, places)
    return {
        "table": (table, str),
        "beside": (names, lambda names: gr.update(choices=list(names))),
    }


def views_of_one(home: Home, found: list[dict], run: dict | None, asked: Asked) -> dict[str, tuple]:
    if run is None:
        return {}
    status, run_id = run["status"], run["id"]
    views = {
        "head": (run_words.head(run, progress.places(home, found).get(run_id, 0)), str),
        "stop": (status in ALIVE and status != "stopping", lambda on: gr.update(interactive=on)),
        "resume": (status in RESUMABLE, lambda on: gr.update(interactive=on)),
        "delete": (status not in (*ALIVE, progress.BROKEN), lambda on: gr.update(interactive=on)),
    }
    if status == progress.BROKEN:
        none = run_charts.curves((run_id, run_charts.nothing()), [], asked.view)
        return {
            **views,
            "made": ("", str),
            "curves": ("", lambda _: run_charts.sent(none)),
            "told": ("", str),
            "log": ("", str),
            "serve": ("", str),
        }
    here, its = Run(home, run_id), points.points(home, run_id)
    mark = (run_id, its.update())
    by_id = {other["id"]: other for other in found if other["status"] != progress.BROKEN}
    beside = [by_id[other] for other in asked.beside if other in by_id and other != run_id]
    others = [(run_words.called(other), points.points(home, other["id"])) for other in beside]
    marks = tuple((name, other.update()) for name, other in others)
    lines = cache(its.lines)  # for the curves and their words, where they are drawn

    def draw(_):
        beside = [(name, other.lines()) for name, other in others]
        return run_charts.sent(run_charts.curves((run_id, lines()), beside, asked.view))

    return {
        **views,
        "made": (
            (run_id, run["attempt"], run["batches"]),
            lambda _: run_words.made_of(here, versions.of_run(home, here), run["batches"]),
        ),
        "curves": ((mark, marks, asked.view), draw),
        "told": (mark, lambda _: run_words.curves_in_words(lines())),
        "log": ((run_id, progress.log_size(here)), lambda _: here.log_tail(LOG_LINES)),
        "serve": ((run_id, status), lambda _: run_leaving.serving(home, here)),
    }


def anew(before: dict, shown, asked: Asked) -> tuple[dict, Asked]:
    """The same for a look that shows everything anew, where the browser may show something else than what was sent last;
    what stands in the fields of another run is nothing that was typed for this one."""
    kept = {key: before[key] for key in KEPT if key in before}
    if before.get("about", ("",))[0] == shown_run.run_of(shown):
        return kept, asked
    kept.pop("about", None)
    return kept, replace(asked, typed=None)


def edited(before: dict, run_id: str, title: str, notes: str) -> dict:
    """What somebody has changed of a run's name and notes since they stood in their fields; another page may have changed
    the rest."""
    stood, *last = before.get("about", ("", "", ""))
    if run_id != stood:
        return {"title": title, "notes": notes}
    typed = zip(("title", "notes"), (title, notes), last, strict=True)
    return {key: text for key, text, stood in typed if text != stood}


def drafts(before: dict, run_id: str, typed: tuple[str, str] | None) -> dict:
    """By run what somebody has typed as its name and notes and not saved yet, with what stands in the fields of one."""
    others = {key: words for key, words in before.get("drafts", {}).items() if key != run_id}
    return {**others, run_id: typed} if typed else others


def about(run: dict, before: dict, now: dict, typed: tuple[str, str] | None) -> dict:
    """Name and notes for their fields, where others stand there; what somebody has typed and not saved yet is kept.

    `typed` is what stands in the fields; None where that belongs to another run than `before` has them of.
    """
    stored = (run.get("id", ""), run.get("title", ""), run.get("notes", ""))
    last = before.get("about", ("", "", ""))
    is_draft = any(typed or ()) and typed != last[1:]
    if typed is not None:
        now["drafts"] = drafts(before, last[0], typed if is_draft else None)
    if is_draft and stored[0] == last[0]:
        return {}
    now["about"] = stored
    if "about" in before and stored == last:
        return {}
    title, notes = now.get("drafts", {}).get(stored[0], stored[1:])
    return {"title": title, "notes": notes}
