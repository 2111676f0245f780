"""Files of others: what could fill the memory or break the reader is read in a process of its own, within bounds."""

import ctypes
import json
import math
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lab import shortage, tables, temporary
from lab.errors import InputError
from lab.home import ROOT
from lab.table_limits import LONGEST_CELL

READ_SECONDS, READ_BYTES = 60, 3 << 30
END_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux, which no module of Python knows
SMALL = 4 << 20  # bytes of a text file, which in memory cannot come to much


def read(path: Path) -> pa.Table:
    """The rows of a file that somebody gave, as `tables.read`. Raises InputError.

    A parquet file of a few bytes may unpack to any size, and a large text may be far larger in memory: the bounds are those
    of the process that reads it, and this one gets the finished table, which has its own.
    """
    if not path.is_file() or (path.suffix.lower() != ".parquet" and path.stat().st_size <= SMALL):
        return tables.read(path)
    with temporary.folder(temporary.READ) as folder:
        made = folder / "table.arrow"
        said = _read_apart(path, made)
        if said:
            raise InputError(said)
        with pa.memory_map(str(made)) as file:
            return pa.ipc.open_file(file).read_all()


def _read_apart(path: Path, made: Path) -> str:
    """Has a file read into an Arrow file; returns what is wrong with it, or nothing."""
    reader = [sys.executable, "-c", "import sys; from lab.foreign import _reader; _reader(*sys.argv[1:])"]
    # In all its threads, so that for who waits for it, the time on the clock is up first.
    processor_seconds = math.ceil(READ_SECONDS * (os.cpu_count() or 1))
    few_reservations = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"}  # they count against the bound
    try:
        done = subprocess.run(
            [*reader, str(path.resolve()), str(made), *map(str, (READ_BYTES, processor_seconds, os.getpid()))],
            cwd=ROOT,
            env={**os.environ, **few_reservations},
            capture_output=True,
            timeout=READ_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{path.name} cannot be read within {READ_SECONDS} seconds; save it again, or split it."
    if done.returncode:
        return (
            f"{path.name} cannot be read: it asks for more than {READ_BYTES >> 20:,} MB of memory, or the reader breaks off "
            f"over it. Save it again, or keep the rows and columns you need."
        )
    return json.loads(done.stdout)


def _bound(most: int, seconds: int, parent: int) -> None:
    """Ends this process with the one that waits for it, however that ends, and bounds its memory and the processor's time."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended before
        sys.exit(1)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _reader(source: str, made: str, *bounds: str) -> None:
    shortage.first_to_go()
    _bound(*map(int, bounds))
    path, said = Path(source), ""
    try:
        table = tables.read(path)
        _check_cells(path.name, table)
        with pa.OSFile(made, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    except InputError as error:
        said = str(error)
    except (MemoryError, pa.ArrowMemoryError):
        sys.exit(1)
    print(json.dumps(said))


def _check_cells(name: str, table: pa.Table) -> None:
    """Raises InputError, naming the column, for cells that have no form outside of the file (torn text, a day of no year),
    and for one that is too long."""
    for column in table.column_names:
        cells = table.column(column)
        kind = cells.type
        try:
            if pa.types.is_string(kind):
                _check_length(name, column, cells)
            if name.lower().endswith(".parquet"):
                cells.validate(full=True)
                if not (pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
                    cells.to_pylist()
        except (pa.ArrowException, ValueError, OverflowError, TypeError) as error:
            reason = " ".join(str(error).split())[:200].rstrip(".")
            raise InputError(f"{name}: the column {column!r} holds what cannot be read: {reason}.") from error


def _check_length(name: str, column: str, cells: pa.ChunkedArray) -> None:
    lengths = pc.binary_length(cells)
    longest = pc.max(lengths).as_py() or 0
    if longest > LONGEST_CELL:
        row = pc.index(lengths, longest).as_py() + 1
        raise InputError(
            f"{name}, row {row}: the cell of the column {column!r} is {longest >> 20:,} MB long; "
            f"at most {LONGEST_CELL >> 20} MB are taken in."
        )
