"""The shared-prefix engine: the tokens with which all rows of a batch begin pass through the model once, with the same numbers.

The model is given one packed sequence, `[prefix | rows]`, in which positions restart at the prefix's end for every row.
Only attention knows rows: it computes the prefix by itself, and the rows in groups over `[prefix | group]` under a mask that
leaves each row the prefix and itself. A trie of labels may hang behind every row, as in tree attention (SpecInfer, Miao et
al. 2023). For evaluation the prefix's keys and values are kept (as in Hydragen, Juravsky et al. 2024, and prompt caches).
"""

from dataclasses import dataclass

import torch
from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from lab.packing import Trie, group, longest_group
from lab.prompt import Example

NAME = "shared_prefix"  # of the attention, in transformers' register


# -- attention -----------------------------------------------------------------------------------------------------------


def attend(module, query, key, value, attention_mask, **options):
    """Attention over a packed sequence; every other input is left to PyTorch's scaled dot product attention.

    A packed one is known by its mask, which says all about it: its shape is (groups, 1, length, prefix + length), and the
    sequence ends with so many groups of that length. Before them stands the prefix, unless it comes from a cache and is in
    `key` and `value` (batch 1, heads, tokens, width) alone.
    """
    mask = attention_mask
    if mask is None or (mask.shape[0] == query.shape[0] and mask.shape[2] == query.shape[2]):
        return sdpa_attention_forward(module, query, key, value, mask, **options)
    groups, length, prefix = mask.shape[0], mask.shape[2], mask.shape[3] - mask.shape[2]

    def grouped(states):
        return states[:, :, -groups * length :].unflatten(2, (groups, length))[0].transpose(0, 1)

    keys, values = (
        torch.cat([states[:, :, :prefix].expand(groups, -1, -1, -1), grouped(states)], 2) for states in (key, value)
    )
    rows = sdpa_attention_forward(module, grouped(query), keys, values, mask, **options)[0].flatten(0, 1)[None]
    front = query.shape[2] - groups * length  # the prefix's own tokens, or none
    if not front:
        return rows, None
    states = (x[:, :, :front] for x in (query, key, value))
    return torch.cat([sdpa_attention_forward(module, *states, None, **options)[0], rows], 1), None


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)


def adopt(network: PreTrainedModel) -> None:
    """Lets a model that was just loaded attend with `attend`, where its attention can be replaced at all."""
    if network._supports_attention_backend and network.config._attn_implementation == "sdpa":
        network.set_attn_implementation(NAME)


# -- packing -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Packed:
    """A packed sequence: `ids` and `positions` (1, tokens), `mask` as `attend` takes it, or for models that attend in their
    own way (1, 1, tokens, keys); `starts` are the places of the rows' first tokens in the sequence."""

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    starts: list[int]

    def inputs(self) -> dict[str, torch.Tensor]:
        """As a model takes them."""
        return {"input_ids": self.ids, "position_ids": self.positions, "attention_mask": self.mask}


def pack(
    rows: list[list[int]],
    prefix: list[int],
    network: PreTrainedModel,
    trie: Trie | None = None,
    cached: bool = False,
) -> Packed:
    """Rows, without the prefix and none of them empty, in one sequence behind it; with `trie` behind each of them.

    `cached`: the prefix is in the model's cache and does not stand in the sequence. The network only says which mask it needs.
    """
    attention = network.config._attn_implementation
    behind, nodes = len(prefix), trie.tokens if trie else []
    lengths = [len(row) + len(nodes) for row in rows]
    groups = groups_for(network, lengths, behind)
    size, front = longest_group(lengths, groups), 0 if cached else behind
    ids, positions = (torch.zeros(len(groups), size, dtype=torch.long) for _ in range(2))
    mask = torch.zeros(len(groups), 1, size, behind + size, dtype=torch.bool)
    mask[..., :behind] = True
    starts = [0] * len(rows)
    for number, members in enumerate(groups):
        at = 0
        for row in members:
            length, end = len(rows[row]), at + lengths[row]
            starts[row] = front + number * size + at
            ids[number, at:end] = torch.tensor(rows[row] + nodes)
            depths = [length - 1 + len(trie.path(node)) for node in range(len(nodes))]
            positions[number, at:end] = torch.tensor([*range(behind, behind + length), *(behind + d for d in depths)])
            own = mask[number, 0, at:end, behind + at : behind + end]
            own[:, :length] = torch.ones(lengths[row], length, dtype=torch.bool).tril()
            for node in range(len(nodes)):
                own[length + node, [length + above for above in trie.path(node)]] = True
            at = end
        mask[number, 0, at:, behind + at :].fill_diagonal_(True)  # the padding, which nobody reads
    start = torch.tensor(prefix[:front], dtype=torch.long)
    ids = torch.cat([start, ids.flatten()])[None]
    positions = torch.cat([torch.arange(front), positions.flatten()])[None]
    return Packed(ids, positions, mask if attention == NAME else _whole(mask, front, attention), starts)


def groups_for(network: PreTrainedModel, lengths: list[int], prefix: int) -> list[list[int]]:
    """The groups in which rows attend; all rows are one where the model's attention cannot be replaced."""
    can_group = network.config._attn_implementation == NAME
    return group(lengths, prefix) if can_group else [list(range(len(lengths)))]


def _whole(mask: torch.Tensor, front: int, attention: str) -> torch.Tensor:
    """The mask of one group as one over the whole sequence, for models whose attention cannot be replaced."""
    top = torch.ones(front, mask.shape[3], dtype=torch.bool).tril()
    return for_attention(attention, torch.cat([top, mask[0, 0]])[None, None])


def for_attention(attention: str, mask: torch.Tensor) -> torch.Tensor:
    """A mask as an attention takes it: True for what is seen, but for plain ("eager") attention numbers to be added."""
    return torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min) if attention == "eager" else mask


def answer_places(rows: list[Example], prefix: int, starts: list[int]) -> list[int]:
    """The places in a packed sequence at which the answers' tokens are predicted, row by row."""
    firsts = [start + len(row.prompt) - prefix - 1 for row, start in zip(rows, starts, strict=True)]
    return [first + i for row, first in zip(rows, firsts, strict=True) for i in range(len(row.completion))]


# -- a prefix that is kept -----------------------------------------------------------------------------------------------


class CachedPrefix:
    """A prefix whose keys and values, under the model's present adapter, are computed once and read by all rows."""

    def __init__(self, network: PreTrainedModel, tokens: list[int]):
        """Runs the prefix through the network, unless it is empty. To be called and used without gradients."""
        self.network, self.tokens, self._cache = network, tokens, DynamicCache()
        self.device = next(network.parameters()).device
        if tokens:
            ids = torch.tensor([tokens], device=self.device)
            network(input_ids=ids, past_key_values=self._cache, use_cache=True, logits_to_keep=1)

    def __len__(self) -> int:
        return len(self.tokens)

    def logits(self, inputs: dict[str, torch.Tensor], places: list[int]) -> torch.Tensor:
        """Logits (places, vocabulary) in float32 at these places of a sequence, whose keys and values are kept too."""
        keep = torch.tensor(places, device=self.device)
        inputs = {key: tensor.to(self.device) for key, tensor in inputs.items()}
        out = self.network(**inputs, past_key_values=self._cache, use_cache=True, logits_to_keep=keep)
        return out.logits[0].float()

    def forget(self) -> None:
        """Drops all that was read behind the prefix."""
        self._cache.crop(len(self.tokens) - self._cache.get_seq_length())

    def for_batch(self, rows: int) -> DynamicCache | None:
        """A copy for so many rows, which `generate` may add to; None for an empty prefix."""
        if not self.tokens:
            return None
        copy = DynamicCache()
        for number, layer in enumerate(self._cache.layers):
            copy.update(*(states.expand(rows, -1, -1, -1) for states in (layer.keys, layer.values)), number)
        return copy
