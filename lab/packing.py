"""How rows behind a shared prefix are packed into one sequence: which rows lie together, and the trie of labels behind them.

Plain lists of token ids, so that the page can say what a batch costs without torch. The sequence itself is made by `prefix`.
"""

from dataclasses import dataclass
from functools import cached_property

from lab.prompt import Example, common_prefix

MOST_BATCHES = 100  # whose cost is averaged
USUAL_WIDTH = 4096  # of models whose config is not at hand
SHORTEST_GROUP = 256  # tokens; shorter groups gain nothing more


def shared_prefix(prompts: list[list[int]]) -> int:
    """The number of tokens that pass through the model once for all these prompts, of which there is at least one.

    The last token of a prompt never belongs to it: from that one on every row answers for itself.
    """
    return max(0, min(common_prefix(prompts), *(len(prompt) - 1 for prompt in prompts)))


def group(lengths: list[int], prefix: int) -> list[list[int]]:
    """Rows in groups of about equal length, within which they attend: positions of the rows, group by group.

    Attention is computed group by group, each over the prefix and all of its own rows, of which the mask leaves one.
    Longer groups compute more that is masked; shorter ones copy the prefix's keys and values more often, and the groups
    are padded to the longest. About a third of the prefix is a good length for both. The longest row goes first, each
    into the group that is shortest so far.
    """
    wanted = max(prefix // 3, max(lengths), SHORTEST_GROUP)
    groups: list[list[int]] = [[] for _ in range(max(1, round(sum(lengths) / wanted)))]
    sizes = [0] * len(groups)
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        shortest = min(range(len(groups)), key=sizes.__getitem__)
        groups[shortest].append(row)
        sizes[shortest] += lengths[row]
    return groups


def packed_tokens(lengths: list[int], prefix: int) -> int:
    """The tokens that a packed batch with rows of these lengths (prefix included) costs, padding included."""
    own = [length - prefix for length in lengths]
    groups = group(own, prefix)
    return prefix + len(groups) * longest_group(own, groups)


def longest_group(lengths: list[int], groups: list[list[int]]) -> int:
    """The tokens of the longest group, to which all are padded."""
    return max(sum(lengths[row] for row in rows) for rows in groups)


def is_worth_packing(lengths: list[int], prefix: int, groups: list[list[int]], width: int) -> bool:
    """Whether a batch with rows of these lengths (prefix included) costs less packed in these groups than padded.

    Long rows that share little gain few tokens and attend to much that is masked. A token costs about 24 width² operations
    in the linear layers of a transformer's layer, and a pair of tokens in attention 4 width; so it counts as 6 width pairs.
    `width` is the model's hidden size.
    """
    own = [length - prefix for length in lengths]
    size = longest_group(own, groups)
    tokens, longest = prefix + len(groups) * size, max(lengths)
    packed = 6 * width * tokens + prefix**2 / 2 + len(groups) * size * (prefix + size)
    padded = 6 * width * len(lengths) * longest + len(lengths) * longest**2 / 2
    return packed < padded


@dataclass(frozen=True)
class Trie:
    """The labels of a task as paths through a tree of tokens. Node i has `tokens[i]` and hangs on node `parents[i]`, which
    comes before it; -1 is the end of the prompt. The token that ends an answer is no node."""

    tokens: list[int]
    parents: list[int]
    ends: dict[str, int]  # label → the node of its last token

    @classmethod
    def of(cls, labels: dict[str, list[int]]) -> "Trie":
        """`labels` maps names to completions in tokens, end-of-sequence included, as `Renderer.label_ids` gives them."""
        tokens, parents, known, ends = [], [], {}, {}
        for name, completion in labels.items():
            node = -1
            for token in completion[:-1]:
                if (node, token) not in known:
                    known[(node, token)] = len(tokens)
                    tokens.append(token)
                    parents.append(node)
                node = known[(node, token)]
            ends[name] = node
        return cls(tokens, parents, ends)

    @cached_property
    def children(self) -> dict[int, dict[int, int]]:
        """For each node the nodes below it, by token."""
        found: dict[int, dict[int, int]] = {node: {} for node in range(-1, len(self.tokens))}
        for node, (token, parent) in enumerate(zip(self.tokens, self.parents, strict=True)):
            found[parent][token] = node
        return found

    def path(self, node: int) -> list[int]:
        """The nodes from the end of the prompt down to this one, itself included."""
        nodes = []
        while node >= 0:
            nodes.append(node)
            node = self.parents[node]
        return nodes[::-1]

    def below(self, node: int) -> list[int]:
        """The node, and the nodes that must follow as long as there is no choice."""
        nodes = [node]
        while len(following := self.children[nodes[-1]]) == 1:
            nodes += following.values()
        return nodes


# -- what a batch costs --------------------------------------------------------------------------------------------------


def batch_cost(examples: list[Example], batch_size: int, width: int = USUAL_WIDTH) -> dict:
    """What a batch costs on average: `{rows, prefix, padded_tokens, packed_tokens}`, in the order given and of the first
    batches alone, rows padded to the mean of the longest. `prefix` is shared by all examples, of which there is at least
    one; `width` is the model's hidden size."""
    size = min(batch_size, len(examples))
    counted = examples[: size * MOST_BATCHES]
    batches = [counted[i : i + size] for i in range(0, len(counted) - size + 1, size)]
    padded = packed = 0
    for batch in batches:
        lengths = [len(example) for example in batch]
        shared = shared_prefix([example.prompt for example in batch])
        longest, groups = max(lengths), group([length - shared for length in lengths], shared)
        padded += longest
        is_packed = is_worth_packing(lengths, shared, groups, width)
        packed += packed_tokens(lengths, shared) if is_packed else longest * size
    return {
        "rows": size,
        "prefix": shared_prefix([example.prompt for example in examples]),
        "padded_tokens": round(padded / len(batches)) * size,
        "packed_tokens": round(packed / len(batches)),
    }


def cost_in_words(cost: dict, shares: bool = True) -> str:
    """A batch's cost as people read it: 16 rows × 540 tokens = 8,640 → 1,344 a batch."""
    rows, padded = cost["rows"], cost["padded_tokens"]
    now = f" → {cost['packed_tokens']:,}" if shares else ""
    return f"{rows} rows × {padded // rows:,} tokens = {padded:,}{now} a batch"
