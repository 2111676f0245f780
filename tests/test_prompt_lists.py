"""Lists of prompts: kept in the home, under names that are no paths."""

import pytest

from lab import prompt_lists
from lab.errors import InputError
from lab.prompt_lists import Prompt


def test_a_list_is_made_filled_renamed_and_deleted(home):
    assert prompt_lists.listing(home) == []
    prompt_lists.create(home, "mine")
    found = prompt_lists.pasted("one\tfine\n\n  two  \nthree\t", "text")
    assert found == [Prompt(text="one", expected="fine"), Prompt(text="two"), Prompt(text="three")]
    assert prompt_lists.add(home, "mine", found) == 3
    whole = Prompt(text="A day.", columns={"speaker": "Ann"}, expected="fine")
    raw = Prompt(way="raw", text="Once\nupon")
    assert prompt_lists.add(home, "mine", [found[0], whole, raw, raw]) == 2  # what stands there already is left out
    prompt_lists.remove(home, "mine", 2)
    assert prompt_lists.load(home, "mine") == [found[0], found[2], whole, raw]
    prompt_lists.rename(home, "mine", "yours")
    assert prompt_lists.listing(home) == ["yours"]
    assert len(prompt_lists.load(home, "yours")) == 4
    prompt_lists.delete(home, "yours")
    assert prompt_lists.listing(home) == []


def test_what_cannot_be_is_refused_and_changes_nothing(home):
    prompt_lists.create(home, "mine")
    prompt_lists.create(home, "other")
    for wrong in ("../x", "a/b", "Ä", "", None, ".guard", "x" * 65):
        with pytest.raises(InputError):
            prompt_lists.create(home, wrong)
        with pytest.raises(InputError):
            prompt_lists.rename(home, "mine", wrong)
        with pytest.raises(InputError):
            prompt_lists.load(home, wrong)
    for call in (
        lambda: prompt_lists.create(home, "mine"),
        lambda: prompt_lists.rename(home, "mine", "other"),
        lambda: prompt_lists.rename(home, "gone", "new"),
        lambda: prompt_lists.load(home, "gone"),
        lambda: prompt_lists.add(home, "gone", [Prompt(text="x")]),
        lambda: prompt_lists.remove(home, "mine", 1),
        lambda: prompt_lists.remove(home, "mine", "1"),
        lambda: prompt_lists.pasted(" \n\t\n", "text"),
        lambda: prompt_lists.pasted("x", "a file"),
        lambda: prompt_lists.pasted("x" * (prompt_lists.LONGEST + 1), "text"),
        lambda: prompt_lists.add(home, "mine", [Prompt(text=str(i)) for i in range(prompt_lists.MOST_PROMPTS + 1)]),
        lambda: prompt_lists.add(home, "mine", [Prompt(text=f"{i}" + "x" * 99_000) for i in range(21)]),
    ):
        with pytest.raises(InputError):
            call()
    assert prompt_lists.listing(home) == ["mine", "other"]
    assert prompt_lists.load(home, "mine") == []


def test_a_list_that_was_edited_by_hand_and_is_broken_says_so(home):
    prompt_lists.create(home, "mine")
    for line in ('{"text": 1}', '{"txt": "a"}', "[1", '"x"'):
        (home.prompts / "mine.jsonl").write_text(line + "\n")
        with pytest.raises(InputError, match="The list mine is broken"):
            prompt_lists.load(home, "mine")
