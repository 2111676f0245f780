"""Evaluation: puts frozen rows to subjects, keeps what they answer, and computes only what is missing."""

import time
from collections.abc import Callable

from lab import bases, evaluations
from lab.comparison import Asked
from lab.config import Decoding
from lab.evaluations import Evaluation
from lab.generate import answer, label_probabilities, most_probable
from lab.home import Home
from lab.model import Model, free_memory
from lab.prompt import Renderer
from lab.subjects import Question, Subject, check_fit

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
    scores = None
    if labels and (probabilities or decoding.mode == "labels"):
        scores = label_probabilities(
            model, prompts, labels, tell if decoding.mode == "labels" else lambda done: tell(0)
        )
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
    """The evaluation of a subject that is in memory, its adapter put on; reused when it was made before."""
    renderer = Renderer(question.task, model.tokens)
    asked = evaluations.request(subject, model.base, question, renderer, decoding)
    found = evaluations.find(home, asked, probabilities)
    if found:
        return found
    start = time.perf_counter()
    tell = progress(f"{subject.name} on {question.dataset}/{question.split}", len(question.rows))
    answers = respond(model, renderer, question.rows, decoding, probabilities, tell)
    return evaluations.save(home, asked, question, answers, time.perf_counter() - start)


def evaluate(home: Home, asked: Asked, progress: Progress = quiet) -> list[Evaluation]:
    """The evaluations of a comparison; what was made before is reused, and no base is loaded for it."""
    results = asked.known(home)
    pairs = list(zip(asked.subjects, asked.questions, strict=True))
    missing = [i for i, found in enumerate(results) if found is None]
    for name, quantization in dict.fromkeys((pairs[i][0].base, pairs[i][0].quantization) for i in missing):
        model = None  # one base in memory at a time
        free_memory()
        progress(f"loading {bases.public_name(name)}", 0)
        model = Model(bases.find(name), quantization)
        for i in missing:
            subject, question = pairs[i]
            if (subject.base, subject.quantization) == (name, quantization):
                check_fit(subject, model.base)
                with model.using(subject.adapter):
                    results[i] = evaluate_loaded(
                        home, model, subject, question, asked.decoding, asked.probabilities, progress
                    )
    return results
