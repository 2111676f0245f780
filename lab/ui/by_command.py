"""Work that the page gives to the command line, in a process of its own: what loads libraries, or waits for the Hub."""

import json
import os
import subprocess
import sys

from lab.errors import InputError, WorkError
from lab.home import ROOT, Home

LONGEST = 3600  # seconds


def run(home: Home, command: list[str], options: dict[str, str | bool | None], names: list[str], what: str) -> dict:
    """What `python -m lab COMMAND` prints as JSON; `options` that are empty are left out, `names` are its arguments.

    `what` is named when it takes too long. Raises InputError or WorkError in the command's words.
    """
    given = [f"--{key}" if value is True else f"--{key}={value}" for key, value in options.items() if value]
    line = [sys.executable, "-m", "lab", *command, f"--home={home.path}", *given, "--json", "--", *names]
    environment = {key: value for key, value in os.environ.items() if key != "LAB_DEBUG"}
    try:
        done = subprocess.run(
            line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise WorkError(f"{what} was not done within {LONGEST // 60} minutes.") from error
    if done.returncode:
        said = done.stderr.rpartition("Error: ")[2].strip() or "it ended without a word"
        raise (InputError if done.returncode == 2 else WorkError)(said)
    return json.loads(done.stdout)
