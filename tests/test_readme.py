"""The README tells the truth: its table of config keys is the one in the code, its commands are those there are."""

import re
from pathlib import Path

from lab import config
from lab.cli import cli

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_table_of_config_keys_is_that_of_the_code():
    lines = ["| key | default | meaning |", "|---|---|---|"]
    lines += [f"| `{key}` | `{default}` | {meaning} |" for key, default, meaning in config.reference()]
    assert "\n".join(lines) in README


def test_every_command_stands_in_the_readme():
    for name, command in cli.commands.items():
        assert f"`{name}" in README
        for verb in getattr(command, "commands", {}):
            assert re.search(rf"`{name} .*`{verb}`|`{name} {verb}`", README), f"{name} {verb}"
