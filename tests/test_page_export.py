"""The chosen run leaves the lab in a real browser: its zips, its merged model by a job, the Hub, and how vLLM serves it."""

import re
import shutil
import zipfile

import pytest
from waiting import until

from lab import merging
from lab.home import Home
from lab.merging import Merging


@pytest.fixture(scope="module")
def home(tmp_path_factory, trained_home) -> Home:
    return Home.at(shutil.copytree(trained_home.path, tmp_path_factory.mktemp("export") / "home"))


@pytest.fixture
def part(page, serve, home):
    """The part of the page, unfolded."""
    page.goto(serve(home.path, environment={"HF_TOKEN": ""}).url)
    page.get_by_role("tab", name="Train", exact=True).click()
    page.get_by_role("heading", name="tiny-1: finished").wait_for()
    page.get_by_text("Export", exact=True).filter(visible=True).click()
    return page


def names_in(page, name: str) -> set[str]:
    """The files of a zip that is ready, downloaded."""
    link = page.locator(f'a[href$="/{name}"]').filter(visible=True)
    until(lambda: link.count(), f"{name} is ready")
    with page.expect_download() as waiting:
        link.first.click()
    with zipfile.ZipFile(waiting.value.path()) as packed:
        return {path.partition("/")[2] for path in packed.namelist()}


@pytest.mark.long
def test_zips_the_merged_model_and_a_push_without_a_token(part, home, tiny_model):
    served = part.get_by_label("How vLLM serves it", exact=True)
    until(lambda: "--max-lora-rank 8" in served.input_value(), "it says how it is served")
    assert str(tiny_model.parent) not in served.input_value()  # no folder of this machine
    part.get_by_role("button", name="Zip as it is", exact=True).click()
    assert {"adapter_model.safetensors", "task.yaml"} <= names_in(part, "tiny-1.zip")
    part.get_by_role("button", name="Zip merged into its base", exact=True).click()
    assert {"model.safetensors", "tokenizer.json", "README.md"} <= names_in(part, "tiny-1-merged.zip")
    (job,) = merging.listing(home)
    assert Merging(home, job).made.is_file() and not Merging(home, job).model.exists()
    part.get_by_label("Place on the Hub", exact=True).fill("ada/stance")
    part.get_by_role("button", name="Push to the Hub", exact=True).click()
    part.get_by_text(re.compile("There is no token for the Hub")).wait_for()
