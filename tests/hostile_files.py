"""Files of data, broken at random or made to do harm."""

import csv
import io
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

ROWS = [
    {"text": f"Sentence {i}, with “quotes” and a comma; {'é漢😀'[i % 3]}", "label": ("pos", "neg")[i % 2], "n": str(i)}
    for i in range(30)
]
KINDS = ("csv", "json", "jsonl", "parquet")


def whole(kind: str) -> bytes:
    """A good file of a kind."""
    if kind == "csv":
        file = io.StringIO()
        writer = csv.DictWriter(file, list(ROWS[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(ROWS)
        return file.getvalue().encode()
    if kind == "json":
        return json.dumps(ROWS, ensure_ascii=False).encode()
    if kind == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(ROWS), sink, row_group_size=10)
    return sink.getvalue()


WORDS = [b'"', b"\n", b"\r", b"\0", b",", b"\xff\xfe", b"\xef\xbb\xbf", b"[" * 3000, b"{", b"}", b"NaN", b"1e999"]
WORDS += [b'"\\ud800"', b"9" * 5000, b"\xc3", b"\x80", b"null", b"\\", b"\t", b";" * 50, b'{"text": {}}', b"=1+1"]


def mutated(kind: str, seed: int) -> bytes:
    """A good file with one to four random wounds."""
    chance, data = random.Random(f"{kind} {seed}"), bytearray(whole(kind))
    for _ in range(chance.choice([1, 1, 2, 4])):
        at, length = chance.randrange(len(data) + 1), chance.choice([1, 2, 7, 60, 400])
        match chance.randrange(6):
            case 0:  # flipped bits
                for place in range(at, min(at + length, len(data))):
                    data[place] ^= 1 << chance.randrange(8)
            case 1:  # cut off
                del data[at:]
            case 2:  # a piece is missing
                del data[at : at + length]
            case 3:  # a piece stands there twice
                data[at:at] = data[at : at + length]
            case 4:  # something else
                data[at : at + length] = chance.randbytes(length)
            case 5:
                data[at:at] = chance.choice(WORDS)
    return bytes(data)


# -- bombs ---------------------------------------------------------------------------------------------------------------


def one_text_a_million_times(path: Path) -> None:
    """A terabyte in 50 kB: a dictionary with one text of a megabyte, and its number in each of a million rows."""
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int32()), pa.array(["x" * 1_000_000]))
    pyarrow.parquet.write_table(pa.table({"text": words}), path)


def texts_that_repeat_the_one_before(path: Path) -> None:
    """600 MB in a kilobyte: each text says that it is the one before it."""
    table = pa.table({"text": pa.array(["y" * 20_000_000] * 30)})
    encoding = {"text": "DELTA_BYTE_ARRAY"}
    pyarrow.parquet.write_table(table, path, compression="zstd", use_dictionary=False, column_encoding=encoding)


def one_long_cell(path: Path) -> None:
    """60 MB in a few kilobytes: one cell."""
    table = pa.table({"text": pa.array(["\0" * 60_000_000, "b"])})
    pyarrow.parquet.write_table(table, path, compression="zstd", use_dictionary=False)


def more_rows_than_are_taken(path: Path) -> None:
    """Two million rows of nothing in a few hundred bytes."""
    pyarrow.parquet.write_table(pa.table({"text": pa.nulls(2_000_000, pa.string())}), path)
