"""Evaluation: answers as plain generation gives them, probabilities as teacher forcing gives them, nothing done twice."""

import json

import pytest
import tiny
import torch
from colours import evaluated
from tokenizers import Tokenizer

from lab import bases, scoreboard, tasks
from lab.comparison import Asked
from lab.config import Decoding
from lab.data import Dataset
from lab.errors import InputError
from lab.evaluate import evaluate, respond
from lab.generate import answer, batches, label_probabilities
from lab.home import ASSETS, read_json, write_json
from lab.model import Model
from lab.prompt import Renderer
from lab.subjects import Question, Subject

GREEDY = Decoding().for_kind("classify")


@pytest.fixture(scope="module")
def model(tiny_model):
    return Model(bases.find(str(tiny_model)), "none")


@pytest.fixture
def town_hall(home):
    """The bundled codebook without its definitions, and its first rows."""
    task = tasks.load(home, "town-hall").model_copy(update={"with_definitions": False})
    return task, Dataset(ASSETS / "datasets" / "town-hall").rows("train")[:9]


def test_batches_hold_each_prompt_once_within_their_limits():
    prompts = [[0] * n for n in (3, 50, 7, 200, 5, 5, 90)]
    found = list(batches(prompts, rows=3, tokens=250))
    assert sorted(i for batch in found for i in batch) == list(range(7))
    assert all(len(b) <= 3 and len(b) * max(len(prompts[i]) for i in b) <= 250 for b in found)


def test_a_penalty_for_repeating_does_not_count_the_padding(model, town_hall):
    """Rows of several lengths in one batch are padded with a token that then counted as said before."""
    task, rows = town_hall
    renderer, asked = Renderer(task, model.tokens), Decoding(max_new_tokens=8, repetition_penalty=2.0)
    prompts, stops = renderer.prompts(rows), model.stops | {renderer.stop_id}
    assert len({len(prompt) for prompt in prompts}) > 1
    alone = [answer(model, [prompt], asked, stops)[0] for prompt in prompts]
    assert answer(model, prompts, asked, stops) == alone


def test_greedy_answers_are_those_of_plain_generate_row_by_row(model, town_hall):
    task, rows = town_hall
    renderer = Renderer(task, model.tokens)
    prompts = renderer.prompts(rows)
    ours = answer(model, prompts, GREEDY, model.stops | {renderer.stop_id})
    for prompt, said in zip(prompts, ours, strict=True):
        ids = torch.tensor([prompt])
        out = model.network.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=16, do_sample=False, pad_token_id=0,
            eos_token_id=sorted(model.stops | {renderer.stop_id}),
        )  # fmt: skip
        text = model.tokens.encoder.decode(out[0, len(prompt) :].tolist(), skip_special_tokens=True)
        assert said.text == text.strip()


def test_label_probabilities_are_those_of_teacher_forcing(model, town_hall):
    task, rows = town_hall
    renderer = Renderer(task, model.tokens)
    prompts, labels = renderer.prompts(rows), renderer.label_ids()
    for prompt, found in zip(prompts, label_probabilities(model, prompts, labels), strict=True):
        for name, ids in labels.items():
            with torch.no_grad():
                chances = model.network(torch.tensor([prompt + ids])).logits[0].double().log_softmax(-1)
            expected = sum(chances[len(prompt) + i - 1, token].item() for i, token in enumerate(ids))
            assert found[name] == pytest.approx(torch.tensor(expected).exp().item(), rel=1e-4, abs=1e-12)
        assert found["other"] == pytest.approx(1 - sum(found[name] for name in labels))


def test_label_probabilities_hold_behind_a_window_shorter_than_the_prompt(tmp_path, town_hall):
    from transformers import MistralConfig, MistralForCausalLM

    tiny.tokenizer_folder(tmp_path, "mistral")
    size = Tokenizer.from_file(str(tmp_path / "tokenizer.json")).get_vocab_size()
    shape = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    torch.manual_seed(1)
    MistralForCausalLM(MistralConfig(vocab_size=size, sliding_window=16, **shape)).save_pretrained(tmp_path)
    test_label_probabilities_are_those_of_teacher_forcing(Model(bases.find(str(tmp_path)), "none"), town_hall)


def test_beams_are_searched_within_the_limits(model, town_hall):
    task, rows = town_hall
    prompts, beams = Renderer(task, model.tokens).prompts(rows[:3]), Decoding(beams=3, max_new_tokens=5)
    assert all(a.tokens <= 5 for a in answer(model, prompts, beams, model.stops))


def test_subjects_on_different_bases_are_evaluated_together(home, tiny_model, tmp_path):
    import shutil

    shutil.copytree(tiny_model, tmp_path / "twin")
    (tmp_path / "twin" / "config.json").write_text((tiny_model / "config.json").read_text() + "\n")
    chosen = [Subject("base:one", str(tiny_model), "none"), Subject("base:two", str(tmp_path / "twin"), "nf4")]
    task, rows = tasks.load(home, "sentiment"), Dataset(ASSETS / "datasets" / "sentiment").rows("validation")[:5]
    made = evaluate(home, Asked(chosen, [Question(task, "sentiment", "validation", rows)] * 2, GREEDY, True))
    assert [x["subject"] for x in scoreboard.compare(made)[0]] == ["base:one", "base:two"]
    assert len({e.id.rpartition("-")[2] for e in made}) == 2


def test_labels_decoding_is_never_invalid_and_takes_the_most_probable(model, town_hall):
    task, rows = town_hall
    renderer = Renderer(task, model.tokens)
    for result in respond(
        model, renderer, rows, Decoding(mode="labels").for_kind("classify"), True, lambda n: None
    ).rows:
        chances = {k: v for k, v in result["probabilities"].items() if k != "other"}
        assert result["label"] == max(chances, key=chances.get)


def test_sampling_repeats_with_its_seed_and_changes_with_another(model, town_hall):
    task, rows = town_hall
    renderer = Renderer(task, model.tokens)
    prompts, stops = renderer.prompts(rows), model.stops | {renderer.stop_id}
    said = [
        [a.text for a in answer(model, prompts, Decoding(mode="sample", seed=seed, max_new_tokens=8), stops)]
        for seed in (1, 1, 2)
    ]
    assert said[0] == said[1] != said[2]


def test_sampling_leaves_the_random_numbers_of_a_training_alone(model, town_hall):
    task, rows = town_hall
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    answer(model, Renderer(task, model.tokens).prompts(rows[:2]), Decoding(mode="sample", max_new_tokens=4), {1})
    assert torch.equal(torch.rand(3), expected)


def ask(home, model_folder, decoding=GREEDY, **changes):
    subject = Subject("base", str(model_folder), "none")
    task = tasks.load(home, "sentiment").model_copy(update=changes)
    rows = Dataset(ASSETS / "datasets" / "sentiment").rows("validation")[:12]
    return evaluate(home, Asked([subject], [Question(task, "sentiment", "validation", rows)], decoding, True))


def test_the_same_question_is_asked_once(home, tiny_model, monkeypatch):
    first = ask(home, tiny_model)[0]
    monkeypatch.setattr("lab.evaluate.Model", None)  # a second loading would fail
    assert ask(home, tiny_model)[0].predictions == first.predictions


def test_another_prompt_or_decoding_is_another_evaluation(home, tiny_model):
    made = [ask(home, tiny_model)[0], ask(home, tiny_model, prompt="It says: $text\nSo:")[0]]
    made.append(ask(home, tiny_model, Decoding(mode="labels"))[0])
    assert len({e.id for e in made}) == 3


def test_differences_are_said(home, tiny_model):
    plain, other = ask(home, tiny_model)[0], ask(home, tiny_model, prompt="It says: $text\nSo:")[0]
    labels = ask(home, tiny_model, Decoding(mode="labels"))[0]
    assert "different prompts" in " ".join(scoreboard.compare([plain, other])[1])
    assert "different decodings" in " ".join(scoreboard.compare([plain, labels])[1])


def test_subjects_without_common_rows_are_not_compared(home, tiny_model):
    subject = Subject("base", str(tiny_model), "none")
    task = tasks.load(home, "sentiment")
    rows = Dataset(ASSETS / "datasets" / "sentiment").rows("validation")
    questions = [Question(task, "sentiment", "validation", rows[i : i + 4]) for i in (0, 4)]
    made = evaluate(home, Asked([subject, subject], questions, GREEDY, True))
    with pytest.raises(InputError, match="share no rows"):
        scoreboard.compare(made)


@pytest.mark.parametrize(
    ("field", "value"),
    [("base_fingerprint", "0123456789abcdef"), ("quantization", "int8"), ("base_model", "other/model")],
)
def test_an_adapter_made_for_another_base_is_refused_by_field(home, tiny_model, tiny_run, field, value):
    about = read_json(tiny_run.adapter / "lab.json")
    write_json(tiny_run.adapter / "lab.json", {**about, field: value})
    with pytest.raises(InputError, match=f"{field} differs"):
        evaluated(home, [tiny_run.id])


def test_an_adapter_of_another_shape_is_refused(home, tiny_model, tiny_run):
    config = json.loads((tiny_run.adapter / "adapter_config.json").read_text())
    (tiny_run.adapter / "adapter_config.json").write_text(json.dumps({**config, "r": 3}))
    with (
        pytest.raises(InputError, match="does not fit"),
        Model(bases.find(str(tiny_model)), "none").using(tiny_run.adapter),
    ):
        pass
