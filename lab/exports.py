"""A comparison as a table for people and for papers: CSV, Markdown, LaTeX. All tables of scores are made here."""

import csv
import io
import re

from lab import wanted_metrics

FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "＝",
    "＋",
    "－",
    "＠",
)  # a cell that begins like this would be run by a spreadsheet
# Behind what spreadsheets of some countries take for the separator, a formula would begin a cell of its own.
INNER_FORMULA = re.compile(r"([;|\"]\s*)(?=[=+\-@＝＋－＠])")
BRIEF = ("subject", "rows", "accuracy", "macro F1", "weighted F1", "invalid", "labels alone", "p", "seconds")
LATEX = {
    "\\": r"\textbackslash{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": "--",
}


def table(objects: list[dict]) -> tuple[list[str], list[list[str]]]:
    """The names of the columns, and a row for each object of a comparison."""
    texts = list(dict.fromkeys(key for x in objects for key in x.get("text_metrics", {})))
    many = sum(x["p_value"] is not None for x in objects) > 1
    headers = ["subject", "trained on", "epochs", *BRIEF[1:8], *(["p (Holm)"] if many else [])]
    headers += [*map(wanted_metrics.heading, texts), "decoding", "seconds"]
    return headers, [_row(x, many, texts) for x in objects]


def _row(x: dict, many: bool, texts: list[str]) -> list[str]:
    return [
        x["subject"],
        number(x.get("train_rows")),
        epochs(x.get("epochs")),
        number(x["n"]),
        share(x["accuracy"], x["accuracy_ci95"]),
        share(x["macro_f1"], x["f1_ci95"]),
        share(x["weighted_f1"]),
        number(x["invalid"]),
        share(x["labels_alone"]),
        p_value(x["p_value"]),
        *([p_value(x["p_adjusted"])] if many else []),
        *(text_metric(x, key) for key in texts),
        x["decoding"],
        f"{x['seconds']:.1f}",
    ]


def brief(objects: list[dict]) -> tuple[list[str], list[list[str]]]:
    """The columns that a terminal has room for."""
    headers, rows = table(objects)
    kept = [headers.index(name) for name in BRIEF]
    return list(BRIEF), [[row[i] for i in kept] for row in rows]


# -- cells -----------------------------------------------------------------------------------------------------------


def number(value: int | None) -> str:
    return "–" if value is None else f"{value}"


def epochs(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def share(value: float | None, interval: list[float] | None = None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def text_metric(x: dict, key: str) -> str:
    """A number of a subject's text metrics with its interval; a perplexity or sacreBLEU, which are no shares, in fewer digits."""
    value, interval = ((x.get(part) or {}).get(key) for part in ("text_metrics", "text_metrics_ci95"))
    if value is None or value < 10:
        return share(value, interval)
    return f"{value:,.1f}" + (f" [{interval[0]:,.1f}, {interval[1]:,.1f}]" if interval else "")


def p_value(p: float | None) -> str:
    return "" if p is None else f"{p:.2g}"


# -- files -----------------------------------------------------------------------------------------------------------


def as_csv(objects: list[dict], notes: list[str]) -> str:
    """A table alone: no note could stand in it without being taken for a row."""
    headers, rows = table(objects)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([[harmless(cell) for cell in row] for row in (headers, *rows)])
    return file.getvalue()


def harmless(cell: str) -> str:
    """A cell in one line that no spreadsheet takes for a formula, nor what stands in it behind another separator or a quote."""
    one_line = INNER_FORMULA.sub(r"\1'", re.sub(r"\s", " ", cell))
    return f"'{one_line}" if cell.startswith(FORMULA) or cell.strip().startswith(FORMULA) else one_line


def as_markdown(objects: list[dict], notes: list[str]) -> str:
    headers, rows = table(objects)
    lines = [headers, ["---", *["---:"] * (len(headers) - 1)], *([_marked(cell) for cell in row] for row in rows)]
    body = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    said = "".join(f"- {_marked(note)}\n" for note in [*about(objects), *notes])
    return f"{body}\n{said}"


def _marked(text: str) -> str:
    """A text in which nothing is markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", " ".join(text.split()))


def as_latex(objects: list[dict], notes: list[str]) -> str:
    headers, rows = table(objects)
    head, *body = (" & ".join(_spelled(cell) for cell in row) + r" \\" for row in (headers, *rows))
    lines = [rf"\begin{{tabular}}{{l{'r' * (len(headers) - 1)}}}", head, r"\hline", *body, r"\end{tabular}"]
    said = [f"% {' '.join(note.split())}" for note in [*about(objects), *notes]]
    return "\n".join([*said, *lines]) + "\n"


def _spelled(text: str) -> str:
    """A text in which no letter means anything to LaTeX."""
    return "".join(LATEX.get(letter, letter) for letter in " ".join(text.split()))


def about(objects: list[dict]) -> list[str]:
    """What the numbers are, in sentences that go with the table."""
    first = objects[0]
    return [
        f"{first['dataset']}, {first['split']} rows; brackets hold 95% intervals; invalid answers count as wrong; "
        f"p is an exact McNemar test against {first.get('reference') or first['subject']}.",
        *text_settings(objects),
    ]


def text_settings(objects: list[dict]) -> list[str]:
    """What each metric of texts was counted with, a sentence each; by subject where that differs."""
    told: dict[tuple[str, str], list[str]] = {}
    for x in objects:
        for name, settings in x.get("text_metrics_settings", {}).items():
            words = f"{wanted_metrics.heading(name)}: {wanted_metrics.in_words(settings)}"
            told.setdefault((name, words), []).append(x["subject"])
    names = [name for name, _ in told]
    return [
        f"{words} ({', '.join(subjects)})." if names.count(name) > 1 else f"{words}."
        for (name, words), subjects in told.items()
    ]


FORMS = {"csv": as_csv, "markdown": as_markdown, "latex": as_latex}
ENDINGS = {"csv": "csv", "markdown": "md", "latex": "tex"}
