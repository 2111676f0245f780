"""What checkpoints survive: a kill at every moment of their writing, a flipped bit, a cut file, a disk that cannot be read."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
from itertools import product
from pathlib import Path

import pytest
from colours import add_to, created, worked
from moments import REMOVES, WRITES, forked, killing_at, watched
from pretending import EVERY, FILES, STEPS, content, is_whole, left_over, pretend
from quick_workers import Forked
from test_jobs import weights
from waiting import until

from lab import checkpoints, comparison, export, jobs, merging, publish, subjects
from lab.comparison import Comparison
from lab.errors import InputError
from lab.home import Home, write
from lab.runs import Run

ALL = (*WRITES, *REMOVES)


# -- killed at every moment ------------------------------------------------------------------------------------------------


def killed_at(colours, model: Path, number: int) -> tuple[Run, list[tuple[str, int]]] | None:
    """A run whose worker was killed at a moment, and what it had acknowledged until then; None when it had ended before."""
    run = created(colours, model)
    told = colours.path / f"told-{run.id}"
    with told.open("w") as file:

        def said(what: str, step: int) -> None:
            os.write(file.fileno(), f"{what} {step}\n".encode())  # no moment of the run's own

        def work() -> None:
            with watched(killing_at(number), ALL):
                worked(colours, run, pretend(said))

        if (code := forked(work)) == 0:
            return None
        assert code == 137
    lines = [line.split() for line in told.read_text().splitlines()]
    return run, [(what, int(step)) for what, step in lines]


def check_killed(colours, model: Path, number: int) -> bool:
    """Returns whether there was such a moment."""
    found = killed_at(colours, model, number)
    if found is None:
        return False
    run, told = found
    assert run.status() in ("interrupted", "finished")
    points = [step for what, step in told if what == "point"]
    assert {p["step"] for p in run.points()} >= set(points), "an acknowledged point is lost"
    saved = max((step for what, step in told if what == "saved"), default=0)
    saving = max((step for what, step in told if what == "saving"), default=0)
    for step in (c["step"] for c in run.checkpoints()):
        assert checkpoints.verify(run.checkpoint(step)) is None, f"checkpoint-{step} is offered and torn"
    newest = run.newest_checkpoint()[0] or 0
    assert newest in (saved, saving), f"neither the old nor the new checkpoint: {newest}"
    worked(colours, run, pretend())
    assert is_whole(run), (number, left_over(run), run.log_tail())
    return True


@pytest.mark.parametrize(
    "every", [pytest.param(6, marks=pytest.mark.faults), pytest.param(1, marks=pytest.mark.nightly)]
)
def test_killed_at_a_write_fsync_rename_or_removal_the_old_or_the_new_checkpoint_is_whole(
    colours, tiny_model, monkeypatch, every
):
    """In a forked process, by the true keeper with a stand-in for the trainer; then resumed, and nothing is left over.

    Seen to fail with a manifest that is written first, before the files (what is no checkpoint is offered), and
    with `forget_unfinished` left out of `Run.clear_torn` (half a state.json stays).
    """
    monkeypatch.setattr("lab.job.STARTING", 0)  # as after these seconds, in which a new worker may still come up
    number = 1
    while check_killed(colours, tiny_model, number):
        number += every
    assert number > 100  # so often it writes, at least


STRACE = shutil.which("strace")
CHANGES = {"epochs": 3, "validation": "none", "adapter": {"r": 4, "dropout": 0.1}}
CALLS = ("fsync", "/rename", "write")


@pytest.fixture(scope="module")
def tracing() -> None:
    """Leaves out what follows where no process may be traced."""
    if not STRACE:
        pytest.skip("strace is not installed")
    with subprocess.Popen(["sleep", "60"]) as other:
        tracer = subprocess.Popen([STRACE, "-qq", "-o", "/dev/null", "-p", str(other.pid)], stderr=subprocess.PIPE)
        until(lambda: is_traced(other.pid) or tracer.poll() is not None, "it is traced, or not allowed to be", 20)
        is_allowed = is_traced(other.pid)
        other.kill()
        said = tracer.communicate(timeout=20)[1].decode()
    if not is_allowed:
        pytest.skip(f"no process may be traced here: {said.strip()}")


def is_traced(pid: int | str) -> bool:
    return not re.search(r"TracerPid:\s+0\n", Path(f"/proc/{pid}/status").read_text())


def wait_until_traced() -> None:
    until(lambda: is_traced("self"), "it is traced")


def traced(home, run: Run, *words: str) -> Forked:
    """A run's true worker under strace with these words, when both have ended."""
    run.beat(ticket=1, queued=True)
    worker = Forked(["lab.worker", str(home.path), "run", run.id], run.log_file, wait_until_traced)
    tracer = subprocess.Popen([STRACE, "-f", "-qq", "-p", str(worker.process.pid), *words])
    worker.wait(180)
    tracer.wait(10)
    return worker


@pytest.fixture(scope="module")
def harmless(tracing, tmp_path_factory, tiny_model) -> tuple[dict, dict[str, int]]:
    """The adapter of a run that nothing happens to, and how often its worker makes each call."""
    folder = tmp_path_factory.mktemp("harmless")
    home, said = add_to(Home.at(folder / "home"), folder), folder / "calls"
    run = created(home, tiny_model, **CHANGES)
    worker = traced(home, run, "-o", str(said), "-e", f"trace={','.join(CALLS)}")
    assert run.status() == "finished", run.log_tail()
    own = re.findall(rf"^{worker.process.pid} +(\w+)\(", said.read_text(errors="replace"), re.MULTILINE)
    return weights(run), {call: sum(call.strip("/") in name for name in own) for call in CALLS}


SHARES = [n / 20 for n in range(1, 17)]  # the last ones may not be reached: heartbeats come by the clock


@pytest.mark.parametrize(
    ("call", "share"),
    [
        *(pytest.param(*case, marks=pytest.mark.faults) for case in (("fsync", 0.4), ("/rename", 0.5), ("write", 0.7))),
        *(pytest.param(*case, marks=pytest.mark.nightly) for case in product(("fsync", "/rename"), SHARES[::2])),
        *(pytest.param("write", share, marks=pytest.mark.nightly) for share in SHARES[1::3]),
    ],
)
def test_a_true_worker_killed_by_the_kernel_at_a_call_is_resumed_to_the_same_adapter(
    colours, tiny_model, harmless, call, share
):
    """The call itself is the last thing that the worker does.

    Seen to fail with the random state left out of what is restored (`_load_rng_state` emptied): the dropout differs.
    """
    whole, calls = harmless
    number = 1 + int(share * (calls[call] - 1))
    assert number > 1
    run = created(colours, tiny_model, **CHANGES)
    kill = ["-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}"]
    assert traced(colours, run, *kill).poll() == -signal.SIGKILL, f"call {number} of {calls[call]} was not reached"
    until(lambda: run.status() == "interrupted", "its end is seen", patience=5)
    for step in (c["step"] for c in run.checkpoints()):
        assert checkpoints.verify(run.checkpoint(step)) is None
    worked(colours, run)
    assert (run.status(), left_over(run)) == ("finished", [])
    assert weights(run) == whole


@pytest.mark.faults
def test_what_a_killed_process_was_writing_is_cleared_whichever_file_it_was(tiny_run):
    """What people write about it at their next writing, for they may be at it just now.

    Seen to fail with `base.json` left out of `Run.clear_torn`, and with `forget_unfinished` left out of `Run.describe`.
    """
    tiny_run.describe(title="A name")
    written = [path.name for path in tiny_run.folder.iterdir() if path.suffix in (".json", ".jsonl", ".yaml")]
    assert {"state.json", "result.json", "config.yaml", "base.json", "metrics.jsonl", "about.json"} <= set(written)
    for name in set(written) - {"task.yaml"}:  # which is written once, before its folder is there
        (tiny_run.folder / f".{name}.x1y2z3").write_text("half")
    tiny_run.clear_torn()
    assert left_over(tiny_run) == [".about.json.x1y2z3"]
    tiny_run.describe(notes="Notes.")
    assert left_over(tiny_run) == []


# -- flipped and cut ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(colours, tiny_model) -> Run:
    """A run with two whole checkpoints, whose worker was killed."""
    run = worked(colours, created(colours, tiny_model), pretend())
    (run.folder / "result.json").unlink()
    assert [c["step"] for c in run.checkpoints()] == [STEPS - EVERY, STEPS]
    return run


HARMS = ("flipped", "cut", "longer", "gone", "empty")


def flip(path: Path, at: int, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "name"),
    [
        *(pytest.param(*case, marks=pytest.mark.faults) for case in zip(HARMS, FILES, strict=True)),
        *(
            pytest.param(*case, marks=pytest.mark.nightly)
            for case in product(HARMS, FILES)
            if case not in zip(HARMS, FILES, strict=True)
        ),
    ],
)
def test_a_harmed_checkpoint_is_found_before_it_is_loaded_and_the_file_is_named(colours, saved, name, harm):
    """Seen to fail with checkpoints of other sizes removed as torn ones, which names no file."""
    path = saved.checkpoint(STEPS) / name
    size = path.stat().st_size
    if harm == "flipped":
        flip(path, random.Random(name).randrange(size), 3)
    elif harm == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": path.read_bytes()[:-1], "longer": path.read_bytes() + b"x", "empty": b""}[harm])
    harmed = path.read_bytes() if path.exists() else b""

    def compute(home, run, progress):  # what is loaded is the one before, and nothing else
        outcome = pretend()(home, run, progress)
        assert harmed not in [run.checkpoint(c["step"]).joinpath(name).read_bytes() for c in run.checkpoints()]
        return outcome

    worked(colours, saved, compute)
    assert f"checkpoint-{STEPS} is passed over: {name} is not as it was written." in saved.log_tail()
    assert f"goes on from checkpoint-{STEPS - EVERY}" in saved.log_tail()
    assert is_whole(saved)


@pytest.mark.parametrize(
    "bits", [pytest.param(1, marks=pytest.mark.faults), pytest.param(8, marks=pytest.mark.nightly)]
)
def test_any_bit_of_a_manifest_may_flip(saved, bits):
    """Seen to fail without the manifest's own seal: a step, an epoch or a mark of one to be kept changes unnoticed."""
    path = saved.checkpoint(STEPS) / "manifest.json"
    whole = path.read_bytes()
    spaces = set(re.sub(rb"[^ \n]", b"", whole))
    for at, more in product(range(len(whole)), range(bits)):  # one of each byte, another each time, or all
        harmed = bytearray(whole)
        harmed[at] ^= 1 << ((at + more) % 8)
        if harmed[at] in spaces and whole[at] in spaces:
            continue
        path.write_bytes(harmed)
        assert saved.newest_checkpoint() == (
            STEPS - EVERY,
            [f"checkpoint-{STEPS} is passed over: manifest.json is not as it was written."],
        ), (at, more, bytes(harmed))
        assert [c["step"] for c in saved.checkpoints()] == [STEPS - EVERY]


@pytest.mark.faults
@pytest.mark.parametrize(
    "text", ["[]", "null", "7", "", '{"files": 3}', '{"step": 6, "epoch": 1, "kept": true, "files": 1}']
)
def test_a_manifest_of_another_shape_is_none(colours, saved, text):
    """Seen to fail with the errors of other shapes not caught in `_manifest`."""
    (saved.checkpoint(STEPS) / "manifest.json").write_text(text)
    worked(colours, saved, pretend())
    assert f"checkpoint-{STEPS} is passed over: manifest.json" in saved.log_tail()
    assert is_whole(saved)


@pytest.mark.faults
def test_a_manifest_from_before_there_were_seals_still_counts(saved):
    """Seen to fail with a seal asked of every manifest."""
    path = saved.checkpoint(STEPS) / "manifest.json"
    old = {key: value for key, value in json.loads(path.read_text()).items() if key != "seal"}
    write(path, json.dumps(old))
    assert saved.newest_checkpoint() == (STEPS, [])


@pytest.mark.faults
def test_a_torn_folder_is_never_offered_and_goes_at_the_next_start(colours, saved):
    """Seen to fail with `is_torn` always false and `drop_behind` dropping nothing: it stays."""
    (saved.checkpoint(STEPS) / "manifest.json").unlink()
    later = saved.checkpoint_folder / f"checkpoint-{STEPS + EVERY}"
    later.mkdir()
    (later / FILES[0]).write_bytes(content(0, FILES[0]))
    assert [c["step"] for c in saved.checkpoints()] == [STEPS - EVERY]
    for step in (STEPS, STEPS + EVERY):
        with pytest.raises(InputError, match="no checkpoint at step"):
            saved.checkpoint(step)
    worked(colours, saved, pretend())
    assert is_whole(saved)
    assert not later.exists()


@pytest.mark.faults
def test_a_checkpoint_that_the_disk_cannot_read_is_passed_over(saved, monkeypatch):
    """Seen to fail with `OSError` not caught in `checkpoints.verify`."""
    true = Path.open

    def failing(self, *given, **named):
        if self == saved.checkpoint_folder / f"checkpoint-{STEPS}" / FILES[1]:
            raise OSError(5, "Input/output error")
        return true(self, *given, **named)

    monkeypatch.setattr(Path, "open", failing)
    assert saved.newest_checkpoint() == (
        STEPS - EVERY,
        [f"checkpoint-{STEPS} is passed over: {FILES[1]} is not as it was written."],
    )


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        *(
            pytest.param(*case, marks=pytest.mark.faults)
            for case in (("optimizer.pt", "flip"), ("rng_state.pth", "cut"))
        ),
        *(pytest.param("adapter_model.safetensors", harm, marks=pytest.mark.nightly) for harm in ("flip", "cut")),
        *(
            pytest.param(*case, marks=pytest.mark.nightly)
            for case in (("optimizer.pt", "cut"), ("rng_state.pth", "flip"))
        ),
    ],
)
def test_a_true_training_goes_on_from_the_checkpoint_before(colours, tiny_model, name, harm):
    """Seen to fail with `newest_checkpoint` that takes the highest number unchecked."""
    changes = {"epochs": 3, "adapter": {"r": 4, "dropout": 0.1}, "validation": "none"}
    whole = worked(colours, created(colours, tiny_model, **changes))
    run = worked(colours, created(colours, tiny_model, **changes))
    (run.folder / "result.json").unlink()
    newest, before = [c["step"] for c in run.checkpoints()][-1:-3:-1]
    path = run.checkpoint(newest) / name
    if harm == "flip":
        flip(path, path.stat().st_size // 2, 0)
    else:
        path.write_bytes(path.read_bytes()[:-7])
    worked(colours, run)
    assert f"checkpoint-{newest} is passed over: {name}" in run.log_tail()
    assert f"goes on from checkpoint-{before}" in run.log_tail()
    assert weights(run) == weights(whole)


# -- one that is used by its name, RUN@STEP ----------------------------------------------------------------------------------

USES = {
    "evaluate": lambda home, name: jobs.evaluate(home, Comparison(subjects=[name])),
    "compare": lambda home, name: comparison.known(home, Comparison(subjects=["base", name])),
    "generate": lambda home, name: subjects.resolve(home, [name]),
    "export": export.parcel,
    "merge": merging.checked,
    "push": lambda home, name: publish.checked(home, name, "ann/model", False, True, None),
}


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """The names of the files of checkpoints that are hashed from now on."""
    true, seen = checkpoints.hashlib.file_digest, []
    monkeypatch.setattr(
        checkpoints.hashlib, "file_digest", lambda file, kind: (seen.append(Path(file.name).name), true(file, kind))[1]
    )
    return seen


@pytest.mark.faults
@pytest.mark.parametrize("file", ["adapter_model.safetensors", "adapter_config.json"])
@pytest.mark.parametrize("use", USES)
def test_a_flipped_bit_in_a_checkpoint_is_found_before_it_is_used(home, tiny_run, monkeypatch, use, file):
    """And what is left can be used. Seen to fail with sizes alone looked at, by `Run.checkpoint`: the harmed weights answer."""
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    monkeypatch.setattr(jobs, "start", lambda *given: pytest.fail("it is started"))
    newest, before = [c["step"] for c in tiny_run.checkpoints()][-1:-3:-1]
    path = tiny_run.checkpoint(newest) / file
    flip(path, path.stat().st_size // 2, 0)
    said = f"tiny-1, checkpoint-{newest}: {file} is not as it was written. It cannot be used; others are: {before}."
    with pytest.raises(InputError, match=re.escape(said)):
        USES[use](home, f"tiny-1@{newest}")
    assert subjects.resolve(home, [f"tiny-1@{before}"])[0].adapter == tiny_run.checkpoint(before)
    assert newest in [c["step"] for c in tiny_run.checkpoints()]  # it is listed, so that it can be asked why


@pytest.mark.faults
def test_a_bit_that_flips_while_an_evaluation_waits_is_found_by_its_worker(home, tiny_run):
    """Seen to fail with the checkpoint looked at when it is asked for alone."""
    (step, *_) = [c["step"] for c in tiny_run.checkpoints()]
    job = comparison.create(home, Comparison(subjects=[f"tiny-1@{step}"]))
    path = tiny_run.checkpoint(step) / "adapter_model.safetensors"
    flip(path, path.stat().st_size - 1, 7)
    with pytest.raises(InputError, match=r"adapter_model\.safetensors is not as it was written"):
        worked(home, job)


@pytest.mark.faults
def test_a_checkpoint_is_hashed_once_for_all_its_uses_and_without_what_only_training_reads(home, tiny_run, hashed):
    """So the page stays quick. Seen to fail with `_SOUND` not asked, and with `FOR_TRAINING` empty."""
    (step, *_) = [c["step"] for c in tiny_run.checkpoints()]
    path = tiny_run.checkpoint(step) / "optimizer.pt"
    flip(path, path.stat().st_size // 2, 0)
    for _ in range(3):
        subjects.resolve(home, [f"tiny-1@{step}"])
        export.parcel(home, f"tiny-1@{step}")
    assert sorted(hashed) == sorted(set(hashed))
    assert {"adapter_model.safetensors", "adapter_config.json"} <= set(hashed)
    assert not set(hashed) & checkpoints.FOR_TRAINING


@pytest.mark.faults
def test_a_checkpoint_that_goes_while_it_is_looked_at_is_not_there(tiny_run, monkeypatch):
    """Seen to fail with the checkpoint not looked for again: a file of it is not as it was written, it says."""
    (step, *_) = [c["step"] for c in tiny_run.checkpoints()]
    true = checkpoints._of_other_content
    monkeypatch.setattr(
        checkpoints, "_of_other_content", lambda folder, files: (checkpoints.drop(folder), true(folder, files))[1]
    )
    with pytest.raises(InputError, match=f"has no checkpoint at step {step}"):
        tiny_run.sound_checkpoint(step)
