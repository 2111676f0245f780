"""Presets: configs and sweeps by name to start from, the user's in the home folder and the bundled ones in `assets/presets`."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from lab import config as config_file
from lab import grid
from lab.config import Config
from lab.errors import InputError
from lab.grid import Grid
from lab.home import ASSETS, Home, guard, inside, write_yaml
from lab.memo import Memo, state_of
from lab.task import Strict, plain_problems

BUNDLED = ASSETS / "presets"
SWEEP = re.compile(r"^sweep:", re.MULTILINE)
_READ = Memo(200)  # by the state of their files


class Needed(Strict):
    """A dataset that a sweep is about and that is not bundled: where it comes from, and its rows by split as published."""

    source: str
    text: str
    label: str | None = None
    target: str | None = None
    rows: dict[str, int]

    def command(self, name: str) -> str:
        """The command that brings it here under a name."""
        columns = {"--text": self.text, "--label": self.label, "--target": self.target}
        options = [word for option, column in columns.items() if column for word in (option, column)]
        return shlex.join(["python", "-m", "lab", "dataset", "add", name, self.source, *options])


@dataclass(frozen=True)
class Preset:
    """A config, or a sweep and the datasets that it needs, with a name and a sentence about what it is for."""

    name: str
    about: str
    chosen: Config | None = None
    sweep: Grid | None = None
    needs: dict[str, Needed] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        """Its config. Raises InputError where it is a sweep."""
        if self.chosen is None:
            raise InputError(f"{self.name} is a preset of a sweep: start it with python -m lab sweep {self.name}.")
        return self.chosen


def listing(home: Home) -> list[str]:
    """The names of all presets, the user's first; each once."""
    return list(
        dict.fromkeys(
            path.stem
            for folder in (home.presets, BUNDLED)
            for path in sorted(folder.glob("*.yaml"))
            if not path.is_symlink()
        )
    )


def of_sweeps(home: Home) -> list[str]:
    """The names of those that are sweeps, told by a line of their files: to read so many takes longer than a page may."""
    return [name for name in listing(home) if SWEEP.search(_text(_file(home, name)))]


def whole(home: Home, left_out: Callable[[str, InputError], object] = lambda name, error: None) -> list[Preset]:
    """All that can be read, the user's first; a broken one must not hide the others, and is told to `left_out`."""
    found = []
    for name in listing(home):
        try:
            found.append(load(home, name))
        except InputError as error:
            left_out(name, error)
    return found


def load(home: Home, name: str) -> Preset:
    """A preset by its name. Raises InputError when there is none, or when it is broken."""
    path = _file(home, name)
    return _READ.get(state_of(path), partial(_read, path))


def _file(home: Home, name: str) -> Path:
    for path in (_own(home, name), BUNDLED / f"{name}.yaml"):
        if path.is_file():
            return path
    raise InputError(f"There is no preset {name!r}; there are: {', '.join(listing(home)) or 'none'}.")


def _text(path: Path) -> str:
    """What stands in a file; bytes that are no text make it one that cannot be parsed, not one that stops the page."""
    return path.read_text(encoding="utf-8", errors="replace")


def _read(path: Path) -> Preset:
    where = f"The preset {path.stem}"
    values = config_file.mapping(_text(path), where)
    about = str(values.get("about") or "")
    if set(values) <= {"about", "config"} and isinstance(values.get("config", {}), dict):
        return Preset(path.stem, about, config_file.parse(values.get("config") or {}, where))
    if set(values) <= {"about", "sweep", "needs"} and isinstance(values.get("sweep"), dict):
        needs = values.get("needs") or {}
        try:
            needed = {str(name): Needed.model_validate(one) for name, one in dict(needs).items()}
        except (ValidationError, TypeError, ValueError) as error:
            said = plain_problems(error, [*Needed.model_fields]) if isinstance(error, ValidationError) else str(error)
            raise InputError(f"{where} has problems with what it needs:\n{said}") from error
        return Preset(path.stem, about, None, grid.parse({"name": path.stem, **values["sweep"]}, where), needed)
    raise InputError(f"{where} must have the keys about and config, or about, sweep and needs, and no others.")


def save(home: Home, name: str, about: str, chosen: Config) -> Preset:
    """Keeps a config under a name, in place of the user's own of that name. Raises InputError for a bundled one's name."""
    path = _own(home, name)
    if (BUNDLED / path.name).is_file():
        raise InputError(f"{name!r} is a bundled preset, which stays as it is; choose another name.")
    with guard(home.presets):
        write_yaml(path, {"about": about, "config": config_file.mapping(config_file.brief(chosen), "The config")})
    return load(home, name)


def delete(home: Home, name: str) -> None:
    """Removes a preset of the user's. Raises InputError when there is none of that name."""
    path = _own(home, name)
    if not path.is_file():
        raise InputError(f"There is no preset of yours named {name!r}.")
    path.unlink()


def _own(home: Home, name: str) -> Path:
    return inside(home.presets, name, "The preset", ".yaml")
