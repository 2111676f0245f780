"""Tests of the bundled tiny model, of its training texts, and of the sentiment set."""

import hashlib
import importlib
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from safetensors import safe_open
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from transformers import AutoModelForCausalLM, AutoTokenizer

ASSETS = Path(__file__).resolve().parent.parent / "assets"
MODEL = ASSETS / "tiny-llama"
sys.path.insert(0, str(ASSETS / "recipes"))
corpus = importlib.import_module("corpus")
sentiment = importlib.import_module("sentiment")
sorting = importlib.import_module("sorting")
vocabulary = importlib.import_module("words")
make_datasets = importlib.import_module("make_datasets")

HELD_OUT = {"sentiment": "validation", "instructions": "validation", "claims": "validation", "town-hall": "train"}
MAIN_COLUMN = {"sentiment": "text", "instructions": "instruction", "claims": "claim", "town-hall": "text"}


def load(name: str, split: str) -> list[dict]:
    """Return the rows of a bundled file."""
    path = ASSETS / "datasets" / name / f"{split}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def words(text: str) -> list[str]:
    """Return the words of a text in small letters."""
    return re.findall(r"\w+", text.lower())


def runs(found: list[str], length: int) -> Iterator[str]:
    """Yield every run of so many words."""
    return (" ".join(found[place : place + length]) for place in range(len(found) - length + 1))


# --- the model's training texts ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def texts() -> list[str | list[dict]]:
    """Return the texts that the model's README speaks of, written again."""
    count = int(re.search(r"Texts: (\d+)", (MODEL / "README.md").read_text(encoding="utf-8"))[1])
    return list(corpus.texts(count))


@pytest.mark.nightly
def test_texts_are_those_the_model_was_trained_on(texts: list) -> None:
    digest = hashlib.sha256("\n".join(json.dumps(text) for text in texts).encode()).hexdigest()
    assert digest in (MODEL / "README.md").read_text(encoding="utf-8"), "the recipes changed: make the model again"


@pytest.mark.nightly
def test_no_held_out_row_and_no_run_of_eight_of_its_words_stands_in_the_texts(texts: list) -> None:
    held, whole = set(), {}
    for name, split in HELD_OUT.items():
        for row in load(name, split):
            held.update(run for value in row.values() for run in runs(words(value), 8))
            main = words(row[MAIN_COLUMN[name]])
            if 4 <= len(main) < 8:
                whole.setdefault(len(main), set()).add(" ".join(main))
    assert len(held) > 5000 and whole
    for text in texts:
        found = words(text if isinstance(text, str) else "\n".join(turn["content"] for turn in text))
        assert held.isdisjoint(runs(found, 8)), text
        for length, sentences in whole.items():
            assert sentences.isdisjoint(runs(found, length)), text


@pytest.mark.nightly
def test_held_out_opinion_words_are_met_in_the_texts(texts: list) -> None:
    met = {word for text in texts[:20000] if isinstance(text, str) for word in re.findall(r"[\w-]+", text.lower())}
    for (_, part), adjectives in vocabulary.ADJECTIVES.items():
        assert part != "held" or set(adjectives) <= met


# --- the sentiment set ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HELD_OUT)
def test_rows_are_written_again_byte_by_byte(name: str) -> None:
    for split, rows in make_datasets.MODULES[name].rows().items():
        path = ASSETS / "datasets" / name / f"{split}.jsonl"
        assert path.read_text(encoding="utf-8") == make_datasets.as_jsonl(rows)


def test_sentiment_splits() -> None:
    train, validation = load("sentiment", "train"), load("sentiment", "validation")
    assert (len(train), len(validation)) == (4000, 872)
    every = [" ".join(words(row["text"])) for row in train + validation]
    assert len(set(every)) == len(every)
    for rows in (train, validation):
        assert sum(row["label"] == "positive" for row in rows) == len(rows) // 2
        assert {row["label"] for row in rows} == {"positive", "negative"}
        assert all(6 <= len(row["text"].split()) <= 30 for row in rows)


def test_sentiment_validation_holds_out_words_and_patterns() -> None:
    tables = (vocabulary.ADJECTIVES, vocabulary.VERBS)
    held = {word for table in tables for (_, part), entries in table.items() if part == "held" for word in entries}
    tokens = {
        split: [set(re.findall(r"[\w-]+", row["text"].lower())) for row in load("sentiment", split)]
        for split in ("train", "validation")
    }
    assert not any(row & held for row in tokens["train"])
    assert 0.4 < sum(bool(row & held) for row in tokens["validation"]) / 872 < 0.6
    patterns = [
        {p for found in table.values() for p in found} for table in (sentiment.TRAIN_PATTERNS, sentiment.HELD_PATTERNS)
    ]
    assert patterns[0].isdisjoint(patterns[1])


def test_sentiment_card_and_task_agree() -> None:
    card = (ASSETS / "datasets" / "sentiment" / "dataset.yaml").read_text(encoding="utf-8")
    assert card == make_datasets.SENTIMENT_CARD
    task = yaml.safe_load((ASSETS / "tasks" / "sentiment.yaml").read_text(encoding="utf-8"))
    assert [label["name"] for label in task["labels"]] == sentiment.LABELS
    assert (task["text"], task["label"]) == ("text", "label")


@pytest.mark.parametrize("length", [1, 2])
def test_majority_and_bags_of_words_stay_well_below_a_tuned_model(length: int) -> None:
    """The majority gets 0.50; single words get 0.55, single words and pairs 0.56."""
    train, validation = load("sentiment", "train"), load("sentiment", "validation")
    bag = TfidfVectorizer(ngram_range=(1, length))
    model = LogisticRegression(max_iter=2000).fit(
        bag.fit_transform(row["text"] for row in train), [row["label"] for row in train]
    )
    accuracy = model.score(bag.transform(row["text"] for row in validation), [row["label"] for row in validation])
    assert accuracy < 0.65
    assert sum(row["label"] == "positive" for row in validation) / len(validation) == 0.5


# --- the model's folder -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokenizer():
    """Return the tokenizer."""
    return AutoTokenizer.from_pretrained(MODEL)


def test_model_is_small_and_of_the_stated_shape() -> None:
    files = {path.name: path.stat().st_size for path in MODEL.iterdir()}
    assert set(files) == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "README.md",
    }
    assert sum(files.values()) < 9_000_000
    config = json.loads((MODEL / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["LlamaForCausalLM"] and config["max_position_embeddings"] == 2048
    with safe_open(MODEL / "model.safetensors", "pt") as weights:
        tensors = {name: weights.get_tensor(name) for name in weights.keys()}  # noqa: SIM118
    assert 2_000_000 < sum(tensor.numel() for tensor in tensors.values()) < 4_000_000
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    linear = [tensor for name, tensor in tensors.items() if "proj" in name]
    assert linear and all(size % 64 == 0 for tensor in linear for size in tensor.shape)


@pytest.mark.parametrize(
    "text",
    [
        "The soup was splendid.",
        "Zażółć gęślą jaźń",
        "数据 и текст",
        "🦙🚆",
        " two  blanks\n\tand a tab ",
        "\x00\x7f\u200b",
        "[INST] a [/INST]",
        "<<SYS>>1994",
    ],
)
def test_tokenizer_takes_any_text_and_gives_it_back(tokenizer, text: str) -> None:
    ids = tokenizer(text).input_ids
    assert ids[0] == tokenizer.bos_token_id and tokenizer.bos_token_id not in ids[1:]
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert max(ids) < len(tokenizer)


def test_tokenizer_has_its_special_tokens(tokenizer) -> None:
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == ("<s>", "</s>", "<pad>")
    assert 2000 <= len(tokenizer) <= 6000
    assert tokenizer("x</s>").input_ids[-1] == tokenizer.eos_token_id
    config = json.loads((MODEL / "config.json").read_text(encoding="utf-8"))
    assert [config[f"{name}_token_id"] for name in ("bos", "eos", "pad")] == [
        tokenizer.bos_token_id,
        tokenizer.eos_token_id,
        tokenizer.pad_token_id,
    ]


def test_chat_template(tokenizer) -> None:
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "Bye."},
    ]
    whole = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert whole == "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHello. [/INST] Hi.</s><s>[INST] Bye. [/INST]"
    assert tokenizer.apply_chat_template(turns[1:3], tokenize=False) == "<s>[INST] Hello. [/INST] Hi.</s>"


# --- what the model does ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    """Return the model."""
    return AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()


def answers(model, tokenizer, chats: list[list[dict]]) -> list[str]:
    """Return the model's answers to chats."""
    tokenizer.padding_side = "left"
    prompts = [tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) for chat in chats]
    batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    with torch.no_grad():
        found = model.generate(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], max_new_tokens=16, do_sample=False
        )
    return [
        text.strip()
        for text in tokenizer.batch_decode(found[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    ]


def test_model_mostly_answers_the_sentiment_task_with_sentences(model, tokenizer) -> None:
    task = yaml.safe_load((ASSETS / "tasks" / "sentiment.yaml").read_text(encoding="utf-8"))
    labels = "\n".join(f"- {label['name']}: {label['definition']}" for label in task["labels"])
    system = task["instruction"].replace("$labels", labels).strip()
    chats = [
        [
            {"role": "system", "content": system},
            {"role": "user", "content": task["prompt"].replace("$text", row["text"])},
        ]
        for row in load("sentiment", "validation")[:100]
    ]
    found = answers(model, tokenizer, chats)
    assert sum(answer.rstrip(".").lower() in sentiment.LABELS for answer in found) < 40
    assert sum(len(answer.split()) >= 3 for answer in found) > 50


def test_model_answers_other_tasks_with_labels(model, tokenizer) -> None:
    rng = random.Random(1)
    chats = [sorting.sorting_chat(rng) for _ in range(100)]
    found = answers(model, tokenizer, [chat[:-1] for chat in chats])
    assert sum(answer == chat[-1]["content"] for answer, chat in zip(found, chats, strict=True)) > 70
