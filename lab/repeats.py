"""What ran already: a run that another training would only repeat, found by its content and not by its name."""

from contextlib import suppress
from pathlib import Path

from lab import bases, data, runs, tasks, versions
from lab.config import Config
from lab.errors import InputError
from lab.home import Home, read_json
from lab.job import ALIVE, RESUMABLE
from lab.plan import Plan
from lab.runs import Run
from lab.subjects import weight_files
from lab.task import Task

Content = tuple[dict, str]
_contents: dict[Path, tuple[tuple, Content]] = {}  # by folder: when its files were written, and what they say


def ran(home: Home, planned: Plan, own: list[str]) -> Run | None:
    """A run that a plan would only repeat: same config but for the name, same task and same rows.

    One that has finished, else one that is queued or at work, else one of `own` that was broken off and can be resumed.
    """
    wanted, found = _content(planned.config, planned.task), []
    for run_id in runs.listing(home):
        with suppress(InputError, OSError):  # one broken folder must not hide the others
            run = Run(home, run_id)
            if _content_of(run) == wanted:
                rank = _rank(run, own)
                if rank is not None and _same_rows(run, planned) and _same_base(run):
                    found.append((rank, run))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _rank(run: Run, own: list[str]) -> int | None:
    status = run.status()
    if status == "finished" and weight_files(run.left):
        return 0
    if status in ALIVE and status != "stopping":
        return 1
    return 2 if status in RESUMABLE and run.id in own else None


def likely(home: Home, config: Config) -> Run | None:
    """As `ran`, by config and task alone and for a config as it was written; quick, and nearly always right."""
    task = tasks.load(home, config.task)
    pinned = {"decoding": config.decoding.for_kind(task.kind), "base_model": bases.find(config.base_model).pinned}
    wanted = _content(config.model_copy(update=pinned), task)
    for run_id in runs.listing(home):
        with suppress(InputError, OSError):
            run = Run(home, run_id)
            if _content_of(run) == wanted and _rank(run, []) is not None:
                return run
    return None


def _content(config: Config, task: Task) -> Content:
    """All that decides about a training but its rows. The name of a task says nothing that its content does not."""
    return config.model_dump(exclude={"name", "task"}), versions.content_hash(task)


def _content_of(run: Run) -> Content:
    written = tuple(path.stat().st_mtime_ns for path in (run.folder / "config.yaml", run.task_path))
    known = _contents.get(run.folder)
    if known is None or known[0] != written:
        known = _contents[run.folder] = written, _content(run.config, run.task)
    return known[1]


def _same_rows(run: Run, planned: Plan) -> bool:
    frozen = (("train", planned.train), ("validation", planned.validation))
    return all(
        run.count(split) == len(rows) and data.fingerprint(run.rows(split)) == data.fingerprint(rows)
        for split, rows in frozen
    )


def _same_base(run: Run) -> bool:
    """Whether the base's files are still those that the adapter was trained on."""
    made = read_json(run.left / "lab.json") or {}
    base = bases.find(run.config.base_model)
    return base.folder is None or made.get("base_fingerprint") in (None, base.fingerprint())
