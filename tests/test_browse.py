"""Rows page by page: what is searched is found whatever its case and kind, by its number in the split, from any file."""

import csv
import json

import pyarrow as pa
import pytest

from lab import browse, data
from lab.errors import InputError

ROWS = [
    {"text": "Ein schöner Tag", "stars": 1, "tags": ["new"], "page": 1.0},
    {"text": "a DULL day", "stars": 0, "tags": [], "page": 2.5},
    {"text": None, "stars": None, "tags": ["dull", "old"], "page": None},
    {"text": "100% (fine)", "stars": 1, "tags": None, "page": 4.0},
] * 3


def dataset(home, rows=ROWS, **about):
    about = {"label": "stars", "label_names": ["bad", "good"], **about}
    return data.add_tables(home, data.About(name="some", **about), {"train": pa.Table.from_pylist(rows)})


def found(of, search="", label=None):
    numbers = browse.matching(of, "train", search, label)
    return list(range(browse.size(of, "train"))) if numbers is None else numbers.to_pylist()


@pytest.mark.parametrize(
    ("search", "label", "numbers"),
    [
        ("", None, [*range(12)]),
        ("  ", None, [*range(12)]),
        ("SCHÖN", None, [0, 4, 8]),
        ("dull", None, [1, 2, 5, 6, 9, 10]),  # in a list of words too
        ("dull", "bad", [1, 5, 9]),
        ("", "good", [0, 3, 4, 7, 8, 11]),
        ("", "", [2, 6, 10]),
        ("goo", None, [0, 3, 4, 7, 8, 11]),  # a label by its name, as it is shown
        ("2.5", None, [1, 5, 9]),
        ("0% (f", None, [3, 7, 11]),  # no pattern, just these letters
        (".*", None, []),
        ("", "great", []),
    ],
)
def test_search_and_filter(home, search, label, numbers):
    assert found(dataset(home), search, label) == numbers


def test_pages_give_rows_with_their_numbers_in_the_split(home):
    some = dataset(home)
    shown = browse.page(some, "train", 2, 4, "dull")
    assert {number: row["text"] for number, row in shown["rows"].items()} == {9: "a DULL day", 10: None}
    assert (shown["first"], shown["matches"], shown["total"], shown["pages"]) == (4, 6, 12, 2)
    nothing = browse.page(some, "train", 1, 4, "not there")
    assert (nothing["rows"], nothing["matches"], nothing["pages"]) == ({}, 0, 1)
    for split, number, search in (("train", 0, ""), ("train", 3, "dull"), ("gone", 1, ""), ("train", 1, "x" * 201)):
        with pytest.raises(InputError):
            browse.page(some, split, number, 4, search)


def test_rows_are_those_of_the_file_wherever_they_stand(home, monkeypatch):
    monkeypatch.setattr(browse, "BATCH", 7)
    monkeypatch.setattr("lab.tables.ROW_GROUP", 25)
    some = dataset(home, [{"text": f"row {n}", "stars": n % 2} for n in range(103)])
    for numbers in ([0], [102], [6, 7, 24, 25, 26, 101], range(20, 60), [], range(103)):
        assert browse.rows_of(some, "train", numbers) == [some.rows("train")[n] for n in numbers]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_files_put_into_the_folder_by_hand_are_searched_too_and_again_when_they_change(home, ending):
    folder = home.datasets / "mine"
    folder.mkdir(parents=True)
    (folder / "dataset.yaml").write_text("name: mine\nlabel: label\n")

    def write(texts):
        with (folder / f"train.{ending}").open("w", newline="") as file:
            rows = [{"text": text, "label": "a"} for text in texts]
            if ending == "jsonl":
                file.writelines(json.dumps(row) + "\n" for row in rows)
            else:
                writer = csv.DictWriter(file, ["text", "label"])
                writer.writeheader()
                writer.writerows(rows)

    write(["one", "two"])
    mine = data.load(home, "mine")
    assert (found(mine, "two"), browse.size(mine, "train")) == ([1], 2)
    before = browse.state_of(mine)
    write(["two", "and three", "two and four"])
    assert (found(mine, "two"), browse.size(mine, "train")) == ([0, 2], 3)
    assert browse.state_of(mine) != before


def test_labels_are_counted_by_split_and_named(home):
    some = dataset(home)
    assert browse.label_counts(some, "stars") == {"train": {"good": 6, "bad": 3}}
    assert browse.label_counts(some, None) == browse.label_counts(some, "gone") == {"train": {}}
    assert browse.labels_in(some, "stars") == ["good", "bad"]
