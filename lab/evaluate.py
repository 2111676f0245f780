"""Evaluation: puts frozen rows to subjects, keeps what they answer, and computes only what is missing."""

import time
from collections.abc import Callable

from lab import bases, evaluations
from lab.bases import Base
from lab.config import Decoding
from lab.errors import InputError
from lab.evaluations import Evaluation, Request
from lab.generate import answer, label_probabilities, most_probable
from lab.home import Home
from lab.model import Model, check_fit, with_tokenizer
from lab.prompt import Renderer
from lab.subjects import Question, Subject

Progress = Callable[[str, int], Callable[[int], None]]  # (what, rows) → a function that is told of rows done


def quiet(what: str, rows: int) -> Callable[[int], None]:
    return lambda done: None


def respond(
    model: Model,
    renderer: Renderer,
    rows: list[dict],
    decoding: Decoding,
    probabilities: bool,
    tell: Callable[[int], None],
) -> list[dict]:
    """What the model answers to each row: `{answer, label, tokens}` and, when asked for, `probabilities` of the labels."""
    task, prompts = renderer.task, renderer.prompts(rows)
    labels = renderer.label_ids() if task.kind == "classify" else {}
    if decoding.mode == "labels" and not labels:
        raise InputError(f"--decoding labels needs a classify task; {task.name} is a generate task.")
    scores = None
    if labels and (probabilities or decoding.mode == "labels"):
        scores = label_probabilities(model, prompts, labels, tell if decoding.mode == "labels" else lambda done: None)
    if decoding.mode == "labels":
        chosen = [most_probable(row) for row in scores]
        results = [{"answer": label, "label": label, "tokens": len(labels[label])} for label in chosen]
    else:
        said = answer(model, prompts, decoding, model.stops | {renderer.stop_id}, tell)
        results = [{"answer": a.text, "label": task.read_answer(a.text), "tokens": a.tokens} for a in said]
    if scores is not None:
        for result, row in zip(results, scores, strict=True):
            result["probabilities"] = row
    return results


def evaluate_loaded(
    home: Home,
    model: Model,
    subject: Subject,
    question: Question,
    decoding: Decoding,
    probabilities: bool = True,
    progress: Progress = quiet,
) -> Evaluation:
    """The evaluation of a subject on a base that is in memory; reused when it was made before."""
    renderer = Renderer(question.task, model.tokens)
    asked = evaluations.request(subject, model.base, question, renderer, decoding)
    wants_probabilities = probabilities and question.task.kind == "classify"
    found = evaluations.find(home, asked, wants_probabilities)
    return found or _make(home, model, subject, question, renderer, asked, decoding, probabilities, progress)


def _make(home, model, subject, question, renderer, asked: Request, decoding, probabilities, progress) -> Evaluation:
    start = time.perf_counter()
    tell = progress(f"{subject.name} on {question.dataset}/{question.split}", len(question.rows))
    answers = respond(model, renderer, question.rows, decoding, probabilities, tell)
    return evaluations.save(home, asked, question, answers, time.perf_counter() - start)


def evaluate(
    home: Home,
    subjects: list[Subject],
    questions: list[Question],
    decoding: Decoding,
    probabilities: bool = True,
    progress: Progress = quiet,
) -> list[Evaluation]:
    """The evaluations of subjects, each on its question, one base in memory at a time and none when all were made before."""
    results: list[Evaluation | None] = [None] * len(subjects)
    for key in dict.fromkeys((s.base, s.quantization) for s in subjects):
        base, tokens = with_tokenizer(bases.find(key[0]))
        model = None
        for i, (subject, question) in enumerate(zip(subjects, questions, strict=True)):
            if (subject.base, subject.quantization) != key:
                continue
            check_fit(subject, base)
            results[i] = _known(home, subject, base, question, Renderer(question.task, tokens), decoding, probabilities)
            if results[i] is None:
                model = model or Model(base, key[1])
                with model.using(subject.adapter):
                    results[i] = evaluate_loaded(home, model, subject, question, decoding, probabilities, progress)
    return results


def _known(home, subject, base: Base, question, renderer, decoding, probabilities) -> Evaluation | None:
    asked = evaluations.request(subject, base, question, renderer, decoding)
    return evaluations.find(home, asked, probabilities and question.task.kind == "classify")
