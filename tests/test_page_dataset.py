"""The Dataset tab in a real browser: choosing, adding, looking, editing a task with its exact prompt beside it."""

import pytest
from browser import choose
from waiting import until

from lab import bases, data, preview, tasks
from lab import task as task_file
from lab.errors import InputError, WorkError
from lab.home import Home

HOSTILE = '<img src=x onerror="window.hit=1">'
CSV = f'sentence,stars,id\n"It is fine, really",1,a\n"{HOSTILE.replace(chr(34), chr(34) * 2)} awful",0,=cmd()\nlovely,1,b\n'


@pytest.fixture
def tab(page, served):
    """The Dataset tab with the prompt of the bundled dataset's first row."""
    page.goto(served.url)
    until(lambda: prompt_of(page))
    return page


def pieces(page) -> list[list[str]]:
    """The exact prompt as it stands on the page: [text, colour of its mark] piece by piece."""
    return page.locator("pre.prompt-text").evaluate_all("""
        found => [...found[0]?.querySelectorAll('.part') ?? []].map(
            part => [part.textContent, getComputedStyle(part).backgroundColor])
    """)


def prompt_of(page) -> str:
    return "".join(text for text, _ in pieces(page))


def colour_in_legend(page, mark: str) -> str:
    legend = page.locator(".prompt-legend").get_by_text(mark, exact=True)
    return legend.evaluate("e => getComputedStyle(e).backgroundColor")


def cell(page, row: int, column: int):
    """A cell of the table of labels."""
    return page.locator(f".labels-table [data-testid=cell-{row}-{column}]")


def write_cell(page, row: int, column: int, text: str) -> None:
    cell(page, row, column).dblclick()
    box = cell(page, row, column).locator("textarea, input")
    box.wait_for()
    box.fill(text)
    box.press("Enter")


def test_the_bundled_dataset_is_there_with_its_exact_prompt_and_marks(tab, served):
    home = Home.at(served.home)
    found = preview.of_row(
        tasks.load(home, "sentiment"), data.load(home, "sentiment"), "train", 0, bases.find("tiny-llama")
    )
    assert prompt_of(tab) == "".join(text for text, _ in found["spans"])
    marked = pieces(tab)
    assert (marked[0][1], marked[-1][1]) == tuple(colour_in_legend(tab, m) for m in (preview.SHARED, preview.TRAINED))
    assert marked[-1][0] == found["trained_text"]
    tab.get_by_text(f"{found['tokens']} tokens").wait_for()
    tab.get_by_text(f"the first {found['shared_prefix_tokens']} shared by all rows").wait_for()
    assert tab.get_by_text("estimated").count() == 0


@pytest.mark.long
def test_a_dataset_brings_the_task_of_its_name_and_another_model_estimates(tab):
    choose(tab, "Dataset", "town-hall")
    until(lambda: "heatedly in favour: The speaker wants" in prompt_of(tab))
    assert tab.get_by_label("Task", exact=True).input_value() == "town-hall"
    tab.get_by_label("Model", exact=True).fill("some/other-model")
    tab.get_by_label("Model", exact=True).press("Enter")
    tab.get_by_text("estimated").first.wait_for()
    tab.get_by_text("whether some/other-model exists").wait_for()


def test_pages_of_rows_come_one_at_a_time(tab):
    tab.get_by_text("Rows 1 to 10 of 4,000").wait_for()
    tab.get_by_role("button", name="Next rows").click()
    tab.get_by_text("Rows 11 to 20 of 4,000").wait_for()
    choose_split = tab.get_by_label("Split", exact=True).first
    choose_split.click()
    tab.get_by_role("option", name="validation", exact=True).click()
    tab.get_by_text("Rows 1 to 10 of 872").wait_for()
    tab.get_by_label("Page", exact=True).fill("9999")
    tab.get_by_label("Page", exact=True).press("Enter")
    tab.get_by_text("sentiment/validation has the pages 1 to 88").wait_for()


def test_from_an_upload_to_a_saved_task(tab, served, tmp_path):
    (tmp_path / "Film Reviews.csv").write_text(CSV)
    tab.get_by_role("button", name="Add a dataset").click()
    upload = tab.locator(".block").filter(has_text="Training rows").last.locator("input[type=file]")
    upload.set_input_files(tmp_path / "Film Reviews.csv")
    tab.get_by_text("Check which is which").wait_for()
    assert tab.get_by_label("Name", exact=True).input_value() == "film-reviews"
    assert tab.get_by_label("Text", exact=True).input_value() == "sentence"
    assert tab.get_by_label("Label", exact=True).input_value() == "stars"
    tab.get_by_label("Names of the integer labels 0, 1").fill("bad, bad")
    tab.get_by_role("button", name="Add dataset").click()
    tab.get_by_text("give each integer label a name of its own").wait_for()
    tab.get_by_label("Names of the integer labels 0, 1").fill("bad, good")
    tab.get_by_role("button", name="Add dataset").click()
    tab.get_by_text("Added film-reviews: train 3 rows.").wait_for()

    until(lambda: "It is fine, really" in prompt_of(tab))  # the new dataset is chosen, with a draft of a task
    for text in (f"{HOSTILE} awful", "=cmd()"):
        tab.locator("span.text", has_text=text).first.wait_for()
    assert tab.evaluate("window.hit") is None
    tab.get_by_label("Row", exact=True).fill("1")
    until(lambda: HOSTILE in prompt_of(tab))
    assert tab.locator("img[src=x]").count() == 0

    good = 0 if cell(tab, 0, 0).inner_text().strip() == "good" else 1
    write_cell(tab, good, 1, "the writer loves it")
    until(lambda: "- good: the writer loves it" in prompt_of(tab))
    until(lambda: pieces(tab)[-1] == [" bad</s>", colour_in_legend(tab, preview.TRAINED)])
    tab.get_by_text("The label 'bad' has no definition").wait_for()
    tab.get_by_label("Row template").fill("Sentence: $sentence ($nope)\nStars:")
    tab.get_by_text("$nope in the prompt is no column of the dataset").wait_for()
    tab.get_by_role("button", name="Save task").click()
    tab.get_by_text("Saved the task film-reviews as version 1.").wait_for()

    kept = task_file.load(served.home / "tasks" / "film-reviews.yaml")
    assert {label.name: label.definition for label in kept.labels} == {"good": "the writer loves it", "bad": ""}
    tab.reload()
    until(lambda: "Sentence:" in prompt_of(tab))
    choose(tab, "Dataset", "film-reviews")
    until(lambda: "- good: the writer loves it" in prompt_of(tab) and "($nope)" in prompt_of(tab))
    assert tab.get_by_label("Task", exact=True).input_value() == "film-reviews"


@pytest.mark.long
def test_what_is_wrong_stands_beside_the_button_and_the_bundle_stays(tab):
    write_cell(tab, 1, 0, "positive")
    tab.get_by_text("'positive' stands for two labels").wait_for()
    tab.get_by_text("Not as edited").wait_for()
    tab.get_by_role("button", name="Save task").click()
    until(lambda: tab.get_by_text("'positive' stands for two labels").count() == 2)
    write_cell(tab, 1, 0, "negative")
    tab.get_by_text("Nothing looks wrong").wait_for()
    assert tab.get_by_label("Save as").input_value() == "sentiment-2"  # a free name is proposed
    tab.get_by_label("Save as").fill("sentiment")
    tab.get_by_role("button", name="Save task").click()
    tab.get_by_text("'sentiment' is a bundled task").wait_for()


def test_a_small_screen_scrolls_downwards_only(chromium, served):
    context = chromium.new_context(viewport={"width": 375, "height": 800})
    small = context.new_page()
    small.goto(served.url)
    until(lambda: prompt_of(small))
    assert small.evaluate("document.documentElement.scrollWidth") == 375
    context.close()


# -- without a browser -----------------------------------------------------------------------------------------------


def test_the_page_refuses_rows_pages_and_splits_that_are_not_there(home):
    from lab.ui import dataset_rows

    found = data.load(home, "sentiment")
    for split, number in (("train", 0), ("train", 401), ("train", None), ("train", 1.5), ("gone", 1), (None, 1)):
        with pytest.raises(InputError):
            dataset_rows.shown(found, split, number)


def test_a_dataset_of_the_hub_is_fetched_by_a_process_of_its_own(home):
    from lab.ui import dataset_form

    with pytest.raises((InputError, WorkError)) as error:
        dataset_form.fetch(home, "nobody/nothing-of-this-name", "mine", "text", "label", "", "")
    assert "nobody/nothing-of-this-name" in str(error.value)
    assert "Traceback" not in str(error.value)
    for hub in ("", "../up", "--help", "a b"):
        with pytest.raises(InputError):
            dataset_form.fetch(home, hub, "mine", "text", "label", "", "")
    assert "mine" not in data.listing(home)


def test_words_with_commas_survive_the_table_of_labels():
    from lab.ui import label_table

    for words in ([], ["pro"], ["a", "b c"], ["yes, but", "no"], ['said "x"', "y"]):
        assert label_table.split_up(label_table.joined(words)) == words


def test_text_stays_text_in_markdown():
    from lab.ui import look

    assert look.plain("a [b](c)\n  <i>") == "a &#91;b&#93;&#40;c&#41;<br>&#60;i&#62;"
