"""What one sees of data and prompts before anything is trained: rows, what is in a dataset, the exact prompt of a row."""

import re
from collections import Counter

import pyarrow.parquet

from lab import balance, bases, data, lint, marks, packing, tables, tasks
from lab.bases import Base
from lab.config import BUNDLED_MODEL, Config
from lab.data import About, Dataset
from lab.errors import InputError
from lab.home import Home, check_id
from lab.prompt import Renderer
from lab.task import Task, text_of

PREVIEW_ROWS = 2000  # so many are read for the shared prefix
COST_ROWS = 240  # so many for what a batch costs while a form is filled in
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


def integer_labels(values: list) -> list[int]:
    """The labels 0, 1, … up to the highest when all values are such small integers, so that they want names; else []."""
    texts = {text_of(value).strip() for value in values} - {"", "-1"}
    whole = bool(texts) and all(re.fullmatch(r"\d{1,2}", text) for text in texts)
    return list(range(max(map(int, texts)) + 1)) if whole else []


# -- rows ------------------------------------------------------------------------------------------------------------


def size(dataset: Dataset, split: str) -> int:
    """The number of rows of a split. Raises InputError when there is no such split."""
    return tables.size(dataset.files[split])[0] if _is_parquet(dataset, split) else len(dataset.rows(split))


def columns_of(dataset: Dataset, split: str) -> list[str]:
    """The columns of a split. Raises InputError when there is no such split."""
    return tables.size(dataset.files[split])[1] if _is_parquet(dataset, split) else list(dataset.rows(split)[0])


def rows_at(dataset: Dataset, split: str, start: int, count: int) -> list[dict]:
    """Some rows of a split. Of a parquet file, as added datasets are kept, no more is read than is needed for them."""
    if not _is_parquet(dataset, split):
        return dataset.rows(split)[start : start + count]
    found: list[dict] = []
    with pyarrow.parquet.ParquetFile(dataset.files[split]) as file:
        for batch in file.iter_batches(batch_size=PREVIEW_ROWS):
            if start < batch.num_rows:
                found += batch.slice(start, count - len(found)).to_pylist()
            start = max(0, start - batch.num_rows)
            if len(found) == count:
                break
    return _named(dataset, found)


def cells(dataset: Dataset, split: str, columns: list[str]) -> list[dict]:
    """All rows of a split with some of their columns alone; a column that it has not is left out."""
    wanted = [column for column in columns_of(dataset, split) if column in columns]
    if not wanted:
        return [{} for _ in range(size(dataset, split))]
    if not _is_parquet(dataset, split):
        return [{column: row.get(column) for column in wanted} for row in dataset.rows(split)]
    return _named(dataset, pyarrow.parquet.read_table(dataset.files[split], columns=wanted).to_pylist())


def _is_parquet(dataset: Dataset, split: str) -> bool:
    return split in dataset.files and dataset.files[split].suffix == ".parquet"


def _named(dataset: Dataset, rows: list[dict]) -> list[dict]:
    """Rows with their integer labels named, as `Dataset.rows` names them."""
    column, names = dataset.about.label, dataset.about.label_names
    if not names:
        return rows
    return [{**row, column: data.named(row[column], names)} if column in row else row for row in rows]


def labels_in(dataset: Dataset, column: str) -> list[str]:
    """The labels that stand in a column, the most frequent first."""
    rows = (row for split in dataset.splits for row in cells(dataset, split, [column]))
    counts = Counter(text_of(row.get(column)).strip() for row in rows)
    return [label for label, _ in counts.most_common() if label]


# -- what is in a dataset --------------------------------------------------------------------------------------------


def describe(
    home: Home, dataset: Dataset, task_name: str | None, model: str, limit: int, most: int | None = None
) -> dict:
    """What `dataset show` prints; tokens are counted in all rows or in the first `most` of them."""
    tokens = bases.tokens_at_hand(bases.find(model))
    task_name = task_name or (dataset.name if dataset.name in tasks.listing(home) else None)

    def count(rows: list[dict]) -> list[int]:
        rows = rows[:most]
        if task_name:
            renderer = Renderer(tasks.load(home, task_name), tokens)
            answers = [renderer.task.answer(row) for row in rows]
            trained = {a: len(renderer.completion_ids(a)) if a else 0 for a in set(answers)}
            return [len(p) + trained[a] for p, a in zip(renderer.prompts(rows), answers, strict=True)]
        return [len(ids) for ids in tokens.encode([str(row.get(dataset.about.text) or "") for row in rows])]

    return data.describe(dataset, count, limit)


def look_for_problems(task: Task, dataset: Dataset) -> list[dict]:
    """What `lint` says of a task and all rows of a dataset, which are counted once and not read again at every keystroke."""
    return lint.lint_counts(task, balance.counts(dataset, task), columns_of(dataset, dataset.splits[0]))


def lint_whole(task: Task, dataset: Dataset) -> list[dict]:
    """What `task lint` prints: all of `lint`, and how many prompts are longer than the default max_length."""
    rows = dataset.all_rows()
    found = lint.lint(task, rows, dataset.columns)
    if all(task.text in row for row in rows[:1]):
        limit, tokens = Config().max_length, bases.tokens_at_hand(bases.find(BUNDLED_MODEL))
        long = sum(len(ids) > limit for ids in Renderer(task, tokens).prompts(rows))
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
    prompts = {renderer.prompt_text(row): i for i, row in enumerate(rows[COST_ROWS:], COST_ROWS)}
    return rows[:COST_ROWS] + [rows[prompts[text]] for text in sorted(prompts)[:1] + sorted(prompts)[-1:]]


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


def batch_in_words(home: Home, config: Config) -> str:
    """What a batch of a run will cost, by the first rows of its data. Raises InputError for what is not there."""
    task, dataset = tasks.load(home, config.task), data.load(home, config.dataset)
    renderer = Renderer(task, bases.tokens_at_hand(bases.find(config.base_model)))
    rows = rows_at(dataset, "train" if "train" in dataset.splits else dataset.splits[0], 0, COST_ROWS)
    cost = packing.batch_cost(list(renderer.examples(rows)), config.batch_size)
    about = "" if renderer.tokens.exact else "Estimated: "
    if config.shared_prefix == "off":
        return f"{about}{packing.cost_in_words(cost, shares=False)}."
    shared = f"the first {cost['prefix']:,} tokens are shared by all rows and pass through the model once a batch: "
    said = f"{shared}{packing.cost_in_words(cost)}."
    return about + said if about else said.capitalize()


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
