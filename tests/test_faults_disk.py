"""What a run survives of its disk: full, or failing, at any write; and room is asked for before anything starts."""

import errno
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import huggingface_hub
import pytest
import tiny
from colours import add_to, created, settings, worked
from moments import REMOVES, WRITES, failing_at, watched
from pretending import is_whole, left_over, pretend
from stand_in import workers
from test_jobs import ended, losses, weights
from waiting import until

from lab import (
    bases,
    bounds,
    checkpoints,
    disk,
    grid,
    jobs,
    plan,
    points,
    progress,
    queue,
    runs,
    shortage,
    sweeping,
    sweeps,
    worker,
)
from lab.config import Config
from lab.disk import Disk
from lab.errors import InputError, WorkError
from lab.home import Home
from lab.model import Model
from lab.staging import staged
from lab.ui import access, commands

faults, nightly = pytest.mark.faults, pytest.mark.nightly
ALL = (*WRITES, *REMOVES)


# -- at every write, with a stand-in for the training ----------------------------------------------------------------------


def check_failed(colours, model: Path, number: int, error: int, lasting: bool) -> bool:
    """One run whose disk fails at a moment; returns whether the run went that far."""
    run, saved = created(colours, model), [0]
    job_done = None
    run.renew()
    run.beat(ticket=1)
    with watched(failing_at(number, error, lasting), ALL) as seen:
        try:
            worker.work(colours, run, pretend(lambda what, step: what == "saved" and saved.append(step)))
        except OSError as raised:  # while the outcome itself was written
            job_done = raised
        reached = len(seen) >= number
        status, told = run.status(), run.error()
        assert (runs.listing(colours), progress.overview(colours)[0]["status"]) == ([run.id], status)  # the page
    is_dead = reached and lasting and error != errno.ENOSPC
    if is_dead:
        assert told is None  # for it could be kept nowhere
        assert (status, job_done.errno) == ("interrupted", error) or status == "finished"
    elif job_done:
        assert status in ("interrupted", "finished")  # the last of all is to make its name durable
        assert job_done.errno == error
        assert number >= len(seen) - 2, "something else had failed before, and that is not told"
    elif status != "finished":
        assert (status, told["reason"]) == ("failed", "disk_full" if error == errno.ENOSPC else "disk_error"), told
        assert told["message"].startswith(f"The disk at {Disk.of(colours.path)} "), told
        if error == errno.ENOSPC and "needs_bytes" in run.state():
            assert f"{run.state()['needs_bytes']:,} bytes are needed next" in told["message"]
    newest, passed_over = run.newest_checkpoint()
    assert ((newest or 0) >= saved[-1], passed_over if not is_dead else []) == (True, [])
    if not is_dead:  # from a dead one nothing can be removed either
        assert left_over(run) == []
        assert not any(checkpoints.is_torn(folder) for folder in run.checkpoint_folder.glob("*"))
    if status != "finished":
        worked(colours, run, pretend())
        assert is_whole(run), (number, left_over(run), run.log_tail())
    run.delete()
    return reached


CASES = [(errno.ENOSPC, True), (errno.ENOSPC, False), (errno.EIO, False), (errno.EIO, True), (errno.EROFS, True)]


@pytest.mark.parametrize(
    ("error", "lasting", "every"),
    [
        *(pytest.param(*case, every, marks=faults) for case, every in zip(CASES, (7, 11, 7, 9, 13), strict=True)),
        *(pytest.param(*case, 1, marks=nightly) for case in CASES),
    ],
)
def test_a_disk_that_fails_at_any_write_leaves_the_old_checkpoint_and_a_reason(
    colours, tiny_model, monkeypatch, error, lasting, every
):
    """A write of which half has arrived, an fsync, a rename, a new folder; once, or from then on.

    On a disk that goes on failing, or lets nothing be written any more, no reason can be kept, not even in the log, nor can
    what is torn be removed: the run is shown as interrupted at once, and its next start clears up and goes on from the old
    checkpoint.

    Seen to fail without room kept spare for the outcome (the run ends without a word), with `clear_torn` left out of
    `Run.cleared` (a torn checkpoint stays), and with it left out of the beginning of the training (what a dead disk kept stays).
    """
    monkeypatch.setattr("lab.job.STARTING", 0)
    number = 1
    while check_failed(colours, tiny_model, number, error, lasting):
        number += every
    assert number > 100  # so often it writes, at least


@faults
@pytest.mark.parametrize(("error", "said"), [(errno.ENOSPC, "is full"), (errno.EIO, "failed"), (errno.EROFS, "failed")])
def test_the_page_answers_while_its_disk_fails(colours, tiny_run, tiny_model, error, said):
    """At every write and removal. Seen to fail with a line added to a run's log by `Run.status`, as by anything that is
    written for somebody who only looks."""
    with watched(failing_at(1, error, lasting=True), ALL) as seen:
        assert [one["status"] for one in progress.overview(colours)] == ["finished"]
        assert [one["id"] for one in commands.run_list(colours)] == runs.listing(colours) == [tiny_run.id]
        assert commands.run_show(colours, tiny_run.id)["metrics"] == tiny_run.points() != []
        assert points.Points(tiny_run).update() and tiny_run.log_tail()
        assert seen == []
        for refused in (lambda: jobs.train(colours, settings(tiny_model)), lambda: tiny_run.describe(title="A name")):
            with pytest.raises(OSError) as raised:
                refused()
            assert f"The disk at {Disk.of(colours.path)} " in str(access.shown(raised.value))
            assert said in str(access.shown(raised.value))
    assert [path.name for path in colours.runs.iterdir() if path.name != ".guard"] == [tiny_run.id]
    tiny_run.describe(title="A name")
    assert left_over(tiny_run) == []


@faults
def test_every_way_to_write_a_file_is_a_moment(tmp_path):
    """Seen to fail with `io.open` alone watched: what is copied or opened by its other name is not seen."""
    (tmp_path / "from").write_text("x")
    with watched(lambda *_: None) as seen:
        with open(tmp_path / "plain", "w") as file:  # noqa: PTH123 - just this way
            file.write("x")
        (tmp_path / "path").write_text("x")
        shutil.copyfile(tmp_path / "from", tmp_path / "to")
        with zipfile.ZipFile(tmp_path / "zip", "w") as packed:
            before = len(seen)
            packed.writestr("name", "x")
        assert len(seen) > before
    assert seen[:2] == ["write", "write"]
    assert "sendfile" in seen


@faults
def test_a_folder_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    """Seen to fail without the rename back in `staged`."""
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "weights").write_text("old")
    true = Path.rename

    def failing(self, target):
        if self.name == "new":
            raise OSError(errno.ENOSPC, "No space left on device")
        return true(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="No space"), staged(tmp_path / "adapter", replace=True) as folder:
        (folder / "weights").write_text("new")
    assert [(p.name, p.read_text()) for p in (tmp_path / "adapter").iterdir()] == [("weights", "old")]
    assert [p.name for p in tmp_path.iterdir()] == ["adapter"]


# -- what is said ----------------------------------------------------------------------------------------------------------


@faults
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError("basic_ios::clear: iostream error"),
        RuntimeError("[enforce fail at inline_container.cc:672] . PytorchStreamWriter failed writing file data/3"),
    ],
    ids=["python", "quota", "safetensors", "torch's stream", "torch"],
)
def test_all_that_write_checkpoints_have_words_of_their_own_for_a_full_disk(tmp_path, error):
    """Seen to fail with errors known by their number alone: safetensors and torch give none."""
    wanted = 1 << 60
    for raised in (error, with_cause(WorkError("saving failed"), error)):
        told = shortage.explain(raised, tmp_path, None, wanted)
        assert told["reason"] == "disk_full"
        assert f"{wanted:,} bytes" in told["message"]
        assert str(Disk.of(tmp_path)) in told["message"]


@faults
@pytest.mark.parametrize("named", [True, False], ids=["where it is told", "where it is not"])
def test_the_disk_of_the_file_that_failed_is_named(tmp_path, monkeypatch, named):
    """And the bytes that the job needs next are needed on its own disk alone. Seen to fail with the job's folder asked for
    whatever the error says."""
    other, own = tmp_path / "cache", tmp_path / "home"
    mounted = {other: (str(other), "/dev/other"), own: (str(own), "/dev/own")}
    monkeypatch.setattr(disk, "_mounted", lambda path: next(m for at, m in mounted.items() if path.is_relative_to(at)))
    other.mkdir()
    own.mkdir()
    file = other / "models" / "weights" if named else None
    error = OSError(errno.ENOSPC, "No space left on device", *([str(file)] if file else []))
    told = shortage.explain(error, own, None, 1 << 60)
    place, needed = (other, "more is needed than the") if named else (own, f"{1 << 60:,} bytes")
    assert told["message"].startswith(f"The disk at {place} (/dev/")
    assert needed in told["message"]


@faults
@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("Data processing error: write (os error 28)")],
    ids=["Python's", "another library's"],
)
def test_a_full_disk_of_downloads_is_named(colours, tiny_model, small_disk, monkeypatch, error):
    """Seen to fail without the place of downloads given to errors that name none: it is the home's disk."""

    def full(*given, **named):
        raise error

    run = created(colours, tiny_model)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(small_disk / "hub"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    monkeypatch.setattr(bases, "find", lambda name: bases.Base("owner/name", None, None, on_hub=True))
    with pytest.raises(WorkError, match=f"The disk at {small_disk} .* is full"):
        worked(colours, run)
    assert run.error()["reason"] == "disk_full"


def with_cause(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@faults
def test_an_error_of_something_else_is_not_the_disks(tmp_path):
    """Seen to fail with a file that is not there, or not allowed, among the numbers of a full disk."""
    for error in (FileNotFoundError(2, "No such file"), RuntimeError("shapes differ"), PermissionError(13, "no")):
        assert shortage.explain(error, tmp_path, None, 1 << 60) is None


# -- room is asked for before anything starts --------------------------------------------------------------------------------


def room(monkeypatch, free: int) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=free))


@faults
def test_a_training_whose_checkpoints_do_not_fit_is_refused_and_nothing_is_left(colours, tiny_model, monkeypatch):
    """Seen to fail without `need_room` in `jobs.train_planned`."""
    room(monkeypatch, 1000)
    with pytest.raises(
        InputError, match=r"The disk at .* has 1,000 bytes free, and checkpoints take up to [\d,]+ bytes"
    ):
        jobs.train(colours, settings(tiny_model))
    assert runs.listing(colours) == []


@faults
def test_runs_in_the_queue_share_what_is_free(tidy, tiny_model, monkeypatch, tmp_path):
    """Each would fit alone, not both. Seen to fail with the room of each asked for by itself."""
    long = {"epochs": None, "max_steps": 100_000, "warmup": 0.0}
    needed = plan.make(tidy, settings(tiny_model, **long)).disk_bytes
    workers(monkeypatch, tmp_path / "stand-in")
    room(monkeypatch, needed * 3 // 2)
    first = jobs.train(tidy, settings(tiny_model, **long))
    assert 0 < queue.promised_room(tidy) <= first.state()["disk_bytes"] == needed
    with pytest.raises(InputError, match=r"of which runs before it will take [\d,]+ bytes"):
        jobs.train(tidy, settings(tiny_model, seed=7, **long))
    assert runs.listing(tidy) == [first.id]
    jobs.stop(first)
    until(lambda: ended(first), "it has stopped")
    jobs.train(tidy, settings(tiny_model, seed=7, epochs=None, max_steps=1, warmup=0.0))


@faults
def test_a_sweep_whose_points_do_not_fit_together_is_refused_before_any_is_started(colours, tiny_model, monkeypatch):
    """Seen to fail with each point asked for when it is started: two are left in the queue."""
    base = settings(tiny_model).model_dump(exclude_unset=True)
    prepared = sweeps.prepare(colours, grid.parse({**base, "grid": {"seed": [1, 2, 3]}}))
    room(monkeypatch, prepared.plans[0].disk_bytes * 2)
    with pytest.raises(InputError, match="checkpoints take up to"):
        sweeping.start(colours, prepared)
    assert (runs.listing(colours), sweeps.listing(colours)) == ([], [])


KINDS = {
    "phi": {"style": "phi"},
    "gpt_neox": {"style": "phi"},
    "gemma2": {"style": "llama2", "num_key_value_heads": 2, "head_dim": 32},
    "gpt2": {"style": "phi", "n_inner": 128},
}
ADAPTERS = {
    "lora": {"r": 4},
    "dora": {"r": 4, "dora": True},
    "adalora": {"method": "adalora", "initial_r": 6, "target_r": 4},
    "full": {"method": "full"},
}


@faults
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_trained_of_any_model_is_bounded_before_it_is_loaded(tmp_path, kind, adapter):
    """By the heads of its files nearly what PEFT makes of it, by its config alone not less. Seen to fail with models other
    than Llamas left out: nothing is known."""
    values = dict(KINDS[kind])
    folder = tiny.tiny_of(tmp_path, kind, values.pop("style"), **values)
    config = Config.model_validate({"quantization": "none", "adapter": ADAPTERS[adapter]})
    base = bases.find(str(folder))
    model = Model(base, "none", whole=adapter == "full")
    model.new_adapter(config, 100)
    trained = sum(p.numel() for p in model.network.parameters() if p.requires_grad)
    by_tensors = bounds.trained_at_most(base.config(), base.tensors(), config)
    by_config = bounds.trained_at_most(base.config(), {}, config)
    assert trained <= by_tensors <= 1.5 * trained
    assert trained <= by_config <= 6 * trained  # a GPT-2 has two matrices beside the attention, and none of four


@faults
def test_a_model_of_which_nothing_is_here_has_no_estimate_and_that_is_said(colours, tiny_model, monkeypatch):
    """Seen to fail with a need that is not known taken for none, without a word."""
    planned = plan.make(colours, settings(tiny_model, base_model="owner/not-here"))
    assert planned.disk_bytes is None
    assert {
        "disk: how much the checkpoints take",
        "disk: how much the files of owner/not-here take that are still to be downloaded",
    } <= set(planned.report()["unchecked"])
    assert plan.make(colours, settings(tiny_model)).report()["unchecked"] == []


@faults
def test_a_resume_for_whose_next_checkpoint_there_is_no_room_is_refused(colours, tiny_run, monkeypatch):
    """Seen to fail without `need_room` in `jobs.resume`."""
    tiny_run.end("stopped")
    room(monkeypatch, 1000)
    with pytest.raises(InputError, match=f"1,000 bytes free.*{tiny_run.state()['needs_bytes']:,} bytes"):
        jobs.resume(colours, tiny_run.id)
    assert tiny_run.status() == "stopped"


@faults
def test_what_a_checkpoint_needs_is_foreseen(tiny_run):
    """Not less than it takes, and not much more. Seen to fail with the optimizer's moments left out."""
    for step in (c["step"] for c in tiny_run.checkpoints()):
        sizes = {p.name: p.stat().st_size for p in tiny_run.checkpoint(step).iterdir()}
        assert sum(sizes.values()) <= tiny_run.state()["needs_bytes"] < sum(sizes.values()) + 60_000, sizes


# -- a true disk, a true training ------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path) -> Path:
    """A disk of its own, of 16 MB."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("mounting a disk of its own needs root")
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(place)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no disk of its own can be mounted here: {done.stderr}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, leaving: int) -> Path:
    """Leaves so many bytes of a disk, which counts in blocks of 4096."""
    path, free = place / "filler", shutil.disk_usage(place).free
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(4096, free - leaving))
    return path


@pytest.mark.parametrize(
    "leaving",
    [
        *(pytest.param(kib << 10, marks=faults) for kib in (0, 60, 200)),
        *(pytest.param(kib << 10, marks=nightly) for kib in range(4, 300, 12)),
    ],
)
def test_a_disk_that_is_full_in_the_middle_of_a_training(small_disk, tmp_path, tiny_model, monkeypatch, leaving):
    """After the first checkpoint there is room for a part of the next, or for none, not even for a line of the log.

    Seen to fail without room kept spare for the outcome, and with `clear_torn` left out of `Run.cleared`.
    """
    home = add_to(Home.at(small_disk / "home"), tmp_path)
    changes = {"epochs": 3, "adapter": {"r": 8, "dropout": 0.1}, "validation": "none"}
    whole = worked(home, created(home, tiny_model, **changes))
    run, true, fillers = created(home, tiny_model, **changes), checkpoints.seal, []

    def seal_and_fill(*given, **named):
        true(*given, **named)
        fillers[1:] or fillers.append(fill(small_disk, leaving))

    with monkeypatch.context() as patch:
        patch.setattr("lab.checkpoints.seal", seal_and_fill)
        with pytest.raises(WorkError, match=f"The disk at {small_disk}.* is full"):
            worked(home, run)
    assert (run.status(), run.error()["reason"]) == ("failed", "disk_full")
    assert f"{run.state()['needs_bytes']:,} bytes are needed next" in run.error()["message"]
    assert [c["step"] for c in run.checkpoints()] == [3]
    assert checkpoints.verify(run.checkpoint(3)) is None
    assert sorted(p.name for p in run.checkpoint_folder.iterdir()) == ["checkpoint-3"]
    assert left_over(run) == []
    assert progress.overview(home)[0]["status"] == "failed"
    fillers[0].unlink()
    worked(home, run)
    assert (losses(run), weights(run)) == (losses(whole), weights(whole))


@faults
def test_the_page_answers_on_a_full_disk_and_says_why_nothing_starts(small_disk, tmp_path, serve):
    """Seen to fail with the sentence left out of `access.shown`: the lab itself has a problem, it says."""
    from gradio_client import Client

    home = add_to(Home.at(small_disk / "home"), tmp_path)
    home.runs.mkdir(parents=True)
    client = Client(serve(home.path).url, verbose=False)
    assert client.predict(api_name="/run_list") == []
    fill(small_disk, 0)
    assert client.predict(api_name="/run_list") == []
    with pytest.raises(Exception, match=rf"The disk at {small_disk} .*(is full|bytes free)"):
        client.predict(config="task: colours\ndataset: colours\nbase_model: tiny-llama\n", api_name="/train")
    with pytest.raises(Exception, match=rf"The disk at {small_disk} .* is full"):
        client.predict(task="name: x\nkind: classify\nlabels: [{name: a}, {name: b}]\n", api_name="/task_add")
    assert [p.name for p in home.runs.iterdir() if p.name != ".guard"] == []
    assert client.predict(api_name="/run_list") == []


@faults
def test_a_command_on_a_full_disk_ends_with_a_sentence(small_disk, tmp_path):
    """Seen to fail with `shortage.in_words` left out of the commands: `OSError: [Errno 28]`."""
    from click.testing import CliRunner

    from lab.cli import cli

    home = add_to(Home.at(small_disk / "home"), tmp_path)
    fill(small_disk, 0)
    (tmp_path / "task.yaml").write_text(json.dumps({"name": "x", "labels": [{"name": "a"}, {"name": "b"}]}))
    done = CliRunner().invoke(cli, ["task", "add", str(tmp_path / "task.yaml"), "--home", str(home.path)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"Error: The disk at {small_disk} (none) is full" in done.stderr
    assert not list(home.tasks.glob(".x*"))
