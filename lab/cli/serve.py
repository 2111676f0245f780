"""The command that opens the page."""

import os
import sys

import click

from lab.cli.common import command
from lab.home import ROOT, Home


@click.option("--host", metavar="ADDRESS", help="Where to listen; by default only this machine can reach it.")
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="By default 7860, or the next free one.")
def serve(home: Home, host, port):
    """Open the lab in the browser, as `python app.py` does."""
    options = {"--home": str(home.path), "--host": host, "--port": port and str(port)}
    words = [word for key, value in options.items() if value for word in (key, value)]
    os.execv(sys.executable, [sys.executable, str(ROOT / "app.py"), *words])  # noqa: S606


commands = [command("serve")(serve)]
