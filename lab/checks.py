"""What is wrong with a dataset itself: repeats, overlap of splits, empty texts, strange labels, rows too long."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from lab import browse, lengths, lint
from lab.data import Dataset
from lab.home import Home
from lab.task import Task

FIRST_ROWS = 5  # so many row numbers of a split are named
MOST_NAMED = 5  # so many labels are named
MOST_COMPARED = 200  # so many labels are compared with a strange one


def of(home: Home, dataset: Dataset, task_name: str | None, model: str, limit: int) -> list[dict]:
    """What `dataset check` prints, for a task or for the one of the dataset's name: see `of_rows` and `too_long`."""
    task = lengths.task_for(home, dataset, task_name)
    return [*of_rows(dataset, task), too_long(lengths.measure(dataset, task, model), limit)]


def of_rows(dataset: Dataset, task: Task | None) -> list[dict]:
    """The checks of what stands in the rows, for a task where there is one.

    Returns a list of `{check: its name, ok, message, advice: what to do, empty where all is well, rows: {split: the first
    numbers of the rows concerned, counted from 0}}`.
    """
    used = lengths.columns_used(dataset, task)
    compared = [column for column in used if not task or column != task.answer_column] or used
    prompts = {split: _key(dataset, split, compared) for split in dataset.splits}
    texts = {split: _trimmed(dataset, split, task.text if task else dataset.about.text) for split in dataset.splits}
    column = task.label if task else dataset.about.label
    labels = {split: _trimmed(dataset, split, column) for split in dataset.splits}
    return [
        _repeats(prompts, labels, compared),
        _overlap(prompts, compared),
        _empty_texts(texts),
        _unknown_labels(labels, column, task),
        _one_label(labels, column),
    ]


def too_long(measured: dict, limit: int) -> dict:
    """The check of the rows' tokens, from what `lengths.measure` found; of rows too long the longest come first."""
    n, of = lengths.beyond(measured, limit), measured["of"]
    where = lengths.where_counted(measured)
    if not n:
        longest = max(measured["sample"] + [count for _, _, count in measured["longest"][:1]])
        message = f"The longest {of} has {longest:,} tokens, {limit:,} are allowed; counted: {where}."
        return _found("too long", True, message)
    rows: dict[str, list[int]] = {}
    for split, number, count in measured["longest"]:
        if count > limit and len(rows.setdefault(split, [])) < FIRST_ROWS:
            rows[split].append(number)
    about = "" if measured["whole"] else "about "
    message = f"{about}{_rows(n, 'has', 'have')} more than {limit:,} tokens; counted: {where}."
    advice = "Raise max_length, shorten the definitions, or set too_long: cut takes the end of the text, drop leaves such rows out."
    return _found("too long", False, message[:1].upper() + message[1:], advice, rows)


def _found(check: str, ok: bool, message: str, advice: str = "", rows: dict | None = None) -> dict:
    return {"check": check, "ok": ok, "message": message, "advice": "" if ok else advice, "rows": rows or {}}


def _trimmed(dataset: Dataset, split: str, column: str | None) -> pa.Array:
    return pc.utf8_trim_whitespace(browse.texts(dataset, split, column))


def _key(dataset: Dataset, split: str, columns: list[str]) -> pa.Array:
    """By row, what makes two rows one and the same question: their text, with what else stands in the prompt."""
    parts = [_trimmed(dataset, split, column) for column in columns]
    return pc.binary_join_element_wise(*parts, "\x1f") if len(parts) > 1 else parts[0]


def _first(masks: dict[str, pa.Array]) -> dict[str, list[int]]:
    """The first rows of each split for which something is true; splits without one are left out."""
    found = {split: pc.indices_nonzero(mask)[:FIRST_ROWS].to_pylist() for split, mask in masks.items()}
    return {split: numbers for split, numbers in found.items() if numbers}


def _count(masks: dict[str, pa.Array]) -> int:
    return sum(pc.sum(mask).as_py() or 0 for mask in masks.values())


def _rows(n: int, one: str = "", many: str = "") -> str:
    """A number of rows with a verb for one and for many: `1 row has`, `2 rows have`."""
    return f"{n:,} row {one}".rstrip() if n == 1 else f"{n:,} rows {many}".rstrip()


# -- texts -----------------------------------------------------------------------------------------------------------


def _repeats(keys: dict[str, pa.Array], labels: dict[str, pa.Array], columns: list[str]) -> dict:
    again = {split: _stands_earlier(of) for split, of in keys.items()}
    both = {split: pc.binary_join_element_wise(of, labels[split], "\x1f") for split, of in keys.items()}
    torn = _count(again) - _count({split: _stands_earlier(of) for split, of in both.items()})
    if not _count(again):
        return _found("duplicates", True, "No row stands twice in a split.")
    message = f"{_rows(_count(again), 'repeats', 'repeat')} an earlier one of the split in {_columns(columns)}"
    if torn:
        message += f", {torn:,} of them with another label"
    advice = "Take the repeats out: they weigh more in training and count more in scores."
    if torn:
        advice += " Decide for one label where two are given."
    return _found("duplicates", False, message + ".", advice, _first(again))


def _stands_earlier(values: pa.Array) -> pa.Array:
    """By row, whether its value stands in an earlier row; empty ones do not count."""
    numbers = pa.array(range(len(values)), pa.int64())
    firsts = pa.table({"value": values, "number": numbers}).group_by("value").aggregate([("number", "min")])
    is_first = pc.is_in(numbers, value_set=firsts.column("number_min").combine_chunks())
    return pc.and_(pc.invert(is_first), pc.not_equal(pc.utf8_trim_whitespace(values), ""))


def _overlap(keys: dict[str, pa.Array], columns: list[str]) -> dict:
    splits = list(keys)
    if len(splits) == 1:
        return _found("overlap", True, f"There is one split, {splits[0]}, so none overlap.")
    shared = {}
    for place, split in enumerate(splits[1:], 1):
        earlier = pa.chunked_array([keys[name] for name in splits[:place]]).combine_chunks()
        filled = pc.not_equal(pc.utf8_trim_whitespace(keys[split]), "")
        shared[split] = pc.and_(pc.is_in(keys[split], value_set=earlier), filled)
    if not _count(shared):
        return _found("overlap", True, f"No row stands in more than one of {_listed(splits)}.")
    parts = [f"{_count({split: mask}):,} of {split}" for split, mask in shared.items() if _count({split: mask})]
    stand = _rows(_count(shared), "stands", "stand")
    message = f"{stand} in an earlier split too, with the same {_columns(columns)}: {_listed(parts)}."
    advice = "Take them out of one of the splits: scores on rows that were trained on say nothing about new ones."
    return _found("overlap", False, message, advice, _first(shared))


def _empty_texts(texts: dict[str, pa.Array]) -> dict:
    empty = {split: pc.equal(of, "") for split, of in texts.items()}
    if not _count(empty):
        return _found("empty texts", True, "Every row has a text.")
    message = f"{_rows(_count(empty), 'has', 'have')} no text."
    return _found("empty texts", False, message, "Take these rows out, or choose another text column.", _first(empty))


# -- labels ----------------------------------------------------------------------------------------------------------


def _unknown_labels(labels: dict[str, pa.Array], column: str | None, task: Task | None) -> dict:
    name = "unknown labels"
    if not column or (task and not task.labels):
        return _found(name, True, "There are no labels to check.")
    counts = {split: _counted(of) for split, of in labels.items()}
    strange = _unknown_to_task(counts, task) if task else _strange(counts)
    if not strange:
        known = f"by the task {task.name}" if task else "from the training rows, each in one spelling"
        return _found(name, True, f"All labels are known {known}.")
    usual = (task.names if task else list(next(iter(counts.values()))))[:MOST_COMPARED]
    parts = []
    for label, (n, twin) in list(strange.items())[:MOST_NAMED]:
        near = twin or lint.nearest(label, usual)
        parts.append(f"{label!r} ({_rows(n)}{f', nearest is {near!r}' if near else ''})")
    more = f" and {len(strange) - MOST_NAMED:,} more" if len(strange) > MOST_NAMED else ""
    message = f"{'The task ' + task.name + ' does not know' if task else 'Looks odd'}: {', '.join(parts)}{more}."
    advice = "Correct the spelling in the file, or add the label to the task, or merge it into one there."
    masks = {split: pc.is_in(of, value_set=pa.array(list(strange), pa.string())) for split, of in labels.items()}
    return _found(name, False, message, advice, _first(masks))


def _counted(labels: pa.Array) -> Counter[str]:
    return Counter({x["values"]: x["counts"] for x in pc.value_counts(labels).to_pylist() if x["values"]})


def _unknown_to_task(counts: dict[str, Counter], task: Task) -> dict[str, tuple[int, None]]:
    """Labels that a task does not know, with how many rows have them."""
    total = sum(counts.values(), Counter())
    known = {*task.names, *(label for one in task.labels for label in one.merge)}
    return {label: (n, None) for label, n in total.most_common() if label not in known}


def _strange(counts: dict[str, Counter]) -> dict[str, tuple[int, str | None]]:
    """Without a task: labels that the first split has not, and the rarer of two that differ in case or blanks alone,
    with how many rows have them and, of two, the other one."""
    first, total = next(iter(counts.values())), sum(counts.values(), Counter())
    usual: dict[str, str] = {}
    strange: dict[str, tuple[int, str | None]] = {}
    for label, n in sorted(total.items(), key=lambda x: (x[0] not in first, -x[1])):
        twin = usual.setdefault("".join(label.casefold().split()), label)
        if twin != label:
            strange[label] = (n, twin)
        elif label not in first and first:
            strange[label] = (n, None)
    return strange


def _one_label(labels: dict[str, pa.Array], column: str | None) -> dict:
    name = "one label"
    counts = {split: _counted(of) for split, of in labels.items()}
    if not column:
        return _found(name, True, "There are no labels to check.")
    alone = {split: next(iter(found)) for split, found in counts.items() if len(found) == 1}
    bare = [split for split, found in counts.items() if not found]
    unlabelled = f" Without labels, never scored: {_listed(bare)}." if bare else ""
    if bare[:1] == [next(iter(counts))]:
        message = f"No row of {bare[0]} has a label in the column {column!r}."
        return _found(name, False, message, "Choose the column that holds the labels.")
    if not alone:
        return _found(name, True, f"Every split with labels has several of them.{unlabelled}")
    parts = [f"all labelled rows of {split} are {label!r}" for split, label in alone.items()]
    message = f"{_listed(parts)}.{unlabelled}"
    advice = "Was the file sorted by label when it was split? Shuffle it and split it again: one label teaches nothing."
    return _found(name, False, message[:1].upper() + message[1:], advice)


def _columns(names: list[str]) -> str:
    return f"column{'s' * (len(names) > 1)} {_listed(names)}"


def _listed(parts: list[str], most: int = 20) -> str:
    """`a, b and c`; of many the first, and how many more there are."""
    if len(parts) > most:
        return f"{', '.join(parts[:most])} and {len(parts) - most:,} more"
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
