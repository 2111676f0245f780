"""The subjects that the page offers, the names of them that it takes, and how it keeps up with new ones."""

from contextlib import suppress

import gradio as gr

from lab import progress, runs
from lab.errors import InputError
from lab.home import Home
from lab.job import ALIVE
from lab.runs import Run
from lab.subjects import weight_files
from lab.ui import access

MOST_SUBJECTS = 20


def on_offer(home: Home) -> list[str]:
    """What can be chosen: `base`, then runs that have ended with an adapter or a model, newest first, with their kept checkpoints."""
    names = ["base"]
    for run_id in runs.listing(home):
        with suppress(InputError):  # one broken folder must not hide the others
            run = Run(home, run_id)
            if weight_files(run.left) and run.status() not in ALIVE:
                names.append(run_id)
            names += [f"{run_id}@{c['step']}" for c in reversed(run.checkpoints()) if c["kept"]]
    return names


def default(choices: list[str]) -> list[str]:
    """`base` and the newest run with an adapter."""
    return [*choices[:1], *[name for name in choices[1:] if "@" not in name][:1]]


def fingerprint(home: Home) -> tuple:
    """What changes whenever other subjects are on offer; cheap enough to be asked for all the time."""
    found = [(run["id"], run["status"]) for run in progress.overview(home)]
    return tuple((run_id, status, _steps(home, run_id) if status in ALIVE else 0) for run_id, status in found)


def _steps(home: Home, run_id: str) -> int:
    """How many checkpoints a run has by now."""
    with suppress(InputError):  # deleted in the meantime
        return len(Run(home, run_id).checkpoints())
    return 0


def offered_now(home: Home, seen: tuple, offered: list[str], names: list[str]) -> tuple | None:
    """What is chosen now, the new fingerprint, the new default and the choices; None where nothing has changed.

    Who has left the default as it was gets the new one.
    """
    now = fingerprint(home)
    if now == seen:
        return None
    choices = on_offer(home)
    kept = default(choices) if names == offered else [name for name in names or [] if name in choices]
    return kept, now, default(choices), gr.update(choices=choices, value=kept)


def taken(names: list[str] | None, most: int = MOST_SUBJECTS) -> list[str]:
    """Names of subjects as the page takes them, of which none is a folder of this machine. Raises InputError."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError("Subjects are a list of names.")
    names = list(dict.fromkeys(name.strip() for name in names))
    if not names:
        raise InputError("Choose at least one subject.")
    if len(names) > most:
        raise InputError(f"Choose at most {most} subjects.")
    for name in names:
        if name.startswith("base:"):
            access.model_id(name.removeprefix("base:"))
            access.may_change(None)  # it may have to be downloaded
    return names
