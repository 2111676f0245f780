"""A sweep as a table of words and numbers, for the terminal and the page."""

from lab import exports
from lab.grid import written
from lab.sweep_cells import over
from lab.sweep_results import counted
from lab.wanted_metrics import heading

SCORES = [("accuracy", "accuracy", "accuracy_ci95"), ("macro_f1", "macro F1", "f1_ci95")]  # key, name, its interval


def states(members: list[dict]) -> str:
    """How many points have which status: `4 finished, 1 running`."""
    return ", ".join(f"{n} {status}" for status, n in counted(members).items())


def table(found: dict) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row for each point of what `sweep_results.look` gives, with its scores where it has some; of a run
    that answered with several decodings, a row for each. Before a start, with the steps instead."""
    if any("steps" in one for one in found["runs"]):
        return _table_of_steps(found)
    texts = list(dict.fromkeys(key for x in found["comparison"] for key in x.get("text_metrics") or {}))
    reads_labels = not found["comparison"] or any(x["accuracy"] is not None for x in found["comparison"])
    decoded = list(dict.fromkeys(key for x in found["comparison"] for key in x["values"] if key not in found["over"]))
    scored: dict[tuple, list[dict]] = {}
    for x in found["comparison"]:
        scored.setdefault(_place(x, found["over"]), []).append(x)
    trains, rows = "subject" not in found, []
    has_loss = any("first_loss" in one for one in found["runs"])
    for one in found["runs"]:
        reused = ", ran already" if one["reused"] else ""
        place = _place(one, found["over"])
        for x in scored.get(place, [None]):
            cells = [*place, *([one["id"] or "–"] if trains else []), f"{one['status']}{reused}"]
            cells += [_value(x["values"].get(key)) if x else "–" for key in decoded]
            cells += [_loss(one.get(key)) for key in ("first_loss", "last_loss")] if has_loss else []
            rows.append(cells + (_scores(x, reads_labels, texts) if x else ["–"] * (4 * reads_labels + len(texts))))
    labels = ["accuracy", "macro F1", "invalid", "p"] if reads_labels else []
    heads = [*map(_short, found["over"]), *(["run"] if trains else []), "status", *map(_short, decoded)]
    heads += ["first loss", "last loss"] if has_loss else []
    return [*heads, *labels, *map(heading, texts)], rows


def _table_of_steps(found: dict) -> tuple[list[str], list[list[str]]]:
    rows = [
        [*_place(one, found["over"]), one["id"] or "–", one["status"], f"{one['steps']:,}" if one["steps"] else "–"]
        for one in found["runs"]
    ]
    return [*map(_short, found["over"]), "run", "status", "steps"], rows


def cells_table(found: dict) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row for each cell of `sweep_cells.gathered`: means over the seeds with the lowest and the highest of
    them, beside the interval that so few rows leave; no rows where there are no cells."""
    cells = found.get("cells") or []
    keys, texts = list(over(cells)), list(dict.fromkeys(key for x in cells for key in x.get("text_metrics") or {}))
    labels = any(x["accuracy"] is not None for x in cells)
    seeds = any(x["runs"] > 1 for x in cells)
    trained = any(x["train_accuracy"] is not None for x in cells)
    heads = [*map(_short, keys), *(["runs"] if seeds else [])]
    for _, name, _ in SCORES if labels else []:
        heads += [name, *([f"{name} over the seeds"] if seeds else [])]
    heads += ["invalid"] if labels else []
    heads += [f"{name} on training rows" for name in ("accuracy", "macro F1", "invalid")] if trained else []
    rows = []
    for x in cells:
        row = [*(_value(x["values"].get(key)) for key in keys), *([str(x["runs"])] if seeds else [])]
        for key, _, interval in SCORES if labels else []:
            row += [share(x[key], x[interval]), *([_between(x["spread"].get(key))] if seeds else [])]
        row += [_invalid(x)] if labels else []
        row += [share(x["train_accuracy"]), share(x["train_macro_f1"]), _invalid(x, "train_")] if trained else []
        rows.append(row + [exports.text_metric(x, key) for key in texts])
    return [*heads, *map(heading, texts)], rows


def _short(key: str) -> str:
    return key.removeprefix("decoding.").removeprefix("adapter.")


def _place(one: dict, keys: list[str]) -> tuple[str, ...]:
    return tuple(_value(one["values"].get(key)) for key in keys)


def _value(value) -> str:
    return "–" if value is None else written(value)


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _between(spread: dict | None) -> str:
    return f"{spread['min']:.3f} to {spread['max']:.3f}" if spread else "–"


def _invalid(x: dict, before: str = "") -> str:
    """How many answers were no label; "All" where none was one. `before`: what the keys begin with."""
    invalid, rows = x[f"{before}invalid"], x[f"{before}n"]
    if invalid is None or rows is None:
        return "–"
    return f"All {rows:,}" if invalid == rows else f"{round(invalid, 1):,g} of {rows:,}"


def _scores(x: dict, reads_labels: bool, texts: list[str]) -> list[str]:
    p = "" if x["p_value"] is None else "< 0.0001" if x["p_value"] < 0.0001 else f"{x['p_value']:.2g}"
    labels = [share(x["accuracy"], x["accuracy_ci95"]), share(x["macro_f1"], x["f1_ci95"]), _invalid(x), p]
    return [*(labels if reads_labels else []), *(exports.text_metric(x, key) for key in texts)]


def share(value: float | None, interval: list[float] | None = None) -> str:
    """A share with its interval, as in `0.912 [0.880, 0.934]`."""
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def title(found: dict) -> str:
    """What a sweep is about, and how it stands."""
    over, count = " and ".join(found["over"]), len(found["runs"])
    what = f"{count} decodings of {found['subject']}" if "subject" in found else f"{count} runs"
    return f"{found['name']}: {what} over {over}; {states(found['runs'])}"


def _of_base(x: dict) -> str:
    """What a base scores before any training."""
    reads = x["accuracy"] is not None
    scores = [f"accuracy {share(x['accuracy'], x['accuracy_ci95'])}, invalid {_invalid(x)}"] if reads else []
    texts = [
        f"{heading(key)} {share(value)}" for key, value in (x.get("text_metrics") or {}).items() if value is not None
    ]
    task = f", asked by {x['task']}" if x["task"] else ""
    return f"Before training, {x['base_model']} ({x['quantization']}{task}): {'; '.join([*scores, *texts])}."


def _of_best(scored: list[dict]) -> list[str]:
    """The best of each task and dataset: scores on other labels or rows are no rivals."""
    rivals: dict[tuple, list[dict]] = {}
    for x in scored:
        rivals.setdefault((x["task"], x["dataset"]), []).append(x)
    found = [_best_of(alike, len(rivals) > 1) for alike in rivals.values()]
    if all(len(alike) == 1 for alike in rivals.values()):
        return found
    flatters = "Each best is the best of so many" if len(rivals) > 1 else f"It is the best of {len(scored)}"
    return [
        *found,
        f"{flatters} on the rows it is scored on, so it flatters; score it on other rows, such as a test split, before "
        "it is reported.",
    ]


def _best_of(alike: list[dict], named: bool) -> str:
    """The best of what was scored with one task on one dataset; `named`: whether there are others."""
    best, of = max(alike, key=lambda x: x["accuracy"]), f" of {alike[0]['task']}" if named else ""
    if not best["accuracy"]:
        return f"No answer{of} is right."
    low, high = best["accuracy_ci95"]
    values = {
        key: value for key, value in best["values"].items() if value is not None and not (named and key == "task")
    }
    at = ", ".join(f"{_short(key)} {written(value)}" for key, value in values.items())
    mean = f", the mean of {best['runs']} seeds" if best.get("runs", 1) > 1 else ""
    count = f", the best of {len(alike)}" if named and len(alike) > 1 else ""
    head = "Best accuracy" if len(alike) > 1 else "Accuracy"
    return (
        f"{head}{of}: {best['accuracy']:.3f} ({low:.3f} to {high:.3f}) on {best['n']:,} rows"
        f"{f' at {at}' if at else ''}{mean}{count}."
    )


def said(found: dict) -> list[str]:
    """What is to be read from the scores, and what is to be minded of them."""
    scored = [x for x in found["comparison"] if x["accuracy"] is not None]
    everything = [x for x in found.get("cells") or scored if x["accuracy"] is not None]  # at each epoch, over the seeds
    sentences = [] if found["comparison"] or everything else ["Nothing is scored yet: a run is, when it has finished."]
    if everything and not any(x["accuracy"] for x in everything):
        sentences.append("No answer is right.")
    elif len(everything) > 1:
        sentences += _of_best(everything)
    if any(x["p_value"] is not None for x in scored):
        sentences.append(
            "p: exact McNemar test against the first row with the same labels, not adjusted for their number."
        )
    return sentences + [_of_base(x) for x in found.get("bases", [])] + found["notes"]
