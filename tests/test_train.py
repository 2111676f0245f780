"""What a training leaves behind, what it teaches, and what it never does."""

import json
import shutil

import pytest
from colours import created, evaluated, settings, trained, worked

from lab import scoreboard
from lab.checkpoints import verify
from lab.errors import InputError, WorkError
from lab.runs import Run


def test_a_run_leaves_exactly_these_files(colours, tiny_model):
    run = trained(colours, tiny_model)
    names = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    outside = {name for name in names if not name.startswith("checkpoints/")}
    assert outside == {
        "config.yaml",
        "base.json",
        "task.yaml",
        "data/train.jsonl",
        "data/validation.jsonl",
        "lock",
        "state.json",
        "metrics.jsonl",
        "log.txt",
        "result.json",
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
        "adapter/task.yaml",
        "adapter/lab.json",
        "adapter/README.md",
    }
    assert {name.split("/")[1] for name in names - outside} == {"checkpoint-3", "checkpoint-6"}
    assert run.status() == "finished"
    assert [verify(run.checkpoint(c["step"])) for c in run.checkpoints()] == [None, None]


def test_points_carry_what_was_logged(colours, tiny_model):
    points = trained(colours, tiny_model, score_train_rows=True).points()
    assert [p["step"] for p in points] == [1, 2, 3, 4, 5, 6]
    for key in ("loss", "learning_rate", "grad_norm", "rows_per_s", "tokens_per_s", "memory_bytes", "seconds"):
        assert all(p[key] is not None for p in points), key
    assert ["validation_loss" in p for p in points] == [False, False, True, False, False, True]
    for key in ("accuracy", "macro_f1", "invalid", "train_accuracy", "train_macro_f1", "train_invalid"):
        assert [key in p for p in points] == [False] * 5 + [True], key


def test_the_same_seed_gives_the_same_adapter_and_another_seed_another(colours, tiny_model):
    first, second, third = (trained(colours, tiny_model, seed=seed) for seed in (1, 1, 2))
    weights = [(run.adapter / "adapter_model.safetensors").read_bytes() for run in (first, second, third)]
    assert weights[0] == weights[1] != weights[2]


def test_training_by_steps_stops_at_the_step(colours, tiny_model):
    run = trained(colours, tiny_model, epochs=None, max_steps=4)
    assert run.points()[-1]["step"] == 4
    assert "accuracy" in run.points()[-1]
    assert [c for c in run.checkpoints() if c["kept"]] == [{"step": 4, "epoch": pytest.approx(4 / 3), "kept": True}]


@pytest.mark.parametrize("quantization", ["nf4", "int8", "none"])
def test_the_loss_falls_in_every_quantization(colours, tiny_model, quantization):
    run = trained(colours, tiny_model, quantization=quantization, epochs=20, learning_rate=0.02)
    losses = [p["loss"] for p in run.points()]
    assert losses[-1] < 0.95 * losses[0]  # a head of random weights, which gets no adapter, allows no more


def test_only_answers_are_trained(colours, tiny_model):
    """The first loss is that of the answers' tokens, worked out with the plain model."""
    import torch
    from transformers import AutoModelForCausalLM

    from lab import plan

    wanted = settings(tiny_model, batch_size=100, epochs=1)
    examples = plan.make(colours, wanted).train_examples
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    total = count = 0
    for example in examples:
        logits = model(torch.tensor([example.tokens])).logits[0].log_softmax(-1)
        start = len(example.prompt)
        for i, token in enumerate(example.completion):
            total -= logits[start + i - 1, token].item()
            count += 1
    run = trained(colours, tiny_model, batch_size=100, epochs=1)
    assert run.points()[0]["loss"] == pytest.approx(total / count, rel=1e-4)


def test_gradient_accumulation_and_checkpointing_keep_the_numbers(colours, tiny_model):
    whole = trained(colours, tiny_model, batch_size=8).points()
    parts = trained(colours, tiny_model, batch_size=2, accumulate=4).points()
    saving = trained(colours, tiny_model, batch_size=8, gradient_checkpointing=True).points()
    assert len(whole) == len(parts) == len(saving)
    for a, b, c in zip(whole, parts, saving, strict=True):
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-3)
        assert c["loss"] == pytest.approx(a["loss"], rel=1e-5)


def test_the_checkpoint_at_epoch_two_of_four_is_a_run_of_two_epochs(colours, tiny_model):
    long = trained(colours, tiny_model, epochs=4, evaluate_at=[2, 4])
    short = trained(colours, tiny_model, epochs=2)
    ours = (long.checkpoint(6) / "adapter_model.safetensors").read_bytes()
    assert ours == (short.adapter / "adapter_model.safetensors").read_bytes()


def test_kept_checkpoints_stay_and_of_the_others_the_newest_two(colours, tiny_model):
    run = trained(colours, tiny_model, epochs=6, evaluate_at=[1, 6])
    assert [(c["step"], c["kept"]) for c in run.checkpoints()] == [(3, True), (12, False), (15, False), (18, True)]


def test_a_stop_saves_and_leaves_an_adapter(colours, tiny_model, monkeypatch):
    run = created(colours, tiny_model)
    log_point = Run.log_point

    def stop_at_the_second_step(self, point):
        log_point(self, point)
        if point["step"] == 1:
            self.request_stop()

    monkeypatch.setattr(Run, "log_point", stop_at_the_second_step)
    worked(colours, run)
    assert run.status() == "stopped"
    assert [c["step"] for c in run.checkpoints()] == [2]
    assert (run.adapter / "adapter_model.safetensors").is_file()


def test_a_failure_is_told_and_kept(colours, tiny_model, monkeypatch):
    import torch

    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("too much")

    monkeypatch.setattr("lab.trainer.Trainer.training_step", full)
    with pytest.raises(WorkError, match=r"tiny-1 failed: .* batch_size"):
        trained(colours, tiny_model)
    run = Run(colours, "tiny-1")
    assert run.status() == "failed"
    assert run.show()["error"]["reason"] == "out_of_memory"
    assert "batch_size" in run.show()["error"]["advice"]


def test_adapter_targets_that_are_not_there_are_refused_and_nothing_is_left(colours, tiny_model):
    with pytest.raises(InputError, match=r"adapter.targets: .*no_such_layer"):
        trained(colours, tiny_model, adapter={"targets": ["no_such_layer"]})
    assert not list(colours.runs.glob("[!.]*"))


@pytest.mark.parametrize(
    ("missing", "said"), [("*.safetensors", "safetensors"), ("tokenizer.json", "no tokenizer that can be read")]
)
def test_a_base_without_weights_or_tokenizer_is_refused_and_nothing_is_left(
    colours, tiny_model, tmp_path, missing, said
):
    """Above all it is never trained on the tokens of another tokenizer."""
    shutil.copytree(tiny_model, tmp_path / "bare", ignore=shutil.ignore_patterns(missing))
    with pytest.raises(InputError, match=said):
        trained(colours, tmp_path / "bare")
    assert not list(colours.runs.glob("[!.]*"))


def test_a_nan_loss_is_shown_as_such(colours, tiny_model, monkeypatch):
    import torch

    from lab.trainer import Trainer

    true_loss = Trainer.compute_loss

    def broken(self, *args, **kwargs):
        return true_loss(self, *args, **kwargs) * (torch.nan if self.state.global_step == 1 else 1.0)

    monkeypatch.setattr(Trainer, "compute_loss", broken)
    run = created(colours, tiny_model, epochs=1, validation="none")
    with pytest.raises(WorkError, match="are no numbers"):  # nor are the weights from then on
        worked(colours, run)
    assert run.points()[1]["loss"] == "NaN"


def test_the_base_is_scored_once_and_reused(colours, tiny_model):
    trained(colours, tiny_model)
    before = sorted(path.name for path in colours.evaluations.glob("base-*"))
    trained(colours, tiny_model, seed=42, learning_rate=0.005)
    assert sorted(path.name for path in colours.evaluations.glob("base-*")) == before
    assert len(before) == 1


def test_evaluating_after_training_gives_the_scores_of_the_training(colours, tiny_model):
    """Also when nothing is reused: the adapter read from disk answers as it did in the trainer."""
    run = trained(colours, tiny_model, quantization="nf4", epochs=4, learning_rate=0.01)
    during = run.points()[-1]
    kept = {path.name: (path / "predictions.jsonl").read_text() for path in colours.evaluations.glob("tiny-*")}
    for folder in colours.evaluations.glob("[!.]*"):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    again = evaluated(colours, [run.id])
    scores = scoreboard.compare(again)[0][0]
    assert (scores["accuracy"], scores["invalid"]) == (during["accuracy"], during["invalid"])
    answers = [json.loads(line)["answer"] for line in next(iter(kept.values())).splitlines()]
    assert [p["answer"] for p in again[0].predictions] == answers


def test_columns_that_json_has_no_form_for_are_kept_as_the_text_that_prompts_show(colours, tiny_model, tmp_path):
    import datetime

    import pyarrow as pa

    from lab import data, tables, tasks

    day = datetime.date(2020, 2, 3)
    rows = [{"text": f"a {word}", "label": x, "day": day} for word, x in (("red", "warm"), ("blue", "cold"))] * 6
    tables.write(pa.Table.from_pylist(rows), tmp_path / "dated.parquet")
    data.add(colours, data.About(name="dated", label="label"), {"train": tmp_path / "dated.parquet"})
    task = tasks.load(colours, "colours").model_copy(update={"name": "dated", "prompt": "On $day: $text\nKind:"})
    tasks.add(colours, task)
    run = trained(colours, tiny_model, dataset="dated", task="dated", epochs=1)
    assert run.rows("train")[0]["day"] == "2020-02-03"


def test_validation_none_trains_on_all_rows(colours, tiny_model):
    run = trained(colours, tiny_model, validation="none", epochs=1)
    assert (len(run.rows("train")), len(run.rows("validation"))) == (24, 0)
    assert not any("validation_loss" in p or "accuracy" in p for p in run.points())


def test_long_rows_are_refused_or_cut_but_never_their_answers(colours, tiny_model):
    with pytest.raises(
        InputError, match=r"of 19 training rows and .* longer than max_length 40 .*an answer is never cut"
    ):
        trained(colours, tiny_model, max_length=40)
    assert not list(colours.runs.glob("tiny-*"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"epochs": None, "max_steps": 2, "evaluate_at": [1]}, "epoch 1 is not reached"),
        ({"max_length": 5000, "too_long": "cut", "task": "LONG"}, "reads 1024 at most"),
    ],
)
def test_what_could_never_work_is_refused_before_anything_is_loaded(colours, tiny_model, changes, said):
    from lab import plan, tasks

    long = tasks.load(colours, "colours").model_copy(update={"name": "long", "instruction": "word " * 2000 + "$labels"})
    tasks.add(colours, long)
    changes = {key: "long" if value == "LONG" else value for key, value in changes.items()}
    with pytest.raises(InputError, match=said):
        plan.make(colours, settings(tiny_model, **changes))


def test_an_adapter_loads_with_plain_peft(colours, tiny_model):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from lab import bases
    from lab.model import Model

    run = trained(colours, tiny_model, learning_rate=0.01)
    plain = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32), run.adapter
    )
    ours = Model(bases.find(str(tiny_model)), "none")
    ids = torch.tensor([[1, 5, 9, 12]])
    with ours.using(run.adapter), torch.no_grad():
        assert torch.equal(ours.network(ids).logits, plain(ids).logits)
