"""Evaluations: one subject × frozen rows × one decoding, kept by content so that nothing is computed twice."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from lab import bases, lint, scores
from lab.config import Decoding
from lab.data import fingerprint, row_keys
from lab.home import Home, guard, newest_first, read_json, read_lines, write_json, write_lines
from lab.memo import Memo, state_of
from lab.prompt import Renderer
from lab.staging import staged
from lab.subjects import Question, Subject, check_fit

PREDICTIONS, METRICS = "predictions.jsonl", "metrics.json"
_KEPT = Memo(200)  # evaluations, by the state of their folder
_PROMPTS = Memo(
    200
)  # hashes of rendered prompts, by all that decides them; subjects of a comparison mostly share theirs


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
    """An evaluation that was made: what was asked for, how long it took, its scores over all its rows.

    `keys` and `right` are parallel to the rows: what tells a row from others, and whether its answer is right.
    """

    id: str
    folder: Path
    request: dict
    seconds: float
    ordinary: str | None  # why the rows passed through the model without a shared prefix, where they did
    scores: dict
    keys: tuple[str, ...]
    right: tuple[bool, ...]
    has_probabilities: bool

    @property
    def name(self) -> str:
        """What the subject was called."""
        return self.request["info"]["subject"]

    @property
    def predictions(self) -> list[dict]:
        """Row by row, read anew each time: there may be many. In the order in which the rows were asked."""
        return read_lines(self.folder / PREDICTIONS)


def request(subject: Subject, base: bases.Base, question: Question, renderer: Renderer, decoding: Decoding) -> Request:
    """The request for a subject's evaluation; two with equal content have the same outcome."""
    task = question.task

    def prompts() -> str:
        return _hash([renderer.prompts(question.rows), renderer.label_ids() if task.kind == "classify" else {}])

    rows = fingerprint(question.rows)
    gold = [[task.answer(row) for row in question.rows], [task.gold(row) for row in question.rows]]
    base_fingerprint, tokens = base.fingerprint(), renderer.tokens
    asked = (base_fingerprint, tokens.chat_template, tokens.bos, tokens.eos, task.model_dump_json(), rows)
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
        "rows": rows,
        "wording": _hash([task.kind, task.instruction, task.label_list(), task.prompt, task.format]),
        **trained_on(subject),
    }
    return Request(
        base_fingerprint=base_fingerprint,
        quantization=subject.quantization,
        adapter=subject.adapter_hash(),
        prompts=_PROMPTS.get(asked, prompts),
        gold=_hash([gold, reading]),
        decoding=decoding.identity(),
        info=info,
    )


def trained_on(subject: Subject) -> dict:
    """`train_rows` and `epochs` that an adapter has seen; a base has seen none."""
    if subject.adapter is None or subject.run is None:
        return {"train_rows": 0, "epochs": 0.0}
    run, step = subject.run, subject.name.partition("@")[2]
    known = next((c["epoch"] for c in run.checkpoints() if str(c["step"]) == step), None) if step else None
    if known is None:
        known = run.state().get("epoch") or run.config.epochs
    return {"train_rows": run.count("train"), "epochs": known}


def _hash(content) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:16]


def prepared(subject: Subject, question: Question, decoding: Decoding) -> Request | None:
    """The request for a subject's evaluation, made without loading anything but the tokenizer; None where that is missing.

    Raises InputError when an adapter was made for another base than its files now are.
    """
    lint.refuse_decoding(question.task, decoding)
    base = bases.find(subject.base)
    if base.folder is None or not (base.folder / "tokenizer.json").is_file():
        return None
    check_fit(subject, base)
    return request(subject, base, question, Renderer(question.task, bases.tokens_at_hand(base)), decoding)


def find(home: Home, wanted: Request | None, probabilities: bool) -> Evaluation | None:
    """The evaluation that answers a request, if it was made; with label probabilities when they are asked for."""
    if wanted is None:
        return None
    probabilities = probabilities and wanted.info["kind"] == "classify"
    digest = wanted.id.rpartition("-")[2]
    for folder in sorted(home.evaluations.glob(f"*-{digest}")):
        found = _load(folder)
        # The weights decide, not their name: a run's adapter and its last checkpoint share an evaluation.
        if found and (not probabilities or found.has_probabilities):
            return replace(found, request={**found.request, "info": wanted.info})
    return None


def of_weights(home: Home, adapter: str, quantization: str) -> list[Evaluation]:
    """Every evaluation that is kept of these weights, by their hash, on a base that is held so; the newest last."""
    found = []
    for name in reversed(newest_first(home.evaluations, METRICS)):
        asked = read_json(home.evaluations / name / "request.json") or {}
        if (asked.get("adapter"), asked.get("quantization")) == (adapter, quantization):
            found.append(_load(home.evaluations / name))
    return [one for one in found if one]


def _load(folder: Path) -> Evaluation | None:
    """The evaluation in a folder; None while it is being written or replaced."""
    return _KEPT.get(state_of(folder), lambda: _read(folder))


def _read(folder: Path) -> Evaluation | None:
    outcome, asked = read_json(folder / METRICS), read_json(folder / "request.json")
    predictions = read_lines(folder / PREDICTIONS)
    if outcome is None or asked is None or not predictions:
        return None
    if "ece" not in outcome:  # it was kept before this was counted
        outcome["ece"] = scores.ece(asked["info"], predictions)
    return Evaluation(
        id=folder.name,
        folder=folder,
        request=asked,
        seconds=outcome.pop("seconds"),
        ordinary=outcome.pop("ordinary", None),
        scores=outcome,
        keys=tuple(p["key"] for p in predictions),
        right=tuple(scores.is_right(p) for p in predictions),
        has_probabilities=all("probabilities" in p for p in predictions),
    )


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
    return _read(folder)


def _write(folder: Path, asked: Request, predictions: list[dict], about: dict) -> None:
    with staged(folder, replace=True) as new:
        write_json(new / "request.json", vars(asked))
        write_lines(new / PREDICTIONS, predictions)
        write_json(new / METRICS, {**about, **scores.of(asked.info, predictions)})
