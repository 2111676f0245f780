"""Merging labels, agreement and publishing: on the page, and through the public events."""

import re
import zipfile

import pytest
from browser import choose
from gradio_client import Client
from gradio_client.exceptions import AppError
from test_page_dataset import HOSTILE, prompt_of
from waiting import until

from lab import data
from lab.home import Home

MERGES = re.compile(r"^\s*Merges")
ROWS = [("a", "pro"), ("b", "contra"), ("c", HOSTILE.replace('"', "'")), ("d", "pro")]


@pytest.fixture(scope="module")
def filled(served, tmp_path_factory):
    """A home with two annotated versions of the same rows."""
    home, folder = Home.at(served.home), tmp_path_factory.mktemp("rows")
    for name, changed in (("one", {}), ("other", {"d": "contra"})):
        lines = [f"{i},{t},{changed.get(t, label)}" for i, (t, label) in enumerate(ROWS)]
        (folder / f"{name}.csv").write_text("\n".join(["id,text,label", *lines]))
        data.add(home, data.About(name=name, label="label"), {"train": folder / f"{name}.csv"})
    return home


@pytest.fixture(scope="module")
def call(served, filled):
    client = Client(served.url, verbose=False)
    return lambda api, **values: client.predict(**values, api_name=f"/{api}")


@pytest.mark.long
def test_on_the_page(page, served, filled):
    page.goto(served.url)
    until(lambda: prompt_of(page))
    choose(page, "Dataset", "one")
    page.get_by_role("button", name="Merge labels, compare two versions, publish").click()
    page.get_by_text("Labels of one: pro, contra").wait_for()

    page.get_by_label(MERGES).fill("poles = pro, contrra")
    page.get_by_label("Name of the merged dataset").fill("poles")
    page.get_by_role("button", name="Merge labels", exact=True).click()
    page.get_by_text("did you mean 'contra'?").wait_for()
    page.get_by_label(MERGES).fill("poles = pro, contra")
    page.get_by_role("button", name="Merge labels", exact=True).click()
    page.get_by_text("poles is there, made from one: poles 3 rows.").wait_for()
    until(lambda: page.get_by_label("Dataset", exact=True).first.input_value() == "poles")

    page.get_by_text("Labels of poles: poles").wait_for()

    choose(page, "The other version", "other")
    page.get_by_role("button", name="Compare them").click()
    page.get_by_text("Matched by text: 4 rows; 0 only in poles").wait_for()
    assert page.get_by_role("region", name="Where they differ").locator("tbody tr").count() == 2

    choose(page, "Task of the prompts", "sentiment")
    page.get_by_role("button", name="Push to the Hub").click()
    page.get_by_text("is no place on the Hub: write owner/name").wait_for()
    page.get_by_role("button", name="Pack as a zip").click()
    page.get_by_text("columns added: prompt, completion, rendered_text").wait_for()
    page.locator("a[download='poles.zip']").first.wait_for()
    assert page.locator("img[src=x]").count() == 0 and page.evaluate("window.hit") is None


def test_through_the_events(call, filled):
    made = call("dataset_merge_labels", name="one", new="merged", merges=["poles=pro,contra"])
    assert made["splits"]["train"]["labels"]["poles"] == 3
    found = call("dataset_agreement", first="one", second="other", on="id", keep="agreed")
    assert (found["n"], found["disagreements"]) == (4, [["pro", "contra", 1]])
    assert found["kept"]["rows"] == {"train": 3}
    pushed, path = call("dataset_push", name="one", task="sentiment", form="jsonl")
    assert pushed["splits"]["train"]["rows"] == 4 and "folder" not in pushed
    with zipfile.ZipFile(path) as packed:
        names = {name for name in packed.namelist() if not name.endswith("/")}
        assert names == {"one/README.md", "one/task.yaml", "one/data/train.jsonl"}


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "assets/tasks/sentiment.yaml"])
def test_the_events_take_no_paths(call, path):
    push, merge = {"name": "one", "task": "sentiment"}, {"name": "one", "new": "x", "merges": ["a=pro"]}
    asked = [("dataset_push", {**push, key: path}) for key in ("name", "task", "repo", "model", "form")]
    asked += [("dataset_merge_labels", {**merge, key: path}) for key in ("name", "new", "label")]
    asked += [("dataset_merge_labels", {"name": "one", "new": "x", "task": path})]
    pair = {"first": "one", "second": "other"}
    asked += [("dataset_agreement", {**pair, key: path}) for key in ("first", "second", "on", "label", "keep")]
    for api, values in asked:
        with pytest.raises(AppError) as refused:
            call(api, **values)
        assert "has a problem" not in str(refused.value), (api, values)


def test_a_push_without_a_token_is_told(call):
    with pytest.raises(AppError, match="HF_TOKEN"):
        call("dataset_push", name="one", task="sentiment", repo="owner/one")
