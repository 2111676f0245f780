"""The left half of the Train tab in a real browser: the form of a run, what it comes to, presets, YAML, the time it will take."""

import re
import shlex

import pytest
from browser import choose
from test_page_train import button, fill, opened
from waiting import until

from lab import config, presets
from lab.config import Config
from lab.home import Home


@pytest.fixture
def home(served) -> Home:
    return Home.at(served.home)


@pytest.fixture
def tab(page, served):
    return opened(page, served.url)


def card(page) -> str:
    """What stands under `Before you start`, line by line with its sign."""
    return page.locator(".card").inner_text()


def test_what_is_wrong_is_said_while_one_types_and_nothing_starts(tab):
    until(lambda: "125 steps" in card(tab), "it is looked at")
    fill(tab, batch_size="0", learning_rate="fast")
    first = button(tab, "First put right: batch_size, learning_rate")
    until(first.is_visible, "the button says what is missing")
    assert not first.is_enabled()
    assert all(key in card(tab) for key in ("✗", "batch_size: ", "learning_rate: "))
    fill(tab, batch_size="8", learning_rate="2e-4")
    until(lambda: button(tab, "Start training").is_enabled() and "250 steps" in card(tab), "it is right again")


@pytest.mark.long
def test_what_only_the_rows_show_is_said_too(tab):
    choose(tab, "Dataset", "town-hall")
    until(lambda: "✗" in card(tab) and "has labels" in card(tab), "labels that the task does not know are said")
    choose(tab, "Task", "town-hall")
    until(lambda: "longer than max_length 512" in card(tab), "rows that are too long are said")
    assert button(tab, "First put right: data").is_visible()


@pytest.mark.long
def test_a_preset_fills_the_form_which_is_yaml_and_a_command_too(tab, home):
    choose(tab, "Start from", "preset watch-overfitting")
    until(lambda: "250 steps" in card(tab), "the form is filled")
    assert "where the two part" in tab.get_by_text("Few rows and many epochs").inner_text()
    tab.get_by_text("All settings (3 changed)", exact=True).wait_for()
    tab.get_by_text("As YAML, as a command, as a preset").click()
    text, command = tab.get_by_role("textbox", name="YAML"), tab.get_by_role("textbox", name="Command")
    until(lambda: "score_train_rows" in text.input_value(), "what opens is filled")
    made = config.parse(config.mapping(text.input_value(), "it"))
    assert (made.train_rows, made.epochs, made.evaluate_at) == (200, 10, [2, 4, 6, 8, 10])
    words = shlex.split(command.input_value())
    assert config.read(None, words[words.index("train") + 2 :: 2]) == made
    text.fill("train_rows: 300\nseed: 7\nadapter: {r: 4}")
    button(tab, "Fill the form from this YAML").click()
    until(lambda: "300 rows to train on" in card(tab), "the form is filled from the text")
    tab.get_by_text("All settings (2 changed)", exact=True).wait_for()
    tab.get_by_label("Name of a preset").fill("mine")
    button(tab, "Save as preset").click()
    tab.get_by_text("Kept as the preset mine.").wait_for()
    assert presets.load(home, "mine").config == Config(train_rows=300, seed=7, adapter={"r": 4})
    text.fill("train_rows: none of them")
    button(tab, "Fill the form from this YAML").click()
    tab.get_by_text("neither `all` nor a number of rows").wait_for()


@pytest.mark.nightly
def test_the_time_is_measured_on_request(tab):
    fill(tab, train_rows="64")
    until(lambda: "Not measured yet" in card(tab), "the card says that it is not known")
    button(tab, "Measure time").click()
    until(lambda: "Measured on this machine" in card(tab), "it is measured")
    assert re.search(r"About .+: 4 steps of [\d.]+ s", card(tab))


@pytest.mark.long
def test_the_form_shows_only_the_keys_of_the_chosen_method(tab):
    tab.get_by_text("All settings", exact=True).click()
    tab.get_by_label("Adapter dora").wait_for()
    assert not tab.get_by_label("Adapter adapter len").is_visible()
    choose(tab, "Adapter method", "llama-adapter")
    tab.get_by_label("Adapter adapter len").wait_for()
    until(lambda: not tab.get_by_label("Adapter dora").is_visible(), "another method's keys are gone")
    choose(tab, "Adapter method", "full")
    until(lambda: "needs quantization: none" in card(tab), "what contradicts the method is said")
