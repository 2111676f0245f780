"""The command line: `python -m lab …`. Every command prints text, or with `--json` one JSON document."""

import click

from lab.cli import ask, data, preset, rating, run, serve, sweep, tasks


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def cli():
    """QLoRA Lab: turn an open LLM into a label classifier or an instruction follower, and compare honestly."""


for command in (
    *(*data.commands, *tasks.commands, *preset.commands),
    *(*run.commands, *ask.commands, *rating.commands, *sweep.commands, *serve.commands),
):
    cli.add_command(command)


def main() -> None:
    """Runs a command and ends the process with its exit code: 0 done, 1 the work failed, 2 the input was wrong."""
    cli()
