"""Tasks by name: the user's in the home folder, the bundled ones in `assets/tasks`."""

from pathlib import Path

from lab import task as task_file
from lab.errors import InputError
from lab.home import ASSETS, Home, check_id, guard, write
from lab.task import Task

BUNDLED = ASSETS / "tasks"


def listing(home: Home) -> list[str]:
    """The names of all tasks, the user's first, then the bundled ones."""
    return [path.stem for folder in (home.tasks, BUNDLED) for path in sorted(folder.glob("*.yaml"))]


def load(home: Home, name: str) -> Task:
    """A task by its name. Raises InputError when there is none."""
    check_id(name, "The task")
    for folder in (home.tasks, BUNDLED):
        if (folder / f"{name}.yaml").is_file():
            return task_file.load(folder / f"{name}.yaml")
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
    """Keeps a task under its name. Raises InputError when the name is taken."""
    with guard(home.tasks):
        if task.name in listing(home):
            raise InputError(f"A task named {task.name!r} is there already; give the new one another name:.")
        write(home.tasks / f"{task.name}.yaml", task_file.dump(task))
