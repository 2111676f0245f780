"""The commands about runs: train, and what became of it."""

from pathlib import Path

import click

from lab import calibration, config, findings, jobs, plan, presets, runs, versions
from lab.cli import leaving, show
from lab.cli.common import command, follow, say
from lab.config import Config
from lab.errors import InputError
from lab.home import Home
from lab.runs import Run


@click.argument("config_file", required=False, metavar="[CONFIG.yaml]")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Set one key of the config; may be repeated.")
@click.option("--detach", is_flag=True, help="Return at once; the run goes on without this terminal.")
@click.option("--dry-run", is_flag=True, help="Only the checks that need no weights, tokens per batch and estimates.")
@click.option("--measure", is_flag=True, help="With --dry-run: train a few steps, to estimate the time.")
@click.option("--preset", metavar="NAME", help="Start from a preset instead of a config file.")
def train(home: Home, config_file=None, sets=(), detach=False, dry_run=False, measure=False, preset=None):
    """Train an adapter and score it. Without a config: the bundled model on the bundled sentiment task."""
    if preset and config_file:
        raise InputError("Give a config file or --preset, not both.")
    if measure and not dry_run:
        raise InputError("--measure belongs to --dry-run.")
    if preset:
        start = config.mapping(config.brief(presets.load(home, preset).config), "The preset")
        wanted = config.parse(config.with_settings(start, list(sets)))
    else:
        wanted = config.read(Path(config_file).expanduser() if config_file else None, list(sets))
    if dry_run:
        report = _report(home, wanted, measure)
        return report, lambda console: show.plan(console, report)
    return _started(jobs.train(home, wanted), detach)


def _report(home: Home, wanted: Config, measure: bool) -> dict:
    """What a dry run prints; `estimates.seconds` by a calibration, where there is one or it is asked for."""
    planned = plan.make(home, wanted)
    if measure:
        job = jobs.calibrate(home, wanted)
        if job.measured() is None:
            follow(job)
            jobs.outcome(job)
    job = calibration.known(home, planned)
    measured = job.measured() if job else None
    report = planned.report()
    if measured:
        report["estimates"]["seconds"] = round(calibration.seconds(planned, measured)["total"], 1)
    return report


def _started(run: Run, detach: bool):
    if not detach:
        follow(run)
        jobs.outcome(run)
    result = {"id": run.id, "status": run.status()}
    if detach:
        return result, lambda console: console.print(f"{run.id} is {result['status']}.")
    return result, lambda console: show.run(console, run.show() | {"findings": findings.of(run)})


def run_list(home: Home):
    """List all runs, newest first."""
    found = []
    for run_id in runs.listing(home):
        try:
            found.append(Run(home, run_id).summary())
        except (InputError, OSError) as error:  # one broken folder must not hide the others
            say(f"{run_id} is left out: {error}")
    return found, lambda console: show.runs(console, found)


@click.argument("run_id", metavar="ID")
def run_show(home: Home, run_id):
    """Show a run: status, progress, config, metrics, checkpoints, the version of its task, what its curves say."""
    run = Run(home, run_id)
    found = run.show() | {"task_version": versions.of_run(home, run), "findings": findings.of(run)}
    return found, lambda console: show.run(console, found)


@click.argument("run_id", metavar="ID")
@click.argument("title")
def run_rename(home: Home, run_id, title):
    """Give a run a name beside its id, which stays; an empty TITLE takes it away."""
    return _described(home, run_id, title=title)


@click.argument("run_id", metavar="ID")
@click.argument("text")
def run_note(home: Home, run_id, text):
    """Keep a note about a run, in place of the one before; an empty TEXT takes it away."""
    return _described(home, run_id, notes=text)


def _described(home: Home, run_id: str, **words):
    found = {"id": run_id, **Run(home, run_id).describe(**words)}
    return found, lambda console: console.print(
        f"{run_id}: {found['title'] or 'no name'}; {found['notes'] or 'no note'}"
    )


@click.argument("run_id", metavar="ID")
@click.option("--lines", type=click.IntRange(1), metavar="N", help="Only the last N lines.")
def run_log(home: Home, run_id, lines):
    """Show a run's log."""
    text = Run(home, run_id).log_tail(lines)
    return {"id": run_id, "log": text}, lambda console: console.print(text, end="")


@click.argument("run_id", metavar="ID")
def run_stop(home: Home, run_id):
    """Stop a run at its next step; it saves, and can be resumed. A queued one leaves the queue."""
    run = Run(home, run_id)
    jobs.stop(run)
    found = {"id": run_id, "status": run.status()}
    return found, lambda console: console.print(f"{run_id} is {found['status']}.")


@click.argument("run_id", metavar="ID")
@click.option("--detach", is_flag=True, help="Return at once; the run goes on without this terminal.")
def run_resume(home: Home, run_id, detach):
    """Go on with a run from its newest whole checkpoint, after a stop, a crash or a restart."""
    return _started(jobs.resume(home, run_id), detach)


@click.argument("run_id", metavar="ID")
def run_delete(home: Home, run_id):
    """Delete a run with its checkpoints and its adapter."""
    jobs.delete(home, Run(home, run_id))
    return {"id": run_id, "deleted": True}, lambda console: console.print(f"Deleted {run_id}.")


group = click.Group("run", help="Trainings and what became of them.")
verbs = {
    "list": run_list,
    "show": run_show,
    "log": run_log,
    "stop": run_stop,
    "resume": run_resume,
    "delete": run_delete,
    "rename": run_rename,
    "note": run_note,
    **leaving.verbs,
}
for name, function in verbs.items():
    group.add_command(command(name)(function))
commands = [command("train")(train), group]
