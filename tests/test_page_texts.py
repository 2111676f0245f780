"""The Text metrics view of the Compare tab, in a browser: what the metrics were counted with, and counting more of them."""

import pytest
import swept
from waiting import until

from lab.home import Home


@pytest.fixture(scope="module")
def served(serve, tmp_path_factory):
    """A page on a home with a run that answered the bundled instructions before metrics of texts were counted."""
    home = Home.at(tmp_path_factory.mktemp("texts"))
    texts = {"task": "instructions", "dataset": "instructions", "validation": 12}
    (planned,) = swept.prepared(home, **texts, grid={"seed": [1]}).plans
    swept.finished(home, planned, accuracy=0.5)
    return serve(home.path)


@pytest.fixture
def tab(page, served):
    page.goto(served.url)
    page.get_by_role("tab", name="Compare").click()
    tab = page.get_by_role("tabpanel").locator("visible=true")
    tab.get_by_role("tab", name="Text metrics", exact=True).click()
    return tab


def heads(tab) -> list[str]:
    return tab.locator(".scores th[data-sort]").all_inner_texts()


@pytest.mark.long
def test_settings_are_told_and_a_metric_without_its_model_is_refused(tab):
    tab.get_by_text("Exact match: text the whole answer").last.wait_for()
    assert "Exact match" in heads(tab) and "BLEU" not in heads(tab)
    tab.get_by_label("BERTScore F1").check()
    tab.get_by_role("button", name="Count", exact=True).click()
    tab.get_by_text("bertscore needs a model").wait_for()


@pytest.mark.nightly
def test_metrics_are_counted_and_come_into_the_table(tab):
    tab.get_by_label("BERTScore F1").check()
    tab.get_by_label("Encoder of BERTScore").fill("tiny-llama")
    tab.get_by_role("button", name="Count", exact=True).click()
    tab.get_by_text("counts them").wait_for()
    until(lambda: {"BLEU", "ROUGE-L", "BERTScore F1"} <= set(heads(tab)), patience=120)
    tab.get_by_text("BERTScore F1: bert-score 0.3.13, model tiny-llama, layer 5").last.wait_for()
