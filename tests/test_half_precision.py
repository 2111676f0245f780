"""What a GPU without bfloat16 (T4, V100) needs, with a pretended device: float16, scaled gradients, steps left out."""

import pytest
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from colours import add_to, settings

from lab import bases, model, plan, presets, trainer, tuners
from lab.config import Config
from lab.home import Home
from lab.model import Model

ADALORA = {"method": "adalora", "dropout": 0.0, "initial_r": 6, "target_r": 3}
PUBLISHED = ["sst2", "codebook", "fact-check", "alpaca"]


class State:
    def __init__(self, step: int):
        self.global_step = step


def pretend_gpu(monkeypatch, has_bfloat16: bool) -> None:
    """A GPU as torch describes it: bfloat16 that the hardware lacks is emulated, which counts only where allowed."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or has_bfloat16
    )


@pytest.mark.parametrize(("has_bfloat16", "dtype"), [(False, torch.float16), (True, torch.bfloat16)])
def test_a_gpu_without_bfloat16_computes_in_float16(monkeypatch, has_bfloat16, dtype):
    pretend_gpu(monkeypatch, has_bfloat16)
    assert model.precision() == dtype
    assert model._quantization("nf4").bnb_4bit_compute_dtype == dtype


@pytest.mark.parametrize(
    ("dtype", "flags"),
    [(torch.float16, (True, False)), (torch.bfloat16, (False, True)), (torch.float32, (False, False))],
)
def test_the_trainer_scales_gradients_in_float16_and_in_nothing_else(tmp_path, tiny_model, monkeypatch, dtype, flags):
    """`fp16` is what makes the trainer's accelerator scale the loss and leave out steps that overflow."""
    home = add_to(Home.at(tmp_path / "home"), tmp_path)
    planned = plan.make(home, settings(tiny_model))
    monkeypatch.setattr(trainer, "precision", lambda: dtype)
    arguments = trainer.arguments_for(planned, tmp_path / "out")
    assert (arguments.fp16, arguments.bf16) == flags
    wanted = {(True, False): "fp16", (False, True): "bf16", (False, False): "no"}[flags]
    assert arguments.mixed_precision == wanted


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_optimizer_of_the_published_presets_is_there_on_every_gpu(home, name):
    assert {point.config.optimizer for point in presets.load(home, name).sweep.points} == {"adamw"}


def test_adalora_learns_no_importance_from_a_step_that_overflowed(tiny_model):
    """Seen to fail with `step_was_skipped` not asked: the importance of all weights is then infinite for good."""
    Accelerator(cpu=True)  # the optimizer's state of the process
    lab_model = Model(bases.find(str(tiny_model)), "none")
    lab_model.new_adapter(Config(adapter=ADALORA), 10)
    tuner, draw = lab_model.network.base_model, torch.Generator().manual_seed(0)
    weights = [weight for weight in lab_model.network.parameters() if weight.requires_grad]
    optimizer = AcceleratedOptimizer(
        torch.optim.AdamW(weights, lr=1e-3), device_placement=False, scaler=torch.amp.GradScaler("cpu")
    )
    ranks = tuners.Ranks(tuner)
    for step, overflows in enumerate([False, True, False]):
        before = [weight.detach().clone() for weight in weights]
        optimizer.scaler.scale(sum((w * torch.randn(w.shape, generator=draw)).sum() for w in weights)).backward()
        if overflows:
            weights[0].grad.fill_(torch.inf)
        optimizer.step()
        assert optimizer.step_was_skipped == overflows
        assert all(map(torch.equal, before, weights)) == overflows
        ranks.on_optimizer_step(None, State(step), None, optimizer=optimizer)
        optimizer.zero_grad()
        for average in tuners.AVERAGES:
            found = getattr(tuner.rankallocator, average)
            assert found and all(value.isfinite().all() for value in found.values())
