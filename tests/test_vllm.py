"""How vLLM serves what a run has left: its rank as vLLM takes it, what it cannot serve, and a call with the exact prompt."""

import json
import re
import shlex

import pytest

from lab import vllm
from lab.config import Decoding

LORA = {"peft_type": "LORA", "r": 16}
ABOUT = {
    "quantization": "nf4",
    "decoding": Decoding().model_dump(),
    "max_new_tokens": 16,
    "prompt_form": 'Say <text>, it\'s "so"\nor not:',
    "add_special_tokens": True,
    "stop_tokens": [2, 7],
}


@pytest.mark.parametrize(
    ("settings", "rank"),
    [
        *(({"r": 1}, 8), ({"r": 8}, 8), ({"r": 9}, 16), ({"r": 64}, 64), ({"r": 300}, 320)),
        *(({"r": 8, "rank_pattern": {"q_proj": 40}}, 64), ({"r": 512, "use_rslora": True}, 512)),
    ],
)
def test_the_rank_is_rounded_to_one_that_vllm_takes(settings, rank):
    found = vllm.adapter("owner/name@v1", ABOUT, {**LORA, **settings}, "run-1", "/out/run 1")
    assert shlex.split(found.command) == [
        *("vllm", "serve", "owner/name", "--revision", "v1", "--enable-lora"),
        *("--lora-modules", "run-1=/out/run 1", "--max-lora-rank", str(rank)),
    ]
    assert "nf4" in found.notes[0] and found.command in found.text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"use_dora": True}, "DoRA.* merged"),
        ({"peft_type": "ADALORA"}, "ADALORA.* merged"),
        ({"peft_type": "ADAPTION_PROMPT"}, "cannot be merged either"),
        ({"r": 1024}, "1024.* merged"),
    ],
)
def test_what_vllm_cannot_serve_is_said(settings, words):
    found = vllm.adapter("owner/name", ABOUT, {**LORA, **settings}, "run-1", "/out")
    assert found.command is None and found.notes == (vllm.why_not({**LORA, **settings}),)
    assert re.search(words, found.text)


def test_the_call_has_the_prompt_the_stop_tokens_and_the_decoding():
    words = shlex.split(vllm.model(ABOUT, "run-1-merged", "/out").request)
    assert words[:2] == ["curl", vllm.URL]
    assert json.loads(words[-1]) == {
        "model": "run-1-merged",
        "prompt": ABOUT["prompt_form"],
        "temperature": 0,
        "max_tokens": 16,
        "stop_token_ids": [2, 7],
        "add_special_tokens": True,
    }
    sampled = {**ABOUT, "decoding": Decoding(mode="sample", temperature=0.1, top_k=50).model_dump()}
    asked = json.loads(shlex.split(vllm.request("x", sampled))[-1])
    assert (asked["temperature"], asked["top_k"], asked["top_p"], asked["seed"]) == (0.1, 50, 1.0, 42)
    assert vllm.sampling(Decoding(mode="sample", temperature=0, top_k=50)) == {"temperature": 0}


def test_a_call_that_answers_without_the_labs_beams_says_so():
    beams = {**ABOUT, "decoding": Decoding(beams=5).model_dump()}
    for found in (vllm.model(beams, "x", "/out"), vllm.adapter("owner/name", beams, LORA, "x", "/out")):
        assert "The lab answered with 5 beams; this call answers without" in found.text
    assert not vllm.model(ABOUT, "x", "/out").notes


def test_what_an_older_lab_left_is_served_too():
    found = vllm.adapter("/models/base@home", {"quantization": "none"}, LORA, "run-1", "/out")
    assert found.command.startswith("vllm serve /models/base@home --enable-lora") and found.request == ""
