"""The scores as a table in which subjects are chosen and which sorts by any column; what differs stands above it."""

from lab import exports, scoreboard, wanted_metrics
from lab.ui import look
from lab.ui.compare_look import Look

MOST_OTHERS = 8  # subjects below the table that are not compared yet
BRACKETS = "Brackets hold 95% intervals."
OF_LABELS = (
    "p: exact McNemar test against the reference; p (Holm): adjusted for so many tests. Invalid answers count as wrong "
    "everywhere; “labels alone” is the accuracy if every row were answered with its most probable label, which shows what "
    "they cost."
)
SORTED = "Click a column's name to sort by it."
# Sorting stays in the browser, and stays as it was when the scores come anew; so does the place of the keyboard.
SCRIPT = """
let by = null, down = false, last = null;
const value = (row, key) => row.querySelector(`[data-key="${key}"]`)?.dataset.value ?? "";
const compare = (a, b) => {
  if (a === "" || b === "") return (a === "") - (b === "");
  const numbers = [Number(a), Number(b)];
  const order = numbers.some(Number.isNaN) ? a.localeCompare(b, undefined, {numeric: true}) : numbers[0] - numbers[1];
  return down ? -order : order;
};
const sort = () => {
  const body = element.querySelector("tbody.compared");
  if (!body || by === null) return;
  const rows = [...body.rows].sort((a, b) => compare(value(a, by), value(b, by)));
  watcher.disconnect();
  body.append(...rows);
  for (const head of element.querySelectorAll("th[data-sort]")) {
    if (head.dataset.sort === by) head.setAttribute("aria-sort", down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  observe();
};
const boxes = () => [...element.querySelectorAll("input[data-subject]")];
// What came anew stands in boxes that were there before, which keep what was ticked by hand, and the keyboard's place.
const watcher = new MutationObserver(() => {
  for (const one of boxes()) one.checked = one.hasAttribute("checked");
  sort();
  const holds = document.activeElement;
  if (last !== null && (holds === document.body || (element.contains(holds) && holds.dataset.subject !== undefined)))
    boxes().find(one => one.dataset.subject === last)?.focus({preventScroll: true});
});
const observe = () => watcher.observe(element, {childList: true, subtree: true, attributes: true, characterData: true});
observe();
element.addEventListener("click", event => {
  const head = event.target.closest("th[data-sort]");
  if (!head || !event.target.closest("button")) return;
  down = by === head.dataset.sort ? !down : head.dataset.first === "down";
  by = head.dataset.sort;
  sort();
});
element.addEventListener("change", event => {
  last = event.target.dataset.subject;
  if (last !== undefined) trigger("click", {subject: last, on: event.target.checked});
});
"""


def board(found: Look | None, chosen: list[str], others: list[dict]) -> str:
    """All of it as HTML. `chosen` may hold subjects that were not evaluated yet; `others` are `{subject, train_rows,
    epochs}` on offer."""
    objects = found.objects if found else []
    columns = _columns(objects)
    scored = {x["subject"] for x in objects}
    waiting = [{"subject": name} for name in chosen if name not in scored]
    body = "".join(_row(x, columns, checked=True) for x in [*objects, *waiting])
    more = _more(others, columns)
    heads = "".join(_head(*column[:3], _settings(objects, column[0])) for column in columns)
    caption = f"<caption>{_caption(objects)}</caption>"
    head = f"<thead><tr><th scope='col'><span class='unseen'>Compare</span></th>{heads}</tr></thead>"
    return (
        f"{_noted(found)}<div class='scrolls scores' role='region' tabindex='0' aria-label='Scores'>"
        f"<table class='lab-table'>{caption}{head}<tbody class='compared'>{body}</tbody>{more}</table></div>{_winner(objects)}"
        f"{_legend(found)}"
    )


def _caption(objects: list[dict]) -> str:
    if not objects:
        return "Subjects: tick those to compare"
    first, decodings = objects[0], dict.fromkeys(x["decoding"] for x in objects)
    return look.text(f"{first['dataset']}: {first['n']:,} {first['split']} rows, decoding {', '.join(decodings)}")


def _legend(found: Look | None) -> str:
    """What the columns mean; of metrics of texts, what they were counted with."""
    if not found or not found.objects:
        return ""
    words = [BRACKETS, *([OF_LABELS] if found.labelled else []), SORTED]
    items = "".join(f"<li>{look.text(words)}</li>" for words in exports.text_settings(found.objects))
    settings = f"<details><summary>What the metrics of texts were counted with</summary><ul class='settings'>{items}</ul></details>"
    return f"<div class='quiet-line'>{look.text(' '.join(words))}{settings if items else ''}</div>"


def _noted(found: Look | None) -> str:
    """What makes the comparison one of unequals, before anybody reads a number."""
    if not found or not found.notes:
        return ""
    items = "".join(f"<li>{look.text(note)}</li>" for note in found.notes)
    return f"<div class='differs' role='note'><strong>⚠ Read this before comparing</strong><ul>{items}</ul></div>"


def _winner(objects: list[dict]) -> str:
    words = scoreboard.winner_in_words(objects)
    return f"<p class='winner'><span aria-hidden='true'>★</span> {look.text(words)}</p>" if words else ""


# -- columns ---------------------------------------------------------------------------------------------------------


def _columns(objects: list[dict]) -> list[tuple]:
    """`(key, name, first, cell)`: `first` is the direction of the first click; `cell` gives a value to sort by and a text."""
    texts = list(dict.fromkeys(key for x in objects for key in x.get("text_metrics", {})))
    labelled = any(x["accuracy"] is not None for x in objects) or not objects
    columns = [
        ("subject", "Subject", "up", lambda x: (x["subject"], x["subject"])),
        ("train_rows", "Trained on", "down", lambda x: (x.get("train_rows"), _number(x.get("train_rows")))),
        ("epochs", "Epochs", "down", lambda x: (x.get("epochs"), exports.epochs(x.get("epochs")))),
    ]
    if labelled:
        columns += [
            ("accuracy", "Accuracy", "down", _shared("accuracy", "accuracy_ci95")),
            ("macro_f1", "Macro F1", "down", _shared("macro_f1", "f1_ci95")),
            ("weighted_f1", "Weighted F1", "down", _shared("weighted_f1")),
            ("invalid", "Invalid", "up", lambda x: (x.get("invalid"), _number(x.get("invalid")))),
            ("labels_alone", "Labels alone", "down", _shared("labels_alone")),
            ("p_value", "p", "up", lambda x: (x.get("p_value"), _tested(x, "p_value"))),
        ]
        if sum(x["p_value"] is not None for x in objects) > 1:
            columns.append(("p_adjusted", "p (Holm)", "up", lambda x: (x.get("p_adjusted"), _tested(x, "p_adjusted"))))
    columns += [(key, *_text_heading(key), _text_metric(key)) for key in texts]
    return [
        *columns,
        ("seconds", "Seconds", "up", lambda x: (x.get("seconds"), f"{x['seconds']:.1f}" if "seconds" in x else "")),
    ]


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _shared(key: str, interval: str | None = None):
    def cell(x: dict) -> tuple:
        return x.get(key), exports.share(x.get(key), x.get(interval) if interval else None)

    return cell


def _text_heading(key: str) -> tuple[str, str]:
    more_is_better = wanted_metrics.HEADINGS.get(key, (key, True))[1]
    return wanted_metrics.heading(key), "down" if more_is_better else "up"


def _text_metric(key: str):
    return lambda x: (x.get("text_metrics", {}).get(key), exports.text_metric(x, key))


def _settings(objects: list[dict], key: str) -> str:
    """What the numbers of a column were counted with, of metrics of texts; where subjects differ, the first one's."""
    for x in objects:
        for name, settings in x.get("text_metrics_settings", {}).items():
            if key == name or key.startswith(f"{name}_"):
                return wanted_metrics.in_words(settings)
    return ""


def _tested(x: dict, key: str) -> str:
    return "reference" if x.get("reference") == x["subject"] else p_value(x.get(key))


def p_value(p: float | None) -> str:
    if p is None:
        return ""
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"


# -- parts -----------------------------------------------------------------------------------------------------------


def _head(key: str, name: str, first: str, about: str) -> str:
    title = f" title='{look.text(about)}'" if about else ""
    button = f"<button type='button'{title}>{look.text(name)}</button>"
    return f"<th scope='col' data-sort='{key}' data-first='{first}'>{button}</th>"


def _row(x: dict, columns: list[tuple], checked: bool) -> str:
    name = look.text(x["subject"])
    tick = f"<input type='checkbox' data-subject='{name}' aria-label='Compare {name}'{' checked' if checked else ''}>"
    cells = []
    for key, _, _, cell in columns:
        value, words = cell(x)
        sort_by = f"data-key='{key}' data-value='{'' if value is None else look.text(value)}'"
        if key == "subject":
            cells.append(f"<th scope='row' {sort_by}>{name}{_badge(x)}</th>")
        elif "n" not in x and key == "accuracy":
            cells.append(f"<td {sort_by}>{'not evaluated yet' if checked else ''}</td>")
        elif "n" not in x and key not in ("train_rows", "epochs"):
            cells.append(f"<td {sort_by}></td>")
        else:
            cells.append(f"<td {sort_by}>{look.text(words)}</td>")
    return f"<tr{' class=best' if x.get('best') else ''}><td>{tick}</td>{''.join(cells)}</tr>"


def _badge(x: dict) -> str:
    return " <span class='badge'>★ best</span>" if x.get("best") else ""


def _more(others: list[dict], columns: list[tuple]) -> str:
    """Subjects that can be ticked too."""
    if not others:
        return ""
    rows = "".join(_row(x, columns, checked=False) for x in others[:MOST_OTHERS])
    left = len(others) - MOST_OTHERS
    words = f"Not compared; {left:,} older ones are in the list of subjects" if left > 0 else "Not compared"
    title = f"<tr><th colspan='{len(columns) + 1}' scope='rowgroup'>{words}</th></tr>"
    return f"<tbody class='others'>{title}{rows}</tbody>"
