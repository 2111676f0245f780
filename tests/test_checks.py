"""The checks of a dataset: each says what is wrong, in which rows, and what to do; all are green when nothing is."""

import json

import pyarrow as pa
import pytest
from click.testing import CliRunner

from lab import checks, data, lengths, tasks
from lab.cli import cli
from lab.task import Task

GOOD = [{"text": f"text {n}", "label": "yes" if n % 2 else "no"} for n in range(10)]
NAMES = ["duplicates", "overlap", "empty texts", "unknown labels", "one label", "too long"]


def look(home, train, task=None, limit=512, **others) -> dict[str, dict]:
    """The checks by name, for rows by split."""
    about = data.About(name="some", label="label")
    made = {split: pa.Table.from_pylist(rows) for split, rows in {"train": train, **others}.items()}
    some = data.add_tables(home, about, made)
    if task:
        tasks.save(home, task)
    found = checks.of(home, some, task.name if task else None, "tiny-llama", limit)
    assert all(x["ok"] or x["advice"] for x in found)
    assert json.loads(json.dumps(found)) == found
    return {x["check"]: x for x in found}


def wrong(found: dict[str, dict]) -> list[str]:
    return [name for name, x in found.items() if not x["ok"]]


def rows(*pairs):
    return [{"text": text, "label": label} for text, label in pairs]


def test_good_rows_are_green(home):
    found = look(home, GOOD, validation=rows(("new", "yes"), ("newer", "no")))
    assert list(found) == NAMES and wrong(found) == []


def test_repeats_in_a_split_and_what_is_labelled_in_two_ways(home):
    found = look(home, [*GOOD, *rows((" text 1 ", "yes"), ("text 2", "yes"), ("text 1", "yes"))])
    assert wrong(found) == ["duplicates"]
    assert found["duplicates"]["rows"] == {"train": [10, 11, 12]}
    assert "3 rows repeat" in found["duplicates"]["message"] and "1 of them with another label" in str(found)


def test_the_columns_of_the_prompt_make_two_rows_the_same(home):
    made = [{"text": "sort", "words": words, "label": "yes" if words > "b" else "no"} for words in "abcd"]
    task = Task(name="t", labels=[{"name": "yes"}, {"name": "no"}], prompt="$text [[of $words]]")
    assert wrong(look(home, made, task)) == []


def test_rows_of_training_in_another_split(home):
    found = look(home, GOOD, validation=rows(("new", "yes"), ("text 3", "no")), test=rows(("new", "yes"), ("n", "no")))
    assert wrong(found) == ["overlap"]
    assert found["overlap"]["rows"] == {"validation": [1], "test": [0]}
    assert "2 rows" in found["overlap"]["message"]


def test_texts_without_a_word_are_no_repeats_of_each_other(home):
    found = look(home, [*GOOD, *rows(("", "yes"), (None, "no"), (" \n", "no"))])
    assert wrong(found) == ["empty texts"]
    assert found["empty texts"]["rows"] == {"train": [10, 11, 12]}


def test_labels_that_the_task_does_not_know_with_the_nearest_spelling(home):
    task = Task(name="t", labels=[{"name": "yes"}, {"name": "no", "merge": ["never"]}], instruction="$labels")
    found = look(
        home, [*GOOD, *rows(("a", "Yess"), ("b", "never"), ("c", None))], task, test=rows(("d", "??"), ("e", "no"))
    )
    assert wrong(found) == ["unknown labels"]
    assert found["unknown labels"]["rows"] == {"train": [10], "test": [0]}
    assert "'Yess' (1 row, nearest is 'yes')" in found["unknown labels"]["message"]
    assert "'??' (1 row)" in found["unknown labels"]["message"]


def test_without_a_task_strange_spellings_and_labels_of_later_splits_stand_out(home):
    found = look(home, [*GOOD, *rows(("a", "Yes"), ("b", "y es"))], validation=rows(("c", "nos"), ("d", "no")))
    said = found["unknown labels"]
    assert wrong(found) == ["unknown labels"]
    assert said["rows"] == {"train": [10, 11], "validation": [0]}
    for part in (
        "'Yes' (1 row, nearest is 'yes')",
        "'y es' (1 row, nearest is 'yes')",
        "'nos' (1 row, nearest is 'no')",
    ):
        assert part in said["message"]


def test_a_column_of_texts_taken_for_labels_is_said_at_once(home):
    found = look(
        home,
        rows(*((f"t {n}", f"label {n}") for n in range(3000))),
        test=rows(*((f"u {n}", f"x {n}") for n in range(3000))),
    )
    assert "and 2,995 more" in found["unknown labels"]["message"]


def test_a_task_for_other_columns_does_no_harm(home):
    task = Task(name="t", text="words", label="kind", labels=[{"name": "yes"}, {"name": "no"}], prompt="$words")
    assert wrong(look(home, GOOD, task)) == ["empty texts", "one label"]


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (rows(("new", "no"), ("newer", "no")), "All labelled rows of validation are 'no'"),
        (rows(("new", None), ("newer", None)), None),  # never scored, which is said
    ],
)
def test_a_split_with_one_label(home, split, said):
    found = look(home, GOOD, validation=split)
    assert wrong(found) == (["one label"] if said else [])
    assert (said or "Without labels, never scored: validation.") in found["one label"]["message"]


def test_training_rows_need_labels(home):
    assert wrong(look(home, rows(("a", None), ("b", None)))) == ["one label"]


def test_rows_that_are_too_long_the_longest_first(home):
    found = look(home, [*GOOD, *rows(("many words " * 9, "yes"), ("many words " * 20, "no"))], limit=15)
    assert wrong(found) == ["too long"]
    assert found["too long"]["rows"] == {"train": [11, 10]}
    assert found["too long"]["message"] == "2 rows have more than 15 tokens; counted: all 12 rows."


def test_of_many_rows_a_sample_is_counted_and_no_long_one_is_missed(home, monkeypatch):
    monkeypatch.setattr(lengths, "SAMPLE", 20)
    monkeypatch.setattr(lengths, "LONGEST", 5)
    made = [{"text": f"text {n}", "label": "yes" if n % 2 else "no"} for n in range(500)]
    made[321]["text"] = "many words " * 30
    found = look(home, made, limit=50)["too long"]
    assert found["rows"] == {"train": [321]}
    assert found["message"].startswith(
        "About 1 row has more than 50 tokens; counted: 20 rows drawn at random and the 5"
    )
    some = data.load(home, "some")
    measured = lengths.measure(some, None, "tiny-llama")
    assert (len(measured["sample"]), measured["rows"], measured["whole"]) == (20, 500, False)
    assert lengths.beyond(measured, 1) == 500  # all are too long: an estimate from the sample
    assert lengths.measure(some, None, "tiny-llama") == measured  # the same rows again


def test_the_command_prints_what_the_page_shows(home):
    look(home, [*GOOD, *rows(("text 1", "yes"))])
    done = CliRunner().invoke(cli, ["dataset", "check", "some", "--json"])
    assert (done.exit_code, json.loads(done.stdout)) == (
        0,
        checks.of(home, data.load(home, "some"), None, "tiny-llama", 512),
    )
    said = CliRunner().invoke(cli, ["dataset", "check", "some"]).stdout
    assert "look: duplicates: 1 row repeats" in said and "First rows: train 10." in said
    assert CliRunner().invoke(cli, ["dataset", "check", "none"]).exit_code == 2
