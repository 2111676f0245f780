"""The commands by which what a run has left leaves the lab: to a folder, or to the Hub."""

from pathlib import Path

import click

from lab import bases, export, jobs, leaving, merging, publish, vllm
from lab.cli import show
from lab.cli.common import follow
from lab.errors import WorkError
from lab.home import Home
from lab.merging import Merging


@click.argument("name", metavar="ID")
@click.option("--to", "place", required=True, metavar="DIR", help="The folder that gets it.")
@click.option("--merge", is_flag=True, help="The adapter merged into its unquantized base, as ID-merged.")
@click.option("--zip", "packed", is_flag=True, help="As a zip instead of a folder.")
def run_export(home: Home, name, place, merge=False, packed=False):
    """Take what a run, or its checkpoint RUN@STEP, has left out of the lab, with task, settings and card.

    It works without the lab. --merge: as a model that needs neither peft nor its base.
    """
    place = Path(place).expanduser().resolve()
    if merge:
        made = _merged(home, name, place, packed)
        folder = made.with_suffix("") if packed else made
        serving = vllm.model(export.about(made), folder.name, str(folder))
    else:
        what = export.parcel(home, name)
        made = (export.to_zip if packed else export.to_folder)(what, place)
        serving = what.serving(_base_here(home, name), str(place / what.name))
    result = {"id": name, "path": str(made), "serve": serving.command, "request": serving.request or None}
    result |= {"notes": list(serving.notes)}

    def tell(console):
        console.print(f"{name} is exported to {made}")
        unpacked = ", once it is unpacked there" if packed else ""
        console.print(f"\n# To serve it with vLLM{unpacked}:\n" if serving.command else "")
        console.print(serving.text)

    return result, tell


def _merged(home: Home, name: str, place: Path, packed: bool) -> Path:
    """The merged model in its place, made by a job."""
    merging.checked(home, name)
    target = export.free(place / f"{export.label(name)}-merged{'.zip' if packed else ''}")
    export.need_room(place, 0)
    job = leaving.merge(home, name, packed, kept=False)
    try:
        _done(job, "The merging")
        return export.moved(job.made, target.parent)
    finally:
        leaving.forget(home, job)  # one that somebody has left to itself stays until it is done


def _base_here(home: Home, name: str) -> str:
    """A run's base by the name or folder under which this machine has it."""
    base = bases.find(export.found(home, name)[0].config.base_model)
    return base.name if base.on_hub else str(base.folder)


def _done(job: Merging, what: str) -> None:
    """Waits for a job behind its progress. Raises InputError or WorkError when it did not finish."""
    follow(job)
    status = jobs.outcome(job)
    if status != "finished":
        raise WorkError(f"{what} was {status}; nothing is left of it.")


@click.argument("name", metavar="ID")
@click.argument("repo", metavar="OWNER/NAME")
@click.option("--merge", is_flag=True, help="The adapter merged into its unquantized base.")
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option("--revision", metavar="BRANCH", help="The branch that gets it; by default main.")
@click.option("--detach", is_flag=True, help="Return at once; `run pushes` says what came of it.")
def run_push(home: Home, name, repo, merge=False, private=False, revision=None, detach=False):
    """Send what a run, or its checkpoint RUN@STEP, has left to the Hub, with its model card.

    The token is read from HF_TOKEN in the environment, and kept nowhere.
    """
    job = leaving.push(home, name, repo, merge, private, revision)
    if not detach:
        _done(job, "The push")
    found = publish.told(job)
    said = f"{name} is on the Hub: {found['url']}" if found["url"] else f"{job.id} is {found['status']}."
    return found, lambda console: console.print(said)


def run_pushes(home: Home):
    """List what was sent to the Hub, newest first."""
    found = publish.told_of_all(home)
    columns = ["id", "run_id", "repo", "revision", "status", "url"]
    return found, lambda console: show.table(console, columns, [[one[key] for key in columns] for one in found])


verbs = {"export": run_export, "push": run_push, "pushes": run_pushes}
