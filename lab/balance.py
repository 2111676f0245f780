"""How often each label stands in each split of a dataset, before and after a task's merges."""

from collections import Counter

from lab import browse, lint
from lab.data import Dataset
from lab.task import Task

MOST_UNKNOWN = 50  # labels that the task does not know and that are listed all the same


def counts(dataset: Dataset, task: Task, splits: list[str] | None = None) -> lint.Counts:
    """What lint needs to know of all rows of some splits, by default of all. Raises InputError for an unknown split."""
    found = [lint.Counts(0, 0, Counter())]
    for split in splits or dataset.splits:
        rows, empty = empties(dataset, split, task.text)
        found.append(lint.Counts(rows, empty, labels(dataset, split, task.label) if task.label else Counter()))
    together: Counter[str] = Counter()
    for each in found:
        together.update(each.labels)
    return lint.Counts(sum(x.rows for x in found), sum(x.empty for x in found), together)


def labels(dataset: Dataset, split: str, column: str) -> Counter[str]:
    """How often each label stands in a column of a split, the most frequent first; a column that it has not holds nothing."""
    found = browse.value_counts(dataset, split, column)
    del found[""]
    return found


def empties(dataset: Dataset, split: str, column: str) -> tuple[int, int]:
    """The rows of a split, and how many of them have nothing but blanks in a column."""
    return browse.size(dataset, split), browse.value_counts(dataset, split, column)[""]


def what_if(dataset: Dataset, column: str, names: list[str], merges: dict[str, str]) -> list[dict]:
    """The label balance of each split with some merges, for a task with these labels.

    `merges` maps labels of the data to the label that they become. Returns for each split `{split, rows, labelled, labels,
    more}`, where `labels` lists `{label, before, after, merged_into, known}`: the task's labels in their order, each
    followed by what is merged into it, then labels that the task does not know, the most frequent first. `more` is
    `[labels, rows]` of unknown ones that are not listed.
    """
    by_split = {split: labels(dataset, split, column) for split in dataset.splits}
    listed = [x for name in names for x in (name, *(was for was, now in merges.items() if now == name and was != name))]
    totals: Counter[str] = Counter()
    for found in by_split.values():
        totals.update(found)
    frequent = [label for label, _ in totals.most_common(MOST_UNKNOWN + len(listed)) if label not in listed]
    order = [*dict.fromkeys(listed), *frequent[:MOST_UNKNOWN]]
    return [
        {"split": split, "rows": empties(dataset, split, column)[0], **_balance(found, order, set(listed), merges)}
        for split, found in by_split.items()
    ]


def _balance(before: Counter[str], order: list[str], known: set[str], merges: dict[str, str]) -> dict:
    after = Counter({label: n for label, n in before.items() if label not in merges})
    for was, now in merges.items():
        after[now] += before[was]
    lines = [
        {
            "label": label,
            "before": before[label],
            "after": after[label],
            "merged_into": merges.get(label) if merges.get(label) != label else None,
            "known": label in known,
        }
        for label in order
    ]
    rows, shown = before.total(), set(order)
    more = [sum(label not in shown for label in before), rows - sum(line["before"] for line in lines)]
    return {"labelled": rows, "labels": lines, "more": more}


def of_task(dataset: Dataset, task: Task) -> list[dict]:
    """`what_if` of a task as it stands; nothing for a task that reads no label."""
    if not task.label:
        return []
    merges = {name: label.name for label in reversed(task.labels) for name in label.merge}
    return what_if(dataset, task.label, task.names, merges)
