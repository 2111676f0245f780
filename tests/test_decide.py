"""Labels decided by one pass over their trie: the answers of plain generation, the probabilities of teacher forcing."""

import pytest
import torch
import yaml
from colours import CODEBOOK, settings, trained, worked
from test_prefix import EXACT, GROUPED, SMALL, model_of

from lab import bases, data, runs, tasks
from lab.config import Decoding
from lab.decide import decide
from lab.evaluate import respond
from lab.model import Model
from lab.packing import shared_prefix
from lab.prefix import CachedPrefix
from lab.prompt import Renderer
from lab.task import parse

GREEDY = Decoding().for_kind("classify")


@pytest.fixture(scope="module")
def model(tiny_model):
    return Model(bases.find(str(tiny_model)), "none")


def quiet(done):
    pass


def generated(model: Model, renderer: Renderer, row: dict, longest: int = 16) -> str:
    """What plain `generate` says to one row."""
    ids = torch.tensor([renderer.prompt_ids(row)])
    out = model.network.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=longest, do_sample=False, pad_token_id=0,
        eos_token_id=sorted(model.stops | {renderer.stop_id}),
    )  # fmt: skip
    return model.tokens.encoder.decode(out[0, ids.shape[1] :].tolist(), skip_special_tokens=True).strip()


def decided(model: Model, renderer: Renderer, rows: list[dict], probabilities: bool):
    prompts = renderer.prompts(rows)
    shared = shared_prefix(prompts)
    with torch.no_grad():
        prefix = CachedPrefix(model.network, prompts[0][:shared])
    stops, own = model.stops | {renderer.stop_id}, [prompt[shared:] for prompt in prompts]
    return decide(model, prefix, own, renderer.label_ids(), stops, probabilities)


def test_labels_of_a_trained_adapter_are_decided_without_a_decode_loop(colours, tiny_model, model):
    run = trained(colours, tiny_model, epochs=12, learning_rate=0.01)
    renderer, rows = Renderer(run.task, model.tokens), run.rows("train") + run.rows("validation")
    with model.using(run.adapter):
        expected = [generated(model, renderer, row) for row in rows]
        for probabilities in (True, False):
            found = decided(model, renderer, rows, probabilities)
            texts = [x.answer and model.tokens.encoder.decode(x.answer).strip() for x in found]
            assert texts == [text if text in run.task.names else None for text in expected]
            assert sum(text is not None for text in texts) > len(rows) / 2
            answers = respond(model, renderer, rows, GREEDY, probabilities, quiet).rows
            assert [x["answer"] for x in answers] == expected


def test_probabilities_are_those_of_teacher_forcing(home, model):
    task = tasks.load(home, "town-hall").model_copy(update={"with_definitions": False})
    renderer, rows = Renderer(task, model.tokens), data.load(home, "town-hall").rows("train")[:9]
    for row, found in zip(rows, decided(model, renderer, rows, True), strict=True):
        prompt = renderer.prompt_ids(row)
        for name, completion in renderer.label_ids().items():
            with torch.no_grad():
                chances = model.network(torch.tensor([prompt + completion])).logits[0].double().log_softmax(-1)
            places = range(len(prompt) - 1, len(prompt) + len(completion) - 1)
            expected = sum(chances[place, token] for place, token in zip(places, completion, strict=True)).exp().item()
            assert found.probabilities[name] == pytest.approx(expected, rel=1e-5)
        assert sum(found.probabilities.values()) == pytest.approx(1)


SPELLINGS = {"red": "Warm.", "orange": "WARM", "blue": "cold\nas ice", "green": '"cold"', "teal": "frosty"}


@pytest.mark.nightly
def test_other_spellings_of_a_label_leave_the_trie_and_are_read_as_the_contract_says(
    colours, tiny_model, tmp_path, model
):
    rows = [
        {"text": f"{shade} {word}", "say": said} for word, said in SPELLINGS.items() for shade in ("a", "the", "dark")
    ]
    teach = {key: CODEBOOK[key] for key in ("instruction", "labels", "prompt")}
    teacher = parse(yaml.safe_dump({**teach, "name": "teacher", "kind": "generate", "target": "say"}))
    config = settings(tiny_model, epochs=150, learning_rate=0.005, adapter={"r": 16, "dropout": 0.0}, task="colours")
    run = worked(colours, runs.create(colours, config, teacher, rows, []))
    task = tasks.load(colours, "colours")
    renderer = Renderer(task, model.tokens)
    with model.using(run.adapter):
        assert [x.answer for x in decided(model, renderer, rows, False)] == [None] * len(rows)
        answers = respond(model, renderer, rows, GREEDY, False, quiet).rows
    assert [x["answer"] for x in answers] == [row["say"] for row in rows]
    read = {"red": "warm", "orange": "warm", "blue": "cold", "green": "cold", "teal": None}
    assert [x["label"] for x in answers] == [read[row["text"].split()[1]] for row in rows]


@pytest.mark.parametrize("kind", [*EXACT, "window"])
@pytest.mark.parametrize("decoding", [{}, {"mode": "sample", "seed": 3}, {"beams": 2}, {"repetition_penalty": 1.3}])
def test_every_decoding_answers_as_the_ordinary_path_does(home, tmp_path, kind, decoding):
    task = tasks.load(home, "sentiment")
    rows = data.load(home, "sentiment").rows("validation")[:5]
    values = {**SMALL, **GROUPED, "sliding_window": 32} if kind == "window" else EXACT[kind]
    results = []
    for share in (True, False):
        model = model_of(tmp_path / str(share), "mistral" if kind == "window" else kind, values, share=share)
        asked = Decoding(max_new_tokens=6, **decoding)
        results.append(respond(model, Renderer(task, model.tokens), rows, asked, True, quiet))
    shared, ordinary = results
    assert (shared.ordinary is None) == (kind != "window")
    for a, b in zip(shared.rows, ordinary.rows, strict=True):
        assert (a["answer"], a["label"], a["tokens"]) == (b["answer"], b["label"], b["tokens"])
        assert a["probabilities"] == pytest.approx(b["probabilities"], rel=1e-4, abs=1e-7)


def test_generate_tasks_read_the_prefix_from_its_cache(home, model):
    task, rows = tasks.load(home, "claims"), data.load(home, "claims").rows("validation")[:4]
    renderer, asked = Renderer(task, model.tokens), Decoding(max_new_tokens=12)
    for row, found in zip(rows, respond(model, renderer, rows, asked, False, quiet).rows, strict=True):
        assert found["answer"] == generated(model, renderer, row, 12)


def test_an_answer_that_would_be_cut_is_cut(colours, tiny_model, model):
    run = trained(colours, tiny_model, epochs=12, learning_rate=0.01)
    renderer, rows = Renderer(run.task, model.tokens), run.rows("validation")
    with model.using(run.adapter):
        for longest in (1, 2, 3):
            found = respond(model, renderer, rows, Decoding(max_new_tokens=longest), True, quiet).rows
            assert [x["answer"] for x in found] == [generated(model, renderer, row, longest) for row in rows]
            assert all(x["tokens"] <= longest for x in found)
