"""What one file of a dataset may hold: all of it is looked at, counted and put into tokens, by the page, too."""

from lab.errors import InputError

MOST_ROWS, MOST_COLUMNS, MOST_CELLS, MOST_BYTES = 1_000_000, 10_000, 10_000_000, 256 << 20
LONGEST_ROW = LONGEST_CELL = 32 << 20  # bytes


def refuse_size(name: str, rows: int = 0, columns: int = 0, size: int = 0) -> None:
    """Raises InputError for more than a dataset may hold."""
    found = [("rows", rows, MOST_ROWS), ("columns", columns, MOST_COLUMNS), ("cells", rows * columns, MOST_CELLS)]
    for what, number, most in [*found, ("MB", size >> 20, MOST_BYTES >> 20)]:
        if number > most:
            raise InputError(
                f"{name} holds more than {most:,} {what}, the most that the lab takes in; keep the rows and columns you need."
            )
