"""What stands in the controls of the Compare tab as a comparison, and what is known of it."""

from contextlib import suppress
from dataclasses import dataclass
from typing import get_args

from lab import comparison, data, scoreboard, subjects
from lab.comparison import Comparison
from lab.config import Decoding
from lab.errors import InputError
from lab.evaluations import Evaluation
from lab.home import Home
from lab.ui import offer

SPLITS = ["validation", "test", "train"]
MODES = list(get_args(Decoding.model_fields["mode"].annotation))
DECODINGS = [("the run's own", ""), *((mode, mode) for mode in MODES)]


@dataclass(frozen=True, eq=False)  # told apart by identity: Gradio hashes what a state holds
class Look:
    """What is known of a comparison. `objects` and `evaluations` are parallel; `shared` are the keys of their rows."""

    wanted: Comparison
    objects: list[dict]
    evaluations: list[Evaluation]
    shared: frozenset[str]
    notes: list[str]
    lacking: list[str]  # subjects that were not evaluated like this
    has_test: bool  # whether there are test rows to score on

    @property
    def names(self) -> list[str]:
        return [x["subject"] for x in self.objects]

    @property
    def labelled(self) -> list[str]:
        """The subjects in whose answers labels are read."""
        return [x["subject"] for x in self.objects if x["accuracy"] is not None]

    def one(self, name) -> tuple[dict, Evaluation]:
        """A subject's object and evaluation. Raises InputError for one that is not compared."""
        for found, evaluation in zip(self.objects, self.evaluations, strict=True):
            if found["subject"] == name:
                return found, evaluation
        raise InputError("Choose one of the subjects that are compared.")


def asked_for(names, split, decoding, probabilities) -> Comparison:
    """The comparison that stands in the controls. Raises InputError."""
    if split not in SPLITS or decoding not in ["", *MODES]:
        raise InputError(f"Rows are {', '.join(SPLITS)}; decodings are {', '.join(name for name, _ in DECODINGS)}.")
    settings = [f"mode={decoding}"] if decoding else []
    return Comparison(subjects=offer.taken(names), split=split, decoding=settings, probabilities=probabilities is True)


def controls_of(wanted: Comparison, choices: list[str]) -> tuple | None:
    """What the controls must say to ask for a comparison; None where they cannot, as for one of the command line."""
    mode = "".join(wanted.decoding).removeprefix("mode=")
    values = (wanted.subjects, wanted.split, mode, wanted.probabilities)
    with suppress(InputError):
        # Which metrics of texts a job counts is said elsewhere.
        if asked_for(*values) == wanted.model_copy(update={"metrics": None}) and set(wanted.subjects) <= set(choices):
            return values
    return None


def look_at(home: Home, wanted: Comparison, reference=None) -> Look:
    """What is known of a comparison; the reference is the first subject where the one chosen is not among them."""
    made = comparison.known(home, wanted)
    lacking = [name for name, one in zip(wanted.subjects, made, strict=True) if one is None]
    found = [one for one in made if one]
    has_test = wanted.split != "test" and _has_test(home, wanted.subjects)
    if not found:
        return Look(wanted, [], [], frozenset(), [], lacking, has_test)
    objects, notes = scoreboard.compare(found, reference if reference in [e.name for e in found] else None)
    for x in objects:
        if x.get("labels_left_out"):
            left_out = ", ".join(x["labels_left_out"])
            notes.append(f"{x['subject']}: F1 leaves out {left_out}, which no row and no answer has.")
    return Look(wanted, objects, found, scoreboard.shared_keys(found), notes, lacking, has_test)


def _has_test(home: Home, names: list[str]) -> bool:
    """Whether the first run's dataset, or the bundled one, has test rows."""
    with suppress(InputError):  # the dataset may have been deleted; a run keeps its own rows
        first = subjects.resolve(home, [next((name for name in names if name != "base"), "base")])[0]
        task = subjects.task_for(home, first, None)
        return "test" in data.load(home, subjects.dataset_for(home, first, task, None)).splits
    return False


def lacking_in_words(look: Look) -> str:
    """Who is to be evaluated first; nothing where nobody is."""
    if not look.lacking:
        return ""
    names = look.lacking
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    words = f"{listed} {'has' if len(names) == 1 else 'have'} not been evaluated like this yet: press Evaluate."
    if names == ["base"] and not look.objects:
        words += " Adapters that are trained show up here by themselves."
    return words
