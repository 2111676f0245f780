"""How far answers are the references, word by word: BLEU, sacreBLEU and ROUGE-L, by the libraries that the field uses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

from lab.errors import WorkError

AT_ONCE = 50  # rows between two words about how far it is
Tell = Callable[[int], None]


class LibraryMissing(WorkError):
    """The library that counts a metric is not installed."""


@dataclass(frozen=True)
class Counted:
    """A metric row by row: what `row_scores.score` takes, and the settings that it was counted with."""

    kind: str
    keys: list[str]
    rows: list[list[float]]
    settings: dict


def bleu(answers: list[str], references: list[str], tell: Tell) -> Counted:
    """NLTK's sentence BLEU with smoothing method 1 on blank-separated words, averaged over rows; 0 for an empty text."""
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    smooth = SmoothingFunction().method1

    def one(answer: str, reference: str) -> list[float]:
        return [float(sentence_bleu([reference.split()], answer.split(), smoothing_function=smooth))]

    settings = {"smoothing": "method 1", "words": "separated by blanks", "score": "mean of sentence BLEU-4, 0 to 1"}
    return _counted("nltk", "mean", ["bleu"], settings, [*_each(one, answers, references, tell)])


def sacrebleu(answers: list[str], references: list[str], tell: Tell) -> Counted:
    """sacreBLEU's BLEU of the corpus with its default settings, kept as the counts that each row adds to it."""
    from sacrebleu.metrics import BLEU

    metric = BLEU()

    def one(answer: str, reference: str) -> list[float]:
        found = metric.corpus_score([answer], [[reference]])
        return [found.sys_len, found.ref_len, *found.counts, *found.totals]

    rows = [*_each(one, answers, references, tell)]
    signature = metric.get_signature().format() if rows else ""
    settings = {"signature": signature, "score": "of the corpus, 0 to 100"}
    return _counted("sacrebleu", "corpus_bleu", ["sacrebleu"], settings, rows)


def rouge_l(answers: list[str], references: list[str], tell: Tell) -> Counted:
    """ROUGE-L's F of each row with stemmed words, averaged over rows. Words are of the letters a to z and digits alone; how
    many references have none, which are scored 0, is told."""
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenizers import DefaultTokenizer

    scorer, tokenizer = RougeScorer(["rougeL"], use_stemmer=True), DefaultTokenizer(use_stemmer=False)

    def one(answer: str, reference: str) -> list[float]:
        return [float(scorer.score(reference, answer)["rougeL"].fmeasure)]

    settings = {"stemming": "Porter", "words": "of a to z and digits", "score": "mean of F over rows, 0 to 1"}
    unread = sum(not tokenizer.tokenize(reference) for reference in references)
    if unread:
        settings["references_without_such_words"] = unread
    return _counted("rouge-score", "mean", ["rouge_l"], settings, [*_each(one, answers, references, tell)])


def _each(one: Callable[[str, str], list], answers: list[str], references: list[str], tell: Tell) -> Iterator[list]:
    for start in range(0, len(answers), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        yield from (one(a, r) for a, r in zip(answers[part], references[part], strict=True))
        tell(len(answers[part]))


def _counted(library: str, kind: str, keys: list[str], settings: dict, rows: list[list[float]]) -> Counted:
    return Counted(kind, keys, rows, {"library": library, "version": version(library), **settings})


METRICS = {"bleu": bleu, "sacrebleu": sacrebleu, "rouge_l": rouge_l}


def count(name: str, answers: list[str], references: list[str], tell: Tell = lambda done: None) -> Counted:
    """One of the metrics that need no model. Raises LibraryMissing where its library is not installed."""
    try:
        return METRICS[name](answers, references, tell)
    except ModuleNotFoundError as error:
        raise LibraryMissing(
            f"{name} needs a library that is missing ({error.name}): install requirements.txt."
        ) from error
