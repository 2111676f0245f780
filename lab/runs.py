"""A run: its folder, the only place that knows the names of its files besides those that every job has."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from lab import checkpoints, methods, staging, yaml_text
from lab import config as config_file
from lab import task as task_file
from lab.config import Config
from lab.errors import InputError
from lab.home import (
    Home,
    append_line,
    forget_unfinished,
    guard,
    inside,
    last_lines,
    newest_first,
    next_id,
    read_json,
    read_lines,
    write,
    write_json,
)
from lab.home import write_lines as write_rows
from lab.job import Job
from lab.memo import Memo, state_of
from lab.task import Task

LONGEST_TITLE, LONGEST_NOTES = 80, 10_000  # letters
ABOUT = "about.json"  # what people write about it; whoever writes that holds the guard of all runs
BASE = "base.json"  # what tells the files of the base that it is trained on from others
STEP = re.compile(r"checkpoint-(\d+)")  # as transformers names a checkpoint's folder
_KEPT = Memo(2000)  # configs, tasks and numbers of rows, by the state of their file


class Run(Job):
    """One training with its resolved config, in its folder."""

    kind = "run"
    RECORDS = (*Job.RECORDS, "config.yaml", ABOUT, "metrics.jsonl")

    def __init__(self, home: Home, run_id: str):
        """Raises InputError when there is no such run."""
        super().__init__(run_id, inside(self.place(home), run_id, f"The {self.kind}"))
        if not self._path("config.yaml").is_file():
            others = ", ".join(listing(home)[:10]) or "none yet"
            raise InputError(f"There is no {self.kind} {run_id!r}; there are: {others}.")

    @staticmethod
    def place(home: Home) -> Path:
        """The folder with all their folders."""
        return home.runs

    @property
    def config(self) -> Config:
        return _KEPT.get(state_of(self._path("config.yaml")), self._read_config).model_copy(deep=True)

    def _read_config(self) -> Config:
        try:
            values = yaml_text.load(self._path("config.yaml").read_text(encoding="utf-8"))
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"The config of {self.id} is broken: {' '.join(str(error).split())}") from error
        return config_file.parse(values, f"The config of {self.id}")

    @property
    def task_path(self) -> Path:
        return self._path("task.yaml")

    @property
    def task(self) -> Task:
        return _KEPT.get(state_of(self.task_path), lambda: task_file.load(self.task_path)).model_copy(deep=True)

    @property
    def made(self) -> float:
        """When the run was made, in seconds since 1970: its task is written once."""
        return self.task_path.stat().st_mtime

    def made_for(self) -> dict:
        """Marks of the base and the quantization with which its training began; empty before that."""
        return read_json(self._path(BASE)) or {}

    def keep_made_for(self, marks: dict) -> None:
        write_json(self._path(BASE), marks)

    def pace(self) -> float:
        told = [0.0, *(point["seconds"] for point in last_lines(self.points_file) if point.get("seconds"))]
        return max(0.0, told[-1] - told[-2]) if len(told) > 1 else 0

    def rows(self, split: str) -> list[dict]:
        """The frozen rows, `train` or `validation`."""
        return read_lines(self.rows_file(split))

    def rows_file(self, split: str) -> Path:
        """The file of the frozen rows, `train` or `validation`."""
        return self._path("data") / f"{split}.jsonl"

    def count(self, split: str) -> int:
        """How many frozen rows there are of a split."""
        return _KEPT.get(state_of(self.rows_file(split)), lambda: self._count(split))

    def _count(self, split: str) -> int:
        with self.rows_file(split).open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))

    @property
    def method(self) -> methods.Method:
        """How the base is adapted."""
        return methods.of(self.config.adapter.method)

    @property
    def adapter(self) -> Path:
        """The folder of its adapter, which full fine-tuning does not leave; see `left`."""
        return self._path(methods.ADAPTER_FOLDER)

    @property
    def model(self) -> Path:
        """The folder of its model, which full fine-tuning alone leaves; see `left`."""
        return self._path(methods.MODEL_FOLDER)

    @property
    def left(self) -> Path:
        """The folder of what its training leaves: `adapter`, or `model` where all weights are trained."""
        return self._path(self.method.leaves)

    @property
    def points_file(self) -> Path:
        """JSON lines of what was logged, in the order in which it was."""
        return self._path("metrics.jsonl")

    @property
    def checkpoint_folder(self) -> Path:
        return self._path("checkpoints")

    # -- what the worker writes ----------------------------------------------------------------------------------

    def refreeze(self, config: Config, train: list[dict], validation: list[dict]) -> None:
        """Replaces config and rows before anything was trained, when only the worker could fit the rows exactly."""
        for split, rows in (("train", train), ("validation", validation)):
            write_rows(self._path("data") / f"{split}.jsonl", rows)
        write(self._path("config.yaml"), config_file.dump(config))

    def log_point(self, point: dict) -> None:
        append_line(self.points_file, point)

    def sync_points(self) -> None:
        """Makes what was logged so far outlive a power cut."""
        if self.points_file.exists():
            with self.points_file.open("rb") as file:
                os.fsync(file.fileno())

    def clear_torn(self) -> None:
        """Removes what a crash left of checkpoints, of an adapter and of records that were not whole; of those that workers
        write, for a page may be writing `ABOUT` just now."""
        staging.clear(self.folder, at_once=True)
        for name in (*set(self.RECORDS) - {ABOUT}, BASE, "data/train.jsonl", "data/validation.jsonl"):
            forget_unfinished(self._path(name))
        for folder in self._checkpoint_folders():
            if checkpoints.is_torn(folder):
                checkpoints.drop(folder)

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """When what is done within fails, nothing stays of a checkpoint that could not be written, above all on a full disk."""
        try:
            yield
        except Exception:
            self.clear_torn()
            raise

    def _checkpoint_folders(self) -> list[Path]:
        """Newest first, whole or not."""
        found = {folder: STEP.fullmatch(folder.name) for folder in self.checkpoint_folder.glob("checkpoint-*")}
        return sorted(filter(found.get, found), key=lambda folder: int(found[folder][1]), reverse=True)

    def newest_checkpoint(self) -> tuple[int | None, list[str]]:
        """The newest step whose checkpoint's files are all as they were written, and what was passed over on the way."""
        passed_over = []
        for folder in self._checkpoint_folders():
            broken = checkpoints.verify(folder)
            if broken is None:
                return int(STEP.fullmatch(folder.name)[1]), passed_over
            passed_over.append(f"{folder.name} is passed over: {broken} is not as it was written.")
        return None, passed_over

    def drop_behind(self, step: int) -> None:
        """Removes the checkpoints behind a step, of which none is whole: training will write there again."""
        for folder in self._checkpoint_folders():
            if int(STEP.fullmatch(folder.name)[1]) > step:
                checkpoints.drop(folder)

    # -- what people write about it ------------------------------------------------------------------------------

    def about(self) -> dict:
        """`title`, by which people call it, and their `notes`; both may be empty. The id stays what it is."""
        found = read_json(self._path(ABOUT)) or {}
        if not isinstance(found, dict):
            raise InputError(f"The file {self.id}/about.json is broken: it holds no names.")
        return {key: str(found.get(key) or "") for key in ("title", "notes")}

    def describe(self, title: str | None = None, notes: str | None = None) -> dict:
        """Keeps a title or notes or both; what is None stays. Returns `about`. Raises InputError when one is too long."""
        if not self.folder.is_dir():
            raise InputError(f"{self.id} was deleted.")
        given = {"title": title and " ".join(title.split()), "notes": notes and notes.strip()}
        for (key, text), most in zip(given.items(), (LONGEST_TITLE, LONGEST_NOTES), strict=True):
            if text and len(text) > most:
                raise InputError(f"The {key}: at most {most:,} letters; these are {len(text):,}.")
        with guard(self.folder.parent):  # so that of two pages neither writes over what the other has just kept
            about = {**self.about(), **{key: text for key, text in given.items() if text is not None}}
            forget_unfinished(self._path(ABOUT))
            write_json(self._path(ABOUT), about)
        return about

    # -- what readers see ----------------------------------------------------------------------------------------

    def points(self) -> list[dict]:
        """The metrics points, one for each step; of what was logged twice of a step, the last attempt counts."""
        steps: dict[int, dict] = {}
        for line in read_lines(self.points_file):
            steps.setdefault(line["step"], {}).update(line)
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

    def sound_checkpoint(self, step: int) -> Path:
        """The folder of a checkpoint of which something is loaded or sent. Raises InputError, naming the file, when it is not
        as it was written."""
        folder = self.checkpoint(step)
        try:
            checkpoints.check_use(folder)
        except InputError as error:
            self.checkpoint(step)  # it may have been removed meanwhile, as newer ones came
            others = ", ".join(str(c["step"]) for c in self.checkpoints() if c["step"] != step) or "none"
            raise InputError(f"{self.id}, {error} It cannot be used; others are: {others}.") from error
        return folder

    def show(self) -> dict:
        """What `run show` prints."""
        return self.summary() | {"metrics": self.points()}

    def summary(self) -> dict:
        """What `run list` prints of it: all of `show` but the metrics."""
        state = self.state()
        found = {"id": self.id, "status": self.status(), **self.about()}
        found |= {key: state.get(key) for key in ("attempt", "step", "total_steps", "epoch", "doing")}
        return found | {"error": self.error(), "config": self.config.model_dump(), "checkpoints": self.checkpoints()}


def create(home: Home, config: Config, task: Task, train: list[dict], validation: list[dict]) -> Run:
    """Makes a run's folder with its config, task and frozen rows, under the next free id."""
    with guard(home.runs):
        run_id = next_id(home.runs, config.name)
        lay_out(home.runs / run_id, config, task, train, validation)
    return Run(home, run_id)


def lay_out(place: Path, config: Config, task: Task, train: list[dict], validation: list[dict]) -> None:
    """Makes the folder of a training with its config, task and frozen rows."""
    with staging.staged(place) as folder:
        (folder / "config.yaml").write_text(config_file.dump(config), encoding="utf-8")
        (folder / "task.yaml").write_text(task_file.dump(task), encoding="utf-8")
        (folder / "checkpoints").mkdir()
        write_rows(folder / "data" / "train.jsonl", train)
        write_rows(folder / "data" / "validation.jsonl", validation)


def listing(home: Home) -> list[str]:
    """The ids of all runs, newest first."""
    return newest_first(home.runs, "task.yaml")


def safe_number(value):
    """A number as JSON can hold it: NaN and infinities by their names, so that they are shown and never hidden."""
    if isinstance(value, float) and value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value
