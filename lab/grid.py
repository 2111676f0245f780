"""The grid of a sweep: a config, or the decoding of a subject, with several values for some keys, unfolded into its points."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from lab import blocks as several
from lab import config as config_file
from lab import wanted_metrics
from lab.blocks import Block, written
from lab.config import Config
from lab.decoding import DRAWN, Decoding
from lab.errors import InputError
from lab.task import Strict, plain_problems
from lab.wanted_metrics import Metric

DEFAULT_NAME = "sweep"
DECODING = "decoding."
IDLE = "changes nothing with mode={}; set decoding: {{mode: sample}}"
IDLE_BESIDE = "changes nothing with mode={}; give that mode a block of its own, without it"
DRAWN_ALL = "Tokens are drawn (decoding.mode=sample) where no mode is named, for else {} would change nothing."
BESIDE = ("decodings", "scored_on", "metrics")  # keys of a sweep of trainings that are none of a config


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


class Rows(Strict):
    """Rows of a dataset on which all runs of a sweep are scored, instead of those that each of them holds out."""

    dataset: str | None = None
    split: str = "validation"
    rows: int | None = Field(None, gt=0)


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
    """A sweep as it was asked for. `blocks`: the swept keys with their values; `fixed`: what all points share; `asking` is
    None where configs are trained, whose runs then answer with each of the `decodings`, on the rows `scored_on`."""

    name: str
    blocks: list[Block]
    fixed: dict[str, Any]
    points: list[Point]
    asking: Asking | None = None
    notes: list[str] = field(default_factory=list)
    decodings: list[Point] = field(default_factory=list)
    scored_on: Rows | None = None
    metrics: list[Metric] | None = None  # of texts, by which the points are compared

    @property
    def over(self) -> Block:
        """The swept keys with all their values."""
        return several.union(self.blocks)

    @property
    def keys(self) -> list[str]:
        return list(self.over)

    @property
    def definition(self) -> dict:
        """What decides about its points, in plain values, as `parse` reads it; without the name."""
        fixed = {key: value for key, value in self.fixed.items() if key != "name"}
        return {**fixed, "grid": several.plain(self.blocks)}


def read(path: Path) -> Grid:
    """A sweep from a YAML file. Raises InputError with everything that is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The sweep {path} cannot be read: {' '.join(str(error).split())}") from error
    return parse(config_file.mapping(text, f"The sweep {path}"), f"The sweep {path.name}")


def parse(values: dict, where: str = "The sweep") -> Grid:
    """A sweep from plain values: keys as of a config and of `BESIDE`, or with `subject:` those of `Asking`; and `grid:`,
    which is a mapping of keys to values or a list of such blocks.

    Raises InputError with every problem of every point in one message.
    """
    values = dict(values)
    blocks, problems = several.read(values.pop("grid", None))
    metrics = None
    try:
        metrics = wanted_metrics.parse(values.get("metrics"))
    except InputError as error:
        problems.append(str(error))
    if problems:  # the points would repeat them, or are too many to look at
        raise InputError(f"{where} has problems:\n" + "\n".join(problems))
    if "subject" in values:
        blocks = [{key.removeprefix(DECODING): found for key, found in block.items()} for block in blocks]
        return replace(_of_subject(values, blocks, where), metrics=metrics)
    return replace(_of_config(values, blocks, where), metrics=metrics)


# -- points ----------------------------------------------------------------------------------------------------------------


def _of_config(values: dict, blocks: list[Block], where: str) -> Grid:
    values = {"name": DEFAULT_NAME, **values}
    shared = {key: value for key, value in values.items() if key not in BESIDE}
    keys, found, problems = several.union(blocks), {}, Problems()
    for block, chosen in _chosen(blocks):
        with problems.of(Point(chosen)):
            made = config_file.parse(with_values(shared, chosen))
            problems.add(Point(chosen), _idle(block, made.decoding, DECODING))
            plain = made.model_dump()
            point = Point({key: _at(plain, key) for key in keys}, made)
            found.setdefault(point.words, point)  # two blocks may share a point
    points = list(found.values())
    usual = points[0].config.decoding if points else Decoding()
    decodings, notes = _decodings(values.get("decodings"), usual, problems)
    scored_on = _scored_on(values.get("scored_on"), problems)
    problems.refuse(where, len(several.combined(blocks)))
    return Grid(points[0].config.name, blocks, values, points, None, notes, decodings, scored_on)


def _decodings(given, usual: Decoding, problems: "Problems") -> tuple[list[Point], list[str]]:
    """The decodings with which every run answers, on top of the `usual` one; a list of values stands for several."""
    if given is None:
        return [], []
    blocks, wrong = several.read(given, "decodings")
    problems.add(Point({}), wrong)
    if wrong:
        return [], []
    blocks = [{key.removeprefix(DECODING): found for key, found in block.items()} for block in blocks]
    points, notes = _decoded(blocks, {}, usual, problems)
    named = [replace(one, values={f"{DECODING}{key}": value for key, value in one.values.items()}) for one in points]
    return named, notes


def _decoded(blocks: list[Block], own: dict, usual: Decoding, problems: "Problems") -> tuple[list[Point], list[str]]:
    """The decodings that blocks stand for, each once, and a note where they draw tokens unasked. `own`: settings of all
    of them; `usual`: the decoding on top of which they come."""
    found, keys, (mode, notes) = {}, several.union(blocks), _mode(blocks, own, usual)
    for block, chosen in _chosen(blocks):
        given = {**own, **(mode if "mode" not in block else {}), **chosen}
        with problems.of(Point(chosen)):
            decoding = config_file.decoding(_settings(given), usual)
            problems.add(Point(chosen), _idle(block, decoding))
            values = {key: None if key in decoding.idle else getattr(decoding, key, None) for key in keys}
            # What is listed is set, whatever the subject's own decoding is.
            rest = {key: value for key, value in values.items() if key not in given and value is not None}
            point = Point(values, settings=_settings({**given, **rest}))
            found.setdefault(point.words, point)
    return list(found.values()), notes


def _mode(blocks: list[Block], own: dict, usual: Decoding) -> tuple[dict, list[str]]:
    """The mode of all blocks that name none, and a note: tokens are drawn if any of them has a key that asks for it."""
    names = dict.fromkeys(key for block in blocks if "mode" not in block for key in block if key in DRAWN)
    if "mode" in own or not names:
        return {}, []
    return {"mode": "sample"}, [DRAWN_ALL.format(" and ".join(names))] if usual.mode != "sample" else []


def _chosen(blocks: list[Block]) -> Iterator[tuple[Block, dict[str, Any]]]:
    """Every combination of the values of each block, with its block."""
    for block in blocks:
        for chosen in several.combined([block]):
            yield block, chosen


def _idle(block: Block, decoding: Decoding, before: str = "") -> list[str]:
    """What is wrong with the keys of a block that change nothing with the mode; `before`: how they begin."""
    modes = block.get(f"{before}mode", [])
    keys = [key for key in decoding.idle if f"{before}{key}" in block]
    if len(modes) > 1:  # a single value counts for the other modes
        keys = [key for key in keys if len(block[f"{before}{key}"]) > 1]
    advice = IDLE_BESIDE if modes else IDLE
    return [f"{before}{key}: {advice.format(decoding.mode)}" for key in keys]


def _settings(values: dict[str, Any]) -> list[str]:
    return [f"{key}={written(value)}" for key, value in values.items()]


def _scored_on(given, problems: "Problems") -> Rows | None:
    if given is None:
        return None
    try:
        return Rows.model_validate(given)
    except ValidationError as error:
        lines = plain_problems(error, [*Rows.model_fields]).splitlines()
        problems.add(Point({}), [f"scored_on.{line}" for line in lines])
        return None


def _of_subject(values: dict, blocks: list[Block], where: str) -> Grid:
    try:
        asking = Asking.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{where} has problems:\n{plain_problems(error, [*Asking.model_fields])}") from error
    problems = Problems()
    points, notes = _decoded(blocks, asking.decoding, Decoding(), problems)
    problems.refuse(where, len(several.combined(blocks)))
    return Grid(asking.name, blocks, values, points, asking, notes)


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
            of_all = len(points) == count or not points[0]
            lines.append(line if of_all else f"{line} (with {'; '.join(points[:2])}{more})")
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
