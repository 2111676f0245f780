"""The methods of adaptation, each through the whole path on a tiny model: trained, resumed, scored, generated from, reloaded."""

import plain
import pytest
import tiny
import torch
from click.testing import CliRunner
from colours import add_to, created, evaluated, settings, trained, worked
from safetensors.torch import load_file
from transformers import AutoTokenizer

from lab import bases, methods, plan, selfcheck, shapes, subjects, tuners
from lab.cli import cli
from lab.config import Config, Decoding, parse
from lab.errors import InputError
from lab.evaluate import respond
from lab.home import Home, read_json
from lab.model import Model
from lab.prompt import Renderer
from lab.runs import Run
from lab.side_by_side import SideBySide
from lab.trainer import trainer_for

ADAPTERS = {
    "lora": {"method": "lora", "r": 4, "dropout": 0.0},
    "dora": {"method": "lora", "r": 4, "dropout": 0.0, "dora": True, "rslora": True},
    "adalora": {"method": "adalora", "dropout": 0.0, "initial_r": 6, "target_r": 3},
    "llama-adapter": {"method": "llama-adapter", "adapter_len": 4, "adapter_layers": 2},
    "full": {"method": "full"},
}
GREEDY = Decoding(max_new_tokens=8)
MODEL_FILES = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
LEFT = {  # beside task.yaml, lab.json and README.md
    "adapter": {"adapter_config.json", "adapter_model.safetensors"},
    "model": MODEL_FILES,
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Home:
    folder = tmp_path_factory.mktemp("methods")
    return add_to(Home.at(folder / "home"), folder)


@pytest.fixture(scope="module")
def runs(lab, tiny_model) -> dict[str, Run]:
    """A finished run of each method on the same rows."""
    return {
        name: trained(lab, tiny_model, name=name, adapter=adapter, learning_rate=0.01)
        for name, adapter in ADAPTERS.items()
    }


def weights_of(run: Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in subjects.weight_files(run.left)}


# -- the whole path --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_run_leaves_its_adapter_or_its_model(runs, name):
    run = runs[name]
    assert run.status() == "finished"
    assert "shared prefix of" in run.state()["batches"]
    folder = "model" if name == "full" else "adapter"
    assert (run.left.name, run.left.is_dir()) == (folder, True)
    assert not (run.folder / ({"model", "adapter"} - {folder}).pop()).exists()
    assert {path.name for path in run.left.iterdir()} == LEFT[folder] | {"task.yaml", "lab.json", "README.md"}


def test_the_loss_at_first_is_that_of_the_base_for_every_method(runs):
    """Nothing that a method adds to the gradients stands in the losses."""
    first = {name: run.points()[0]["loss"] for name, run in runs.items()}
    assert list(first.values()) == pytest.approx([first["lora"]] * len(first), rel=1e-5)


def test_what_was_scored_in_training_is_answered_again_from_the_disk(lab, runs, tiny_model):
    """On one base in memory, on which adapters of one kind take the place of another; whole models have their own."""
    by_base = Model(bases.find(str(tiny_model)), "none")
    for name in [*runs, "lora"]:
        subject = subjects.resolve(lab, [runs[name].id])[0]
        model = Model(by_base.base, "none", weights=subject.adapter) if subject.is_whole else by_base
        kept = evaluated(lab, [runs[name].id])[0]  # found by the weights, as training scored them
        with model.using(subject.put_on):
            question = runs[name].rows("validation")
            now = respond(model, Renderer(runs[name].task, model.tokens), question, kept_decoding(kept), True, ignore)
        assert [p["answer"] for p in kept.predictions] == [row["answer"] for row in now.rows]
        for before, after in zip(kept.predictions, now.rows, strict=True):
            assert after["probabilities"] == pytest.approx(before["probabilities"], rel=1e-3, abs=1e-12)
    with by_base.using(None):
        assert not any("adaption" in n or "lora_E" in n for n, _ in by_base.network.named_parameters())


def kept_decoding(evaluation) -> Decoding:
    return Decoding(**evaluation.request["decoding"])


def ignore(done) -> None:
    pass


def test_all_of_them_are_compared_and_answer_side_by_side_as_the_plain_libraries_do(lab, runs, tiny_model):
    names = ["base", *(run.id for run in runs.values()), f"{runs['full'].id}@6"]
    found = evaluated(lab, names)
    assert [evaluation.name for evaluation in found] == names
    assert found[-1].id == found[-2].id  # the checkpoint has the same weights
    row = runs["lora"].rows("validation")[0]
    answers = SideBySide().answer(subjects.resolve(lab, names), runs["lora"].task, row, GREEDY)
    outputs = {answer["subject"]: answer["output"] for answer in answers}
    base = bases.find(str(tiny_model))
    tokenizer, renderer = (
        AutoTokenizer.from_pretrained(tiny_model),
        Renderer(runs["lora"].task, bases.tokens_at_hand(base)),
    )
    for run in runs.values():
        stops = read_json(run.left / "lab.json")["stop_tokens"]
        network = plain.whole(run.left) if run.method.is_whole else plain.adapted(tiny_model, run.left)
        assert plain.said(network, tokenizer, renderer.prompt_ids(row), stops, 8) == outputs[run.id]
    assert AutoTokenizer.from_pretrained(runs["full"].left).get_vocab() == tokenizer.get_vocab()


def test_plain_lora_alone_is_mixed_in_one_batch(runs, tiny_model):
    model = Model(bases.find(str(tiny_model)), "none")
    mixes = {name: model.can_mix([None, run.left]) for name, run in runs.items() if not run.method.is_whole}
    assert mixes == {"lora": True, "dora": False, "adalora": False, "llama-adapter": False}


@pytest.mark.parametrize("name", ["adalora", "full"])
def test_a_run_that_was_stopped_goes_on_as_if_it_never_had(lab, runs, tiny_model, monkeypatch, name):
    run = created(lab, tiny_model, name=name, adapter=ADAPTERS[name], learning_rate=0.01)
    log_point = Run.log_point

    def stop_at_the_fourth_step(self, point):
        log_point(self, point)
        if point["step"] == 3:
            self.request_stop()

    monkeypatch.setattr(Run, "log_point", stop_at_the_fourth_step)
    worked(lab, run)
    assert (run.status(), run.state()["step"]) == ("stopped", 4)
    assert weights_of(run) != weights_of(runs[name])
    monkeypatch.undo()
    (run.folder / "stop").unlink(missing_ok=True)
    worked(lab, run)
    assert run.status() == "finished"
    assert weights_of(run) == weights_of(runs[name])


# -- AdaLoRA ---------------------------------------------------------------------------------------------------------------


def test_the_ranks_differ_at_the_end_and_are_the_budget(runs):
    about = read_json(runs["adalora"].left / "adapter_config.json")
    ranks = tuners.ranks(about)
    assert len(ranks) == 14  # two layers of seven
    assert len(set(ranks.values())) > 1
    assert sum(ranks.values()) == 3 * 14
    weights = load_file(runs["adalora"].left / "adapter_model.safetensors")
    for name, rank in ranks.items():
        assert len(weights[f"base_model.model.{name}.lora_E"]) == rank
    assert "in the mean" in runs["adalora"].log_tail(5)
    assert tuners.ranks(read_json(runs["lora"].left / "adapter_config.json")) == {}


@pytest.mark.parametrize("steps", [1, 2, 3, 50])
def test_the_schedule_fits_few_steps_and_many(tiny_model, steps):
    model = Model(bases.find(str(tiny_model)), "none")
    model.new_adapter(Config(adapter=ADAPTERS["adalora"]), steps)
    tuner = model.network.base_model
    kept, draw = [], torch.Generator().manual_seed(0)
    ranks = tuners.Ranks(tuner)
    for step in range(steps):
        for weight in model.network.parameters():
            if weight.requires_grad:
                weight.grad = torch.randn(weight.shape, generator=draw)
                weight.data -= 0.01 * weight.grad
        ranks.on_optimizer_step(None, State(step), None)
        values = [p for n, p in model.network.named_parameters() if ".lora_E." in n]
        kept.append(sum(int((value != 0).sum()) for value in values))
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] == 3 * 14
    assert steps < 50 or kept[: int(0.1 * steps)] == [6 * 14] * 5
    assert steps < 50 or len(set(kept[-int(0.3 * steps) :])) == 1


class State:
    def __init__(self, step: int):
        self.global_step = step


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_regulariser_enters_both_paths_and_no_reported_loss(lab, tiny_model, tmp_path, accumulate):
    adapter = {**ADAPTERS["adalora"], "orthogonality": 0.5}
    wanted = settings(tiny_model, adapter=adapter, batch_size=4, accumulate=accumulate)
    planned = plan.make(lab, wanted)
    model = Model(planned.base, "none")
    model.new_adapter(wanted, planned.total_steps)
    weights = {n: p for n, p in model.network.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for weight in weights.values():
            weight.normal_(0, 0.05)
    rows = [{**row, "prompt": len(e.prompt)} for e, row in ((e, as_row(e)) for e in planned.train_examples[:4])]
    found = {}
    for way in (False, True):
        trainer = trainer_for(model, planned, tmp_path, way, [])
        trainer.current_gradient_accumulation_steps = accumulate
        batch = trainer.data_collator(rows)
        assert ("logits_to_keep" in batch) == way
        loss = {}
        for mode in (False, True):
            model.network.train(mode)
            loss[mode] = trainer.compute_loss(model.network, dict(batch), num_items_in_batch=torch.tensor(12))
        assert loss[True].item() == pytest.approx(loss[False].item(), rel=1e-6)
        found[way] = dict(zip(weights, torch.autograd.grad(loss[True], list(weights.values())), strict=True))
    for name, gradient in found[False].items():
        assert (found[True][name] - gradient).norm() < 1e-4 * gradient.norm(), name
    # What the regulariser alone gives, is in it; and is what PEFT would add to a loss of its own.
    of_answers = torch.autograd.grad(loss[False], list(weights.values()))
    own = torch.autograd.grad(
        0.5 * tuners.orthogonality(model.network.base_model) / accumulate, list(weights.values()), allow_unused=True
    )
    for (name, gradient), a, b in zip(found[True].items(), of_answers, own, strict=True):
        assert (b is None) == (".lora_E." in name)
        assert torch.allclose(gradient, a if b is None else a + b, rtol=1e-3, atol=1e-7), name
    ids = torch.tensor([planned.train_examples[0].tokens])
    with torch.no_grad():
        bare = torch.nn.functional.cross_entropy(model.network(input_ids=ids).logits[0, :-1], ids[0, 1:])
        theirs = model.network(input_ids=ids, labels=ids).loss
    assert (theirs - bare).item() == pytest.approx(
        0.5 * tuners.orthogonality(model.network.base_model).item(), rel=1e-3
    )


def as_row(example) -> dict:
    return {"input_ids": example.tokens, "labels": [-100] * len(example.prompt) + example.completion}


# -- where a method cannot go ----------------------------------------------------------------------------------------------


def test_llama_adapter_on_phi_is_refused_before_anything_is_loaded(lab, tmp_path, monkeypatch):
    monkeypatch.setattr("lab.model.Model", None)
    words = ["train", "--dry-run", "--home", lab.path, "--set", "task=colours", "--set", "dataset=colours"]
    words += ["--set", f"base_model={tiny.tiny_of(tmp_path, 'phi', 'phi')}", "--set", "adapter.method=llama-adapter"]
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == 2
    assert "llama-adapter goes on models of the types llama and mistral only" in done.stderr
    assert str(tmp_path.parent) not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_llama_adapter_wants_no_more_layers_than_there_are(lab, tiny_model):
    wanted = settings(tiny_model, adapter={"method": "llama-adapter", "adapter_layers": 3})
    with pytest.raises(InputError, match="has 2 layers only"):
        plan.make(lab, wanted)


@pytest.mark.parametrize(
    ("change", "goes"),
    [
        ({}, True),
        ({"model_type": "mistral", "head_dim": 16}, True),
        ({"head_dim": 32}, False),
        ({"model_type": "phi"}, False),
        ({"model_type": None}, False),
    ],
)
def test_by_its_config_alone_it_is_known_where_prompts_can_go(change, goes):
    model = {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, **change}
    assert (methods.why_no_prompts(model, "it", None) is None) == goes


@pytest.mark.parametrize("name", ADAPTERS)
def test_the_parameters_counted_are_those_that_are_trained(tiny_model, name):
    wanted = parse({"quantization": "none", "adapter": ADAPTERS[name]})
    model = Model(bases.find(str(tiny_model)), "none")
    model.new_adapter(wanted, 10)
    trained_ones = sum(p.numel() for p in model.network.parameters() if p.requires_grad)
    assert shapes.trainable_parameters(model.base.config(), wanted) == trained_ones


def test_full_fine_tuning_shares_its_prefix_without_noise_on_the_base(tiny_model, lab):
    """Only an adapter's weights are randomised for the check: those of a whole model would be copied for nothing."""
    model = Model(bases.find(str(tiny_model)), "none", whole=True)
    model.new_adapter(parse({"quantization": "none", "adapter": {"method": "full"}}))
    before = {n: p.data_ptr() for n, p in model.network.named_parameters()}
    with selfcheck._randomised(model.network):
        weight = next(model.network.parameters())
        assert weight.data_ptr() in before.values()
        assert torch.equal(weight, Model(model.base, "none").network.state_dict()["model.embed_tokens.weight"])


@pytest.mark.parametrize("name", ADAPTERS)
def test_weights_are_trained_in_float32_on_a_base_of_16_bits(tiny_model, name):
    """As on a GPU, where the base is held in bfloat16 unless all of it is trained."""
    whole = methods.of(ADAPTERS[name]["method"]).is_whole
    model = Model(bases.find(str(tiny_model)), "none", whole=whole)
    if not whole:
        model.network.to(torch.bfloat16)
    model.new_adapter(parse({"quantization": "none", "adapter": ADAPTERS[name]}), 10)
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.autocast("cpu", torch.bfloat16):
        model.network.train()(input_ids=ids, labels=ids).loss.backward()
    weights = [weight for weight in model.network.parameters() if weight.requires_grad]
    assert {weight.dtype for weight in weights} == {weight.grad.dtype for weight in weights} == {torch.float32}
    assert all(weight.grad.isfinite().all() for weight in weights)
    assert any(weight.grad.any() for weight in weights)


# -- 8 bits and schedules --------------------------------------------------------------------------------------------------


def test_int8_goes_the_whole_path(lab, tiny_model):
    run = trained(lab, tiny_model, name="eight", quantization="int8", adapter=ADAPTERS["lora"])
    assert run.status() == "finished"
    found = evaluated(lab, ["base", run.id])
    assert [evaluation.scores["n"] for evaluation in found] == [5, 5]
    said = SideBySide().answer(subjects.resolve(lab, ["base", run.id]), run.task, run.rows("validation")[0], GREEDY)
    assert all(answer["tokens"] > 0 for answer in said)


@pytest.mark.nightly
@pytest.mark.parametrize("quantization", ["nf4", "int8"])
@pytest.mark.parametrize("name", ["dora", "adalora", "llama-adapter"])
def test_every_adapter_trains_on_a_quantized_base(lab, tiny_model, name, quantization):
    run = trained(lab, tiny_model, name="q", quantization=quantization, adapter=ADAPTERS[name], learning_rate=0.01)
    assert run.status() == "finished"
    assert "shared prefix of" in run.state()["batches"]
    assert evaluated(lab, [run.id, f"{run.id}@6"])[0].scores["n"] == 5


@pytest.mark.nightly
@pytest.mark.parametrize("name", ADAPTERS)
def test_every_method_is_the_same_run_with_and_without_its_prefix_shared(lab, tiny_model, name):
    changes = {"name": "both", "adapter": ADAPTERS[name], "learning_rate": 1e-3}
    off, auto = (trained(lab, tiny_model, **changes, shared_prefix=way).points() for way in ("off", "auto"))
    for key in ("loss", "validation_loss"):
        theirs, ours = ([p[key] for p in points if key in p] for points in (off, auto))
        assert ours == pytest.approx(theirs, rel=1e-4), key


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0, 0.5, 1, 1, 1, 1, 1, 1, 1, 1]),
        ("linear", [0, 0.5, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]),
        ("cosine", [0, 0.5, 1, 0.962, 0.854, 0.691, 0.5, 0.309, 0.146, 0.038]),
    ],
)
def test_the_learning_rate_follows_its_schedule_behind_the_warmup(lab, tiny_model, tmp_path, schedule, rates):
    wanted = settings(tiny_model, epochs=None, max_steps=10, schedule=schedule, warmup=0.2, learning_rate=1e-3)
    planned = plan.make(lab, wanted)
    model = Model(planned.base, "none")
    model.new_adapter(wanted)
    trainer = trainer_for(model, planned, tmp_path, True, [])
    trainer.create_optimizer_and_scheduler(10)
    seen = []
    for _ in rates:
        seen.append(trainer.optimizer.param_groups[0]["lr"] / 1e-3)
        trainer.optimizer.step()
        trainer.lr_scheduler.step()
    assert seen == pytest.approx(rates, abs=1e-3)
