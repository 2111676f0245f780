"""Merging a dataset's labels into a new dataset: all splits, other columns as they are, typing errors told."""

import json

import pyarrow as pa
import pytest
from test_cli_words import ask, refuse

from lab import data, label_merging, tables
from lab.data import About
from lab.errors import InputError

ROWS = [("a", "pro"), ("b", " contra "), ("c", "neutral "), ("d", None), ("e", ""), ("f", "pro")]


@pytest.fixture
def stance(home, tmp_path):
    """A dataset with two splits, a label with a blank at its end, and rows without a label."""
    rows = [{"text": t, "label": label, "score": i + 0.5} for i, (t, label) in enumerate(ROWS)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "v.jsonl").write_text("\n".join(map(json.dumps, rows[:2])))
    (tmp_path / "t.jsonl").write_text('{"text": "z"}\n')
    files = {"train": tmp_path / "a.jsonl", "validation": tmp_path / "v.jsonl", "test": tmp_path / "t.jsonl"}
    return data.add(home, About(name="stance", label="label"), files)


def test_labels_are_merged_in_all_splits_and_the_rest_stays_to_the_letter(home, stance):
    found = label_merging.merge(home, "stance", "poles", {"polarized": ["pro", "contra"]})
    made = data.load(home, "poles")
    assert [row["label"] for row in made.rows("train")] == ["polarized", "polarized", "neutral ", None, "", "polarized"]
    assert [row["label"] for row in made.rows("validation")] == ["polarized"] * 2
    assert made.rows("test") == stance.rows("test")
    for split in ("train", "validation"):
        assert [{**row, "label": 0} for row in made.rows(split)] == [{**row, "label": 0} for row in stance.rows(split)]
    assert found["merged"] == [{"label": "polarized", "from": {"pro": 3, "contra": 2}, "rows": 5}]
    assert found["splits"]["train"] == {"rows": 6, "labels": {"polarized": 3, "neutral": 1}}
    assert stance.rows("train")[0]["label"] == "pro"  # the one it was made from is as it was


def test_the_new_dataset_says_what_it_was_made_of(home, stance):
    label_merging.merge(home, "stance", "poles", {"polarized": ["pro", "contra"]})
    about = data.load(home, "poles").about
    assert about.made_from == {
        "dataset": "stance",
        "fingerprint": data.fingerprint(stance.all_rows()),
        "label": "label",
        "merges": {"polarized": ["pro", "contra"]},
    }
    assert "polarized = pro + contra" in about.about and about.made_from["fingerprint"] in about.about
    assert about.source == "dataset:stance"
    assert ask("dataset", "show", "poles")["made_from"] == about.made_from


def test_a_label_may_be_merged_into_one_that_there_is(home, stance):
    label_merging.merge(home, "stance", "two", {"contra": ["neutral"]})
    assert [row["label"] for row in data.load(home, "two").rows("train")][:3] == ["pro", " contra ", "contra"]


def test_integer_labels_become_names(home, tmp_path):
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": f"{i}", "y": i}) for i in (0, 1, 2, -1)))
    data.add(home, About(name="n", label="y", label_names=["bad", "fair", "good"]), {"train": tmp_path / "a.jsonl"})
    label_merging.merge(home, "n", "m", {"fine": ["fair", "good"]})
    made = data.load(home, "m")
    assert [row["y"] for row in made.rows("train")] == ["bad", "fine", "fine", None]
    assert made.about.label_names is None


def test_text_as_other_programs_write_it_stays_to_the_letter(home, tmp_path):
    labels = pa.array(["pro", "", " x ", None], pa.large_string())
    tables.write(pa.table({"text": ["a", "b", "c", "d"], "label": labels}), tmp_path / "a.parquet")
    data.add(home, About(name="n", label="label"), {"train": tmp_path / "a.parquet"})
    label_merging.merge(home, "n", "m", {"y": ["pro"]})
    assert [row["label"] for row in data.load(home, "m").rows("train")] == ["y", "", " x ", None]


def test_another_column_can_be_chosen(home, tmp_path):
    (tmp_path / "a.csv").write_text("text,label,tone\na,x,calm\nb,y,loud\nc,x,wild\n")
    data.add(home, About(name="n", label="label"), {"train": tmp_path / "a.csv"})
    found = label_merging.merge(home, "n", "m", {"heated": ["loud", "wild"]}, "tone")
    made = data.load(home, "m")
    assert [(row["label"], row["tone"]) for row in made.rows("train")] == [
        ("x", "calm"),
        ("y", "heated"),
        ("x", "heated"),
    ]
    assert (made.about.label, found["label"]) == ("tone", "tone")


def test_a_label_that_is_not_there_is_told_with_the_nearest_and_nothing_is_left(home, stance):
    said = refuse("dataset", "merge-labels", "stance", "poles", "--merge", "polarized=prro,contra")
    assert "'prro'" in said and "did you mean 'pro'?" in said
    assert "poles" not in data.listing(home)
    assert "it has 'pro'" in refuse("dataset", "merge-labels", "stance", "poles", "--merge", "x=something else")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "--merge"),
        (["--merge", "a=pro", "--task", "town-hall"], "--task"),
        (["--merge", "polarized"], "new=one,other"),
        (["--merge", "=pro"], "new=one,other"),
        (["--merge", "a="], "new=one,other"),
        (["--merge", "a=pro,,contra"], "new=one,other"),
        (["--merge", "a=pro", "--merge", "b=pro"], "merged into two"),
        (["--merge", "pro=contra", "--merge", "b=pro"], "itself"),
        (["--merge", "a=pro", "--label", "stance"], "'stance'"),
        (["--task", "sentiment"], "merges no labels"),
    ],
)
def test_what_does_not_hang_together_is_said(home, stance, words, named):
    assert named in refuse("dataset", "merge-labels", "stance", "poles", *words)
    assert "poles" not in data.listing(home)


def test_a_name_that_is_taken_or_none_is_refused(home, stance):
    for name, named in (("stance", "already"), ("../up", "name"), ("town-hall", "already")):
        assert named in refuse("dataset", "merge-labels", "stance", name, "--merge", "a=pro")


def test_merges_are_read_with_quotes_around_commas():
    assert label_merging.parse(['a = "b, c" , d', "a=e"]) == {"a": ["b, c", "d", "e"]}
    with pytest.raises(InputError, match="merged into two"):
        label_merging.parse(["a=b", "c=b"])


def test_by_the_merges_of_a_task_of_which_not_all_labels_need_to_be_there(home, stance, tmp_path):
    labels = "labels: [{name: polarized, merge: [pro, contra, fanatic]}, {name: neutral}]"
    (tmp_path / "poles.yaml").write_text(f"name: poles-task\nlabel: label\n{labels}\n")
    found = ask("dataset", "merge-labels", "stance", "poles", "--task", tmp_path / "poles.yaml")
    assert found["absent"] == ["fanatic"]
    assert found["splits"]["train"]["labels"] == {"polarized": 3, "neutral": 1}
    assert "by the task poles-task" in found["about"]


def test_the_file_of_the_bundle_is_left_alone(home):
    found = ask("dataset", "merge-labels", "town-hall", "sides", "--merge", "other=neutral,not relevant,not sure")
    assert found["splits"]["train"]["rows"] == 113
    assert found["merged"][0]["rows"] == 29
    kept = tables.read(data.load(home, "town-hall").file("train")).column("label").to_pylist()
    assert "neutral" in kept and "other" not in kept
