"""Objects of JSON as columns: one kind of value in each, and no more cells than the objects themselves hold."""

import json
from contextlib import suppress

import pyarrow as pa

# Of objects inside a column all get the keys of all, so that a few letters could come to any number of cells.
MOST_EMPTY = 2_000_000


def column(values: list) -> pa.Array:
    """A column; one whose values are of several kinds, or that a file cannot hold, is kept as text.

    Objects of a column have the same keys: one that a row lacks is there with nothing in it, as columns are. Where that
    would be most of the column, it is kept as text, too.
    """
    with suppress(pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        if empty_cells(values) <= MOST_EMPTY:
            found = pa.array(values)
            plain = not pa.types.is_nested(found.type) and not pa.types.is_floating(found.type)
            if plain or (not _has_empty_object(found.type) and all(map(_kept, values, found.to_pylist()))):
                return found
    return pa.array([v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values])


def empty_cells(values: list) -> int:
    """How many cells with nothing in them it takes for all objects at the same place of a column to have the same keys."""
    found = 0
    places = [(values, len(values))]  # what stands at a place, and in how many objects or lists' items it could
    while places:
        here, could = places.pop()
        by_name: dict[str, list] = {}
        for value in here:
            if isinstance(value, dict):
                for name, inner in value.items():
                    by_name.setdefault(name, []).append(inner)
        found += sum(could - len(inner) for inner in by_name.values())
        places += [(inner, could) for inner in by_name.values()]
        items = [item for value in here if isinstance(value, list) for item in value]
        places += [(items, len(items))] if items else []
    return found


def has_half_a_character(value) -> bool:
    """Whether a text in it holds a lone surrogate, which no file can hold."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _has_empty_object(kind: pa.DataType) -> bool:
    """Whether objects without a key stand somewhere in a column, for which parquet has no form."""
    if pa.types.is_struct(kind):
        return kind.num_fields == 0 or any(_has_empty_object(kind.field(i).type) for i in range(kind.num_fields))
    return pa.types.is_list(kind) and _has_empty_object(kind.value_type)


def _kept(value, found) -> bool:
    """Whether no yes or no of a value has become a number, as Arrow makes of them beside numbers."""
    if isinstance(value, dict) and isinstance(found, dict):
        return all(_kept(value.get(key), inner) for key, inner in found.items())
    if isinstance(value, list) and isinstance(found, list):
        return all(map(_kept, value, found))
    return isinstance(value, bool) == isinstance(found, bool)
