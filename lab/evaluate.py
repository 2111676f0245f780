"""Evaluation: puts frozen rows to subjects, keeps what they answer, and computes only what is missing."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from lab import bases, evaluations, text_metrics
from lab.comparison import Asked
from lab.config import Decoding
from lab.decide import Decision, decide
from lab.evaluations import Evaluation
from lab.generate import Answer, answer, label_probabilities, read
from lab.home import Home
from lab.metrics import most_probable, numbers
from lab.model import Model, free_memory
from lab.packing import shared_prefix
from lab.prefix import CachedPrefix
from lab.prompt import Example, Renderer
from lab.selfcheck import why_not
from lab.subjects import Question, Subject, check_fit

Progress = Callable[[str, int], Callable[[int], None]]  # (what, rows) → a function that is told of rows done


def quiet(what: str, rows: int) -> Callable[[int], None]:
    return lambda done: None


@dataclass
class Responses:
    """What a model answered: for each row `{answer, label, tokens}` and, when asked for, `probabilities` of the labels;
    and why its rows did not share their prefix, None where they did."""

    rows: list[dict]
    ordinary: str | None


def respond(
    model: Model,
    renderer: Renderer,
    rows: list[dict],
    decoding: Decoding,
    probabilities: bool,
    tell: Callable[[int], None],
) -> Responses:
    """What the model, with its present adapter, answers to each row."""
    task, prompts = renderer.task, renderer.prompts(rows)
    decoding = decoding.for_kind(task.kind)
    labels = renderer.label_ids() if task.kind == "classify" else {}
    stops, by_label = model.stops | {renderer.stop_id}, decoding.mode == "labels"
    wants_scores = bool(labels) and (probabilities or by_label)
    room = max([decoding.max_new_tokens, *map(len, labels.values())])
    ordinary, prefix = _shared(model, prompts, room)
    settled: dict[int, Answer] = {}  # what needs no decoding
    scores = None
    if prefix is not None and labels and (wants_scores or decoding.is_plain_greedy):

        def hear(found: list[Decision]) -> None:
            tell(len(found) if by_label else sum(_settles(decision, decoding) for decision in found))

        own = [prompt[len(prefix) :] for prompt in prompts]
        decisions = decide(model, prefix, own, labels, stops, wants_scores, hear)
        scores = [decision.probabilities for decision in decisions] if wants_scores else None
        for i, decision in enumerate(decisions):
            if _settles(decision, decoding):
                said = read(model, decision.answer, stops)
                settled[i] = Answer(said.text, min(said.tokens + 1, decoding.max_new_tokens))
    elif wants_scores:
        scores = label_probabilities(model, prompts, labels, tell if by_label else lambda done: tell(0))
    if scores is not None:
        scores = [numbers(row) for row in scores]
    if by_label:
        chosen = [most_probable(row) if row else None for row in scores]
        results = [{"answer": x or "", "label": x, "tokens": len(labels[x]) if x else 0} for x in chosen]
    else:
        rest = [i for i in range(len(rows)) if i not in settled]
        settled |= zip(rest, answer(model, [prompts[i] for i in rest], decoding, stops, tell, prefix), strict=True)
        said = [settled[i] for i in range(len(rows))]
        results = [{"answer": a.text, "label": task.read_answer(a.text), "tokens": a.tokens} for a in said]
    if scores is not None:
        for result, row in zip(results, scores, strict=True):
            result["probabilities"] = row
    return Responses(results, ordinary)


def _shared(model: Model, prompts: list[list[int]], room: int) -> tuple[str | None, CachedPrefix | None]:
    """The prefix of the prompts, read under the model's present adapter; or why there is none."""
    ends = max(prompts, key=len), min(prompts, key=len)
    shared = max(
        0, min(shared_prefix(prompts), len(ends[1]) - 2)
    )  # the check reads each prompt's last token as its answer
    reason = why_not(model, [Example(p[:-1], p[-1:]) for p in ends], shared, room)
    if reason:
        return reason, None
    with torch.no_grad(), model.autocast():
        return None, CachedPrefix(model.network, prompts[0][:shared])


def _settles(decision: Decision, decoding: Decoding) -> bool:
    """Whether greedy decoding would have said just what was decided."""
    return decoding.is_plain_greedy and decision.answer is not None and len(decision.answer) <= decoding.max_new_tokens


def evaluate_loaded(
    home: Home,
    model: Model,
    subject: Subject,
    question: Question,
    decoding: Decoding,
    probabilities: bool = True,
    progress: Progress = quiet,
) -> Evaluation:
    """The evaluation of a subject that is in memory, its adapter put on; reused when it was made before."""
    renderer = Renderer(question.task, model.tokens)
    asked = evaluations.request(subject, model.base, question, renderer, decoding)
    found = evaluations.find(home, asked, probabilities)
    if found:
        return found
    start = time.perf_counter()
    tell = progress(f"{subject.name} on {question.dataset}/{question.split}", len(question.rows))
    answers = respond(model, renderer, question.rows, decoding, probabilities, tell)
    made = evaluations.save(home, asked, question, answers.rows, time.perf_counter() - start, answers.ordinary)
    if question.task.kind == "generate":
        text_metrics.count_plain(made, progress)
    return made


def evaluate(home: Home, asked: Asked, progress: Progress = quiet) -> list[Evaluation]:
    """The evaluations of a comparison; what was made before is reused, and no base is loaded for it."""
    return evaluate_each(home, [asked], progress)[0]


def evaluate_each(home: Home, every: list[Asked], progress: Progress = quiet) -> list[list[Evaluation]]:
    """The evaluations of several comparisons with the metrics of texts that they want; a base that many of them need is loaded
    once. See `evaluate`."""
    results, references = [asked.known(home) for asked in every], {}
    missing = [
        (asked, i, made)
        for asked, made in zip(every, results, strict=True)
        for i, found in enumerate(made)
        if found is None or text_metrics.needs_subject(found, asked.metrics)
    ]
    for loaded in dict.fromkeys(asked.subjects[i].in_memory for asked, i, _ in missing):
        model = None  # one model in memory at a time
        free_memory()
        name, quantization, weights = loaded
        progress(f"loading {bases.public_name(name)}", 0)
        model = Model(bases.find(name), quantization, weights=weights)
        for asked, i, made in missing:
            subject = asked.subjects[i]
            if subject.in_memory == loaded:
                check_fit(subject, model.base)
                question, metrics = asked.questions[i], asked.metrics
                with model.using(subject.put_on):
                    made[i] = made[i] or evaluate_loaded(
                        home, model, subject, question, asked.decoding, asked.probabilities, progress
                    )
                    text_metrics.count_by_subject(made[i], metrics, model, question, progress, references)
    model = None
    text_metrics.count_rest([(e, a.metrics) for a, made in zip(every, results, strict=True) for e in made], progress)
    return results
