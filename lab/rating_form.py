"""A person's rating of an answer, and the JSON form in which ratings are handed on: a list, a mapping for each rated row.

`[{"index": 0, "grammatical_correctness": 1, "coherence": 0.5, "correctness_of_answer": 0, "comment": ""}, …]`; an index is
the number of a row in its set. A mapping that holds such a list under `ratings` is read as well.
"""

import json
from collections.abc import Collection

from pydantic import Field

from lab.errors import InputError
from lab.task import Strict

CRITERIA = {
    "grammatical_correctness": "Grammatical correctness",
    "coherence": "Coherence",
    "correctness_of_answer": "Correctness of the answer",
}
VALUES = (0, 0.5, 1)
LONGEST_COMMENT = 5000  # letters
LONGEST = 5_000_000  # letters of all of it


class Rating(Strict):
    """What a rater says of one answer. To be made by `read`, which looks at the values."""

    grammatical_correctness: float
    coherence: float
    correctness_of_answer: float
    comment: str = Field("", max_length=LONGEST_COMMENT)

    @property
    def marks(self) -> list[float]:
        """The values in the order of `CRITERIA`."""
        return [getattr(self, name) for name in CRITERIA]


def read(values: dict) -> Rating:
    """A rating from plain values. Raises InputError with all that is wrong with them."""
    if problems := _problems(values):
        raise InputError("\n".join(problems))
    return Rating(**values)


def _problems(values: dict) -> list[str]:
    found = []
    for name in CRITERIA:
        value = values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or value not in VALUES:
            found.append(f"{name}: write 0, 0.5 or 1, not {json.dumps(value, ensure_ascii=False, default=str)[:40]}.")
    comment = values.get("comment", "")
    if not isinstance(comment, str) or len(comment) > LONGEST_COMMENT:
        found.append(f"comment: a text of at most {LONGEST_COMMENT:,} letters.")
    found += [f"{str(name)[:40]!r} is no criterion." for name in values if name not in (*CRITERIA, "comment")]
    return found


def parse(text: str, known: Collection[int]) -> dict[int, Rating]:
    """Ratings by index from the JSON form; `known` are the indices there are. Raises InputError with all problems at once."""
    try:
        content = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError) as error:
        raise InputError("The ratings are no JSON.") from error
    if isinstance(content, dict):
        content = content.get("ratings")
    if not isinstance(content, list) or not content:
        raise InputError("Ratings are a JSON list with a mapping for each rated row.")
    found, problems = {}, []
    for place, entry in enumerate(content, 1):
        values = dict(entry) if isinstance(entry, dict) else {}
        index = values.pop("index", None)
        if isinstance(index, bool) or not isinstance(index, int) or index not in known:
            problems.append(f"Entry {place}: there is no row with the index {json.dumps(index, default=str)[:40]}.")
        elif index in found:
            problems.append(f"Entry {place}: the index {index} stands there twice.")
        if "comment" in values and values["comment"] is None:  # as others write that there is none
            values["comment"] = ""
        wrong = _problems(values)
        problems += [f"Entry {place}: {problem}" for problem in wrong]
        if not wrong and isinstance(index, int):
            found.setdefault(index, Rating(**values))
    if problems:
        raise InputError("\n".join(problems[:50] + ["…"] * (len(problems) > 50)))
    return found


def listed(ratings: dict[int, Rating]) -> list[dict]:
    """Ratings in the JSON form, by index; whole values without a point."""
    return [{"index": index, **_plain(ratings[index])} for index in sorted(ratings)]


def _plain(rating: Rating) -> dict:
    marks = {name: int(x) if x == int(x) else x for name, x in zip(CRITERIA, rating.marks, strict=True)}
    return {**marks, "comment": rating.comment}
