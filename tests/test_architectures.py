"""Llama, Mistral and Phi on the whole path: trained, scored, compared, generated from, exported, and used without the lab."""

import json

import plain
import pytest
import tiny
from click.testing import CliRunner
from colours import evaluated, trained
from transformers import AutoModelForCausalLM, AutoTokenizer

from lab import bases, export, scoreboard, subjects
from lab.cli import cli
from lab.config import Decoding
from lab.home import read_json
from lab.prompt import Renderer
from lab.side_by_side import SideBySide
from lab.subjects import ADAPTER_WEIGHTS

KINDS = {"llama": "llama2", "mistral": "mistral", "phi": "phi"}  # model type → style of its tokenizer and template
GREEDY = Decoding(max_new_tokens=12)
ADAPTER = {"r": 8, "dropout": 0.0}


def tiny_base(folder, kind: str):
    grouped = {} if kind == "phi" else {"num_key_value_heads": 2}
    window = {"sliding_window": None} if kind == "mistral" else {}
    return tiny.tiny_of(folder, kind, KINDS[kind], **grouped, **window)


def exported(name: str, home, place):
    """The folder that `run export` makes of a run, or of one of its checkpoints."""
    words = ["run", "export", name, "--to", place, "--home", home.path, "--json"]
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)
    return place / export.label(name)


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_path(colours, tmp_path, kind):
    base = tiny_base(tmp_path / "base", kind)
    run = trained(colours, base, adapter=ADAPTER, learning_rate=0.003, epochs=4, evaluate_at=[1, 4])
    assert run.status() == "finished"
    assert "shared prefix of" in run.state()["batches"]
    names = ["base", run.id, f"{run.id}@3"]  # the last is that of the first of four epochs
    compared = scoreboard.compare(evaluated(colours, names))[0]
    assert [(one["subject"], one["n"]) for one in compared] == [(name, 5) for name in names]

    places = [exported(name, colours, tmp_path / "exported") for name in names[1:]]
    tokenizer, renderer = (
        AutoTokenizer.from_pretrained(base),
        Renderer(run.task, bases.tokens_at_hand(bases.find(str(base)))),
    )
    (stops,) = {tuple(read_json(place / "lab.json")["stop_tokens"]) for place in places}
    networks = [AutoModelForCausalLM.from_pretrained(base), *(plain.adapted(base, place) for place in places)]
    said = []
    for row in run.rows("validation")[:3]:
        answers = SideBySide().answer(subjects.resolve(colours, names), run.task, row, GREEDY)
        said.append([answer["output"] for answer in answers])
        prompt = renderer.prompt_ids(row)
        assert [plain.said(network, tokenizer, prompt, list(stops), 12) for network in networks] == said[-1]
    assert all(last != first != "" for first, last, _ in said)
    assert len({(place / ADAPTER_WEIGHTS).read_bytes() for place in places}) == 2


def test_a_mistral_whose_window_is_shorter_than_its_rows_trains_and_says_so(colours, tmp_path):
    base = tiny.tiny_of(tmp_path / "base", "mistral", "mistral", num_key_value_heads=2, sliding_window=32)
    run = trained(colours, base, adapter=ADAPTER)
    assert run.state()["batches"].startswith("ordinary batches: its layers look back 32 tokens only")
    assert evaluated(colours, [run.id])[0].scores["n"] == 5
