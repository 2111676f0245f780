"""A run: its folder, the only place that knows the names of its files, its lock and its derived status."""

import fcntl
import os
import re
import shutil
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from lab import checkpoints
from lab import config as config_file
from lab import task as task_file
from lab.config import Config
from lab.errors import InputError
from lab.home import Home, append_line, guard, inside, read_json, read_lines, staged, write, write_json
from lab.home import write_lines as write_rows
from lab.task import Task

STALLED_AFTER = 300  # seconds without a heartbeat
_held: dict[Path, object] = {}  # locks that this process holds; opening such a file again would drop the lock


class Run:
    """One training with its resolved config, in its folder."""

    def __init__(self, home: Home, run_id: str):
        """Raises InputError when there is no such run."""
        self.id = run_id
        self.folder = inside(home.runs, run_id, "The run")
        if not self._path("config.yaml").is_file():
            others = ", ".join(listing(home)[:10]) or "none yet"
            raise InputError(f"There is no run {run_id!r}; there are: {others}.")

    def _path(self, name: str) -> Path:
        return self.folder / name

    @property
    def config(self) -> Config:
        text = self._path("config.yaml").read_text(encoding="utf-8")
        return config_file.parse(yaml.safe_load(text), f"The config of {self.id}")

    @property
    def task(self) -> Task:
        return task_file.load(self._path("task.yaml"))

    def rows(self, split: str) -> list[dict]:
        """The frozen rows, `train` or `validation`."""
        return read_lines(self._path("data") / f"{split}.jsonl")

    @property
    def adapter(self) -> Path:
        return self._path("adapter")

    @property
    def checkpoint_folder(self) -> Path:
        return self._path("checkpoints")

    @property
    def log_file(self) -> Path:
        return self._path("log.txt")

    # -- what the worker writes ----------------------------------------------------------------------------------

    def log_point(self, point: dict) -> None:
        append_line(self._path("metrics.jsonl"), point)

    def log(self, line: str) -> None:
        with self.log_file.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")

    def begin(self) -> int:
        """Starts an attempt: forgets the outcome and the stop of the one before. Returns the attempt's number from 1."""
        state = read_json(self._path("state.json")) or {}
        attempt = state.get("attempt", 0) + 1
        self._path("stop").unlink(missing_ok=True)
        self._path("result.json").unlink(missing_ok=True)
        self.beat(
            attempt=attempt, step=state.get("step", 0), total_steps=state.get("total_steps"), epoch=state.get("epoch")
        )
        return attempt

    def beat(self, **state) -> None:
        """Writes the state with a heartbeat that no change of the clock can touch."""
        write_json(self._path("state.json"), {**state, "heartbeat": _heartbeat()})

    def pulse(self) -> None:
        """Renews the heartbeat while something other than a step goes on; at most once a second."""
        state = read_json(self._path("state.json")) or {}
        age = _age(state.get("heartbeat"))
        if age is None or age > 1:
            self.beat(**{key: value for key, value in state.items() if key != "heartbeat"})

    def end(self, status: str, error: dict | None = None) -> None:
        """Writes the outcome: `finished`, `stopped` or `failed` with `{reason, message, advice}`."""
        write_json(self._path("result.json"), {"status": status, "error": error})

    def request_stop(self) -> None:
        write(self._path("stop"), "")

    def stop_requested(self) -> bool:
        return self._path("stop").exists()

    # -- what readers see ----------------------------------------------------------------------------------------

    def points(self) -> list[dict]:
        """The metrics points, one for each step: what was logged of a step in its last attempt, merged."""
        steps: dict[int, dict] = {}
        for line in read_lines(self._path("metrics.jsonl")):
            known = steps.get(line["step"])
            if known is None or line["attempt"] > known["attempt"]:
                steps[line["step"]] = line
            elif line["attempt"] == known["attempt"]:
                known.update(line)
        return [steps[step] for step in sorted(steps)]

    def checkpoints(self) -> list[dict]:
        """The valid checkpoints, oldest first: `{step, epoch, kept}`; one without a whole manifest is none."""
        found = []
        for folder in self.checkpoint_folder.glob("checkpoint-*"):
            manifest = checkpoints.manifest_of(folder)
            if manifest:
                found.append({key: manifest[key] for key in ("step", "epoch", "kept")})
        return sorted(found, key=lambda c: c["step"])

    def checkpoint(self, step: int) -> Path:
        """The folder of a checkpoint. Raises InputError, with the steps that exist, when there is none."""
        steps = [c["step"] for c in self.checkpoints()]
        if step not in steps:
            has = ", ".join(map(str, steps)) or "none"
            raise InputError(f"{self.id} has no checkpoint at step {step}; kept are: {has}.")
        return self.checkpoint_folder / f"checkpoint-{step}"

    def status(self) -> str:
        """`running | stalled | stopping | stopped | finished | failed | interrupted`, derived from lock, heartbeat, result."""
        if lock_holder(self._path("lock")) is not None:
            if self.stop_requested():
                return "stopping"
            state = read_json(self._path("state.json")) or {}
            age = _age(state.get("heartbeat"))
            return "stalled" if age is not None and age > STALLED_AFTER else "running"
        result = read_json(self._path("result.json"))
        return result["status"] if result else "interrupted"

    def show(self) -> dict:
        """What `run show` prints."""
        state = read_json(self._path("state.json")) or {}
        result = read_json(self._path("result.json")) or {}
        summary = {"id": self.id, "status": self.status()}
        summary |= {key: state.get(key) for key in ("attempt", "step", "total_steps", "epoch")}
        return summary | {
            "error": result.get("error"),
            "config": self.config.model_dump(),
            "metrics": self.points(),
            "checkpoints": self.checkpoints(),
        }

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Holds the run's lock; raises InputError when another process has it. The lock proves that a worker lives.

        A POSIX lock (lockf), because flock stays held by a living child after its parent was killed. Nothing else in
        this process may open the file: closing any handle of it would drop the lock.
        """
        path = self._path("lock")
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise InputError(f"{self.id} is running already.") from error
        _held[path] = handle
        try:
            yield
        finally:
            del _held[path]
            os.close(handle)

    def delete(self) -> None:
        """Removes the run. Raises InputError while it is running."""
        if lock_holder(self._path("lock")) is not None:
            raise InputError(f"{self.id} is running; stop it first.")
        doomed = self.folder.with_name(f".deleted-{self.id}")
        self.folder.rename(doomed)
        shutil.rmtree(doomed)


def create(home: Home, config: Config, task: Task, train: list[dict], validation: list[dict]) -> Run:
    """Makes a run's folder with its config, task and frozen rows, under the next free id."""
    with guard(home.runs):
        taken = [int(m.group(1)) for p in home.runs.iterdir() if (m := re.fullmatch(rf"{config.name}-(\d+)", p.name))]
        run_id = f"{config.name}-{max(taken, default=0) + 1}"
        with staged(home.runs / run_id) as folder:
            (folder / "config.yaml").write_text(config_file.dump(config), encoding="utf-8")
            (folder / "task.yaml").write_text(task_file.dump(task), encoding="utf-8")
            (folder / "checkpoints").mkdir()
            write_rows(folder / "data" / "train.jsonl", train)
            write_rows(folder / "data" / "validation.jsonl", validation)
    return Run(home, run_id)


def listing(home: Home) -> list[str]:
    """The ids of all runs, newest first."""
    folders = [path for path in home.runs.glob("[!.]*") if (path / "config.yaml").is_file()]
    return [
        p.name for p in sorted(folders, key=lambda p: ((p / "config.yaml").stat().st_mtime_ns, p.name), reverse=True)
    ]


# -- life --------------------------------------------------------------------------------------------------------------


def lock_holder(path: Path) -> int | None:
    """The pid that holds a POSIX lock on a file, asked without taking it; None when nobody does."""
    if path in _held:
        return os.getpid()
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        layout = "hhqqi4x"  # struct flock on 64-bit Linux: type, whence, start, length, pid
        answer = fcntl.fcntl(handle, fcntl.F_GETLK, struct.pack(layout, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        kind, _, _, _, pid = struct.unpack(layout, answer)
        return None if kind == fcntl.F_UNLCK else pid
    finally:
        os.close(handle)


def _heartbeat() -> dict:
    return {"boot_id": _boot_id(), "boottime": time.clock_gettime(time.CLOCK_BOOTTIME)}


def _age(heartbeat: dict | None) -> float | None:
    if not heartbeat or heartbeat["boot_id"] != _boot_id():
        return None
    return time.clock_gettime(time.CLOCK_BOOTTIME) - heartbeat["boottime"]


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def safe_number(value):
    """A number as JSON can hold it: NaN and infinities by their names, so that they are shown and never hidden."""
    if isinstance(value, float) and value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value
