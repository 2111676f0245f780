"""The commands about presets, configs to start from."""

from pathlib import Path

import click

from lab import config, presets, sweeps
from lab.cli import show
from lab.cli.common import command, say
from lab.home import Home


def preset_list(home: Home):
    """List the presets, configs to start from: `train --preset NAME`; and sweeps: `sweep NAME`."""
    found = presets.whole(home, lambda name, error: say(f"{name} is left out: {error}"))
    rows = [{"name": x.name, "kind": "sweep" if x.sweep else "config", "about": x.about} for x in found]
    return rows, lambda console: show.table(console, ["preset", "kind", "about"], [list(row.values()) for row in rows])


@click.argument("name", metavar="NAME")
def preset_show(home: Home, name):
    """Show a preset's config, or its sweep and the commands that fetch what it needs."""
    preset = presets.load(home, name)
    if preset.sweep:
        needs = [one.command(needed) for needed, one in preset.needs.items()]
        found = {"name": name, "about": preset.about, "sweep": sweeps.text(preset.sweep), "needs": needs}
        return found, lambda console: console.print("\n".join([*(f"# {x}" for x in needs), found["sweep"]]), end="")
    found = {"name": name, "about": preset.about, "config": preset.config.model_dump()}
    return found, lambda console: console.print(config.brief(preset.config), end="")


@click.argument("name", metavar="NAME")
@click.argument("config_file", metavar="CONFIG.yaml")
@click.option("--about", default="", metavar="TEXT", help="What it is for.")
def preset_save(home: Home, name, config_file, about):
    """Keep a config as a preset, in place of yours of that name."""
    presets.save(home, name, about, config.read(Path(config_file).expanduser(), []))
    return {"name": name, "about": about}, lambda console: console.print(f"Kept as the preset {name}.")


@click.argument("name", metavar="NAME")
def preset_delete(home: Home, name):
    """Delete a preset of yours."""
    presets.delete(home, name)
    return {"name": name, "deleted": True}, lambda console: console.print(f"Deleted {name}.")


group = click.Group("preset", help="Configs to start from.")
for verb, function in {"list": preset_list, "show": preset_show, "save": preset_save, "delete": preset_delete}.items():
    group.add_command(command(verb)(function))
commands = [group]
