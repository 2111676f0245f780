"""The published experiments as presets: the full ones are checked without rows and models, the small ones really run."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab import ahead, data, grid, machine, presets, tasks
from lab.cli import cli
from lab.config import apart
from lab.errors import InputError
from lab.home import ROOT
from lab.presets import Needed
from lab.ui import access, preset_commands, sweep_commands

FULL = ["sst2", "codebook", "fact-check", "alpaca"]
SMALL = [f"{name}-small" for name in FULL]


def dry_run(name: str, code: int = 0) -> dict | str:
    done = CliRunner().invoke(cli, ["sweep", name, "--dry-run", "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if code == 0 else done.stderr


@pytest.mark.parametrize("name", FULL)
def test_a_full_preset_is_checked_without_a_download_and_says_what_was_not(home, name, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = dry_run(name)
    assert found["name"] == name and all(one["steps"] > 0 for one in found["runs"])
    said = "\n".join(found["unchecked"])
    assert "exists and may be used" in said and "gated" in said and "estimates" in said
    assert ("memory and time on a GPU" in said) == (machine.device().kind != "cuda")
    fetched = re.findall(r"python -m lab dataset add \S+ hub:\S+", said)
    assert len(fetched) == (name in ("sst2", "alpaca"))
    assert said.count("whether llama-adapter fits meta-llama/Llama-2-7b-hf") == (name == "fact-check")
    assert not list(home.path.rglob("*.yaml"))


@pytest.mark.parametrize("name", SMALL)
def test_a_small_preset_needs_nothing_from_elsewhere(home, name):
    found = dry_run(name)
    assert found["unchecked"] == [] and {one["status"] for one in found["runs"]} <= {"not started", "skipped"}
    preset = presets.load(home, name)
    assert preset.about and not preset.needs
    assert {point.config.base_model for point in preset.sweep.points} == {"tiny-llama"}
    assert grid.parse({"name": name, **preset.sweep.definition}).points == preset.sweep.points


# What a twin must change: the model, the rows, how long and how fast it learns; of alpaca also what is swept.
TWINS_OWN = {"name", "task", "dataset", "base_model", "quantization", "train_rows", "epochs", "evaluate_at"}
TWINS_OWN |= {"learning_rate", "batch_size", "accumulate", "checkpoint_every", "gradient_checkpointing", "too_long"}
TWINS_OWN |= {"adapter.r", "adapter.alpha", "adapter.dropout", "decoding.max_new_tokens", "max_steps", "seed"}
SAME_VALUES = {  # swept keys of which the twin has every value
    "codebook": {"task", "max_length"},
    "fact-check": {"adapter.method", "quantization"},
}


@pytest.mark.parametrize("name", FULL)
def test_a_twin_differs_in_size_alone(home, name):
    """All other keys of its runs, the swept keys, the decodings and the metrics of texts are those of the full one."""
    full, small = (presets.load(home, one).sweep for one in (name, f"{name}-small"))
    if name != "alpaca":  # of which only one model is bundled
        assert full.keys == small.keys
    for key in SAME_VALUES.get(name, ()):
        assert {str(p.values[key]) for p in full.points} == {str(p.values[key]) for p in small.points}
    for points in (full.points, small.points):
        assert len({str(p.config.decoding) for p in points}) == 1
    swept = {*full.keys, *small.keys}
    unlike = {key for key, *_ in apart(full.points[0].config, small.points[0].config)}
    assert unlike - swept <= TWINS_OWN
    assert bool(full.scored_on) == bool(small.scored_on)
    assert {tuple(p.values) for p in full.decodings} == {tuple(p.values) for p in small.decodings}
    known = {str(p.values) for p in full.decodings}
    inside = [p for p in small.decodings if str(p.values) in known]
    assert len(inside) >= len(small.decodings) // 2 and bool(inside) == bool(full.decodings)
    assert [one.name for one in full.metrics or ()] == [one.name for one in small.metrics or ()]


def test_the_grids_are_those_that_were_published(home):
    points = {name: presets.load(home, name).sweep.points for name in FULL}
    cells = {(p.config.train_rows, p.config.epochs) for p in points["sst2"]}
    assert {(100, 1), (100, 10), (100, 20), (100, 50), (500, 1), (1000, 1), (5000, 1), (10000, 1), ("all", 1)} < cells
    assert {(p.config.learning_rate, p.config.max_length) for p in points["sst2"]} == {(2e-4, 256)}
    bases = {name: {p.config.base_model for p in found} for name, found in points.items()}
    llama = "meta-llama/Llama-2-13b-chat-hf"
    assert (bases["sst2"], bases["codebook"]) == ({llama}, {llama})
    assert bases["fact-check"] == {"meta-llama/Llama-2-7b-hf"}
    assert bases["alpaca"] == {"NousResearch/Llama-2-7b-hf", "mistralai/Mistral-7B-v0.1", "microsoft/phi-2"}
    for name in ("sst2", "codebook", "alpaca"):
        assert {p.config.quantization for p in points[name]} == {"nf4"}
    assert {p.config.quantization for p in points["fact-check"]} == {"nf4", "int8", "none"}
    for point in points["codebook"]:
        config = point.config
        assert config.learning_rate == 2e-4
        assert (config.validation, config.rows_seed, config.schedule) == (0.2, 42, "constant")
        assert config.evaluate_at == [10, 20, 50, 100, 200] and config.score_train_rows and config.warmup >= 1
    assert {(p.config.task, p.config.max_length) for p in points["codebook"]} == {
        *(("town-hall-brief", 512), ("town-hall-names", 256), ("town-hall-tone", 512), ("town-hall-side", 512))
    }
    for point in points["fact-check"]:
        config = point.config
        assert (config.batch_size, config.accumulate, config.learning_rate, config.epochs) == (1, 16, 4e-4, 3)
        assert (config.validation, config.warmup, config.max_length) == ("none", 0.03, 512)
        assert (config.decoding.temperature, config.decoding.max_new_tokens) == (0.1, 512)
    swept = presets.load(home, "alpaca").sweep.decodings
    for key, values in (("top_k", range(30, 81, 10)), ("beams", range(2, 9)), ("temperature", (0, 0.25, 0.5, 0.75, 1))):
        usual = {"top_k": 50, "beams": 5, "temperature": 1}
        usual.pop(key)
        fixed = [p for p in swept if all(p.values[f"decoding.{other}"] == value for other, value in usual.items())]
        assert set(values) <= {point.values[f"decoding.{key}"] for point in fixed}  # one key at a time
    assert {p.config.validation for p in points["alpaca"]} == {27}


@pytest.mark.parametrize(("name", "labels"), [("brief", 7), ("names", 7), ("tone", 3), ("side", 3)])
def test_every_variant_of_the_codebook_knows_all_labels_of_the_statements(home, name, labels):
    task = tasks.load(home, f"town-hall-{name}")
    rows = data.load(home, "town-hall").rows("train")
    assert len(task.names) == labels
    assert {task.gold(row) for row in rows} == set(task.names)


def test_what_is_not_here_is_asked_for_with_its_command(home):
    done = CliRunner().invoke(cli, ["sweep", "sst2"])
    assert done.exit_code == 2
    assert "dataset add sst2 hub:stanfordnlp/sst2 --text sentence --label label" in done.stderr
    done = CliRunner().invoke(cli, ["sweep", "quick-look"])
    assert done.exit_code == 2 and "train --preset quick-look" in done.stderr
    done = CliRunner().invoke(cli, ["train", "--preset", "sst2", "--dry-run"])
    assert done.exit_code == 2 and "lab sweep sst2" in done.stderr
    done = CliRunner().invoke(cli, ["sweep", "nowhere"])
    assert done.exit_code == 2 and "no preset 'nowhere'" in done.stderr


def test_a_cell_with_more_rows_than_were_published_is_skipped_ahead_and_columns_are_checked(home):
    wanted = grid.parse({"task": "sst2", "dataset": "films", "grid": {"train_rows": [100, 7000]}})
    needs = {"films": Needed(source="hub:a/b", text="sentence", label="label", rows={"train": 6920, "validation": 872})}
    runs = ahead.foreseen(home, wanted, needs)["runs"]
    assert [one["status"] for one in runs] == ["not started", "skipped"]
    assert runs[1]["why"] == "7,000 rows are asked for, films has 6,920 to train."
    needs["films"] = needs["films"].model_copy(update={"text": "line"})
    with pytest.raises(InputError, match="no column 'sentence'"):
        ahead.foreseen(home, wanted, needs)
    for wrong in ({"task": "gone"}, {"base_model": "nothing"}):
        with pytest.raises(InputError):
            ahead.foreseen(
                home, grid.parse({"task": "sst2", "dataset": "films", **wrong, "grid": {"seed": [1]}}), needs
            )


def test_presets_of_sweeps_stand_beside_those_of_configs(home):
    listed = json.loads(CliRunner().invoke(cli, ["preset", "list", "--json"]).stdout)
    kinds = {one["name"]: one["kind"] for one in listed}
    assert {kinds[name] for name in FULL + SMALL} == {"sweep"} and kinds["quick-look"] == "config"
    shown = json.loads(CliRunner().invoke(cli, ["preset", "show", "sst2", "--json"]).stdout)
    assert "train_rows: 100" in shown["sweep"] and shown["needs"][0].startswith("python -m lab dataset add sst2")
    (home.path / "presets").mkdir(parents=True)
    for text in ("sweep: {grid: {seed: [1]}}\nextra: 1", "sweep: 3", "sweep: {grid: {seed: [1]}}\nneeds: {x: {}}"):
        (home.path / "presets" / "mine.yaml").write_text(text)
        with pytest.raises(InputError, match="The preset mine"):
            presets.load(home, "mine")


@pytest.mark.parametrize("content", [b"about: [", b"sweep:\n  \xff\xfe", b"sweep:\n  grid: 3", b""])
def test_a_broken_preset_hides_no_other(home, content):
    bundled = len(presets.listing(home))
    (home.path / "presets").mkdir(parents=True)
    (home.path / "presets" / "mine.yaml").write_bytes(content)
    assert len(presets.of_sweeps(home)) >= len(FULL + SMALL)
    done = CliRunner().invoke(cli, ["preset", "list", "--json"])
    assert (done.exit_code, len(json.loads(done.stdout))) == (0, bundled + (content == b""))
    assert ("mine is left out: " in done.stderr) == (content != b"")
    assert len(preset_commands.preset_list(home)) == bundled + (content == b"")


def test_the_page_takes_the_name_of_a_preset_too(home, monkeypatch):
    monkeypatch.setattr(access, "may_change", lambda request: None)
    assert sweep_commands.sweep(home, None, "sst2", True)["unchecked"]
    with pytest.raises(InputError, match="dataset add sst2"):
        sweep_commands.sweep(home, None, "sst2")
    with pytest.raises(InputError, match="YAML mapping"):
        sweep_commands.sweep(home, None, "quick-look", True)
    assert "sst2" in preset_commands.preset_show(home, "sst2")["needs"][0]


# -- the real runs ---------------------------------------------------------------------------------------------------------


def ran(home: Path, name: str) -> dict:
    command = [sys.executable, "-m", "lab", "sweep", name, "--home", str(home), "--json"]
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, env={**os.environ})
    assert done.returncode == 0, done.stderr[-2000:]
    print(f"{name}: {time.monotonic() - began:.0f} seconds")
    return json.loads(done.stdout)


@pytest.mark.nightly
def test_films_small_learns_with_rows_and_epochs_and_counts_what_is_irregular(tmp_path):
    found = ran(tmp_path, "sst2-small")
    by = {(x["values"]["train_rows"], x["values"]["epochs"], x["values"]["max_steps"]): x for x in found["comparison"]}
    assert len(by) == 8 and [one["status"] for one in found["runs"]].count("skipped") == 1
    assert by["all", 1, None]["accuracy"] > 0.8 > by["all", None, 7]["accuracy"]
    assert by["all", None, 7]["invalid"] > 500 and by["all", 1, None]["invalid"] == 0
    trained = [one for one in found["runs"] if one["status"] == "finished"]
    assert all(one["first_loss"] > one["last_loss"] for one in trained)


@pytest.mark.nightly
def test_the_codebook_small_shows_overfitting_invalid_outputs_and_the_spread_of_seeds(tmp_path):
    found = ran(tmp_path, "codebook-small")
    cells = {(x["values"]["task"], x["values"]["epoch"], x["values"]["decoding.mode"]): x for x in found["cells"]}
    assert len(cells) == len(found["cells"]) == 4 * 3 * 2
    for x in cells.values():
        assert x["runs"] == 2 and x["n"] == 23 and x["spread"]["accuracy"] is not None
        assert x["accuracy_ci95"][1] - x["accuracy_ci95"][0] > 0.1
        assert x["train_n"] == 90 and None not in (x["train_accuracy"], x["train_macro_f1"], x["train_invalid"])
        assert x["f1_ci95"][0] <= x["macro_f1"] <= x["f1_ci95"][1] and x["spread"]["macro_f1"] is not None
    last = {key[0]: x for key, x in cells.items() if key[1:] == (8, "greedy")}
    assert all(x["train_accuracy"] > x["accuracy"] and x["train_accuracy"] > 0.4 for x in last.values())
    assert cells["town-hall-names", 1, "greedy"]["invalid"] > last["town-hall-names"]["invalid"]
    assert max(last["town-hall-tone"]["accuracy"], last["town-hall-side"]["accuracy"]) > 0.4
    assert len(found["bases"]) == 4 and all(x["invalid"] == 23 for x in found["bases"])


@pytest.mark.nightly
def test_fact_check_small_reads_verdicts_from_texts_under_every_method(tmp_path):
    found = ran(tmp_path, "fact-check-small")
    by = {(x["values"]["adapter.method"], x["values"]["quantization"]): x for x in found["comparison"]}
    assert set(by) == {(m, "nf4") for m in ("lora", "adalora", "llama-adapter")} | {("lora", "int8"), ("lora", "none")}
    assert all(x["n"] == 40 and x["split"] == "validation" for x in by.values())
    assert by["lora", "nf4"]["invalid"] < 10 and by["lora", "nf4"]["text_metrics"]["rouge_l"] > 0.25
    assert by["llama-adapter", "nf4"]["invalid"] is not None
    assert len(found["bases"]) == 3 and all(x["invalid"] == 40 for x in found["bases"])


@pytest.mark.nightly
def test_alpaca_small_scores_every_decoding_by_every_metric(tmp_path):
    found = ran(tmp_path, "alpaca-small")
    assert len(found["cells"]) == 2 * 7  # three values of each of three keys, of which one point is shared
    for x in found["cells"]:
        assert x["n"] == 27
        metrics = x["text_metrics"]
        assert {"bleu", "sacrebleu", "rouge_l", "bertscore", "generated_perplexity", "reference_perplexity"} <= set(
            metrics
        )
        assert all(value is not None for value in metrics.values())
    cold = [x for x in found["comparison"] if x["values"]["decoding.temperature"] == 0]
    assert [x["decoding"] for x in cold] == ["greedy"] * 2
