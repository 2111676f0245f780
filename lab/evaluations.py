"""Evaluations: one subject × frozen rows × one decoding, kept by content so that nothing is computed twice; comparison."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from lab import bases, lint, metrics
from lab.config import Decoding
from lab.data import fingerprint, row_keys
from lab.errors import InputError
from lab.home import Home, guard, read_json, read_lines, staged, write_json, write_lines
from lab.prompt import Renderer
from lab.subjects import Question, Subject, check_fit


@dataclass(frozen=True)
class Request:
    """All that decides the outcome of an evaluation, and (`info`) what it was called."""

    base_fingerprint: str
    quantization: str
    adapter: str | None
    prompts: str  # hash of the rendered prompts and of the labels' tokens
    gold: str  # hash of the true answers and of how an answer is read
    decoding: dict
    info: dict

    @property
    def id(self) -> str:
        content = {key: value for key, value in vars(self).items() if key != "info"}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]
        name = self.info["subject"].lower().replace("@", "-").replace(":", "-").replace("/", "-").replace(".", "-")
        return f"{name[:40].strip('-')}-{digest}"


@dataclass(frozen=True)
class Evaluation:
    """An evaluation that was made: what was asked for, its predictions row by row, and how long it took."""

    id: str
    request: dict
    predictions: list[dict]
    seconds: float
    ordinary: str | None = None  # why the rows passed through the model without a shared prefix, where they did


def request(subject: Subject, base: bases.Base, question: Question, renderer: Renderer, decoding: Decoding) -> Request:
    """The request for a subject's evaluation; two with equal content have the same outcome."""
    task = question.task
    prompts = [renderer.prompts(question.rows), renderer.label_ids() if task.kind == "classify" else {}]
    gold = [[task.answer(row) for row in question.rows], [task.gold(row) for row in question.rows]]
    reading = [task.kind, task.read, [[x.name, x.aliases] for x in task.labels]]
    info = {
        "subject": subject.name,
        "base": bases.public_name(subject.base),
        "run": subject.run.id if subject.run and subject.adapter else None,
        "task": task.name,
        "kind": task.kind,
        "labels": task.names,
        "reads_label": task.kind == "classify" or task.read is not None,
        "dataset": question.dataset,
        "split": question.split,
        "rows": fingerprint(question.rows),
    }
    return Request(
        base_fingerprint=base.fingerprint(),
        quantization=subject.quantization,
        adapter=subject.adapter_hash(),
        prompts=_hash(prompts),
        gold=_hash([gold, reading]),
        decoding=decoding.identity(),
        info=info,
    )


def _hash(content) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:16]


def known(
    home: Home, subject: Subject, question: Question, decoding: Decoding, probabilities: bool
) -> Evaluation | None:
    """The evaluation of a subject if it was made before; found without loading anything but the tokenizer.

    Raises InputError when an adapter was made for another base than its files now are.
    """
    lint.refuse_decoding(question.task, decoding)
    base = bases.find(subject.base)
    if base.folder is None or not (base.folder / "tokenizer.json").is_file():
        return None
    check_fit(subject, base)
    renderer = Renderer(question.task, bases.tokens_at_hand(base))
    return find(home, request(subject, base, question, renderer, decoding), probabilities)


def find(home: Home, wanted: Request, probabilities: bool) -> Evaluation | None:
    """The evaluation that answers a request, if it was made; with label probabilities when they are asked for."""
    probabilities = probabilities and wanted.info["kind"] == "classify"
    digest = wanted.id.rpartition("-")[2]
    for folder in sorted(home.evaluations.glob(f"*-{digest}")):
        found = _load(folder)
        # The weights decide, not their name: a run's adapter and its last checkpoint share an evaluation.
        if found and (not probabilities or all("probabilities" in p for p in found.predictions)):
            return replace(found, request={**found.request, "info": wanted.info})
    return None


def _load(folder: Path) -> Evaluation | None:
    outcome, asked = read_json(folder / "metrics.json"), read_json(folder / "request.json")
    predictions = read_lines(folder / "predictions.jsonl")
    if outcome is None or asked is None or not predictions:  # it is being written or replaced
        return None
    return Evaluation(folder.name, asked, predictions, outcome["seconds"], outcome.get("ordinary"))


def save(
    home: Home, asked: Request, question: Question, answers: list[dict], seconds: float, ordinary: str | None = None
) -> Evaluation:
    """Keeps an evaluation; `answers` are parallel to the question's rows. Replaces one without label probabilities.

    `ordinary`: why the rows did not share their prefix, where they did not.
    """
    task = question.task
    predictions = [
        {"key": key, "gold": task.gold(row), "text": str(row.get(task.text, "")), **answer}
        for key, row, answer in zip(row_keys(question.rows), question.rows, answers, strict=True)
    ]
    if task.kind == "generate":
        for prediction, row in zip(predictions, question.rows, strict=True):
            prediction["target"] = task.answer(row)
    folder = home.evaluations / asked.id
    with guard(home.evaluations):  # two runs may have scored the same base at once
        _write(folder, asked, predictions, {"seconds": seconds, "ordinary": ordinary})
    return Evaluation(asked.id, vars(asked), predictions, seconds, ordinary)


def _write(folder: Path, asked: Request, predictions: list[dict], about: dict) -> None:
    with staged(folder, replace=True) as new:
        write_json(new / "request.json", vars(asked))
        write_lines(new / "predictions.jsonl", predictions)
        write_json(new / "metrics.json", {**about, **_scores(asked.info, predictions)})


def _scores(info: dict, predictions: list[dict]) -> dict:
    """The scores of predictions; for tasks that read no label they are null."""
    scored = [p for p in predictions if p["gold"] is not None]
    if not info["reads_label"] or not scored:
        empty = dict.fromkeys(
            ["accuracy", "accuracy_ci95", "labels_alone", "macro_f1", "weighted_f1", "f1_ci95", "invalid"]
        )
        return {"n": len(predictions), **empty, "invalid_outputs": [], "per_label": [], "confusion": None}
    scores = metrics.score([p["gold"] for p in scored], [p["label"] for p in scored], info["labels"])
    invalid = [p["answer"] for p in scored if p["label"] is None]
    labels_alone = metrics.labels_alone([p["gold"] for p in scored], [p.get("probabilities") for p in scored])
    return {**scores, "labels_alone": labels_alone, "invalid_outputs": metrics.count_texts(invalid)}


def compare(evaluations: list[Evaluation]) -> tuple[list[dict], list[str]]:
    """One object for each evaluation over the rows that all of them share, and notes on what differs.

    The p-value is that of an exact McNemar test against the first. Raises InputError when they share no rows.
    """
    shared = set.intersection(*({p["key"] for p in e.predictions} for e in evaluations))
    if not shared:
        names = ", ".join(e.request["info"]["subject"] for e in evaluations)
        raise InputError(f"{names} share no rows; name the rows for all of them with --dataset and --split.")
    notes = _differences(evaluations, len(shared))
    first, objects = None, []
    for evaluation in evaluations:
        predictions = sorted((p for p in evaluation.predictions if p["key"] in shared), key=lambda p: p["key"])
        right = [p["label"] is not None and p["label"] == p["gold"] for p in predictions]
        info = evaluation.request["info"]
        scores = _scores(info, predictions)
        p_value = metrics.mcnemar(first, right) if first is not None and scores["accuracy"] is not None else None
        first = right if first is None else first
        objects.append(
            {key: info[key] for key in ("subject", "task", "dataset", "split")}
            | {"decoding": evaluation.request["decoding"]["mode"], **scores, "p_value": p_value}
            | ({} if info["reads_label"] else {"text_metrics": text_scores(predictions)})
            | {"id": evaluation.id, "seconds": evaluation.seconds}
        )
    return objects, notes


def text_scores(predictions: list[dict]) -> dict:
    """How often an answer is the target to the letter, case and blanks at the ends ignored."""
    same = sum(p["answer"].strip().casefold() == (p["target"] or "").strip().casefold() for p in predictions)
    return {"exact_match": same / len(predictions) if predictions else None}


def _differences(evaluations: list[Evaluation], shared: int) -> list[str]:
    notes = [
        f"{e.request['info']['subject']} was asked row by row, without a shared prefix: {e.ordinary}."
        for e in evaluations
        if e.ordinary
    ]
    counts = [len(e.predictions) for e in evaluations]
    if any(n != shared for n in counts):
        notes.append(f"The subjects were asked on different rows; compared are the {shared} that all share.")
    if (
        len({e.request["prompts"] for e in evaluations}) > 1
        and len({e.request["base_fingerprint"] for e in evaluations}) == 1
    ):
        notes.append("The subjects were asked with different prompts or rows.")
    if len({json.dumps(e.request["decoding"], sort_keys=True) for e in evaluations}) > 1:
        notes.append("The subjects answered with different decodings.")
    if len({tuple(e.request["info"]["labels"]) for e in evaluations}) > 1:
        notes.append("The subjects answered with different labels.")
    return notes
