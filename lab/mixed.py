"""Base and several LoRA adapters in one batch, each row through its own.

PEFT can do it too (`adapter_names`), but gathers and scatters rows by index through a module for every adapter of every
layer, which costs a small model more than it saves. Here a layer adds to each row what its adapter's two matrices make
of it, all rows in one product where the matrices are small enough to be copied side by side; and rows that have ended
can be left out.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from peft.tuners.lora.layer import LoraLayer
from safetensors import SafetensorError, safe_open

from lab.home import read_json
from lab.subjects import ADAPTER_WEIGHTS

# What an adapter_config.json may say of an adapter that is its matrices A and B and nothing else. A key that is not here,
# of a PEFT to come too, must say nothing: it may change what the layer computes.
HARMLESS = {
    *("alpha_pattern", "auto_mapping", "base_model_name_or_path", "ensure_weight_tying", "exclude_modules"),
    *("fan_in_fan_out", "inference_mode", "layers_pattern", "layers_to_transform", "lora_alpha", "lora_dropout"),
    *("megatron_core", "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern", "revision"),
    *("target_modules", "task_type", "use_rslora"),
}
PLAIN = {"bias": "none", "init_lora_weights": True}  # and some that may say this
MOST_STACKED = 512 << 20  # bytes of the adapters' matrices that may be copied


class CannotMix(Exception):
    """The model does not keep the rows of a batch apart in the way that mixing them needs."""


def is_plain(adapter: Path) -> bool:
    """Whether the adapter in this folder is plain LoRA: two matrices for each of some linear layers, and nothing else."""
    about = read_json(adapter / "adapter_config.json") or {}
    says_more = (key for key, value in about.items() if key not in HARMLESS and value and PLAIN.get(key) != value)
    if about.get("peft_type") != "LORA" or any(says_more):
        return False
    try:
        with safe_open(adapter / ADAPTER_WEIGHTS, "pt") as weights:
            return all(key.endswith((".lora_A.weight", ".lora_B.weight")) for key in weights.keys())  # noqa: SIM118
    except (OSError, SafetensorError):
        return False  # whoever loads it says what is wrong


class Mixed:
    """The layers of a network while row i of its batch goes through adapter `names[i]`, None being the bare base."""

    def __init__(self, network: torch.nn.Module, names: list[str | None]):
        self.names = names
        touched = [module for module in network.modules() if _is_touched(module, names)]
        sizes = (module.lora_A[name].weight.nbytes + module.lora_B[name].weight.nbytes
                 for module in touched for name in names if name in module.lora_A)  # fmt: skip
        stack = sum(sizes) <= MOST_STACKED
        with torch.no_grad():
            self.layers = [_Layer(module, names, stack) for module in touched]

    def keep(self, rows: list[int]) -> None:
        """Tells that the batch has these rows alone from now on, in this order."""
        self.names = [self.names[row] for row in rows]
        with torch.no_grad():
            for layer in self.layers:
                layer.set_rows(self.names)


@contextmanager
def mixed(network: torch.nn.Module, names: list[str | None]) -> Iterator[Mixed]:
    """Within it the network, which has these adapters, answers so. The adapter that is put on it must be one of them.

    A forward raises CannotMix when a layer gets something else than (rows, tokens, width).
    """
    mix = Mixed(network, names)
    try:
        for layer in mix.layers:
            layer.module.forward = layer  # before the class's own
        yield mix
    finally:
        for layer in mix.layers:
            layer.module.__dict__.pop("forward", None)


def _is_touched(module: torch.nn.Module, names: Iterable[str | None]) -> bool:
    return isinstance(module, LoraLayer) and any(name in module.lora_A for name in names if name)


class _Layer:
    """What a linear layer with adapters computes for a batch whose rows have one each."""

    def __init__(self, module: LoraLayer, names: list[str | None], stack: bool):
        self.module, self.base, self.stack = module, module.base_layer, stack
        self.set_rows(names)

    def set_rows(self, names: list[str | None]) -> None:
        own, self.rows = self.module, len(names)
        self.loras = [
            (row, own.lora_A[name].weight, own.lora_B[name].weight, own.scaling[name])
            for row, name in enumerate(names)
            if name in own.lora_A
        ]
        self.stacked = _stacked(self.loras) if self.stack and self.loras else None

    def __call__(self, x: torch.Tensor, *args, **kwargs) -> torch.Tensor:
        result = self.base(x, *args, **kwargs)
        if self.loras and (x.dim() != 3 or x.shape[0] != self.rows):
            raise CannotMix(f"{type(self.module).__name__} got {tuple(x.shape)} for {self.rows} rows")
        if self.stacked:
            rows, a, b = self.stacked
            result[rows].add_(torch.bmm(torch.bmm(x[rows].to(a.dtype), a), b))
            return result
        for row, a, b, scaling in self.loras:
            low = torch.nn.functional.linear(x[row].to(a.dtype), a)
            result[row].add_(torch.nn.functional.linear(low, b), alpha=scaling)
        return result


def _stacked(loras: list[tuple]) -> tuple[slice, torch.Tensor, torch.Tensor]:
    """The rows from the first to the last that has an adapter, with their matrices A (rows, in, r) and B (rows, r, out),
    zero where a row has none or a lower rank; scaled."""
    first, last, rank = loras[0][0], loras[-1][0], max(a.shape[0] for _, a, _, _ in loras)
    _, like_a, like_b, _ = loras[0]
    a = like_a.new_zeros(last + 1 - first, like_a.shape[1], rank)
    b = like_b.new_zeros(last + 1 - first, rank, like_b.shape[0])
    for row, own_a, own_b, scaling in loras:
        a[row - first, :, : own_a.shape[0]] = own_a.T
        b[row - first, : own_b.shape[1]] = own_b.T * scaling
    return slice(first, last + 1), a, b
