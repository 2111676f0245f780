"""How far runs are, at a glance and in words; runs at rest cost nothing."""

import os
import threading

import pytest
from colours import created

from lab import jobs, progress, runs
from lab.errors import InputError
from lab.runs import Run


@pytest.fixture
def run(colours, tiny_model):
    return created(colours, tiny_model)


def log(run, *points: dict) -> None:
    for point in points:
        run.log_point({"attempt": 1, "epoch": 0.5, **point})


# -- all runs at a glance ------------------------------------------------------------------------------------------------


def test_a_run_at_a_glance(colours, run):
    log(run, {"step": 1, "loss": 2.0, "seconds": 3.0}, {"step": 1, "train_accuracy": 0.9, "validation_loss": 1.0})
    log(run, {"step": 2, "loss": 1.5, "seconds": 4.0}, {"step": 2, "accuracy": 0.75, "invalid": 0})
    run.beat(step=2, total_steps=8, epoch=0.25, attempt=1)
    (found,) = progress.overview(colours)
    wanted = {"id": run.id, "status": "interrupted", "step": 2, "total_steps": 8, "loss": 1.5, "accuracy": 0.75}
    assert wanted.items() <= found.items()
    assert found["left"] is None  # nobody works on it
    with run.hold():
        (found,) = progress.overview(colours)
    assert (found["status"], found["left"]) == ("running", 12.0)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("state.json", "{"),
        ("state.json", "[1]"),
        ("state.json", '{"step": "x"}'),
        ("result.json", "[1]"),
        ("about.json", "[1]"),
        ("config.yaml", None),
    ],
)
def test_a_broken_run_hides_no_other(colours, tiny_model, run, file, content):
    other = created(colours, tiny_model)
    if content is None:
        (run.folder / file).unlink()
    else:
        (run.folder / file).write_text(content)
    found = {x["id"]: x for x in progress.overview(colours)}
    assert found[other.id]["status"] == "interrupted"
    assert found[run.id]["status"] == progress.BROKEN
    assert found[run.id]["error"]["message"]


def test_runs_at_rest_are_not_read_again_until_something_changes(colours, run, monkeypatch):
    run.end("finished")
    glances = []
    glance = progress.glance
    monkeypatch.setattr(progress, "glance", lambda run: glances.append(run.id) or glance(run))
    first = progress.overview(colours)
    assert progress.overview(colours) == first
    assert glances == [run.id]
    changes = [
        lambda: log(run, {"step": 1, "loss": 2.0}),
        lambda: run.describe(title="A name"),
        lambda: run.beat(step=1),
        lambda: run.end("failed", {"reason": "error", "message": "No.", "advice": ""}),
        lambda: run.renew(),
    ]
    for i, change in enumerate(changes, 2):
        change()
        progress.overview(colours)
        assert len(glances) == i
    with run.hold():
        assert progress.overview(colours)[0]["status"] == "running"
    assert progress.overview(colours)[0]["status"] == "interrupted"
    jobs.delete(colours, run)
    assert progress.overview(colours) == []


def test_a_queued_run_knows_how_many_come_first(colours, tiny_model):
    waiting = [created(colours, tiny_model) for _ in range(3)]
    for ticket, run in enumerate(waiting, 1):
        run.beat(ticket=ticket, queued=ticket > 1)
    with waiting[0].hold(), waiting[1].hold(), waiting[2].hold():
        found = progress.overview(colours)
    assert {run["id"]: run["status"] for run in found}[waiting[0].id] == "running"
    assert progress.places(colours, found) == {waiting[1].id: 1, waiting[2].id: 2}


def test_name_and_notes_are_found_and_the_id_stays(colours, run):
    assert (run.about(), progress.overview(colours)[0]["title"]) == ({"title": "", "notes": ""}, "")
    run.describe(title="  Two\nlines ")
    run.describe(notes="Rank 16.\nGood.")
    assert Run(colours, run.id).about() == {"title": "Two lines", "notes": "Rank 16.\nGood."}
    assert {"id": run.id, "title": "Two lines", "notes": "Rank 16.\nGood."}.items() <= run.summary().items()
    run.describe(title="")
    assert progress.overview(colours)[0]["title"] == ""
    with pytest.raises(InputError, match="at most 80 letters"):
        run.describe(title="x" * 81)
    jobs.delete(colours, run)
    with pytest.raises(InputError, match="deleted"):
        run.describe(title="Back")
    assert not run.folder.exists()


@pytest.mark.faults
def test_a_name_is_kept_while_a_worker_clears_what_a_crash_has_left(colours, run, monkeypatch):
    """In the middle of writing it. Seen to fail with about.json among what `Run.clear_torn` removes: FileNotFoundError."""
    true = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (Run(colours, run.id).clear_torn(), true(handle))[1])
    assert run.describe(title="Kept") == Run(colours, run.id).about()


@pytest.mark.faults
def test_a_name_and_notes_that_two_pages_save_at_once_are_both_kept(colours, run, monkeypatch):
    """Seen to fail without the guard in `Run.describe`: the notes are lost."""
    true, others = runs.write_json, []

    def write_json(path, content):
        if not others:  # between reading and writing
            others.append(threading.Thread(target=Run(colours, run.id).describe, kwargs={"notes": "Theirs."}))
            others[0].start()
            others[0].join(1)
        true(path, content)

    monkeypatch.setattr(runs, "write_json", write_json)
    run.describe(title="Ours")
    others[0].join()
    assert run.about() == {"title": "Ours", "notes": "Theirs."}


# -- words ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (80, "1 min 20 s"), (3600, "1 h"), (7500, "2 h 5 min"), (100_000, "1 d 3 h")],
)
def test_spans_of_time_in_words(seconds, words):
    assert progress.in_words(seconds) == words


def test_the_time_left_needs_a_pace():
    assert progress.seconds_left(10.0, 5, 20) == 30.0
    assert progress.seconds_left(10.0, 20, 20) == 0
    assert [progress.seconds_left(*x) for x in ((None, 5, 20), (10.0, 0, 20), (10.0, 5, None))] == [None] * 3
