"""Perplexity: exp(negative log-likelihood / tokens) over all rows, of answers under a scorer or of references under the subject."""

from importlib.metadata import version

import torch

from lab.generate import batches
from lab.model import Model, precision
from lab.prompt import Example, Renderer
from lab.selfcheck import ordinary
from lab.text_overlap import Counted, Tell

ROWS, TOKENS = 8, 2048  # of a batch: its logits over the vocabulary are held in float32
SCORE = "exp(negative log-likelihood / tokens) over all rows"


def of_answers(scorer: Model, name: str, answers: list[str], tell: Tell) -> Counted:
    """Of the answers alone, without their prompts, under a scorer (called `name`), each behind its beginning-of-sequence.

    Where its tokenizer has none, an answer's first token is not counted.
    """
    lead = scorer.tokens.lead or [x for x in [scorer.tokens.id(scorer.tokens.bos)] if x is not None]
    rows = []
    for ids in scorer.tokens.encode(answers):
        own = ids[len(scorer.tokens.lead) :]
        rows.append(Example(lead, own) if lead else Example(own[:1], own[1:]))
    start = "the beginning-of-sequence" if lead else "nothing, so the first token of each is not counted"
    about = {"model": name, "behind": start}
    return _counted(scorer, "generated_perplexity", rows, about, tell)


def of_references(model: Model, renderer: Renderer, rows: list[dict], tell: Tell) -> Counted:
    """Of the references and the end-of-sequence that follows, under the subject whose adapter is on, behind their prompts."""
    about = {
        "model": "the subject itself",
        "behind": "its prompt",
        "tokens": "of the reference and its end-of-sequence",
    }
    return _counted(model, "reference_perplexity", [*renderer.examples(rows)], about, tell)


def _counted(model: Model, key: str, rows: list[Example], about: dict, tell: Tell) -> Counted:
    longest = getattr(model.network.config.get_text_config(), "max_position_embeddings", None)
    fitting = [row if not longest or len(row) <= longest else _cut(row, longest) for row in rows]
    cut = sum(len(a) != len(b) for a, b in zip(rows, fitting, strict=True))
    settings = {"library": "transformers", "version": version("transformers"), **about}
    settings |= {"quantization": model.quantization, "precision": str(precision()).removeprefix("torch.")}
    settings |= {"score": SCORE, **({"rows_cut_to_its_longest_context": cut} if cut else {})}
    return Counted("perplexity", [key], negative_log_likelihoods(model, fitting, tell), settings)


def _cut(row: Example, longest: int) -> Example:
    return Example(row.prompt, row.completion[: max(0, longest - len(row.prompt))])


def negative_log_likelihoods(model: Model, rows: list[Example], tell: Tell = lambda done: None) -> list[list[float]]:
    """`[negative log-likelihood, tokens]` of each row's completion behind its prompt; `[0, 0]` where it has none."""
    results = [[0.0, 0] for _ in rows]
    scored = [i for i, row in enumerate(rows) if row.prompt and row.completion]
    tell(len(rows) - len(scored))
    with torch.no_grad(), model.autocast():
        for batch in batches([rows[i].tokens for i in scored], ROWS, TOKENS):
            of_batch = [rows[scored[i]] for i in batch]
            said = ordinary(model, of_batch).double().split([len(row.completion) for row in of_batch])
            for i, row, tokens in zip(batch, of_batch, said, strict=True):
                results[scored[i]] = [-tokens.sum().item(), len(row.completion)]
            tell(len(batch))
    return results
