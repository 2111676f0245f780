"""What one sees of data and prompts before anything is trained: rows, what is in a dataset, the exact prompt of a row."""

import re
from pathlib import Path

import pyarrow as pa

from lab import balance, bases, browse, data, lengths, lint, marks, packing
from lab.bases import Base
from lab.browse import cells, columns_of, labels_in, rows_at, size  # noqa: F401 - others ask for them here
from lab.config import BUNDLED_MODEL, Config
from lab.data import About, Dataset
from lab.errors import InputError
from lab.home import Home, check_id
from lab.prompt import Renderer
from lab.task import Task, text_of

FIRST_ROWS = 5  # so many of a file are shown
PREVIEW_ROWS = 2000  # so many are read for the shared prefix
COST_ROWS = 240  # so many for what a batch costs while a form is filled in
# Letters of prompts: so many are put into tokens for what a batch costs, and so many are made to see which are furthest apart.
COST_LETTERS, FAR_LETTERS = 2_000_000, 20_000_000
SHARED, TRAINED = "shared by all rows", "trained"

# -- a dataset to be added -------------------------------------------------------------------------------------------

USUAL_NAMES = {
    "text": [
        "text",
        "sentence",
        "content",
        "review",
        "tweet",
        "statement",
        "claim",
        "question",
        "instruction",
        "input",
    ],
    "label": ["label", "labels", "class", "category", "sentiment", "stance", "verdict", "y"],
    "target": ["target", "output", "response", "answer", "completion"],
}


def described(name: str, text: str, label: str | None, label_names: str | None, target: str | None) -> About:
    """A new dataset's description from what a user wrote. `label_names` are names of integer labels, with commas between."""
    names = [x.strip() for x in label_names.split(",")] if label_names else None
    if names and (not all(names) or len(set(names)) < len(names)):
        raise InputError(f"--label-names {label_names}: give each integer label a name of its own.")
    if names and not label:
        raise InputError("--label-names names the labels of a column: give that column with --label.")
    check_id(name, "The dataset")
    return About(name=name, text=text, label=label, target=target, label_names=names)


def guess_columns(rows: list[dict]) -> dict[str, str | None]:
    """Which columns probably hold text, label and target: by their names, else by what stands in some of the rows.

    The label may also be the column with the fewest values, two or more, that come up again and again; the text the
    one with the longest.
    """
    known = {column.strip().lower(): column for column in reversed(list(rows[0]))}
    found = {role: next((known[n] for n in names if n in known), None) for role, names in USUAL_NAMES.items()}
    values = {c: [text_of(row[c]) for row in rows] for c in rows[0] if c not in found.values()}
    if not found["text"]:
        found["text"] = max(values or rows[0], key=lambda c: sum(map(len, values.get(c, []))))
        values.pop(found["text"], None)
    if not found["label"] and not found["target"]:
        kinds = {column: len(set(texts)) for column, texts in values.items()}
        few = [column for column, n in kinds.items() if 2 <= n <= min(50, 0.7 * len(rows))]
        found["label"] = min(few, key=kinds.get, default=None)
    return found


def head_of(path: Path, text: str | None, label: str | None) -> dict:
    """What is in a file: `{rows: how many, columns, first: some rows, labels: {label: (rows, the text of the first)}}`.

    The labels are those of the column `label`, sorted; none when there is no such column.
    """
    table = browse.read(path)
    words = table.column(text) if text in table.column_names else None
    found: dict[str, tuple[int, int]] = {}
    if label in table.column_names:
        places = pa.table({"value": _plain(table.column(label)), "row": pa.array(range(table.num_rows))})
        counted = places.group_by("value").aggregate([("row", "count"), ("row", "min")])
        for value, rows, at in zip(
            *(counted.column(x).to_pylist() for x in ("value", "row_count", "row_min")), strict=True
        ):
            rows_before, first = found.get(text_of(value).strip(), (0, at))
            found[text_of(value).strip()] = (rows_before + rows, min(first, at))
        found.pop("", None)
    return {
        "rows": table.num_rows,
        "columns": table.column_names,
        "first": table.slice(0, FIRST_ROWS).to_pylist(),
        "labels": {x: (n, text_of(words[at].as_py()) if words else "") for x, (n, at) in sorted(found.items())},
    }


def different(column: pa.ChunkedArray) -> list:
    """The different values of a column."""
    return _plain(column).unique().to_pylist()


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column whose values can be told apart: lists and objects as text."""
    if not pa.types.is_nested(column.type):
        return column
    return pa.chunked_array([pa.array([text_of(value) for value in column.to_pylist()], pa.string())])


def some_rows(columns: int) -> int:
    """How many rows with so many columns are looked at to guess what they hold."""
    return max(20, min(PREVIEW_ROWS, 100_000 // max(1, columns)))


def integer_labels(values: list) -> list[int]:
    """The labels 0, 1, … up to the highest when all values are such small integers, so that they want names; else []."""
    texts = {text_of(value).strip() for value in values} - {"", "-1"}
    whole = bool(texts) and all(re.fullmatch(r"\d{1,2}", text) for text in texts)
    return list(range(max(map(int, texts)) + 1)) if whole else []


# -- what is in a dataset --------------------------------------------------------------------------------------------


def describe(home: Home, dataset: Dataset, task_name: str | None, model: str, limit: int) -> dict:
    """What `dataset show` prints; tokens are counted in all rows."""
    tokens = bases.tokens_at_hand(bases.find(model))
    task = lengths.task_for(home, dataset, task_name)
    return data.describe(dataset, lambda rows: lengths.counted(rows, task, dataset, tokens), limit)


def look_for_problems(task: Task, dataset: Dataset) -> list[dict]:
    """What `lint` says of a task and all rows of a dataset, which are counted once and not read again at every keystroke."""
    return lint.lint_counts(task, balance.counts(dataset, task), columns_of(dataset, dataset.splits[0]))


def lint_whole(task: Task, dataset: Dataset) -> list[dict]:
    """What `task lint` prints: all of `lint`, and how many prompts are longer than the default max_length."""
    found = look_for_problems(task, dataset)
    if task.text in columns_of(dataset, dataset.splits[0]):
        limit, renderer = Config().max_length, Renderer(task, bases.tokens_at_hand(bases.find(BUNDLED_MODEL)))
        long = sum(len(ids) > limit for rows in dataset.all_pieces() for ids in renderer.prompts(rows))
        if long:
            message = f"{long} prompts have more than {limit} tokens of the bundled model, the default max_length."
            found.append({"severity": "warning", "message": message, "label": None, "rows": long})
    return found


# -- the exact prompt ------------------------------------------------------------------------------------------------


def of_row(task: Task, dataset: Dataset, split: str, number: int, base: Base) -> dict:
    """The exact prompt of a row counted from 0: see `preview`; with `spans`, `marked` (see `marks`), and `unchecked` where counts are estimates."""
    columns, total = columns_of(dataset, split), size(dataset, split)
    if task.text not in columns:
        has = ", ".join(map(repr, columns))
        raise InputError(f"The task {task.name} needs the column {task.text!r}; {dataset.name}/{split} has {has}.")
    if not 0 <= number < total:
        raise InputError(f"Row {number}: {dataset.name}/{split} has the rows 0 to {total - 1}.")
    looks = lint.lint_columns(task, balance.counts(dataset, task, [split]), columns)
    renderer = Renderer(task, bases.tokens_at_hand(base))
    row = rows_at(dataset, split, number, 1)[0]
    found = preview(renderer, row, telling(renderer, rows_at(dataset, split, 0, PREVIEW_ROWS)))
    found["notes"] = [*found["notes"], *(x["message"] for x in looks)]
    found["spans"] = spans(renderer, row, found["shared_prefix_tokens"])
    found["marked"] = marks.split(renderer, row, found["spans"])
    if not renderer.tokens.exact:
        found["unchecked"] = bases.unchecked(base)
    return found


def telling(renderer: Renderer, rows: list[dict]) -> list[dict]:
    """The rows that tell what all of them share and what a batch costs: the first ones, and the two whose prompts are
    furthest apart. To put them all into tokens at every keystroke takes seconds where definitions are long."""
    first, letters, low, high = 0, 0, None, None
    for number, row in enumerate(rows):
        found = (renderer.prompt_text(row), number)
        letters += len(found[0])
        if number == first < COST_ROWS and (letters <= COST_LETTERS or number < 2):
            first += 1
        elif letters <= FAR_LETTERS:
            low, high = min(low or found, found), max(high or found, found)
    furthest = [rows[number] for _, number in filter(None, (low, high))]
    return rows[:first] + furthest


def preview(renderer: Renderer, row: dict, rows: list[dict]) -> dict:
    """The prompt of a row in text and in token pieces, what of it is trained, and the prefix that all rows share."""
    answer = renderer.task.answer(row)
    prompt_ids = renderer.prompt_ids(row)
    trained = renderer.completion_ids(answer) if answer else []
    cost = packing.batch_cost(list(renderer.examples(rows)), Config().batch_size)
    prompt_text, completion = renderer.prompt_text(row), renderer.completion_text(answer) if answer else ""
    return {
        "text": prompt_text + completion,
        "prompt": prompt_text,
        "trained_text": completion,
        "tokens": len(prompt_ids) + len(trained),
        "trained_tokens": len(trained),
        "shared_prefix_tokens": cost["prefix"],
        "batch": cost,
        "exact": renderer.tokens.exact,
        "format": renderer.format,
        "pieces": [renderer.tokens.encoder.id_to_token(i) for i in prompt_ids + trained],
        "notes": renderer.notes,
    }


def spans(renderer: Renderer, row: dict, shared: int) -> list[tuple[str, str | None]]:
    """The text that the model sees, in pieces with their marks: the first `shared` tokens, the rest, what is trained.

    The BOS that the tokenizer adds is spelled out in front. Where two tokens share a character, it counts for the second.
    """
    encoder, text = renderer.tokens.encoder, renderer.prompt_text(row)
    found = encoder.encode(text, add_special_tokens=False)
    ids = renderer.prompt_ids(row)
    front = "".join(encoder.id_to_token(i) for i in ids[: len(ids) - len(found.ids)])
    inner = shared - (len(ids) - len(found.ids))  # of the tokens behind that BOS
    if inner >= len(found.ids):
        end = len(text)
    elif inner > 0:
        end = min(found.offsets[inner - 1][1], found.offsets[inner][0])
    else:
        end = 0
    answer = renderer.task.answer(row)
    pieces = [
        (front + text[:end] if inner >= 0 else "", SHARED),
        (text[end:] if inner >= 0 else front + text, None),
        (renderer.completion_text(answer) if answer else "", TRAINED),
    ]
    return [(piece, mark) for piece, mark in pieces if piece]
