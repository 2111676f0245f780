"""The estimate of training memory: what its parts are, how it moves with the config, and that real trainings take as much."""

import random
import sys
from pathlib import Path

import pytest

from lab import memory, shapes
from lab.config import Config, parse
from lab.memory import CPU, GPU, Batch, estimate, largest_batch

MODEL = {
    "model_type": "llama",
    "hidden_size": 384,
    "intermediate_size": 1024,
    "num_hidden_layers": 6,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "vocab_size": 8000,
    "dtype": "float32",
}
LENGTHS = [320, 340, 360, 333] * 2


def batch(lengths=LENGTHS, prefix=300, shares=True) -> Batch:
    return Batch.of(lengths, prefix, 2 * len(lengths), shares, MODEL["hidden_size"])


def peak(place=CPU, shares=True, lengths=LENGTHS, **settings) -> int:
    return estimate(MODEL, parse({"quantization": "none", **settings}), batch(lengths, shares=shares), place)["peak"]


@pytest.mark.parametrize("place", [CPU, GPU])
@pytest.mark.parametrize("quantization", ["none", "nf4", "int8"])
@pytest.mark.parametrize("shares", [True, False])
def test_the_parts_sum_to_the_peak(place, quantization, shares):
    found = estimate(MODEL, Config(quantization=quantization), batch(shares=shares), place)
    assert sum(value for part, value in found.items() if part != "peak") == found["peak"]
    assert all(isinstance(value, int) and value > 0 for part, value in found.items() if part != "libraries")
    assert (found["libraries"] > 0) == (place is CPU)


@pytest.mark.parametrize("place", [CPU, GPU])
@pytest.mark.parametrize("shares", [True, False])
def test_more_and_longer_rows_and_a_wider_adapter_take_more(place, shares):
    peaks = [peak(place, shares, LENGTHS * n) for n in (1, 2, 4, 8)]
    assert peaks == sorted(set(peaks))
    assert peak(place, shares, [2 * n for n in LENGTHS]) > peak(place, shares)
    assert peak(place, shares, adapter={"r": 128}) > peak(place, shares)


@pytest.mark.parametrize("place", [CPU, GPU])
def test_what_is_meant_to_save_memory_saves_some(place):
    assert peak(place) < peak(place, shares=False)
    assert peak(place, gradient_checkpointing=True) < peak(place)
    assert peak(place, optimizer="adamw_8bit") < peak(place)
    assert peak(place, adapter={"targets": ["q_proj", "v_proj"]}) < peak(place)
    assert peak(place, adapter={"dropout": 0.0}) < peak(place, adapter={"dropout": 0.1})
    assert peak(place, accumulate=8) == peak(place)


@pytest.mark.parametrize("place", [CPU, GPU])
def test_every_method_has_an_estimate_and_full_fine_tuning_takes_weights_gradients_and_moments(place):
    found = {
        method: estimate(MODEL, parse({"quantization": "none", "adapter": {"method": method}}), batch(), place)
        for method in ("lora", "adalora", "llama-adapter", "full")
    }
    weights = shapes.Shapes.of(MODEL).weights
    assert found["full"]["weights"] + found["full"]["gradients_and_optimizer"] == 16 * weights
    assert found["full"]["adapter"] == 0
    assert found["llama-adapter"]["peak"] < found["lora"]["peak"] < found["full"]["peak"]
    assert found["adalora"]["gradients_and_optimizer"] == 6 * found["adalora"]["adapter"]


def test_checkpoints_take_disk_by_what_is_trained_and_how_many_are_kept():
    def size(epochs=10, scored=1, **settings):
        config = parse({"quantization": "none", **settings})
        return shapes.disk_bytes(shapes.trainable_parameters(MODEL, config), config, epochs, scored)

    whole = shapes.Shapes.of(MODEL).weights
    assert size(adapter={"method": "full"}) == (3 * 12 + 4) * whole  # the scored one and two to go on from
    assert size(1, adapter={"method": "full"}) == (12 + 4) * whole
    assert size(scored=5) == size(scored=1) * (7 * 12 + 4) / (3 * 12 + 4)
    assert size(optimizer="adamw_8bit") < size()
    assert shapes.disk_bytes(None, Config(), 1, 1) is None


def test_four_bits_save_memory_where_weights_are_not_mapped_from_their_file():
    def weights(place, quantization, **model):
        return estimate({**MODEL, **model}, Config(quantization=quantization), batch(), place)["weights"]

    assert weights(GPU, "nf4") < weights(GPU, "int8") < weights(GPU, "none")
    assert weights(CPU, "nf4", dtype="bfloat16") < weights(CPU, "none", dtype="bfloat16")
    assert weights(CPU, "nf4") > weights(CPU, "none")  # in float32 the file's pages stay beside them


def test_what_autograd_keeps_is_what_was_counted():
    """Counted once with torch's hooks for saved tensors: 174.47 MiB packed, of which 0.79 are rotary angles and the loss's."""
    found = memory._kept(memory.Shapes.of(MODEL), Config(quantization="none"), batch(), CPU)
    assert found / 2**20 == pytest.approx(174.47 - 0.79, abs=0.05)


@pytest.mark.parametrize("change", [{"model_type": "mamba"}, {"hidden_size": None}, {"num_attention_heads": 0}])
def test_models_of_other_shapes_have_no_estimate(change):
    assert estimate({**MODEL, **change}, Config(), batch(), CPU) is None
    assert estimate({}, Config(), batch(), CPU) is None


def test_adapters_on_layers_of_another_kind_have_no_estimate():
    assert estimate(MODEL, parse({"adapter": {"targets": ["fc1"]}}), batch(), CPU) is None


def test_the_largest_batch_is_one_that_the_run_may_draw():
    draw = random.Random(0)
    rows = [(300 + draw.randint(10, 90), 2) for _ in range(100)]
    few, many = (largest_batch(rows, 300, Config(), steps, MODEL) for steps in (1, 500))
    assert len(few.lengths) == len(many.lengths) == 16
    longest = sorted((n for n, _ in rows), reverse=True)[:16]
    assert few.tokens < many.tokens <= Batch.of(longest, 300, 32, True, 384).tokens
    padded = largest_batch(rows, 300, Config(shared_prefix="off"), 1, MODEL)
    assert padded.tokens == 16 * max(n for n, _ in rows)
    assert len(largest_batch(rows[:3], 300, Config(), 1, MODEL).lengths) == 3


# -- measured ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def benchmark(monkeypatch):
    """The benchmark's functions."""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads the peak where Linux keeps it")
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "benchmarks"))
    import memory_estimate

    return memory_estimate


@pytest.mark.nightly
@pytest.mark.parametrize("number", range(1000, 1010))
def test_trainings_of_all_kinds_take_what_was_estimated(benchmark, number):
    for found in benchmark.compare(benchmark.drawn(number), benchmark.CASES):
        assert found["ratio"] == pytest.approx(1, abs=0.2), benchmark.in_words(found)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "adapter", [{"method": "full"}, {"method": "adalora", "dropout": 0.05}, {"method": "llama-adapter"}], ids=str
)
def test_trainings_of_every_method_take_what_was_estimated(benchmark, adapter):
    shape = {**benchmark.drawn(1000), "adapter": adapter}
    for found in benchmark.compare(shape, [("auto", "none"), ("off", "none")]):
        assert found["ratio"] == pytest.approx(1, abs=0.2), benchmark.in_words(found)
