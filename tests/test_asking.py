"""What is put to subjects side by side, from what stands in the controls or in a list of prompts."""

import pytest
from test_page_compare import TASK

from lab import asking
from lab.answered import Given
from lab.chat import MOST_TURNS, Chat
from lab.config import Decoding
from lab.errors import InputError
from lab.prompt_lists import Prompt
from lab.task import Task


def asked(home, way="text", before=None, **changes):
    return asking.look_up(home, Given(**{"names": ["base"], "way": way, "text": "A day.", **changes}), before)


def test_a_row_has_an_expected_answer(home):
    row = asked(home, "row", row=871)
    assert (row.task.name, row.reads_label, row.given.decoding.max_new_tokens) == ("sentiment", True, 16)
    assert row.expected in row.task.names
    assert row.said == f"The row's label is {row.expected}."
    first = asked(home, "row", split="train")
    assert first.words != asked(home, "row", split="validation").words
    for wrong in ({"row": 872}, {"split": "../x"}, {"split": "nothing"}, {"dataset": "gone"}, {"dataset": "../x"}):
        with pytest.raises(InputError):
            asked(home, "row", **wrong)
    assert asking.splits_of(home, ["base"])[:2] == ["validation", "train"]


def test_a_text_goes_through_the_task_and_a_raw_prompt_as_it_is(home):
    text = asked(home)
    assert (text.question, text.expected, text.said) == ({"text": "A day."}, None, "")
    raw = asked(home, "raw")
    assert (raw.question, raw.reads_label, raw.given.decoding.max_new_tokens) == ("A day.", False, 256)
    for way in ("raw", "chat"):
        with pytest.raises(InputError, match="Decoding by labels"):
            asked(home, way, decoding=Decoding(mode="labels"))


def test_every_subject_goes_on_with_its_own_conversation(home):
    before = {"base": ["Hello.", "Hi!"], "base:tiny-llama": ["Hello.", "Good day."]}
    chat = asked(home, "chat", before, names=list(before), system="Be kind.")
    assert chat.question == {name: Chat("Be kind.", [*turns, "A day."]) for name, turns in before.items()}
    assert chat.turns == {name: [*turns, "A day."] for name, turns in before.items()}
    for wrong in ([], ["a", "b"], ["a"] * (MOST_TURNS + 2), ["x" * 100_001], [1], "a"):
        with pytest.raises(InputError):
            Chat("", wrong)


def test_a_prompt_of_a_list_and_back(home):
    known = asking.of_prompt(home, ["base"], Prompt(text="A day.", expected='"Positive."'), Decoding())
    assert known.expected == "positive"  # as the task reads it
    assert asking.to_prompt(known) == Prompt(text="A day.", expected="positive")
    raw = asking.of_prompt(home, ["base"], Prompt(way="raw", text="Once", expected="upon"), Decoding())
    assert (raw.question, raw.expected) == ("Once", "upon")
    assert asking.to_prompt(raw) == Prompt(way="raw", text="Once", expected="upon")
    row = asking.to_prompt(asked(home, "row", row=3))
    assert row.expected == asked(home, "row", row=3).expected
    assert asking.to_prompt(asked(home), " negative ").expected == "negative"
    with pytest.raises(InputError, match="A chat cannot be put into a list"):
        asking.to_prompt(asked(home, "chat"))
    with pytest.raises(InputError, match="1,000 letters"):
        asking.to_prompt(asked(home), "x" * 1001)


def test_other_columns_of_a_row_are_shown_by_name():
    task = Task(name="t", prompt="$text $speaker $text $gone", labels=TASK["labels"])
    assert asking.asked_text(task, {"text": "Hello.", "speaker": "Ann", "id": 7}) == "Hello.\nspeaker: Ann"
