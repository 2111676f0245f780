"""Reading csv and tsv files: each cell stays the text that it is, and what is wrong is told with its line."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from lab import text_file
from lab.errors import InputError, shortened
from lab.table_limits import LONGEST_ROW, refuse_size

USUAL_PIECE = 4 << 20  # bytes that are parsed at once
csv.field_size_limit(LONGEST_ROW)


def read(path: Path) -> pa.Table:
    text = text_file.utf8(path)
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
        text_file.read(path)  # says in which line it is no text
        raise
    except csv.Error as error:
        raise InputError(f"{path.name}: the header cannot be read ({error}); see that each quote ends.") from error
    if not names:
        raise InputError(f"{path.name} has no header line.")
    refuse_size(path.name, columns=len(names))
    try:
        return _parsed(path.name, text, names, delimiter, quote)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        text_file.read(path)  # says in which line it is no text
        where = _first_odd_row(text, delimiter, quote) or shortened(error)
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


def _delimiter(header: str) -> str:
    counts = {mark: header.count(mark) for mark in ",;\t|"}
    return max(counts, key=counts.get) if any(counts.values()) else ","
