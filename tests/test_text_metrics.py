"""Metrics of texts: against numbers worked out by hand and against the libraries, and what is kept of them."""

import json
import math
import shutil
from pathlib import Path

import pytest
import yaml
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from lab import bases, comparison, data, evaluations, exports, row_scores, scoreboard, tasks, text_overlap, text_scores
from lab.comparison import Comparison
from lab.errors import InputError, WorkError
from lab.home import Home, read_lines
from lab.prompt import Renderer
from lab.task import parse
from lab.wanted_metrics import Metric, listed

ECHO = {"name": "echo", "kind": "generate", "text": "text", "target": "target", "prompt": "Say: $text\nSaid:"}
ROWS = [
    {"text": "one", "target": "the cat sat on a mat"},
    {"text": "two", "target": "a cat was running fast"},
    {"text": "three", "target": "они идут домой"},
    {"text": "four", "target": "yes"},
]
WORDS = ["the", "cat", "cats", "sat", "were", "on", "a", "mat", "running", "fast", "yes", "no"]
ANSWERS = ["the cat sat on the mat", "the cats were running", "они идут домой", ""]
BY_HAND = (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4)  # of the first row: its n-grams of 1 to 4 words in the reference


def counted(name: str, answers=ANSWERS, references=None) -> text_overlap.Counted:
    return text_overlap.count(name, answers, references or [row["target"] for row in ROWS])


def scored(found: text_overlap.Counted) -> dict:
    return row_scores.score(found.kind, found.keys, found.rows)[0]


# -- words in common -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "reference", "bleu"),
    [
        ("the cat sat on the mat", "the cat sat on a mat", BY_HAND),
        ("a b", "a c", (1 / 2 * 0.1 * 0.1 * 0.1) ** (1 / 4)),  # what does not occur counts as 0.1 of one
        ("the cat", "the cat sat on a mat", math.exp(1 - 6 / 2) * (1 * 1 * 0.1 * 0.1) ** (1 / 4)),  # too short
        ("a b c d", "a b c d", 1.0),
        ("", "a", 0.0),
        ("a", "", 0.0),
        ("", "", 0.0),
    ],
)
def test_bleu_is_what_one_works_out_by_hand(answer, reference, bleu):
    assert counted("bleu", [answer], [reference]).rows == [[pytest.approx(bleu)]]


@pytest.mark.parametrize(
    ("answer", "reference", "rouge"),
    [
        ("the cats were running", "a cat was running fast", 2 * (2 / 4) * (2 / 5) / (2 / 4 + 2 / 5)),  # cat … run
        ("b a c", "a b c", 2 / 3),  # two of three in order
        ("yes", "yes", 1.0),
        ("", "yes", 0.0),
        ("yes", "", 0.0),
        ("они", "они", 0.0),  # the library knows no such letters
    ],
)
def test_rouge_l_is_what_one_works_out_by_hand(answer, reference, rouge):
    found = counted("rouge_l", [answer], [reference])
    assert found.rows == [[pytest.approx(rouge)]]
    assert ("references_without_such_words" in found.settings) == (reference in ("", "они"))


def test_sacrebleu_is_the_librarys_over_all_rows_and_over_a_part_of_them():
    from sacrebleu.metrics import BLEU

    references = [row["target"] for row in ROWS]
    found = counted("sacrebleu")
    assert scored(found)["sacrebleu"] == pytest.approx(BLEU().corpus_score(ANSWERS, [references]).score)
    part = row_scores.score(found.kind, found.keys, found.rows[:2])[0]
    assert part["sacrebleu"] == pytest.approx(BLEU().corpus_score(ANSWERS[:2], [references[:2]]).score)
    assert found.settings["signature"] == "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"


def test_intervals_are_seeded_and_hold_the_score():
    found = counted("bleu", ANSWERS * 20, [row["target"] for row in ROWS] * 20)
    (value, interval), again = (
        (x["bleu"] for x in row_scores.score("mean", ["bleu"], found.rows)),
        scored(found)["bleu"],
    )
    assert value == again and interval[0] < value < interval[1]
    assert row_scores.score("mean", ["bleu"], found.rows)[1]["bleu"] == interval
    assert row_scores.score("mean", ["bleu"], [])[0] == {"bleu": None}


# -- perplexity ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny_scorer(tiny_model):
    from lab.model import Model

    return Model(bases.find(str(tiny_model)), "none")


def surprise(network, ids: list[int], first: int) -> float:
    """The negative log-likelihood of the tokens from `first` on, one forward for each."""
    import torch

    total = 0.0
    for place in range(first, len(ids)):
        with torch.no_grad():
            logits = network(input_ids=torch.tensor([ids[:place]])).logits[0, -1]
        total -= torch.log_softmax(logits.double(), -1)[ids[place]].item()
    return total


def test_perplexity_of_answers_is_that_of_a_plain_loop(tiny_scorer):
    from lab import perplexity

    answers = ["The soup was warm.", "", "они", "The council wants a new bridge over the river near the old mill."]
    encoded = [tiny_scorer.tokens.encoder.encode(text).ids for text in answers]  # with its own <s>
    nll = sum(surprise(tiny_scorer.network, ids, 1) for ids in encoded if len(ids) > 1)
    tokens = sum(len(ids) - 1 for ids, text in zip(encoded, answers, strict=True) if text)
    found = perplexity.of_answers(tiny_scorer, "tiny", answers, lambda done: None)
    assert found.rows[1] == [0.0, 0]
    assert scored(found)["generated_perplexity"] == pytest.approx(math.exp(nll / tokens), rel=1e-5)
    assert scored(perplexity.of_answers(tiny_scorer, "tiny", [""], lambda done: None)) == {"generated_perplexity": None}


def test_perplexity_of_references_is_theirs_behind_their_prompts(tiny_scorer):
    from lab import perplexity

    renderer, rows = Renderer(parse(yaml.safe_dump(ECHO)), tiny_scorer.tokens), ROWS[:2]
    found = perplexity.of_references(tiny_scorer, renderer, rows, lambda done: None)
    nll = tokens = 0
    for row in rows:
        prompt, answer = renderer.prompt_ids(row), renderer.completion_ids(row["target"])
        assert answer[-1] == renderer.stop_id
        nll, tokens = nll + surprise(tiny_scorer.network, prompt + answer, len(prompt)), tokens + len(answer)
    assert scored(found)["reference_perplexity"] == pytest.approx(math.exp(nll / tokens), rel=1e-5)


# -- BERTScore -------------------------------------------------------------------------------------------------------


def bert(folder, limit: bool = False):
    """A tiny encoder whose tokenizer knows a few words and, unless asked to, names no limit."""
    import torch
    from transformers import BertConfig, BertModel

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    about |= {"cls_token": "[CLS]", "sep_token": "[SEP]", **({"model_max_length": 32} if limit else {})}
    (folder / "tokenizer_config.json").write_text(json.dumps(about))
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=32, **size))
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory):
    return bert(tmp_path_factory.mktemp("bert") / "tiny-bert")


def test_bertscore_is_one_for_equal_texts_and_else_the_cosines_best_matches(tiny_bert):
    from lab import bertscore

    encoder = bertscore.Encoder(str(tiny_bert))
    long = "the cat " * 40  # longer than the encoder can take
    answers = ["the cat sat", "a cat running", long, "", "yes", "yes"]
    references = ["the cat sat", "the cats were running", long, "yes", "", "yes"]
    found = bertscore.count(encoder, answers, references, lambda done: None)
    same, other, cut, *rest = found.rows
    assert same == cut == pytest.approx([1, 1, 1], abs=1e-5)
    assert rest == [[0, 0, 0], [0, 0, 0], pytest.approx([1, 1, 1], abs=1e-5)]
    assert other == pytest.approx(cosines(encoder, answers[1], references[1]), abs=1e-5)
    assert (found.settings["model"], found.settings["layer"]) == ("tiny-bert", 2)


def cosines(encoder, answer: str, reference: str) -> list[float]:
    """F, precision, recall, from the hidden states of the words between [CLS] and [SEP]."""
    import torch

    states = []
    for text in (answer, reference):
        ids = torch.tensor([encoder.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            out = encoder.network.network(input_ids=ids).last_hidden_state[0]
        states.append(out / out.norm(dim=1, keepdim=True))
    alike = states[0] @ states[1].T  # a word may be matched with [CLS], which itself counts for nothing
    precision, recall = alike.max(1).values[1:-1].mean().item(), alike.max(0).values[1:-1].mean().item()
    return [2 * precision * recall / (precision + recall), precision, recall]


def test_bertscore_is_the_librarys_own(tmp_path):
    import bert_score

    from lab import bertscore

    folder = bert(tmp_path / "one", limit=True)
    answers, references = ["a cat running", "yes no"], ["the cats were running", "the mat"]
    library = bert_score.score(answers, references, model_type=str(folder), num_layers=2, device="cpu")
    found = bertscore.count(bertscore.Encoder(str(folder)), answers, references, lambda done: None).rows
    precision, recall, f = (x.tolist() for x in library)
    assert [[*row] for row in found] == [pytest.approx(row, abs=1e-5) for row in zip(f, precision, recall, strict=True)]


# -- kept beside an evaluation ---------------------------------------------------------------------------------------


@pytest.fixture
def echo(home, tmp_path) -> Home:
    """A home with a task that generates and four rows of it."""
    (tmp_path / "echo.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    files = {"train": tmp_path / "echo.jsonl", "validation": tmp_path / "echo.jsonl"}
    data.add(home, data.About(name="echo", text="text", target="target"), files)
    tasks.add(home, parse(yaml.safe_dump(ECHO)))
    return home


def wanted(home: Home, subject: str, metrics: list[Metric] | None = None, **more) -> Comparison:
    asks = {"task": tasks.load(home, "echo"), "dataset": "echo", **more}
    return Comparison(subjects=[subject], metrics=metrics, **asks)


def answered(home: Home, asked: Comparison, answers: list[str], labels: list | None = None) -> evaluations.Evaluation:
    """An evaluation of these answers, as if the subject had given them."""
    found = comparison.look_up(home, asked)
    (subject,), (question,) = found.subjects, found.questions
    base = bases.find(subject.base)
    renderer = Renderer(question.task, bases.tokens_at_hand(base))
    request = evaluations.request(subject, base, question, renderer, found.decoding)
    rows = [{"answer": a, "label": x, "tokens": 3} for a, x in zip(answers, labels or [None] * 9, strict=False)]
    return evaluations.save(home, request, question, rows, 1.0)


def test_metrics_are_counted_later_without_decoding_again_and_only_once(echo, tiny_model, tiny_bert, monkeypatch):
    from lab import evaluate, text_metrics

    subject, base = f"base:{tiny_model}", str(tiny_model)
    (made,) = evaluate.evaluate(echo, comparison.look_up(echo, wanted(echo, subject, decoding=["max_new_tokens=4"])))
    assert set(text_scores.kept(made.folder)) == {"bleu", "sacrebleu", "rouge_l"}
    before = (made.folder / "predictions.jsonl").read_bytes()
    monkeypatch.setattr(evaluate, "respond", None)  # it would fail if anything were decoded
    metrics = listed(
        "bleu,bertscore,generated_perplexity,reference_perplexity", bertscore_model=str(tiny_bert), scorer=base
    )
    asked = comparison.look_up(echo, wanted(echo, subject, metrics, decoding=["max_new_tokens=4"]))
    assert not asked.is_complete(echo)
    evaluate.evaluate(echo, asked)
    assert asked.is_complete(echo) and (made.folder / "predictions.jsonl").read_bytes() == before
    monkeypatch.setattr(text_metrics, "_write", None)  # nothing is counted twice
    (again,) = evaluate.evaluate(echo, asked)
    found = scoreboard.compare([again], wanted=metrics)[0][0]
    keys = ["exact_match", "bleu", "bertscore", "bertscore_precision", "bertscore_recall"]
    keys += ["generated_perplexity", "reference_perplexity"]
    assert list(found["text_metrics"]) == list(found["text_metrics_ci95"]) == keys
    assert found["text_metrics"]["reference_perplexity"] > 1
    settings = found["text_metrics_settings"]
    assert (
        settings["bertscore"]["model"] == "tiny-bert" and settings["generated_perplexity"]["model"] == tiny_model.name
    )
    assert all(settings[name]["version"] for name in ("bleu", "bertscore", "generated_perplexity"))
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("name", ["bleu", "sacrebleu", "rouge_l"])
def test_one_metric_alone_needs_no_library_of_the_others_and_shows_none_of_them(echo, tiny_model, monkeypatch, name):
    from lab import evaluate

    def missing(*_):
        raise ModuleNotFoundError("No module named 'gone'", name="gone")

    others = set(text_overlap.METRICS) - {name}
    for other in others:
        monkeypatch.setitem(text_overlap.METRICS, other, missing)

    def found(metric: str) -> dict:
        asks = wanted(echo, f"base:{tiny_model}", [Metric(name=metric)], decoding=["max_new_tokens=4"])
        made = evaluate.evaluate(echo, comparison.look_up(echo, asks))
        return scoreboard.compare(made, wanted=asks.metrics)[0][0]["text_metrics"]

    assert set(found(name)) == {"exact_match", name}
    for other in others:
        with pytest.raises(WorkError, match=f"{other} needs a library that is missing"):
            found(other)


def test_a_comparison_shows_metrics_with_intervals_and_settings_over_the_rows_that_all_share(echo):
    from lab import text_metrics

    made = answered(echo, wanted(echo, "base:tiny-llama"), ANSWERS)
    part = answered(echo, wanted(echo, "base", rows=2), ANSWERS[:2])
    for one in (made, part):
        text_metrics.count_plain(one, lambda what, rows: lambda done: None)
    objects, notes = scoreboard.compare([made, part])
    values = objects[0]["text_metrics"]
    assert values == objects[1]["text_metrics"] and objects[0]["n"] == 2
    assert values["bleu"] == pytest.approx(sum(row[0] for row in counted("bleu").rows[:2]) / 2)
    assert values["exact_match"] == 0 and objects[0]["text_metrics_ci95"]["exact_match"][0] == 0
    alone = scoreboard.compare([made])[0][0]
    assert alone["text_metrics"]["exact_match"] == 0.25
    markdown = exports.as_markdown([alone], notes)
    assert "| ROUGE-L |" in markdown and "nltk 3.10.4, smoothing method 1" in markdown
    assert "nrefs:1" in markdown
    assert "BLEU" in exports.as_csv([alone], notes).splitlines()[0]


def test_a_label_read_from_texts_is_scored_with_the_metrics_of_the_texts_beside_it(echo):
    from lab import text_metrics

    asks = {**ECHO, "name": "verdict", "label": "text", "read": r"is \[(one|two|three|four)\]"}
    asks["labels"] = [{"name": name} for name in ("one", "two", "three", "four")]
    task = parse(yaml.safe_dump(asks))
    texts = ["I think it is [one]", "so it is [two]", "it is [one]", "who knows"]
    asked = Comparison(subjects=["base"], task=task, dataset="echo")
    made = answered(echo, asked, texts, [task.read_answer(text) for text in texts])
    text_metrics.count_plain(made, lambda what, rows: lambda done: None)
    found = scoreboard.compare([made])[0][0]
    assert (found["accuracy"], found["invalid"], found["invalid_outputs"]) == (0.5, 1, [["who knows", 1]])
    assert found["confusion"]["counts"][3] == [0, 0, 0, 0, 1]
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1) / 4)
    assert set(found["text_metrics"]) == {"exact_match", "bleu", "sacrebleu", "rouge_l"}
    assert read_lines(made.folder / "predictions.jsonl")[0]["target"] == ROWS[0]["target"]
    row = exports.as_csv([found], []).splitlines()[1]
    assert "0.500" in row and row.count(",") > 10


def test_metrics_of_texts_are_refused_where_labels_are_answered_and_where_no_model_is_named(home, echo):
    with pytest.raises(InputError, match="answers with labels"):
        comparison.look_up(home, Comparison(subjects=["base"], metrics=[Metric(name="bleu")]))
    with pytest.raises(InputError, match="no base model 'nowhere'"):
        comparison.look_up(echo, wanted(echo, "base", [Metric(name="bertscore", model="nowhere")]))


def test_the_table_of_the_page_heads_metrics_with_their_settings_and_asks_for_more_of_them(echo):
    from lab import text_metrics
    from lab.ui import compare_look, compare_table, compare_texts

    made = answered(echo, wanted(echo, "base:tiny-llama"), ANSWERS)
    text_metrics.count_plain(made, lambda what, rows: lambda done: None)
    found = compare_look.look_at(echo, wanted(echo, "base:tiny-llama"))
    shown = compare_table.board(found, found.names, [])
    assert "<button type='button' title='nltk 3.10.4, smoothing method 1" in shown and ">ROUGE-L<" in shown
    asked = compare_texts.asked_for(found, ["bleu", "bertscore"], "tiny-llama", " ")
    assert asked.metrics == [Metric(name="bleu"), Metric(name="bertscore", model="tiny-llama")]
    assert asked.subjects == ["base:tiny-llama"] and asked.dataset == "echo"
    for names, encoder in ((["bertscore"], ""), ([], ""), (["bertscore"], "/etc"), (["<b>"], ""), (None, None)):
        with pytest.raises(InputError):
            compare_texts.asked_for(found, names, encoder, "")


def test_a_training_scores_the_label_in_its_texts_and_the_texts(echo, tiny_model):
    import colours

    verdict = {**ECHO, "name": "verdict", "label": "text", "read": r"is \[(one|two)\]"}
    verdict["labels"] = [{"name": name} for name in ("one", "two", "three", "four")]
    tasks.add(echo, parse(yaml.safe_dump(verdict)))
    asks = {"task": "verdict", "dataset": "echo", "epochs": 1, "batch_size": 4, "decoding": {"max_new_tokens": 4}}
    run = colours.trained(echo, tiny_model, **asks)
    (point,) = (point for point in run.points() if "accuracy" in point)
    assert {"accuracy", "macro_f1", "invalid", "exact_match", "bleu", "sacrebleu", "rouge_l"} <= set(point)
    assert f"{point['invalid']} of 4 invalid; Exact match" in run.log_tail()
    asked = Comparison(subjects=["base", run.id], metrics=listed("bleu,rouge_l"))
    assert comparison.look_up(echo, asked).is_complete(echo)  # as it was scored in training


@pytest.mark.parametrize("name", ["reference_perplexity", "generated_perplexity"])
def test_a_perplexity_that_is_no_number_is_told_in_a_sentence_with_its_model(echo, tiny_model, tmp_path, name):
    """JSON's own error for it went through."""
    from safetensors.torch import load_file, save_file

    from lab import evaluate

    ruined = Path(shutil.copytree(tiny_model, tmp_path / "ruined"))
    weights = load_file(ruined / "model.safetensors")
    weights["model.norm.weight"].fill_(math.nan)
    save_file(weights, ruined / "model.safetensors", metadata={"format": "pt"})
    by_scorer = name == "generated_perplexity"
    subject, metric = (
        f"base:{tiny_model if by_scorer else ruined}",
        Metric(name=name, model=str(ruined) if by_scorer else None),
    )
    asked = wanted(echo, subject, [metric], decoding=["max_new_tokens=2"])
    with pytest.raises(
        WorkError, match=rf"{name} of base.* is not a number: .*ruined gives NaN or infinity for row 1 of"
    ):
        evaluate.evaluate(echo, comparison.look_up(echo, asked))
    (made,) = echo.evaluations.glob("*-*")
    assert not list(made.glob(f"text-{name}*")) and list(made.glob("text-bleu*"))
