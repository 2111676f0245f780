"""The walk through the answers of a rating set: a row at a time, its answers behind letters where the rater is blind.

A walk is a plain mapping that never leaves the server: `{name, rater, blind, rows: [index], letters: [{letter: subject}], place}`, where rows and letters are parallel.
"""

import string
import time

from lab import blind, rating_form, ratings
from lab.errors import InputError
from lab.home import Home
from lab.rating_form import CRITERIA, VALUES, Rating
from lab.ratings import RatingSet
from lab.ui.look import text

# Whatever changes is sent at once, so that a page that is closed has lost nothing; a step sends all of the row again.
# Gradio puts new HTML into the nodes of the old, in which a mark given by hand would stay for the next row: hence the reset.
SCRIPT = """let stepped = false;
const forms = () => Object.fromEntries([...element.querySelectorAll("[data-letter]")].map(one => [one.dataset.letter, {
  ...Object.fromEntries([...one.querySelectorAll("input:checked")].map(mark => [mark.dataset.criterion, Number(mark.value)])),
  comment: one.querySelector("textarea").value,
}]));
const send = go => {
  const row = element.querySelector("form");
  if (row) trigger("click", {place: Number(row.dataset.place), go, forms: forms()});
};
const step = go => { stepped = true; send(go); };
element.addEventListener("change", () => send(0));
element.addEventListener("submit", event => { event.preventDefault(); step(1); });
element.addEventListener("click", event => {
  const one = event.target.closest("[data-go]");
  if (one) step(Number(one.dataset.go));
});
new MutationObserver(() => {
  element.querySelector("form")?.reset();
  if (stepped) (element.querySelector("fieldset input:checked") ?? element.querySelector("input"))?.focus();
  stepped = false;
}).observe(element, {childList: true, subtree: true, attributeFilter: ["data-drawn"]});"""


def begin(found: RatingSet, rater: str, blindly: bool, only: int | None = None) -> dict:
    """A walk from the first row that the rater has not rated whole; through the one row `only`, where it is given."""
    rows = [row["index"] for row in found.rows] if only is None else [only]
    draw = blind.shuffled if blindly else (lambda names: dict(zip(string.ascii_uppercase, names, strict=False)))
    letters = [draw(list(found.row(index)["answers"])) for index in rows]
    lacking = set(ratings.lacking(found, rater))
    place = next((i for i, index in enumerate(rows) if index in lacking), 0)
    return {"name": found.name, "rater": rater, "blind": blindly, "rows": rows, "letters": letters, "place": place}


def left(home: Home, walk: dict) -> list[int]:
    """The places of those rows of which the rater has not rated every answer."""
    lacking = set(ratings.lacking(ratings.load(home, walk["name"]), walk["rater"]))
    return [place for place, index in enumerate(walk["rows"]) if index in lacking]


def is_hidden(home: Home, walk: dict | None) -> bool:
    """Whether who answered must not be told yet."""
    return bool(walk and walk["blind"] and left(home, walk))


def keep(home: Home, walk: dict, place, forms, whole: bool) -> None:
    """Keeps what the browser sends of a row, `{letter: {criterion: value, comment}}`, where it has changed.

    Raises InputError for what is wrong, and where the row is left (`whole`) for an answer that is rated by half.
    """
    if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(walk["rows"]):
        raise InputError("There is no such row: start anew.")
    letters, index, found, halves = walk["letters"][place], walk["rows"][place], {}, []
    for letter, values in forms.items() if isinstance(forms, dict) else ():
        if letter not in letters or not isinstance(values, dict):
            raise InputError("There is no such answer: start anew.")
        if set(CRITERIA) <= set(values):
            found[letters[letter], index] = rating_form.read(values)
        elif set(values) & set(CRITERIA) or values.get("comment"):
            halves.append(letter)
    kept = ratings.of_rater(ratings.load(home, walk["name"]), walk["rater"])
    new = {key: rating for key, rating in found.items() if kept.get(key) != rating}
    if new:
        ratings.rate(home, walk["name"], walk["rater"], new, is_hidden(home, walk))
    if whole and halves:
        who = ", ".join(halves if is_hidden(home, walk) else [letters[letter] for letter in halves])
        raise InputError(f"Rate {who} by all three criteria before you go on; what is whole is kept.")


def stepped(home: Home, walk: dict, place: int, go: int) -> tuple[dict, bool]:
    """The walk at another row, and whether it is at its end: behind the last row comes the first that is not rated whole."""
    place, last, lacking = place + go, len(walk["rows"]) - 1, left(home, walk)
    if place > last and lacking:
        return {**walk, "place": lacking[0]}, False
    return {**walk, "place": max(0, min(last, place))}, place > last


def said(home: Home, walk: dict) -> str:
    """How far the walk is, as HTML."""
    count, lacking = len(walk["rows"]), len(left(home, walk))
    words = f"Row {walk['place'] + 1:,} of {count:,}. {walk['rater']} has rated {count - lacking:,} of {count:,}."
    if walk["blind"]:
        words += " Names are shown when all are rated." if lacking else " All are rated, so names are shown."
    return f'<p role="status">{text(words)}</p>'


def shown(home: Home, walk: dict) -> str:
    """The row at which the walk is, with what the rater has said of it so far, as HTML."""
    found, place = ratings.load(home, walk["name"]), walk["place"]
    index, kept, hidden = walk["rows"][place], ratings.of_rater(found, walk["rater"]), is_hidden(home, walk)
    row = found.row(index)
    sections = []
    for letter, subject in walk["letters"][place].items():
        title = letter if hidden else f"{letter}: {subject}" if walk["blind"] else subject
        sections.append(_answer(letter, title, row["answers"][subject], kept.get((subject, index))))
    expected = f"<details><summary>Expected answer</summary><pre>{text(row['expected'])}</pre></details>"
    ahead = "Finish" if place == len(walk["rows"]) - 1 else "Next row"
    back = '<button type="button" data-go="-1">Row before</button>' if place else ""
    return (
        f'<form data-place="{place}" data-drawn="{time.time_ns()}"><div class="question">{text(row["question"])}</div>'
        f'{expected if row["expected"] else ""}<div class="answers">{"".join(sections)}</div>'
        f'<div class="ballot">{back}<button type="submit">{ahead}</button></div></form>'
    )


def _answer(letter: str, title: str, words: str, rating: Rating | None) -> str:
    groups = "".join(_group(letter, name, rating and getattr(rating, name)) for name in CRITERIA)
    comment = text(rating.comment if rating else "")
    box = f'<textarea rows="2" maxlength="{rating_form.LONGEST_COMMENT}">{comment}</textarea>'
    return (
        f'<section data-letter="{letter}" aria-label="{text(title)}"><h3>{text(title)}</h3>'
        f'<div class="answer">{text(words)}</div>{groups}<label class="comment">Comment {box}</label></section>'
    )


def _group(letter: str, name: str, value: float | None) -> str:
    marks = "".join(
        f'<label><input type="radio" name="{letter}-{name}" data-criterion="{name}" value="{mark}"'
        f"{' checked' if mark == value else ''}> {mark}</label>"
        for mark in VALUES
    )
    return f"<fieldset><legend>{CRITERIA[name]}</legend>{marks}</fieldset>"
