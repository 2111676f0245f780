"""Puts a method of adaptation on a network, and does what a method wants done while it trains.

AdaLoRA (Zhang et al. 2023) wants two things that neither PEFT nor the trainer does by itself: after each optimizer step its
ranks are allocated anew, and a regulariser keeps the rows of its matrices at right angles. That one enters the gradients alone
and no reported loss, so that losses of all methods say the same thing.
"""

import warnings
from pathlib import Path

import torch
from peft import (
    AdaLoraConfig,
    AdaLoraModel,
    AdaptionPromptConfig,
    LoraConfig,
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
)
from peft.tuners import AdaptionPromptModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel, TrainerCallback

from lab import methods
from lab.config import Adapter
from lab.home import read_json
from lab.subjects import ADAPTER_WEIGHTS

STATE = "adalora.safetensors"  # of a checkpoint: what PEFT's files lack for training to go on
# PEFT warns of layers that AdaLoRA leaves no rank, and that their ranks are no pattern of LoRA's.
for words in ("Adapter .* LoRA tensor", "The following rank_pattern keys"):
    warnings.filterwarnings("ignore", message=words)
AVERAGES = ("exp_avg_ipt", "exp_avg_unc")  # of the importance of weights, as PEFT's allocator names them


def put_on(network: PreTrainedModel, wanted: Adapter, steps: int) -> PreTrainedModel | PeftModel:
    """The network ready to be trained for so many steps. Raises ValueError when the method does not fit it."""
    if methods.of(wanted.method).is_whole:
        return network.requires_grad_(True)
    return (
        _with_prompts(network, wanted) if wanted.method == "llama-adapter" else _with_matrices(network, wanted, steps)
    )


def _with_matrices(network: PreTrainedModel, wanted: Adapter, steps: int) -> PeftModel:
    usual = {
        "task_type": "CAUSAL_LM",
        "lora_alpha": wanted.alpha,
        "lora_dropout": wanted.dropout,
        "target_modules": wanted.targets,
    }
    if wanted.method == "lora":
        return get_peft_model(network, LoraConfig(r=wanted.r, use_rslora=wanted.rslora, use_dora=wanted.dora, **usual))
    adalora = AdaLoraConfig(
        init_r=wanted.initial_r,
        target_r=wanted.target_r,
        tinit=int(steps * wanted.tinit),
        tfinal=int(steps * wanted.tfinal),
        total_step=steps,
        # At each step, for what is saved between two allocations would lack weights that training brings back.
        deltaT=1,
        orth_reg_weight=wanted.orthogonality,
        **usual,
    )
    return get_peft_model(network, adalora)


def _with_prompts(network: PreTrainedModel, wanted: Adapter) -> PeftModel:
    layers = methods.prompted_layers(wanted.adapter_layers, network.config.num_hidden_layers)
    prompts = AdaptionPromptConfig(task_type="CAUSAL_LM", adapter_len=wanted.adapter_len, adapter_layers=layers)
    return with_late_forward(get_peft_model(network, prompts))


def with_late_forward(network: PeftModel) -> PeftModel:
    """A network with LLaMA-Adapter's prompts in float32, as they are trained; and TRL, which replaces the base's forward, finds
    it in use, where PEFT would hold on to the old one."""
    prompts = network.base_model
    for name, weight in network.named_parameters():
        if name.rpartition(".")[2].startswith("adaption_"):
            weight.data = weight.data.float()

    def forward(*args, **kwargs):
        return prompts.model.forward(*args, **kwargs)

    prompts.forward = forward
    return network


def refuse_incomplete(network: PeftModel, name: str, adapter: Path) -> None:
    """Raises ValueError when the file of an adapter that was put on lacks some of its tensors, which PEFT makes up then."""
    with safe_open(adapter / ADAPTER_WEIGHTS, framework="numpy") as file:
        there = set(file.keys())
    wanted = get_peft_model_state_dict(network, adapter_name=name, save_embedding_layers=False)
    if missing := sorted(set(wanted) - there):
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise ValueError(f"tensors are missing in {ADAPTER_WEIGHTS}: {missing[0]}{more}")


def taken_off(network: PeftModel) -> PreTrainedModel:
    """The base without any adapter, as it was."""
    if isinstance(network.base_model, AdaptionPromptModel):
        network.base_model.disable_adapter_layers()
        return network.base_model.model
    return network.unload()


# -- AdaLoRA while it trains ---------------------------------------------------------------------------------------------


def _adalora(network) -> AdaLoraModel | None:
    tuner = getattr(network, "base_model", None)
    return tuner if isinstance(network, PeftModel) and isinstance(tuner, AdaLoraModel) else None


def pull(network: torch.nn.Module) -> torch.Tensor | float:
    """The regulariser of a network's method as a zero with its gradient; 0.0 for a method that has none."""
    tuner = _adalora(network)
    if tuner is None:
        return 0.0
    weight = tuner.peft_config[tuner.trainable_adapter_name].orth_reg_weight
    with torch.autocast(next(network.parameters()).device.type, enabled=False):
        found = weight * orthogonality(tuner)
    return found - found.detach()


def orthogonality(tuner: AdaLoraModel) -> torch.Tensor:
    """How far the rows of A and the columns of B are from being orthonormal: the mean of ‖M Mᵀ − I‖ over all matrices."""
    apart = []
    for name, weight in _weights(tuner):
        rows = weight if ".lora_A." in name else weight.T if ".lora_B." in name else None
        if rows is not None:
            apart.append((rows @ rows.T - torch.eye(len(rows), device=rows.device)).norm())
    return torch.stack(apart).mean()


def _weights(tuner: AdaLoraModel) -> list[tuple[str, torch.nn.Parameter]]:
    """Names, as the allocator has them, and weights of the adapter that is trained."""
    trained = f".{tuner.trainable_adapter_name}"
    return [(n, p) for n, p in tuner.model.named_parameters() if ".lora_" in n and n.endswith(trained)]


class Ranks(TrainerCallback):
    """Lets AdaLoRA allocate its ranks after each step, and keeps in checkpoints what it needs to go on as if never stopped."""

    def __init__(self, tuner: AdaLoraModel):
        self.tuner = tuner

    def on_optimizer_step(self, args, state, control, optimizer=None, **kwargs):
        allocator, settings = self.tuner.rankallocator, self.tuner.peft_config[self.tuner.trainable_adapter_name]
        if getattr(optimizer, "step_was_skipped", False):  # in float16, whose gradients were infinite
            for _, weight in _weights(self.tuner):
                weight.grad = torch.zeros_like(weight)
        step = state.global_step + 1
        if step == settings.total_step - settings.tfinal and not allocator.ipt:
            allocator.update_ipt(self.tuner.model)  # the first step settles the ranks; PEFT counts on one before
        self.tuner.update_and_allocate(step)

    def on_save(self, args, state, control, **kwargs):
        allocator = self.tuner.rankallocator
        kept = {f"weight {name}": weight.detach() for name, weight in _weights(self.tuner)}
        for key in AVERAGES:
            kept |= {f"{key} {name}": average for name, average in getattr(allocator, key).items()}
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        save_file({name: tensor.contiguous() for name, tensor in kept.items()}, folder / STATE)


def callbacks(network: torch.nn.Module) -> list[TrainerCallback]:
    """What a network's method wants done while it trains; before a checkpoint is sealed."""
    tuner = _adalora(network)
    return [Ranks(tuner)] if tuner else []


def restore(network: torch.nn.Module, checkpoint: Path) -> bool:
    """Brings AdaLoRA to where it stood at a checkpoint, whose PEFT files lack the weights that were pruned just then; whether
    it did, and nothing else has to."""
    tuner = _adalora(network)
    if tuner is None:
        return False
    weights, allocator = dict(_weights(tuner)), tuner.rankallocator
    for key, tensor in load_file(checkpoint / STATE).items():
        part, _, name = key.partition(" ")
        tensor = tensor.to(weights[name].device)
        if part == "weight":
            weights[name].data.copy_(tensor)
        else:
            getattr(allocator, part)[name] = tensor
            allocator.ipt[name] = torch.zeros_like(tensor)  # PEFT starts anew with averages of a name that is not there
    settings = tuner.peft_config[tuner.trainable_adapter_name]
    settings.rank_pattern = (read_json(checkpoint / "adapter_config.json") or {}).get("rank_pattern")
    return True


def ranks(about: dict) -> dict[str, int]:
    """The rank of each layer by the adapter_config.json of AdaLoRA; empty while none have been allocated."""
    pattern = about.get("rank_pattern") if about.get("peft_type") == "ADALORA" else None
    return {name.removesuffix(".lora_E"): sum(kept) for name, kept in (pattern or {}).items()}
