"""What is said and left when memory runs out: on the device, or for the kernel, which ends the worker without a word."""

import json
import os
import re
import socket
import subprocess
from functools import partial
from pathlib import Path

import pytest
from colours import created, settings, worked
from pretending import is_whole, pretend
from quick_workers import Forked
from test_jobs import ended
from waiting import until

from lab import (
    calibration,
    comparison,
    generator,
    jobs,
    merging,
    plan,
    progress,
    scoring,
    shortage,
)
from lab import task as task_file
from lab.comparison import Comparison
from lab.config import Config
from lab.errors import WorkError
from lab.runs import Run

faults = pytest.mark.faults


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


# -- what is said ----------------------------------------------------------------------------------------------------------


@faults
@pytest.mark.parametrize(
    ("error", "whose"),
    [
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), "device"),
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be …"), "device"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "device"),
        (RuntimeError("Error out of memory at line 383 in file /src/csrc/pythonInterface.c"), "device"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"), "machine"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 80 bytes."), "machine"),
        (MemoryError(), "machine"),
        (OSError(12, "Cannot allocate memory"), "machine"),
    ],
)
def test_memory_that_was_not_enough_is_told_with_two_changes_of_the_config(tmp_path, error, whose):
    """Seen to fail with errors known by the name of their class alone."""
    told = shortage.explain(error, tmp_path, Config(batch_size=8, accumulate=3), None)
    assert (told["reason"], whose in told["message"]) == ("out_of_memory", True)
    advice = "Start a new run with batch_size=4 and accumulate=6, or with gradient_checkpointing=true."
    assert told["advice"] == advice


CONFIGS = [
    {},
    {"batch_size": 1},
    {"batch_size": 1, "gradient_checkpointing": True},
    {"batch_size": 1, "gradient_checkpointing": True, "quantization": "none"},
    {"batch_size": 1, "gradient_checkpointing": True, "quantization": "none", "adapter": {"method": "full"}},
    {"batch_size": 7, "quantization": "none", "adapter": {"method": "full"}},
    {"batch_size": 2, "adapter": {"method": "adalora"}},
    {"batch_size": 1, "adapter": {"method": "llama-adapter"}, "gradient_checkpointing": True},
]


@faults
@pytest.mark.parametrize("values", CONFIGS, ids=str)
def test_the_two_changes_are_ones_that_can_be_made_and_each_changes_something(values):
    """Seen to fail with `max_length` left out of the ways: for a batch of one row there is one change alone."""
    config = Config.model_validate(values)
    found = shortage.smaller(config)
    assert len(found) == 2
    assert all(shortage.changed(config, changes) not in (None, config) for changes in found)


# -- on the device ---------------------------------------------------------------------------------------------------------


@faults
def test_a_training_without_enough_memory_on_the_device_says_so_and_the_next_one_works(
    colours, tiny_model, monkeypatch
):
    """Seen to fail with a reason that names no values of the config."""
    import torch

    from lab.trainer import Trainer

    true = Trainer.training_step

    def full(self, *given, **named):
        if self.state.global_step == 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return true(self, *given, **named)

    run = created(colours, tiny_model)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "training_step", full)
        with pytest.raises(WorkError, match="memory of the device was not enough"):
            worked(colours, run)
    assert (run.status(), run.error()["reason"]) == ("failed", "out_of_memory")
    advice = "Start a new run with batch_size=4 and accumulate=2, or with gradient_checkpointing=true."
    assert run.error()["advice"] == advice
    assert [c["step"] for c in run.checkpoints()] == [3]
    assert run.holder() is None
    assert worked(colours, created(colours, tiny_model, batch_size=4, accumulate=2)).status() == "finished"
    assert worked(colours, run).status() == "finished"


ERRORS = {
    "device": RuntimeError("CUDA error: out of memory"),
    "machine": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: not enough memory: you tried …"
    ),
    "Python": MemoryError(),
}


def nothing_loads(monkeypatch, error: BaseException) -> None:
    """From now on there is not enough memory for any base."""
    import transformers

    def full(*given, **named):
        raise error

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", full)


def training(home, model: Path, run: Run):
    return created(home, model, quantization="none")


def calibrating(home, model: Path, run: Run):
    return calibration.create(home, plan.sampled(home, settings(model, quantization="none")))


def evaluating(home, model: Path, run: Run):
    return comparison.create(home, Comparison(subjects=[run.id], rows=2))


def scoring_a_sweep(home, model: Path, run: Run):
    return scoring.create(home, [Comparison(subjects=[run.id], rows=2)])


def merging_it(home, model: Path, run: Run):
    return merging.create(home, merging.checked(home, run.id))


LOADING = {
    training: "Start a new run with quantization=nf4, or with a smaller base_model.",
    calibrating: "Start a new run with quantization=nf4, or with a smaller base_model.",
    evaluating: shortage.ANY_ADVICE,
    scoring_a_sweep: shortage.ANY_ADVICE,
    merging_it: shortage.MERGING_ADVICE,
}


@faults
@pytest.mark.parametrize("whose", ERRORS)
@pytest.mark.parametrize("made", LOADING, ids=lambda made: made.__name__)
def test_a_base_for_which_there_is_no_memory_is_told_with_what_to_change(
    home, tiny_model, tiny_run, monkeypatch, made, whose
):
    """Of every job that loads one. Seen to fail with `cannot be loaded` raised for all errors alike, without any advice."""
    job = made(home, tiny_model, tiny_run)
    nothing_loads(monkeypatch, ERRORS[whose])
    with pytest.raises(WorkError, match=r"memory of .* was not enough"):
        worked(home, job)
    told = job.error()
    assert told["reason"] == "out_of_memory"
    assert (
        "memory of the device" in told["message"] if whose == "device" else "memory of this machine" in told["message"]
    )
    assert told["advice"] == LOADING[made]


@faults
@pytest.mark.parametrize("adapted", [False, True], ids=["the base", "the adapter"])
def test_a_question_for_which_there_is_no_memory_is_told_so(home, tiny_run, monkeypatch, adapted):
    """By the generation worker, which answers the next one. Seen to fail with `The adapter does not fit`, and with
    `cannot be loaded` without any advice."""
    import peft
    import torch

    from lab.side_by_side import SideBySide

    def full(*given, **named):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    question = {
        "subjects": [tiny_run.id],
        "task": task_file.dump(tiny_run.task),
        "decoding": {"max_new_tokens": 4},
        "row": {"text": "red"},
    }
    desk = SideBySide()
    with monkeypatch.context() as patch:
        if adapted:
            patch.setattr(peft.PeftModel, "from_pretrained", full)
        else:
            nothing_loads(patch, torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
        *_, last = asked(home, desk, question)
    assert (last["event"], last["kind"]) == ("error", "work")
    assert last["message"].endswith(f"The memory of the device was not enough. {shortage.ANY_ADVICE}")
    *_, last = asked(home, desk, question)
    assert last["event"] == "done"


def asked(home, desk, question: dict) -> list[dict]:
    """What the generation worker tells of a question."""
    ours, its = socket.socketpair()
    with ours, its:
        ours.sendall(json.dumps(question).encode() + b"\n")
        generator._answer(home, desk, its)
        its.shutdown(socket.SHUT_WR)
        return [json.loads(line) for line in ours.makefile("rb")]


CHANGES_TO_LOAD = [
    ({"quantization": "none"}, "Start a new run with quantization=nf4, or with a smaller base_model."),
    (
        {"quantization": "none", "adapter": {"method": "full"}},
        "Start a new run with adapter.method=lora and quantization=nf4, or with a smaller base_model.",
    ),
    ({"quantization": "nf4"}, "End what else uses it, or start a new run with a smaller base_model."),
]


@faults
@pytest.mark.parametrize(("values", "advice"), CHANGES_TO_LOAD, ids=str)
def test_a_base_that_is_too_large_is_not_helped_by_smaller_batches(tmp_path, values, advice):
    """Seen to fail with the advice for a step that is too large."""
    config = Config.model_validate(values)
    error = shortage.cannot_load(OutOfMemoryError("CUDA out of memory."), "owner/name")
    assert shortage.explain(error, tmp_path, config, None)["advice"] == advice
    assert all(shortage.changed(config, changes) not in (None, config) for changes in shortage.to_load(config))


# -- by the kernel ---------------------------------------------------------------------------------------------------------


class Group:
    """A control group with a limit of its memory, of the first or the second version."""

    def __init__(self, root: Path, limit: str, counts: str):
        self.folder, self._limit, self.counts = root / f"lab-test-{os.getpid()}", limit, counts
        self.folder.mkdir()

    def limit(self, size: int) -> None:
        (self.folder / self._limit).write_text(str(size))

    def processes(self) -> list[str]:
        return (self.folder / "cgroup.procs").read_text().split()


@pytest.fixture
def group():
    """An empty group; tests that need one are left out where none can be made."""
    found = None
    for root, limit, counts in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.oom_control"),
        (Path("/sys/fs/cgroup"), "memory.max", "memory.events"),
    ):
        try:
            found = Group(root, limit, counts)
            found.limit(1 << 40)
            break
        except OSError:
            if found:
                found.folder.rmdir()
            found = None
    if not found or "oom_kill " not in (found.folder / found.counts).read_text():
        pytest.skip("a control group with a limit of memory needs root and a kernel that counts in it")
    yield found
    until(lambda: not found.processes(), "the group is empty", patience=20)
    found.folder.rmdir()


def enter(folder: Path) -> None:
    (folder / "cgroup.procs").write_text(str(os.getpid()))


def killed_for_memory(home, model: Path, group: Group, monkeypatch) -> Run:
    """A true training in a group that has far less memory than it takes, after its first checkpoint."""
    monkeypatch.setattr(jobs, "spawn", partial(Forked, before=partial(enter, group.folder)))
    run = jobs.train(home, settings(model, epochs=400, evaluate_at=[400], validation="none"))
    until(lambda: run.checkpoints() or ended(run), "it trains")
    assert run.status() == "running", run.log_tail()
    try:
        group.limit(1 << 20)
    except OSError:  # the first version does not take back what is in use; what is asked for next is refused
        used = int((group.folder / "memory.usage_in_bytes").read_text())
        group.limit(used)
    until(lambda: ended(run), "the kernel has ended it", patience=60)
    return run


@faults
def test_a_worker_that_the_kernel_ends_for_want_of_memory(colours, tiny_model, group, monkeypatch):
    """The reason says so with two changes of the config, no process is left, and the next start works.

    Seen to fail with the kernel's counter left out of the heartbeat: the run is interrupted without a word.
    """
    run = killed_for_memory(colours, tiny_model, group, monkeypatch)
    until(lambda: run.status() == "interrupted", "it is interrupted", patience=5)
    told = run.error()
    assert told["reason"] == "out_of_memory"
    assert "the kernel ended the worker" in told["message"]
    assert told["advice"].endswith("batch_size=4 and accumulate=2, or with gradient_checkpointing=true.")
    assert run.show()["error"] == progress.overview(colours)[0]["error"] == told
    with pytest.raises(WorkError, match="the kernel ended the worker"):
        jobs.outcome(run)
    until(lambda: group.processes() == [], "no process is left", patience=10)
    newest = run.newest_checkpoint()[0]
    assert newest
    monkeypatch.setattr(jobs, "spawn", Forked)
    group.limit(1 << 40)
    other = jobs.train(colours, settings(tiny_model, batch_size=4, accumulate=2))
    until(lambda: ended(other), "it has ended")
    assert other.status() == "finished", other.log_tail()
    assert (run.status(), run.error()) == ("interrupted", told)
    jobs.resume(colours, run.id)
    until(lambda: run.points()[-1]["attempt"] == 2 or ended(run), "it goes on")
    assert (run.status(), run.error()) == ("running", None)
    assert f"goes on from checkpoint-{newest}" in run.log_tail()
    run.request_stop()
    until(lambda: ended(run), "it has stopped")
    assert run.status() == "stopped"


def counted(monkeypatch, tmp_path, number: int) -> Path:
    """The kernel's counters as a file; returned."""
    path = tmp_path / "memory.events"
    path.write_text(f"low 0\noom 0\noom_kill {number}\n")
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    monkeypatch.setattr(shortage, "_group_file", lambda: path)
    return path


@faults
def test_a_kill_for_want_of_memory_is_told_from_other_kills_by_the_counter(colours, tiny_model, tmp_path, monkeypatch):
    """In this process: seen to fail with `settle` left out of the turn of the next job, when a later kill counts, too."""
    monkeypatch.setattr("lab.job.STARTING", 0)
    counter = counted(monkeypatch, tmp_path, 3)
    killed = created(colours, tiny_model)
    killed.beat(attempt=1, queued=False, step=2)
    assert (killed.status(), killed.error()) == ("interrupted", None)
    worked(colours, created(colours, tiny_model), lambda *_: "finished")
    starved = created(colours, tiny_model)
    starved.beat(attempt=1, queued=False, step=2)
    counter.write_text("oom_kill 4\n")
    assert starved.error()["reason"] == "out_of_memory"
    assert killed.error() is None
    worked(colours, created(colours, tiny_model), lambda *_: "finished")
    counter.unlink()
    assert starved.error()["reason"] == "out_of_memory"
    assert (starved.status(), killed.status()) == ("interrupted", "interrupted")
    worked(colours, starved, pretend())
    assert is_whole(starved)


@faults
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "its own"])
def test_a_kill_that_may_have_been_of_another_is_told_as_likely(colours, tiny_model, tmp_path, monkeypatch, shared):
    """Where others are in the group, or the machine alone counts. Seen to fail with the blame told as sure in any group."""
    monkeypatch.setattr("lab.job.STARTING", 0)
    counter = counted(monkeypatch, tmp_path, 3)
    run = created(colours, tiny_model)
    with subprocess.Popen(["sleep", "60"], start_new_session=shared) as other:
        with (tmp_path / "cgroup.procs").open("a") as file:
            file.write(f"{other.pid}\n")
        run.beat(attempt=1, queued=False)
        other.kill()
    counter.write_text("oom_kill 4\n")
    told = run.error()
    assert told["reason"] == "out_of_memory"
    assert ("most likely for want of memory" in told["message"]) == shared
    assert ("the kernel ended the worker" in told["message"]) != shared
    counter.unlink()
    machine = tmp_path / "vmstat"
    machine.write_text("oom_kill 10\n")
    monkeypatch.setattr(shortage, "MACHINE_WIDE", machine)
    run.beat()
    machine.write_text("oom_kill 11\n")
    assert "most likely for want of memory" in run.error()["message"]


@faults
def test_nobody_is_blamed_across_a_restart_of_the_machine_or_without_counters(
    colours, tiny_model, tmp_path, monkeypatch
):
    """Seen to fail with the boot's id not compared."""
    monkeypatch.setattr("lab.job.STARTING", 0)
    counter = counted(monkeypatch, tmp_path, 3)
    run = created(colours, tiny_model)
    run.beat(attempt=1, queued=False)
    counter.write_text("oom_kill 4\n")
    assert run.error()
    with monkeypatch.context() as patch:
        patch.setattr("lab.job._boot_id", lambda: "another")
        assert run.error() is None
    counter.unlink()
    monkeypatch.setattr(shortage, "MACHINE_WIDE", tmp_path / "none")
    assert run.error() is None
    assert shortage.kills()["on_machine"] is None


@faults
def test_a_worker_offers_itself_to_the_kernel_before_the_page(tmp_path):
    """Seen to fail with the machine's own score left as it is."""
    found = re.search(r"\d+", Path("/proc/self/oom_score_adj").read_text())
    assert found
    code = os.fork()
    if code == 0:
        shortage.first_to_go()
        os._exit(0 if Path("/proc/self/oom_score_adj").read_text().strip() == "500" else 1)
    assert os.waitpid(code, 0)[1] == 0
    assert Path("/proc/self/oom_score_adj").read_text().strip() == found[0]
