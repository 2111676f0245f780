"""Reading tables from files: csv, tsv, json, jsonl, parquet. What is in the file is what comes out."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from lab import objects
from lab.errors import InputError

ENDINGS = {".csv", ".tsv", ".json", ".jsonl", ".parquet"}
ROW_GROUP = 10_000
# What one file may hold: all of it is looked at, counted and put into tokens, by the page, too.
MOST_ROWS, MOST_COLUMNS, MOST_CELLS, MOST_BYTES = 1_000_000, 10_000, 10_000_000, 256 << 20
LONGEST_ROW = LONGEST_CELL = 32 << 20  # bytes
USUAL_PIECE = 4 << 20  # bytes of a csv file that are parsed at once
PARQUET_PIECES = 1000  # of a parquet file; what one comes to unpacked is known only when it is
BEFORE_ENTRY = re.compile(r"\s*[\[,]?\s*")
csv.field_size_limit(LONGEST_ROW)


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
        ".csv": _read_csv,
        ".tsv": _read_csv,
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


def refuse_size(name: str, rows: int = 0, columns: int = 0, size: int = 0) -> None:
    """Raises InputError for more than a dataset may hold."""
    found = [("rows", rows, MOST_ROWS), ("columns", columns, MOST_COLUMNS), ("cells", rows * columns, MOST_CELLS)]
    for what, number, most in [*found, ("MB", size >> 20, MOST_BYTES >> 20)]:
        if number > most:
            raise InputError(
                f"{name} holds more than {most:,} {what}, the most that the lab takes in; keep the rows and columns you need."
            )


def _read_csv(path: Path) -> pa.Table:
    text = _utf8(path)
    tabs = path.suffix.lower() == ".tsv"
    header = text[: text.find(b"\n") + 1 or None].decode(errors="replace")
    if "\0" in header:
        raise InputError(
            f"{path.name}: line 1 holds NUL characters, so it is no text in UTF-8; save the file as UTF-8."
        )
    delimiter = "\t" if tabs else _delimiter(header)
    # A tab-separated file mostly has no quoting, so that a lone quote is a character; but some tools quote there too.
    try:
        quote = '"' if not tabs or _is_quoted(text, delimiter) else False
        names = next(_records(text, delimiter, quote), None)
    except UnicodeDecodeError:
        _text(path)  # says in which line it is no text
        raise
    except csv.Error as error:
        raise InputError(f"{path.name}: the header cannot be read ({error}); see that each quote ends.") from error
    if not names:
        raise InputError(f"{path.name} has no header line.")
    refuse_size(path.name, columns=len(names))
    try:
        return _parsed(path.name, text, names, delimiter, quote)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        _text(path)  # says in which line it is no text
        where = _first_odd_row(text, delimiter, quote) or _short(error)
        if "straddling" in str(error) and "line" not in where:
            where = f"a row is longer than {LONGEST_ROW >> 20} MB, or a quote does not end."
        raise InputError(f"{path.name} cannot be read as {path.suffix[1:]}: {where}") from error


def _parsed(name: str, text: bytes, names: list[str], delimiter: str, quote: str | bool) -> pa.Table:
    """All cells as text. A row must fit into a piece; for small pieces the first ones are there, and judged, much sooner."""
    try:
        return _in_pieces(USUAL_PIECE, name, text, names, delimiter, quote)
    except pa.ArrowInvalid as error:
        if "straddling" not in str(error) or len(text) <= USUAL_PIECE:
            raise
    return _in_pieces(LONGEST_ROW, name, text, names, delimiter, quote)


def _in_pieces(piece: int, name: str, text: bytes, names: list[str], delimiter: str, quote: str | bool) -> pa.Table:
    """Read piece by piece, so that a file with too many rows is refused before all of it is here."""
    reader = pyarrow.csv.open_csv(
        pa.BufferReader(text),
        read_options=pyarrow.csv.ReadOptions(block_size=max(1 << 20, min(len(text), piece))),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, quote_char=quote, newlines_in_values=bool(quote)),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )
    batches, rows, size = [], 0, 0
    for batch in reader:
        batches.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        refuse_size(name, rows, batch.num_columns, size)
    return pa.Table.from_batches(batches, reader.schema)


def _records(text: bytes, delimiter: str, quote: str | bool) -> Iterator[list[str]]:
    return (cells for _, cells in _numbered(text, delimiter, quote))


def _numbered(text: bytes, delimiter: str, quote: str | bool) -> Iterator[tuple[int, list[str]]]:
    """The records that are not empty, each with the line in which it ends."""
    kind = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    lines = io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline="")
    reader = csv.reader(lines, delimiter=delimiter, quoting=kind, strict=True)
    for cells in reader:
        if cells:
            yield reader.line_num, cells


def _first_odd_row(text: bytes, delimiter: str, quote: str | bool) -> str | None:
    """Says in words which row has too many or too few cells, or a quote that does not end; None when none has."""
    line, width = 0, 0
    try:
        for line, cells in _numbered(text, delimiter, quote):
            width = width or len(cells)
            if len(cells) != width:
                return (
                    f"line {line} has {len(cells)} cells, the header has {width}. Quote cells that hold the separator."
                )
    except csv.Error as error:
        return f"behind line {line}: {error}. A cell that begins with a quote must end with one."
    return None


def _is_quoted(text: bytes, delimiter: str) -> bool:
    """Whether a tab-separated file uses quotes to hold cells together.

    It does when it reads evenly that way, and some quoted cell needs its quotes or a whole column has them.
    """
    if b'"' not in text or _first_odd_row(text, delimiter, '"'):
        return False
    needed = any(set(cell) & {'"', "\t", "\n"} for cells in _records(text, delimiter, '"') for cell in cells)
    if needed and _first_odd_row(text, delimiter, False):
        return True
    raw = list(_records(text, delimiter, False))
    starts = [cell for cells in raw for cell in cells if cell.startswith('"')]
    whole = all(len(cell) > 1 and cell.endswith('"') and '"' not in cell[1:-1].replace('""', "") for cell in starts)
    columns = zip(*raw, strict=False)
    return (
        bool(starts) and whole and (needed or any(all(cell.startswith('"') for cell in column) for column in columns))
    )


def _utf8(path: Path) -> bytes:
    """A file's text in UTF-8. Of what is no other encoding it is not looked at whether it is that: to read it will tell."""
    with path.open("rb") as file:
        head = file.read(4)
    if json.detect_encoding(head).startswith("utf-8"):
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    return _text(path).encode()


def _text(path: Path) -> str:
    """A file's text: UTF-8, or UTF-16 or UTF-32, which its mark at the beginning or the NUL bytes of its first letters tell."""
    data = path.read_bytes()
    encoding = json.detect_encoding(data)
    if not encoding.startswith("utf-8"):
        try:
            return data.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            kind, byte = encoding.upper()[:6], f"byte {error.start + 1:,}"
            raise InputError(
                f"{path.name} is torn {kind} text from {byte} on; save the file again, as UTF-8."
            ) from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{path.name}: line {line} is not UTF-8 text; save the file as UTF-8.") from error


def _delimiter(header: str) -> str:
    counts = {mark: header.count(mark) for mark in ",;\t|"}
    return max(counts, key=counts.get) if any(counts.values()) else ","


def _read_json(path: Path) -> pa.Table:
    text = _text(path)
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
    for number, line in enumerate(_text(path).split("\n"), 1):
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
        raise InputError(f"{path.name} is broken or no parquet file: {_short(error)}") from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".") + "."


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
