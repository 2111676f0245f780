"""The command line for datasets, tasks and the dry run: one JSON document on stdout, plain errors, exit codes 0 and 2."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lab.cli import cli

ROOT = Path(__file__).resolve().parent.parent
TASK = """
name: mood
labels:
  - {name: pos, definition: The writer likes it.}
  - {name: neg, definition: The writer does not like it.}
instruction: "Choose a label: $labels"
prompt: "Sentence: $text\\nLabel:"
"""
ROWS = [("it is fine", "pos"), ("it is awful", "neg"), ("lovely weather", "pos"), ("what a waste", "neg")]


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def ask(*words: object):
    """The one JSON document that a command prints."""
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refuse(*words: object) -> str:
    """The error of a command that is refused: on stderr alone, one or two lines, exit code 2."""
    done = run(*words)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "Error" in done.stderr
    return done.stderr


@pytest.fixture
def mood(home, tmp_path) -> Path:
    """A home folder with the dataset and the task mood, and the files they came from."""
    (tmp_path / "mood.csv").write_text("text,label\n" + "".join(f"{t},{label}\n" for t, label in ROWS))
    (tmp_path / "mood.yaml").write_text(TASK)
    assert run("dataset", "add", "mood", tmp_path / "mood.csv", "--label", "label").exit_code == 0
    assert run("task", "add", tmp_path / "mood.yaml").exit_code == 0
    return tmp_path


# -- datasets --------------------------------------------------------------------------------------------------------


def test_adding_a_dataset_describes_it_as_showing_does(home, tmp_path):
    (tmp_path / "a.csv").write_text("text,label\nfine,pos\nbad,neg\nfine,pos\n")
    added = ask("dataset", "add", "mine", tmp_path / "a.csv", "--label", "label")
    assert added == ask("dataset", "show", "mine")
    assert added["name"] == "mine"
    assert added["columns"] == ["text", "label"]
    assert added["splits"] == {"train": {"rows": 3, "labels": {"pos": 2, "neg": 1}}}
    assert (added["duplicates"], added["overlap"]) == (1, 0)
    assert {"max", "p95", "over_limit"} <= set(added["tokens"])
    assert added["fingerprint"]


def test_further_files_and_names_of_integer_labels_are_taken(home, tmp_path):
    (tmp_path / "a.tsv").write_text("sentence\ty\nfine\t1\nbad\t0\n")
    (tmp_path / "v.jsonl").write_text('{"sentence": "so so", "y": 0}\n')
    (tmp_path / "t.json").write_text('[{"sentence": "who knows"}]')
    files = ["--validation", tmp_path / "v.jsonl", "--test", tmp_path / "t.json"]
    flags = ["--text", "sentence", "--label", "y", "--label-names", "neg, pos"]
    found = ask("dataset", "add", "mine", tmp_path / "a.tsv", *files, *flags)
    assert {split: one["rows"] for split, one in found["splits"].items()} == {"train": 2, "validation": 1, "test": 1}
    assert found["splits"]["train"]["labels"] == {"pos": 1, "neg": 1}
    assert found["splits"]["test"]["labels"] == {}


def test_datasets_are_listed_the_users_first(mood):
    names = [one["name"] for one in ask("dataset", "list")]
    assert names[0] == "mood"
    assert {"town-hall", "instructions", "claims"} <= set(names)


def test_the_home_folder_can_be_named(mood, tmp_path):
    other = tmp_path / "other"
    assert "mood" not in [one["name"] for one in ask("dataset", "list", "--home", other)]
    assert not other.exists()


@pytest.mark.parametrize(
    ("content", "flags", "named"),
    [
        ("", [], ["a.csv", "empty"]),
        ("text,label\n", [], ["a.csv", "no rows"]),
        ("words,label\nx,pos\n", [], ["'text'", "'words', 'label'"]),
        ("text,label\nx,pos\n", ["--label", "stance"], ["'stance'", "--label"]),
        ("text,label\nx,pos\n", ["--target", "answer"], ["'answer'", "--target"]),
        ("text,label\nx,2\n", ["--label", "label", "--label-names", "a,b"], ["row 1", "'2'"]),
        ("text,label\nx,0\n", ["--label-names", "a,b"], ["--label"]),
        ("text,label\nx,0\n", ["--test", "gone.csv"], ["gone.csv"]),
    ],
)
def test_a_bad_dataset_is_refused_and_nothing_is_left(home, tmp_path, content, flags, named):
    (tmp_path / "a.csv").write_text(content)
    said = refuse("dataset", "add", "mine", tmp_path / "a.csv", *flags)
    for part in named:
        assert part in said
    assert not home.path.exists() or not [p for p in home.path.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["dataset", "show", "gone"], "'gone'"),
        (["dataset", "show", "../town-hall"], "name"),
        (["dataset", "add", "town-hall", "{csv}"], "already"),
        (["dataset", "add", "mood", "{csv}"], "already"),
        (["dataset", "add", "../up", "{csv}"], "name"),
        (["dataset", "add", "mine", "{csv}.gone"], "gone"),
        (["dataset", "add"], "NAME"),
        (["task", "show", "gone"], "'gone'"),
        (["task", "show", "gone.yaml"], "gone.yaml"),
        (["task", "add", "{yaml}"], "already"),
        (["task", "lint", "mood", "--dataset", "gone"], "'gone'"),
        (["task", "lint", "mood"], "--dataset"),
        (["task", "preview", "mood", "--dataset", "mood", "--row", "4"], "0 to 3"),
        (["task", "preview", "mood", "--dataset", "mood", "--row", "-1"], "0 to 3"),
        (["task", "preview", "mood", "--dataset", "mood", "--model", "no such model"], "no such model"),
        (["train", "--dry-run", "--set", "epoch=3"], "did you mean epochs?"),
        (["train", "--dry-run", "--set", "epochs"], "key=value"),
        (["train", "--dry-run", "gone.yaml"], "gone.yaml"),
        (["train", "--dry-run", "--set", "dataset=gone"], "'gone'"),
        (["train", "--dry-run", "--set", "task=gone"], "'gone'"),
        (["launch"], "launch"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(mood, words, named):
    places = {"csv": mood / "mood.csv", "yaml": mood / "mood.yaml"}
    assert named in refuse(*(word.format(**places) for word in words))


# -- tasks -----------------------------------------------------------------------------------------------------------


def test_a_task_is_added_listed_and_shown(mood):
    listed = ask("task", "list")
    assert listed[0]["name"] == "mood"
    assert listed[0]["labels"] == ["pos", "neg"]
    assert {"sentiment", "town-hall", "instructions", "claims"} <= {one["name"] for one in listed}
    shown = ask("task", "show", "mood")
    assert shown["prompt"] == "Sentence: $text\nLabel:"
    assert shown["labels"][0]["definition"] == "The writer likes it."


def test_a_bad_task_is_refused_with_all_its_problems_and_not_kept(home, tmp_path):
    (tmp_path / "bad.yaml").write_text(
        "name: bad\nprompd: x\nformat: gpt\nlabels: [{name: a, defnition: x}, {name: b}]"
    )
    said = refuse("task", "add", tmp_path / "bad.yaml")
    for part in ("bad.yaml", "prompd", "format", "defnition"):
        assert part in said
    assert "bad" not in [one["name"] for one in ask("task", "list")]


def test_lint_is_a_list_of_findings(mood):
    assert ask("task", "lint", "mood", "--dataset", "mood") == []
    (mood / "odd.csv").write_text("text,label\nx,pos\ny,posi\n")
    assert run("dataset", "add", "odd", mood / "odd.csv", "--label", "label").exit_code == 0
    found = ask("task", "lint", "mood", "--dataset", "odd")
    assert all(set(one) == {"severity", "message", "label", "rows"} for one in found)
    assert [(one["label"], one["rows"]) for one in found if one["severity"] == "error"] == [("posi", 1)]


def test_lint_counts_prompts_that_are_too_long(mood):
    (mood / "long.csv").write_text(f"text,label\n{'word ' * 2000},pos\ny,neg\n")
    assert run("dataset", "add", "long", mood / "long.csv", "--label", "label").exit_code == 0
    found = ask("task", "lint", "mood", "--dataset", "long")
    assert any(one["rows"] == 1 and "tokens" in one["message"] for one in found)


@pytest.mark.parametrize("name", ["sentiment", "town-hall", "instructions", "claims"])
def test_the_bundled_tasks_fit_their_datasets(home, name):
    assert [one for one in ask("task", "lint", name, "--dataset", name) if one["severity"] == "error"] == []


def test_a_preview_shows_the_exact_prompt_and_what_is_trained(mood):
    found = ask("task", "preview", "mood", "--dataset", "mood", "--row", "1")
    assert "Sentence: it is awful\nLabel:" in found["text"]
    assert "- neg: The writer does not like it." in found["text"]
    assert 0 < found["trained_tokens"] < found["tokens"]
    assert 0 < found["shared_prefix_tokens"] < found["tokens"] - found["trained_tokens"]
    assert found["exact"] is True


def test_a_preview_of_a_local_model_counts_with_its_tokenizer(mood, tiny_model):
    found = ask("task", "preview", "mood", "--dataset", "mood", "--model", tiny_model)
    assert found["exact"] is True
    assert found["text"].startswith("<s>[INST] <<SYS>>\nChoose a label:") or found["text"].startswith("[INST] <<SYS>>")


def test_a_preview_of_a_model_that_is_not_at_hand_is_an_estimate_and_says_what_is_unchecked(mood):
    found = ask("task", "preview", "mood", "--dataset", "mood", "--model", "nobody/no-such-model")
    assert found["exact"] is False
    assert found["unchecked"]
    assert "it is fine" in found["text"]


# -- the dry run -----------------------------------------------------------------------------------------------------


def test_the_dry_run_of_the_defaults_needs_no_config(home):
    found = ask("train", "--dry-run")
    assert found["train_rows"] > 0
    assert found["validation_rows"] > 0
    assert found["steps"] > 0
    assert found["tokens"]["exact"] is True
    assert found["unchecked"] == []
    assert not home.runs.exists()


def test_the_dry_run_names_rows_steps_and_tokens(home):
    found = ask(
        "train", "--dry-run", "--set", "task=town-hall", "--set", "dataset=town-hall", "--set", "max_length=4096"
    )
    assert (found["train_rows"], found["validation_rows"]) == (90, 23)
    assert found["steps"] == found["steps_per_epoch"] == 6
    assert found["evaluate_at"] == [1]
    assert 0 < found["tokens"]["shared_prefix"] < found["tokens"]["max"] <= 4096
    estimates = found["estimates"]
    assert set(estimates) == {
        "trainable_parameters",
        "weights_bytes",
        "adapter_and_optimizer_bytes",
        "activations_bytes",
        "libraries_bytes",
        "peak_bytes",
        "largest_batch_tokens",
        "disk_bytes",
    }
    parts = ("weights_bytes", "adapter_and_optimizer_bytes", "activations_bytes", "libraries_bytes")
    assert sum(estimates[part] for part in parts) == estimates["peak_bytes"]


def test_the_dry_run_names_what_of_the_adapter_it_could_not_check(home):
    away = ("train", "--dry-run", "--set", "base_model=microsoft/phi-2")
    found = ask(*away, "--set", "adapter.method=llama-adapter")["unchecked"]
    assert any(x.startswith("whether llama-adapter fits microsoft/phi-2") for x in found)
    found = ask(*away, "--set", "adapter.targets=[q_proj, gone]")["unchecked"]
    assert "whether microsoft/phi-2 has the layers q_proj, gone" in found
    assert not any("adapter" in x or "layers" in x for x in ask(*away)["unchecked"])


def test_the_dry_run_reads_a_config_with_settings_on_top(mood, tiny_model):
    (mood / "run.yaml").write_text(
        f"task: mood\ndataset: mood\nbase_model: {tiny_model}\nvalidation: none\nepochs: 3\nbatch_size: 2\n"
    )
    found = ask("train", mood / "run.yaml", "--dry-run", "--set", "epochs=5")
    assert (found["train_rows"], found["validation_rows"]) == (4, 0)
    assert (found["steps"], found["evaluate_at"]) == (10, [5])
    assert found["estimates"]["trainable_parameters"] > 0


def dry(*sets: str) -> tuple[list[str], str]:
    """The notes of a dry run of the small sentiment set, and what people read of it."""
    words = ["train", "--dry-run", *(part for one in ("train_rows=64", *sets) for part in ("--set", one))]
    return ask(*words)["notes"], " ".join(run(*words).stdout.split())


@pytest.mark.parametrize(
    ("sets", "note"),
    [
        (["decoding.temperature=0.7"], "decoding: temperature changes nothing with mode=greedy; set mode=sample"),
        (["decoding.mode=labels", "decoding.beams=3"], "decoding: beams changes nothing with mode=labels."),
        (["decoding.top_k=5", "decoding.seed=1"], "decoding: top_k and seed change nothing with mode=greedy;"),
        (
            ["warmup=500", "max_steps=50"],
            "warmup: the learning rate rises over 500 steps, but 50 are trained: it never",
        ),
        (["validation=none", "evaluate_at=[1]"], "evaluate_at: no rows are held out, so the run scores none"),
    ],
)
def test_a_key_that_changes_nothing_or_less_than_it_says_is_noted(home, sets, note):
    notes, said = dry(*sets)
    assert any(one.startswith(note) for one in notes) and note in said


@pytest.mark.parametrize(
    "sets",
    [
        ["decoding.temperature=0.7", "decoding.mode=sample"],
        ["decoding.temperature=0"],  # which is what greedy does
        ["warmup=50", "max_steps=50"],
        ["decoding.mode=labels", "decoding.max_new_tokens=9"],
    ],
)
def test_keys_that_do_what_they_say_have_no_note(home, sets):
    assert dry(*sets)[0] == []


def test_what_is_scored_is_said_as_it_is(home):
    for sets, said in (
        (["validation=none"], "0 held out; 4 steps, 4 an epoch; nothing is scored"),
        (
            ["validation=none", "score_train_rows=true"],
            "0 held out; 4 steps, 4 an epoch; the training rows scored after",
        ),
        (["score_train_rows=true"], "the held-out rows and the training rows scored after epoch 1"),
    ):
        assert said in dry(*sets)[1]


def test_the_dry_run_refuses_rows_that_are_too_long_and_says_how_long_they_may_be(mood, tiny_model):
    sets = ["task=mood", "dataset=mood", f"base_model={tiny_model}", "validation=none", "max_length=16"]
    said = refuse("train", "--dry-run", *(part for one in sets for part in ("--set", one)))
    assert "max_length=" in said
    assert "too_long=cut" in said


def test_the_dry_run_refuses_labels_that_the_task_does_not_know(mood, tiny_model):
    (mood / "odd.csv").write_text("text,label\nx,pos\ny,nge\nz,nge\nw,pos\n")
    assert run("dataset", "add", "odd", mood / "odd.csv", "--label", "label").exit_code == 0
    sets = ["task=mood", "dataset=odd", f"base_model={tiny_model}", "validation=none"]
    said = refuse("train", "--dry-run", *(part for one in sets for part in ("--set", one)))
    assert "'nge'" in said
    assert "'neg'" in said


# -- as a process ----------------------------------------------------------------------------------------------------


def process(home_folder: Path, *words: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "LAB_HOME": str(home_folder), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "lab", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def test_a_process_prints_one_json_document_and_ends_with_0(tmp_path):
    done = process(tmp_path / "home", "task", "list", "--json")
    assert done.returncode == 0
    assert isinstance(json.loads(done.stdout), list)
    assert done.stderr == ""


def test_a_process_that_is_refused_says_so_on_stderr_and_ends_with_2(tmp_path):
    done = process(tmp_path / "home", "dataset", "show", "gone", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    command = f"{sys.executable} -m lab task list --json --home {tmp_path} | head -c 1"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[", "")


@pytest.mark.parametrize(
    "words",
    [
        ["dataset", "list"],
        ["dataset", "show", "town-hall"],
        ["task", "list"],
        ["task", "show", "town-hall"],
        ["task", "lint", "town-hall", "--dataset", "town-hall"],
        ["task", "preview", "town-hall", "--dataset", "town-hall"],
        ["run", "list"],
    ],
    ids=" ".join,
)
def test_without_json_a_command_prints_text(home, words):
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() or words == ["run", "list"]
    assert not done.stdout.startswith(("{", "[{"))


def test_rows_of_one_label_teach_nothing_and_are_refused(home, tmp_path):
    (tmp_path / "one.csv").write_text("text,label\nx,positive\ny,positive\n")
    ask("dataset", "add", "one", tmp_path / "one.csv", "--label", "label")
    said = refuse("train", "--set", "dataset=one", "--set", "validation=none")
    assert "All 2 training rows" in said
    assert "'positive'" in said
    assert not home.runs.exists()


def test_labels_unknown_to_the_task_are_counted_with_their_nearest_spelling(home, tmp_path):
    (tmp_path / "near.csv").write_text("text,label\nx,positve\ny,positve\nz,negative\n")
    ask("dataset", "add", "near", tmp_path / "near.csv", "--label", "label")
    said = refuse("train", "--set", "dataset=near", "--set", "validation=none")
    assert "'positve' (2 rows, nearest is 'positive')" in said
    assert not home.runs.exists()
