"""What is done with texts of visitors takes time in proportion to them: no pattern tries the same letters over and over.

The former patterns say what comes out; that nothing is tried anew is seen where it was, on texts for which they took
minutes.
"""

import random
import re

import pytest

from lab import task
from lab.answered import on_one_line
from lab.errors import InputError
from lab.ui import access, look, task_values


def texts(letters: str, number: int = 3000) -> list[str]:
    chance = random.Random(letters)
    return ["".join(chance.choices(letters, k=chance.randrange(12))) for _ in range(number)]


def test_line_breaks_come_out_as_with_the_pattern_that_said_so():
    for text in texts("a \t\n\r\x0b\x1c\u2028"):
        assert on_one_line(text) == re.sub(r"\s*\n\s*", "<br>", text), repr(text)


def test_optional_parts_come_out_as_with_the_pattern_that_said_so():
    for text in texts("[[]]a\n"):
        assert task.optional_parts(text) == re.compile(r"\[\[(.*?)\]\]", re.DOTALL).split(text), repr(text)


def test_a_million_blanks_or_brackets_come_to_an_end():
    """With the patterns each of these took hours."""
    blanks = f"a{' ' * 1_000_000}b"
    assert look.plain(blanks) == on_one_line(blanks) == blanks
    assert on_one_line(" \n" * 500_000) == "<br>"
    for brackets in ("[" * 1_000_000, "[[" * 300_000 + "]", "]]" * 500_000, "${" * 500_000, "[[$a" * 250_000):
        assert task.fill(brackets, {}) == brackets


FORM = ["classify", "text", "label", None, "", "$text", [["a", "", "", ""], ["b", "", "", ""]], True, "auto", None]
INSTRUCTION, PROMPT, LABELS, READ = 4, 5, 6, 9


@pytest.mark.parametrize(("place", "named"), [(INSTRUCTION, "instruction"), (PROMPT, "prompt")])
def test_a_text_of_a_task_has_a_bound_on_the_server(monkeypatch, place, named):
    """A text box's own bound is one of the browser's alone."""
    task_values.parsed("new", tuple(FORM))
    long = "x" * (task.LONGEST + 1)
    with pytest.raises(InputError, match=rf"{named}: String should have at most 100000"):
        task.parse(f"{{name: a, kind: generate, target: b, {named}: {long}}}")
    monkeypatch.setattr(task_values.yaml, "safe_dump", lambda *_, **__: pytest.fail("much was done with it"))
    with pytest.raises(InputError, match=rf"{named}: this text has 100,001 letters, and at most 100,000 are taken"):
        task_values.parsed("new", (*FORM[:place], long, *FORM[place + 1 :]))


def test_all_labels_and_all_of_a_task_have_a_bound(monkeypatch):
    with pytest.raises(InputError, match="has more than 1,000,000 letters"):
        task.parse("#" * 1_000_001)
    labels = [[f"label {i}", "x" * 90_000, "", ""] for i in range(12)]
    monkeypatch.setattr(task_values.yaml, "safe_dump", lambda *_, **__: pytest.fail("much was done with it"))
    with pytest.raises(InputError, match="labels: all of them together have more than 1,000,000 letters"):
        task_values.parsed("new", (*FORM[:LABELS], labels, *FORM[LABELS + 1 :]))


def test_the_name_of_a_model_is_not_repeated_when_it_is_long():
    with pytest.raises(InputError, match=r"^The name of the base model is longer than 300 letters") as said:
        access.model_id("a" * 100_000)
    assert len(str(said.value)) < 200


def test_labels_that_are_lists_are_refused_in_a_sentence():
    """Python's own error for them went through."""
    with pytest.raises(InputError, match="the task has problems"):
        task.parse("{name: a, labels: [{name: x, merge: [[1]]}, {name: y}]}")
    with pytest.raises(InputError, match="the task has problems"):
        task.parse("{name: a, labels: [{name: [x], merge: [y]}, {name: y}]}")
