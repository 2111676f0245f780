"""The commands about sweeps: a grid of configs, or of decodings of one subject, and what comes of it."""

from pathlib import Path

import click

from lab import ahead, grid, jobs, presets, queue, sweep_results, sweep_words, sweeping, sweeps
from lab.cli import show
from lab.cli.common import command, follow, say
from lab.config import ID
from lab.errors import InputError, WorkError
from lab.grid import Grid
from lab.home import Home
from lab.runs import Run
from lab.sweeps import Prepared, Sweep

BAD = ("failed", "interrupted", sweep_results.DELETED)


@click.argument("asked", metavar="SWEEP.yaml|PRESET")
@click.option("--detach", is_flag=True, help="Return at once; the runs go on without this terminal.")
@click.option("--dry-run", is_flag=True, help="Only the checks of all points, and what ran already.")
def sweep(home: Home, asked, detach=False, dry_run=False):
    """Train a config for each combination of the values under its `grid:`, and compare; what ran already is reused.

    With `subject:` the grid holds keys of the decoding, and the one subject is evaluated under each. The name of a preset
    (`preset list`) stands for its sweep.
    """
    wanted, needs = _wanted(home, asked)
    missing = ahead.lacking(home, wanted, needs)
    if dry_run and missing:
        return _told(ahead.foreseen(home, wanted, needs))
    ahead.refuse(missing, needs)
    prepared = sweeps.prepare(home, wanted)
    for note in prepared.notes:
        say(f"note: {note}")
    if dry_run:
        return _told(sweeps.foreseen(home, prepared))
    before = {job.id for job in queue.living(home)}  # what others asked for is never stopped from here
    started = _started(home, prepared, before)
    if not detach:
        _follow(home, started, before)
        _follow_scores(home, started)
    found = sweep_results.look(home, sweeps.load(home, started.name))
    if not detach:
        _refuse_failures(home, found, started)
    return _told(found)


def _wanted(home: Home, asked: str) -> tuple[Grid, ahead.Needs]:
    """The sweep of a file, or where there is none of a preset, and the datasets that it needs."""
    path = Path(asked).expanduser()
    if not path.exists() and ID.fullmatch(asked):
        preset = presets.load(home, asked)
        if preset.sweep is None:
            raise InputError(f"{asked} is a preset of one run: start it with python -m lab train --preset {asked}.")
        return preset.sweep, preset.needs
    return grid.read(path), {}


def _started(home: Home, prepared: Prepared, before: set[str]) -> Sweep:
    try:
        started = sweeping.start(home, prepared)
    except KeyboardInterrupt:
        sweeping.stop(home, sweeps.settled(home, prepared), before)
        raise
    found = sweep_results.members(home, sweeps.load(home, started.name))
    over = ", ".join(started.grid.keys)
    say(f"sweep {started.name}: {len(found)} points over {over}; {sweep_words.states(found)}")
    return started


def _follow(home: Home, started: Sweep, before: set[str]) -> None:
    """Shows its runs one after the other, as they come to their turn. Ctrl-C stops all that this call has started."""
    words = {one["id"]: point.words for one, point in zip(started.runs, started.grid.points, strict=True)}
    for job in sweeping.at_work(home, started):
        if job.holder() is not None:
            say(f"{job.id}: {words.get(job.id, 'the decodings, one after the other')}")
            if follow(job, lambda: sweeping.stop(home, started, before)):
                return


def _follow_scores(home: Home, started: Sweep) -> None:
    """Evaluates what has finished without being scored at its end."""
    if started.grid.asking:
        return
    lacking = sweep_results.lacking(home, started)
    if lacking:
        job = jobs.score(home, lacking)
        follow(job)
        jobs.outcome(job)


def _refuse_failures(home: Home, found: dict, started: Sweep) -> None:
    """Raises WorkError when a point has failed; how all of them stand is said before."""
    bad = [one for one in found["runs"] if one["status"] in BAD]
    if not bad:
        return
    say("\n".join(" · ".join(row) for row in sweep_words.table(found)[1]))
    if started.grid.asking:
        jobs.outcome(sweep_results.job_of(home, started))
    error = Run(home, bad[0]["id"]).error() or {"message": bad[0]["status"], "advice": ""}
    words = " ".join(filter(None, [error["message"], error["advice"]]))
    raise WorkError(
        f"{len(bad)} of {len(found['runs'])} runs have failed; {bad[0]['id']}: {words} The others are kept."
    )


def sweeps_list(home: Home):
    """List all sweeps, the one that was started last first."""
    found = []
    for name in sweeps.listing(home):
        try:
            one = sweeps.load(home, name)
            members = sweep_results.members(home, one)
        except InputError as error:
            say(f"{name} is left out: {error}")
            continue
        found.append({"name": name, "over": one.grid.keys, "runs": members})
    rows = [[x["name"], ", ".join(x["over"]), len(x["runs"]), sweep_words.states(x["runs"])] for x in found]
    return found, lambda console: show.table(console, ["sweep", "over", "points", "status"], rows)


@click.argument("name", metavar="NAME")
def sweeps_show(home: Home, name):
    """Show a sweep: its runs, and how those compare that have been scored."""
    return _told(sweep_results.look(home, sweeps.load(home, name)))


@click.argument("name", metavar="NAME")
def sweeps_stop(home: Home, name):
    """Stop all its runs that are queued or at work; they save, and `sweep` goes on with them."""
    stopped = sweeping.stop(home, sweeps.load(home, name))
    return {"name": name, "stopped": stopped}, lambda console: console.print(f"Stopping: {', '.join(stopped)}.")


@click.argument("name", metavar="NAME")
def sweeps_delete(home: Home, name):
    """Forget a sweep; its runs stay."""
    sweeps.delete(home, name)
    return {"name": name, "deleted": True}, lambda console: console.print(f"Deleted {name}; its runs stay.")


# -- what is printed -------------------------------------------------------------------------------------------------------


def _told(found: dict):
    def tell(console):
        console.print(f"sweep {found['name']}: {sweep_words.states(found['runs'])}")
        show.table(console, *sweep_words.table(found))
        if found.get("cells"):
            show.table(console, *sweep_words.cells_table(found))
        for sentence in sweep_words.said(found) if found["comparison"] or found.get("cells") else found["notes"]:
            console.print(f"note: {sentence}")
        for words in found.get("unchecked", []):
            console.print(f"not checked: {words}")

    return found, tell


group = click.Group("sweeps", help="Sweeps and what came of them.")
verbs = {"list": sweeps_list, "show": sweeps_show, "stop": sweeps_stop, "delete": sweeps_delete}
for name, function in verbs.items():
    group.add_command(command(name)(function))
commands = [command("sweep")(sweep), group]
