"""How many tokens the rows of a dataset have: in a random sample of them, and in those that are written longest."""

import random

import pyarrow as pa
import pyarrow.compute as pc

from lab import bases, browse, tasks
from lab.data import AT_ONCE, Dataset
from lab.home import Home
from lab.prompt import Renderer
from lab.task import Task, fields
from lab.tokens import Tokens

SAMPLE = 2000  # rows drawn at random; a dataset of no more rows is counted whole
LONGEST = 200  # rows that are counted beside them, because they have the most letters


def task_for(home: Home, dataset: Dataset, name: str | None = None) -> Task | None:
    """The task whose prompts are meant: the one named, else the one of the dataset's name, if there is one."""
    name = name or (dataset.name if dataset.name in tasks.listing(home) else None)
    return tasks.load(home, name) if name else None


def counted(rows: list[dict], task: Task | None, dataset: Dataset, tokens: Tokens) -> list[int]:
    """The tokens of each row's prompt with its answer, or of its text alone where there is no task."""
    renderer = Renderer(task, tokens) if task else None
    trained: dict[str | None, int] = {None: 0}
    counts = []
    for start in range(0, len(rows), AT_ONCE):  # the tokens themselves would fill the memory
        some = rows[start : start + AT_ONCE]
        if renderer is None:
            counts += [len(ids) for ids in tokens.encode([str(row.get(dataset.about.text) or "") for row in some])]
            continue
        answers = [task.answer(row) for row in some]
        for answer in set(answers) - set(trained):
            trained[answer] = len(renderer.completion_ids(answer)) if answer else 0
        counts += [len(p) + trained[a] for p, a in zip(renderer.prompts(some), answers, strict=True)]
    return counts


def measure(dataset: Dataset, task: Task | None, model: str) -> dict:
    """Token counts of some rows, quickly whatever the size of the dataset.

    Returns `{of: what was counted, rows: all there are, whole: whether all were counted, exact: whether by the model's
    own tokenizer, sample: tokens of the rows drawn, longest: [(split, row, tokens), …] of all counted, most tokens first}`.
    """
    tokens = bases.tokens_at_hand(bases.find(model))
    places = [(split, number) for split in dataset.splits for number in range(browse.size(dataset, split))]
    whole = len(places) <= SAMPLE
    drawn = places if whole else sorted(random.Random(len(places)).sample(places, SAMPLE))
    found = _counted_at(drawn, dataset, task, tokens)
    longest = {} if whole else _counted_at(_written_longest(dataset, task), dataset, task, tokens)
    known = sorted({**found, **longest}.items(), key=lambda item: -item[1])
    return {
        "of": "prompt with its answer" if task else "text",
        "rows": len(places),
        "whole": whole,
        "exact": tokens.exact,
        "sample": list(found.values()),
        "longest": [(split, number, count) for (split, number), count in known[:LONGEST]],
    }


def beyond(measured: dict, limit: int) -> int:
    """How many rows have more tokens than a limit; an estimate unless all rows were counted (`whole`).

    The rows written longest tell it better than the sample, as long as not all of them are too long.
    """
    long = sum(count > limit for _, _, count in measured["longest"])
    if long < len(measured["longest"]):
        return long
    share = sum(count > limit for count in measured["sample"]) / max(1, len(measured["sample"]))
    return max(long, round(share * measured["rows"]))


def where_counted(measured: dict) -> str:
    """In words, how many rows the counts come from."""
    if measured["whole"]:
        return f"all {measured['rows']:,} rows"
    return f"{SAMPLE:,} rows drawn at random and the {LONGEST} written longest, of {measured['rows']:,}"


def _counted_at(places: list[tuple[str, int]], dataset: Dataset, task: Task | None, tokens: Tokens) -> dict:
    found = {}
    for split in dataset.splits:
        numbers = [number for of, number in places if of == split]
        rows = browse.rows_of(dataset, split, numbers) if numbers else []
        found |= {(split, n): c for n, c in zip(numbers, counted(rows, task, dataset, tokens), strict=True)}
    return found


def _written_longest(dataset: Dataset, task: Task | None) -> list[tuple[str, int]]:
    """The rows with the most letters in the columns that stand in a prompt, of all splits, in their order."""
    used = columns_used(dataset, task)
    letters = []
    for split in dataset.splits:
        total = pa.array([0] * browse.size(dataset, split), pa.int32())
        for column in used:
            total = pc.add(total, pc.utf8_length(browse.texts(dataset, split, column)))
        places = pc.select_k_unstable(total, LONGEST, [("", "descending")]).to_pylist()
        letters += [(total[place].as_py(), split, place) for place in places]
    order = {split: place for place, split in enumerate(dataset.splits)}
    longest = sorted(letters, reverse=True)[:LONGEST]
    return sorted(((split, row) for _, split, row in longest), key=lambda x: (order[x[0]], x[1]))


def columns_used(dataset: Dataset, task: Task | None) -> list[str]:
    """The columns that a prompt and its answer are made of; the text alone where there is no task that fits."""
    if task is None:
        return [dataset.about.text]
    named = [task.text, *fields(task.instruction), *fields(task.prompt), task.answer_column]
    columns = browse.columns_of(dataset, dataset.splits[0])
    return [column for column in dict.fromkeys(named) if column in columns] or [dataset.about.text]
