"""Which metrics of texts are wanted: at the command line, in the events and in a sweep."""

import pytest
import yaml

from lab import grid, sweep_results, sweeping, sweeps
from lab.errors import InputError
from lab.ui.given_yaml import read_sweep
from lab.wanted_metrics import Metric, listed, parse

BLEU, BERT = Metric(name="bleu"), Metric(name="bertscore", model="owner/name")


def test_names_and_models_of_the_command_line_make_metrics():
    assert listed(None, bertscore_model=None, scorer=None) is None
    assert listed("bleu, bertscore", bertscore_model="owner/name") == [BLEU, BERT]
    assert listed(["bleu", "bleu"]) == [BLEU]
    assert listed("generated_perplexity", scorer=" tiny-llama ") == [
        Metric(name="generated_perplexity", model="tiny-llama")
    ]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("null", None),
        ("bleu", [BLEU]),
        ("[bleu, {bertscore: {model: owner/name}}]", [BLEU, BERT]),
        ("{bleu: , bertscore: {model: owner/name}}", [BLEU, BERT]),
    ],
)
def test_a_sweep_may_write_them_in_three_ways(value, wanted):
    assert parse(yaml.safe_load(value)) == wanted


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: listed("blue"), "no metric 'blue'; there are exact_match, bleu"),
        (lambda: listed("bertscore"), "needs a model"),
        (lambda: listed("bleu", scorer="a/b"), "--scorer belongs to a metric that is not named"),
        (lambda: listed(None, bertscore_model="a/b"), "name it, as in --metrics bertscore --bertscore-model ID"),
        (lambda: parse([]), "names metrics; write it as"),
        (lambda: parse([["bleu"]]), "no metric"),
        (lambda: parse({"bleu": {"model": "a/b"}}), "bleu needs no model"),
        (lambda: parse({"bertscore": {"layer": 3}}), "the only setting is its model"),
    ],
)
def test_what_is_wrong_is_said(make, said):
    with pytest.raises(InputError, match=said):
        make()


SWEEP = {"subject": "base:tiny-llama", "task": "instructions", "dataset": "instructions", "rows": 2}
SWEEP |= {"decoding": {"max_new_tokens": 3}, "grid": {"beams": [1, 2]}}


def test_the_points_of_a_sweep_over_decodings_are_scored_with_its_metrics(home):
    from lab.evaluate import evaluate_each

    found = grid.parse({**SWEEP, "metrics": ["bleu", "reference_perplexity"]})
    assert grid.parse({**found.definition}).metrics == found.metrics
    prepared = sweeps.prepare(home, found)
    asked = [sweeps.comparison.look_up(home, one) for one in prepared.wanted()]
    evaluate_each(home, asked)
    sweep = sweeping.start(home, prepared)  # nothing is lacking, so no job is started
    assert sweep.job is None and sweep_results.lacking(home, sweep) == []
    compared = sweep_results.look(home, sweep)["comparison"]
    assert [x["values"]["beams"] for x in compared] == [1, 2]
    assert all(list(x["text_metrics"]) == ["exact_match", "bleu", "reference_perplexity"] for x in compared)
    assert len({x["text_metrics"]["reference_perplexity"] for x in compared}) == 1  # however it is decoded
    more = sweeps.prepare(home, grid.parse({**SWEEP, "metrics": ["bleu", {"bertscore": {"model": "tiny-llama"}}]}))
    kept = sweeps.settled(home, more)
    sweeps.keep(home, kept)
    assert len(sweep_results.lacking(home, sweeps.load(home, kept.name))) == 2


def test_a_sweep_of_trainings_takes_metrics_where_its_task_writes_texts(home):
    config = {"task": "instructions", "dataset": "instructions", "train_rows": 8, "grid": {"seed": [1, 2]}}
    prepared = sweeps.prepare(home, grid.parse({**config, "metrics": "rouge_l"}))
    assert prepared.grid.metrics == [Metric(name="rouge_l")]
    with pytest.raises(InputError, match="answers with labels"):
        sweeps.prepare(home, grid.parse({"grid": {"seed": [1, 2]}, "train_rows": 8, "metrics": "rouge_l"}))
    with pytest.raises(InputError, match="no metric 'blue'"):
        grid.parse({**config, "metrics": "blue"})


def test_a_sweep_from_the_page_names_no_folder():
    with pytest.raises(InputError, match="no base model here"):
        read_sweep(yaml.safe_dump({**SWEEP, "metrics": {"bertscore": {"model": "/etc"}}}))
