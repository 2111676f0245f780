"""A json-lines file with more columns than the lab needs comes in unchanged, and everything works with it."""

import json

import pytest
from test_cli_words import ask

from lab import browse, data, tables
from lab.data import About

ROWS = [
    {
        "id": 10**15 + i,
        "author": {"name": f"Zoë {i}", "tags": ["a", "b"][: i % 3]},
        "score": i / 3,
        "likes": None if i % 4 == 0 else i,
        "verified": i % 2 == 0,
        "created at": f"2024-02-{i + 1:02d}T08:00:00Z",
        "user.name": f"u{i}",
        "text": f'She said "no", line\none, row {i}',
        "label": "pro" if i % 2 else "contra",
        "nothing": None,
        "mentions": [{"who": "x", "at": [1, i]}],
    }
    for i in range(8)
]


@pytest.fixture
def speeches(home, tmp_path):
    (tmp_path / "speeches.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    ask("dataset", "add", "speeches", tmp_path / "speeches.jsonl", "--label", "label")
    return data.load(home, "speeches")


def test_every_column_keeps_its_name_its_type_and_its_values(speeches):
    assert speeches.columns == list(ROWS[0])
    found = speeches.rows("train")
    assert found == ROWS
    assert [[type(value) for value in row.values()] for row in found] == [[type(v) for v in x.values()] for x in ROWS]


def test_showing_checking_searching_and_counting_work_with_them(home, speeches):
    shown = ask("dataset", "show", "speeches")
    assert shown["columns"] == list(ROWS[0])
    assert shown["splits"]["train"] == {"rows": 8, "labels": {"pro": 4, "contra": 4}}
    assert ask("dataset", "check", "speeches")
    assert list(browse.page(speeches, "train", 1, 10, "zoë 3")["rows"]) == [3]
    made = ask("dataset", "merge-labels", "speeches", "one", "--merge", "side=pro,contra")
    assert made["splits"]["train"]["labels"] == {"side": 8}
    assert [{**row, "label": ""} for row in data.load(home, "one").rows("train")] == [{**x, "label": ""} for x in ROWS]


def test_a_column_that_some_rows_lack_is_empty_there(home, tmp_path):
    rows = [{"text": "a", "score": 1}, {"text": "b", "author": "x"}, {"score": 2.5, "text": "c"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = data.add(home, About(name="gaps"), {"train": tmp_path / "a.jsonl"}).rows("train")
    assert found == [
        {"text": "a", "score": 1, "author": None},
        {"text": "b", "score": None, "author": "x"},
        {"text": "c", "score": 2.5, "author": None},
    ]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([{}, {}], ["{}", "{}"]),  # parquet has no form for objects without a key
        ([{"a": 1}, {"b": {}}], ['{"a": 1}', '{"b": {}}']),
        ([[], [{}]], ["[]", "[{}]"]),
        ([1.5, True], ["1.5", "true"]),  # not 1.0
        ([[0.5, 1], [True, 2]], ["[0.5, 1]", "[true, 2]"]),
        ([1, "b"], ["1", "b"]),
        ([2**70, None], [str(2**70), None]),
        ([{"a": 1}, {"b": "x"}], [{"a": 1, "b": None}, {"a": None, "b": "x"}]),
        ([[], [None]], [[], [None]]),
        ([0.1, -2.0, None], [0.1, -2.0, None]),
        ([True, None], [True, None]),
    ],
)
def test_what_a_file_cannot_hold_as_it_is_stays_as_text(tmp_path, home, values, kept):
    lines = [json.dumps({"text": f"{i}", "value": value}) for i, value in enumerate(values)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    added = data.add(home, About(name="odd"), {"train": tmp_path / "a.jsonl"})
    found = [row["value"] for row in added.rows("train")]
    assert found == kept and [type(x) for x in found] == [type(x) for x in kept]
    assert tables.read(added.file("train")).column_names == ["text", "value"]
