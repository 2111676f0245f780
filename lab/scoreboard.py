"""The scoreboard: subjects side by side over the rows that all of them were asked, and what differs between them."""

import json

from lab import metrics, scores, text_scores
from lab.errors import InputError
from lab.evaluations import Evaluation
from lab.memo import Memo, state_of
from lab.wanted_metrics import Metric

_PARTS = Memo(100)  # scores over a part of an evaluation's rows


def compare(
    evaluations: list[Evaluation], reference: str | None = None, wanted: list[Metric] | None = None
) -> tuple[list[dict], list[str]]:
    """One object for each evaluation over the rows that all of them share, and notes on what differs.

    `wanted` are the metrics of texts that are shown; None shows all that were counted. `p_value` is that of an exact McNemar test against the reference (by default the first), `p_adjusted` is Holm's (1979)
    for so many tests. Raises InputError when they share no rows, or the reference is none of them.
    """
    names = [e.name for e in evaluations]
    reference = reference or names[0]
    if reference not in names:
        raise InputError(f"The reference {reference} is none of the subjects compared: {', '.join(names)}.")
    shared = shared_keys(evaluations)
    texts = text_scores.chosen(evaluations, wanted)
    found = [_scores(e, shared, texts) for e in evaluations]
    against = _rights(evaluations[names.index(reference)], shared)
    p_values = [
        None if x["accuracy"] is None or e.name == reference else metrics.mcnemar(against, _rights(e, shared))
        for e, x in zip(evaluations, found, strict=True)
    ]
    best = winner(found)
    objects = [
        _object(e, x, p, adjusted) | {"reference": reference, "best": i == best}
        for i, (e, x, p, adjusted) in enumerate(zip(evaluations, found, p_values, metrics.holm(p_values), strict=True))
    ]
    return objects, differences(evaluations, len(shared))


def shared_keys(evaluations: list[Evaluation]) -> frozenset[str]:
    """The keys of the rows that all were asked. Raises InputError when there are none."""
    shared = frozenset.intersection(*(frozenset(e.keys) for e in evaluations))
    if not shared:
        names = ", ".join(e.name for e in evaluations)
        raise InputError(f"{names} share no rows; name the rows for all of them with --dataset and --split.")
    return shared


def _object(evaluation: Evaluation, found: dict, p_value: float | None, p_adjusted: float | None) -> dict:
    info = evaluation.request["info"]
    return (
        {key: info[key] for key in ("subject", "task", "dataset", "split")}
        | {"decoding": evaluation.request["decoding"]["mode"], **found}
        | {"p_value": p_value, "p_adjusted": p_adjusted}
        | {key: info.get(key) for key in ("train_rows", "epochs", "run")}
        | {"id": evaluation.id, "seconds": evaluation.seconds}
    )


def _scores(evaluation: Evaluation, shared: frozenset[str], texts: list[str]) -> dict:
    """The scores over the shared rows; those over all rows were counted when the evaluation was made.

    `texts` are the ids of the metrics that are shown of subjects that answer with texts.
    """
    info = evaluation.request["info"]
    if info["kind"] == "classify" and len(shared) == len(evaluation.keys):
        return evaluation.scores

    def count() -> dict:
        predictions = [p for p in evaluation.predictions if p["key"] in shared]
        about = text_scores.of(evaluation, predictions, texts) if info["kind"] == "generate" else {}
        return scores.of(info, predictions) | about

    return _PARTS.get((state_of(evaluation.folder), shared, *texts), count)


def _rights(evaluation: Evaluation, shared: frozenset[str]) -> list[bool]:
    """Whether each shared row's answer is right, in an order that is the same for all evaluations."""
    by_key = dict(zip(evaluation.keys, evaluation.right, strict=True))
    return [by_key[key] for key in sorted(shared)]


def winner(found: list[dict]) -> int | None:
    """The place of the one with the highest accuracy, then macro F1, among several; None where there is no choice."""
    scored = [i for i, x in enumerate(found) if x["accuracy"] is not None]
    if len(scored) < 2:
        return None
    return max(scored, key=lambda i: (found[i]["accuracy"], found[i]["macro_f1"], -i))


def winner_in_words(objects: list[dict]) -> str:
    """That the best was chosen on the rows it is reported on, and what is left of its lead; nothing where none was."""
    best = next((x for x in objects if x["best"]), None)
    if best is None:
        return ""
    scored = sum(x["accuracy"] is not None for x in objects)
    words = f"{best['subject']} is the best of {scored}, chosen on the rows it is reported on, so its score flatters it"
    if best["p_adjusted"] is None:
        return f"{words}."
    p = "below 0.0001" if best["p_adjusted"] < 0.0001 else f"{best['p_adjusted']:.2g}"
    return f"{words}. Against {best['reference']} its p, adjusted for {scored - 1} test{'s' * (scored != 2)} (Holm), is {p}."


# -- what differs ----------------------------------------------------------------------------------------------------


def differences(evaluations: list[Evaluation], shared: int) -> list[str]:
    """What makes a comparison less than one of equals, in sentences; nothing where all else is equal."""
    notes = [
        f"{e.name} was asked row by row, without a shared prefix: {e.ordinary}." for e in evaluations if e.ordinary
    ]
    if any(len(e.keys) != shared for e in evaluations):
        notes.append(f"The subjects were asked on different rows; compared are the {shared:,} that all share.")
    infos = [e.request["info"] for e in evaluations]
    same_base = len({e.request["base_fingerprint"] for e in evaluations}) == 1
    worded = {info.get("wording") for info in infos}
    if (same_base and len({e.request["prompts"] for e in evaluations}) > 1) or len(worded) > 1:
        notes.append(f"The subjects were asked with different prompts or rows{_odd_ones(evaluations)}.")
    if len({json.dumps(e.request["decoding"], sort_keys=True) for e in evaluations}) > 1:
        notes.append("The subjects answered with different decodings.")
    if len({tuple(info["labels"]) for info in infos}) > 1:
        notes.append("The subjects answered with different labels.")
    if not same_base:
        notes.append("The subjects stand on different bases, each asked in its own chat format.")
    return notes


def _odd_ones(evaluations: list[Evaluation]) -> str:
    """Whose wording is not the first subject's, where it is the wording that differs."""
    wordings = [e.request["info"].get("wording") for e in evaluations]
    odd = dict.fromkeys(e.name for e, wording in zip(evaluations, wordings, strict=True) if wording != wordings[0])
    return f": {', '.join(odd)} otherwise than {evaluations[0].name}" if odd else ""
