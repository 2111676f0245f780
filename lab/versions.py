"""The versions of a task: every content that was saved under its name, and which runs used it.

`tasks/<name>.yaml` is the task as it stands; beside it `tasks/<name>/<N>.yaml` holds each saved content, the newest one
included, with the time of saving in its first line. A file that was edited by hand counts as a version of its own, and is
kept as one at the next save.
"""

import hashlib
import json
import re
import shutil
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lab import runs
from lab import task as task_file
from lab.difference import changes, compared
from lab.errors import InputError
from lab.home import ASSETS, Home, guard, inside, write
from lab.runs import Run
from lab.task import Task

BUNDLED = ASSETS / "tasks"
TICK = 0.1  # seconds; file systems tell time more coarsely than the clock
STAMP = re.compile(r"# saved (\d+(?:\.\d+)?)\n")  # seconds since 1970


@dataclass(frozen=True)
class Version:
    """One content of a task. `saved` is when, in seconds since 1970; None for a bundled task."""

    number: int
    saved: float | None
    task: Task
    bundled: bool = False

    @property
    def hash(self) -> str:
        return content_hash(self.task)


def content_hash(task: Task) -> str:
    """A hash of all that a task says but its name; how its file is written does not matter."""
    said = json.dumps(task.model_dump(exclude={"name"}), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


# -- what is kept ----------------------------------------------------------------------------------------------------


def listing(home: Home, name: str) -> list[Version]:
    """All versions of a task, oldest first; the last one is the task as it stands. Raises InputError when there is none."""
    file, found = _file(home, name), _kept(home, name)
    if file.is_file():
        now = Version(_next_number(home, name), file.stat().st_mtime, _read(file, file.stat().st_mtime_ns)[1])
        return found if found and found[-1].hash == now.hash else [*found, now]
    bundled = BUNDLED / f"{name}.yaml"
    if bundled.is_file():
        return [Version(1, None, task_file.load(bundled), bundled=True)]
    raise InputError(f"There is no task {name!r}; `task list` names those there are.")


def one(home: Home, name: str, number: int) -> Version:
    """A version by its number. Raises InputError, with the numbers there are, when there is none."""
    found = listing(home, name)
    version = next((version for version in found if version.number == number), None)
    if version is None:
        raise InputError(f"{name} has no version {number}; it has {', '.join(str(v.number) for v in found)}.")
    return version


def _kept(home: Home, name: str) -> list[Version]:
    """The versions in files of their own, oldest first; one that cannot be read any more must not hide the others."""
    found = []
    for number, path in sorted(_files(home, name).items()):
        try:
            saved, task = _read(path, path.stat().st_mtime_ns)
        except (InputError, OSError):
            continue
        found.append(Version(number, saved, task))
    return found


@lru_cache(maxsize=512)
def _read(path: Path, state: int) -> tuple[float, Task]:
    """When a version was saved, and the task in it; read once for each `state` of the file."""
    task = task_file.load(path)
    stamp = STAMP.match(path.read_text(encoding="utf-8"))
    return float(stamp[1]) if stamp else state / 1e9, task


def _file(home: Home, name: str) -> Path:
    return inside(home.tasks, name, "The task", ".yaml")


def _files(home: Home, name: str) -> dict[int, Path]:
    folder = inside(home.tasks, name, "The task")
    return {int(path.stem): path for path in folder.glob("*.yaml") if re.fullmatch(r"[1-9]\d{0,8}", path.stem)}


def _next_number(home: Home, name: str) -> int:
    return max(_files(home, name), default=0) + 1


# -- saving ----------------------------------------------------------------------------------------------------------


def keep(home: Home, task: Task) -> tuple[int, bool]:
    """Makes a task's content the newest version under its name, and the task's file; to be called under the guard of
    `home.tasks`. Returns its number, and whether it is a new one: unchanged content is not kept twice.

    Raises InputError when the file that stands there cannot be read, which would be lost.
    """
    file = _file(home, task.name)
    if file.is_file():
        now = listing(home, task.name)[-1]
        if now.number not in _files(home, task.name):  # of an older lab, or edited by hand
            _write_version(home, task.name, now)
        if now.hash == content_hash(task):
            return now.number, False
    new = Version(_next_number(home, task.name), time.time(), task)
    write(
        file, task_file.dump(task)
    )  # first: after a crash in between it counts as edited by hand, and nothing is lost
    _write_version(home, task.name, new)
    return new.number, True


def _write_version(home: Home, name: str, version: Version) -> None:
    path = inside(home.tasks, name, "The task") / f"{version.number}.yaml"
    write(path, f"# saved {version.saved:.3f}\n{task_file.dump(version.task)}")


def delete(home: Home, name: str) -> int:
    """Deletes one's own task with all its versions; returns how many there were. Runs keep the task that they used.

    Raises InputError for a bundled task, and when there is none.
    """
    with guard(home.tasks):
        file, found = _file(home, name), listing(home, name)
        if not file.is_file():
            raise InputError(f"{name!r} is a bundled task, which stays.")
        file.unlink()
        shutil.rmtree(inside(home.tasks, name, "The task"), ignore_errors=True)
    return len(found)


# -- who used it -----------------------------------------------------------------------------------------------------


def of_run(home: Home, run: Run) -> str | None:
    """Which version of its task a run used, in words, by the content of the run's own task; None when that is unreadable."""
    try:
        used, made = run.task, run.made
    except (InputError, OSError):
        return None
    number = _number_of(_readable(home, used.name), content_hash(used), made)
    if number:
        return f"{used.name}, version {number}"
    return f"{used.name}, {'bundled' if content_hash(used) == _bundled_hash(used.name) else 'no longer kept'}"


def used_by(home: Home, name: str) -> dict[int, list[str]]:
    """The runs that used each version of a task, newest run first, by number of the version."""
    found: dict[int, list[str]] = {}
    versions = listing(home, name)
    for run_id in runs.listing(home):
        try:
            run = Run(home, run_id)
            task_name, used = _task_of(run.task_path, run.task_path.stat().st_mtime_ns)
        except (InputError, OSError):  # one broken folder must not hide the others
            continue
        if task_name != name:
            continue
        number = _number_of(versions, used, run.made)
        if number is None and versions[0].bundled and used == versions[0].hash:
            number = versions[0].number
        if number:
            found.setdefault(number, []).append(run_id)
    return found


def _readable(home: Home, name: str) -> list[Version]:
    """The versions of a task that may be gone, or whose file was edited by hand and is broken."""
    try:
        return listing(home, name)
    except InputError:
        return _kept(home, name)


def _number_of(versions: list[Version], used: str, made: float) -> int | None:
    """The version with this content. Of several the last that was saved before the run was made: one may have come back."""
    same = [version for version in versions if version.hash == used and not version.bundled]
    before = [version for version in same if version.saved <= made + TICK]
    return next((version.number for version in before[-1:] + same[:1]), None)


@lru_cache(maxsize=4096)
def _task_of(path: Path, state: int) -> tuple[str, str]:
    """Name and content hash of the task in a file, read once for each `state` of it."""
    task = task_file.load(path)
    return task.name, content_hash(task)


def _bundled_hash(name: str) -> str | None:
    path = BUNDLED / f"{name}.yaml"
    return content_hash(task_file.load(path)) if path.is_file() else None


# -- what people see -------------------------------------------------------------------------------------------------


def history(home: Home, name: str) -> list[dict]:
    """What `task versions` prints, newest first: `{version, saved, hash, changed, runs, current, bundled}`.

    `saved` is in seconds since 1970, null for a bundled task; `changed` says in a few words what, against the version before.
    """
    versions, used = listing(home, name), used_by(home, name)
    found = []
    for i, version in enumerate(versions):
        alike = next((v.number for v in versions[:i] if v.hash == version.hash), None)
        changed = changes(versions[i - 1].task, version.task) if i else []
        found.append(
            {
                "version": version.number,
                "saved": version.saved,
                "hash": version.hash,
                "changed": [*changed, *([f"as version {alike}"] if alike else [])],
                "runs": used.get(version.number, []),
                "current": i == len(versions) - 1,
                "bundled": version.bundled,
            }
        )
    return found[::-1]


def pair(home: Home, name: str, first: int | None, second: int | None) -> tuple[Version, Version]:
    """The two versions to be compared: by default the newest with the one before it. Raises InputError when there is none."""
    found = listing(home, name)
    newer = found[-1] if second is None else one(home, name, second)
    if first is not None:
        return one(home, name, first), newer
    older = [version for version in found if version.number < newer.number]
    if not older:
        raise InputError(f"{name} has no version before {newer.number} to compare it with.")
    return older[-1], newer


def compare(home: Home, name: str, first: int | None, second: int | None) -> dict:
    """What `task diff` prints: `{name, from, to, changed, lines}`; see `pair` and `difference.compared`."""
    old, new = pair(home, name, first, second)
    lines = compared(old.task, new.task)
    return {"name": name, "from": old.number, "to": new.number, "changed": changes(old.task, new.task), "lines": lines}
