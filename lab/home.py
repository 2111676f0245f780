"""Where things live: the home folder, safe ids, durable writes, append and tail."""

import fcntl
import json
import math
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import yaml

from lab.config import ID
from lab.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
BLOCK = 1 << 16  # bytes that are read at once


@dataclass(frozen=True)
class Home:
    """The folder that holds everything a user makes: tasks, datasets, runs, evaluations."""

    path: Path

    @classmethod
    def at(cls, folder: str | Path | None = None) -> "Home":
        """The folder given, else `$LAB_HOME`, else `workspace/` beside the code."""
        path = Path(folder or os.environ.get("LAB_HOME") or ROOT / "workspace").expanduser().resolve()
        nearest = next(part for part in (path, *path.parents) if part.exists())
        if not nearest.is_dir():
            raise InputError(f"{path} cannot be the home folder: {nearest} is a file.")
        return cls(path)

    @property
    def tasks(self) -> Path:
        return self.path / "tasks"

    @property
    def datasets(self) -> Path:
        return self.path / "datasets"

    @property
    def presets(self) -> Path:
        return self.path / "presets"

    @property
    def prompts(self) -> Path:
        """Saved lists of prompts."""
        return self.path / "prompts"

    @property
    def ratings(self) -> Path:
        """A folder for each set of answers that people rate."""
        return self.path / "ratings"

    @property
    def calibrations(self) -> Path:
        """Folders of short trainings that were measured."""
        return self.path / "calibrations"

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def evaluations(self) -> Path:
        return self.path / "evaluations"

    @property
    def sweeps(self) -> Path:
        """A file for each sweep: what was asked for, and which runs belong to it."""
        return self.path / "sweeps"

    @property
    def generator(self) -> Path:
        """The folder of the generation worker: its lock, socket and log."""
        return self.path / "generator"

    @property
    def queue(self) -> Path:
        """What the queue needs: its guard, and the lock of the job at work."""
        return self.path / "queue"

    @property
    def jobs(self) -> Path:
        """The folders of jobs that are no runs: sets of evaluations asked for."""
        return self.path / "jobs"


def check_id(text: str, what: str) -> str:
    """The id itself, if it is one. Raises InputError otherwise: an id is never a path."""
    if not ID.fullmatch(text):
        raise InputError(
            f"{what} {text!r} is no valid name: small letters, digits, - and _, at most 64, no blanks or slashes."
        )
    return text


def inside(folder: Path, name: str, what: str, ending: str = "") -> Path:
    """The path of a thing with an id inside a folder; `ending` is its file's. Raises InputError when it would lie anywhere
    else, as behind a link."""
    path = folder / (check_id(name, what) + ending)
    if path.resolve().parent != folder.resolve():
        raise InputError(f"{what} {name!r} leads out of the home folder.")
    return path


def next_id(folder: Path, name: str) -> str:
    """`name-1`, `name-2` …: the next that is free in a folder; to be asked for under its guard."""
    taken = [int(m.group(1)) for p in folder.iterdir() if (m := re.fullmatch(rf"{name}-(\d+)", p.name))]
    return f"{name}-{max(taken, default=0) + 1}"


def newest_first(folder: Path, mark: str) -> list[str]:
    """The names of the folders inside a folder, the newest first by the time of their file `mark`, which never changes."""
    made = []
    if folder.is_dir():
        for entry in os.scandir(folder):  # quicker than Paths, and the page does it all the time
            with suppress(FileNotFoundError, NotADirectoryError):  # deleted in the meantime, or no folder
                if not entry.name.startswith("."):
                    made.append((os.stat(f"{entry.path}/{mark}").st_mtime_ns, entry.name))  # noqa: PTH116 - as above
    return [name for _, name in sorted(made, reverse=True)]


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Lets an error of the disk name the file, which one while writing does not do by itself."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def write(path: Path, content: str | bytes) -> None:
    """Writes a file so that after a crash there is either the old one or the new one, whole."""
    data = content.encode() if isinstance(content, str) else content
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def forget_unfinished(path: Path) -> None:
    """Removes what a process that was killed while it wrote this file has left beside it; nobody may be writing it now."""
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, content) -> None:
    write(path, json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def write_yaml(path: Path, content) -> None:
    write(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100))


def write_lines(path: Path, rows: list[dict]) -> None:
    """Writes rows as JSON lines, as `row_json` writes them."""
    write(path, "".join(row_json(row) + "\n" for row in rows))


def row_json(row: dict | list, **options) -> str:
    """A row, or whatever else is told, as JSON; a cell that JSON has no form for, such as a date or NaN, as the text that prompts show of it."""
    try:
        return json.dumps(row, ensure_ascii=False, default=str, allow_nan=False, **options)
    except ValueError:
        return json.dumps(_with_names(row), ensure_ascii=False, default=str, **options)


def _with_names(value):
    if isinstance(value, dict):
        return {key: _with_names(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_names(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def read_json(path: Path) -> dict | None:
    """A JSON file's content, or None when there is no such file. Raises InputError when it is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(f"The file {path.parent.name}/{path.name} is broken: {error}") from error


def read_lines(path: Path) -> list[dict]:
    """The rows of a JSON-lines file. A torn last line, as a crash leaves it, is ignored.

    Raises InputError, naming the line, where another one is no JSON.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    rows = []
    for number, line in enumerate(lines[:-1], 1):  # behind the last line break stands nothing, or a torn line
        if line:
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise InputError(
                    f"The file {path.parent.name}/{path.name} is broken in line {number}: {error}"
                ) from error
    return rows


def last_lines(path: Path, size: int = 1 << 14) -> list[dict]:
    """The rows of a JSON-lines file that lie whole in its last bytes."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        start = max(0, file.seek(0, os.SEEK_END) - size)
        file.seek(start)
        lines = file.read().split(b"\n")[:-1]
    return [json.loads(line) for line in lines[1 if start else 0 :] if line]


def append_line(path: Path, row: dict) -> None:
    """Adds one row to a JSON-lines file, behind a whole line: a torn one left by a crash is cut off first."""
    line = json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    with naming(path), path.open("a+b") as file:
        end = file.seek(0, os.SEEK_END)
        whole = _end_of_lines(file, end)
        if whole < end:
            file.truncate(whole)
        file.write(line)
        file.flush()


def _end_of_lines(file: BinaryIO, end: int) -> int:
    """Where the last whole line of a file ends, looked for from its end on, block by block."""
    while end:
        start = max(0, end - BLOCK)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


@contextmanager
def guard(folder: Path) -> Iterator[None]:
    """Holds a folder's own lock, so that two processes do not change its list of names at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".guard").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
