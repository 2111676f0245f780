"""The public events about presets, configs to start from."""

import gradio as gr

from lab import presets, sweeps
from lab.home import Home
from lab.presets import Preset
from lab.ui import access
from lab.ui.given_yaml import read_config


def preset_list(home: Home) -> list[dict]:
    """All presets, the user's first: name, kind (config or sweep) and what it is for."""
    found = presets.whole(home)
    return [{"name": x.name, "kind": "sweep" if x.sweep else "config", "about": x.about} for x in found]


def preset_show(home: Home, name: str) -> dict:
    """A preset with all keys of its config; or its sweep, as YAML text, and the commands that fetch what it needs."""
    return _shown(presets.load(home, name))


def preset_save(home: Home, request: gr.Request, name: str, config: str, about: str = "") -> dict:
    """Keeps a config, given as YAML text, as a preset, in place of the user's own of that name."""
    access.may_change(request)
    return _shown(presets.save(home, name, about, read_config(config)))


def preset_delete(home: Home, request: gr.Request, name: str) -> dict:
    """Deletes a preset of the user's."""
    access.may_change(request)
    presets.delete(home, name)
    return {"name": name, "deleted": True}


def _shown(preset: Preset) -> dict:
    shown = {"name": preset.name, "about": preset.about}
    if preset.sweep:
        needs = [one.command(name) for name, one in preset.needs.items()]
        return {**shown, "sweep": sweeps.text(preset.sweep), "needs": needs}
    return {**shown, "config": preset.config.model_dump()}


COMMANDS = [preset_list, preset_show, preset_save, preset_delete]
