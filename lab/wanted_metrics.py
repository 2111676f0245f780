"""Which metrics of texts are wanted, and with which settings: what `--metrics` and a sweep's `metrics:` may say."""

from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict

from lab.config import BUNDLED_MODEL
from lab.errors import InputError
from lab.task import Strict

EXACT = "exact_match"
PLAIN = ("bleu", "sacrebleu", "rouge_l")  # they need no model, and are counted with every evaluation
OPTIONS = {  # metrics that need a model of the user's choice, with what names it at the command line
    "bertscore": "bertscore_model",
    "generated_perplexity": "scorer",
}
BY_SUBJECT = "reference_perplexity"  # computed by the subject itself
NAMES = (EXACT, *PLAIN, *OPTIONS, BY_SUBJECT)
EXAMPLE = "write it as in metrics: [bleu, rouge_l, {bertscore: {model: roberta-large}}]"
# What stands in `text_metrics` of a compared subject: how a table heads it, and whether more is better.
HEADINGS = {
    "exact_match": ("Exact match", True),
    "bleu": ("BLEU", True),
    "sacrebleu": ("sacreBLEU", True),
    "rouge_l": ("ROUGE-L", True),
    "bertscore": ("BERTScore F1", True),
    "bertscore_precision": ("BERTScore precision", True),
    "bertscore_recall": ("BERTScore recall", True),
    "generated_perplexity": ("Perplexity of the answers", False),
    "reference_perplexity": ("Perplexity of the references", False),
}


class Metric(Strict):
    """A metric of texts. `model` is the encoder of BERTScore or the scorer of the answers' perplexity, else None."""

    model_config = ConfigDict(frozen=True)

    name: Literal[NAMES]
    model: str | None = None


def listed(names: str | list[str] | None, **models: str | None) -> list[Metric] | None:
    """The metrics of a list of names, or of names with commas between; None where none are named.

    `models` are those of `OPTIONS`. Raises InputError for an unknown name, and for a model that is missing or for nothing.
    """
    if not names:
        given = next((option for option, model in models.items() if model), None)
        if given:
            raise InputError(f"{_written(given)} belongs to a metric: name it, as in {_hint(given)}.")
        return None
    names = [x.strip() for x in (names.split(",") if isinstance(names, str) else names)]
    wanted = [_metric(name, models.get(OPTIONS.get(name, "")), "metrics") for name in names if name]
    for option, model in models.items():
        if model and not any(OPTIONS.get(one.name) == option for one in wanted):
            raise InputError(
                f"{_written(option)} belongs to a metric that is not named; add it, as in {_hint(option)}."
            )
    return list(dict.fromkeys(wanted))


def parse(value: Any, where: str = "metrics") -> list[Metric] | None:
    """The metrics of a sweep's `metrics:` a name, names with commas between, a list of names and of mappings
    `{name: {model: ID}}`, or one mapping of such; None where nothing is said. Raises InputError."""
    if value is None:
        return None
    if isinstance(value, str):
        value = [x.strip() for x in value.split(",") if x.strip()]
    entries = list(value.items()) if isinstance(value, dict) else []
    for one in value if isinstance(value, list) else []:
        entries += one.items() if isinstance(one, dict) else [(one, None)]
    if not entries:
        raise InputError(f"{where}: names metrics; {EXAMPLE}")
    wanted = []
    for name, about in entries:
        if not isinstance(about, dict | None) or set(about or {}) - {"model"}:
            raise InputError(f"{where}.{name}: the only setting is its model; {EXAMPLE}")
        wanted.append(_metric(name, (about or {}).get("model"), where))
    return list(dict.fromkeys(wanted))


def _metric(name: Any, model: Any, where: str) -> Metric:
    if name not in NAMES:
        raise InputError(f"{where}: there is no metric {name!r}; there are {', '.join(NAMES)}.")
    if name in OPTIONS and not (isinstance(model, str) and model.strip()):
        option = OPTIONS[name]
        raise InputError(
            f"{where}: {name} needs a model: a Hub id, the bundled one or a folder; in a sweep {{{name}: {{model: ID}}}}, "
            f"elsewhere {_written(option)} ID."
        )
    if name not in OPTIONS and model is not None:
        raise InputError(f"{where}: {name} needs no model.")
    return Metric(name=name, model=_found_from_anywhere(model.strip()) if model else None)


def _found_from_anywhere(model: str) -> str:
    """A folder by its whole path: the metric may be asked for again from elsewhere."""
    folder = Path(model).expanduser()
    return str(folder.resolve()) if model != BUNDLED_MODEL and folder.is_dir() else model


def _written(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _hint(option: str) -> str:
    name = next(name for name, needs in OPTIONS.items() if needs == option)
    return f"--metrics {name} {_written(option)} ID"


def models(wanted: list[Metric] | None) -> list[str]:
    """The names of the models that the user chose."""
    return [one.model for one in wanted or [] if one.model]


def heading(key: str) -> str:
    """How a table heads a number of `text_metrics`."""
    return HEADINGS.get(key, (key.replace("_", " ").capitalize(), True))[0]


def in_words(settings: dict) -> str:
    """The settings of a metric in one line: `nltk 3.10.4, smoothing method 1`."""
    library = " ".join(str(settings[key]) for key in ("library", "version") if settings.get(key))
    rest = [f"{key.replace('_', ' ')} {value}" for key, value in settings.items() if key not in ("library", "version")]
    return ", ".join([library, *rest] if library else rest)
