"""Tasks and configs that come as YAML text from whoever calls the page's public events."""

import yaml

from lab import config, grid, wanted_metrics, yaml_text
from lab import task as task_file
from lab.config import Config
from lab.errors import InputError
from lab.grid import Grid
from lab.home import check_id
from lab.task import LONGEST_YAML, Task
from lab.ui import access, offer

DEEPEST = 100  # lists and mappings inside each other


def read_task(text: str) -> Task:
    """A task from YAML text. Raises InputError."""
    read_yaml(text, "the task")
    return task_file.parse(text)


def read_config(text: str) -> Config:
    """A config from YAML text. Raises InputError, also for a task, dataset or base model that is a path."""
    wanted = config.parse(read_yaml(text, "the config"))
    refuse_path(wanted)
    return wanted


def read_sweep(text: str) -> Grid:
    """A sweep from YAML text. Raises InputError, also for a task, dataset or base model that is a path."""
    found = grid.parse(read_yaml(text, "the sweep"))
    refuse_paths(found)
    return found


def refuse_paths(found: Grid) -> None:
    """Raises InputError where a sweep names a task, dataset, base model, subject or a metric's model by a path."""
    for model in wanted_metrics.models(found.metrics):
        access.model_id(model)
    if found.asking:
        offer.taken([found.asking.subject])
        for what, name in (("The task", found.asking.task), ("The dataset", found.asking.dataset)):
            check_id(name or "none", what)
    check_id((found.scored_on and found.scored_on.dataset) or "none", "The dataset")
    for point in found.points if not found.asking else []:
        refuse_path(point.config)


def refuse_path(wanted: Config) -> None:
    """Raises InputError where a config names its task, dataset or base model by a path."""
    check_id(wanted.task, "The task")
    check_id(wanted.dataset, "The dataset")
    access.model_id(wanted.base_model)


def read_yaml(text: str, what: str) -> dict:
    """A mapping from YAML text. Raises InputError; also for aliases, which make a few letters stand for very many."""
    if len(text) > LONGEST_YAML:
        raise InputError(f"{what.capitalize()} has more than {LONGEST_YAML:,} letters.")
    try:
        _refuse_what_grows(text, what)
        values = yaml_text.load(text) or {}
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{what.capitalize()} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InputError(f"{what.capitalize()} must be a YAML mapping of keys to values.")
    return values


def _refuse_what_grows(text: str, what: str) -> None:
    """Raises InputError for aliases, and for a depth at which reading takes minutes; it stops at the first of them."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise InputError(f"Write {what} without YAML aliases (*name).")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise InputError(f"{what.capitalize()} has more than {DEEPEST} lists and mappings inside each other.")
