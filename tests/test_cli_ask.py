"""The commands that ask subjects, on a tiny run: what they take, what they print, what they refuse."""

import csv
import io
import json

import pytest
from click.testing import CliRunner
from colours import worked

from lab import jobs
from lab.cli import cli


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """The jobs' work is done here, which saves the seconds that a worker needs to start."""
    monkeypatch.setattr(jobs, "start", worked)


def run(*words: object, code: int = 0):
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


def ask(*words: object):
    return json.loads(run(*words, "--json").stdout)


OBJECT = {
    "subject", "task", "dataset", "split", "decoding", "n", "accuracy", "accuracy_ci95", "macro_f1", "weighted_f1",
    "f1_ci95", "invalid", "invalid_outputs", "per_label", "confusion", "p_value", "id",
}  # fmt: skip


def test_compare_gives_an_object_for_each_subject_in_order(tiny_run):
    found = ask("compare", tiny_run.id, "base", f"{tiny_run.id}@3")
    assert [x["subject"] for x in found] == [tiny_run.id, "base", f"{tiny_run.id}@3"]
    assert all(set(x) >= OBJECT for x in found)
    assert [x["p_value"] is None for x in found] == [True, False, False]
    assert all(x["n"] == len(tiny_run.rows("validation")) for x in found)


def test_evaluate_takes_split_rows_and_decoding(tiny_run):
    found = ask("evaluate", tiny_run.id, "--split", "train", "--rows", 4, "--decoding", "labels")
    assert (found[0]["split"], found[0]["n"], found[0]["decoding"], found[0]["invalid"]) == ("train", 4, "labels", 0)


def test_a_run_and_its_last_checkpoint_share_an_evaluation(tiny_run):
    run_id, checkpoint = (ask("evaluate", name)[0]["id"] for name in (tiny_run.id, f"{tiny_run.id}@6"))
    assert run_id == checkpoint


def test_another_dataset_can_be_asked(tiny_run, tmp_path):
    (tmp_path / "more.csv").write_text("text,label\na red,warm\nthe blue,cold\na navy,\n")
    run("dataset", "add", "more", tmp_path / "more.csv", "--label", "label")
    found = ask("compare", "base", tiny_run.id, "--dataset", "more", "--split", "train")
    assert [x["n"] for x in found] == [2, 2]  # the row without a label is never scored


def test_probabilities_can_be_left_out(tiny_run, home):
    found = ask("evaluate", tiny_run.id, "--no-probabilities", "--rows", 2)
    lines = (home.evaluations / found[0]["id"] / "predictions.jsonl").read_text().splitlines()
    assert all("probabilities" not in json.loads(line) for line in lines)


def test_the_table_comes_as_csv_markdown_and_latex(tiny_run):
    rows = list(csv.reader(io.StringIO(run("compare", "base", tiny_run.id, "--csv").stdout)))
    assert [row[0] for row in rows] == ["subject", "base", tiny_run.id]
    assert f"| {tiny_run.id} |" in run("compare", "base", tiny_run.id, "--markdown").stdout.replace("\\", "")
    assert r"\begin{tabular}" in run("compare", "base", tiny_run.id, "--latex").stdout


def test_the_reference_is_chosen_and_p_values_are_against_it(tiny_run):
    names = ["base", tiny_run.id, f"{tiny_run.id}@3"]
    done = run("compare", *names, "--reference", tiny_run.id, "--json")
    found = json.loads(done.stdout)
    assert [x["p_value"] is None for x in found] == [False, True, False]
    assert all(
        x["reference"] == tiny_run.id and x["p_adjusted"] is not None for x in found if x["subject"] != tiny_run.id
    )
    assert [(x["train_rows"], x["epochs"]) for x in found[::2]] == [(0, 0.0), (len(tiny_run.rows("train")), 1.0)]
    assert sum(x["best"] for x in found) == 1
    assert "is the best of 3, chosen on the rows it is reported on" in done.stderr
    assert "--reference nobody" in run("compare", *names, "--reference", "nobody", code=2).stderr


def test_generate_asks_a_text_a_row_or_a_raw_prompt(tiny_run):
    for words in (["--text", "a dark teal"], ["--row", 0], ["--raw", "Colour:"]):
        found = ask("generate", "base", tiny_run.id, *words)
        assert [x["subject"] for x in found] == ["base", tiny_run.id]
        assert found[0]["prompt"] == found[1]["prompt"]
        assert (found[0]["label_probabilities"] is None) == (words[0] == "--raw")


def test_sampling_is_set_and_repeats(tiny_run):
    words = [
        "generate",
        "base",
        "--text",
        "a teal",
        "--set",
        "mode=sample",
        "--set",
        "temperature=2",
        "--set",
        "seed=5",
    ]
    assert ask(*words)[0]["output"] == ask(*words)[0]["output"]


def test_a_setting_that_changes_nothing_is_said(tiny_run):
    note = "note: decoding: temperature changes nothing with mode=greedy; set mode=sample to draw tokens."
    for words in (["evaluate", tiny_run.id], ["compare", tiny_run.id], ["generate", tiny_run.id, "--text", "a teal"]):
        done = run(*words, "--set", "temperature=0.7", "--json")
        assert note in done.stderr and json.loads(done.stdout)
        done = run(*words, "--set", "temperature=0.7", "--set", "mode=sample", "--json")
        assert "nothing" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "nobody-1"], "no run 'nobody-1'"),
        (["compare", "{run}@4"], "kept are: 3, 6"),
        (["compare", "{run}@last"], "a number"),
        (["compare", "../{run}"], "no valid name"),
        (["evaluate", "{run}", "--split", "test"], "no split 'test'"),
        (["evaluate", "{run}", "--task", "gone"], "no task 'gone'"),
        (["evaluate", "{run}", "--dataset", "town-hall"], "does not know"),
        (["evaluate", "{run}", "--set", "temprature=1"], "did you mean temperature?"),
        (["generate", "{run}"], "exactly one of"),
        (["generate", "{run}", "--text", "a", "--raw", "b"], "exactly one of"),
        (["generate", "{run}", "--row", "99"], "the rows 0 to"),
        (["generate", "base:no-such-model", "--text", "a"], "no base model"),
        (["run", "show", "gone"], "no run 'gone'"),
        (["run", "delete", "gone"], "no run 'gone'"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(tiny_run, words, said):
    done = run(*(str(word).format(run=tiny_run.id) for word in words), code=2)
    assert said in done.stderr
    assert done.stdout == ""


def test_runs_are_listed_shown_and_deleted(tiny_run):
    listed = ask("run", "list")
    assert [x["id"] for x in listed] == [tiny_run.id]
    assert "metrics" not in listed[0]
    shown = ask("run", "show", tiny_run.id)
    assert set(shown) >= {
        "id",
        "status",
        "attempt",
        "step",
        "total_steps",
        "epoch",
        "error",
        "config",
        "metrics",
        "checkpoints",
    }
    assert any("Best accuracy on validation rows" in sentence for sentence in shown["findings"])
    assert "finished at step" in ask("run", "log", tiny_run.id)["log"]
    run("run", "delete", tiny_run.id)
    assert ask("run", "list") == []


def test_a_run_gets_a_name_and_a_note_and_keeps_its_id(tiny_run):
    assert ask("run", "rename", tiny_run.id, "Warm and cold") == {
        "id": tiny_run.id,
        "title": "Warm and cold",
        "notes": "",
    }
    assert ask("run", "note", tiny_run.id, "Two epochs.")["notes"] == "Two epochs."
    for found in (ask("run", "show", tiny_run.id), *ask("run", "list")):
        assert (found["id"], found["title"], found["notes"]) == (tiny_run.id, "Warm and cold", "Two epochs.")
    assert "Warm and cold" in run("run", "list").stdout
    assert "Two epochs." in run("run", "show", tiny_run.id).stdout
    assert ask("run", "rename", tiny_run.id, "")["title"] == ""
    assert "at most 80 letters" in run("run", "rename", tiny_run.id, "x" * 81, code=2).stderr
