"""Small files of other people's models, as they are read within this process: none that is too large, and text alone."""

import json
from pathlib import Path

from lab.errors import InputError

MOST = 16 << 20  # bytes of a config or a chat template; those of large models have one or two million
MOST_OF_TOKENIZER = 64 << 20  # bytes of a tokenizer.json; those of large vocabularies have 35 million


def refuse_large(path: Path, most: int = MOST) -> None:
    """Raises InputError for a file that would fill the memory."""
    size = path.stat().st_size
    if size > most:
        raise InputError(f"{path.name} of the model has {size:,} bytes; at most {most:,} are read.")


def read_text(path: Path) -> str | None:
    """What stands in a file; None when there is no such file. Raises InputError when it cannot be read."""
    try:
        refuse_large(path)
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} of the model cannot be read: {error}") from error


def read_json(path: Path) -> dict | list | str | float | None:
    """What a JSON file holds; None when there is no such file. Raises InputError when it cannot be read."""
    text = read_text(path)
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} of the model cannot be read: {error}") from error
