"""The scores in a model card: whatever is kept of its weights by now, with the rows, the intervals and the settings."""

import hashlib
import re
from pathlib import Path

from lab import data, evaluations, exports, scoreboard, subjects
from lab.evaluations import Evaluation
from lab.home import Home
from lab.runs import Run
from lab.wanted_metrics import heading

NONE = "Not scored on held-out rows."
SECTION = re.compile(r"^## Scores\n\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def of(home: Home, run: Run, weights: Path) -> list[dict]:
    """The scores that are kept by now of what a run has trained, by its weights in a folder; its own rows first.

    Objects as of a comparison, one for each set of rows that are not all trained, with `trained_on`, how many of them are,
    and `otherwise`: the decoding, where it is not the run's own. The run's own is preferred to others, the newest to older.
    """
    chosen: dict[tuple, Evaluation] = {}
    own = run.config.decoding.for_kind(run.task.kind).identity()
    for one in evaluations.of_weights(home, subjects.adapter_hash(weights), run.config.quantization):
        rows = tuple(one.request["info"][key] for key in ("task", "dataset", "split", "rows"))
        if one.request["decoding"] == own or rows not in chosen or chosen[rows].request["decoding"] != own:
            chosen[rows] = one
    if not chosen:
        return []
    trained = {_content(key) for key in data.row_keys(run.rows("train"))}
    found = [_object(one, trained, own) for one in chosen.values()]
    first = (run.config.dataset, "validation")
    kept = [x for x in found if x["trained_on"] < x["n"]]
    return sorted(kept, key=lambda x: ((x["dataset"], x["split"]) != first, -x["n"], x["dataset"], x["split"]))


def _object(one: Evaluation, trained: set[str], own: dict) -> dict:
    used = one.request["decoding"]
    return scoreboard.compare([one])[0][0] | {
        "trained_on": sum(_content(key) in trained for key in one.keys),
        "otherwise": None if used == own else used,
    }


def _content(key: str) -> str:
    """What a row's key says of its content alone, whether it is the first of equal rows or not."""
    return key.partition("-")[0]


# -- in words ------------------------------------------------------------------------------------------------------------


def in_words(found: list[dict], merged_from: str | None = None) -> str:
    """The section of a card below its heading. `merged_from`: the quantization of the base under the adapter when it was
    scored, where it is merged into the unquantized one by now."""
    if not found:
        return NONE
    held = f"They are those of the adapter on the base in {merged_from}, before it was merged." if merged_from else ""
    settings = exports.text_settings([{**x, "subject": f"on {_rows(x)}"} for x in found])
    counted = "Counted with:\n\n" + "\n".join(f"- {x}" for x in settings) if settings else ""
    return "\n\n".join(filter(None, ["\n".join(f"- {_line(x)}" for x in found), held, counted]))


def _line(x: dict) -> str:
    said = [] if x["accuracy"] is None else [_by_label(x)]
    said += _of_texts(x)
    decoding = ", ".join(f"{key} {value}" for key, value in (x["otherwise"] or {}).items())
    decoded = f", decoded otherwise ({decoding})" if decoding else ""
    return f"On {_rows(x)}{decoded}: {', '.join(said) or 'answered, without a score'}."


def _rows(x: dict) -> str:
    held = f"{x['n']:,} rows" if x["trained_on"] else f"{x['n']:,} held-out rows"
    trained = f", {x['trained_on']:,} of them trained" if x["trained_on"] else ""
    return f"{held} of `{x['dataset']}` ({x['split']}, task `{x['task']}`{trained})"


def _by_label(x: dict) -> str:
    low, high = x["accuracy_ci95"]
    f1_low, f1_high = x["f1_ci95"]
    return (
        f"accuracy {x['accuracy']:.3f} (95% interval {low:.3f} to {high:.3f}), "
        f"macro F1 {x['macro_f1']:.3f} ({f1_low:.3f} to {f1_high:.3f}), {x['invalid']} invalid answers, "
        f"which count as wrong"
    )


def _of_texts(x: dict) -> list[str]:
    """The metrics of texts with their intervals, where they have one."""
    intervals = x.get("text_metrics_ci95") or {}
    said = []
    for key, value in (x.get("text_metrics") or {}).items():
        if value is not None:
            low, high = intervals.get(key) or (None, None)
            between = f" (95% interval {low:.3f} to {high:.3f})" if low is not None and high is not None else ""
            said.append(f"{heading(key)} {value:.3f}{between}")
    return said


def renewed(card: str, found: list[dict]) -> str:
    """A card with these scores in the place of those that it was written with."""
    return SECTION.sub(lambda _: f"## Scores\n\n{in_words(found)}\n\n", card, count=1)


def digest(found: list[dict]) -> str:
    """What changes whenever a card would say other scores."""
    return hashlib.sha256(in_words(found).encode()).hexdigest()[:16]
