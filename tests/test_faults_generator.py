"""A generation worker that hangs or is killed: whoever asks is told so, no job waits for it for long, and the next question is
answered."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from colours import created, worked
from test_faults_memory import counted
from waiting import until

from lab import generator, queue, shortage, signs, tasks
from lab.config import Decoding
from lab.errors import WorkError
from lab.home import ROOT, Home, guard
from lab.job import Stopped, lock_holder

SHORT, LONG = Decoding(max_new_tokens=4), Decoding(max_new_tokens=4096)


def asking(home: Home, decoding: Decoding = SHORT, halted=lambda: False, prompt: str = "Once"):
    return generator.ask(home, ["base"], tasks.load(home, "sentiment"), prompt, decoding, halted)


def pid(home: Home) -> int | None:
    return lock_holder(home.generator / "lock")


def answers(home: Home) -> bool:
    return [event["event"] for event in asking(home)][-1] == "answer"


@pytest.fixture
def lab(home, monkeypatch):
    """A home with a generation worker at work, which is taken for one that hangs soon; in the end it is killed."""
    monkeypatch.setattr(signs, "SILENT_AFTER", 6)
    assert answers(home)
    yield home
    signs.kill(home.generator / "lock")
    assert pid(home) is None


def backlog(home: Home) -> list[socket.socket]:
    """As many who have connected and ask nothing as the worker takes in."""
    waiting = []
    while True:
        one = socket.socket(socket.AF_UNIX)
        one.setblocking(False)
        waiting.append(one)
        try:
            assert generator._reach(home, one)
        except BlockingIOError:
            return waiting


MOMENTS = [
    pytest.param("while it answers", marks=pytest.mark.faults),
    pytest.param("before it takes the question", marks=pytest.mark.nightly),
    pytest.param("with a full backlog", marks=pytest.mark.faults),
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_generation_worker_that_hangs_is_ended_and_the_next_answers(lab, moment):
    """Held by SIGSTOP. Meanwhile nobody who asks holds the folder's own lock, for which others would wait, and all can be
    called off. Seen to fail with `watch.look` left out: who asks waits for ever; and with a connection that blocks: with a
    full backlog nothing is heeded; and with SIGKILL not waited for in `see_out`: some of its threads still hold the lock."""
    worker, waiting = pid(lab), []
    question = asking(lab, LONG, prompt="Once " * 200_000 if moment == "before it takes the question" else "Once")
    if moment == "while it answers":
        next(question)
    os.kill(worker, signal.SIGSTOP)
    if moment == "with a full backlog":
        waiting, halt = backlog(lab), threading.Event()
        threading.Timer(1, halt.set).start()
        with pytest.raises(Stopped):
            list(asking(lab, halted=halt.is_set))
    told = []

    def wait():
        with pytest.raises(WorkError) as error:
            list(question)
        told.append(str(error.value))

    waits = threading.Thread(target=wait, daemon=True)
    waits.start()
    with guard(lab.generator):
        pass
    waits.join(60)
    for one in waiting:
        one.close()
    assert "gave no sign of life for 6 s, and was ended. Ask again" in told[0]
    assert pid(lab) != worker
    assert answers(lab)


@pytest.mark.faults
def test_a_worker_that_is_slow_is_left_alone(lab):
    """It waits ten seconds for one who has connected and asks nothing. Seen to fail with `signs.give` left out."""
    worker = pid(lab)
    with socket.socket(socket.AF_UNIX) as silent:
        assert generator._reach(lab, silent)
        assert answers(lab)
    assert pid(lab) == worker


@pytest.mark.faults
def test_a_job_ends_a_generation_worker_that_does_not_step_aside(lab, colours, tiny_model, monkeypatch):
    """Held by SIGSTOP. Seen to fail with `signs.kill` left out of the turn: the job begins beside the base in memory."""
    monkeypatch.setattr(queue, "STEP_ASIDE_WITHIN", 2)
    os.kill(pid(lab), signal.SIGSTOP)
    there = []
    run = created(colours, tiny_model)
    worked(colours, run, lambda *_: there.append(pid(lab)) or "finished")
    assert there == [None]
    assert "The generation worker has not stepped aside within 2 s: it is ended." in run.log_tail()
    until(lambda: answers(lab), "the next answers")


@pytest.mark.faults
def test_a_worker_that_the_kernel_kills_is_told_as_memory_with_advice(lab, tmp_path, monkeypatch):
    """It offers itself to the kernel before the page; another kill is not told so. Seen to fail with `first_to_go` left out
    of its `main`, and with the kernel's counters not compared: it has ended, without a reason."""
    group = counted(monkeypatch, tmp_path, 3)
    for number, said in ((3, "has ended; its log is generator/log.txt"), (4, "ran out: the kernel ended the worker.")):
        question = asking(lab, LONG)
        next(question)
        assert Path(f"/proc/{pid(lab)}/oom_score_adj").read_text().strip() == "500"
        group.write_text(f"oom_kill {number}\n")
        os.kill(pid(lab), signal.SIGKILL)
        with pytest.raises(WorkError) as told:
            list(question)
        assert said in str(told.value)
        assert str(told.value).endswith(shortage.GENERATION_ADVICE) == (number == 4)


@pytest.mark.faults
def test_a_reader_of_files_of_others_offers_itself_to_the_kernel_before_the_page(tmp_path):
    """Seen to fail with `first_to_go` left out of `_reader`."""
    (tmp_path / "rows.csv").write_text("text,label\na,b\n")
    code = (
        "import sys; from pathlib import Path; from lab.foreign import _reader; _reader(*sys.argv[1:]);"
        "print(Path('/proc/self/oom_score_adj').read_text())"
    )
    bounds = map(str, (3 << 30, 60, os.getpid()))  # bytes, seconds, who waits for it
    words = [str(tmp_path / "rows.csv"), str(tmp_path / "rows.arrow"), *bounds]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ['""', "500"]
