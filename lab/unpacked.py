"""The 4-bit weights of a small base, unpacked once instead of for every token.

On a CPU bitsandbytes unpacks a layer's weights to floating point each time it is used, and then multiplies: more than half
of the time of a small model's token. A model that only answers may keep them as they are when unpacked: the same numbers
to the last bit, for eight times the memory of its 4-bit weights, so only where that is little.
"""

import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn import Linear4bit

MOST_BYTES = 256 << 20  # of unpacked weights: 64 million of them in float32


def unpack(network: torch.nn.Module) -> bool:
    """Lets the 4-bit layers of a network on the CPU, which is trained no more, keep their weights unpacked; whether it does."""
    layers = [module for module in network.modules() if isinstance(module, Linear4bit)]
    size = sum(module.in_features * module.out_features * module.compute_dtype.itemsize for module in layers)
    if size > MOST_BYTES or not all(map(_can_unpack, layers)):
        return False
    for layer in layers:
        layer.forward = _Unpacked(layer)
    return bool(layers)


def _can_unpack(layer: Linear4bit) -> bool:
    state = layer.weight.quant_state
    repacked = getattr(state, "packing_format_for_cpu", False) or layer.support_avx512bf16_for_cpu
    return layer.weight.device.type == "cpu" and not repacked and state.dtype == layer.compute_dtype


class _Unpacked:
    """What a layer computes, with its weights (out, in) and bias at hand."""

    def __init__(self, layer: Linear4bit):
        self.weight = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
        self.bias = None if layer.bias is None else layer.bias.data.to(self.weight.dtype)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x.to(self.weight.dtype), self.weight, self.bias).to(x.dtype)
