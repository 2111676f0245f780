"""A sweep as a table of words and numbers, for the terminal and the page."""

from lab import exports, wanted_metrics
from lab.grid import written
from lab.sweep_results import counted


def states(members: list[dict]) -> str:
    """How many points have which status: `4 finished, 1 running`."""
    return ", ".join(f"{n} {status}" for status, n in counted(members).items())


def table(found: dict) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row for each point of what `sweep_results.look` gives, with its scores where it has some."""
    texts = list(dict.fromkeys(key for x in found["comparison"] for key in x.get("text_metrics", {})))
    reads_labels = not found["comparison"] or any(x["accuracy"] is not None for x in found["comparison"])
    scored = {_place(x): x for x in found["comparison"]}
    rows = []
    for one in found["runs"]:
        x = scored.get(_place(one))
        reused = ", ran already" if one["reused"] else ""
        cells = [*_place(one), *([] if "subject" in found else [one["id"] or "–"]), f"{one['status']}{reused}"]
        rows.append(cells + (_scores(x, reads_labels, texts) if x else ["–"] * (4 * reads_labels + len(texts))))
    labels = ["accuracy", "macro F1", "invalid", "p"] if reads_labels else []
    about = [] if "subject" in found else ["run"]
    return [*found["over"], *about, "status", *labels, *map(wanted_metrics.heading, texts)], rows


def _place(one: dict) -> tuple[str, ...]:
    return tuple(written(value) for value in one["values"].values())


def _scores(x: dict, reads_labels: bool, texts: list[str]) -> list[str]:
    p = "" if x["p_value"] is None else "< 0.0001" if x["p_value"] < 0.0001 else f"{x['p_value']:.2g}"
    invalid = "–" if x["invalid"] is None else f"{x['invalid']:,} of {x['n']:,}"
    labels = [share(x["accuracy"], x["accuracy_ci95"]), share(x["macro_f1"], x["f1_ci95"]), invalid, p]
    return [*(labels if reads_labels else []), *(exports.text_metric(x, key) for key in texts)]


def share(value: float | None, interval: list[float] | None = None) -> str:
    """A share with its interval, as in `0.912 [0.880, 0.934]`."""
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def heading(found: dict) -> str:
    """What a sweep is about, and how it stands."""
    over, count = " and ".join(found["over"]), len(found["runs"])
    what = f"{count} decodings of {found['subject']}" if "subject" in found else f"{count} runs"
    return f"{found['name']}: {what} over {over}; {states(found['runs'])}"


def said(found: dict) -> list[str]:
    """What is to be read from the scores, and what is to be minded of them."""
    scored = [x for x in found["comparison"] if x["accuracy"] is not None]
    sentences = [] if found["comparison"] else ["Nothing is scored yet: a run is, when it has finished."]
    if len(scored) > 1:
        best = max(scored, key=lambda x: x["accuracy"])
        low, high = best["accuracy_ci95"]
        at = ", ".join(f"{key} {written(value)}" for key, value in best["values"].items())
        sentences.append(
            f"Best accuracy: {best['accuracy']:.3f} ({low:.3f} to {high:.3f}) on {best['n']:,} rows at {at}."
        )
        sentences.append(
            f"It is the best of {len(scored)} on the rows it is scored on, so it flatters; score it on other rows, "
            "such as a test split, before it is reported."
        )
    if any(x["p_value"] is not None for x in scored):
        sentences.append("p: exact McNemar test against the first row, not adjusted for their number.")
    return sentences + found["notes"]
