"""Presets: configs by name to start from, the user's in the home folder and the bundled ones in `assets/presets`."""

from dataclasses import dataclass
from pathlib import Path

from lab import config as config_file
from lab.config import Config
from lab.errors import InputError
from lab.home import ASSETS, Home, check_id, guard, inside, write_yaml

BUNDLED = ASSETS / "presets"


@dataclass(frozen=True)
class Preset:
    """A config with a name and a sentence about what it is for."""

    name: str
    about: str
    config: Config


def listing(home: Home) -> list[str]:
    """The names of all presets, the user's first; each once."""
    return list(
        dict.fromkeys(path.stem for folder in (home.presets, BUNDLED) for path in sorted(folder.glob("*.yaml")))
    )


def load(home: Home, name: str) -> Preset:
    """A preset by its name. Raises InputError when there is none, or when it is broken."""
    check_id(name, "The preset")
    for folder in (home.presets, BUNDLED):
        if (path := folder / f"{name}.yaml").is_file():
            return _read(path)
    raise InputError(f"There is no preset {name!r}; there are: {', '.join(listing(home)) or 'none'}.")


def _read(path: Path) -> Preset:
    where = f"The preset {path.stem}"
    values = config_file.mapping(path.read_text(encoding="utf-8"), where)
    if set(values) - {"about", "config"} or not isinstance(values.get("config", {}), dict):
        raise InputError(f"{where} must have the keys about and config, a mapping, and no others.")
    return Preset(path.stem, str(values.get("about") or ""), config_file.parse(values.get("config") or {}, where))


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
    return inside(home.presets, name, "The preset").with_suffix(".yaml")
