"""Jobs: the queue, stop and resume, and what a worker leaves behind; with real workers where a process matters."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from colours import created, settings, worked
from waiting import PATIENCE, until

from lab import comparison, jobs, queue, runs, worker
from lab.comparison import Comparison
from lab.errors import InputError, WorkError
from lab.job import Stopped
from lab.runs import Run


def ended(job) -> bool:
    return job.holder() is None


def weights(run: Run) -> bytes:
    return (run.adapter / "adapter_model.safetensors").read_bytes()


def losses(run: Run) -> list[float]:
    return [point["loss"] for point in run.points()]


def stop_at(monkeypatch, step: int) -> None:
    """From now on a run is asked to stop so that it stops at a step."""
    log_point = Run.log_point

    def log_and_stop(self, point):
        log_point(self, point)
        if point["step"] == step - 1:
            self.request_stop()

    monkeypatch.setattr(Run, "log_point", log_and_stop)


# -- stop and resume -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [2, 3, 4])  # within an epoch, at its end, and at the first of the next
def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(colours, tiny_model, monkeypatch, step):
    """To the byte, with dropout and gradient accumulation, in NF4."""
    changes = {
        "adapter": {"r": 4, "dropout": 0.2},
        "quantization": "nf4",
        "batch_size": 4,
        "accumulate": 2,
        "epochs": 3,
    }
    whole = worked(colours, created(colours, tiny_model, **changes))
    parts = created(colours, tiny_model, **changes)
    with monkeypatch.context() as patch:
        stop_at(patch, step)
        worked(colours, parts)
    assert parts.status() == "stopped"
    assert parts.checkpoints()[-1]["step"] == step
    worked(colours, parts)
    assert parts.status() == "finished"
    assert weights(parts) == weights(whole)
    assert losses(parts) == losses(whole)
    assert {p["step"]: p["attempt"] for p in parts.points()} == {s: 1 if s <= step else 2 for s in range(1, 10)}
    assert parts.points()[-1]["accuracy"] == whole.points()[-1]["accuracy"]


def test_a_resume_passes_over_a_broken_checkpoint_and_names_the_file(colours, tiny_model, monkeypatch):
    changes = {"epochs": 3, "evaluate_at": [3]}
    whole = worked(colours, created(colours, tiny_model, **changes))
    run = created(colours, tiny_model, **changes)
    with monkeypatch.context() as patch:
        stop_at(patch, 7)
        worked(colours, run)
    newest = run.checkpoint(7) / "adapter_model.safetensors"
    flipped = bytearray(newest.read_bytes())
    flipped[-1] ^= 1
    newest.write_bytes(flipped)
    torn = run.checkpoint_folder / "checkpoint-8"
    torn.mkdir()
    (torn / "optimizer.pt").write_bytes(b"half")
    worked(colours, run)
    assert "checkpoint-7 is passed over: adapter_model.safetensors" in run.log_tail()
    assert "goes on from checkpoint-6" in run.log_tail()
    assert not torn.exists()
    assert weights(run) == weights(whole)


def test_a_run_that_ended_before_its_first_checkpoint_starts_anew(colours, tiny_model, monkeypatch):
    run = created(colours, tiny_model)

    def broken(*args, **kwargs):
        raise RuntimeError("no luck")

    with monkeypatch.context() as patch:
        patch.setattr("lab.trainer.Trainer.training_step", broken)
        with pytest.raises(WorkError, match="no luck"):
            worked(colours, run)
    assert (run.status(), run.error()["reason"]) == ("failed", "error")
    worked(colours, run)
    assert (run.status(), run.state()["attempt"], run.error()) == ("finished", 2, None)


@pytest.mark.parametrize("raised", [InputError("There is no such model."), RuntimeError("no luck")])
def test_the_log_has_a_traceback_of_errors_alone_that_the_input_is_not_to_blame_for(colours, tiny_model, raised):
    run = created(colours, tiny_model)

    def compute(home, job, progress):
        raise raised

    with pytest.raises((InputError, WorkError), match=str(raised)):
        worked(colours, run, compute)
    assert str(raised) in run.log_tail()
    assert ("Traceback" in run.log_tail()) == isinstance(raised, RuntimeError)


def test_a_stop_while_rows_are_scored_leaves_the_adapter_and_the_resume_scores(colours, tiny_model, monkeypatch):
    run = created(colours, tiny_model, epochs=1)
    save = runs.checkpoints.seal

    def save_and_stop(*args, **kwargs):
        save(*args, **kwargs)
        run.request_stop()

    with monkeypatch.context() as patch:
        patch.setattr("lab.checkpoints.seal", save_and_stop)
        worked(colours, run)
    assert run.status() == "stopped"
    assert "accuracy" not in run.points()[-1]
    assert weights(run)
    worked(colours, run)
    assert run.status() == "finished"
    assert "accuracy" in run.points()[-1]
    assert "loss" in run.points()[-1]


def test_a_stop_at_the_end_of_an_epoch_keeps_its_validation_loss(colours, tiny_model, monkeypatch):
    whole = worked(colours, created(colours, tiny_model, epochs=3, evaluate_at=[1, 3]))
    parts = created(colours, tiny_model, epochs=3, evaluate_at=[1, 3])
    for step in (3, 9):  # the first is scored, and the last
        with monkeypatch.context() as patch:
            stop_at(patch, step)
            worked(colours, parts)
    worked(colours, parts)
    keys = ("step", "loss", "validation_loss", "accuracy", "macro_f1", "invalid")
    assert [[p.get(k) for k in keys] for p in parts.points()] == [[p.get(k) for k in keys] for p in whole.points()]
    cards = [(run.adapter / "README.md").read_text().replace(run.id, "") for run in (whole, parts)]
    assert cards[0] == cards[1]


def test_the_card_gives_no_scores_of_other_weights(colours, tiny_model):
    run = worked(colours, created(colours, tiny_model, epochs=2, evaluate_at=[1]))
    assert "Not scored" in (run.adapter / "README.md").read_text()


def test_what_cannot_be_resumed_or_stopped_is_told(colours, tiny_run):
    with pytest.raises(InputError, match="tiny-1 is finished"):
        jobs.resume(colours, tiny_run.id)
    with pytest.raises(InputError, match="nothing to stop"):
        tiny_run.request_stop()


# -- the life of a job, with a stand-in for the training -------------------------------------------------------------------


def test_a_job_waits_its_turn_and_a_queued_one_can_be_stopped(colours, tiny_model):
    first, second, third = (created(colours, tiny_model) for _ in range(3))
    order, go = [], threading.Event()

    def compute(home, job, progress):
        order.append(job.id)
        go.wait(PATIENCE)
        return "finished"

    workers = []
    for ticket, run in enumerate((first, second, third), 1):
        run.beat(ticket=ticket)
        workers.append(threading.Thread(target=worker.work, args=(colours, run, compute)))
        workers[-1].start()
        until(lambda run=run: run.holder() is not None, "it is held")
    until(lambda: order, "the first is at work")
    time.sleep(3 * queue.POLL)
    assert order == [first.id]
    assert [r.status() for r in (first, second, third)] == ["running", "queued", "queued"]
    assert [job.id for job in queue.living(colours)] == [first.id, second.id, third.id]
    second.request_stop()
    until(lambda: ended(second), "the second has left the queue")
    assert second.status() == "stopped"
    go.set()
    for thread in workers:
        thread.join()
    assert order == [first.id, third.id]
    assert third.status() == "finished"


def test_progress_is_a_heartbeat_and_a_place_to_stop(colours, tiny_model):
    run = created(colours, tiny_model)
    seen = []

    def compute(home, job, progress):
        tell = progress("counting", 10)
        for n in range(10):
            seen.append(job.state()["doing"]["what"])
            if n == 3:
                job.request_stop()
            tell(1)
        return "finished"

    worked(colours, run, compute)
    assert seen == ["counting"] * 4
    assert (run.status(), run.state()["doing"]) == ("stopped", None)


def test_a_long_silence_is_a_stall(colours, tiny_model, monkeypatch):
    run = created(colours, tiny_model)

    def compute(home, job, progress):
        monkeypatch.setattr("lab.job.STALLED_AFTER", -1)
        assert job.status() == "stalled"
        job.request_stop()
        assert job.status() == "stopping"
        raise Stopped

    worked(colours, run, compute)
    assert run.status() == "stopped"


def test_a_run_at_work_is_never_deleted_started_twice_or_resumed(colours, tiny_model):
    run = created(colours, tiny_model)

    def compute(home, job, progress):
        for refused in (job.delete, lambda: jobs.start(colours, job), lambda: jobs.resume(colours, job.id)):
            with pytest.raises(InputError, match="running"):
                refused()
        return "finished"

    worked(colours, run, compute)
    run.delete()
    assert runs.listing(colours) == []


def test_no_two_jobs_are_at_work_at_once_even_with_one_ticket(colours, tiny_model):
    """As when who asked was killed before its worker came up, and the next one was given the same ticket."""
    pair, at_work, most = [created(colours, tiny_model) for _ in range(2)], [], []

    def compute(home, job, progress):
        at_work.append(job.id)
        most.append(len(at_work))
        time.sleep(3 * queue.POLL)
        at_work.remove(job.id)
        return "finished"

    workers = [threading.Thread(target=worked, args=(colours, run, compute)) for run in pair]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join(PATIENCE)
    assert most == [1, 1]


def test_a_deleted_run_comes_back_in_no_form(colours, tiny_run):
    jobs.delete(colours, tiny_run)
    for gone in (lambda: jobs.delete(colours, tiny_run), lambda: tiny_run.beat(step=1), tiny_run.request_stop):
        with pytest.raises(InputError):
            gone()
    assert list(colours.runs.glob("*tiny*")) == []


def test_sigterm_reaches_a_worker_that_looks_at_locks_all_the_time(colours, tiny_model):
    """A queued worker does nothing else; its handler must not wait for what it has interrupted."""
    run = created(colours, tiny_model)
    code = (
        "import os, signal, sys, threading; from lab import worker; from lab.home import Home; from lab.runs import Run\n"
        "home = Home.at(sys.argv[1]); run = Run(home, sys.argv[2])\n"
        "def compute(home, job, progress):\n"
        "    for _ in range(300): os.kill(os.getpid(), signal.SIGTERM); [job.holder() for _ in range(20)]\n"
        "    return 'finished'\n"
        "worker.COMPUTE['run'] = compute; run.beat(ticket=1); worker.main(sys.argv[1], 'run', run.id)"
    )
    command = [sys.executable, "-c", code, str(colours.path), run.id]
    subprocess.run(command, check=True, cwd=Path(__file__).parent.parent, timeout=PATIENCE)
    assert run.status() == "finished"
    assert run.stop_requested()


# -- with real workers -----------------------------------------------------------------------------------------------------


@pytest.mark.faults
def test_a_worker_outlives_the_process_that_started_it_and_two_take_turns(colours, tiny_model):
    """Started by a process that ends at once; the second waits, and an evaluation behind it."""
    code = (
        "import sys; from lab import jobs, config; from lab.home import Home; from pathlib import Path\n"
        "home = Home.at(sys.argv[1])\n"
        "for _ in range(2): print(jobs.train(home, config.read(Path(sys.argv[2]), [])).id)"
    )
    file = colours.path / "wanted.yaml"
    file.write_text(settings_text(tiny_model))
    command = [sys.executable, "-c", code, str(colours.path), str(file)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent, timeout=PATIENCE
    )
    first, second = (Run(colours, name) for name in done.stdout.split())
    assert first.status() in ("queued", "running")
    assert second.status() == "queued"
    assert os.getsid(second.holder()) == second.holder()  # a session of its own
    until(lambda: ended(first) and ended(second), "both have ended")
    assert [run.status() for run in (first, second)] == ["finished", "finished"]
    assert first.points()[0]["loss"] == second.points()[0]["loss"]
    job = jobs.evaluate(colours, Comparison(subjects=[first.id], decoding=["mode=labels"]))
    until(lambda: ended(job), "the evaluation is made")
    assert jobs.outcome(job) == "finished"
    wanted = Comparison(subjects=[first.id], decoding=["mode=labels"])
    assert all(comparison.look_up(colours, wanted).known(colours))
    assert jobs.evaluate(colours, wanted) is None  # nothing is evaluated twice


def settings_text(model: Path, **changes) -> str:
    from lab import config

    return config.dump(settings(model, **changes))


def started(home, model: Path, **changes) -> Run:
    """A run with a real worker, in the middle of its training."""
    run = jobs.train(home, settings(model, epochs=200, validation="none", **changes))
    until(lambda: len(run.points()) > 3 or ended(run), "it trains")
    assert run.status() == "running", run.log_tail()
    return run


@pytest.mark.faults
def test_sigterm_saves_and_stops(colours, tiny_model):
    run = started(colours, tiny_model)
    os.kill(run.holder(), signal.SIGTERM)
    until(lambda: ended(run), "it has stopped")
    assert run.status() == "stopped"
    assert run.checkpoints()[-1]["step"] == run.state()["step"]


@pytest.mark.faults
def test_a_killed_worker_is_a_failure_to_who_waits_for_it(colours, tiny_model):
    run = started(colours, tiny_model)
    os.kill(run.holder(), signal.SIGKILL)
    until(lambda: ended(run), "it is dead")
    with pytest.raises(WorkError, match=r"interrupted.* run resume tiny-1"):
        jobs.outcome(run)


def test_a_worker_that_cannot_come_up_is_told(colours, tiny_model, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(WorkError, match="No worker for tiny-1 came up"):
        jobs.train(colours, settings(tiny_model))
    assert Run(colours, "tiny-1").status() == "interrupted"
