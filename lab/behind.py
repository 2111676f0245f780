"""The rows behind the numbers of a comparison: those of a cell of the confusion, those on which two subjects part."""

from lab import metrics
from lab.errors import InputError
from lab.evaluations import Evaluation

# How the answers of two subjects can fall out; invalid ones are wrong, and stand in a list of their own besides.
KINDS = ("gained", "lost", "both_wrong", "invalid")
PAGE = 20  # rows


def page(rows: list[dict], number: int) -> dict:
    """`{rows, number, pages, total}`: a page of rows, counted from 1; the nearest that there is."""
    pages = max(1, -(-len(rows) // PAGE))
    number = min(max(1, number), pages)
    return {"rows": rows[(number - 1) * PAGE : number * PAGE], "number": number, "pages": pages, "total": len(rows)}


def cell(evaluation: Evaluation, shared: frozenset[str], true: str, said: str | None) -> list[dict]:
    """The rows of a cell of the confusion, `said` None for invalid answers: `{row, text, gold, answers}`.

    `row` is the row's place among those that were asked, `answers` holds one `{answer, label, sure}`.
    """
    return [
        _shown(i, p, [p])
        for i, p in enumerate(evaluation.predictions)
        if p["key"] in shared and p["gold"] == true and p["label"] == said
    ]


def apart(first: Evaluation, second: Evaluation, shared: frozenset[str]) -> dict[str, list[dict]]:
    """The rows that both were asked by kind (see `KINDS`): as in `cell`, with the answers of both.

    Raises InputError where answers are texts without labels.
    """
    for evaluation in (first, second):
        if not evaluation.request["info"]["reads_label"]:
            raise InputError(f"{evaluation.name} answered with texts, which are neither right nor wrong.")
    others = {p["key"]: p for p in second.predictions}
    found: dict[str, list[dict]] = {kind: [] for kind in KINDS}
    for i, one in enumerate(first.predictions):
        other = others.get(one["key"])
        if other is None or one["key"] not in shared or one["gold"] is None:
            continue
        right = one["label"] == one["gold"], other["label"] == one["gold"]
        kind = {(False, True): "gained", (True, False): "lost", (False, False): "both_wrong"}.get(right)
        shown = _shown(i, one, [one, other])
        if kind:
            found[kind].append(shown)
        if one["label"] is None or other["label"] is None:
            found["invalid"].append(shown)
    return found


def in_words(kind: str, first: str, second: str) -> str:
    """A kind, in words about two subjects."""
    words = {"gained": f"{first} wrong, {second} right", "lost": f"{first} right, {second} wrong"}
    return words.get(kind) or {"both_wrong": "Both wrong", "invalid": "Invalid, one or both"}[kind]


def _shown(place: int, prediction: dict, answers: list[dict]) -> dict:
    return {
        "row": place,
        "text": prediction["text"],
        "gold": prediction["gold"],
        "answers": [{"answer": p["answer"], "label": p["label"], "sure": _sure(p)} for p in answers],
    }


def _sure(prediction: dict) -> float | None:
    """The answered label's probability among the labels."""
    chances = prediction.get("probabilities")
    return metrics.sureness(chances, prediction["label"]) if chances and prediction["label"] is not None else None
