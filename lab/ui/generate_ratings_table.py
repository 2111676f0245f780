"""What ratings come to, as tables; every text is text."""

from lab.rating_form import CRITERIA
from lab.rating_scores import AVERAGES
from lab.ui.look import text


def line(words: str) -> str:
    return f'<p role="status">{text(words)}</p>'


def rendered(found: dict) -> str:
    """Averages of each subject over all raters and by each of them, with intervals, and the agreement."""
    if not found["raters"]:
        return f'<p class="quiet-line">Nobody has rated {text(found["name"])} yet.</p>'
    lines = [("all", x) for x in found["scores"]]
    lines += [(x["rater"], x) for x in found["by_rater"]] if len(found["raters"]) > 1 else []
    heads = ["Subject", "Rater", "Rows", *CRITERIA.values(), "Overall"]
    head = "".join(f'<th scope="col">{x}</th>' for x in heads)
    rows = "".join(_line(rater, scores) for rater, scores in lines)
    raters = ", ".join(
        f"{rater} {done:,} of {found['answers']:,} answers ({found['blind'][rater]:,} blind)"
        for rater, done in found["raters"].items()
    )
    caption = f"{text(found['name'])}: averages from 0 to 1 with 95% intervals over rows. Rated: {text(raters)}."
    return (
        '<div class="scrolls" role="region" tabindex="0" aria-label="Averages of the ratings"><table class="lab-table">'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="quiet-line">{text(agreed(found["agreement"]))}</p>'
    )


def _line(rater: str, scores: dict) -> str:
    cells = "".join(f"<td>{_cell(scores[key], scores['ci95'][key])}</td>" for key in AVERAGES)
    who = f'<th scope="row">{text(scores["subject"])}</th><td>{text(rater)}</td>'
    return f"<tr>{who}<td>{scores['rows']:,}</td>{cells}</tr>"


def _cell(value: float | None, interval: list[float] | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" + (f" <small>[{interval[0]:.2f}, {interval[1]:.2f}]</small>" if interval else "")


def agreed(found: dict) -> str:
    """The agreement of raters in words."""
    values = [f"{words.lower()} {found[key]:.2f}" for key, words in CRITERIA.items() if found[key] is not None]
    note = f"{found['note']}." if found["note"] else ""
    return f"Agreement of raters ({found['method']}, over {found['answers']:,} answers): {', '.join([*values, note])}"
