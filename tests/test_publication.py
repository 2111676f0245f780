"""A dataset with its rendered prompts leaves the lab: as a folder that others load, and on a Hub that stands in for the real one."""

import json
import shutil
from datetime import date

import datasets
import hub_stub
import huggingface_hub
import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml
from test_cli_words import ask, refuse

from lab import bases, data, publication, publish, tables, tasks
from lab import task as task_file
from lab.data import About
from lab.errors import InputError, WorkError
from lab.prompt import Renderer

TOKEN = "hf_secret_of_the_test"
TASK = """
name: mood
labels: [{name: pos, definition: "likes it | a lot", merge: [very pos]}, {name: neg}]
instruction: "Choose: $labels"
prompt: "Sentence: $text\\nLabel:"
format: llama2
"""


@pytest.fixture
def mood(home, tmp_path):
    """A dataset whose rows have a text, a column named prompt, and in one split no label; and its task."""
    rows = [("fine </s> now", "pos"), ("awful", "neg"), ("lovely", "very pos"), ("what?", None)]
    lines = [json.dumps({"text": t, "label": label, "prompt": i}) for i, (t, label) in enumerate(rows)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    (tmp_path / "t.jsonl").write_text('{"text": "who knows", "prompt": 7}\n')
    files = {"train": tmp_path / "a.jsonl", "test": tmp_path / "t.jsonl"}
    data.add(home, About(name="mood", label="label", about="Said by <b>nobody</b>."), files)
    tasks.add(home, task_file.parse(TASK))
    return home


@pytest.fixture
def hub(monkeypatch):
    """A Hub on this machine, which huggingface_hub takes for the real one."""
    with hub_stub.serving() as found:
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", found.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield found


def test_the_folder_loads_with_datasets_and_holds_what_the_model_is_shown(mood, tmp_path):
    found = ask("dataset", "push", "mood", "--task", "mood", "--model", "tiny-llama", "--to", tmp_path / "out")
    assert found["added"] == {"prompt": "rendered_prompt", "completion": "completion", "text": "rendered_text"}
    assert found["splits"]["train"] == {"rows": 4, "with_answer": 3, "labels": {"pos": 2, "neg": 1}}
    assert found["fingerprint"] == ask("dataset", "show", "mood")["fingerprint"]
    loaded = datasets.load_dataset(found["folder"], cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == ["train", "test"]
    own = data.load(mood, "mood").rows("train")
    renderer = Renderer(tasks.load(mood, "mood"), bases.tokens_at_hand(bases.find("tiny-llama")))
    for row, was in zip(loaded["train"], own, strict=True):
        assert {key: row[key] for key in was} == was
        assert row["rendered_prompt"] == renderer.prompt_text(was)
        answer = renderer.task.answer(was)
        assert row["completion"] == (renderer.completion_text(answer) if answer else None)
        assert row["rendered_text"] == (row["rendered_prompt"] + row["completion"] if answer else None)
    assert loaded["train"]["completion"][2] == " pos</s>"  # after the merges of the task
    assert loaded["train"]["rendered_prompt"][0].count("</s>") == 0  # no text of the data ends an answer
    assert loaded["test"]["completion"] == [None]


def test_the_card_tells_labels_counts_and_how_to_load_it_and_shows_no_row(mood, tmp_path):
    found = ask("dataset", "push", "mood", "--task", "mood", "--to", tmp_path)
    card = (tmp_path / "mood" / "README.md").read_text()
    head = yaml.safe_load(card.split("---\n")[1])
    assert head["configs"][0]["data_files"][0] == {"split": "train", "path": "data/train.parquet"}
    assert head["task_categories"] == ["text-classification"]
    for part in ("- **pos**: likes it \\| a lot (in the data: very pos)", "| pos | 2 | 0 |", "| rows | 4 | 1 |"):
        assert part in card
    for part in (found["fingerprint"], "load_dataset('path/to/mood')", "`rendered_prompt`", "&lt;b>nobody", "<text>"):
        assert part in card
    assert "lovely" not in card and "<b>" not in card
    assert (found["model"], found["format"], found["end"]) == (None, "llama2", "</s>")
    assert task_file.load(tmp_path / "mood" / "task.yaml") == tasks.load(mood, "mood")


def test_json_lines_hold_the_same_and_dates_as_text(mood, tmp_path):
    days = pa.table({"text": ["a"], "label": ["pos"], "day": [date(2024, 2, 29)]})
    tables.write(days, tmp_path / "days.parquet")
    data.add(mood, About(name="days", label="label"), {"train": tmp_path / "days.parquet"})
    made = publication.prepare(mood, "days", tasks.load(mood, "mood"))
    publication.to_folder(made, tmp_path / "out", "jsonl")
    assert '"day": "2024-02-29"' in (tmp_path / "out" / "days" / "data" / "train.jsonl").read_text()
    for form in publication.FORMS:
        made = publication.prepare(mood, "mood", tasks.load(mood, "mood"))
        publication.to_folder(made, tmp_path / form, form)
    lines = tables.read(tmp_path / "jsonl" / "mood" / "data" / "train.jsonl").to_pylist()
    assert lines == pyarrow.parquet.read_table(tmp_path / "parquet" / "mood" / "data" / "train.parquet").to_pylist()


def test_another_model_renders_in_its_own_chat_template(mood, tmp_path, tokenizer_folders):
    task = tasks.load(mood, "mood").model_copy(update={"format": "auto"})
    folder = shutil.copytree(tokenizer_folders["qwen"], tmp_path / "a-model")
    (folder / "config.json").write_text("{}")
    made = publication.prepare(mood, "mood", task, str(folder))
    found = publication.to_folder(made, tmp_path / "out")
    table, _ = publication.rendered(made, "train", found["added"])
    assert table.column("completion")[0].as_py() == "pos<|im_end|>"
    assert found["model"] == "a-model"  # nothing of where it lies on this machine
    assert str(tmp_path) not in (tmp_path / "out" / "mood" / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["mood", "--task", "mood"], "--to DIR"),
        (["mood", "--task", "mood", "--to", "x", "--repo", "a/b"], "--to DIR"),
        (["mood", "--task", "mood", "--to", "x", "--private"], "--private"),
        (["gone", "--task", "mood", "--to", "x"], "'gone'"),
        (["mood", "--task", "gone", "--to", "x"], "'gone'"),
        (["mood", "--task", "claims", "--to", "x"], "needs the column"),
        (["mood", "--task", "mood", "--model", "no such", "--to", "x"], "no such"),
        (["mood", "--task", "mood", "--repo", "no-owner"], "owner/name"),
        (["mood", "--task", "mood", "--repo", "a/b"], "HF_TOKEN"),
    ],
)
def test_what_cannot_be_published_is_said_and_nothing_is_left(mood, tmp_path, monkeypatch, words, named):
    for name in publish.TOKENS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert named in refuse("dataset", "push", *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_folder_that_is_there_is_left_alone(mood, tmp_path):
    (tmp_path / "mood").mkdir()
    assert "there already" in refuse("dataset", "push", "mood", "--task", "mood", "--to", tmp_path)
    assert list((tmp_path / "mood").iterdir()) == []


def push(home, private: bool = True) -> dict:
    made = publication.prepare(home, "mood", tasks.load(home, "mood"))
    return publication.to_hub(made, "owner/mood", private)


def test_a_push_puts_the_folder_into_a_repository_for_datasets(mood, hub):
    found = push(mood)
    assert (found["repo"], found["private"], "folder" in found) == ("owner/mood", True, False)
    assert found["url"].startswith(hub.url)
    assert hub.private == {"owner/mood": True}
    (files,) = hub.files.values()
    assert set(files) == {"README.md", "task.yaml", "data/train.parquet", "data/test.parquet"}
    assert b"load_dataset('owner/mood')" in files["README.md"]
    assert not any(TOKEN.encode() in content for content in files.values())
    assert any("/api/datasets/owner/mood/commit" in asked for asked in hub.asked)


@pytest.mark.parametrize(
    ("where", "status", "kind", "named"),
    [
        ("/api/", 401, InputError, "does not know the token"),
        ("commit", 403, InputError, "may not write"),
        ("commit", 413, WorkError, "refuses owner/mood"),
    ],
)
def test_what_goes_wrong_is_told_in_a_sentence_without_the_token(mood, hub, where, status, kind, named):
    hub.refusals = {where: status}
    with pytest.raises(kind, match=named) as told:
        push(mood)
    assert "\n" not in str(told.value) and TOKEN not in str(told.value)


def test_without_a_network_by_choice_that_is_said(mood, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(WorkError, match="HF_HUB_OFFLINE"):
        push(mood)
