"""Adapters that answer in one batch answer as each does alone, whatever their ranks; what is more than plain LoRA does not."""

import json
from pathlib import Path

import pytest
import torch
from peft import AdaLoraConfig, AdaptionPromptConfig, LoraConfig, get_peft_model
from test_prefix import EXACT, GROUPED, SMALL, model_of
from transformers import AutoModelForCausalLM

from lab import bases, mixed, side_by_side, tasks
from lab.config import Decoding
from lab.mixed import CannotMix, is_plain
from lab.model import Model
from lab.side_by_side import SideBySide
from lab.subjects import Subject
from lab.unpacked import unpack

OPT = {"hidden_size": 64, "ffn_dim": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "word_embed_proj_dim": 64}
ALL = {"target_modules": "all-linear"}
PLAIN = {  # three adapters that differ in all that plain ones may differ in
    "wide": {**ALL, "r": 8, "lora_alpha": 16},
    "rank-stabilised": {**ALL, "r": 3, "lora_alpha": 5, "use_rslora": True, "lora_dropout": 0.1},
    "patterned": {"target_modules": ["q_proj", "down_proj"], "r": 2, "rank_pattern": {"q_proj": 5}, "alpha_pattern": {"q_proj": 1}},
}  # fmt: skip
DECODINGS = [
    Decoding(max_new_tokens=24),
    Decoding(max_new_tokens=8, repetition_penalty=1.4),
    Decoding(mode="labels"),
]
ROW = {"text": "I was glad that the soup was splendid."}


def adapter(model: Path, folder: Path, peft=LoraConfig, **values) -> Path:
    """An adapter for this model in this folder, with weights that make it answer otherwise than the base."""
    network = AutoModelForCausalLM.from_pretrained(model)
    network = get_peft_model(network, peft(task_type="CAUSAL_LM", **values))
    draw = torch.Generator().manual_seed(len(str(sorted(values.items()))))
    for weight in network.parameters():
        if weight.requires_grad:
            weight.data += torch.randn(weight.shape, generator=draw) * 0.05
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapters(tiny_model, tmp_path_factory) -> list[Path | None]:
    made = [adapter(tiny_model, tmp_path_factory.mktemp(name), **values) for name, values in PLAIN.items()]
    return [made[0], None, *made[1:]]


def answered_alike(home, subjects: list[Subject], decoding: Decoding, together: int) -> SideBySide:
    """What they answer in so many batches and each alone; the desk at which they did together."""
    task, desk, lone = tasks.load(home, "sentiment"), SideBySide(), SideBySide()
    batches, respond = [], side_by_side._respond
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(side_by_side, "_respond", lambda *args: batches.append(respond(*args)) or batches[-1])
        found = desk.answer(subjects, task, ROW, decoding)
    assert len(batches) == together
    for subject, one in zip(subjects, found, strict=True):
        alone = lone.answer([subject], task, ROW, decoding)[0]
        same = ("subject", "prompt", "output", "label", "tokens")
        assert [one[key] for key in same] == [alone[key] for key in same]
        assert one["label_probabilities"] == pytest.approx(alone["label_probabilities"], abs=1e-5)
    assert len({str(one["label_probabilities"]) for one in found}) == len(subjects)  # the adapters do something
    return desk


@pytest.mark.parametrize("quantization", ["none", "nf4"])
@pytest.mark.parametrize("stacked", [True, False])
def test_rows_of_several_adapters_are_what_each_is_alone(tiny_model, adapters, quantization, stacked, monkeypatch):
    if not stacked:
        monkeypatch.setattr(mixed, "MOST_STACKED", 0)
    model = Model(bases.find(str(tiny_model)), quantization)
    ids = torch.randint(5, 700, (4, 9), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        alone = []
        for row, own in zip(ids, adapters, strict=True):
            with model.using(own):
                alone.append(model.network(row[None]).logits[0])
        assert model.can_mix(adapters)
        with model.using_each(adapters) as keep:
            assert (model.network(ids).logits - torch.stack(alone)).abs().max() < 1e-5
            for rows in ([3, 1, 0], [1, 2]):  # of what is left: 3, 1, 0, then 1, 0
                keep(rows)
                ids, alone = ids[rows], [alone[row] for row in rows]
                assert (model.network(ids).logits - torch.stack(alone)).abs().max() < 1e-5
        with model.using(adapters[0]):  # nothing is left behind
            assert torch.equal(model.network(ids[1:]).logits[0], alone[1])


def test_half_precision_rows_are_those_of_autocast(tiny_model, adapters):
    model = Model(bases.find(str(tiny_model)), "none")
    model.network.to(torch.bfloat16)
    ids = torch.randint(5, 700, (4, 9), generator=torch.Generator().manual_seed(1))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        alone = []
        for row, own in zip(ids, adapters, strict=True):
            with model.using(own):
                alone.append(model.network(row[None]).logits[0])
        with model.using_each(adapters):
            found = model.network(ids).logits
    assert found.dtype == alone[0].dtype
    assert (found - torch.stack(alone)).abs().max() < 0.02 * torch.stack(alone).abs().max()


@pytest.mark.parametrize("decoding", DECODINGS, ids=["greedy", "penalty", "labels"])
def test_answers_are_the_same_together_and_alone(home, tiny_model, adapters, decoding):
    subjects = [Subject(str(i), str(tiny_model), "nf4", own) for i, own in enumerate(adapters)]
    answered_alike(home, subjects, decoding, together=1)


@pytest.mark.parametrize("kind", ["mistral", "gpt2", "gemma3_text"])
def test_other_models_mix_too_windows_and_all(home, tmp_path, kind):
    values = {**SMALL, **GROUPED, "sliding_window": 32} if kind == "mistral" else EXACT[kind]
    model_of(tmp_path / "model", kind, values)
    lora = [None, *(adapter(tmp_path / "model", tmp_path / str(r), r=r, **ALL) for r in (2, 4))]
    answered_alike(
        home, [Subject(str(i), str(tmp_path / "model"), "none", own) for i, own in enumerate(lora)], DECODINGS[0], 1
    )


def test_a_model_whose_layers_lose_the_rows_answers_in_turn(home, tmp_path):
    """OPT lays the tokens of all rows in one line."""
    model_of(tmp_path / "model", "opt", OPT)
    lora = [None, *(adapter(tmp_path / "model", tmp_path / str(r), r=r, **ALL) for r in (2, 4))]
    subjects = [Subject(str(i), str(tmp_path / "model"), "none", own) for i, own in enumerate(lora)]
    desk = answered_alike(home, subjects, DECODINGS[0], together=3)
    assert not desk.model.can_mix(lora)  # next time it is known


def test_layers_are_as_before_whatever_happens(tiny_model, adapters):
    model = Model(bases.find(str(tiny_model)), "none")
    with pytest.raises(CannotMix), model.using_each(adapters):
        model.network(torch.zeros(3, 4, dtype=torch.long))
    assert not any("forward" in module.__dict__ for module in model.network.modules())


@pytest.mark.parametrize(
    ("peft", "values"),
    [
        (LoraConfig, {"use_dora": True}),
        (LoraConfig, {"bias": "all"}),
        (LoraConfig, {"modules_to_save": ["lm_head"]}),
        (LoraConfig, {"target_modules": ["q_proj", "embed_tokens"]}),
        (LoraConfig, {"trainable_token_indices": [3]}),
        (LoraConfig, {"alora_invocation_tokens": [3]}),
        (LoraConfig, {"init_lora_weights": "pissa"}),
        (AdaLoraConfig, {"total_step": 10}),
        (AdaptionPromptConfig, {"adapter_len": 4, "adapter_layers": 2}),
    ],
)
def test_what_is_more_than_plain_lora_is_not_mixed(tiny_model, tmp_path, peft, values):
    targets = {} if peft is AdaptionPromptConfig else {"target_modules": ["q_proj"]}
    assert not is_plain(adapter(tiny_model, tmp_path, peft, **{**targets, **values}))


def test_what_is_not_known_is_not_mixed(tiny_model, tmp_path):
    folder = adapter(tiny_model, tmp_path, **PLAIN["wide"])
    assert is_plain(folder)
    about = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**about, "use_something_new": True}))
    assert not is_plain(folder)
    assert not is_plain(tmp_path / "nowhere")


def test_8_bit_answers_do_not_depend_on_who_else_is_asked(tiny_model, adapters):
    assert not Model(bases.find(str(tiny_model)), "int8").can_mix(adapters)


def test_unpacked_weights_answer_the_same_to_the_last_bit(tiny_model, adapters, monkeypatch):
    packed, unpacked = (Model(bases.find(str(tiny_model)), "nf4") for _ in range(2))
    assert unpack(unpacked.network)
    ids = torch.randint(5, 700, (2, 9))
    with torch.no_grad():
        for own in adapters:
            with packed.using(own), unpacked.using(own):
                assert torch.equal(packed.network(ids).logits, unpacked.network(ids).logits)
    monkeypatch.setattr("lab.unpacked.MOST_BYTES", 1000)
    assert not unpack(packed.base_network)  # too large for the memory
    assert not unpack(Model(bases.find(str(tiny_model)), "none").network)  # nothing to unpack
