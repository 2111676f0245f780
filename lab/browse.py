"""A dataset's rows page by page, searched and filtered: of a parquet file no more is read than is needed for them."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from lab import data, foreign, tables
from lab.data import Dataset
from lab.errors import InputError
from lab.task import text_of

BATCH = 2000  # rows that are read at once
SHOWN_COLUMNS = 20  # so many of them are shown and searched
LONGEST_SEARCH = 200  # letters
State = tuple[str, int, int]  # a file as it stands: path, time of its last change in ns, bytes

# -- what is there ---------------------------------------------------------------------------------------------------


def size(dataset: Dataset, split: str) -> int:
    """The number of rows of a split. Raises InputError when there is no such split."""
    return _size(_state(dataset.file(split)))[0]


def columns_of(dataset: Dataset, split: str) -> list[str]:
    """The columns of a split. Raises InputError when there is no such split."""
    return list(_size(_state(dataset.file(split)))[1])


def state_of(dataset: Dataset) -> tuple[State, ...]:
    """What changes whenever a dataset does; cheap enough to be asked for all the time."""
    description = next(iter(dataset.files.values())).parent / "dataset.yaml"
    return tuple(_state(path) for path in (*dataset.files.values(), description))


def _state(path: Path) -> State:
    about = path.stat()
    return str(path), about.st_mtime_ns, about.st_size


@lru_cache(maxsize=64)
def _size(state: State) -> tuple[int, tuple[str, ...]]:
    path = Path(state[0])
    if path.suffix != ".parquet":
        table = _table(state)
        return table.num_rows, tuple(table.column_names)
    rows, columns = tables.size(path)
    return rows, tuple(columns)


@lru_cache(maxsize=2)
def _table(state: State) -> pa.Table:
    """A whole file of another kind than parquet: it can only be read from its beginning, so it is kept."""
    return tables.read(Path(state[0]))


def read(path: Path) -> pa.Table:
    """The rows of a file that somebody gave, kept for the next time that it is asked for. Raises InputError."""
    if not path.is_file():
        raise InputError(f"There is no file {path.name}.")
    return _given(_state(path))


@lru_cache(maxsize=1)
def _given(state: State) -> pa.Table:
    return foreign.read(Path(state[0]))


# -- rows ------------------------------------------------------------------------------------------------------------


def rows_at(dataset: Dataset, split: str, start: int, count: int) -> list[dict]:
    """Some rows of a split that stand behind each other."""
    return rows_of(dataset, split, range(start, min(start + count, size(dataset, split))))


def rows_of(dataset: Dataset, split: str, numbers: Sequence[int]) -> list[dict]:
    """The rows of a split with these numbers, counted from 0, which must ascend."""
    path = dataset.file(split)
    if path.suffix == ".parquet":
        found = _rows_of_parquet(path, numbers)
    else:
        found = _table(_state(path)).take(pa.array(numbers, pa.int64())).to_pylist()
    return _named(dataset, found)


def _rows_of_parquet(path: Path, numbers: Sequence[int]) -> list[dict]:
    found: list[dict] = []
    with pyarrow.parquet.ParquetFile(path) as file:
        groups = range(file.num_row_groups)
        ends = list(accumulate(file.metadata.row_group(i).num_rows for i in groups))
        for group in sorted({bisect_right(ends, number) for number in numbers}):
            start, last = ends[group - 1] if group else 0, ends[group]
            for batch in file.iter_batches(batch_size=BATCH, row_groups=[group]):
                wanted = numbers[bisect_right(numbers, start - 1) : bisect_right(numbers, start + batch.num_rows - 1)]
                if wanted:
                    found += batch.take(pa.array([n - start for n in wanted], pa.int64())).to_pylist()
                start += batch.num_rows
                if start >= last or numbers[-1] < start:
                    break
    return found


def cells(dataset: Dataset, split: str, columns: list[str]) -> list[dict]:
    """All rows of a split with some of their columns alone; a column that it has not is left out."""
    wanted = [column for column in columns_of(dataset, split) if column in columns]
    if not wanted:
        return [{} for _ in range(size(dataset, split))]
    state = _state(dataset.file(split))
    return _named(dataset, pa.table([_column(state, column) for column in wanted], names=wanted).to_pylist())


def _named(dataset: Dataset, rows: list[dict]) -> list[dict]:
    """Rows with their integer labels named, as `Dataset.rows` names them."""
    column, names = dataset.about.label, dataset.about.label_names
    if not names:
        return rows
    return [{**row, column: data.named(row[column], names)} if column in row else row for row in rows]


# -- columns as text -------------------------------------------------------------------------------------------------


def texts(dataset: Dataset, split: str, column: str | None) -> pa.Array:
    """A column of a split as text, integer labels named; "" where there is nothing, or no such column."""
    names = dataset.about.label_names if column == dataset.about.label else None
    return _texts(_state(dataset.file(split)), column, tuple(names or ()))


def _texts(state: State, column: str | None, names: tuple[str, ...]) -> pa.Array:
    rows, columns = _size(state)
    if column not in columns:
        return pa.array([""] * rows, pa.string())
    found = _column(state, column).combine_chunks()
    if pa.types.is_string(found.type) and not names:
        return found.fill_null("")

    def word(value) -> str:
        return text_of(data.named(value, list(names)) if names else value)

    if pa.types.is_nested(found.type):
        return pa.array([word(value) for value in found.to_pylist()], pa.string())
    coded = found.dictionary_encode()  # each value is put into words once
    words = pa.array([word(value) for value in coded.dictionary.to_pylist()], pa.string())
    return words.take(coded.indices).fill_null("")


def _column(state: State, column: str) -> pa.ChunkedArray:
    path = Path(state[0])
    if path.suffix != ".parquet":
        return _table(state).column(column)
    with pyarrow.parquet.ParquetFile(path) as file:
        return file.read(columns=[column]).column(column)


def value_counts(dataset: Dataset, split: str, column: str | None) -> Counter[str]:
    """How many rows of a split have each value in a column, as trimmed text, the most frequent first; "" where there is none.

    Counted once for each state of the file, for editors ask at every keystroke.
    """
    names = dataset.about.label_names if column == dataset.about.label else None
    return _value_counts(_state(dataset.file(split)), column, tuple(names or ())).copy()


@lru_cache(maxsize=64)
def _value_counts(state: State, column: str | None, names: tuple[str, ...]) -> Counter[str]:
    counted = pc.value_counts(pc.utf8_trim_whitespace(_texts(state, column, names))).to_pylist()
    return Counter(dict(Counter({pair["values"]: pair["counts"] for pair in counted}).most_common()))


def label_counts(dataset: Dataset, column: str | None) -> dict[str, dict[str, int]]:
    """By split, how many rows have each label of a column, the most frequent first; rows without one are left out."""
    found = {split: value_counts(dataset, split, column) for split in dataset.splits}
    return {split: {label: n for label, n in counts.items() if label} for split, counts in found.items()}


def labels_in(dataset: Dataset, column: str) -> list[str]:
    """The labels that stand in a column, the most frequent first."""
    found: Counter[str] = Counter()
    for counts in label_counts(dataset, column).values():
        found.update(counts)
    return [label for label, _ in found.most_common()]


# -- search and filter -----------------------------------------------------------------------------------------------


def page(
    dataset: Dataset, split: str, number: int, rows: int, search: str = "", label: str | None = None
) -> dict[str, object]:
    """A page of those rows of a split in which a text stands, whatever its case, and that have a label.

    `number` counts from 1; `label` is None for all rows and "" for those without one. Returns `{rows: {number: row},
    first, matches, total, pages}`: the rows by their number in the split, the place of the first among the matches
    counted from 0. Raises InputError for a split or a page that is not there, and for a search that is too long.
    """
    total, found = size(dataset, split), matching(dataset, split, search, label)
    matches = total if found is None else len(found)
    pages = max(1, -(-matches // rows))
    if not 1 <= number <= pages:
        raise InputError(f"Page {number}: {dataset.name}/{split} has the pages 1 to {pages}.")
    first = (number - 1) * rows
    places = range(first, min(first + rows, matches))
    numbers = places if found is None else found.slice(first, rows).to_pylist()
    shown = dict(zip(numbers, rows_of(dataset, split, numbers), strict=True))
    return {"rows": shown, "first": first, "matches": matches, "total": total, "pages": pages}


def matching(dataset: Dataset, split: str, search: str = "", label: str | None = None) -> pa.Array | None:
    """The numbers of the rows of a split that match, see `page`; None when all of them do."""
    if len(search) > LONGEST_SEARCH:
        raise InputError(f"Search for at most {LONGEST_SEARCH} letters.")
    state, about = _state(dataset.file(split)), dataset.about
    if not search.strip() and label is None:
        return None
    return _matching(state, search if search.strip() else "", label, about.label, tuple(about.label_names or ()))


@lru_cache(maxsize=32)
def _matching(
    state: State, search: str, label: str | None, label_column: str | None, names: tuple[str, ...]
) -> pa.Array:
    masks = []
    if label is not None:
        masks.append(pc.equal(pc.utf8_trim_whitespace(_texts(state, label_column, names)), label))
    if search:
        columns = _size(state)[1][:SHOWN_COLUMNS]
        masks.append(_any_has(search, (_texts(state, c, names if c == label_column else ()) for c in columns)))
    mask = masks[0] if len(masks) == 1 else pc.and_(*masks)
    return pc.indices_nonzero(mask).cast(pa.int32())


def _any_has(search: str, columns: Iterable[pa.Array]) -> pa.Array:
    found = None
    for column in columns:
        has = pc.match_substring(column, search, ignore_case=True)
        found = has if found is None else pc.or_(found, has)
    return found
