"""The grid of a sweep: a config, or the decoding of a subject, with several values for some keys, unfolded into its points."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from lab import config as config_file
from lab import wanted_metrics
from lab.config import Config
from lab.errors import InputError
from lab.task import Strict, plain_problems
from lab.wanted_metrics import Metric

MOST_POINTS = 200
DEFAULT_NAME = "sweep"
DRAWN = ("temperature", "top_p", "top_k", "seed")  # keys of the decoding that matter only where tokens are drawn
DECODING = "decoding."
IDLE = "changes nothing with mode={}; set decoding: {{mode: sample}}"


@dataclass(frozen=True)
class Point:
    """One combination of values: `values` by dotted key, and the config that is trained, or the decoding that answers
    (`settings` as `key=value`, all of them)."""

    values: dict[str, Any]
    config: Config | None = None
    settings: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        return ", ".join(f"{key}={written(value)}" for key, value in self.values.items())


class Asking(Strict):
    """What stands beside the grid of a sweep over the decoding of one subject."""

    name: str = Field(DEFAULT_NAME, pattern=Config.model_fields["name"].metadata[0].pattern)
    subject: str = Field(min_length=1)
    task: str | None = None
    dataset: str | None = None
    split: str = "validation"
    rows: int | None = Field(None, gt=0)
    decoding: dict[str, Any] = {}
    probabilities: bool = True
    metrics: Any = None  # see `wanted_metrics.parse`


@dataclass(frozen=True)
class Grid:
    """A sweep as it was asked for. `over`: the swept keys with their values; `fixed`: what all points share; `asking` is
    None where configs are trained."""

    name: str
    over: dict[str, list]
    fixed: dict[str, Any]
    points: list[Point]
    asking: Asking | None = None
    notes: list[str] = field(default_factory=list)
    metrics: list[Metric] | None = None  # of texts, by which the points are compared

    @property
    def keys(self) -> list[str]:
        return list(self.over)

    @property
    def definition(self) -> dict:
        """What decides about its points, in plain values, as `parse` reads it; without the name."""
        fixed = {key: value for key, value in self.fixed.items() if key != "name"}
        return {**fixed, "grid": self.over}


def read(path: Path) -> Grid:
    """A sweep from a YAML file. Raises InputError with everything that is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The sweep {path} cannot be read: {' '.join(str(error).split())}") from error
    return parse(config_file.mapping(text, f"The sweep {path}"), f"The sweep {path.name}")


def parse(values: dict, where: str = "The sweep") -> Grid:
    """A sweep from plain values: keys as of a config, or with `subject:` those of `Asking`; and `grid:`.

    Raises InputError with every problem of every point in one message.
    """
    values = dict(values)
    over, problems = _swept(values.pop("grid", None))
    if "subject" in values:
        over = {key.removeprefix(DECODING): found for key, found in over.items()}
    metrics = None
    try:
        metrics = wanted_metrics.parse(values.get("metrics"))
    except InputError as error:
        problems.append(str(error))
    count = prod(len(found) for found in over.values())
    if count > MOST_POINTS:
        times = " × ".join(str(len(found)) for found in over.values())
        problems.append(f"grid: {times} values make {count:,} points; at most {MOST_POINTS} at once")
    if problems:  # the points would repeat them, or are too many to look at
        raise InputError(f"{where} has problems:\n" + "\n".join(problems))
    combined = [dict(zip(over, chosen, strict=True)) for chosen in product(*over.values())]
    if "subject" in values:
        return replace(_of_subject(values, over, combined, where), metrics=metrics)
    return replace(_of_config(values, over, combined, where), metrics=metrics)


def _swept(grid) -> tuple[dict[str, list], list[str]]:
    """The swept keys, dotted, with their values; and what is wrong with how they are written."""
    example = "write it as in grid: {learning_rate: [1.0e-4, 3.0e-4]}"
    if not isinstance(grid, dict) or not grid:
        return {}, [f"grid: names the keys to sweep and the values of each; {example}"]
    over, problems = _flat(grid), []
    for key, values in over.items():
        texts = [written(value) for value in values]
        twice = next((text for text in texts if texts.count(text) > 1), None)
        if not values:
            problems.append(f"grid.{key}: give at least one value; {example}")
        elif any(isinstance(value, dict) for value in values):
            problems.append(
                f"grid.{key}: a value is a mapping; sweep a key inside of it, as in grid: {{{key}.r: [4, 8]}}"
            )
        elif twice is not None:
            problems.append(f"grid.{key}: {twice} stands there twice")
        elif key.rpartition(".")[2] == "name":
            problems.append(f"grid.{key}: a name is no setting; the runs are numbered by themselves")
    return over, problems


def _flat(grid: dict, before: str = "") -> dict[str, list]:
    """Nested keys dotted; a single value is a list of one."""
    over = {}
    for key, value in grid.items():
        if isinstance(value, dict):
            over |= _flat(value, f"{before}{key}.")
        else:
            over[f"{before}{key}"] = [number(x) for x in value] if isinstance(value, list) else [number(value)]
    return over


def number(value):
    """YAML 1.1 reads 2e-4 as text; people mean the number."""
    return config_file.with_settings({}, [f"x={value}"])["x"] if _looks_scientific(value) else value


def _looks_scientific(value) -> bool:
    if not isinstance(value, str) or "e" not in value.lower():
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


# -- points ----------------------------------------------------------------------------------------------------------------


def _of_config(values: dict, over: dict, combined: list[dict], where: str) -> Grid:
    values = {"name": DEFAULT_NAME, **values}
    found, problems = [], Problems()
    trained = {key: value for key, value in values.items() if key != "metrics"}
    for chosen in combined:
        with problems.of(Point(chosen)):
            made = config_file.parse(with_values(trained, chosen))
            plain = made.model_dump()
            found.append(Point({key: _at(plain, key) for key in chosen}, made))
    problems.refuse(where, len(combined))
    return Grid(found[0].config.name, over, values, found)


def _of_subject(values: dict, over: dict, combined: list[dict], where: str) -> Grid:
    try:
        asking = Asking.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{where} has problems:\n{plain_problems(error, [*Asking.model_fields])}") from error
    fixed, notes = dict(asking.decoding), []
    drawn = [key for key in over if key in DRAWN]
    if drawn and "mode" not in {**fixed, **over}:  # it would change nothing
        fixed["mode"] = "sample"
        notes.append(f"Tokens are drawn (decoding.mode=sample), for else {' and '.join(drawn)} would change nothing.")
    found, problems = [], Problems()
    for chosen in combined:
        settings = [f"{key}={written(value)}" for key, value in {**fixed, **chosen}.items()]
        point = Point(chosen, settings=settings)
        with problems.of(point):
            decoding = config_file.decoding(settings)
            found.append(Point({key: getattr(decoding, key) for key in chosen}, settings=settings))
            for key in drawn if decoding.mode != "sample" and "mode" not in over else []:
                problems.add(point, [f"{key}: {IDLE.format(decoding.mode)}"])
    problems.refuse(where, len(combined))
    return Grid(asking.name, over, values, found, asking, notes)


class Problems:
    """What is wrong with the points of a sweep: each problem once, with the points that have it."""

    def __init__(self):
        self._points: dict[str, list[str]] = {}

    def add(self, point: Point, lines: list[str]) -> None:
        for line in lines:
            self._points.setdefault(line, []).append(point.words)

    @contextmanager
    def of(self, point: Point) -> Iterator[None]:
        """Notes what is raised inside as a problem of a point, and goes on."""
        try:
            yield
        except InputError as error:
            self.add(point, [line for line in str(error).splitlines() if not line.endswith("has problems:")])

    def refuse(self, where: str, count: int) -> None:
        """Raises InputError where there are any; `count` is how many points were looked at."""
        if not self._points:
            return
        lines = []
        for line, points in self._points.items():
            more = f" and {len(points) - 2} more" if len(points) > 2 else ""
            lines.append(line if len(points) == count else f"{line} (with {'; '.join(points[:2])}{more})")
        raise InputError(f"{where} has problems:\n" + "\n".join(lines))


def with_values(values: dict, chosen: dict[str, Any]) -> dict:
    """Plain values with those of dotted keys put in. Raises InputError where a key leads into something that is no mapping."""
    result = {key: dict(value) if isinstance(value, dict) else value for key, value in values.items()}
    for key, value in chosen.items():
        *outer, last = key.split(".")
        place = result
        for part in outer:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise InputError(f"grid.{key}: {part} has no keys of its own")
        place[last] = value
    return result


def _at(plain: dict, key: str):
    for part in key.split("."):
        plain = plain[part]
    return plain


def written(value) -> str:
    """A value as people write it, as YAML in one line."""
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True).removesuffix("...\n").strip()
