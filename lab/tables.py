"""Reading tables from files: csv, tsv, json, jsonl, parquet. What is in the file is what comes out."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from lab.errors import InputError

ENDINGS = {".csv", ".tsv", ".json", ".jsonl", ".parquet"}


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
    readers = {
        ".csv": _read_csv,
        ".tsv": _read_csv,
        ".json": _read_json,
        ".jsonl": _read_jsonl,
        ".parquet": _read_parquet,
    }
    table = readers[ending](path)
    if table.num_columns == 0 or table.num_rows == 0:
        what = f"has columns ({', '.join(table.column_names)}) but no rows" if table.num_columns else "holds no rows"
        raise InputError(f"{path.name} {what}: add rows below the header.")
    doubled = {name for name in table.column_names if table.column_names.count(name) > 1}
    if doubled:
        raise InputError(f"{path.name} has two columns named {sorted(doubled)[0]!r}; rename one.")
    return table


def _read_csv(path: Path) -> pa.Table:
    tabs = path.suffix.lower() == ".tsv"
    data = _utf8(path)
    header = data.split(b"\n", 1)[0].decode().rstrip("\r")
    delimiter = "\t" if tabs else _delimiter(header)
    # A tab-separated file mostly has no quoting, so that a lone quote is a character; but some tools quote there too.
    quote = False if tabs and not _is_quoted(data) else '"'
    parse = pyarrow.csv.ParseOptions(delimiter=delimiter, quote_char=quote, newlines_in_values=bool(quote))
    try:
        names = pyarrow.csv.open_csv(pa.BufferReader(data), parse_options=parse).schema.names
        convert = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
        reading = pyarrow.csv.ReadOptions(use_threads=False)  # errors then name the row
        table = pyarrow.csv.read_csv(pa.BufferReader(data), reading, parse, convert)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        if "Empty CSV" in str(error):
            raise InputError(f"{path.name} has no header line.") from error
        raise InputError(f"{path.name} cannot be read as {path.suffix[1:]}: {_short(error)}") from error
    return table


def _utf8(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16").encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise InputError(f"{path.name}: line {row} is not UTF-8 text; save the file as UTF-8.") from error
    return data


def _delimiter(header: str) -> str:
    counts = {mark: header.count(mark) for mark in ",;\t|"}
    return max(counts, key=counts.get) if any(counts.values()) else ","


def _is_quoted(data: bytes) -> bool:
    """Whether every cell of a tab-separated file that has a quote at its beginning is a well-formed quoted cell."""
    cells = [cell for line in data.splitlines() for cell in line.split(b"\t") if cell.startswith(b'"')]
    inner = [cell[1:-1].replace(b'""', b"") for cell in cells]
    return bool(cells) and all(
        len(c) > 1 and c.endswith(b'"') and b'"' not in i for c, i in zip(cells, inner, strict=True)
    )


def _read_json(path: Path) -> pa.Table:
    try:
        content = json.loads(_utf8(path))
    except ValueError as error:
        try:
            return _read_jsonl(path)  # JSON lines under another ending
        except InputError:
            raise InputError(f"{path.name} is not valid JSON: {error}") from error
    if isinstance(content, dict):
        lists = [value for value in content.values() if isinstance(value, list)]
        if len(lists) != 1:
            raise InputError(f"{path.name} must hold a list of objects, or an object with one such list.")
        content = lists[0]
    return _from_objects(content, path, "entry")


def _read_jsonl(path: Path) -> pa.Table:
    rows = []
    for number, line in enumerate(_utf8(path).decode().split("\n"), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise InputError(f"{path.name}: line {number} is not valid JSON ({error}).") from error
    return _from_objects(rows, path, "line")


def _from_objects(rows: list, path: Path, unit: str) -> pa.Table:
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise InputError(f"{path.name}: {unit} {number} is {type(row).__name__}, not an object with named fields.")
    names = list(dict.fromkeys(name for row in rows for name in row))
    arrays = [_array([row.get(name) for row in rows]) for name in names]
    return pa.table(arrays, names=names) if names else pa.table({})


def _array(values: list) -> pa.Array:
    """A column; one whose values are of several kinds is kept as text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values])


def _read_parquet(path: Path) -> pa.Table:
    try:
        return pyarrow.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path.name} is broken or no parquet file: {_short(error)}") from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".") + "."


def write(table: pa.Table, path: Path) -> None:
    """Writes a table as a parquet file."""
    pyarrow.parquet.write_table(table, path)
