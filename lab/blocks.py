"""How several values are written: `{key: [value, …], …}`, every combination of which is meant; or a list of such blocks."""

from collections import Counter
from itertools import product
from math import prod
from typing import Any

import yaml

from lab import config as config_file

MOST = 500  # combinations
EXAMPLE = "write it as in grid: {learning_rate: [1.0e-4, 3.0e-4]}"
Block = dict[str, list]


def read(written_down, name: str = "grid") -> tuple[list[Block], list[str]]:
    """The blocks, their keys dotted, each value in a list; and what is wrong with how they are written.

    `name` is the key under which they stand.
    """
    listed = written_down if isinstance(written_down, list) else [written_down]
    if not listed or not all(isinstance(block, dict) and block for block in listed):
        return [], [f"{name}: names the keys to sweep and the values of each; {EXAMPLE}"]
    blocks = [_flat(block) for block in listed]
    problems = [problem for block in blocks for problem in _problems(block, name)]
    counts = [prod(map(len, block.values())) for block in blocks]
    if sum(counts) > MOST:
        times = " + ".join(" × ".join(str(len(values)) for values in block.values()) for block in blocks)
        problems.append(f"{name}: {times} values make {sum(counts):,} points; at most {MOST} at once")
    return blocks, list(dict.fromkeys(problems))


def combined(blocks: list[Block]) -> list[dict[str, Any]]:
    """Every combination of the values of each block, block by block."""
    return [dict(zip(block, chosen, strict=True)) for block in blocks for chosen in product(*block.values())]


def union(blocks: list[Block]) -> Block:
    """The keys of all blocks with their values, each once."""
    found: dict[str, dict[str, Any]] = {}
    for block in blocks:
        for key, values in block.items():
            found.setdefault(key, {}).update({written(value): value for value in values})
    return {key: list(values.values()) for key, values in found.items()}


def plain(blocks: list[Block]) -> dict | list[dict]:
    """The blocks as `read` reads them back."""
    found = [{key: values[0] if _stands_alone(values) else values for key, values in block.items()} for block in blocks]
    return found[0] if len(found) == 1 else found


def _stands_alone(values: list) -> bool:
    """Whether a list may stand without its brackets: what is one itself may not."""
    return len(values) == 1 and not isinstance(values[0], list)


def _problems(block: Block, name: str) -> list[str]:
    problems = []
    for key, values in block.items():
        texts = [written(value) for value in values]
        twice = next((text for text, times in Counter(texts).items() if times > 1), None)
        if not values:
            problems.append(f"{name}.{key}: give at least one value; {EXAMPLE}")
        elif any(isinstance(value, dict) for value in values):
            problems.append(
                f"{name}.{key}: a value is a mapping; sweep a key inside of it, as in {name}: {{{key}.r: [4, 8]}}"
            )
        elif twice is not None:
            problems.append(f"{name}.{key}: {twice} stands there twice")
        elif key.rpartition(".")[2] == "name":
            problems.append(f"{name}.{key}: a name is no setting; the runs are numbered by themselves")
    return problems


def _flat(block: dict, before: str = "") -> Block:
    """Nested keys dotted; a single value is a list of one."""
    found = {}
    for key, value in block.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{before}{key}.")
        else:
            found[f"{before}{key}"] = [number(x) for x in value] if isinstance(value, list) else [number(value)]
    return found


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


def written(value) -> str:
    """A value as people write it, as YAML in one line."""
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True).removesuffix("...\n").strip()
