"""What all commands share: `--home`, `--json`, plain errors with their exit codes, progress on stderr."""

import functools
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import click
from rich.console import Console
from tqdm import tqdm

from lab import jobs, shortage, space
from lab.errors import InputError, WorkError, in_full
from lab.hub_token import traced, without_tokens
from lab.job import Job


def command(name: str) -> Callable:
    """Makes a click command of a function that takes a Home first and returns (data, printer).

    Whatever libraries print goes to stderr; stdout holds the result and nothing else.
    """

    def wrap(function: Callable) -> click.Command:
        @functools.wraps(function)
        def run(home: str | None, as_json: bool, **arguments) -> None:
            stdout, sys.stdout = sys.stdout, sys.stderr
            try:
                result, show = function(space.home(home), **arguments)
                said = json.dumps(result, ensure_ascii=False, indent=1, allow_nan=False) if as_json else None
            except (InputError, WorkError) as error:
                _fail(in_full(error), 2 if isinstance(error, InputError) else 1)
            except KeyboardInterrupt:
                _fail("Interrupted.", 1)
            except Exception as error:
                if os.environ.get("LAB_DEBUG"):
                    click.echo(traced(error), err=True)
                    sys.exit(1)
                if said := shortage.in_words(error):
                    _fail(said, 1)
                _fail(f"{type(error).__name__}: {error} (LAB_DEBUG=1 shows where.)", 1)
            finally:
                sys.stdout = stdout
            if as_json:
                click.echo(said)
            else:
                show(console())

        run = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(run)
        run = click.option("--home", metavar="DIR", help="The home folder (or LAB_HOME).")(run)
        return click.command(name, help=function.__doc__)(run)

    return wrap


def console() -> Console:
    """Text for people; wide where it goes to a file or a pipe, so that tables stay whole."""
    width = None if sys.stdout.isatty() else 160
    return Console(highlight=False, markup=False, soft_wrap=True, width=width)


def _fail(message: str, code: int) -> None:
    click.echo(f"Error: {without_tokens(message)}", err=True)
    sys.exit(code)


def say(line: str) -> None:
    """A line about how the work goes on, on stderr, that leaves a progress bar whole."""
    tqdm.write(line, file=sys.stderr)


LOOK_EVERY = 0.3  # seconds


def follow(job: Job, stop: Callable[[], object] | None = None) -> bool:
    """Shows a job's log and progress on stderr until its worker ends. Ctrl-C stops it, a second one only leaves it.

    `stop` asks for the stop, where more than this job is to stop. Returns whether it was asked for.
    """
    seen, bar, asked = 0, None, False
    while True:
        try:
            alive = job.holder() is not None
            seen = _tell_log(job, seen)
            bar = _drawn(bar, job)
            if not alive:
                break
            time.sleep(LOOK_EVERY)
        except KeyboardInterrupt:
            if asked:
                raise
            asked = True
            with suppress(InputError):  # it has just ended
                stop() if stop else jobs.stop(job)
                say(f"{job.id}: stopping at the next step; it will be saved. Press Ctrl-C again to leave it to itself.")
    if bar is not None:
        bar.close()
    return asked


def _tell_log(job: Job, seen: int) -> int:
    """Prints the lines of the log behind its first `seen` bytes; returns how far it read, to the end of a line."""
    with job.log_file.open("rb") as file:
        file.seek(seen)
        new = file.read()
    whole = new[: new.rfind(b"\n") + 1]
    for line in whole.decode(errors="replace").splitlines():
        say(line)
    return seen + len(whole)


def _drawn(bar: tqdm | None, job: Job) -> tqdm | None:
    state = job.state()
    doing = state.get("doing") or {"what": job.id, "done": state.get("step") or 0, "total": state.get("total_steps")}
    if bar is not None and bar.desc.removesuffix(": ") != doing["what"]:
        bar.close()
        bar = None
    if bar is None and doing["total"] and not state.get("queued"):
        options = {"file": sys.stderr, "leave": False, "dynamic_ncols": True}
        bar = tqdm(total=doing["total"], desc=doing["what"], initial=doing["done"], **options)
    if bar is not None:
        bar.update(doing["done"] - bar.n)
    return bar
