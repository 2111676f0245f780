"""Objects of JSON as columns: what would come to far more cells than the file holds is seen before any is made."""

import json
import random

import pyarrow as pa
import pytest

from lab import csv_file, objects, tables
from lab.errors import InputError


def read(folder, rows, name="a.json"):
    path = folder / name
    path.write_text(rows if isinstance(rows, str) else json.dumps(rows))
    return tables.read(path)


@pytest.fixture
def nothing_made(monkeypatch):
    """No column may be made."""

    def fail(values):
        raise AssertionError(f"a column of {len(values)} cells was made")

    monkeypatch.setattr(objects, "column", fail)


def test_a_name_of_its_own_in_every_object_is_refused_before_a_column_is_made(tmp_path, nothing_made):
    with pytest.raises(InputError, match=r"a\.json holds more than 10,000,000 cells"):
        read(tmp_path, [{f"k{i}": 1} for i in range(4000)])
    with pytest.raises(InputError, match=r"a\.jsonl holds more than 10,000,000 cells"):
        read(tmp_path, "".join(f'{{"k{i}": 1}}\n' for i in range(4000)), "a.jsonl")
    with pytest.raises(InputError, match=r"a\.json holds more than 10,000 columns"):
        read(tmp_path, [{f"k{i}": 1 for i in range(10_001)}])


def test_more_columns_than_are_taken_are_refused_by_the_header_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_file, "_parsed", lambda *_: pytest.fail("the rows were read"))
    for name, mark in (("a.csv", ","), ("a.tsv", "\t")):
        with pytest.raises(InputError, match="more than 10,000 columns"):
            read(tmp_path, mark.join(map(str, range(10_001))) + "\n" + mark * 10_000, name)


INSIDE = {
    "objects": [{"x": {f"k{i}": 1}} for i in range(2000)],
    "a list": [{"x": [{f"k{i}": 1} for i in range(2000)]}],
    "deeper": [{"x": {"y": [{"z": {f"k{i}": 1}}]}} for i in range(2000)],
    "one wide, many lacking": [{"x": {f"k{i}": 1 for i in range(2000)}}, *({"x": None} for _ in range(2000))],
}


@pytest.mark.parametrize("rows", INSIDE.values(), ids=INSIDE)
def test_objects_inside_a_column_that_would_be_nearly_empty_stay_text(tmp_path, rows):
    table = read(tmp_path, rows)
    assert table.schema.field("x").type == pa.string()
    assert [x and json.loads(x) for x in table.column("x").to_pylist()] == [row["x"] for row in rows]


def test_empty_cells_are_counted_as_arrow_makes_them():
    chance = random.Random(0)

    def made(depth):
        if depth and chance.random() < 0.8:
            return {name: made(depth - 1) for name in chance.sample("abcd", chance.randrange(1, 4))}
        return None

    for _ in range(200):
        values = [made(3) for _ in range(6)]
        cells = pa.array(values)
        held, keys = 0, 0
        pending = [cells] if pa.types.is_struct(cells.type) else []
        while pending:
            one = pending.pop()
            inner = [one.field(i) for i in range(one.type.num_fields)]
            held += sum(map(len, inner))
            pending += [x for x in inner if pa.types.is_struct(x.type)]
        walked = list(values)
        while walked:
            one = walked.pop()
            if isinstance(one, dict):
                keys += len(one)
                walked += one.values()
        assert objects.empty_cells(values) == held - keys


def test_lists_too_deep_inside_each_other_are_refused_by_the_column(tmp_path):
    """Python's own error for it went through."""
    with pytest.raises(InputError, match=r"a\.json: (the column 'x' holds lists|entry 1 )"):
        read(tmp_path, '[{"x": ' + "[" * 900 + "]" * 900 + "}]")


def test_what_only_its_reader_cannot_take_is_named_by_its_entry(tmp_path):
    for entry in ('{"x": ' + "9" * 5000 + "}", "[" * 100_000):
        with pytest.raises(InputError, match=r"a\.json is not valid JSON: entry 3: "):
            read(tmp_path, f'[{{"x": [1, "] ,"]}},\n {{}} , {entry}')


def test_half_a_character_is_named_by_its_entry(tmp_path):
    with pytest.raises(InputError, match=r"a\.json: entry 2 holds half a character"):
        read(tmp_path, '[{"x": "a"}, {"x": "\\ud800"}]')
