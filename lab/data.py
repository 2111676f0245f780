"""Datasets: rows from a file, the Hub or the bundle, kept in a folder with a description; what is in them."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.compute as pc
import yaml
from pydantic import ValidationError

from lab import foreign, tables, yaml_text
from lab.errors import InputError
from lab.home import ASSETS, Home, check_id, inside, row_json, write_yaml
from lab.staging import staged
from lab.table_limits import refuse_size
from lab.task import Strict, plain_problems, text_of

BUNDLED = ASSETS / "datasets"
AT_ONCE = 2000  # rows
USUAL_ORDER = {"train": 0, "validation": 1, "test": 2}


class About(Strict):
    """What a dataset's `dataset.yaml` says: where it came from and which columns tasks use by default."""

    name: str
    about: str = ""
    source: str = ""
    text: str = "text"
    label: str | None = None
    target: str | None = None
    label_names: list[str] | None = None  # names of the integer labels 0, 1, …
    made_from: dict | None = None  # of a dataset made of others: their names and fingerprints, and how


class Dataset:
    """A dataset in its folder: `dataset.yaml` and one file for each split."""

    def __init__(self, folder: Path):
        try:
            self.about = About.model_validate(yaml_text.load((folder / "dataset.yaml").read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError) as error:
            raise InputError(f"The dataset {folder.name} cannot be read: {error}") from error
        except ValidationError as error:
            raise InputError(
                f"{folder.name}/dataset.yaml: {plain_problems(error, list(About.model_fields))}"
            ) from error
        self.files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in tables.ENDINGS}
        self._rows: dict[str, list[dict]] = {}

    @property
    def name(self) -> str:
        return self.about.name

    @property
    def splits(self) -> list[str]:
        return sorted(self.files, key=lambda name: (USUAL_ORDER.get(name, 3), name))

    def file(self, split: str) -> Path:
        """The file of a split. Raises InputError when there is no such split."""
        if split not in self.files:
            raise InputError(f"The dataset {self.name} has no split {split!r}; it has {', '.join(self.splits)}.")
        return self.files[split]

    def rows(self, split: str) -> list[dict]:
        """The rows of a split, integer labels named. Raises InputError when there is no such split."""
        if split not in self._rows:
            self._rows[split] = self._named(tables.read(self.file(split)).to_pylist())
        return self._rows[split]

    def size(self, split: str) -> int:
        """The number of rows of a split; of a parquet file, as added datasets are kept, without reading them."""
        return len(self._rows[split]) if split in self._rows else tables.size(self.files[split])[0]

    def thinned(self, most: int, seed: int) -> "Dataset":
        """The dataset with at most so many rows of each split, drawn by the seed, and a row of each label that it has."""
        part = Dataset(self.files[self.splits[0]].parent)
        part._rows = {split: self._some(split, most, seed) for split in self.splits}
        return part

    def _some(self, split: str, most: int, seed: int) -> list[dict]:
        table = tables.read(self.files[split])
        places = set(Random(seed).sample(range(table.num_rows), min(most, table.num_rows)))
        if self.about.label in table.column_names:
            labels = table.column(self.about.label).combine_chunks()
            places |= {pc.index(labels, label).as_py() for label in labels.unique()} - {-1}
        return self._named(table.take(sorted(places)).to_pylist())

    def _named(self, rows: list[dict]) -> list[dict]:
        """Rows with their integer labels named."""
        column, names = self.about.label, self.about.label_names
        if not names:
            return rows
        return [{**row, column: named(row[column], names)} if column in row else row for row in rows]

    def pieces(self, split: str) -> Iterator[list[dict]]:
        """The rows of a split, some at a time: all of a large one would fill the memory."""
        if split in self._rows:
            yield self._rows[split]
            return
        for piece in tables.pieces(self.file(split), AT_ONCE):
            yield self._named(piece.to_pylist())

    def all_pieces(self) -> Iterator[list[dict]]:
        return chain.from_iterable(map(self.pieces, self.splits))

    @property
    def columns(self) -> list[str]:
        """The columns of the first split."""
        first = self.splits[0]
        return list(self._rows[first][0]) if first in self._rows else tables.size(self.files[first])[1]

    def all_rows(self) -> list[dict]:
        return [row for split in self.splits for row in self.rows(split)]


def rows_with(dataset: Dataset, split: str, columns: list[str | None], needed_by: str) -> list[dict]:
    """The rows of a split that a task needs. Raises InputError when one of the columns is not there."""
    rows = dataset.rows(split)
    for column in filter(None, columns):
        if column not in rows[0]:
            has = ", ".join(map(repr, rows[0]))
            raise InputError(f"The task {needed_by} needs the column {column!r}; {dataset.name}/{split} has {has}.")
    return rows


def named(value, names: list[str]) -> str | None:
    """The name of an integer label; None where there is none (empty, or -1 as the Hub writes it).

    Raises ValueError for anything that is no index of the names.
    """
    if text_of(value).strip() in ("", "-1"):
        return None
    index = float(value)
    if index != int(index) or not 0 <= index < len(names):
        raise ValueError(value)
    return names[int(index)]


def listing(home: Home) -> list[str]:
    """The names of all datasets, the user's first, then the bundled ones."""
    return [
        p.name
        for folder in (home.datasets, BUNDLED)
        for p in sorted(folder.glob("*"))
        if not p.is_symlink() and (p / "dataset.yaml").is_file()
    ]


def load(home: Home, name: str) -> Dataset:
    """A dataset by its name. Raises InputError when there is none."""
    for folder in (inside(home.datasets, name, "The dataset"), BUNDLED / name):
        if (folder / "dataset.yaml").is_file():
            return Dataset(folder)
    raise InputError(f"There is no dataset {name!r}; there are: {', '.join(listing(home))}. Add one with: dataset add.")


def add(home: Home, about: About, files: dict[str, Path]) -> Dataset:
    """Adds a dataset from files by split. Raises InputError, and leaves nothing behind, when a file is not as described."""
    return add_tables(home, about, {split: foreign.read(path) for split, path in files.items()})


def add_tables(home: Home, about: About, splits: dict[str, pa.Table]) -> Dataset:
    """Adds a dataset from tables by split; see `add`."""
    if about.name in listing(home):
        raise InputError(f"A dataset named {about.name!r} is there already; choose another name.")
    for split, table in splits.items():
        refuse_size(split, table.num_rows, table.num_columns)
        _check(about, split, table)
    refuse_size(about.name, size=sum(table.nbytes for table in splits.values()))
    folder = inside(home.datasets, about.name, "The dataset")
    with staged(folder) as new:
        for split, table in splits.items():
            tables.write(table, new / f"{check_id(split, 'The split')}.parquet")
        write_yaml(new / "dataset.yaml", about.model_dump(exclude_none=True))
    return Dataset(folder)


def _check(about: About, split: str, table: pa.Table) -> None:
    for role in ("text", "label", "target"):
        column = getattr(about, role)
        # A split without labels (a public test set, say) is kept; it is never scored.
        if column and column not in table.column_names and not (role != "text" and split != "train"):
            has = ", ".join(map(repr, table.column_names))
            raise InputError(f"{split}: there is no column {column!r}, asked for as --{role}; the columns are {has}.")
    if about.label_names and about.label in table.column_names:
        for number, value in enumerate(table.column(about.label).to_pylist(), 1):
            try:
                named(value, about.label_names)
            except (ValueError, OverflowError) as error:
                raise InputError(
                    f"{split}, row {number}: the label {value!r} is no integer from 0 to {len(about.label_names) - 1}, "
                    f"for which --label-names gives names."
                ) from error


def row_keys(rows: Iterable[dict]) -> list[str]:
    """A key for each row, made of its content; the second of two equal rows gets another one than the first."""
    return list(_keys(rows))


def _keys(rows: Iterable[dict]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for row in rows:
        content = hashlib.sha256(row_json(row, sort_keys=True).encode()).hexdigest()[:16]
        seen[content] += 1
        yield content if seen[content] == 1 else f"{content}-{seen[content]}"


def fingerprint(rows: Iterable[dict]) -> str:
    """A hash of rows in their order."""
    hashed = hashlib.sha256()
    for number, key in enumerate(_keys(rows)):
        hashed.update(f"\n{key}".encode() if number else key.encode())
    return hashed.hexdigest()[:16]


def fingerprint_of(dataset: Dataset) -> str:
    """The `fingerprint` of all its rows, without all of them in memory."""
    return fingerprint(chain.from_iterable(dataset.all_pieces()))


def origin(dataset: Dataset) -> dict:
    """What a dataset that is made of this one keeps of it."""
    return {"dataset": dataset.name, "fingerprint": fingerprint_of(dataset)}


def in_words(made_from: dict) -> str:
    """An `origin`, said in a sentence."""
    return f"Made from {made_from['dataset']}, fingerprint {made_from['fingerprint']}."


def describe(dataset: Dataset, count_tokens: Callable[[list[dict]], list[int]], limit: int) -> dict:
    """What `dataset show` prints: rows by split, label balance, duplicates, overlap between splits, token lengths."""
    splits, texts, counts = {}, {}, array("L")
    for split in dataset.splits:
        labels, texts[split], size = Counter(), set(), 0
        for rows in dataset.pieces(split):
            size += len(rows)
            labels.update(_labels_in(rows, dataset.about.label))
            texts[split].update(_short_hash(str(row.get(dataset.about.text, "")).strip()) for row in rows)
            counts.extend(count_tokens(rows))
        splits[split] = {"rows": size, "labels": dict(labels.most_common())}
    counts = sorted(counts)
    in_splits = Counter(chain.from_iterable(texts.values()))
    return {
        "name": dataset.name,
        "columns": dataset.columns,
        "splits": splits,
        "duplicates": sum(splits[split]["rows"] - len(texts[split]) for split in splits),
        "overlap": sum(n > 1 for n in in_splits.values()),
        "tokens": {
            "max": counts[-1],
            "p95": counts[min(len(counts) - 1, int(0.95 * len(counts)))],
            "over_limit": sum(n > limit for n in counts),
            "limit": limit,
        },
        "fingerprint": fingerprint_of(dataset),
        "about": dataset.about.about,
        "made_from": dataset.about.made_from,
    }


def _labels_in(rows: list[dict], column: str | None) -> list[str]:
    return [label for row in rows if (label := text_of(row.get(column)).strip())] if column else []


def _short_hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
