"""Lists of prompts that are kept in the home: `prompts/<name>.jsonl`, a prompt a line."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from lab import home as folder
from lab.errors import InputError
from lab.home import Home
from lab.task import Strict

MOST_LISTS, MOST_PROMPTS = 100, 500
LONGEST = 100_000  # letters of a prompt
MOST_LETTERS = 2_000_000  # of a list


class Prompt(Strict):
    """A text to be asked through the task, with other columns that the task's prompt reads, or a raw prompt.

    `expected` is the label, or the whole answer where no label is read, that would be right.
    """

    way: Literal["text", "raw"] = "text"
    text: str = Field(min_length=1, max_length=LONGEST)
    columns: dict[str, str] = {}
    expected: str | None = Field(None, max_length=1000)


def listing(home: Home) -> list[str]:
    """The names of all lists."""
    return sorted(path.stem for path in home.prompts.glob("*.jsonl") if not path.name.startswith("."))


def load(home: Home, name: str) -> list[Prompt]:
    """Raises InputError when there is no such list, or it is broken."""
    path = _path(home, name)
    if not path.is_file():
        raise InputError(f"There is no list {name!r} any more.")
    try:
        return [Prompt.model_validate(line) for line in folder.read_lines(path)]
    except (ValidationError, ValueError, InputError) as error:
        raise InputError(f"The list {name} is broken: a line of prompts/{name}.jsonl is no prompt.") from error


def create(home: Home, name: str) -> None:
    """Makes an empty list. Raises InputError when the name is taken or no name."""
    path = _path(home, name)
    with folder.guard(home.prompts):
        if path.exists():
            raise InputError(f"There is a list {name!r} already.")
        if len(listing(home)) >= MOST_LISTS:
            raise InputError(f"There are {MOST_LISTS} lists already; delete one first.")
        folder.write_lines(path, [])


def rename(home: Home, name: str, new: str) -> None:
    """Gives a list another name, which must be free."""
    source, target = _path(home, name), _path(home, new)
    with folder.guard(home.prompts):
        if not source.is_file():
            raise InputError(f"There is no list {name!r} any more.")
        if target.exists():
            raise InputError(f"There is a list {new!r} already.")
        source.rename(target)
        folder.sync_folder(home.prompts)


def delete(home: Home, name: str) -> None:
    path = _path(home, name)
    with folder.guard(home.prompts):
        path.unlink(missing_ok=True)
        folder.sync_folder(home.prompts)


def add(home: Home, name: str, prompts: list[Prompt]) -> int:
    """Adds prompts at the end of a list; those that stand in it already are left out. Returns how many were added."""
    with folder.guard(home.prompts):
        kept = load(home, name)
        new = [prompt for i, prompt in enumerate(prompts) if prompt not in kept and prompt not in prompts[:i]]
        _save(home, name, kept + new)
        return len(new)


def remove(home: Home, name: str, number: int) -> None:
    """Takes a prompt, counted from 1, out of a list."""
    with folder.guard(home.prompts):
        kept = load(home, name)
        if not isinstance(number, int) or not 1 <= number <= len(kept):
            raise InputError(f"The list has the prompts 1 to {len(kept):,}.")
        _save(home, name, kept[: number - 1] + kept[number:])


def pasted(text: str, way: str) -> list[Prompt]:
    """Prompts that were written one a line; behind a tab may stand the expected answer. Raises InputError."""
    if not isinstance(text, str) or way not in ("text", "raw"):
        raise InputError("Prompts are texts, one a line.")
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        words, _, expected = line.partition("\t")
        if not words.strip():
            continue
        try:
            found.append(Prompt(way=way, text=words.strip(), expected=expected.strip() or None))
        except ValidationError as error:
            raise InputError(f"Line {number} is too long: {LONGEST:,} letters at most, 1,000 expected ones.") from error
    if not found:
        raise InputError("Write at least one prompt, one a line.")
    return found


def _save(home: Home, name: str, prompts: list[Prompt]) -> None:
    if len(prompts) > MOST_PROMPTS:
        raise InputError(f"A list may have {MOST_PROMPTS} prompts; this would be {len(prompts):,}.")
    if sum(len(prompt.text) for prompt in prompts) > MOST_LETTERS:
        raise InputError(f"A list may have {MOST_LETTERS:,} letters.")
    folder.write_lines(_path(home, name), [prompt.model_dump(exclude_defaults=True) for prompt in prompts])


def _path(home: Home, name: str) -> Path:
    if not isinstance(name, str) or not name:
        raise InputError("Choose a list, or give a new one a name.")
    return folder.inside(home.prompts, name, "The list", ".jsonl")
