"""A Hugging Face Space: how the lab knows that it is on one, and where its things live there."""

import os
import tempfile
from pathlib import Path

from lab.home import Home

DATA = Path("/data")  # where a Space's own storage is, if it has any


def on_space() -> bool:
    """Whether this is a Hugging Face Space, which everyone may visit."""
    return "SPACE_ID" in os.environ


def home(folder: str | None = None) -> Home:
    """The home folder. On a Space, whose own folder may be read-only, by default `lab` in the user's."""
    chosen = folder or os.environ.get("LAB_HOME")
    return Home.at(Path.home() / "lab" if on_space() and not chosen else chosen)


def storage() -> Path | None:
    """The folder for copies that outlive this machine: `lab` in `$LAB_DATA`, on a Space also in /data; None without one."""
    given = os.environ.get("LAB_DATA")
    place = Path(given) if given else DATA if on_space() else None
    if place is None or not place.is_dir():
        return None
    try:
        (place / "lab").mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=place / "lab") as file:  # what the permissions say is not always so
            file.write(b"a")
    except OSError:
        return None
    return place / "lab"
