"""Between the labels of a task and a table in which every row is a label as it stands in the data."""

import csv
import difflib
import io

from lab.errors import InputError

COLUMNS = ["label", "definition", "aliases", "merge into"]
NAME, DEFINITION, ALIASES, INTO = range(4)
EMPTY = [""] * 4

Row = list[str]


def rows_of(labels: list[dict]) -> list[Row]:
    """The rows of labels as a task holds them: each label, and below it those that are merged into it."""
    found = []
    for label in labels:
        name, merge = label["name"], label.get("merge", [])
        itself = [name, label.get("definition", ""), joined(label.get("aliases", [])), name if name in merge else ""]
        merged = [[was, "", "", name] for was in merge]
        if name in merge:  # it may be listed as merged into itself
            merged[merge.index(name)] = itself
            found += merged
        else:
            found += [itself, *merged]
    return found


def labels_of(table: list) -> list[dict]:
    """The labels of a table. Raises InputError for a row without a name and for a *merge into* that leads nowhere."""
    rows = filled_rows(table)
    for number, row in enumerate(rows, 1):
        if not row[NAME]:
            raise InputError(f"Labels, row {number}: give the label a name, or remove the row.")
    own: dict[str, dict] = {}
    labels = []
    for row in rows:
        if row[INTO] in ("", row[NAME]):
            aliases = split_up(row[ALIASES])
            labels.append({"name": row[NAME], "definition": row[DEFINITION], "aliases": aliases, "merge": []})
            own.setdefault(row[NAME], labels[-1])
    for row in rows:
        if row[INTO]:
            if row[INTO] not in own:
                raise InputError(_leads_nowhere(row, rows, list(own)))
            own[row[INTO]]["merge"].append(row[NAME])
    return labels


def _leads_nowhere(row: Row, rows: list[Row], own: list[str]) -> str:
    further = next((other[INTO] for other in rows if other[NAME] == row[INTO]), None)
    said = f"Labels: {row[NAME]!r} is to be merged into {row[INTO]!r}, which"
    if further:
        return f"{said} is itself merged into {further!r}. Merge both into the same label."
    near = difflib.get_close_matches(row[INTO], own, n=1)
    return f"{said} is no label of the table{f'; is it {near[0]!r}?' if near else '.'}"


def left_out(table: list) -> list[str]:
    """The merged labels with a definition or aliases, for which a task has no place."""
    rows = filled_rows(table)
    return [row[NAME] for row in rows if row[INTO] not in ("", row[NAME]) and (row[DEFINITION].strip() or row[ALIASES])]


def merges_of(table: list) -> dict[str, str]:
    """Labels of the data → the label that they become."""
    return {row[NAME]: row[INTO] for row in filled_rows(table) if row[INTO]}


def all_rows(table: list | None) -> list[Row]:
    """All rows, each with its four cells as text; a definition keeps its blanks and line breaks."""
    rows = [["" if cell is None else str(cell) for cell in [*row, *EMPTY][:4]] for row in table or []]
    return [[row[NAME].strip(), row[DEFINITION], row[ALIASES].strip(), row[INTO].strip()] for row in rows]


def filled_rows(table: list | None) -> list[Row]:
    """The rows in which something stands."""
    return [row for row in all_rows(table) if any(cell.strip() for cell in row)]


def joined(words: list[str]) -> str:
    """Words with commas between; a word that holds one is quoted, as in a csv file."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(words)
    return line.getvalue().replace(",", ", ") if not any("," in word for word in words) else line.getvalue()


def split_up(cell: str) -> list[str]:
    """The words of a cell; see `joined`."""
    words = next(csv.reader([cell.replace("\n", " ")], skipinitialspace=True), [])
    return [word.strip() for word in words if word.strip()]


# -- what one does with a row: table and its number → the new table, the row to go on with, what there is to say ---------

Done = tuple[list[Row], int, str]


def moved(rows: list[Row], i: int, step: int) -> Done:
    """The row `step` places further down."""
    to = i + step
    if not (0 <= i < len(rows) and 0 <= to < len(rows)):
        return rows, i, f"{_called(rows, i)} is {'first' if step < 0 else 'last'} already."
    rows = [*rows]
    rows.insert(to, rows.pop(i))
    return rows, to, f"{_called(rows, to)} is now row {to + 1}."


def removed(rows: list[Row], i: int) -> Done:
    """The table without the row; what was merged into it stands for itself again."""
    if not 0 <= i < len(rows):
        return rows, i, ""
    name, was = rows[i][NAME], _called(rows, i)
    rest = rows[:i] + rows[i + 1 :]
    freed = []
    if name and name not in (row[NAME] for row in rest):
        freed = [row[NAME] for row in rest if row[INTO] == name]
        rest = [[*row[:INTO], ""] if row[INTO] == name else row for row in rest]
    also = (
        f" {', '.join(freed)} {'stand for themselves' if len(freed) > 1 else 'stands for itself'} again."
        if freed
        else ""
    )
    return rest or [EMPTY], min(i, max(0, len(rest) - 1)), f"Removed {was}.{also} Undo brings it back."


def added(rows: list[Row]) -> Done:
    """The table with an empty row at its end, without other empty ones."""
    rows = [*filled_rows(rows), EMPTY]
    return rows, len(rows) - 1, f"Row {len(rows)} is new: give it a name."


def with_labels(rows: list[Row], found: list[str]) -> Done:
    """The table with these labels of the data that it has not yet."""
    rows = filled_rows(rows)
    new = [name for name in dict.fromkeys(found) if name not in {row[NAME] for row in rows}]
    said = f"Added {len(new)} label{'s' * (len(new) != 1)}." if new else "All labels of the data are there already."
    return [*rows, *([name, "", "", ""] for name in new)] or [EMPTY], len(rows), said


def written(rows: list[Row], i: int, column: int, text: str) -> list[Row]:
    """The table with a new text in a cell; where a label gets another name, so do the cells that name it."""
    if not 0 <= i < len(rows) or rows[i][column] == text:
        return rows
    new = [[*row[:column], text, *row[column + 1 :]] if number == i else row for number, row in enumerate(rows)]
    return renamed(rows, new) if column == NAME else new


def renamed(before: list[Row], after: list[Row]) -> list[Row]:
    """The table after an edit, in which *merge into* follows a label whose name was changed."""
    if len(before) != len(after):
        return after
    names = {was[NAME]: now[NAME] for was, now in zip(before, after, strict=True) if was[NAME] != now[NAME]}
    still = {row[NAME] for row in after}
    names = {was: now for was, now in names.items() if was and now and was not in still}
    return [[*row[:INTO], names.get(row[INTO], row[INTO])] for row in after]


def _called(rows: list[Row], i: int) -> str:
    name = rows[i][NAME] if 0 <= i < len(rows) else ""
    return f"“{name}”" if name else f"Row {i + 1}"
