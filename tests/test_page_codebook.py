"""The codebook editor in a real browser: labels moved, removed, merged and taken back; the prompt's marks; versions."""

import pytest
from browser import choose
from test_page_dataset import HOSTILE, cell, prompt_of, write_cell
from waiting import until

from lab import tasks, versions
from lab.home import Home
from lab.task import Task


@pytest.fixture
def editor(page, served):
    """The editor with the bundled task of seven labels with long definitions."""
    page.goto(served.url)
    until(lambda: prompt_of(page))
    choose(page, "Dataset", "town-hall")
    until(lambda: "- heatedly in favour: The speaker" in prompt_of(page))
    until(lambda: page.get_by_label("Chosen label").input_value().startswith("1. heatedly"))
    return page


def labels_in_prompt(page) -> list[str]:
    return [line[2:].partition(":")[0] for line in prompt_of(page).splitlines() if line.startswith("- ")]


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def balance_of(page, label: str) -> list[str]:
    """The cells of a label's line in the table of what merging does."""
    row = page.locator(".balance tr", has=page.locator("th", has_text=label)).first
    return [" ".join(text.split()) for text in row.locator("th, td").all_inner_texts()]


@pytest.mark.long
def test_labels_are_moved_removed_and_brought_back(editor):
    start = labels_in_prompt(editor)

    def is_chosen() -> bool:  # on a busy machine the table may still be drawn anew, which takes a choice back
        cell(editor, 2, 0).click()
        cell(editor, 1, 0).click()
        editor.wait_for_timeout(2000)
        return editor.get_by_label("Chosen label").input_value() == "2. calmly in favour"

    until(is_chosen)
    press(editor, "Move up")
    until(lambda: labels_in_prompt(editor) == [start[1], start[0], *start[2:]])
    assert editor.get_by_label("Chosen label").input_value() == "1. calmly in favour"
    editor.get_by_role("button", name="Remove", exact=True).focus()
    editor.keyboard.press("Enter")
    editor.get_by_text("Removed “calmly in favour”. Undo brings it back.").first.wait_for()
    until(lambda: labels_in_prompt(editor) == [start[0], *start[2:]])
    editor.get_by_text("The rows have the label 'calmly in favour', which the task does not know").wait_for()
    until(lambda: "not in the task" in balance_of(editor, "calmly in favour")[0])
    press(editor, "Undo")
    until(lambda: labels_in_prompt(editor) == [start[1], start[0], *start[2:]])
    press(editor, "Undo")
    until(lambda: labels_in_prompt(editor) == start)

    definition = editor.get_by_label("Definition", exact=True)
    choose(editor, "Chosen label", "7. not sure")
    until(lambda: definition.input_value().startswith("Either the speaker cannot decide"))
    definition.fill("Nobody can tell.")
    until(lambda: "- not sure: Nobody can tell." in prompt_of(editor))
    press(editor, "Add a label")
    until(lambda: editor.get_by_label("Chosen label").input_value() == "8. without a name")
    editor.get_by_label("Label as in the data").fill("off topic")
    until(lambda: labels_in_prompt(editor)[-1] == "off topic")
    editor.get_by_text("No row has the label 'off topic'.").wait_for()


@pytest.mark.long
def test_marks_in_the_prompt_differ_in_more_than_colour(editor):
    pre = editor.locator("pre.prompt-text")
    assert pre.locator(".special").all_inner_texts() == ["<s>", "</s>"]
    assert [x.strip() for x in pre.locator(".format").all_inner_texts()][:2] == ["<s>", "[INST] <<SYS>>"]
    assert pre.locator("mark.trained").inner_text() == " calmly in favour</s>"
    legend = editor.get_by_role("list", name="Marks in the prompt")
    assert legend.get_by_role("listitem").all_inner_texts() == [
        "shared by all rows",
        "trained",
        "special token",
        "written by the format",
    ]
    look = (
        "e => { const s = getComputedStyle(e); return [s.outlineStyle, s.textDecorationLine, s.fontWeight].join(' ') }"
    )
    looks = [legend.locator(f".{kind}").evaluate(look) for kind in ("shared", "trained", "special", "format")]
    assert len(set(looks)) == 4
    editor.get_by_label("Definition", exact=True).evaluate("e => e.scrollIntoView({block: 'end'})")
    until(lambda: 0 <= editor.locator(".block.exact-prompt").bounding_box()["y"] < 500)  # it stays in sight
    assert editor.locator(".block.exact-prompt").evaluate(
        "e => e.scrollHeight > e.clientHeight && e.clientHeight < 700"
    )


@pytest.mark.long
def test_from_a_merge_to_versions_compared_restored_and_deleted(editor, served):
    home = Home.at(served.home)
    choose(editor, "Merge into", "calmly in favour")
    until(lambda: balance_of(editor, "calmly in favour") == ["calmly in favour", "24", "33 (29%)"])
    assert balance_of(editor, "heatedly in favour") == ["heatedly in favour", "9", "→ calmly in favour"]
    editor.get_by_text("a task keeps no definition or aliases of it").first.wait_for()
    assert editor.get_by_label("Save as").input_value() == "town-hall-2"
    press(editor, "Save task")
    editor.get_by_text("Press “Save task” again to save without.").first.wait_for()
    assert "town-hall-2" not in tasks.listing(home)
    press(editor, "Save task")
    editor.get_by_text("Saved the task town-hall-2 as version 1.").first.wait_for()
    kept = tasks.load(home, "town-hall-2")
    assert (kept.names[0], kept.labels[0].merge, len(kept.labels)) == ("calmly in favour", ["heatedly in favour"], 6)

    editor.get_by_label("Instruction").fill("Say one word.\n$labels")
    editor.locator(".difference ins", has_text="Say one word.").wait_for()
    until(lambda: "Say one word." in prompt_of(editor))
    press(editor, "Save task")
    editor.get_by_text("Saved the task town-hall-2 as version 2.").first.wait_for()
    until(lambda: editor.locator(".versions tbody tr").count() == 2)
    assert "instruction" in editor.locator(".versions tbody tr").first.inner_text()
    editor.get_by_text("From version 2 to what stands in the editor: no difference.").wait_for()
    choose(editor, "Version", "Version 1")
    editor.get_by_text("From version 1 to what stands in the editor: instruction.").wait_for()
    press(editor, "Restore into the editor")
    until(lambda: "You read what people said" in prompt_of(editor))
    assert len(versions.listing(home, "town-hall-2")) == 2  # nothing is saved yet
    press(editor, "Save task")
    editor.get_by_text("Saved the task town-hall-2 as version 3.").first.wait_for()

    press(editor, "Delete task")
    editor.get_by_text("This deletes town-hall-2 with its 3 versions").first.wait_for()
    assert "town-hall-2" in tasks.listing(home)
    press(editor, "Delete task")
    editor.get_by_text("Deleted the task town-hall-2.").first.wait_for()
    assert "town-hall-2" not in tasks.listing(home)


@pytest.mark.long
def test_edits_that_were_not_saved_can_be_brought_back(editor):
    back = editor.get_by_role("button", name="Bring back the unsaved edits of town-hall")
    choose(editor, "Task", "sentiment")
    until(lambda: "positive" in prompt_of(editor) and "heatedly" not in prompt_of(editor))
    assert back.count() == 0  # nothing was edited
    choose(editor, "Task", "town-hall")
    until(lambda: "heatedly" in prompt_of(editor))
    editor.get_by_label("Definition", exact=True).fill("my own words")
    until(lambda: "- heatedly in favour: my own words" in prompt_of(editor))
    choose(editor, "Task", "sentiment")
    back.wait_for()
    until(lambda: "my own words" not in prompt_of(editor))
    back.click()
    until(lambda: "- heatedly in favour: my own words" in prompt_of(editor))
    assert editor.get_by_label("Task", exact=True).input_value() == "town-hall"
    assert editor.get_by_label("Save as").input_value() == "town-hall-2"
    until(lambda: not back.is_visible())


@pytest.mark.long
def test_what_was_typed_a_moment_ago_is_saved_and_text_stays_text(page, served):
    home = Home.at(served.home)
    labels = [{"name": "positive", "merge": [HOSTILE]}, {"name": "negative", "definition": HOSTILE + " ${x} {y}"}]
    tasks.save(home, Task(name="hostile", labels=labels, instruction="Choose: $labels"))
    tasks.save(home, Task(name="hostile", labels=labels[::-1], instruction=HOSTILE + "$labels"))
    page.goto(served.url)
    until(lambda: prompt_of(page))
    choose(page, "Task", "hostile")
    until(lambda: HOSTILE + " ${x} {y}" in prompt_of(page))
    until(lambda: page.locator(".balance th", has_text=HOSTILE).count() == 2)
    choose(page, "Version", "Version 1")
    page.locator(".difference del, .difference span", has_text="negative").first.wait_for()
    page.get_by_label("Definition", exact=True).fill("typed a moment ago")
    press(page, "Save task")
    page.get_by_text("Saved the task hostile as version 3.").first.wait_for()
    assert tasks.load(home, "hostile").labels[0].definition == "typed a moment ago"
    write_cell(page, 1, 1, "in the table")
    until(lambda: "- positive: in the table" in prompt_of(page))
    assert (page.evaluate("window.hit"), page.locator("img[src=x]").count()) == (None, 0)
