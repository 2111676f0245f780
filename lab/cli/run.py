"""The commands about runs: train, and what became of it."""

from pathlib import Path

import click

from lab import config, plan, runs
from lab.cli import show
from lab.cli.common import command, progress, say
from lab.errors import InputError
from lab.home import Home
from lab.runs import Run


@click.argument("config_file", required=False, metavar="[CONFIG.yaml]")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Set one key of the config; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Only the checks that need no weights, tokens per batch and estimates.")
def train(home: Home, config_file, sets, dry_run):
    """Train an adapter and score it. Without a config: the bundled model on the bundled sentiment task."""
    wanted = config.read(Path(config_file).expanduser() if config_file else None, list(sets))
    planned = plan.make(home, wanted)  # what is wrong is said before torch is loaded
    if dry_run:
        report = planned.report()
        return report, lambda console: show.plan(console, report)
    from lab.train import train as train_now

    done = train_now(home, wanted, planned, say, progress)
    result = {"id": done.id, "status": done.status()}
    return result, lambda console: show.run(console, done.show())


def run_list(home: Home):
    """List all runs, newest first."""
    found = []
    for run_id in runs.listing(home):
        try:
            found.append({key: value for key, value in Run(home, run_id).show().items() if key != "metrics"})
        except InputError as error:  # one broken folder must not hide the others
            say(f"{run_id} is left out: {error}")
    return found, lambda console: show.runs(console, found)


@click.argument("run_id", metavar="ID")
def run_show(home: Home, run_id):
    """Show a run: status, progress, config, metrics, checkpoints."""
    found = Run(home, run_id).show()
    return found, lambda console: show.run(console, found)


@click.argument("run_id", metavar="ID")
def run_log(home: Home, run_id):
    """Show a run's log."""
    run = Run(home, run_id)
    text = run.log_file.read_text(encoding="utf-8") if run.log_file.exists() else ""
    return {"id": run_id, "log": text}, lambda console: console.print(text, end="")


@click.argument("run_id", metavar="ID")
def run_delete(home: Home, run_id):
    """Delete a run with its checkpoints and its adapter."""
    Run(home, run_id).delete()
    return {"id": run_id, "deleted": True}, lambda console: console.print(f"Deleted {run_id}.")


group = click.Group("run", help="Trainings and what became of them.")
for name, function in {"list": run_list, "show": run_show, "log": run_log, "delete": run_delete}.items():
    group.add_command(command(name)(function))
commands = [command("train")(train), group]
