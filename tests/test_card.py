"""The model card: a head that the Hub understands, and code that answers as the lab does."""

import json
import runpy
import shutil

import plain
import pytest
import torch
import yaml

from lab import bases, card, export, plan
from lab.config import Config
from lab.home import ASSETS, Home

SCORES = {
    "dataset": "sentiment",
    "split": "validation",
    "task": "sentiment",
    "trained_on": 0,
    "otherwise": None,
    "n": 872,
    "accuracy": 0.9,
    "accuracy_ci95": [0.88, 0.92],
    "macro_f1": 0.8,
    "f1_ci95": [0.7, 0.9],
    "invalid": 3,
}


def made(home: Home, merged=None, **settings) -> card.Made:
    planned = plan.make(home, Config(train_rows=8, validation=8, **settings))
    columns = list(planned.train[0])
    parts = planned.config, planned.task, planned.base, planned.renderer, columns, len(planned.train)
    return card.Made("run-1", *parts, merged)


def text(made: card.Made, scores=(SCORES,), settings=None) -> str:
    return card.files(made, {1}, settings or {"peft_type": "LORA", "r": 16}, [*scores])["README.md"]


def head(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


def test_the_head(home, tmp_path):
    found = made(home)
    assert head(text(found)) == {
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "tags": ["lora", "classify", "qlora-lab"],
    }  # the bundled base is not of the Hub, and a licence is not the lab's to give
    found = card.Made(**{**vars(found), "base": bases.Base("owner/name@v1", "v1", ASSETS / "tiny-llama", on_hub=True)})
    assert (head(text(found))["base_model"], head(text(found))["base_model_relation"]) == ("owner/name", "adapter")
    found = card.Made(**{**vars(found), "merged": "float16"})
    said = head(text(found))
    assert (said["library_name"], said["base_model_relation"]) == ("transformers", "finetune")
    assert "merged" in said["tags"] and "license" not in said


def test_what_it_says(home):
    found = made(home)
    said = text(found)
    for label in found.task.labels:
        assert f"- **{label.name}**" in said
    assert "accuracy 0.900 (95% interval 0.880 to 0.920)" in said and "3 invalid answers" in said
    assert "- r: 16" in said and "- quantization in training: nf4" in said
    assert "vllm serve path/to/tiny-llama --enable-lora" in said and "the base in nf4" in said
    assert not [row for row in plan.make(home, Config(train_rows=8)).train if row["text"] in said]
    assert "before it was merged" in text(made(home, merged="float32"))
    assert "Not scored" in text(found, ())
    texts = {
        **SCORES,
        "n": 27,
        "accuracy": None,
        "text_metrics": {"exact_match": 0.25},
        "text_metrics_ci95": {"exact_match": [0.1, 0.4]},
    }
    assert "0.250 (95% interval 0.100 to 0.400)." in text(found, [texts])


DECODINGS = [
    {},
    {"beams": 3, "repetition_penalty": 1.2},
    {"mode": "sample", "temperature": 0},
    {"mode": "sample", "temperature": 0, "beams": 2, "top_k": 5},
    {"mode": "sample", "temperature": 0.5, "top_k": 5, "top_p": 0.9},
    {"mode": "sample", "temperature": 1, "beams": 2, "top_k": 50},
]


@pytest.mark.parametrize("decoding", DECODINGS, ids=str)
def test_plain_generate_takes_the_decoding_of_a_card(home, tiny_model, tmp_path, decoding):
    wanted = {**decoding, "max_new_tokens": 6}
    about = card.facts(made(home, base_model=str(tiny_model), quantization="none", decoding=wanted), {2})
    network, prompt = plain.whole(tiny_model), torch.arange(300, 310)[None]
    torch.manual_seed(1)
    said = network.generate(prompt, attention_mask=torch.ones_like(prompt), **card.generation(about)).tolist()
    # A merged model has the same in its generation_config.json.
    folder = shutil.copytree(tiny_model, tmp_path / "merged")
    base = bases.find(str(tiny_model))
    (folder / "generation_config.json").write_text(export.generation_config(base, about))
    merged = plain.whole(folder)
    merged.generation_config.validate(strict=True)
    torch.manual_seed(1)
    assert merged.generate(prompt, attention_mask=torch.ones_like(prompt)).tolist() == said
    assert 10 < len(said[0]) <= 16


def test_a_prompt_with_fences_stays_in_its_own():
    assert card.fenced("a\n```\nb") == "````\na\n```\nb\n````"


def test_the_code_of_a_card_runs_and_answers(tiny_run, tiny_model, tmp_path, capsys):
    """As somebody would run it who has the folder and the base, and neither the lab nor its prompts."""
    code = (tiny_run.adapter / "README.md").read_text().split("```python\n")[1].split("\n```")[0]
    code = code.replace(card.HERE, str(tiny_run.adapter)).replace(f"path/to/{tiny_model.name}", str(tiny_model))
    (tmp_path / "card.py").write_text(code)
    ran = runpy.run_path(str(tmp_path / "card.py"))
    about = json.loads((tiny_run.adapter / "lab.json").read_text())
    assert ran["prompt"] == about["prompt_form"] and capsys.readouterr().out
    tokens = bases.tokens_at_hand(bases.find(str(tiny_model)))
    assert ran["inputs"]["input_ids"][0].tolist() == tokens.encode([about["prompt_form"]])[0]
