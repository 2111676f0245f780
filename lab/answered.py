"""What was asked and answered, as plain records: how an answer is read, and the records as JSON lines and Markdown."""

import json
import re
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field, ValidationError

from lab.config import Decoding
from lab.metrics import numbers
from lab.task import Strict

LONGEST = 200_000  # letters of a text in a record
MOST_ANSWERS = 5

WAYS = Literal["row", "text", "raw", "chat"]


class Given(Strict):
    """What stood in the controls, so that it can be put there again. `dataset` is empty for the run's own rows."""

    names: list[str] = Field(min_length=1, max_length=MOST_ANSWERS)
    way: WAYS
    dataset: str = Field("", max_length=100)
    split: str = Field("validation", max_length=100)
    row: int = Field(0, ge=0)
    text: str = Field("", max_length=LONGEST)  # of the way chosen; the message of a chat
    system: str = Field("", max_length=LONGEST)
    decoding: Decoding = Decoding()


class Answer(Strict):
    """What one subject answered, as `SideBySide.answer` gives it."""

    subject: str = Field(max_length=300)
    prompt: str = Field("", max_length=LONGEST)
    output: str = Field(max_length=LONGEST)
    label: str | None = None
    label_probabilities: dict[str, float] | None = None
    seconds: float = Field(0, ge=0)
    tokens: int = Field(0, ge=0)


class Record(Strict):
    """One question and what was answered. `expected` is the row's or the user's own answer, where it is known."""

    when: float  # seconds since 1970
    given: Given
    asked: str = Field(max_length=LONGEST)  # the question in words
    said: str = Field("", max_length=LONGEST)  # the line above the answers
    reads_label: bool = False
    expected: str | None = None
    answers: list[Answer] = Field([], max_length=MOST_ANSWERS)
    turns: dict[str, list[str]] = {}  # of a chat: what was said before these answers, by subject

    def right(self, answer: Answer) -> bool | None:
        """Whether an answer is the expected one; None where that is not known.

        A text must be the expected one word by word, which nobody asks of a row's own long answer.
        """
        if self.expected is None or (self.given.way == "row" and not self.reads_label):
            return None
        if self.reads_label:
            return answer.label == self.expected
        return _words(answer.output) == _words(self.expected)


def _words(text: str) -> str:
    return " ".join(text.split()).casefold()


def read(content) -> Record | None:
    """A record from plain values that may come from anywhere; None when they are none."""
    try:
        return Record.model_validate(content)
    except ValidationError:
        return None


def answer_of(event: dict) -> Answer:
    """An answer as `SideBySide.answer` gives it."""
    values = {key: event[key] for key in Answer.model_fields}
    values["label_probabilities"] = numbers(values["label_probabilities"])
    for key in ("prompt", "output"):
        values[key] = values[key][:LONGEST]
    return Answer(**values)


# -- as files --------------------------------------------------------------------------------------------------------


def jsonl(records: list[Record]) -> str:
    """A line for each answer, with the question, the expected answer and the decoding."""
    return "".join(json.dumps(_line(x, answer), ensure_ascii=False) + "\n" for x in records for answer in x.answers)


def _line(record: Record, answer: Answer) -> dict:
    given = record.given
    row = {"dataset": given.dataset or None, "split": given.split, "row": given.row} if given.way == "row" else {}
    before = {"turns": record.turns.get(answer.subject, [])} if given.way == "chat" else {}
    return {
        "asked_at": datetime.fromtimestamp(record.when, UTC).isoformat(timespec="seconds"),
        "asked_with": given.way,
        **row,
        "text": record.asked,
        **before,
        **answer.model_dump(),
        "expected": record.expected,
        "right": record.right(answer),
        "decoding": given.decoding.model_dump(),
    }


def markdown(records: list[Record]) -> str:
    """A section for each question: the question as it was, and a table of the answers."""
    return "\n".join(_section(record) for record in records)


def _section(record: Record) -> str:
    when = datetime.fromtimestamp(record.when, UTC)
    ways = {"row": "A row of the data", "text": "A text", "raw": "A raw prompt", "chat": "A chat"}
    lines = [f"## {ways[record.given.way]}, {when:%Y-%m-%d %H:%M} UTC", "", fenced(record.asked), ""]
    if record.expected is not None:
        lines += [f"Expected: {cell(record.expected)}", ""]
    lines += ["| subject | answer | label | right | tokens | seconds |", "|---|---|---|---|---:|---:|"]
    for answer in record.answers:
        label = (answer.label or "invalid") if record.reads_label else ""
        right = {True: "✓ right", False: "✗ wrong", None: ""}[record.right(answer)]
        cells = [answer.subject, answer.output, label, right, answer.tokens, f"{answer.seconds:.2f}"]
        lines.append(f"| {' | '.join(map(cell, cells))} |")
    sampled = ", ".join(
        f"{key} {value}" for key, value in record.given.decoding.identity().items() if value is not None
    )
    return "\n".join([*lines, "", f"Decoding: {cell(sampled)}", ""])


def fenced(text: str) -> str:
    """A text as a block that shows just this text, whatever stands in it."""
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def cell(value) -> str:
    """A text in a table of Markdown: no markup comes of it, and its line breaks stay."""
    return on_one_line(re.sub(r"([\\`*_{}\[\]<>()#+!|~$&-])", r"\\\1", str(value).strip()))


def on_one_line(text: str) -> str:
    """A text whose line breaks, with the blanks around them, are spelled as Markdown has them within a line.

    Blanks are looked at once each: a pattern with a line break in their midst tries them anew from every one of them.
    """
    return re.sub(r"\s+", lambda blanks: "<br>" if "\n" in blanks[0] else blanks[0], text)
