"""What all commands share: `--home`, `--json`, plain errors with their exit codes, progress on stderr."""

import functools
import json
import os
import sys
from collections.abc import Callable

import click
from rich.console import Console
from tqdm import tqdm

from lab.errors import InputError, WorkError
from lab.home import Home


def command(name: str) -> Callable:
    """Makes a click command of a function that takes a Home first and returns (data, printer).

    Whatever libraries print goes to stderr; stdout holds the result and nothing else.
    """

    def wrap(function: Callable) -> click.Command:
        @functools.wraps(function)
        def run(home: str | None, as_json: bool, **arguments) -> None:
            stdout, sys.stdout = sys.stdout, sys.stderr
            try:
                result, show = function(Home.at(home), **arguments)
            except (InputError, WorkError) as error:
                _fail(str(error), 2 if isinstance(error, InputError) else 1)
            except KeyboardInterrupt:
                _fail("Interrupted.", 1)
            except Exception as error:
                if os.environ.get("LAB_DEBUG"):
                    raise
                _fail(f"{type(error).__name__}: {error} (LAB_DEBUG=1 shows where.)", 1)
            finally:
                sys.stdout = stdout
            if as_json:
                click.echo(json.dumps(result, ensure_ascii=False, indent=1, allow_nan=False))
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
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)


def say(line: str) -> None:
    """A line about how the work goes on, on stderr, that leaves a progress bar whole."""
    tqdm.write(line, file=sys.stderr)


def progress(what: str, total: int) -> Callable[[int], None]:
    """A progress bar on stderr; returns what is to be called with the number of things done."""
    bar = tqdm(total=total, desc=what, file=sys.stderr, leave=False, dynamic_ncols=True)

    def tell(done: int) -> None:
        bar.update(done)
        if bar.n >= total:
            bar.close()

    return tell
