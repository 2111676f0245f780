"""A sweep looked at before its rows are on this machine: every check that needs neither them nor the model."""

from math import ceil

from lab import bases, data, lint, splits, sweeps, tasks, text_scores
from lab.config import Config
from lab.errors import InputError
from lab.grid import Grid, Problems
from lab.home import Home
from lab.plan import steps_per_epoch
from lab.presets import Needed
from lab.sweeps import NOT_STARTED, SKIPPED

Needs = dict[str, Needed]


def lacking(home: Home, wanted: Grid, needs: Needs) -> list[str]:
    """The datasets of a sweep that are not here yet, of those that are known to be needed."""
    if wanted.asking:
        return []
    used = dict.fromkeys(point.config.dataset for point in wanted.points)
    here = data.listing(home)
    return [name for name in used if name in needs and name not in here]


def refuse(names: list[str], needs: Needs) -> None:
    """Raises InputError, with the commands that fetch them, where there are any."""
    if names:
        commands = " ; ".join(needs[name].command(name) for name in names)
        raise InputError(f"The dataset {' and '.join(names)} is not here yet; fetch it first: {commands}")


def foreseen(home: Home, wanted: Grid, needs: Needs) -> dict:
    """As `sweeps.foreseen`, with steps counted by the rows as published. Raises InputError for what is wrong already now."""
    problems, members = Problems(), []
    for point in wanted.points:
        with problems.of(point):
            members.append({**_member(home, point.config, point.values, needs), "values": point.values})
            text_scores.refuse(tasks.load_name_or_file(home, point.config.task), wanted.metrics)
    problems.refuse("The sweep", len(wanted.points))
    configs = [point.config for point in wanted.points]
    missing = lacking(home, wanted, needs)
    unchecked = [
        f"the rows of {name}, which are not here (counted as published); fetch them: {needs[name].command(name)}"
        for name in missing
    ]
    unchecked += [f"labels, repeats and prompt lengths of {name}" for name in missing]
    skipped = [f"Skipped: {one['why']}" for one in members if "why" in one]
    return {
        "name": sweeps.file_of(home, wanted.name).stem,
        "over": wanted.keys,
        "runs": members,
        "comparison": [],
        "notes": list(dict.fromkeys([*wanted.notes, *skipped])),
        "unchecked": unchecked + sweeps.unchecked(wanted, configs),
    }


def _member(home: Home, config: Config, values: dict, needs: Needs) -> dict:
    task = tasks.load_name_or_file(home, config.task)
    lint.refuse_decoding(task, config.decoding)
    bases.find(config.base_model)
    if config.dataset not in needs:
        data.load(home, config.dataset)
        raise InputError(f"{config.dataset} is here, other rows of this sweep are not; fetch those first.")
    needed = needs[config.dataset]
    columns = {needed.text, needed.label, needed.target}
    for column in (task.text, task.answer_column):
        if column not in columns:
            raise InputError(f"{config.dataset} has no column {column!r}, which the task {task.name} reads.")
    there = _to_train(config, needed.rows)
    asked = values.get("train_rows", "all")
    if asked != "all" and asked > there:
        why = sweeps.too_few(asked, there, config.dataset)
        return {"id": None, "status": SKIPPED, "reused": False, "steps": 0, "why": why}
    rows = there if config.train_rows == "all" else min(config.train_rows, there)
    steps = config.max_steps or config.epochs * steps_per_epoch(rows, config)
    return {"id": None, "status": NOT_STARTED, "reused": False, "steps": steps}


def _to_train(config: Config, rows: dict[str, int]) -> int:
    """The rows that are left to train of so many by split."""
    held = config.validation
    if held is None:
        held = "validation" if "validation" in rows else splits.DEFAULT_SHARE
    if isinstance(held, str):
        return rows["train"]
    return rows["train"] - (held if isinstance(held, int) else ceil(rows["train"] * held))
