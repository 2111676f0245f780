"""Losses, gradients and validation losses that are no numbers: shown, never hidden, and the end of a training."""

import json
import math
import shutil
from pathlib import Path

import pyarrow.parquet
import pytest
from colours import created, settings, worked
from safetensors.torch import load_file, save_file
from test_jobs import ended, losses
from waiting import until

from lab import config, data, jobs
from lab.errors import WorkError
from lab.home import read_lines
from lab.points import Points
from lab.runs import Run
from lab.ui import run_charts
from lab.ui.run_charts import View

CHANGES = {"epochs": 4, "evaluate_at": [4]}  # of three steps each, a checkpoint after each


def at_step(step: int, value: float, until_step: int = 10**9):
    """Makes the loss a value at these steps, of what is trained on."""
    from lab.trainer import Trainer

    compute = Trainer.compute_loss

    def wrong(self, model, inputs, *args, **kwargs):
        loss = compute(self, model, inputs, *args, **kwargs)
        is_wrong = self.model.training and step <= self.state.global_step + 1 <= until_step
        return loss * value if is_wrong else loss

    return wrong


def no_nan_in(path: Path) -> None:
    def refuse(name):
        raise AssertionError(f"{name} in {path}")

    for text in path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]:
        json.loads(text, parse_constant=refuse)


def no_nan_in_any_json(run: Run) -> None:
    for path in run.folder.rglob("*.json*"):
        no_nan_in(path)
    for shown in (run.show(), run.summary()):
        json.dumps(shown, allow_nan=False)


def marks(run: Run) -> dict[str, list[int]]:
    points = Points(run)
    points.update()
    figure = run_charts.curves((run.id, points.lines()), [], View())
    json.dumps(figure, allow_nan=False)
    return {trace["name"]: trace["x"] for trace in figure["data"] if ": " in trace["name"]}


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.faults
def test_three_losses_in_a_row_that_are_no_numbers_end_the_run(colours, tiny_model, monkeypatch, value):
    """From step 5 on, in the second epoch. Seen to fail with the watch left out: it trains on to the last step; and with
    `_may_be_saved` always true: checkpoint-6 holds NaN."""
    run = created(colours, tiny_model, **CHANGES)
    with monkeypatch.context() as patch:
        patch.setattr("lab.trainer.Trainer.compute_loss", at_step(5, value))
        with pytest.raises(WorkError, match=r"was (NaN|infinite) at step 5, and no number 3 times in a row.*tiny-1@3"):
            worked(colours, run)
    assert (run.status(), run.error()["reason"], run.state()["step"]) == ("failed", "no_number", 7)
    assert [c["step"] for c in run.checkpoints()] == [3]
    assert run.newest_checkpoint() == (3, [])
    kinds = [loss for loss in losses(run) if isinstance(loss, str)]
    assert len(kinds) == 3 and set(kinds) <= {"NaN", "Infinity", "-Infinity"}
    marked = marks(run).items()
    assert [step for name, steps in marked if name.startswith("training") for step in steps] == [5, 6, 7]
    no_nan_in_any_json(run)
    worked(colours, run)  # from the last checkpoint that holds numbers, with whatever was wrong put right
    assert (run.status(), marks(run)) == ("finished", {})
    no_nan_in_any_json(run)


@pytest.mark.faults
def test_two_in_a_row_do_not_end_it_and_are_marked(colours, tiny_model, monkeypatch):
    """Only what is told of the loss, with sound gradients. Seen to fail with the count not taken back at a sound loss: the
    third of them ends the run; and with `log_history` left as it is: NaN stands in `trainer_state.json`."""
    from lab.trainer import Trainer

    log = Trainer.log

    def wrong(self, logs, *args):
        if "loss" in logs and self.state.global_step in (2, 3, 8):
            logs["loss"] = math.nan
        log(self, logs, *args)

    monkeypatch.setattr(Trainer, "log", wrong)
    run = worked(colours, created(colours, tiny_model, **CHANGES))
    assert run.status() == "finished"
    assert marks(run) == {"training: NaN (3)": [2, 3, 8]}
    assert [c["step"] for c in run.checkpoints()][-1] == 12
    no_nan_in_any_json(run)


@pytest.mark.faults
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_gradients_alone_that_are_no_numbers(colours, tiny_model, monkeypatch, value):
    """At step 3, the end of an epoch, whose loss is sound and whose checkpoint would be due. Seen to fail with
    `_may_be_saved` always true: checkpoint-3 holds NaN."""
    from lab.trainer import Trainer

    train = Trainer.training_step

    def wrong(self, model, *args, **kwargs):
        loss = train(self, model, *args, **kwargs)
        if self.state.global_step == 2:
            next(p for p in model.parameters() if p.grad is not None).grad.fill_(value)
        return loss

    monkeypatch.setattr(Trainer, "training_step", wrong)
    run = created(colours, tiny_model, **CHANGES)
    with pytest.raises(WorkError, match=r"at step \d, and no number 3 times in a row.*Nothing was saved before"):
        worked(colours, run)
    assert isinstance(losses(run)[2], float)
    assert run.checkpoints() == []
    assert "step 3 is not saved" in run.log_tail()
    found = marks(run)
    assert any(name.startswith("gradient norm: ") and x[0] == 3 for name, x in found.items()), found
    no_nan_in_any_json(run)


@pytest.mark.faults
def test_validation_losses_alone_that_are_no_numbers(colours, tiny_model, monkeypatch):
    """The weights are sound, so each epoch's checkpoint is; the third such loss ends the run. Seen to fail with the
    validation loss left out of the watch."""
    from lab.trainer import Trainer

    compute = Trainer.compute_loss

    def wrong(self, *args, **kwargs):
        loss = compute(self, *args, **kwargs)
        return loss if self.model.training else loss * math.nan

    monkeypatch.setattr(Trainer, "compute_loss", wrong)
    run = created(colours, tiny_model, **CHANGES)
    with pytest.raises(WorkError, match=r"validation loss was NaN at step 3.*tiny-1@6"):
        worked(colours, run)
    assert marks(run) == {"validation: NaN (3)": [3, 6, 9]}
    assert [c["step"] for c in run.checkpoints()] == [3, 6]
    no_nan_in_any_json(run)


@pytest.mark.faults
@pytest.mark.parametrize("step", [11, 12])
def test_a_run_that_ends_before_the_third_is_not_finished(colours, tiny_model, monkeypatch, step):
    """Seen to fail with `on_train_end` left out: it is finished, with the adapter of an earlier epoch."""
    monkeypatch.setattr("lab.trainer.Trainer.compute_loss", at_step(step, math.nan))
    run = created(colours, tiny_model, **CHANGES)
    with pytest.raises(WorkError, match=r"At the last step, 12.*tiny-1@9"):
        worked(colours, run)
    assert run.status() == "failed"
    assert not run.adapter.exists()
    no_nan_in_any_json(run)


@pytest.mark.faults
def test_a_stop_among_them_leaves_the_adapter_from_before(colours, tiny_model, monkeypatch):
    """Seen to fail with `_may_be_saved` always true: the adapter of NaN is left."""
    log_point = Run.log_point

    def log_and_stop(self, point):
        log_point(self, point)
        if point["step"] == 5:
            self.request_stop()

    monkeypatch.setattr(Run, "log_point", log_and_stop)
    monkeypatch.setattr("lab.trainer.Trainer.compute_loss", at_step(5, math.nan))
    run = worked(colours, created(colours, tiny_model, **CHANGES))
    assert (run.status(), run.checkpoints()[-1]["step"]) == ("stopped", 3)
    left, kept = (folder / "adapter_model.safetensors" for folder in (run.adapter, run.checkpoint(3)))
    assert left.read_bytes() == kept.read_bytes()


@pytest.mark.faults
def test_a_base_of_nan_ends_a_real_worker(colours, tiny_model, tmp_path):
    """It answers nothing that can be read, which is told, and its training ends at the third step. Seen to fail with the
    watch left out: it trains to its end; and with `metrics.numbers` letting all pass: they are kept
    as probabilities."""
    ruined = tmp_path / "ruined"
    shutil.copytree(tiny_model, ruined)
    weights = load_file(ruined / "model.safetensors")
    weights["model.norm.weight"].fill_(math.nan)
    save_file(weights, ruined / "model.safetensors", metadata={"format": "pt"})
    run = jobs.train(colours, settings(ruined, epochs=4))
    until(lambda: ended(run), "it has ended")
    assert (run.status(), run.error()["reason"]) == ("failed", "no_number"), run.log_tail()
    assert run.state()["step"] == 3
    assert "learning_rate" in run.error()["advice"]
    assert marks(run)["training: NaN (3)"] == [1, 2, 3]
    (base,) = colours.evaluations.glob("*-*")
    for path in base.glob("*.json*"):
        no_nan_in(path)
    assert all(row["probabilities"] is None for row in read_lines(base / "predictions.jsonl"))
    no_nan_in_any_json(run)
    again = jobs.train(colours, settings(tiny_model, epochs=1))
    until(lambda: ended(again), "the next has ended")
    assert again.status() == "finished", again.log_tail()


@pytest.mark.faults
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_no_such_number_comes_in_by_the_config(value):
    """Seen to fail with its bounds and `allow_inf_nan=False` left out."""
    from lab.errors import InputError

    with pytest.raises(InputError, match="learning_rate"):
        config.parse({"learning_rate": float(value)})


@pytest.mark.faults
def test_steps_that_float16_leaves_out_are_marked_and_end_nothing(colours, tiny_model, monkeypatch):
    """Its first gradients overflow until their scale is found, and the optimizer takes no such step. Seen to fail with
    `is_left_out` always false."""
    from accelerate.optimizer import AcceleratedOptimizer

    from lab.trainer import Trainer

    train, step = Trainer.training_step, AcceleratedOptimizer.step

    def overflowing(self, model, *args, **kwargs):
        loss = train(self, model, *args, **kwargs)
        if self.state.global_step < 4:
            next(p for p in model.parameters() if p.grad is not None).grad.fill_(math.inf)
        return loss

    def scaled(self, *args):
        gradients = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        self._is_overflow = not all(gradient.isfinite().all() for gradient in gradients)
        return None if self._is_overflow else step(self, *args)

    monkeypatch.setattr(Trainer, "training_step", overflowing)
    monkeypatch.setattr(AcceleratedOptimizer, "step", scaled)
    run = worked(colours, created(colours, tiny_model, **CHANGES))
    assert run.status() == "finished"
    assert [steps for name, steps in marks(run).items() if name.startswith("gradient norm")] == [[1, 2, 3, 4]]
    assert run.checkpoints()[-1]["step"] == 12
    no_nan_in_any_json(run)


@pytest.mark.faults
def test_cells_that_are_no_numbers_are_frozen_as_prompts_show_them(colours, tiny_model, tmp_path):
    """Seen to fail with `allow_nan` left on in `home.row_json`."""
    cells = [1.0, math.nan, math.inf, None, -math.inf, 2.5, math.nan, 1.0]
    columns = {"text": list("abcdefgh"), "label": ["warm", "cold"] * 4, "score": cells, "some": [[x] for x in cells]}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "odd.parquet")
    data.add(colours, data.About(name="odd", text="text", label="label"), {"train": tmp_path / "odd.parquet"})
    run = created(colours, tiny_model, dataset="odd", validation=2)
    no_nan_in_any_json(run)
    frozen, rows = [*run.rows("train"), *run.rows("validation")], data.load(colours, "odd").rows("train")
    assert sorted(str(row["score"]) for row in frozen) == sorted(str(row["score"]) for row in rows)
    assert sorted(data.row_keys(frozen)) == sorted(data.row_keys(rows))
