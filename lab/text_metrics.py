"""Counts the metrics of texts that evaluations lack, from what was kept of them; nothing is decoded again."""

from collections.abc import Callable
from contextlib import nullcontext, suppress

from lab import bases, bertscore, perplexity, text_overlap, text_scores
from lab.errors import WorkError
from lab.evaluations import Evaluation
from lab.model import Model, free_memory
from lab.prompt import Renderer
from lab.subjects import Question
from lab.text_overlap import Counted, LibraryMissing, Tell
from lab.wanted_metrics import BY_SUBJECT, PLAIN, Metric

Progress = Callable[[str, int], Tell]  # (what, rows) → a function that is told of rows done
Counter = Callable[[list[str], list[str], Tell], Counted]  # (answers, references, …)


def count_plain(evaluation: Evaluation, progress: Progress, wanted: list[Metric] | None = None) -> None:
    """Counts the metrics that need no model: those wanted, or all whose libraries are installed."""
    for metric in text_scores.lacking(evaluation, text_scores.plain() if wanted is None else wanted):
        if metric.name not in PLAIN:
            continue
        with suppress(LibraryMissing) if wanted is None else nullcontext():
            _keep(evaluation, metric, lambda *texts, name=metric.name: text_overlap.count(name, *texts), progress)


def count_by_subject(
    evaluation: Evaluation,
    wanted: list[Metric] | None,
    model: Model,
    question: Question,
    progress: Progress,
    known: dict[tuple, Counted],
) -> None:
    """Counts the perplexity of the references under the subject, whose adapter is on. `known` holds what was counted for
    other evaluations of the same weights and prompts."""
    for metric in text_scores.lacking(evaluation, wanted):
        if metric.name == BY_SUBJECT:
            asked = evaluation.request
            same = tuple(asked[key] for key in ("base_fingerprint", "quantization", "adapter", "prompts", "gold"))
            if same not in known:
                tell = progress(f"{metric.name.replace('_', ' ')} of {evaluation.name}", len(question.rows))
                known[same] = perplexity.of_references(
                    model, Renderer(question.task, model.tokens), question.rows, tell
                )
            _write(evaluation, metric, known[same])


def needs_subject(evaluation: Evaluation, wanted: list[Metric] | None) -> bool:
    """Whether an evaluation lacks a metric for which its subject must be in memory."""
    return any(metric.name == BY_SUBJECT for metric in text_scores.lacking(evaluation, wanted))


def count_rest(asked: list[tuple[Evaluation, list[Metric] | None]], progress: Progress) -> None:
    """Counts what the evaluations still lack of the metrics wanted of each; a model that many need is loaded once."""
    by_model: dict[Metric, list[Evaluation]] = {}
    for evaluation, wanted in asked:
        count_plain(evaluation, progress, wanted or [])
        for metric in text_scores.lacking(evaluation, wanted):
            by_model.setdefault(metric, []).append(evaluation)
    for metric, lacking in by_model.items():
        if metric.model is None:
            names = ", ".join(one.name for one in lacking)
            raise WorkError(f"{metric.name} of {names} was not counted; its subject was not in memory.")
        free_memory()
        progress(f"loading {bases.public_name(metric.model)}", 0)
        count = _loaded(metric)
        for evaluation in lacking:
            if text_scores.lacking(evaluation, [metric]):  # its name may stand twice among those asked for
                _keep(evaluation, metric, count, progress)


def _loaded(metric: Metric) -> Counter:
    """What counts a metric with its model, which is in memory as long as this is."""
    if metric.name == "bertscore":
        encoder = bertscore.Encoder(metric.model)
        return lambda answers, references, tell: bertscore.count(encoder, answers, references, tell)
    scorer = Model(bases.find(metric.model), "none")
    name = scorer.base.public_name
    return lambda answers, references, tell: perplexity.of_answers(scorer, name, answers, tell)


def _keep(evaluation: Evaluation, metric: Metric, count: Counter, progress: Progress) -> None:
    predictions = evaluation.predictions
    answers, references = [p["answer"] for p in predictions], [p["target"] or "" for p in predictions]
    tell = progress(f"{metric.name.replace('_', ' ')} of {evaluation.name}", len(predictions))
    _write(evaluation, metric, count(answers, references, tell))


def _write(evaluation: Evaluation, metric: Metric, found: Counted) -> None:
    text_scores.keep(evaluation, metric, found.kind, found.keys, found.rows, found.settings)
