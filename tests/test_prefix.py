"""The shared-prefix engine: the numbers of the ordinary path, on every kind of model, and a plain word where it cannot be."""

import random

import pytest
import tiny
import torch
from colours import created, evaluated, trained, worked
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from lab import bases, selfcheck
from lab.config import Config, Decoding
from lab.evaluate import respond
from lab.model import Model
from lab.prefix import NAME
from lab.prompt import Example, Renderer
from lab.trainer import ROW_TOKENS, collator_for

GREEDY = Decoding().for_kind("classify")
SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
GROUPED = {"num_key_value_heads": 2}
GEMMA = {**SMALL, **GROUPED, "head_dim": 16, "sliding_window": 256}
EXACT = {  # model type → what its config says beside the defaults
    "llama": {**SMALL, **GROUPED},
    "mistral": {**SMALL, **GROUPED, "sliding_window": None},
    "phi": SMALL,
    "qwen2": {**SMALL, **GROUPED},
    "qwen3": {**SMALL, **GROUPED, "head_dim": 16},
    "gemma3_text": {**GEMMA, "layer_types": ["sliding_attention", "full_attention"]},
    "gemma2": GEMMA,
    "gpt2": {"n_embd": 64, "n_layer": 2, "n_head": 4},
    "falcon": {**SMALL, "new_decoder_architecture": True, "num_kv_heads": 2},
}
NOT = {  # name → model type, config, what is said
    "window": (
        "mistral",
        {**SMALL, **GROUPED, "sliding_window": 32},
        "look back 32 tokens only, and rows have up to 63",
    ),
    "state space": (
        "mamba",
        {"hidden_size": 64, "num_hidden_layers": 2, "state_size": 8},
        "does not take packed sequences",
    ),
    "hybrid": (
        "lfm2",
        {**SMALL, **GROUPED, "layer_types": ["conv", "full_attention"]},
        "does not take packed sequences",
    ),
    "alibi": ("falcon", {**SMALL, "alibi": True, "multi_query": False}, "does not take packed sequences"),
    "local": (
        "gpt_neo",
        {
            "hidden_size": 64,
            "num_layers": 2,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 128,
        },
        "look back 128 places",
    ),
    "bloom": ("bloom", {"hidden_size": 64, "n_layer": 2, "n_head": 4}, "does not take packed sequences"),
}


def model_of(folder, kind: str, values: dict, **options) -> Model:
    """A model of a kind with seeded weights, large enough that its answers differ."""
    from tokenizers import Tokenizer
    from transformers import AutoConfig

    tiny.tokenizer_folder(folder, "llama2")
    size = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    config = AutoConfig.for_model(kind, vocab_size=size, bos_token_id=1, eos_token_id=2, pad_token_id=0, **values)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(42)
        network = AutoModelForCausalLM.from_config(config).to(torch.float32)
        for weight in network.parameters():
            if weight.dim() > 1:
                weight.data.normal_(0, 0.15)
    network.save_pretrained(folder)
    return Model(bases.find(str(folder)), options.pop("quantization", "none"), **options)


def rows(prefix: int = 40, lengths=(4, 9, 20, 13)) -> list[Example]:
    draw = random.Random(0)

    def tokens(n: int) -> list[int]:
        return [draw.randrange(5, 700) for _ in range(n)]

    shared = tokens(prefix)
    return [Example(shared + tokens(n), tokens(3)) for n in lengths]


# -- which models ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EXACT)
def test_the_numbers_are_those_of_the_ordinary_path(tmp_path, kind):
    model, examples = model_of(tmp_path, kind, EXACT[kind]), rows()
    with torch.no_grad():
        expected = selfcheck.ordinary(model, examples)
        for way in (selfcheck.packed, selfcheck.cached):
            assert (way(model, examples, examples[0].prompt[:40]) - expected).abs().max() < 1e-5
    assert selfcheck.why_not(model, examples, 40) is None
    # Gemma 2 caps its attention scores, and Falcon has an attention of its own: for them one mask says it all.
    assert (model.network.config._attn_implementation == NAME) == (kind not in ("gemma2", "falcon"))


@pytest.mark.parametrize("name", NOT)
def test_where_it_cannot_be_it_is_said_and_the_ordinary_path_is_taken(tmp_path, name):
    kind, values, says = NOT[name]
    assert says in selfcheck.why_not(model_of(tmp_path, kind, values), rows(), 40)


def test_a_model_that_answers_otherwise_is_found_out(tmp_path):
    """The window is not in the config, as if its layers looked back less far than they say."""
    model = model_of(tmp_path, "mistral", {**SMALL, **GROUPED, "sliding_window": 32})
    model.network.config.sliding_window = None
    for layer in model.network.model.layers:
        layer.self_attn.forward = forgetful(layer.self_attn.forward)
    assert "would differ by" in selfcheck.why_not(model, rows(), 40)


def forgetful(forward):
    """An attention that does not look at its mask."""

    def without_mask(*args, attention_mask=None, **kwargs):
        return forward(*args, attention_mask=None, **kwargs)

    return without_mask


def test_the_check_leaves_weights_and_random_numbers_as_they_were(tmp_path):
    model = model_of(tmp_path, "llama", EXACT["llama"])
    model.new_adapter(Config())
    model.network.eval()
    model.network.training = True  # PEFT's wrapper is new, and so it trains, while the base below answers
    modes = [module.training for module in model.network.modules()]
    before, state = {n: p.clone() for n, p in model.network.named_parameters()}, torch.get_rng_state()
    assert selfcheck.why_not(model, rows(), 40) is None
    assert all(torch.equal(p, before[n]) for n, p in model.network.named_parameters())
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.network.modules()] == modes


# -- training --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("prefix", "lengths"), [(40, (4, 9, 20, 13)), (1, (30, 9, 20, 13)), (0, (5, 60, 2))])
@pytest.mark.parametrize("kind", ["llama", "gemma2"])
def test_loss_and_gradients_are_those_of_the_padded_batch(tmp_path, kind, prefix, lengths):
    model, examples = model_of(tmp_path, kind, EXACT[kind]), rows(prefix, lengths)
    model.new_adapter(Config(adapter={"r": 4, "dropout": 0.0}))
    weights = [p for p in model.network.parameters() if p.requires_grad]
    with torch.no_grad():
        for weight in weights:
            weight.normal_(0, 0.05)
    model.network.train()
    ours = -selfcheck.packed(model, examples, examples[0].prompt[:prefix]).mean()
    mine = torch.autograd.grad(ours, weights)
    padded = -selfcheck.ordinary(model, examples).mean()
    theirs = torch.autograd.grad(padded, weights)
    assert ours.item() == pytest.approx(padded.item(), rel=1e-5)
    apart = torch.cat([(a - b).flatten() for a, b in zip(mine, theirs, strict=True)]).norm()
    assert apart / torch.cat([b.flatten() for b in theirs]).norm() < 1e-5


def test_a_batch_is_packed_where_that_costs_less_and_padded_else(tiny_model):
    """Both count rows and trained tokens alike, by which the trainer divides the loss."""
    model = Model(bases.find(str(tiny_model)), "none")
    for examples, packs in ((rows(), True), (rows(0, (700, 700, 700)), False)):
        data = [
            {"input_ids": e.tokens, "labels": [-100] * len(e.prompt) + e.completion, "prompt": len(e.prompt)}
            for e in examples
        ]
        for share in (True, False):
            batch = collator_for(model, share)(data)
            assert ("logits_to_keep" in batch) == (packs and share)
            assert len(next(iter(batch.values()))) == len(examples)
            assert (batch["labels"][:, 1:] != -100).sum() == 3 * len(examples)
            assert batch[ROW_TOKENS] == sum(map(len, examples))


def both_ways(home, model, **changes) -> list:
    return [trained(home, model, shared_prefix=way, **{"learning_rate": 2e-4, **changes}) for way in ("off", "auto")]


def apart(runs) -> float:
    """How far the adapters of two runs are apart, relative to the first."""
    first, second = (
        torch.cat([x.flatten() for x in load_file(run.adapter / "adapter_model.safetensors").values()]) for run in runs
    )
    return ((first - second).norm() / first.norm()).item()


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 10},  # 30 steps
        {"quantization": "nf4"},
        {"gradient_checkpointing": True},
        {"batch_size": 3, "accumulate": 2},
        {"adapter": {"r": 4, "dropout": 0.0, "dora": True}},
        {"adapter": {"r": 4, "dropout": 0.0, "rslora": True}},
    ],
)
def test_a_run_is_the_same_run(colours, tiny_model, changes):
    runs = both_ways(colours, tiny_model, **changes)
    for a, b in zip(*(run.points() for run in runs), strict=True):
        assert (a["step"], a.keys()) == (b["step"], b.keys())
        for key in ("loss", "validation_loss"):
            assert b.get(key) == (pytest.approx(a[key], rel=1e-5) if key in a else None)
    assert apart(runs) < 1e-4
    assert "shared prefix is off" in runs[0].state()["batches"].replace("_", " ")
    assert "tokens = " in runs[1].state()["batches"]


def test_int8_trains_alike_within_its_rounding(colours, tiny_model):
    runs = both_ways(colours, tiny_model, quantization="int8")
    losses = [[p["loss"] for p in run.points() if "loss" in p] for run in runs]
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)
    assert "tokens = " in runs[1].state()["batches"]


@pytest.mark.parametrize("layers", [2, 24])
def test_bfloat16_agrees_within_its_tolerance(tmp_path, layers):
    """A deep model in 16 bits differs from itself, batch against row, and must not be refused for that."""
    model = model_of(tmp_path, "llama", {**EXACT["llama"], "num_hidden_layers": layers})
    model.network.to(torch.bfloat16)
    assert selfcheck.why_not(model, rows(), 40) is None


def test_the_base_is_scored_without_the_dropout_that_training_wants(colours, tmp_path):
    """GPT-2 has dropout of its own; the check before the base is scored must not leave it on."""
    model_of(tmp_path / "m", "gpt2", {**EXACT["gpt2"], "n_positions": 1024})
    run = worked(colours, created(colours, tmp_path / "m"))
    base = evaluated(colours, ["base", run.id])[0]  # found again, as it was scored before training
    model = Model(bases.find(str(tmp_path / "m")), "none", share=False)
    plain = respond(model, Renderer(run.task, model.tokens), run.rows("validation"), GREEDY, False, lambda n: None)
    assert [p["answer"] for p in base.predictions] == [row["answer"] for row in plain.rows]


def test_tokens_are_counted_as_they_pass_and_as_the_rows_have_them(colours, tiny_model):
    off, auto = (run.points()[0] for run in both_ways(colours, tiny_model))
    for point in (off, auto):
        assert point["row_tokens_per_s"] > 0
    assert off["tokens_per_s"] >= off["row_tokens_per_s"]  # padding passes too
    assert auto["tokens_per_s"] < auto["row_tokens_per_s"]  # the prefix passes once


def test_a_run_on_a_model_that_cannot_share_says_so_and_trains(colours, tmp_path):
    model_of(tmp_path / "m", "mistral", {**SMALL, **GROUPED, "sliding_window": 16, "max_position_embeddings": 1024})
    run = worked(colours, created(colours, tmp_path / "m"))
    assert run.status() == "finished"
    assert run.state()["batches"].startswith("ordinary batches: its layers look back 16 tokens only")
    assert "ordinary batches: its layers look back 16 tokens" in run.log_tail(100)


def test_the_adapter_loads_with_plain_libraries_and_answers_alike(colours, tiny_model, tiny_run):
    """Nothing of the engine's attention is left in what is saved."""
    from peft import PeftModel

    network = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), tiny_run.adapter)
    assert network.get_base_model().config._attn_implementation == "sdpa"
    assert AutoTokenizer.from_pretrained(tiny_model)
    assert NAME not in (tiny_run.adapter / "adapter_config.json").read_text()
