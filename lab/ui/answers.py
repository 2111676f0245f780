"""Answers side by side, as one piece of HTML: whatever changes, the page gets the whole of it.

Gradio loses updates that reach several parts within milliseconds, and base and adapters answer in one batch. One part
that always stands in the page and always gets all that is known cannot show half of an answer.
"""

from dataclasses import dataclass, field

from lab import blind, marks
from lab.answered import Answer, Record
from lab.ui.look import text

# A vote and a copied prompt; where the browser gives no clipboard, the prompt is marked for the user to copy.
CLICKS = """element.addEventListener("click", async event => {
  const vote = event.target.closest("[data-vote]"), copy = event.target.closest("[data-copy]");
  if (vote) trigger("click", {vote: vote.dataset.vote});
  if (!copy) return;
  const prompt = copy.parentElement.querySelector("pre");
  try {
    await navigator.clipboard.writeText(prompt.textContent);
    copy.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(prompt);
    copy.textContent = "Marked: copy it";
  }
});"""


@dataclass(frozen=True)
class Column:
    """What stands in a column: a title, what was said before in a chat, and the answer so far."""

    title: str
    output: str = ""
    turns: list[str] = field(default_factory=list)  # of a chat: user, model, user …
    answer: Answer | None = None  # once it is complete
    reads_label: bool = False
    right: bool | None = None
    expected: str | None = None
    special: list[str] = field(default_factory=list)  # special tokens of the base


def of_record(record: Record, special: dict[str, list[str]], titles: dict[str, str] | None = None) -> list[Column]:
    """The columns of a record: in its order, or in that of `titles` (subject → title)."""
    titles = titles or {name: name for name in record.given.names}
    made = {answer.subject: answer for answer in record.answers}
    return [
        Column(
            title,
            made[name].output if name in made else "",
            record.turns.get(name, []),
            made.get(name),
            record.reads_label,
            record.right(made[name]) if name in made else None,
            record.expected,
            special.get(name, []),
        )
        for name, title in titles.items()
    ]


def side_by_side(said: str, columns: list[Column], below: str = "") -> str:
    """The line about all of them, the columns, and what stands below them (HTML)."""
    inner = "".join(_column(column) for column in columns)
    return f'<p role="status">{text(said)}</p><div class="answers">{inner}</div>{below}'


def ballot(letters: list[str]) -> str:
    """The buttons of a blind vote."""
    words = {**{letter: f"{letter} is best" for letter in letters}, blind.TIE: "A tie", blind.NONE: "None is good"}
    if len(letters) == 1:
        words = {letters[0]: f"{letters[0]} is good", blind.NONE: "It is not good"}
    buttons = "".join(f'<button type="button" data-vote="{text(vote)}">{text(x)}</button>' for vote, x in words.items())
    return f'<div class="ballot" role="group" aria-label="Your vote">{buttons}</div>'


def _column(column: Column) -> str:
    turns = "".join(_turn(i, words) for i, words in enumerate(column.turns))
    parts = [f"<h3>{text(column.title)}</h3>", turns, f'<div class="answer">{text(column.output)}</div>']
    if column.answer:
        parts.append(_chips(column))
        if column.answer.label_probabilities:
            parts.append(_chances(column.answer.label_probabilities))
        parts.append(f'<p class="count">{text(_counted(column.answer))}</p>')
        parts.append(_prompt(column))
    return f'<section aria-label="{text(column.title)}">{"".join(parts)}</section>'


def _turn(number: int, words: str) -> str:
    who, kind = ("Model", "model") if number % 2 else ("You", "user")
    return f'<div class="turn {kind}"><span class="who">{who}:</span> {text(words)}</div>'


def _chips(column: Column) -> str:
    """Label or invalid, right or wrong, where that is known; told by words and signs, the colour comes on top."""
    chips = []
    if column.reads_label:
        label = column.answer.label
        chips.append(("plain", f"Label: {label}") if label is not None else ("bad", "⚠ Invalid: no label of the task"))
    if column.right is not None:
        expected = f": expected {column.expected}"
        chips.append(("good", "✓ Right") if column.right else ("bad", f"✗ Wrong{expected}"))
    return f'<p class="chips">{"".join(chip(*one) for one in chips)}</p>' if chips else ""


def chip(kind: str, words: str) -> str:
    return f'<span class="chip {kind}">{text(words)}</span>'


def _chances(chances: dict[str, float]) -> str:
    """Label probabilities as a table with bars, the highest first."""
    rows = [
        f'<tr><th scope="row">{text(label)}</th><td><span class="bar" style="width: {min(1, max(0, p)):.1%}"></span></td><td>{p:.4f}</td></tr>'
        for label, p in sorted(chances.items(), key=lambda pair: -pair[1])
    ]
    return f'<table class="lab-table"><caption>Label probabilities</caption>{"".join(rows)}</table>'


def _counted(answer: Answer) -> str:
    tokens, seconds = answer.tokens, answer.seconds
    about = ", label probabilities included" if answer.label_probabilities else ""
    words = "token" if tokens == 1 else "tokens"
    return f"{tokens:,} {words} in {seconds:.2f} s{about}: {tokens / max(seconds, 1e-9):.1f} a second."


def _prompt(column: Column) -> str:
    pieces = "".join(
        f'<span class="special">{text(piece)}</span>' if is_special else text(piece)
        for piece, is_special in marks.special_pieces(column.special, column.answer.prompt)
    )
    about = " (special tokens are framed)" if 'class="special"' in pieces else ""
    return (
        f"<details><summary>Exact prompt{about}</summary>"
        f'<button type="button" data-copy>Copy the prompt</button><pre>{pieces}</pre></details>'
    )
