"""Sweeps on the disk: what belongs to one, what ran already by content, what is started, stopped and forgotten."""

import pytest
import swept
from swept import finished, made_up, prepared

from lab import grid, jobs, repeats, runs, sweep_results, sweep_words, sweeping, sweeps
from lab.comparison import Comparison
from lab.errors import InputError
from lab.runs import Run
from lab.ui.given_yaml import read_sweep

RATES = {"grid": {"learning_rate": [1e-4, 1e-3]}}


@pytest.fixture
def begun(monkeypatch) -> list[str]:
    """The ids of the jobs that were put into the queue; nobody works on them."""
    ids = []
    monkeypatch.setattr(jobs, "start", lambda home, job: ids.append(job.id))
    return ids


@pytest.fixture
def ready(home):
    return prepared(home, **RATES)


def ids(sweep: sweeps.Sweep) -> list[tuple]:
    return [(one["id"], one["reused"]) for one in sweep.runs]


# -- what ran already ----------------------------------------------------------------------------------------------------


def test_a_finished_run_with_the_same_content_is_reused_whatever_its_name(home, ready, begun):
    old = finished(home, prepared(home, name="other", grid={"learning_rate": [1e-4]}).plans[0])
    assert ids(sweeping.start(home, ready)) == [(old.id, True), ("sweep-1", False)]
    assert begun == ["sweep-1"]


@pytest.mark.parametrize("changes", [{"seed": 43}, {"train_rows": 31}, {"validation": 199}, {"adapter": {"alpha": 16}}])
def test_another_config_is_another_run(home, ready, changes):
    finished(home, prepared(home, grid={"learning_rate": [1e-4]}, **changes).plans[0])
    assert repeats.ran(home, ready.plans[0], []) is None


def test_another_content_of_the_task_or_of_the_rows_is_another_run(home, ready, monkeypatch):
    run = finished(home, ready.plans[0])
    assert repeats.ran(home, ready.plans[0], []).id == run.id
    ready.plans[0].task = ready.plans[0].task.model_copy(update={"name": "renamed"})
    assert repeats.ran(home, ready.plans[0], []).id == run.id
    ready.plans[0].task = ready.plans[0].task.model_copy(update={"instruction": "Another one. $labels"})
    assert repeats.ran(home, ready.plans[0], []) is None
    other = prepared(home, **RATES).plans[0]
    other.train = [{**other.train[0], "text": "changed"}, *other.train[1:]]
    assert repeats.ran(home, other, []) is None


def test_only_what_finished_or_is_at_work_is_reused_and_what_was_broken_off_where_it_is_ones_own(home, ready):
    planned = ready.plans[0]
    run = runs.create(home, planned.config, planned.task, planned.train, planned.validation)
    assert repeats.ran(home, planned, []) is None  # nobody works on it
    assert repeats.ran(home, planned, [run.id]).id == run.id
    with run.hold():
        assert repeats.ran(home, planned, []).id == run.id
    run.end("failed", {"reason": "error", "message": "no luck", "advice": ""})
    assert repeats.ran(home, planned, []) is None


# -- start ---------------------------------------------------------------------------------------------------------------


def test_a_sweep_that_is_asked_for_again_goes_on(home, ready, begun):
    first = sweeping.start(home, ready)
    assert (ids(first), begun) == ([("sweep-1", False), ("sweep-2", False)], ["sweep-1", "sweep-2"])
    again = sweeping.start(home, prepared(home, **RATES))  # both were broken off: resumed, not trained anew
    assert (again.name, ids(again)) == ("sweep", [("sweep-1", True), ("sweep-2", True)])
    assert begun[2:] == ["sweep-1", "sweep-2"]
    assert runs.listing(home) == ["sweep-2", "sweep-1"]
    assert ids(sweeps.load(home, "sweep")) == ids(again)


def test_another_sweep_of_the_same_name_gets_a_number_and_its_runs_too(home, ready, begun):
    sweeping.start(home, ready)
    second = sweeping.start(home, prepared(home, grid={"learning_rate": [1e-2, 1e-1]}))
    assert (second.name, ids(second)[0]) == ("sweep-2", ("sweep-2-1", False))
    assert Run(home, "sweep-2-1").config.name == "sweep-2"
    assert sweeps.listing(home) == ["sweep-2", "sweep"]


def test_nothing_starts_before_every_point_is_right(home, begun):
    with pytest.raises(InputError) as caught:
        prepared(home, grid={"max_length": [10, 12, 512], "batch_size": [4, 8]})
    said = str(caught.value)
    assert said.count("longer than max_length 10") == 1
    assert "longer than max_length 12" in said
    assert "with max_length=10, batch_size=4; max_length=10, batch_size=8" in said
    assert (runs.listing(home), sweeps.listing(home), begun) == ([], [], [])


def test_a_crash_on_the_way_leaves_what_was_started_in_the_sweep(home, ready, monkeypatch):
    def start(home, job):
        if job.id == "sweep-2":
            raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "start", start)
    with pytest.raises(KeyboardInterrupt):
        sweeping.start(home, ready)
    assert ids(sweeps.load(home, "sweep"))[0] == ("sweep-1", False)


def test_a_dry_run_says_what_would_be_reused_and_leaves_nothing(home, ready):
    old = finished(home, ready.plans[1])
    found = sweeps.foreseen(home, ready)
    assert [(one["id"], one["status"], one["reused"], one["steps"]) for one in found["runs"]] == [
        (None, "not started", False, 1),
        (old.id, "finished", True, 1),
    ]
    assert sweeps.listing(home) == []
    assert repeats.likely(home, ready.grid.points[1].config).id == old.id  # as the form says it
    assert repeats.likely(home, ready.grid.points[0].config) is None


def test_stop_reaches_all_that_is_queued_and_delete_leaves_the_runs(home, ready, begun):
    sweep = sweeping.start(home, ready)
    with pytest.raises(InputError, match="Nothing of the sweep sweep is queued or at work"):
        sweeping.stop(home, sweep)
    held = [Run(home, name) for name in sweep.own]
    with held[0].hold(), held[1].hold():
        assert sweeping.stop(home, sweep, but=["sweep-1"]) == ["sweep-2"]
        assert [run.stop_requested() for run in held] == [False, True]
    sweeps.delete(home, "sweep")
    assert (sweeps.listing(home), len(runs.listing(home))) == ([], 2)
    with pytest.raises(InputError, match="There is no sweep 'sweep'"):
        sweeps.delete(home, "sweep")
    with pytest.raises(InputError, match="no valid name"):
        sweeps.load(home, "../sweep")


def test_a_broken_file_is_told_and_keeps_its_name(home, ready):
    sweeps.file_of(home, "sweep").parent.mkdir(parents=True)
    sweeps.file_of(home, "sweep").write_text("runs: 3")
    with pytest.raises(InputError, match="The sweep sweep is broken"):
        sweeps.load(home, "sweep")
    assert sweeps.settled(home, ready).name == "sweep-2"


# -- results -------------------------------------------------------------------------------------------------------------


def test_the_scores_stand_beside_each_other_with_their_values(home):
    sweep = made_up(home, [0.6, None, 0.9], grid={"train_rows": [16, 24, 32]})
    found = sweep_results.look(home, sweep)
    assert [(one["id"], one["status"]) for one in found["runs"]] == [
        ("sweep-1", "finished"),
        (None, "not started"),
        ("sweep-2", "finished"),
    ]
    assert [x["values"] for x in found["comparison"]] == [{"train_rows": 16}, {"train_rows": 32}]
    assert found["comparison"][0]["p_value"] is None and found["comparison"][1]["p_value"] < 0.01
    assert all(x["n"] == 200 for x in found["comparison"])
    heads, rows = sweep_words.table(found)
    assert heads == ["train_rows", "run", "status", "accuracy", "macro F1", "invalid", "p"]
    assert [len(row) for row in rows] == [len(heads)] * 3
    assert "6 of 200" in rows[2]
    assert any("best of 2" in sentence for sentence in sweep_words.said(found))
    jobs.delete(home, Run(home, "sweep-2"))
    assert [one["status"] for one in sweep_results.look(home, sweep)["runs"]][2] == "deleted"


def test_where_nothing_is_right_nothing_is_called_the_best(home):
    sweep = made_up(home, [0.0, 0.0], grid={"train_rows": [16, 24]})
    found = sweep_words.said(sweep_results.look(home, sweep))
    assert "No answer is right." in found and not any("Best" in sentence for sentence in found)


def test_each_task_has_a_best_of_its_own_and_p_values_are_against_the_same_labels(home):
    """Scores on three labels are no rivals of those on seven, whose first row says nothing about them."""
    asked = {"dataset": "town-hall", "train_rows": "all", "validation": 0.4, "split_seed": 1, "epochs": 1}
    asked |= {"max_length": 512, "max_steps": None}
    blocks = [{"task": [name], "learning_rate": [1e-3, 2e-3]} for name in ("town-hall-brief", "town-hall-names")]
    blocks += [{"task": ["town-hall-tone"], "learning_rate": [1e-3, 2e-3]}]
    sweep = made_up(home, [0.1, 0.4, 0.9, 0.3, 0.5, 1.0], **asked, grid=blocks)
    found = sweep_results.look(home, sweep)
    assert [x["reference"] for x in found["comparison"]] == [*["sweep-1"] * 4, *["sweep-5"] * 2]
    assert [x["p_value"] is None for x in found["comparison"]] == [True, False, False, False, True, False]
    said = sweep_words.said(found)
    best = [sentence for sentence in said if sentence.startswith("Best accuracy of town-hall-")]
    for sentence, x, rate in zip(
        best, [found["comparison"][i] for i in (1, 2, 5)], ("0.002", "0.001", "0.002"), strict=True
    ):
        low, high = x["accuracy_ci95"]
        score = f"{x['accuracy']:.3f} ({low:.3f} to {high:.3f}) on {x['n']} rows"
        assert sentence == f"Best accuracy of {x['task']}: {score} at learning_rate {rate}, the best of 2."
    assert "Each best is the best of so many on the rows it is scored on, so it flatters" in " ".join(said)
    assert any("the first row with the same labels" in sentence for sentence in said)
    assert any("different labels are compared apart" in note for note in found["notes"])


def test_rows_that_differ_are_said_and_runs_without_scores_too(home):
    sweep = made_up(home, [0.6, 0.9], train_rows=32, grid={"validation": [60, 40]})
    found = sweep_results.look(home, sweep)
    assert any("different rows" in note for note in found["notes"])
    other = made_up(home, [0.6, 0.7], name="other", grid={"learning_rate": [1e-2, 2e-2]})
    ready = prepared(home, name="third", grid={"learning_rate": [1e-2, 3e-2]})
    third = sweeps.settled(home, ready).with_run(0, other.own[0], True)
    third = third.with_run(1, finished(home, ready.plans[1], None).id, False)
    sweeps.keep(home, third)
    found = sweep_results.look(home, third)
    assert found["notes"] == ["Finished, but not scored on held-out rows: third-1."]
    assert sweep_results.lacking(home, third) == [Comparison(subjects=["third-1"])]


# -- the decodings of one subject ----------------------------------------------------------------------------------------


def test_texts_are_scored_by_their_own_metrics(home):
    asked = {"subject": "base", "task": "instructions", "dataset": "instructions", "rows": 6, "grid": {"beams": [1, 2]}}
    ready = sweeps.prepare(home, grid.parse(asked))
    for wanted, accuracy in zip(ready.wanted(), (0.0, 1.0), strict=True):
        swept.score(home, wanted, accuracy)
    sweep = sweeps.settled(home, ready)
    sweeps.keep(home, sweep)
    heads, rows = sweep_words.table(sweep_results.look(home, sweep))
    assert heads[:2] == ["beams", "status"] and "Exact match" in heads and "accuracy" not in heads
    assert [row[heads.index("Exact match")].split(" [")[0] for row in rows] == ["0.000", "1.000"]


def test_a_subject_or_a_task_that_is_not_there_is_refused(home):
    for asked, said in (
        ({"subject": "run-9"}, "no run 'run-9'"),
        ({"subject": "base", "task": "gone"}, "no task 'gone'"),
    ):
        with pytest.raises(InputError, match=said):
            sweeps.prepare(home, grid.parse({**asked, "grid": {"beams": [1, 2]}}))


@pytest.mark.parametrize(
    "text",
    [
        "grid: {task: [sentiment, ../x]}",
        "grid: {dataset: [/etc/passwd]}",
        "grid: {base_model: [tiny-llama, /tmp]}",
        "subject: base\ntask: assets/tasks/sentiment.yaml\ngrid: {beams: [1, 2]}",
        "subject: base:/tmp\ngrid: {beams: [1, 2]}",
        "scored_on: {dataset: ../x}\ngrid: {seed: [1, 2]}",
    ],
)
def test_the_page_takes_no_paths(text):
    with pytest.raises(InputError, match=r"no valid name|no base model"):
        read_sweep(text)
