"""The commands about sweeps, on a tiny model: what they run, reuse, print and refuse, and how they are broken off."""

import json
import threading

import pytest
import tiny
import yaml
from click.testing import CliRunner, Result
from colours import settings, worked

from lab import grid, jobs, runs, sweep_results, sweep_words, sweeping, sweeps, worker
from lab.cli import cli, common
from lab.job import Stopped
from lab.runs import Run
from lab.ui import sweep_charts


@pytest.fixture
def in_this_process(monkeypatch):
    """The jobs' work is done here, which saves the seconds that a worker needs to start."""
    monkeypatch.setattr(jobs, "start", worked)


def run(*words: object, code: int = 0) -> Result:
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


def ask(*words: object) -> dict:
    return json.loads(run(*words, "--json").stdout)


@pytest.fixture
def file(colours, tiny_model, tmp_path):
    """A sweep of two trainings of a second each."""
    values = settings(tiny_model, max_steps=1, epochs=None, name="lr").model_dump()
    values["grid"] = {"learning_rate": ["1e-4", 0.01]}
    path = tmp_path / "lr.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_a_sweep_trains_compares_and_reuses(colours, file, in_this_process):
    assert [one["status"] for one in ask("sweep", file, "--dry-run")["runs"]] == ["not started"] * 2
    assert runs.listing(colours) == []
    found = ask("sweep", file)
    assert (found["name"], found["over"], found["notes"]) == ("lr", ["learning_rate"], [])
    losses = [[one.pop(key) for key in ("first_loss", "last_loss")] for one in found["runs"]]
    assert all(first == last > 0 for first, last in losses)  # of a single step
    assert found["runs"] == [
        {"id": "lr-1", "status": "finished", "reused": False, "values": {"learning_rate": 0.0001}},
        {"id": "lr-2", "status": "finished", "reused": False, "values": {"learning_rate": 0.01}},
    ]
    assert [(x["subject"], x["values"]["learning_rate"]) for x in found["comparison"]] == [
        ("lr-1", 0.0001),
        ("lr-2", 0.01),
    ]
    assert {"accuracy", "accuracy_ci95", "macro_f1", "f1_ci95", "invalid", "p_value", "n"} <= set(
        found["comparison"][0]
    )
    again = run("sweep", file, "--json")
    assert [one["reused"] for one in json.loads(again.stdout)["runs"]] == [True, True]
    assert "2 finished" in again.stderr
    assert runs.listing(colours) == ["lr-2", "lr-1"]
    assert "ran already" in run("sweep", file).stdout
    assert ask("sweeps", "list")[0]["name"] == "lr"
    assert ask("sweeps", "show", "lr")["comparison"] == found["comparison"]
    assert "Nothing of the sweep lr" in run("sweeps", "stop", "lr", code=2).stderr
    assert ask("sweeps", "delete", "lr") == {"name": "lr", "deleted": True}
    assert (ask("sweeps", "list"), len(runs.listing(colours))) == ([], 2)


def test_several_base_models_are_one_sweep_scored_beside_each_other(colours, tiny_model, tmp_path, in_this_process):
    models = [str(tiny_model), str(tiny.tiny_of(tmp_path / "tiny-phi", "phi", "phi"))]
    values = settings(tiny_model, max_steps=1, epochs=None, name="bases").model_dump()
    values["grid"] = {"base_model": models}
    (tmp_path / "bases.yaml").write_text(yaml.safe_dump(values))
    found = ask("sweep", tmp_path / "bases.yaml")
    assert [one["status"] for one in found["runs"]] == ["finished"] * 2
    assert [x["values"]["base_model"] for x in found["comparison"]] == models
    assert all(x["n"] == 5 and x["accuracy_ci95"] for x in found["comparison"])
    assert [x["base_model"] for x in found["bases"]] == [tiny_model.name, "tiny-phi"]  # each before its training, too
    assert "The subjects stand on different bases, each asked in its own chat format." in found["notes"]
    columns, rows = sweep_words.table(found)
    assert [row[columns.index("base_model")] for row in rows] == models and "–" not in rows[0] + rows[1]
    chart = json.loads(sweep_charts.chart(found, "base_model").to_json())
    assert chart["data"][0]["y"] == [x["accuracy"] for x in found["comparison"]]
    first, second = chart["layout"]["xaxis"]["ticktext"]
    assert first.endswith(tiny_model.name) and second.endswith("/tiny-phi")  # however long their folders' paths are


def test_a_run_that_fails_is_the_works_failure_and_the_others_are_kept(colours, file, monkeypatch):
    def start(home, job):
        job.renew()
        job.beat(ticket=1)
        failing = job.id.endswith("-2")
        worker.work(home, job, (lambda *_: 1 / 0) if failing else None)

    monkeypatch.setattr(jobs, "start", start)
    done = run("sweep", file, "--json", code=1)
    assert done.stdout == ""
    assert "1 of 2 runs have failed; lr-2: ZeroDivisionError" in done.stderr
    assert [run.status() for run in (Run(colours, "lr-1"), Run(colours, "lr-2"))] == ["finished", "failed"]


def test_all_that_is_wrong_is_said_at_once(colours, file):
    values = yaml.safe_load(file.read_text()) | {"grid": {"learning_rate": [0.1, 30], "batch_size": [8, 0]}}
    file.write_text(yaml.safe_dump(values))
    done = run("sweep", file, code=2)
    for words in ("learning_rate: ", "batch_size: ", "(with batch_size=0, learning_rate=0.1; "):
        assert words in done.stderr
    assert runs.listing(colours) == []
    assert "cannot be read" in run("sweep", "nowhere.yaml", code=2).stderr


def test_ctrl_c_stops_what_was_started_and_detach_leaves_it(colours, file, monkeypatch):
    workers = []

    def compute(home, job, progress):
        while not job.stop_requested():
            threading.Event().wait(0.02)
        raise Stopped

    def start(home, job):
        job.log("started")
        job.beat(ticket=len(workers) + 1, queued=True)
        workers.append(threading.Thread(target=worker.work, args=(home, job, compute)))
        workers[-1].start()
        while job.holder() is None:
            threading.Event().wait(0.01)

    monkeypatch.setattr(jobs, "start", start)
    detached = ask("sweep", file, "--detach")
    assert {one["status"] for one in detached["runs"]} <= {"queued", "running"}
    joined = yaml.safe_load(file.read_text()) | {"grid": {"learning_rate": ["1e-4", 0.5]}}
    file.write_text(yaml.safe_dump(joined | {"name": "more"}))
    pressed = iter([True])

    def drawn(bar, job):
        if next(pressed, False):
            raise KeyboardInterrupt

    monkeypatch.setattr(common, "_drawn", drawn)
    stopped = threading.Timer(1, lambda: sweeping.stop(colours, sweeps.load(colours, "lr")))
    stopped.start()
    found = ask("sweep", file)
    assert [(one["id"], one["reused"]) for one in found["runs"]] == [("lr-1", True), ("more-1", False)]
    for thread in (stopped, *workers):
        thread.join()
    assert Run(colours, "more-1").status() == "stopped"
    assert Run(colours, "lr-1").status() == "stopped"  # by the other one who asked for it, not from here


def test_the_decodings_of_a_subject_are_scored_by_one_job_and_reused(colours, tiny_run, in_this_process):
    wanted = {"subject": tiny_run.id, "grid": {"temperature": [0.2, 2.0], "decoding.top_k": [0, 5]}}
    ready = sweeps.prepare(colours, grid.parse(wanted))
    assert [one["reused"] for one in sweeps.foreseen(colours, ready)["runs"]] == [False] * 4
    sweep = sweeping.start(colours, ready)
    found = sweep_results.look(colours, sweep)
    assert (found["over"], found["subject"], found["notes"]) == (["temperature", "top_k"], tiny_run.id, [])
    assert [one["status"] for one in found["runs"]] == ["finished"] * 4
    assert [x["decoding"] for x in found["comparison"]] == ["sample"] * 4
    assert len({x["id"] for x in found["comparison"]}) == 4
    assert sweep.job == "scoring-1"
    again = sweeping.start(colours, ready)
    assert (again.job, [one["reused"] for one in again.runs]) == ("scoring-1", [True] * 4)
    wider = {**wanted, "grid": {"temperature": [0.2, 3.0], "top_k": [5]}}
    third = sweeping.start(colours, sweeps.prepare(colours, grid.parse(wider)))
    assert (third.name, [one["reused"] for one in third.runs]) == ("sweep-2", [True, False])
    assert len(sweep_words.table(sweep_results.look(colours, third))[1]) == 2
