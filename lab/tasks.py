"""Tasks by name: the user's in the home folder, the bundled ones in `assets/tasks`."""

from itertools import count
from pathlib import Path

from lab import task as task_file
from lab import versions
from lab.data import About
from lab.errors import InputError
from lab.home import Home, guard, inside
from lab.task import Task
from lab.versions import BUNDLED


def listing(home: Home) -> list[str]:
    """The names of all tasks, the user's first, then the bundled ones; each once."""
    return list(
        dict.fromkeys(
            path.stem
            for folder in (home.tasks, BUNDLED)
            for path in sorted(folder.glob("*.yaml"))
            if not path.is_symlink()
        )
    )


def load(home: Home, name: str) -> Task:
    """A task by its name. Raises InputError when there is none."""
    for path in (inside(home.tasks, name, "The task", ".yaml"), BUNDLED / f"{name}.yaml"):
        if path.is_file():
            return task_file.load(path)
    raise InputError(
        f"There is no task {name!r}; there are: {', '.join(listing(home))}. Add one with: task add FILE.yaml."
    )


def load_name_or_file(home: Home, name: str) -> Task:
    """A task by its name, or from a path that ends in .yaml (for the command line, which alone takes paths)."""
    if name.endswith((".yaml", ".yml")):
        path = Path(name).expanduser()
        if not path.is_file():
            raise InputError(f"There is no task file {name}.")
        return task_file.load(path)
    return load(home, name)


def add(home: Home, task: Task) -> None:
    """Keeps a task under its name, as its first version. Raises InputError when the name is taken."""
    with guard(home.tasks):
        if task.name in listing(home):
            raise InputError(f"A task named {task.name!r} is there already; give the new one another name:.")
        versions.keep(home, task)


def save(home: Home, task: Task) -> tuple[int, bool]:
    """Keeps an edited task as the newest version under its name; returns its number, and whether anything is new.

    Raises InputError for the name of a bundled task: those stay as they are.
    """
    if is_bundled(task.name):
        raise InputError(
            f"{task.name!r} is a bundled task, which stays as it is; "
            f"save yours under another name, such as {free_name(home, task.name)}."
        )
    with guard(home.tasks):
        return versions.keep(home, task)


def restore(home: Home, name: str, number: int) -> tuple[int, bool]:
    """Makes an earlier version of a task the newest one; see `save`. Raises InputError when there is no such version."""
    return save(home, versions.one(home, name, number).task.model_copy(update={"name": name}))


def is_bundled(name: str) -> bool:
    """Whether a name stands for a bundled task: it cannot be saved over."""
    return name in [path.stem for path in BUNDLED.glob("*.yaml")]  # a name from the page may be a path


def free_name(home: Home, name: str) -> str:
    """The name itself if no task has it, else the first of `name-2`, `name-3` … that none has."""
    taken = set(listing(home))
    named = (f"{name[:60]}-{number}" for number in count(2))
    return name if name not in taken else next(free for free in named if free not in taken)


def draft(about: About, labels: list[str]) -> dict:
    """A first version of a task for a dataset, in plain values, for its user to go on from."""
    field = about.text if about.text.isidentifier() else f"{{{about.text}}}"
    classify = bool(about.label) or not about.target
    instruction = "Read the text and choose the label that fits it best. Answer with one label:\n$labels"
    return {
        "name": about.name,
        "kind": "classify" if classify else "generate",
        "text": about.text,
        "label": about.label,
        "target": about.target,
        "instruction": instruction if classify else "",
        "labels": [{"name": label} for label in labels] if classify else [],
        "prompt": f"Text: ${field}\nLabel:" if classify else f"${field}",
    }
