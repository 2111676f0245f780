"""Before training: pieces of a prompt are exactly the text that the model sees, and only what is needed is read."""

import pyarrow as pa
import pytest

from lab import data, prompt, tasks
from lab.browse import cells, rows_at
from lab.errors import InputError
from lab.preview import (
    SHARED,
    TRAINED,
    guess_columns,
    integer_labels,
    look_for_problems,
    preview,
    spans,
)
from lab.prompt import Renderer
from lab.task import Task
from lab.tokens import Tokens

LABELS = [{"name": "positive", "definition": "good 🙂"}, {"name": "negative", "definition": "bad"}]
ROWS = [
    {"text": "Ein schöner Tag 🙂", "label": "positive"},
    {"text": "Ein schöner Tag 🙃", "label": "negative"},
    {"text": "Ein schöner  Tag", "label": None},
]


@pytest.mark.parametrize("format_", ["auto", "plain", "alpaca"])
def test_pieces_add_up_to_what_the_model_sees(tokenizer_folders, style, format_):
    task = Task(name="t", labels=LABELS, instruction="Say $labels", prompt="Text: $text\n", format=format_)
    renderer = Renderer(task, Tokens.from_folder(tokenizer_folders[style]))
    shared = prompt.common_prefix(renderer.prompts(ROWS))
    begun = set()
    for row in ROWS:
        found = spans(renderer, row, shared)
        assert [mark for _, mark in found if mark] == ([SHARED, TRAINED] if row["label"] else [SHARED])
        text = "".join(piece for piece, _ in found)
        ids = renderer.prompt_ids(row) + (renderer.completion_ids(row["label"]) if row["label"] else [])
        assert text.endswith(preview(renderer, row, ROWS)["text"])
        front = text.removesuffix(preview(renderer, row, ROWS)["text"])
        assert front == ("" if not renderer.tokens.lead or renderer.prompt_text(row).startswith("<s>") else "<s>")
        decoded = renderer.tokens.encoder.decode(ids, skip_special_tokens=False)
        assert decoded.replace(" ", "") == text.replace(" ", "")
        begun.add(found[0][0])
    assert len(begun) == 1  # what is marked as shared is the same in all rows
    assert begun.pop().rstrip().endswith(("Tag", "Text:", "schöner"))


def test_no_shared_token_marks_none_and_all_shared_mark_the_prompt(tokenizer_folders):
    task = Task(name="t", labels=LABELS, prompt="$text")
    renderer = Renderer(task, Tokens.from_folder(tokenizer_folders["llama2"]))
    marks = [mark for _, mark in spans(renderer, ROWS[0], 0)]
    assert marks == [None, TRAINED]
    everything = len(renderer.prompt_ids(ROWS[0]))
    assert [mark for _, mark in spans(renderer, ROWS[0], everything)] == [SHARED, TRAINED]


def test_rows_of_a_parquet_file_are_read_where_they_stand(home):
    rows = [{"text": f"row {i}", "y": i % 2} for i in range(4500)]
    about = data.About(name="many", label="y", label_names=["no", "yes"])
    found = data.add_tables(home, about, {"train": pa.Table.from_pylist(rows)})
    for start, count in ((0, 3), (1999, 2), (4499, 5), (0, 4500)):
        assert rows_at(found, "train", start, count) == found.rows("train")[start : start + count]
    assert cells(found, "train", ["y", "gone"]) == [{"y": row["y"]} for row in found.rows("train")]
    assert cells(found, "train", ["gone"]) == [{}] * 4500
    task = Task(name="t", label="y", labels=[{"name": "yes"}, {"name": "no"}], instruction="$labels")
    assert [x["severity"] for x in look_for_problems(task, found)] == ["warning"] * 2  # no definitions
    with pytest.raises(InputError):
        rows_at(found, "gone", 0, 1)


@pytest.mark.parametrize(
    ("rows", "text", "label", "target"),
    [
        ([{"text": "a", "label": "b"}], "text", "label", None),
        ([{"Sentence": "a", "Label ": 1}], "Sentence", "Label ", None),
        ([{"instruction": "a", "output": "b"}], "instruction", None, "output"),
        ([{"id": str(i), "what": f"some words {i}", "kind": i % 2} for i in range(9)], "what", "kind", None),
        ([{"id": str(i), "what": f"some words {i}"} for i in range(9)], "what", None, None),
    ],
)
def test_columns_are_guessed_by_name_and_content(rows, text, label, target):
    assert guess_columns(rows) == {"text": text, "label": label, "target": target}


def test_integer_labels_want_names():
    assert integer_labels(["1", 0, 1.0, None, -1]) == [0, 1]
    assert integer_labels(["good", "1"]) == integer_labels([]) == integer_labels([0.5]) == integer_labels([1999]) == []


# -- keeping an edited task ------------------------------------------------------------------------------------------


def test_saving_replaces_ones_own_task_and_no_bundled_one(home):
    task = Task(name="mine", labels=LABELS)
    tasks.save(home, task)
    tasks.save(home, task.model_copy(update={"instruction": "new"}))
    assert tasks.load(home, "mine").instruction == "new"
    assert tasks.listing(home).count("mine") == 1
    with pytest.raises(InputError, match="bundled"):
        tasks.save(home, task.model_copy(update={"name": "sentiment"}))
    assert not (home.tasks / "sentiment.yaml").exists()


def test_a_name_that_stands_twice_is_listed_once(home):
    home.tasks.mkdir(parents=True)
    (home.tasks / "sentiment.yaml").write_text("name: sentiment")
    assert tasks.listing(home).count("sentiment") == 1


def test_a_draft_is_a_task_as_soon_as_it_has_labels():
    about = data.About(name="film-reviews", text="the text", label="y")
    task = Task.model_validate(tasks.draft(about, ["good", "bad"]))
    assert (task.names, task.prompt) == (["good", "bad"], "Text: ${the text}\nLabel:")
    about = data.About(name="answers", text="question", target="answer")
    assert Task.model_validate(tasks.draft(about, [])).kind == "generate"
