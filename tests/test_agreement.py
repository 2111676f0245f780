"""Two annotated versions of the same rows: which are the same, how far they agree, the agreed rows as a dataset."""

import json

import pytest
from sklearn.metrics import cohen_kappa_score
from test_cli_words import ask, refuse

from lab import agreement, data
from lab.data import About

FIRST = [("1", "a", "x"), ("2", "b", "y"), ("3", "c", "x"), ("4", "d", None), ("5", "e", "y")]
SECOND = [("5", "e", "y"), ("2", "b", "x"), ("1", "a!", "x"), ("4", "d", "x"), ("9", "q", "x")]


def add(home, folder, name: str, rows: list, **about) -> data.Dataset:
    lines = [json.dumps({"id": int(i), "text": t, "label": label}) for i, t, label in rows]
    (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return data.add(home, About(**{"name": name, "label": "label", **about}), {"train": folder / f"{name}.jsonl"})


@pytest.fixture
def two(home, tmp_path):
    add(home, tmp_path, "first", FIRST)
    add(home, tmp_path, "second", SECOND)
    return home


def test_rows_are_matched_by_an_id_and_what_does_not_match_is_counted(two):
    found = ask("dataset", "agreement", "first", "second", "--on", "id")
    assert {k: found[k] for k in ("matched", "only_first", "only_second", "unlabelled", "repeated", "n")} == {
        "matched": 4,
        "only_first": 1,
        "only_second": 1,
        "unlabelled": 1,
        "repeated": 0,
        "n": 3,
    }
    assert found["kappa"] == pytest.approx(cohen_kappa_score(["x", "y", "y"], ["x", "x", "y"]))
    assert found["agreement"] == pytest.approx(2 / 3)
    assert found["disagreements"] == [["y", "x", 1]]
    assert (found["on"], found["label"], found["kept"]) == ("id", "label", None)


def test_rows_are_matched_by_their_text_without_an_id(two):
    found = agreement.measure(two, "first", "second")
    assert (found["matched"], found["only_first"], found["only_second"]) == (3, 2, 2)
    said = " ".join(agreement.in_words(found))
    assert "2 only in first and 2 only in second" in said and "1 of them have no label" in said


def test_texts_that_come_again_are_matched_in_their_order_and_told(home, tmp_path):
    add(home, tmp_path, "first", [("1", "a", "x"), ("2", "a", "y"), ("3", "b", "x")])
    add(home, tmp_path, "second", [("1", "a", "x"), ("2", "b", "x"), ("3", "a", "y"), ("4", "a", "y")])
    found = agreement.measure(home, "first", "second")
    assert (found["matched"], found["repeated"], found["kappa"]) == (3, 2, 1.0)
    assert (found["only_first"], found["only_second"]) == (0, 1)


def test_rows_may_stand_in_other_splits(home, tmp_path):
    add(home, tmp_path, "first", FIRST)
    for name, rows in (("t", SECOND[:2]), ("v", SECOND[2:])):
        (tmp_path / f"{name}.jsonl").write_text(
            "\n".join(json.dumps({"id": i, "sentence": t, "stance": label}) for i, t, label in rows)
        )
    about = About(name="second", text="sentence", label="stance")
    data.add(home, about, {"train": tmp_path / "t.jsonl", "validation": tmp_path / "v.jsonl"})
    found = agreement.measure(home, "first", "second", on="id")  # numbers in one file, text in the other
    assert (found["matched"], found["label"]) == (4, ["label", "stance"])


def test_the_rows_on_which_they_agree_become_a_dataset(two):
    found = agreement.measure(two, "first", "second", on="id", keep="agreed")
    made = data.load(two, "agreed")
    assert found["kept"] == {"name": "agreed", "rows": {"train": 2}}
    assert made.rows("train") == [{"id": 1, "text": "a", "label": "x"}, {"id": 5, "text": "e", "label": "y"}]
    assert (made.about.label, made.about.source) == ("label", "dataset:first")
    assert made.about.made_from["agrees_with"] == data.origin(data.load(two, "second"))
    assert made.about.made_from["fingerprint"] == data.origin(data.load(two, "first"))["fingerprint"]
    assert "agreed" in agreement.in_words(found)[-1]


def test_integer_labels_with_names_are_compared_by_them(home, tmp_path):
    (tmp_path / "n.jsonl").write_text('{"text": "a", "label": 0}\n{"text": "b", "label": 1}\n')
    data.add(home, About(name="n", label="label", label_names=["x", "y"]), {"train": tmp_path / "n.jsonl"})
    add(home, tmp_path, "first", FIRST)
    found = agreement.measure(home, "n", "first", keep="agreed")
    assert (found["n"], found["kappa"]) == (2, 1.0)
    assert data.load(home, "agreed").rows("train")[1] == {"text": "b", "label": "y"}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["first", "gone"], "'gone'"),
        (["first", "first"], "itself"),
        (["first", "second", "--on", "author"], "'author'"),
        (["first", "second", "--label", "stance"], "'stance'"),
        (["first", "second", "--on", "label"], "is no id"),
        (["first", "town-hall"], "No row of first is in town-hall"),
        (["first", "second", "--keep", "first"], "already"),
        (["first", "second", "--keep", "../x"], "name"),
    ],
)
def test_what_cannot_be_compared_is_said_and_nothing_is_left(two, words, named):
    before = data.listing(two)
    assert named in refuse("dataset", "agreement", *words)
    assert data.listing(two) == before


def test_nothing_is_kept_where_they_agree_on_nothing(home, tmp_path):
    add(home, tmp_path, "first", [("1", "a", "x")])
    add(home, tmp_path, "second", [("1", "a", "y")])
    assert "agree on no row" in refuse("dataset", "agreement", "first", "second", "--keep", "none")
