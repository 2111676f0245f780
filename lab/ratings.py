"""Sets of answers that people rate, and their ratings: `ratings/<name>/set.json` and `raters/<rater>.json` in it.

A set holds the answers themselves, so that all raters judge the same texts whatever becomes of their subjects.
"""

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from lab import asking, comparison, evaluations, rating_form
from lab.answered import Record
from lab.comparison import Comparison
from lab.errors import InputError
from lab.home import Home, check_id, guard, inside, newest_first, next_id, read_json, write_json
from lab.rating_form import Rating
from lab.rating_scores import AVERAGES, Ratings, scores, summary
from lab.staging import staged

ROWS = 27  # of a set, by default
MOST_ROWS = 1000
MOST_SUBJECTS = 20  # a blind rater sees each behind a letter
ASKED = "asked"  # the set of what was asked in the Generate tab and then rated
CONTENT = "set.json"


@dataclass(frozen=True)
class RatingSet:
    """Answers to be rated. `rows`: `{index, question, expected, answers: {subject: text}}`, by index, which is the place."""

    name: str
    folder: Path
    about: dict
    rows: list[dict]

    @property
    def subjects(self) -> list[str]:
        return list(dict.fromkeys(subject for row in self.rows for subject in row["answers"]))

    @property
    def answers(self) -> int:
        return sum(len(row["answers"]) for row in self.rows)

    def row(self, index: int) -> dict:
        """Raises InputError when there is no such row."""
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(self.rows):
            raise InputError(f"The set {self.name} has the rows 0 to {len(self.rows) - 1}.")
        return self.rows[index]

    def check(self, subject: str, index: int) -> None:
        """Raises InputError when the set has no such answer."""
        if subject not in (there := self.row(index)["answers"]):
            raise InputError(f"Row {index} of {self.name} has no answer of {subject!r}, but of {', '.join(there)}.")

    def indices(self, subject: str) -> list[int]:
        """The rows that a subject has answered. Raises InputError when there are none."""
        found = [row["index"] for row in self.rows if subject in row["answers"]]
        if not found:
            raise InputError(f"The set {self.name} has no answers of {subject!r}, but of {', '.join(self.subjects)}.")
        return found


# -- sets ----------------------------------------------------------------------------------------------------------------


def listing(home: Home) -> list[str]:
    """The names of all sets, newest first; of the one that grows, the last answer counts."""
    return newest_first(home.ratings, CONTENT)


def load(home: Home, name: str) -> RatingSet:
    """Raises InputError when there is no such set."""
    folder = inside(home.ratings, name, "The rating set")
    content = read_json(folder / CONTENT)
    if content is None:
        raise InputError(f"There is no rating set {name!r}; there are: {', '.join(listing(home)) or 'none'}.")
    return RatingSet(name, folder, content["about"], content["rows"])


def wanted(subjects: list[str], rows: int = ROWS, **options) -> Comparison:
    """What a set is made of: the answers of subjects to the first rows of a split. `options` as for a comparison."""
    if isinstance(rows, bool) or not isinstance(rows, int) or not 1 <= rows <= MOST_ROWS:
        raise InputError(f"A rating set has 1 to {MOST_ROWS:,} rows.")
    if len(subjects) > MOST_SUBJECTS:
        raise InputError(f"A rating set has at most {MOST_SUBJECTS} subjects.")
    return Comparison(subjects=list(dict.fromkeys(subjects)), rows=rows, probabilities=False, **options)


def known(home: Home, asked: Comparison) -> list[evaluations.Evaluation | None]:
    """The kept evaluations that hold the answers, of these rows alone or of the whole split; None where they are missing."""
    found = comparison.known(home, asked)
    if all(found):
        return found
    whole = comparison.known(home, asked.model_copy(update={"rows": None}))
    return [one or other for one, other in zip(found, whole, strict=True)]


def create(home: Home, asked: Comparison, name: str | None = None) -> RatingSet:
    """Makes a set of answers that were made before. Raises InputError when some are missing or the name is taken."""
    if name is not None and check_id(name, "The rating set") == ASKED:
        raise InputError(f"The set {ASKED} is that of the Generate tab; choose another name.")
    kept = known(home, asked)
    if missing := [subject for subject, one in zip(asked.subjects, kept, strict=True) if one is None]:
        raise InputError(f"Not all rows were put to {', '.join(missing)} yet: evaluate first.")
    content = {"about": _about(asked, kept), "rows": _rows(home, asked, kept)}
    with guard(home.ratings):
        name = name or next_id(home.ratings, "rating")
        if (home.ratings / name).exists():
            raise InputError(f"There is a rating set {name!r} already; choose another name.")
        with staged(home.ratings / name) as folder:
            write_json(folder / CONTENT, content)
    return load(home, name)


def _about(asked: Comparison, kept: list[evaluations.Evaluation]) -> dict:
    first = kept[0].request
    return {
        "made": time.time(),
        **{key: first["info"][key] for key in ("task", "dataset", "split")},
        "decoding": first["decoding"],
        "evaluations": {subject: one.id for subject, one in zip(asked.subjects, kept, strict=True)},
    }


def _rows(home: Home, asked: Comparison, kept: list[evaluations.Evaluation]) -> list[dict]:
    question = comparison.look_up(home, asked).questions[0]
    said = [one.predictions[: asked.rows] for one in kept]
    if len({tuple(p["key"] for p in predictions) for predictions in said}) > 1:
        raise InputError(
            "These subjects were asked different rows; name the rows for all of them with --dataset and --split."
        )
    return [
        {
            "index": index,
            "question": asking.asked_text(question.task, row),
            "expected": answers[0].get("target", answers[0]["gold"]),
            "answers": {subject: answer["answer"] for subject, answer in zip(asked.subjects, answers, strict=True)},
        }
        for index, (row, answers) in enumerate(zip(question.rows, zip(*said, strict=True), strict=True))
    ]


def put_in(home: Home, record: Record) -> tuple[RatingSet, int]:
    """Puts what was asked in the Generate tab into the set `asked`, once; returns the set and the index of the row."""
    if any(len(turns) > 1 for turns in record.turns.values()):
        raise InputError("A chat of several turns cannot be rated: every subject was asked something else.")
    row = {"question": record.asked, "expected": record.expected}
    row |= {"answers": {answer.subject: answer.output for answer in record.answers}}
    row |= {"decoding": record.given.decoding.identity()}
    with guard(home.ratings):
        path = inside(home.ratings, ASKED, "The rating set") / CONTENT
        content = read_json(path) or {"about": {"made": time.time()}, "rows": []}
        same = (old["index"] for old in content["rows"] if {**old, "index": None} == {**row, "index": None})
        index = next(same, len(content["rows"]))
        if index == MOST_ROWS:
            raise InputError(f"The set {ASKED} has {MOST_ROWS:,} rows already: export its ratings, then delete it.")
        if index == len(content["rows"]):
            content["rows"].append({"index": index, **row})
            write_json(path, content)
    return load(home, ASKED), index


def delete(home: Home, name: str) -> None:
    """Removes a set with all its ratings."""
    with guard(home.ratings):
        shutil.rmtree(load(home, name).folder)


# -- ratings -------------------------------------------------------------------------------------------------------------


def raters(found: RatingSet) -> list[str]:
    return sorted(path.stem for path in (found.folder / "raters").glob("*.json") if not path.name.startswith("."))


def of_rater(found: RatingSet, rater: str) -> Ratings:
    """What a rater has said so far, by (subject, index)."""
    lines = read_json(_file(found, rater)) or []
    fields = Rating.model_fields
    return {(x["subject"], x["index"]): Rating(**{key: x[key] for key in fields}) for x in lines}


def rate(home: Home, name: str, rater: str, ratings: dict[tuple[str, int], Rating], blind: bool = False) -> RatingSet:
    """Keeps ratings of answers, each in place of the rater's own before. Raises InputError, with nothing kept, for an answer
    that is not there. `blind`: the rater did not see who had answered."""
    check_id(rater, "The rater")
    with guard(home.ratings):  # several pages may rate at once; each sees what the others have kept
        found = load(home, name)
        for subject, index in ratings:
            found.check(subject, index)
        path = _file(found, rater)
        lines = {(x["subject"], x["index"]): x for x in read_json(path) or []}
        for (subject, index), rating in ratings.items():
            about = {"subject": subject, "index": index, "blind": blind, "when": time.time()}
            lines[subject, index] = {**about, **rating.model_dump()}
        write_json(path, list(lines.values()))
    return found


def _file(found: RatingSet, rater: str) -> Path:
    return inside(found.folder / "raters", rater, "The rater", ".json")


def lacking(found: RatingSet, rater: str) -> list[int]:
    """The indices of the rows of which a rater has not rated every answer."""
    rated = of_rater(found, rater)
    return [row["index"] for row in found.rows if any((s, row["index"]) not in rated for s in row["answers"])]


def overview(home: Home, name: str) -> dict:
    """`{name, subjects, rows, answers, task, dataset, split, decoding, raters: {rater: answers rated}}`."""
    found = load(home, name)
    about = {key: found.about.get(key) for key in ("task", "dataset", "split", "decoding")}
    done = {rater: len(of_rater(found, rater)) for rater in raters(found)}
    sizes = {"rows": len(found.rows), "answers": found.answers}
    return {"name": name, "subjects": found.subjects, **sizes, **about, "raters": done}


def look(home: Home, name: str) -> dict:
    """The overview with what the ratings come to, see `rating_scores.summary`, and how many of them were given blind."""
    found = load(home, name)
    said = {rater: of_rater(found, rater) for rater in raters(found)}
    blind = {rater: sum(x["blind"] for x in read_json(_file(found, rater)) or []) for rater in said}
    return {**overview(home, name), "blind": blind, **summary(found.subjects, said)}


def take_in(home: Home, name: str, rater: str, subject: str, text: str) -> int:
    """Keeps ratings of one subject that come in the JSON form; returns how many. Raises InputError with all problems."""
    given = rating_form.parse(text, load(home, name).indices(subject))
    rate(home, name, rater, {(subject, index): rating for index, rating in given.items()})
    return len(given)


def handed_on(home: Home, name: str, rater: str, subject: str) -> dict:
    """A rater's ratings of one subject in the JSON form, `{name, rater, subject, ratings, average_…}`. Raises InputError when
    there are none."""
    found = load(home, name)
    indices, kept = found.indices(subject), of_rater(found, rater)
    said = {index: kept[subject, index] for index in indices if (subject, index) in kept}
    if not said:
        others = ", ".join(raters(found)) or "nobody"
        raise InputError(f"{rater} has rated no answer of {subject} in {name}; who has rated: {others}.")
    found_scores = scores([{(subject, index): rating for index, rating in said.items()}], subject)
    averages = {key: found_scores[key] for key in AVERAGES}
    return {"name": name, "rater": rater, "subject": subject, "ratings": rating_form.listed(said), **averages}


def as_files(found: dict) -> dict[str, str]:
    """What `handed_on` has found as texts of files, by what their names end in: the list, and its averages beside it."""
    averages = {key: found[key] for key in AVERAGES}
    contents = {".json": found["ratings"], "-averages.json": averages}
    return {end: json.dumps(content, ensure_ascii=False, indent=1) + "\n" for end, content in contents.items()}
