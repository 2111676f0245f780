"""The whole loop on the bundle, as a new user runs it: through the command line, in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from waiting import until

from lab.home import Home
from lab.runs import Run

ROOT = Path(__file__).resolve().parent.parent


def lab(home: Path, *words: str, code: int = 0):
    """Runs a command with --json and returns its document; stdout holds nothing else."""
    command = [sys.executable, "-m", "lab", *words, "--home", str(home), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == code, done.stderr[-2000:]
    return json.loads(done.stdout) if code == 0 else done.stderr


def test_the_demo_keeps_its_promise(tmp_path):
    base, adapter = lab(tmp_path, "demo")
    assert (base["subject"], base["n"], adapter["n"]) == ("base", 872, 872)
    assert base["invalid"] > 872 / 2
    assert adapter["accuracy"] >= 0.85
    assert adapter["invalid"] <= 872 * 0.01
    assert adapter["p_value"] < 0.001
    assert base["p_value"] is None
    # What the demo did is there to be used: nothing is evaluated again, the adapter answers.
    begun = time.monotonic()
    again = lab(tmp_path, "compare", "base", "demo-1")
    assert [x["id"] for x in again] == [base["id"], adapter["id"]]
    assert time.monotonic() - begun < 60
    said = lab(tmp_path, "generate", "base", "demo-1", "--text", "I was glad that the soup was splendid.")
    assert [x["subject"] for x in said] == ["base", "demo-1"]
    assert said[1]["label"] in ("positive", "negative")
    assert sum(said[1]["label_probabilities"].values()) == pytest.approx(1)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [42, 1, 2])
def test_more_rows_help(tmp_path, seed):
    """One epoch of 100, 500 and 2,000 rows, and no bag of words comes near (see test_bundle)."""
    scores = []
    for rows in (100, 500, 2000):
        done = lab(tmp_path, "train", "--set", f"train_rows={rows}", "--set", f"seed={seed}")
        scores.append(lab(tmp_path, "evaluate", done["id"])[0]["accuracy"])
    assert scores == sorted(scores)
    assert scores[0] < 0.5 < 0.85 < scores[2]


@pytest.mark.nightly
def test_the_town_hall_codebook_trains_with_its_definitions(tmp_path):
    settings = ["name=talk", "task=town-hall", "dataset=town-hall", "max_length=1024", "batch_size=8", "train_rows=24"]
    done = lab(tmp_path, "train", *(word for s in settings for word in ("--set", s)))
    shown = lab(tmp_path, "run", "show", done["id"])
    assert shown["status"] == "finished"
    found = lab(tmp_path, "compare", done["id"], "base")
    assert [x["n"] for x in found] == [23, 23]
    assert len(found[0]["confusion"]["counts"][0]) == len(found[0]["confusion"]["labels"]) + 1


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["instructions", "claims"])
def test_the_generate_tasks_train_and_are_compared_as_texts(tmp_path, name):
    settings = [f"name={name}", f"task={name}", f"dataset={name}", "train_rows=32", "max_length=1024", "validation=8"]
    settings += ["decoding.max_new_tokens=24"]
    done = lab(tmp_path, "train", *(word for s in settings for word in ("--set", s)))
    found = lab(tmp_path, "compare", "base", done["id"])
    if name == "instructions":
        assert all(x["accuracy"] is None and "exact_match" in x["text_metrics"] for x in found)
    else:
        assert all(x["accuracy"] is not None for x in found)  # its task reads a label inside the text


def begun(home: Path, name: str, *more: str) -> subprocess.Popen:
    """A training at the terminal that goes on for long, in its first steps."""
    settings = [f"name={name}", "epochs=50", "validation=none", "train_rows=64", *more]
    command = [sys.executable, "-m", "lab", "train", "--home", str(home), "--json"]
    command += [word for s in settings for word in ("--set", s)]
    terminal = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.default_int_handler
        ),  # a job in the background ignores it
    )
    until(lambda: (home / "runs" / f"{name}-1" / "metrics.jsonl").exists(), "it trains")
    return terminal


@pytest.mark.long
def test_ctrl_c_stops_at_the_next_step_and_saves(tmp_path):
    terminal = begun(tmp_path, "long")
    terminal.send_signal(signal.SIGINT)
    out, _ = terminal.communicate(timeout=60)
    assert json.loads(out) == {"id": "long-1", "status": "stopped"}
    shown = lab(tmp_path, "run", "show", "long-1")
    assert shown["checkpoints"][-1]["step"] == shown["step"] < shown["total_steps"]
    said = lab(tmp_path, "generate", "long-1", "--text", "It was fine.")
    assert said[0]["output"]


@pytest.mark.faults
def test_a_run_outlives_its_terminal_and_is_steered_from_another(tmp_path):
    terminal = begun(tmp_path, "cut")
    terminal.kill()
    terminal.wait()
    assert lab(tmp_path, "run", "show", "cut-1")["status"] == "running"
    assert "running" in lab(tmp_path, "run", "delete", "cut-1", code=2)
    queued = lab(tmp_path, "train", "--detach", "--set", "name=next", "--set", "train_rows=16")
    assert queued == {"id": "next-1", "status": "queued"}
    assert lab(tmp_path, "run", "stop", "next-1")["id"] == "next-1"

    # The worker itself is killed: the run is interrupted, and goes on from where it was.
    run = Run(Home.at(tmp_path), "cut-1")
    os.kill(run.holder(), signal.SIGKILL)
    until(lambda: run.status() == "interrupted", "it is interrupted")
    assert [x["status"] for x in lab(tmp_path, "run", "list")][-1] == "interrupted"
    assert lab(tmp_path, "run", "resume", "cut-1", "--detach")["status"] in ("queued", "running")
    until(lambda: (run.points() or [{}])[-1].get("attempt") == 2, "it trains again")
    assert lab(tmp_path, "run", "stop", "cut-1")["status"] in ("stopping", "stopped")
    until(lambda: run.status() == "stopped", "it has stopped")
    assert "goes on from checkpoint" in lab(tmp_path, "run", "log", "cut-1")["log"]
    until(lambda: Run(Home.at(tmp_path), "next-1").status() == "stopped", "the queued one has left")
    for run_id in ("cut-1", "next-1"):
        lab(tmp_path, "run", "delete", run_id)
    assert lab(tmp_path, "run", "list") == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["base_model=no-such-model"], "no base model 'no-such-model'"),
        (["task=sentimant"], "no task 'sentimant'"),
        (["dataset=elsewhere"], "no dataset 'elsewhere'"),
        (["epoch=3", "batchsize=4", "adapter.rank=8"], "adapter.rank"),
        (["max_length=60"], "are longer than max_length 60"),
        (["epochs=2", "max_steps=5"], "exactly one"),
        (["dataset=town-hall"], "does not know"),
    ],
)
def test_wrong_input_is_told_before_anything_is_made(tmp_path, settings, said):
    message = lab(tmp_path, "train", *(word for s in settings for word in ("--set", s)), code=2)
    assert said in message
    assert "Traceback" not in message
    assert not list(tmp_path.rglob("*.yaml"))


@pytest.mark.long
def test_two_runs_at_once_get_ids_of_their_own(tmp_path):
    settings = ["--set", "train_rows=16", "--set", "validation=none"]
    command = [sys.executable, "-m", "lab", "train", "--home", str(tmp_path), "--json", *settings]
    workers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(2)]
    ids = [json.loads(worker.communicate(timeout=120)[0])["id"] for worker in workers]
    assert sorted(ids) == ["run-1", "run-2"]
