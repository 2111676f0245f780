"""Decides which rows are answered with a label, exactly as greedy generation would, without a decode loop.

A greedy answer is a label exactly when each of the label's tokens is the most probable one on its way, up to a token that
ends the answer. So one pass over `[prefix | row | trie of the labels]` decides every such row and yields the probabilities
of all labels; only rows that leave the trie must be decoded to show what they say.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from lab.model import Model
from lab.packing import Trie
from lab.prefix import CachedPrefix, for_attention, pack

BATCH_ROWS, BATCH_TOKENS, BATCH_LOGITS = 32, 4096, 1 << 25  # rows, tokens, and logits that are held at once


@dataclass(frozen=True)
class Decision:
    """The answer's tokens without the one that ends it, None where the row leaves the trie; and label probabilities."""

    answer: list[int] | None
    probabilities: dict[str, float] | None = None


def decide(
    model: Model,
    prefix: CachedPrefix,
    rows: list[list[int]],
    labels: dict[str, list[int]],
    stops: set[int],
    probabilities: bool,
    progress: Callable[[list[Decision]], None] = lambda decisions: None,
) -> list[Decision]:
    """What is decided of each row, which is a prompt without its prefix, under the model's present adapter.

    `labels` maps names to completions in tokens, as `Renderer.label_ids` gives them; `stops` are the tokens that end an
    answer. With `probabilities` the whole trie is read; without, only the branch that the most probable tokens enter.
    """
    trie, decided = Trie.of(labels), [Decision(None)] * len(rows)
    ends = {name: completion[-1] for name, completion in labels.items()}
    with torch.no_grad(), model.autocast():
        for batch in _batches(rows, trie, model.network.config.get_text_config().vocab_size, probabilities):
            own = [rows[i] for i in batch]
            found = _read_all(prefix, own, trie, ends, stops) if probabilities else _follow(prefix, own, trie, stops)
            for i, decision in zip(batch, found, strict=True):
                decided[i] = decision
            progress(found)
    return decided


def _batches(rows: list[list[int]], trie: Trie, vocabulary: int, probabilities: bool) -> Iterator[list[int]]:
    """Positions of the rows in batches, longest first."""
    nodes = len(trie.tokens) if probabilities else 0
    most = max(1, min(BATCH_ROWS, BATCH_LOGITS // (vocabulary * (1 + nodes))))
    batch, tokens = [], 0
    for i in sorted(range(len(rows)), key=lambda i: -len(rows[i])):
        if batch and (len(batch) == most or tokens + len(rows[i]) + nodes > BATCH_TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(i)
        tokens += len(rows[i]) + nodes
    if batch:
        yield batch


def _read_all(
    prefix: CachedPrefix, rows: list[list[int]], trie: Trie, ends: dict[str, int], stops: set[int]
) -> list[Decision]:
    """One pass over all labels."""
    packed = pack(rows, prefix.tokens, prefix.network, trie, cached=True)
    places = [
        start + len(row) + node
        for row, start in zip(rows, packed.starts, strict=True)
        for node in _nodes_with_root(trie)
    ]
    logits = prefix.logits(packed.inputs(), places).unflatten(0, (len(rows), -1))  # (rows, root and nodes, vocabulary)
    prefix.forget()
    total, best = logits.logsumexp(2), logits.argmax(2).tolist()
    above = [parent + 1 for parent in trie.parents]
    tokens = torch.tensor(trie.tokens, dtype=torch.long, device=logits.device)
    steps = logits[:, above, tokens] - total[:, above]  # log-probability of each node behind the one above it
    scores = torch.stack(
        [
            steps[:, trie.path(node)].sum(1) + logits[:, node + 1, ends[name]] - total[:, node + 1]
            for name, node in trie.ends.items()
        ],
        1,
    )
    found = []
    for row, chances in zip(best, scores.exp().tolist(), strict=True):
        by_label = dict(zip(trie.ends, chances, strict=True))
        found.append(Decision(_walk(trie, row, stops), {**by_label, "other": max(0.0, 1.0 - sum(chances))}))
    return found


def _nodes_with_root(trie: Trie) -> range:
    """The places behind which something is predicted, relative to the row's end: its last token, then the nodes."""
    return range(-1, len(trie.tokens))


def _walk(trie: Trie, best: list[int], stops: set[int]) -> list[int] | None:
    """The tokens on the way down by the best token behind the root (`best[0]`) and each node; None where it leaves the trie."""
    node = -1
    while (token := best[node + 1]) not in stops:
        if token not in trie.children[node]:
            return None
        node = trie.children[node][token]
    return [trie.tokens[i] for i in trie.path(node)]


def _follow(prefix: CachedPrefix, rows: list[list[int]], trie: Trie, stops: set[int]) -> list[Decision]:
    """Follows the branch that the most probable tokens enter; where the trie leaves no choice, all of it in one pass."""
    packed = pack(rows, prefix.tokens, prefix.network, cached=True)
    behind = len(prefix)
    lasts = [start + len(row) - 1 for row, start in zip(rows, packed.starts, strict=True)]
    best = dict(enumerate(prefix.logits(packed.inputs(), lasts).argmax(1).tolist()))
    # Which of the keys that are kept each row reads, beside the prefix's.
    own = [list(range(behind + last + 1 - len(row), behind + last + 1)) for row, last in zip(rows, lasts, strict=True)]
    keys = behind + packed.ids.shape[1]
    node, decided = [-1] * len(rows), [Decision(None)] * len(rows)
    while best:
        chains: dict[int, list[int]] = {}  # the nodes that come next, by row
        for row, token in best.items():
            if token in stops:
                decided[row] = Decision([trie.tokens[i] for i in trie.path(node[row])])
            elif token in trie.children[node[row]]:
                chains[row] = trie.below(trie.children[node[row]][token])
        if not chains:
            break
        inputs = _chained(chains, own, trie, behind, keys, prefix.network)
        found = prefix.logits(inputs, list(range(inputs["input_ids"].shape[1]))).argmax(1).tolist()
        best = {}
        for row, chain in chains.items():
            said, found = found[: len(chain)], found[len(chain) :]
            own[row] += range(keys, keys + len(chain))
            keys += len(chain)
            as_expected = [trie.tokens[i] for i in chain[1:]]
            i = next((i for i, token in enumerate(as_expected) if said[i] != token), len(as_expected))
            node[row], best[row] = chain[i], said[i]
            if i < len(as_expected) and said[i] not in stops:  # it has left the only branch there is
                del best[row]
    prefix.forget()
    return decided


def _chained(
    chains: dict[int, list[int]], own: list[list[int]], trie: Trie, behind: int, keys: int, network
) -> dict[str, torch.Tensor]:
    """The inputs for chains of nodes, one behind the other, each of which reads the prefix, its row and itself."""
    ids, positions = [], []
    total = sum(map(len, chains.values()))
    mask = torch.zeros(total, keys + total, dtype=torch.bool)
    mask[:, :behind] = True
    at = 0
    for row, chain in chains.items():
        ids += [trie.tokens[i] for i in chain]
        positions += range(behind + len(own[row]), behind + len(own[row]) + len(chain))
        mask[at : at + len(chain), own[row]] = True
        mask[at : at + len(chain), keys + at : keys + at + len(chain)] = (
            torch.ones(len(chain), len(chain)).tril().bool()
        )
        at += len(chain)
    mask = for_attention(network.config._attn_implementation, mask[None, None])
    return {"input_ids": torch.tensor([ids]), "position_ids": torch.tensor([positions]), "attention_mask": mask}
