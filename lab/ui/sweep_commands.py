"""The public events about sweeps."""

from contextlib import suppress

import gradio as gr

from lab import sweep_results, sweeping, sweeps
from lab.errors import InputError
from lab.home import Home
from lab.ui import access
from lab.ui.given_yaml import read_sweep


def sweep(home: Home, request: gr.Request, sweep: str, dry_run: bool = False) -> dict:
    """Starts a sweep from YAML text, a config with several values under `grid:`, or with `subject:` the decodings under
    which it is evaluated. Returns at once: name, over, runs, comparison of what is scored. `dry_run` only checks."""
    access.may_change(request)
    prepared = sweeps.prepare(home, read_sweep(sweep))
    if dry_run:
        return sweeps.foreseen(home, prepared)
    return sweep_results.look(home, sweeps.load(home, sweeping.start(home, prepared).name))


def sweeps_list(home: Home) -> list[dict]:
    """All sweeps, the one that was started last first: name, over, runs."""
    found = []
    for name in sweeps.listing(home):
        with suppress(InputError):  # a broken one must not hide the others
            one = sweeps.load(home, name)
            found.append({"name": name, "over": one.grid.keys, "runs": sweep_results.members(home, one)})
    return found


def sweeps_show(home: Home, name: str) -> dict:
    """A sweep: its runs, and how those compare that have been scored."""
    return sweep_results.look(home, sweeps.load(home, name))


def sweeps_stop(home: Home, request: gr.Request, name: str) -> dict:
    """Stops all runs of a sweep that are queued or at work; they save, and the sweep can be gone on with."""
    access.may_change(request)
    return {"name": name, "stopped": sweeping.stop(home, sweeps.load(home, name))}


def sweeps_delete(home: Home, request: gr.Request, name: str) -> dict:
    """Forgets a sweep; its runs stay."""
    access.may_change(request)
    sweeps.delete(home, name)
    return {"name": name, "deleted": True}


COMMANDS = [sweep, sweeps_list, sweeps_show, sweeps_stop, sweeps_delete]
