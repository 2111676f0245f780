"""The command that opens the page."""

import os
import sys

import click

from lab.cli.common import command
from lab.home import ROOT, Home


@click.option("--host", metavar="ADDRESS", help="Where to listen; by default only this machine can reach it.")
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="By default 7860, or the next free one.")
@click.option("--mcp", is_flag=True, help="Also serve the commands as tools for language models (MCP).")
def serve(home: Home, host, port, mcp):
    """Open the lab in the browser, as `python app.py` does."""
    options = {"--home": str(home.path), "--host": host, "--port": port and str(port)}
    words = [word for key, value in options.items() if value for word in (key, value)]
    words += ["--mcp"] if mcp else []
    os.execv(sys.executable, [sys.executable, str(ROOT / "app.py"), *words])  # noqa: S606


commands = [command("serve")(serve)]
