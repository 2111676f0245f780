"""Llama, Mistral and Phi on the whole path: trained, scored, compared, generated from, exported, and used without the lab."""

import json

import plain
import pytest
import tiny
from click.testing import CliRunner
from colours import evaluated, trained
from transformers import AutoModelForCausalLM, AutoTokenizer

from lab import bases, scoreboard, subjects
from lab.cli import cli
from lab.config import Decoding
from lab.home import read_json
from lab.prompt import Renderer
from lab.runs import Run
from lab.side_by_side import SideBySide

KINDS = {"llama": "llama2", "mistral": "mistral", "phi": "phi"}  # model type → style of its tokenizer and template
GREEDY = Decoding(max_new_tokens=12)
ADAPTER = {"r": 8, "dropout": 0.0}


def tiny_base(folder, kind: str):
    grouped = {} if kind == "phi" else {"num_key_value_heads": 2}
    window = {"sliding_window": None} if kind == "mistral" else {}
    return tiny.tiny_of(folder, kind, KINDS[kind], **grouped, **window)


def exported(run: Run, home, place):
    """The folder that `run export` makes of a run."""
    words = ["run", "export", run.id, "--to", place, "--home", home.path, "--json"]
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)
    return place / run.id


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_path(colours, tmp_path, kind):
    base = tiny_base(tmp_path / "base", kind)
    run = trained(colours, base, adapter=ADAPTER, learning_rate=0.02, epochs=4)
    assert run.status() == "finished"
    assert "shared prefix of" in run.state()["batches"]
    names = ["base", run.id, f"{run.id}@12"]
    compared = scoreboard.compare(evaluated(colours, names))[0]
    assert [(one["subject"], one["n"]) for one in compared] == [(name, 5) for name in names]

    place = exported(run, colours, tmp_path / "exported")
    tokenizer, renderer = (
        AutoTokenizer.from_pretrained(base),
        Renderer(run.task, bases.tokens_at_hand(bases.find(str(base)))),
    )
    stops = read_json(place / "lab.json")["stop_tokens"]
    bare, adapted = AutoModelForCausalLM.from_pretrained(base), plain.adapted(base, place)
    for row in run.rows("validation")[:3]:
        answers = SideBySide().answer(subjects.resolve(colours, names), run.task, row, GREEDY)
        assert answers[1]["output"] == answers[2]["output"] != answers[0]["output"] != ""
        prompt = renderer.prompt_ids(row)
        for network, answer in ((bare, answers[0]), (adapted, answers[1])):
            assert plain.said(network, tokenizer, prompt, stops, 12) == answer["output"]


def test_a_mistral_whose_window_is_shorter_than_its_rows_trains_and_says_so(colours, tmp_path):
    base = tiny.tiny_of(tmp_path / "base", "mistral", "mistral", num_key_value_heads=2, sliding_window=32)
    run = trained(colours, base, adapter=ADAPTER)
    assert run.state()["batches"].startswith("ordinary batches: its layers look back 32 tokens only")
    assert evaluated(colours, [run.id])[0].scores["n"] == 5
