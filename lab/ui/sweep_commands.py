"""The public events about sweeps."""

from contextlib import suppress

import gradio as gr

from lab import ahead, presets, sweep_results, sweeping, sweeps
from lab.config import ID
from lab.errors import InputError
from lab.grid import Grid
from lab.home import Home
from lab.ui import access
from lab.ui.given_yaml import read_sweep


def sweep(home: Home, request: gr.Request, sweep: str, dry_run: bool = False) -> dict:
    """Starts a sweep from YAML text, a config with several values under `grid:`, or with `subject:` the decodings under
    which it is evaluated; or a preset by its name. Returns at once: name, over, runs, comparison of what is scored.
    `dry_run` only checks."""
    access.may_change(request)
    wanted, needs = _wanted(home, sweep)
    missing = ahead.lacking(home, wanted, needs)
    if dry_run and missing:
        return ahead.foreseen(home, wanted, needs)
    ahead.refuse(missing, needs)
    prepared = sweeps.prepare(home, wanted)
    if dry_run:
        return sweeps.foreseen(home, prepared)
    return sweep_results.look(home, sweeps.load(home, sweeping.start(home, prepared).name))


def _wanted(home: Home, text: str) -> tuple[Grid, ahead.Needs]:
    """A sweep from YAML text, or from the name of a preset, which is no mapping and so no sweep."""
    if ID.fullmatch(text.strip()):
        preset = presets.load(home, text.strip())
        if preset.sweep:
            return preset.sweep, preset.needs
    return read_sweep(text), {}


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
