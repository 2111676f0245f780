"""The page killed under a live run, many starts at once, two pages on one home, and what is done to a run at work."""

import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import yaml
from colours import created, worked
from gradio_client import Client, handle_file
from stand_in import STEPS, begun, counts, workers
from test_jobs import ended, started
from waiting import until

from lab import jobs, runs
from lab.errors import InputError
from lab.home import Home
from lab.runs import Run

SETTINGS = {"task": "colours", "dataset": "colours", "quantization": "none", "validation": "none", "warmup": 0.0}
# Notes when each training begins and ends, and never ends before it was seen.
WATCHED = (
    STEPS.replace("def train(", "def steps(")
    + """

def train(home, run, progress):
    note(home, "begin", run)
    try:
        return steps(home, run, progress)
    finally:
        note(home, "end", run)

def note(home, what, run):
    import os
    with open(home.path / "noted.jsonl", "a") as file:
        file.write(json.dumps([what, run.id, os.getpid()]) + "\\n")
"""
)


def call(url: str, name: str, *values) -> tuple[str, object]:
    """What an event of the page says: `complete` or `error`, and its data."""
    place = f"{url}/gradio_api/call/{name}"
    event = httpx.post(place, json={"data": values}, timeout=120).json()["event_id"]
    said = httpx.get(f"{place}/{event}", timeout=600).text.strip().split("\n\n")[-1].splitlines()
    kind, data = (line.partition(": ")[2] for line in said)
    return kind, json.loads(data)


def asked(url: str, **changes) -> tuple[str, object]:
    return call(url, "train", yaml.safe_dump({"name": "many", **SETTINGS, **changes}), False)


def noted(home: Home) -> list[list]:
    path = home.path / "noted.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# -- the page killed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", counts(2, 10))
def test_a_run_outlives_its_page_and_is_adopted_by_the_next(tidy, serve, monkeypatch, tmp_path, count):
    """Seen to fail with the worker's life tied to the page's (PR_SET_PDEATHSIG), and with `resume` and `start` not asking
    who holds the job: a second worker is started."""
    workers(monkeypatch, tmp_path / "stand-in", WATCHED)
    page = serve(tidy.path)
    kind, (made,) = asked(page.url, max_steps=100_000)
    assert kind == "complete", made
    run = Run(tidy, made["id"])
    worker = run.holder()
    until(lambda: run.points(), "it is at its steps")
    for _ in range(count):
        seen = len(run.points())
        page.process.send_signal(signal.SIGKILL)
        page.process.wait(10)
        page = serve(tidy.path)
        _, (shown,) = call(page.url, "run_show", run.id)  # the first that it is asked
        assert (shown["status"], shown["attempt"]) == ("running", 1)
        until(lambda: len(run.points()) > seen, "it has gone on")  # noqa: B023
        kind, said = call(page.url, "run_resume", run.id)
        assert kind == "error" and "is running" in str(said), said
        assert run.holder() == worker
    kind, (said,) = call(page.url, "run_stop", run.id)
    assert (kind, said["status"]) == ("complete", "stopping")
    until(lambda: ended(run), "it has stopped")
    assert run.status() == "stopped"
    assert noted(tidy) == [["begin", run.id, worker], ["end", run.id, worker]]
    steps = [point["step"] for point in run.points()]
    assert steps == list(range(1, len(steps) + 1))
    assert call(page.url, "run_resume", run.id)[0] == "complete"


@pytest.mark.parametrize(
    "moment", [pytest.param("starts", marks=pytest.mark.nightly), pytest.param("reads", marks=pytest.mark.faults)]
)
@pytest.mark.skipif(
    not Path("/proc/self/limits").exists(), reason="the limits of a process are read from Linux's /proc"
)
def test_what_reads_an_upload_ends_with_its_page_and_the_next_page_clears_its_folder(serve, tmp_path, moment):
    """The reader is held still at its first moments or at its work, so that it cannot end by itself.

    Seen to fail without PR_SET_PDEATHSIG and with the parent not looked at (it lives on, and reads to the end), without a
    bound on the processor's time, and with `lab-read-` left out of `temporary.clear_left`.
    """
    place = tmp_path / "temporary"
    place.mkdir()
    (tmp_path / "large.csv").write_text("text,label\n" + f"{'x' * 60},a\n" * 900_000)
    page = serve(tmp_path / "home", environment={"TMPDIR": str(place)})
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(added, page.url, tmp_path / "large.csv")
        reader = until(lambda: reader_below(place) or asking.done(), "it is read")
        os.kill(reader, signal.SIGSTOP)
        try:
            while moment == "reads" and not is_bounded(reader):
                os.kill(reader, signal.SIGCONT)
                time.sleep(0.005)
                os.kill(reader, signal.SIGSTOP)
            (folder,) = place.glob("lab-read-*")
            page.process.send_signal(signal.SIGKILL)
            page.process.wait(10)
            if moment == "starts":
                os.kill(reader, signal.SIGCONT)
            until(lambda: reader_below(place) is None, "it has ended, too", patience=30)
            assert not (folder / "table.arrow").exists() or moment == "reads"
        finally:
            if reader_below(place) == reader:
                os.kill(reader, signal.SIGKILL)
        assert asking.exception() is not None
    serve(tmp_path / "home", environment={"TMPDIR": str(place)})
    assert folder.exists()  # it may have been made just now, and not be held yet
    os.utime(folder, (1e9, 1e9))
    serve(tmp_path / "home", environment={"TMPDIR": str(place)})
    assert not folder.exists()


def added(url: str, file: Path) -> object:
    return Client(url, verbose=False).predict(
        name="large", file=handle_file(file), label="label", api_name="/dataset_add"
    )


def reader_below(place: Path) -> int | None:
    """The process that reads a file into a folder there."""
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (path / "cmdline").read_bytes()
            if b"_reader" in words and str(place).encode() in words:
                return int(path.name)
    return None


def is_bounded(pid: int) -> bool:
    limits = Path(f"/proc/{pid}/limits").read_text()
    return all(re.search(rf"{name} +\d", limits) for name in ("Max cpu time", "Max address space"))


@pytest.mark.faults
def test_a_starter_killed_at_any_point_leaves_a_run_that_can_be_started(colours, tiny_model, monkeypatch):
    """The twin without processes: who asks is gone before the worker is there. It is queued for a moment, then interrupted,
    and started once. Seen to fail with the age of the heartbeat not looked at in `status`: it stays queued."""

    def dies(*given, **named):
        raise KeyboardInterrupt

    for owner, name, status in ((Run, "beat", "interrupted"), (Run, "renew", "queued"), (jobs, "spawn", "queued")):
        run = created(colours, tiny_model)
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, dies)
            with pytest.raises(KeyboardInterrupt):
                jobs.start(colours, run)
        assert run.status() == status
    monkeypatch.setattr("lab.job.STARTING", 0)
    assert run.status() == "interrupted"
    worked(colours, run, lambda *given: "finished")
    assert run.status() == "finished"


@pytest.mark.faults
@pytest.mark.parametrize("place", [(Run, "beat"), (Run, "renew"), (jobs, "spawn")], ids=lambda place: place[1])
def test_a_run_that_is_started_again_is_not_settled_by_the_job_whose_turn_it_is(
    colours, tiny_model, monkeypatch, place
):
    """Before and after each thing that starting does, the other job looks at it.

    Seen to fail with `renew` before `beat` in `jobs.start`: its new attempt has an outcome, `interrupted`, from its beginning.
    """
    run = worked(colours, created(colours, tiny_model), lambda *given: "stopped")

    class Worker:
        poll = kill = wait = lambda *given: 0

    true = getattr(*place) if place[1] != "spawn" else lambda *given: Worker()

    def looked_at(*given, **named):
        Run(colours, run.id).settle()
        found = true(*given, **named)
        Run(colours, run.id).settle()
        return found

    monkeypatch.setattr(jobs, "spawn", lambda *given: Worker())
    monkeypatch.setattr(jobs, "_wait_until_held", lambda *given: None)
    monkeypatch.setattr(*place, looked_at)
    jobs.start(colours, run)
    assert run.status() == "queued"
    assert not (run.folder / "result.json").exists()


@pytest.mark.faults
def test_what_a_killed_worker_was_writing_is_gone_with_its_next_start(colours, tiny_model):
    """Seen to fail with it left out of `renew`."""
    run = created(colours, tiny_model)
    torn = [run.folder / name for name in (".state.json.abc", ".result.json.def")]
    for path in torn:
        path.write_text("{")
    worked(colours, run, lambda *given: "finished")
    assert not any(path.exists() for path in torn)


# -- many starts, two pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", counts(8, 50))
def test_many_starts_at_once_by_two_pages_are_trained_one_after_the_other(tidy, serve, monkeypatch, tmp_path, count):
    """In the order of their tickets, each once. Seen to fail with the guard left out of `start`: several get one ticket."""
    workers(monkeypatch, tmp_path / "stand-in", WATCHED)
    pages = [serve(tidy.path), serve(tidy.path)]
    with ThreadPoolExecutor(count) as pool:
        said = list(pool.map(lambda i: asked(pages[i % 2].url, max_steps=20), range(count)))
    made = [answer[0]["id"] for kind, answer in said if kind == "complete"]
    refused = [answer for kind, answer in said if kind != "complete"]
    assert refused == []  # as many as may wait for the page
    assert sorted(made) == sorted(runs.listing(tidy)) == sorted(set(made))
    assert len(made) == count
    mine = [Run(tidy, name) for name in made]
    until(lambda: all(ended(run) for run in mine), "all have ended", 600)
    assert {run.status() for run in mine} == {"finished"}
    tickets = {run.id: run.state()["ticket"] for run in mine}
    lines = noted(tidy)
    assert [what for what, *_ in lines] == ["begin", "end"] * count
    order = [name for what, name, _ in lines if what == "begin"]
    assert len(set(tickets.values())) == count
    assert order == sorted(order, key=tickets.get)
    assert {run.state()["attempt"] for run in mine} == {1}


@pytest.mark.faults
def test_one_run_resumed_by_many_at_once_is_started_once(tidy, tiny_model, serve, monkeypatch, tmp_path):
    """Seen to fail with the guard left out of `start`: two workers, one of which says in the log that it is running already."""
    workers(monkeypatch, tmp_path / "stand-in", WATCHED)
    run = created(tidy, tiny_model, max_steps=100_000, epochs=None, warmup=0.0, validation="none")
    pages = [serve(tidy.path), serve(tidy.path)]
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda i: call(pages[i % 2].url, "run_resume", run.id), range(8)))
    assert [kind for kind, _ in said].count("complete") == 1, said
    until(lambda: run.points(), "it is at its steps")
    assert [what for what, *_ in noted(tidy)] == ["begin"]
    assert run.state()["attempt"] == 1
    assert "Traceback" not in run.log_tail()


# -- what is done to a run at work -------------------------------------------------------------------------------------


@pytest.mark.faults
def test_a_live_run_is_renamed_and_evaluated_and_not_deleted(tidy, tiny_model):
    """A real training. Seen to fail with the lock not asked for in `delete`: the folder goes under the worker's hands."""
    run = jobs_with_a_kept_checkpoint(tidy, tiny_model)
    with pytest.raises(InputError, match=f"{run.id} is running; stop it first"):
        jobs.delete(tidy, run)
    for i in range(20):
        run.describe(title=f"name {i}", notes="x" * i)
    assert run.about()["title"] == "name 19"
    with pytest.raises(InputError, match=r"tiny-1 .*(adapter|finished|left)"):
        jobs.evaluate(tidy, wanted(run.id))
    job = jobs.evaluate(tidy, wanted(f"{run.id}@3"))
    vanishing = jobs.evaluate(tidy, wanted(f"{run.id}@{run.checkpoints()[-1]['step']}"))
    assert (job.status(), run.status()) == ("queued", "running")
    before = len(run.points())
    until(lambda: len(run.points()) > before, "it trains on")
    jobs.stop(run)
    until(lambda: ended(run) and ended(job) and ended(vanishing), "all have ended")
    assert (run.status(), run.about()["title"]) == ("stopped", "name 19")
    assert jobs.outcome(job) == "finished"
    if vanishing.status() != "finished":  # as new checkpoints have pushed it out
        assert vanishing.error()["reason"] == "input"
        assert "has no checkpoint at step" in vanishing.error()["message"]
    jobs.delete(tidy, run)
    assert runs.listing(tidy) == []


def jobs_with_a_kept_checkpoint(home: Home, model: Path) -> Run:
    run = started(home, model, evaluate_at=[1, 200])
    until(lambda: any(c["step"] == 3 for c in run.checkpoints()) or ended(run), "its first epoch is kept")
    return run


def wanted(subject: str):
    from lab.comparison import Comparison

    return Comparison(subjects=[subject], split="train", rows=8)


@pytest.mark.faults
def test_a_queued_run_is_not_deleted_and_leaves_the_queue_when_it_is_stopped(tidy, tiny_model, monkeypatch, tmp_path):
    """Seen to fail with `_heed_stop` left out of the wait: it stays in the queue."""
    workers(monkeypatch, tmp_path / "stand-in")
    first = begun(tidy, tiny_model)
    second = created(tidy, tiny_model, max_steps=5, epochs=None, warmup=0.0, validation="none")
    jobs.start(tidy, second)
    for refused in (lambda: jobs.delete(tidy, second), lambda: jobs.resume(tidy, second.id)):
        with pytest.raises(InputError, match="queued"):
            refused()
    second.describe(title="waits")
    jobs.stop(second)
    begun_at = time.monotonic()
    until(lambda: ended(second), "it has left the queue")
    assert time.monotonic() - begun_at < 10
    assert (second.status(), second.points(), first.status()) == ("stopped", [], "running")
    jobs.delete(tidy, second)
    assert runs.listing(tidy) == [first.id]


@pytest.mark.parametrize("count", counts(20, 200))
def test_a_run_that_is_deleted_while_somebody_starts_it_is_there_or_gone(colours, tiny_model, monkeypatch, count):
    """With a stand-in for the process. Seen to fail with the guard left out of `jobs.delete`: a worker without a folder."""

    class Worker:
        def poll(self):
            return None

        def kill(self):
            pass

        wait = kill

    def spawn(words, log):
        held.append(run.hold())
        held[-1].__enter__()
        return Worker()

    monkeypatch.setattr(jobs, "spawn", spawn)
    for _ in range(count):
        run, held = created(colours, tiny_model), []
        with ThreadPoolExecutor(2) as pool:
            acts = [pool.submit(jobs.start, colours, run), pool.submit(jobs.delete, colours, run)]
            failed = [act.exception() for act in acts]
        assert all(isinstance(one, InputError | None) for one in failed), failed
        assert (failed[0] is None) != (failed[1] is None), failed
        assert run.folder.exists() == (failed[0] is None)
        for one in held:
            one.__exit__(None, None, None)
        if run.folder.exists():
            jobs.delete(colours, run)
    assert [path.name for path in colours.runs.iterdir() if path.name != ".guard"] == []
