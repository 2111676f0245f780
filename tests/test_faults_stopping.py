"""Stops at any moment, of workers that heed them and of those that do not: nothing is lost, nothing is left behind."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from colours import created, settings, worked
from stand_in import STEPS, begun, counts, of_session, workers, zombies_of
from test_jobs import ended
from waiting import until

from lab import ending, jobs, queue
from lab.errors import InputError
from lab.home import Home
from lab.job import hold, lock_holder
from lab.runs import Run

ROOT = Path(__file__).resolve().parent.parent
SOON = 10  # seconds in which all is gone after the time of grace
DEAF = '''
"""A training that heeds neither a stop nor SIGTERM, and has forked children and one of a child, which do neither."""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)

def train(home, run, progress):
    if os.fork() == 0:
        os.fork()
        time.sleep(600)
    {then}
    run.log_point({{"attempt": 1, "step": 1, "epoch": 1.0, "loss": 1.0}})
    run.beat(step=1, total_steps=10, doing=None)
    time.sleep(600)
'''


def is_seen_to(run: Run) -> bool:
    """Whether the process that waits for the end of a stopped worker is up; a busy machine takes its time to start one."""
    return lock_holder(run.lock_file.with_name(".ending")) is not None


def is_gone(session: int) -> bool:
    """Whether no process of a session is left; zombies count, but for those whose parent is the machine's first process,
    which some containers have none of that would take them in."""
    firsts = zombies_of(1)
    return not [pid for pid in of_session(session) if pid not in firsts]


@pytest.mark.faults
@pytest.mark.parametrize("doing", ["", "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())"])
def test_a_deaf_worker_and_all_that_it_forked_are_killed_when_the_time_is_over(
    tidy, tiny_model, monkeypatch, tmp_path, doing
):
    """Seen to fail with the worker alone killed and its session left: its children live on."""
    workers(monkeypatch, tmp_path / "stand-in", DEAF.format(then=doing))
    monkeypatch.setattr(jobs, "GRACE", 1)
    run = begun(tidy, tiny_model)
    worker = run.holder()
    until(lambda: len(of_session(worker)) == 3, "it has forked")
    waiting = created(tidy, tiny_model, max_steps=1, epochs=None)
    os.kill(worker, signal.SIGTERM)
    time.sleep(0.5)
    assert run.status() == "running"
    jobs.stop(run)
    until(lambda: is_seen_to(run), "somebody waits for its end")
    asked = time.monotonic()
    jobs.stop(run)  # twice is once
    assert run.status() == "stopping"
    until(lambda: is_gone(worker), "all are gone")
    assert time.monotonic() - asked < 1 + SOON
    assert run.status() == "interrupted"
    until(lambda: "killed: it had not stopped within 1 s" in run.log_tail(), "the log says so")
    assert run.log_tail().count("killed:") == 1
    until(lambda: not zombies_of(os.getpid()), "what was started from here is taken in")
    workers(monkeypatch, tmp_path / "stand-in")
    jobs.start(tidy, waiting)
    until(lambda: ended(waiting), "the next has run")
    assert waiting.status() == "finished", waiting.log_tail()


@pytest.mark.faults
def test_a_worker_that_stops_by_itself_leaves_no_child_behind(tidy, tiny_model, monkeypatch, tmp_path):
    """Seen to fail with `_clear` called for those alone that had to be killed."""
    heeding = "    while not run.stop_requested(): time.sleep(0.05)\n    return 'stopped'\n"
    code = DEAF.format(then="").removesuffix("    time.sleep(600)\n") + heeding
    workers(monkeypatch, tmp_path / "stand-in", code)
    run = begun(tidy, tiny_model)
    worker = run.holder()
    until(lambda: len(of_session(worker)) == 3, "it has forked")
    jobs.stop(run)
    until(lambda: is_gone(worker), "all are gone")
    assert run.status() == "stopped"
    assert "killed" not in run.log_tail()


PHASES = ["waiting", "loading", "stepping", "saving"]
AIMS = [*PHASES, ""]  # each in turn, and at whatever moment; until there were stops in all of them
SAVING = """
    run.beat(doing={"what": "saving", "done": 0, "total": 0})
    time.sleep(0.2)
    run.sync_points()
"""


def phase(run: Run) -> str:
    """What a worker does, as its state says; or `ended`."""
    state = run.state()
    if ended(run):
        return "ended"
    if state.get("queued"):
        return "waiting"
    if state.get("doing"):
        return state["doing"]["what"].split()[0]
    points = run.points()
    return "stepping" if points and points[-1]["attempt"] == state["attempt"] else "loading"


@pytest.mark.parametrize("count", counts(5, 50))
def test_stops_of_workers_at_random_moments(tidy, tiny_model, monkeypatch, tmp_path, count):
    """From the first moment on, while it waits, loads, steps and saves; each goes on where it was. Seen to fail with the
    checkpoint at a stop left out of the stand-in, as it is left out of the Keeper with `stop_requested` always false."""
    workers(monkeypatch, tmp_path / "stand-in", STEPS.replace("    run.sync_points()\n", SAVING.lstrip("\n")))
    chance, stops = random.Random(count), Counter()
    about = {"max_steps": 40 * count, "epochs": None, "warmup": 0.5, "validation": "none"}
    run, passes = created(tidy, tiny_model, **about), 0
    while stops.total() < count or not set(stops) >= set(PHASES):
        passes += 1
        assert passes <= 4 * count, stops
        if run.status() == "finished":
            run = created(tidy, tiny_model, **about)
        doing = stopped_at(tidy, run, AIMS[passes % len(AIMS)], chance)
        assert run.status() in ("stopped", "finished"), run.log_tail()
        steps = [point["step"] for point in run.points()]
        assert steps == list(range(1, len(steps) + 1))
        assert steps or doing not in ("stepping", "saving")
        assert not steps or run.newest_checkpoint() == (steps[-1], [])
        if run.status() == "stopped":
            stops[doing] += 1
    until(lambda: not zombies_of(os.getpid()), "none is left")
    print(f"stops: {dict(stops)} in {passes} attempts")


def stopped_at(home: Home, run: Run, aim: str, chance: random.Random) -> str:
    """Starts a run's worker and stops it in a phase, or at a random moment; returns what it did when it was stopped."""
    home.queue.mkdir(exist_ok=True)
    attempt = (run.state().get("attempt") or 0) + 1
    with hold(home.queue / "at-work", "") if aim == "waiting" else nullcontext():
        jobs.start(home, run)
        worker = run.holder()
        if aim:
            until(lambda: phase(run) in (aim, "ended"), f"it is {aim}")
        time.sleep(chance.random() * (0.1 if aim else 1.2))
        doing = phase(run)
        with suppress(InputError):  # it has just ended
            jobs.stop(run)
        asked = time.monotonic()
        until(lambda: worker is None or is_gone(worker), "its process is gone")
    assert time.monotonic() - asked < SOON
    assert run.state()["attempt"] == attempt
    return doing


@pytest.mark.parametrize("count", counts(6, 50))
def test_stops_of_a_training_at_random_moments(colours, tiny_model, monkeypatch, count):
    """The training itself, in this process: at any heartbeat, line logged, point or checkpoint. Seen to fail with the stop
    left out of the Keeper's `on_step_end`: nearly all end as finished."""
    about = {"epochs": 4, "evaluate_at": [2, 4]}
    whole = worked(colours, created(colours, tiny_model, **about))
    run, chance = created(colours, tiny_model, **about), random.Random(count)
    aim, left, marked, stops, passes = "", 0, "", Counter(), 0

    def at_a_moment(name, act):
        def acted(self, *given, **named):
            nonlocal left, marked
            doing = "saving" if name == "sync_points" else phase(self)
            left -= doing != "ended" and aim in ("", doing)
            if left == 0 and not marked and doing != "ended":
                marked = doing
                self.mark_stop()
            return act(self, *given, **named)

        return acted

    for name in ("beat", "log_point", "log", "sync_points"):
        monkeypatch.setattr(Run, name, at_a_moment(name, getattr(Run, name)))
    while stops.total() < count or not set(stops) >= set(PHASES):
        passes += 1
        assert passes <= 4 * count, stops
        aim, marked = AIMS[passes % len(AIMS)], ""
        left = chance.randrange(1, {"waiting": 2, "loading": 4, "stepping": 20, "saving": 3}.get(aim, 40))
        worked(colours, run)
        if run.status() == "finished":
            run = created(colours, tiny_model, **about)
            continue
        assert run.status() == "stopped"
        stops[marked] += 1
        steps = [point["step"] for point in run.points()]
        assert steps == list(range(1, len(steps) + 1))
        assert steps or marked not in ("stepping", "saving")
        assert not steps or run.newest_checkpoint()[0] == steps[-1]
    left = -1
    worked(colours, run)
    print(f"stops: {dict(stops)} in {passes} attempts")
    assert [p.get("loss") for p in run.points()] == [p.get("loss") for p in whole.points()]
    made, wanted = ((x.adapter / "adapter_model.safetensors").read_bytes() for x in (run, whole))
    assert made == wanted


@pytest.mark.faults
@pytest.mark.parametrize("moment", ["loading", "saving"])
def test_a_real_training_is_stopped_while_it_loads_and_while_it_saves(colours, tiny_model, moment):
    """Seen to fail with the stop's mark removed when training begins: it trains on."""
    run = jobs.train(colours, settings(tiny_model, epochs=400, validation="none"))
    worker = run.holder()
    if moment == "loading":
        until(
            lambda: (run.state().get("doing") or {}).get("what", "").startswith("loading") or run.points(), "it loads"
        )
    else:
        until(lambda: any(run.checkpoint_folder.glob("checkpoint-*")) or ended(run), "it saves")
    assert not ended(run), run.log_tail()
    jobs.stop(run)
    until(lambda: ended(run), "it has stopped")
    asked = time.monotonic()
    until(lambda: is_gone(worker), "its process is gone")
    assert time.monotonic() - asked < SOON
    assert run.status() == "stopped", run.log_tail()
    step, passed_over = run.newest_checkpoint()
    assert passed_over == []
    assert step == (run.points()[-1]["step"] if run.points() else None)


# -- a worker that hangs -------------------------------------------------------------------------------------------------


@pytest.mark.faults
def test_a_worker_that_hangs_is_shown_as_stalled_and_can_be_ended(tidy, tiny_model, monkeypatch, tmp_path):
    """Held by SIGSTOP, so that it can heed nothing; a sound one is not shown so. Seen to fail with the heartbeat's age taken
    as 0 when it is old."""
    workers(monkeypatch, tmp_path / "stand-in")
    monkeypatch.setattr("lab.job.STALLED_AFTER", 1.5)
    monkeypatch.setattr(jobs, "GRACE", 1)
    run = begun(tidy, tiny_model)
    worker = run.holder()
    os.kill(worker, signal.SIGSTOP)
    until(lambda: run.status() == "stalled", "it is shown as stalled", 30)
    os.kill(worker, signal.SIGCONT)
    until(lambda: run.status() == "running", "it is shown as running again", 30)
    os.kill(worker, signal.SIGSTOP)
    jobs.stop(run)
    until(lambda: is_seen_to(run), "somebody waits for its end")
    asked = time.monotonic()
    until(lambda: is_gone(worker), "it is gone")
    assert time.monotonic() - asked < 1 + SOON
    assert run.status() == "interrupted"


@pytest.mark.faults
def test_one_that_hangs_in_the_queue_is_shown_as_stalled_and_can_be_ended(tidy, tiny_model, monkeypatch, tmp_path):
    """And what was asked for later has its turn. Seen to fail with `queued` told whatever the heartbeat says, and with nobody
    who waits for the end of those in the queue: it stays, and all behind it wait."""
    workers(monkeypatch, tmp_path / "stand-in")
    monkeypatch.setattr("lab.job.STALLED_AFTER", 1.5)
    monkeypatch.setattr(jobs, "GRACE", 1)
    first = begun(tidy, tiny_model)
    hung, last = (created(tidy, tiny_model, max_steps=3, epochs=None, warmup=0.0, seed=seed) for seed in (7, 8))
    jobs.start(tidy, hung)
    until(lambda: hung.state().get("attempt"), "it waits")
    worker = hung.holder()
    os.kill(worker, signal.SIGSTOP)
    until(lambda: hung.status() == "stalled", "it is shown as stalled", 30)
    jobs.start(tidy, last)
    jobs.stop(first)
    until(lambda: ended(first), "the one at work has stopped")
    jobs.stop(hung)
    until(lambda: is_seen_to(hung) or is_gone(worker), "somebody waits for its end")
    asked = time.monotonic()
    until(lambda: is_gone(worker), "it is gone")
    assert time.monotonic() - asked < 1 + SOON
    assert hung.status() == "interrupted"
    until(lambda: ended(last), "the next has run")
    assert last.status() == "finished", last.log_tail()


@pytest.mark.faults
def test_one_that_waits_gives_signs_of_life(tidy, tiny_model, monkeypatch):
    """In this process. Seen to fail with the heartbeat left out of the wait: after five minutes it would be shown as stalled."""
    monkeypatch.setattr(queue, "BEAT_EVERY", 0.1)
    first, second = created(tidy, tiny_model), created(tidy, tiny_model, seed=7)
    waits = threading.Thread(target=worked, args=(tidy, second, lambda *_: "finished"))
    first.beat(ticket=0)
    with first.hold():
        waits.start()
        until(lambda: second.state().get("attempt"), "it waits")
        heard = second.state()["heartbeat"]["boottime"]
        until(lambda: second.state()["heartbeat"]["boottime"] > heard, "it gives a sign of life", 20)
        assert second.status() == "queued"
    waits.join()
    assert second.status() == "finished"


SLOW = """
def train(home, run, progress):
    import time
    run.log_point({"attempt": 1, "step": 1, "epoch": 1.0, "loss": 1.0})
    run.beat(step=1, total_steps=10, doing=None)
    while not run.stop_requested():
        time.sleep(0.05)
    with (run.checkpoint_folder / "large").open("ab") as file:
        for _ in range(20):
            time.sleep(0.3)
            SIGN
    return "stopped"
"""
SIGNS = {
    "its heartbeat": "run.beat(step=1)",
    "what it saves": "file.write(b'x'); file.flush()",
}


@pytest.mark.faults
@pytest.mark.parametrize("longest", [600, 2], ids=["to its end", "but not for ever"])
@pytest.mark.parametrize("sign", SIGNS)
def test_one_that_takes_long_to_save_is_left_alone_while_it_gives_signs_of_life(
    tidy, tiny_model, monkeypatch, tmp_path, sign, longest
):
    """Six seconds, with a grace of two. Seen to fail with the grace counted from the stop: it is killed while it saves; and
    with `longest` left out: it goes on."""
    workers(monkeypatch, tmp_path / "stand-in", SLOW.replace("SIGN", SIGNS[sign]))
    monkeypatch.setattr(jobs, "GRACE", 2)
    monkeypatch.setattr(jobs, "LONGEST_GRACE", longest)
    run = begun(tidy, tiny_model)
    worker = run.holder()
    jobs.stop(run)
    until(lambda: is_gone(worker), "it is gone")
    killed = longest < 6
    assert run.status() == ("interrupted" if killed else "stopped"), run.log_tail()


@pytest.mark.faults
def test_a_long_step_has_a_long_grace(tidy, tiny_model):
    """Seen to fail with the same grace for all."""
    run = created(tidy, tiny_model)
    assert jobs._grace(run).quiet == jobs.GRACE
    for step, seconds in ((1, 400.0), (2, 1000.0)):
        run.log_point({"attempt": 1, "step": step, "epoch": 1.0, "loss": 1.0, "seconds": seconds})
    assert jobs._grace(run).quiet == 1200
    assert jobs._grace(run).longest >= 1200


# -- nobody else is killed -------------------------------------------------------------------------------------------------

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)", "lab.worker"]


@pytest.mark.faults
def test_only_a_worker_that_holds_the_lock_is_taken_for_it(tmp_path):
    """Seen to fail with the command line not looked at: this process, where it leads a session, is a worker."""
    lock = tmp_path / "lock"
    lock.touch()
    assert ending.worker_of(lock) is None  # nobody holds it
    code = (
        "import sys, time; from pathlib import Path; from lab.job import hold\n"
        "with hold(Path(sys.argv[1]), ''): print(1, flush=True); time.sleep(60)"
    )
    for words, is_worker in (([], False), (["lab.worker"], True)):
        command = [sys.executable, "-c", code, str(lock), *words]
        with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, cwd=ROOT) as holder:
            assert holder.stdout.readline() == b"1\n"
            found = ending.worker_of(lock)
            holder.kill()
        assert (found is not None and found.pid == holder.pid) == is_worker


@pytest.mark.faults
def test_a_process_whose_number_is_used_again_is_left_alone():
    """As long as the number is in use, by whoever has it now. Seen to fail with the begin not compared in `see_out`, and in
    `_clear`: the new one is killed."""
    with subprocess.Popen(SLEEPS, start_new_session=True) as another:
        try:
            seen = ending.process(another.pid)
            assert seen.session == another.pid
            assert ending.see_out(another.pid, seen.begun - 1, ending.AT_ONCE) is False
            time.sleep(0.2)
            assert another.poll() is None
            assert ending.see_out(another.pid, seen.begun, ending.AT_ONCE) is True
            assert another.wait(SOON) == -signal.SIGKILL
        finally:
            another.kill()
    assert ending.see_out(another.pid, seen.begun, ending.AT_ONCE) is False
