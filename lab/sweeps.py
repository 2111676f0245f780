"""Sweeps: what was asked for, which runs belong to it, and the checks of all its points before anything starts."""

import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import yaml

from lab import bases, comparison, data, grid, machine, plan, repeats, tasks, text_scores
from lab import config as config_file
from lab import task as task_file
from lab.comparison import Comparison
from lab.config import Config
from lab.errors import InputError, WorkError
from lab.evaluations import Evaluation
from lab.grid import Grid, Point, Problems
from lab.home import Home, inside, write_yaml
from lab.plan import ROW_KEYS, Plan
from lab.task import Task
from lab.wanted_metrics import models

LONGEST_NAME = 44  # letters; a number may come behind it
NOT_STARTED, SKIPPED = "not started", "skipped"  # beside the statuses of a run


@dataclass(frozen=True)
class Sweep:
    """A sweep as it is kept. `runs` are parallel to the points: `id` of the run that has a point's config, None before it
    was started; `reused`, whether it was there before; and `skipped`, why it is not trained at all, where it is not. `job`
    evaluates the decodings of a subject, asked by `task`, or what the runs were not asked while they trained."""

    name: str
    grid: Grid
    runs: list[dict] = field(default_factory=list)
    job: str | None = None
    task: Task | None = None

    @property
    def own(self) -> list[str]:
        """The ids of its runs."""
        return [one["id"] for one in self.runs if one["id"]]

    def with_run(self, place: int, run_id: str | None, reused: bool) -> "Sweep":
        """The sweep with the run of one of its points."""
        belong = [dict(one) for one in self.runs]
        belong[place] = {"id": run_id, "reused": reused}
        return replace(self, runs=belong)

    def skipping(self, place: int, why: str) -> "Sweep":
        """The sweep with one of its points left out."""
        belong = [dict(one) for one in self.runs]
        belong[place] = {"id": None, "reused": False, "skipped": why}
        return replace(self, runs=belong)

    def wanted(self) -> list[Comparison]:
        """What is asked of a subject at each point, of a sweep over its decoding."""
        return _comparisons(self.grid, self.task)


@dataclass(frozen=True)
class Prepared:
    """A sweep of which every point has been checked: the plan of each training, or the task that asks the subject.
    `skipped` are the places of the points that are left out, and why; each of them has a plan, too."""

    grid: Grid
    plans: list[Plan] = field(default_factory=list)
    task: Task | None = None
    skipped: dict[int, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)  # what was said of settings that change nothing

    @property
    def notes(self) -> list[str]:
        """What the user should read, each sentence once."""
        plans = [one for place, one in enumerate(self.plans) if place not in self.skipped]
        said = [*self.grid.notes, *self.ignored, *(note for one in plans for note in one.notes)]
        return list(dict.fromkeys(said))

    def wanted(self) -> list[Comparison]:
        return _comparisons(self.grid, self.task)


# -- on the disk -----------------------------------------------------------------------------------------------------------


def listing(home: Home) -> list[str]:
    """The names of all sweeps, the one that was started last first."""
    files = [(path.stat().st_mtime_ns, path.stem) for path in home.sweeps.glob("*.yaml")]
    return [name for _, name in sorted(files, reverse=True)]


def load(home: Home, name: str) -> Sweep:
    """A sweep by its name. Raises InputError when there is none, or its file is broken."""
    path = file_of(home, name)
    if not path.is_file():
        raise InputError(f"There is no sweep {name!r}; there are: {', '.join(listing(home)[:10]) or 'none yet'}.")
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, written: int) -> Sweep:
    where = f"The sweep {path.stem}"
    try:
        kept = config_file.mapping(path.read_text(encoding="utf-8"), where)
        found = grid.parse({**kept["sweep"], "name": path.stem}, where)
        belong = [{**one, "id": one["id"], "reused": bool(one["reused"])} for one in kept["runs"]]
        task = task_file.parse(yaml.safe_dump(kept["task"]), where) if kept.get("task") else None
    except (LookupError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise InputError(f"{where} is broken: it lacks what belongs to a sweep.") from error
    if len(belong) != len(found.points):
        raise InputError(f"{where} is broken: it has {len(found.points)} points, but {len(belong)} runs.")
    return Sweep(path.stem, found, belong, kept.get("job"), task)


def keep(home: Home, sweep: Sweep) -> None:
    """Writes what is known of a sweep."""
    task = sweep.task and config_file.mapping(task_file.dump(sweep.task), "The task")
    content = {"sweep": sweep.grid.definition, "runs": sweep.runs, "job": sweep.job, "task": task}
    write_yaml(file_of(home, sweep.name), json.loads(json.dumps(content)))  # without YAML's signs for equal parts


def delete(home: Home, name: str) -> None:
    """Forgets a sweep; its runs stay. Raises InputError when there is none of that name."""
    path = file_of(home, name)
    if not path.is_file():
        load(home, name)
    path.unlink(missing_ok=True)


def file_of(home: Home, name: str) -> Path:
    """The file of a sweep. Raises InputError for what is no name."""
    return inside(home.sweeps, name, "The sweep", ".yaml")


def settled(home: Home, prepared: Prepared) -> Sweep:
    """The sweep that is gone on with: the one kept with the same definition, else a new one under a name that is free."""
    wanted, number = prepared.grid, 1
    name = wanted.name[:LONGEST_NAME]
    while file_of(home, name).is_file():
        with suppress(InputError):  # a broken file keeps its name
            kept = load(home, name)
            if kept.grid.definition == wanted.definition:
                return replace(kept, task=prepared.task)
        number += 1
        name = f"{wanted.name[:LONGEST_NAME]}-{number}"
    return Sweep(name, wanted, [{"id": None, "reused": False} for _ in wanted.points], None, prepared.task)


# -- checks ----------------------------------------------------------------------------------------------------------------


def prepare(home: Home, wanted: Grid, task: Task | None = None) -> Prepared:
    """Checks every point. Raises InputError with all that is wrong in one message; nothing is left behind.

    `task`: the one that `task:` of a sweep over decodings stands for, where whoever calls has read it already.
    """
    problems = Problems()
    if wanted.asking:
        if task is None and wanted.asking.task:
            task = tasks.load_name_or_file(home, wanted.asking.task)
        prepared, own = Prepared(wanted, task=task), [f"{key}=" for key in wanted.asking.decoding]
        for point, one in zip(wanted.points, prepared.wanted(), strict=True):
            with problems.of(point):
                asked = comparison.look_up(home, one)
                asked.known(home)
                prepared.ignored.extend(comparison.ignored(asked.decoding, own))
    else:
        _check_scored_on(home, wanted, problems)
        plans = _plans(home, wanted, problems)
        problems.refuse("The sweep", len(wanted.points))
        prepared = Prepared(wanted, plans, skipped=_skipped(wanted, plans))
        if len(prepared.skipped) == len(plans):
            raise InputError(f"Nothing of the sweep can be trained: {prepared.skipped[0]}")
    problems.refuse("The sweep", len(wanted.points))
    return prepared


def _check_scored_on(home: Home, wanted: Grid, problems: Problems) -> None:
    """Notes what is wrong with the rows on which all runs are to be scored."""
    rows = wanted.scored_on
    for name in dict.fromkeys(rows.dataset or point.config.dataset for point in wanted.points) if rows else []:
        with problems.of(Point({})):
            splits = data.load(home, name).splits
            if rows.split not in splits and rows.split not in ("train", "validation"):
                raise InputError(f"scored_on.split: {name} has no split {rows.split!r}; it has {', '.join(splits)}.")


def _skipped(wanted: Grid, plans: list[Plan]) -> dict[int, str]:
    """The points that ask for more rows than there are, which would only repeat one that takes all of them."""
    found = {}
    for place, (point, planned) in enumerate(zip(wanted.points, plans, strict=True)):
        asked = point.values.get("train_rows", "all")
        if asked != "all" and planned.there is not None and asked > planned.there:
            found[place] = too_few(asked, planned.there, point.config.dataset)
    return found


def too_few(asked: int, there: int, dataset: str) -> str:
    """Why a point is left out."""
    return f"{asked:,} rows are asked for, {dataset} has {there:,} to train."


def _plans(home: Home, wanted: Grid, problems: Problems) -> list[Plan]:
    """The plans of the points; rows and tokens are looked at once where points share them."""
    made: dict[str, Plan] = {}
    found = []
    for point in wanted.points:
        rows = json.dumps([getattr(point.config, key) for key in ROW_KEYS])
        with problems.of(point):
            known = made.get(rows)
            planned = plan.refitted(known, point.config) if known else plan.make(home, point.config)
            text_scores.refuse(planned.task, wanted.metrics)
            made.setdefault(rows, planned)
            found.append(planned)
    return found


def _comparisons(wanted: Grid, task: Task | None) -> list[Comparison]:
    asking = wanted.asking
    same = {"dataset": asking.dataset, "split": asking.split, "rows": asking.rows}
    same |= {"subjects": [asking.subject], "task": task, "probabilities": asking.probabilities}
    same |= {"metrics": wanted.metrics}
    return [Comparison(**same, decoding=point.settings) for point in wanted.points]


# -- what would happen -----------------------------------------------------------------------------------------------------


def foreseen(home: Home, prepared: Prepared) -> dict:
    """What a start would do: `name, over, runs, comparison, notes` as of `sweep_results.look`, with no comparison yet and
    with the steps of each training. Nothing is written."""
    sweep = settled(home, prepared)
    if prepared.grid.asking:
        found = evaluated(home, prepared.wanted())
        members = [
            {"id": one and one.id, "status": "finished" if one else NOT_STARTED, "reused": bool(one)} for one in found
        ]
    else:
        found = [repeats.ran(home, planned, sweep.own) for planned in prepared.plans]
        members = [
            {
                "id": run and run.id,
                "status": run.status() if run else NOT_STARTED,
                "reused": bool(run),
                "steps": x.total_steps,
            }
            for run, x in zip(found, prepared.plans, strict=True)
        ]
        for place, why in prepared.skipped.items():
            members[place] = {"id": None, "status": SKIPPED, "reused": False, "steps": 0, "why": why}
    members = [{**one, "values": point.values} for one, point in zip(members, sweep.grid.points, strict=True)]
    skipped = dict.fromkeys(f"Skipped: {why}" for why in prepared.skipped.values())
    return {
        "name": sweep.name,
        "over": sweep.grid.keys,
        "runs": members,
        "comparison": [],
        "notes": [*prepared.notes, *skipped],
        "unchecked": list(
            dict.fromkeys(
                [
                    *unchecked(prepared.grid, [one.config for one in prepared.plans]),
                    *(words for one in prepared.plans for words in one.unknown_room),
                ]
            )
        ),
    }


def unchecked(wanted: Grid, configs: list[Config]) -> list[str]:
    """What only the machine that trains can tell of a sweep with these configs, in words."""
    scorers = [name for name in models(wanted.metrics) if bases.find(name).folder is None]
    found = [f"whether {name}, by which texts are scored, exists and may be used" for name in scorers]
    for name in dict.fromkeys(one.base_model for one in configs):
        base = bases.find(name)
        if base.folder is None:
            found += bases.unchecked(base)
            found.append(f"its licence: where {base.name} is gated, accept its terms on the Hub and set HF_TOKEN")
        found += [words for one in configs if one.base_model == name for words in plan.unchecked(base, one)]
    if found and machine.device().kind != "cuda":
        found.append("memory and time on a GPU, for none is here")
    return list(dict.fromkeys(found))


def evaluated(home: Home, wanted: list[Comparison]) -> list[Evaluation | None]:
    """The evaluation of each comparison of one subject; None where it was not made yet, or cannot be."""
    found: list[Evaluation | None] = []
    for one in wanted:
        try:
            found += comparison.known(home, one)
        except (InputError, WorkError):
            found.append(None)
    return found


def text(found: Grid) -> str:
    """A sweep as YAML text, which `grid.parse` reads back."""
    return yaml.safe_dump({"name": found.name, **found.definition}, sort_keys=False, allow_unicode=True)
