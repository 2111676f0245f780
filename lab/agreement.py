"""Two annotated versions of the same rows: which rows are the same, how far their labels agree, the agreed rows as a dataset."""

from collections import Counter, defaultdict

import pyarrow as pa

from lab import browse, data, kappa, tables
from lab.data import Dataset
from lab.errors import InputError
from lab.home import Home, check_id
from lab.label_merging import column_of

Place = tuple[str, int]  # a split and the number of a row in it


def measure(
    home: Home, first: str, second: str, on: str | None = None, label: str | None = None, keep: str | None = None
) -> dict:
    """Agreement of two datasets that hold the same rows, in whatever splits and order.

    Rows are the same when the column `on` says the same in both, by default their text. Texts that stand in a dataset
    more than once are matched in their order; any other column must be an id. `label` is the column with the labels in
    both, by default each one's own. With `keep`, the first dataset's rows on which both agree become a new dataset.

    Returns `kappa.agreement` with `{first, second, on, label, matched, only_first, only_second, unlabelled, repeated,
    kept}`: rows matched, rows of one alone, rows matched that one of them has not labelled, rows matched by a text that
    stands in one of them more than once, and `{name, rows}` of the new dataset or None. Raises InputError.
    """
    if keep is not None:
        check_id(keep, "The dataset")
    one, other = data.load(home, first), data.load(home, second)
    if first == second and label is None:
        raise InputError(f"{first} is compared with itself: name two datasets.")
    columns = column_of(one, label), column_of(other, label)
    pairs, alone, repeated = _matched(one, other, on)
    labels = [_labels(each, column) for each, column in zip((one, other), columns, strict=True)]
    both = [(a, b) for a, b in pairs if labels[0][a] and labels[1][b]]
    found = kappa.agreement([labels[0][a] for a, _ in both], [labels[1][b] for _, b in both])
    about = {
        "first": first,
        "second": second,
        "on": on or one.about.text,
        "label": columns[0] if columns[0] == columns[1] else list(columns),
        "matched": len(pairs),
        "only_first": alone[0],
        "only_second": alone[1],
        "unlabelled": len(pairs) - len(both),
        "repeated": repeated,
    }
    kept = None
    if keep is not None:
        agreed = [a for a, b in both if labels[0][a] == labels[1][b]]
        kept = _keep(home, keep, one, other, columns[0], about["on"], agreed)
    return about | found | {"kept": kept}


def _matched(one: Dataset, other: Dataset, on: str | None) -> tuple[list[tuple[Place, Place]], list[int], int]:
    """The places of the same rows, the number of rows of each alone, and how many were matched by a repeated text."""
    by_text = on is None or on == one.about.text == other.about.text
    columns = [on or each.about.text for each in (one, other)]
    places = [_places(each, column) for each, column in zip((one, other), columns, strict=True)]
    for each, found in zip((one, other), places, strict=True):
        key = next((key for key, at in found.items() if len(at) > 1), None)
        if key is not None and not by_text:
            raise InputError(
                f"{on!r} is no id: {key[:60]!r} stands in {len(found[key])} rows of {each.name}; "
                f"name a column in which every row differs, or none to match rows by their text."
            )
    pairs, repeated = [], 0
    for key, at in places[0].items():
        there = places[1].get(key, [])
        pairs += zip(at, there, strict=False)
        repeated += min(len(at), len(there)) if max(len(at), len(there)) > 1 else 0
    if not pairs:
        raise InputError(
            f"No row of {one.name} is in {other.name}, by {' and '.join(dict.fromkeys(columns))}: "
            f"name a column that says the same in both."
        )
    alone = [sum(browse.size(each, split) for split in each.splits) - len(pairs) for each in (one, other)]
    return pairs, alone, repeated


def _places(dataset: Dataset, column: str) -> dict[str, list[Place]]:
    """Where each value of a column stands; rows without one are left out."""
    column_of(dataset, column)
    found: dict[str, list[Place]] = defaultdict(list)
    for split in dataset.splits:
        for number, value in enumerate(browse.texts(dataset, split, column).to_pylist()):
            if value.strip():
                found[value.strip()].append((split, number))
    return found


def _labels(dataset: Dataset, column: str) -> dict[Place, str]:
    """The label of each row, "" where it has none."""
    return {
        (split, number): value.strip()
        for split in dataset.splits
        for number, value in enumerate(browse.texts(dataset, split, column).to_pylist())
    }


def _keep(home: Home, name: str, one: Dataset, other: Dataset, column: str, on: str, agreed: list[Place]) -> dict:
    """Makes a dataset of the rows of one on which both agree, in its splits and its order."""
    if not agreed:
        raise InputError(f"{one.name} and {other.name} agree on no row, so there is nothing to keep.")
    by_split = {split: sorted(n for at, n in agreed if at == split) for split in one.splits}
    splits = {
        split: tables.read(one.file(split)).take(pa.array(numbers, pa.int64()))
        for split, numbers in by_split.items()
        if numbers
    }
    made_from = data.origin(one) | {"agrees_with": data.origin(other), "label": column, "on": on}
    said = f"Rows of {one.name} whose {column} is the same in {other.name}, matched by {on}."
    said += f" {data.in_words(made_from)} {data.in_words(made_from['agrees_with'])}"
    changed = {"name": name, "label": column, "about": said, "made_from": made_from, "source": f"dataset:{one.name}"}
    if column != one.about.label:
        changed["label_names"] = None
    data.add_tables(home, one.about.model_copy(update=changed), splits)
    return {"name": name, "rows": {split: table.num_rows for split, table in splits.items()}}


def in_words(found: dict) -> list[str]:
    """What was found, in a few sentences."""
    said = [kappa.in_words(found)]
    alone = " and ".join(f"{found[f'only_{x}']:,} only in {found[x]}" for x in ("first", "second"))
    said.append(f"Matched by {found['on']}: {found['matched']:,} rows; {alone}.")
    if found["unlabelled"]:
        said.append(f"{found['unlabelled']:,} of them have no label in one of the two and do not count.")
    if found["repeated"]:
        said.append(
            f"{found['repeated']:,} have a text that stands there more than once; those were matched in their order."
        )
    if found["kept"]:
        rows: Counter = Counter(found["kept"]["rows"])
        said.append(f"The {rows.total():,} rows on which they agree are the dataset {found['kept']['name']}.")
    return said
