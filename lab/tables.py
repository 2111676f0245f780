"""Reading tables from files: csv, tsv, json, jsonl, parquet. What is in the file is what comes out."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from lab import csv_file, objects, text_file
from lab.errors import InputError, shortened
from lab.table_limits import refuse_size

ENDINGS = {".csv", ".tsv", ".json", ".jsonl", ".parquet"}
ROW_GROUP = 10_000
PARQUET_PIECES = 1000  # of a parquet file; what one comes to unpacked is known only when it is
BEFORE_ENTRY = re.compile(r"\s*[\[,]?\s*")


def read(path: Path) -> pa.Table:
    """The rows of a file, columns named as there; cells of csv and tsv files stay text.

    Raises InputError that names the file, the row where there is one, and what to do.
    """
    ending = path.suffix.lower()
    if ending == ".ndjson":
        ending = ".jsonl"
    if ending not in ENDINGS:
        raise InputError(f"{path.name}: the ending must be one of {', '.join(sorted(ENDINGS))}.")
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty: it needs a header or rows.")
    refuse_size(path.name, size=path.stat().st_size)
    readers = {
        ".csv": csv_file.read,
        ".tsv": csv_file.read,
        ".json": _read_json,
        ".jsonl": _read_jsonl,
        ".parquet": _read_parquet,
    }
    table = readers[ending](path)
    refuse_size(path.name, table.num_rows, table.num_columns, table.nbytes)
    if table.num_columns == 0 or table.num_rows == 0:
        what = f"has columns ({', '.join(table.column_names)}) but no rows" if table.num_columns else "holds no rows"
        raise InputError(f"{path.name} {what}: add rows below the header.")
    if not all(name.strip() for name in table.column_names):
        raise InputError(f"{path.name} has a column without a name: give every column a name in the header.")
    doubled = sorted(name for name, times in Counter(table.column_names).items() if times > 1)
    if doubled:
        raise InputError(f"{path.name} has two columns named {doubled[0]!r}; rename one.")
    return table


def _read_json(path: Path) -> pa.Table:
    text = text_file.read(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        try:
            return _read_jsonl(path)  # JSON lines under another ending
        except InputError:
            names_place = isinstance(error, json.JSONDecodeError)
            where = "" if names_place else _first_that_fails(text)
            raise InputError(f"{path.name} is not valid JSON: {where}{error}") from error
    if isinstance(content, dict):
        lists = [value for value in content.values() if isinstance(value, list)]
        if len(lists) != 1:
            raise InputError(f"{path.name} must hold a list of objects, or an object with one such list.")
        content = lists[0]
    if not isinstance(content, list):
        raise InputError(f"{path.name} must hold a list of objects with named fields, not {json.dumps(content)[:40]}.")
    refuse_size(path.name, len(content))
    return _from_objects([(f"entry {number}", row) for number, row in enumerate(content, 1)], path)


def _first_that_fails(text: str) -> str:
    """Which entry of a list the reader of JSON cannot take in, though its marks may be right: a number may be too long,
    or what stands inside each other too deep."""
    if not text.lstrip().startswith("["):
        return ""
    decoder, number, at = json.JSONDecoder(), 0, BEFORE_ENTRY.match(text).end()
    with suppress(ValueError, RecursionError):
        while True:
            number += 1
            at = BEFORE_ENTRY.match(text, decoder.raw_decode(text, at)[1]).end()
    return f"entry {number}: "


def _read_jsonl(path: Path) -> pa.Table:
    rows = []
    for number, line in enumerate(text_file.read(path).split("\n"), 1):
        if line.strip():
            try:
                rows.append((f"line {number}", json.loads(line)))
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path.name}: line {number} is not valid JSON ({error}).") from error
    return _from_objects(rows, path)


def _from_objects(placed: list[tuple], path: Path) -> pa.Table:
    names: dict[str, None] = {}
    for place, row in placed:
        if not isinstance(row, dict):
            raise InputError(f"{path.name}: {place} is {json.dumps(row)[:40]}, not an object with named fields.")
        if any(name not in names for name in row):
            names.update(dict.fromkeys(row))
            refuse_size(path.name, len(placed), len(names))  # before a cell is made
    columns = {}
    try:
        for name in names:
            columns[name] = objects.column([row.get(name) for _, row in placed])
        return pa.table(list(columns.values()), names=list(columns))
    except RecursionError as error:
        raise InputError(
            f"{path.name}: the column {name!r} holds lists or objects too deep inside each other; make them flat."
        ) from error
    except UnicodeEncodeError as error:
        half = repr(error.object[error.start])
        where = next(place for place, row in placed if objects.has_half_a_character(row))
        raise InputError(f"{path.name}: {where} holds half a character (a lone surrogate, {half}).") from error


def _read_parquet(path: Path) -> pa.Table:
    batches, size = [], 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema, about = file.schema_arrow, file.metadata
            refuse_size(path.name, about.num_rows, len(schema.names))
            for batch in file.iter_batches(1 + about.num_rows // PARQUET_PIECES):
                batches.append(batch)
                size += batch.nbytes
                refuse_size(path.name, size=size)
        return pa.Table.from_batches(batches, schema).unify_dictionaries()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path.name} is broken or no parquet file: {shortened(error)}") from error


def size(path: Path) -> tuple[int, list[str]]:
    """The number of rows of a file and its columns; of a parquet file without reading the rows."""
    if path.suffix == ".parquet":
        about = pyarrow.parquet.ParquetFile(path)
        return about.metadata.num_rows, about.schema_arrow.names
    table = read(path)
    return table.num_rows, table.column_names


def pieces(path: Path, rows: int) -> Iterator[pa.RecordBatch]:
    """A file in pieces of at most so many rows; of a parquet file no more is in memory at once."""
    if path.suffix != ".parquet":
        yield from read(path).to_batches(rows)
        return
    with pyarrow.parquet.ParquetFile(path) as file:
        yield from file.iter_batches(rows)


def write(table: pa.Table, path: Path) -> None:
    """Writes a table as a parquet file, in groups of rows that can be read one without the others."""
    pyarrow.parquet.write_table(table, path, row_group_size=ROW_GROUP)
