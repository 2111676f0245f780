"""Versions of tasks: what is kept, what changed, who used it; labels counted once; tables of labels that lose nothing."""

import json
import os
from collections import Counter

import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner

from lab import balance, bases, browse, data, difference, lint, marks, preview, runs, tasks, versions
from lab import task as task_file
from lab.cli import cli
from lab.config import Config
from lab.errors import InputError
from lab.prompt import Renderer
from lab.runs import Run
from lab.task import Task
from lab.tokens import Tokens
from lab.ui import label_editor, label_table, version_panel

LABELS = [{"name": "for", "definition": "wants it"}, {"name": "against", "definition": "does not want it"}]
TASK = Task(name="mine", labels=LABELS, instruction="Choose.\n$labels")


def changed(task: Task, **values) -> Task:
    return Task.model_validate(task.model_dump() | values)


def numbers(home, name: str = "mine") -> list[int]:
    return [version.number for version in versions.listing(home, name)]


# -- what is kept ----------------------------------------------------------------------------------------------------


def test_every_saved_content_is_a_version_and_unchanged_content_none(home):
    tasks.add(home, TASK)
    assert tasks.save(home, TASK) == (1, False)
    assert tasks.save(home, changed(TASK, instruction="Say one.")) == (2, True)
    assert tasks.save(home, changed(TASK, instruction="Say one.")) == (2, False)
    assert tasks.restore(home, "mine", 1) == (3, True)
    assert tasks.load(home, "mine") == TASK
    assert [version.task.instruction for version in versions.listing(home, "mine")] == [
        "Choose.\n$labels",
        "Say one.",
        "Choose.\n$labels",
    ]
    found = versions.history(home, "mine")
    assert [(x["version"], x["changed"], x["current"]) for x in found] == [
        (3, ["instruction", "as version 1"], True),
        (2, ["instruction"], False),
        (1, [], False),
    ]
    with pytest.raises(InputError, match="it has 1, 2, 3"):
        versions.one(home, "mine", 9)
    assert tasks.listing(home).count("mine") == 1  # the folder of versions is no task


def test_a_home_without_versions_works_and_a_file_edited_by_hand_becomes_one(home):
    home.tasks.mkdir(parents=True)
    file = home.tasks / "mine.yaml"
    file.write_text(task_file.dump(TASK))
    assert numbers(home) == [1]
    by_hand = changed(TASK, prompt="Text: $text")
    file.write_text("# by hand\n" + task_file.dump(by_hand))
    assert numbers(home) == [1]  # nothing was kept yet, so this is what there is
    assert tasks.save(home, changed(TASK, prompt="T: $text")) == (2, True)
    file.write_text(task_file.dump(TASK))
    assert [v.task.prompt for v in versions.listing(home, "mine")] == ["Text: $text", "T: $text", "$text"]
    assert tasks.save(home, TASK) == (3, False)
    assert sorted(path.name for path in (home.tasks / "mine").iterdir()) == ["1.yaml", "2.yaml", "3.yaml"]


def test_nothing_that_cannot_be_read_is_written_over(home):
    tasks.add(home, TASK)
    (home.tasks / "mine.yaml").write_text("labels: [")
    with pytest.raises(InputError, match="not valid YAML"):
        tasks.save(home, changed(TASK, instruction="new"))
    assert (home.tasks / "mine.yaml").read_text() == "labels: ["
    assert "not valid YAML" in version_panel.listed(home, "mine")[0]
    assert versions.of_run(home, run_with(home, TASK)) == "mine, version 1"


def test_a_bundled_task_is_one_version_and_proposes_a_free_name(home):
    (only,) = versions.history(home, "sentiment")
    assert (only["version"], only["bundled"], only["saved"]) == (1, True, None)
    assert tasks.free_name(home, "sentiment") == "sentiment-2"
    tasks.add(home, changed(TASK, name="sentiment-2"))
    assert tasks.free_name(home, "sentiment") == "sentiment-3"
    with pytest.raises(InputError, match="such as sentiment-3"):
        tasks.save(home, changed(TASK, name="sentiment"))
    with pytest.raises(InputError, match="bundled"):
        versions.delete(home, "sentiment")


def test_a_deleted_task_is_gone_with_its_versions(home):
    tasks.add(home, TASK)
    tasks.save(home, changed(TASK, instruction="new"))
    assert versions.delete(home, "mine") == 2
    assert "mine" not in tasks.listing(home)
    tasks.add(home, TASK)
    assert numbers(home) == [1]
    for name in ("../up", "gone"):
        with pytest.raises(InputError):
            versions.delete(home, name)


def run_with(home, task: Task) -> Run:
    return runs.create(home, Config(task=task.name), task, [], [])


def test_a_run_says_which_version_it_used(home):
    tasks.add(home, TASK)
    first = run_with(home, TASK)
    tasks.save(home, changed(TASK, instruction="Say one."))
    second = run_with(home, tasks.load(home, "mine"))
    tasks.restore(home, "mine", 1)
    third = run_with(home, tasks.load(home, "mine"))
    later = versions.listing(home, "mine")[-1].saved + 1
    os.utime(third.task_path, (later, later))
    os.utime(first.task_path, (later - 10, later - 10))
    bundled, other = run_with(home, tasks.load(home, "sentiment")), run_with(home, changed(TASK, name="sentiment"))

    said = [versions.of_run(home, run) for run in (first, second, third, bundled, other)]
    assert said == [*(f"mine, version {n}" for n in (1, 2, 3)), "sentiment, bundled", "sentiment, no longer kept"]
    assert versions.used_by(home, "mine") == {n + 1: [run.id] for n, run in enumerate((first, second, third))}
    assert versions.used_by(home, "sentiment") == {1: [bundled.id]}
    found = CliRunner().invoke(cli, ["run", "show", second.id, "--json"])
    assert json.loads(found.stdout)["task_version"] == "mine, version 2"
    versions.delete(home, "mine")
    assert versions.of_run(home, first) == "mine, no longer kept"
    first.task_path.write_text("labels: [")
    assert versions.of_run(home, first) is None


# -- what changed ----------------------------------------------------------------------------------------------------


def test_what_changed_is_said_in_a_few_words():
    said = lambda **values: difference.changes(TASK, changed(TASK, **values))  # noqa: E731
    yes, no = LABELS
    assert said() == []
    assert said(labels=[*LABELS, {"name": "unsure"}, {"name": "neutral"}]) == ["+2 labels: unsure, neutral"]
    assert said(labels=LABELS[::-1]) == ["order of the labels"]
    assert said(labels=[{**yes, "definition": "x"}, no]) == ["definition of for"]
    assert said(labels=[{**yes, "name": "pro"}, no]) == ["for is now pro"]
    assert said(labels=[{**yes, "merge": ["strongly for"], "aliases": ["pro"]}, no]) == [
        "aliases of for",
        "merged labels of for",
    ]
    assert said(labels=[yes, {"name": "unsure"}]) == ["+1 label: unsure", "−1 label: against"]
    assert said(with_definitions=False, format="plain", prompt="$text!") == [
        "row template",
        "definitions off",
        "format plain",
    ]


def test_a_difference_shows_the_lines_and_the_words_that_differ():
    new = changed(TASK, labels=[{"name": "for", "definition": "wants it now"}, LABELS[1]])
    found = difference.compared(TASK, new)
    assert difference.as_text(found).splitlines() == [
        "…",
        "      $text",
        "  label for",
        "-     wants it",
        "+     wants it now",
        "  label against",
        "      does not want it",
    ]
    assert [piece for line in found if line["mark"] == "+" for piece in line["pieces"]] == [
        ["    wants it", False],
        [" now", True],
    ]
    assert difference.compared(TASK, TASK) == []


def test_versions_on_the_command_line(home, tmp_path):
    def call(*words: str, code: int = 0):
        done = CliRunner().invoke(cli, [*words, "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if code == 0 else done.stderr

    file = tmp_path / "mine.yaml"
    file.write_text(task_file.dump(TASK))
    assert call("task", "save", str(file))["version"] == 1
    file.write_text(task_file.dump(changed(TASK, format="plain")))
    assert "is there already" in call("task", "add", str(file), code=2)
    assert call("task", "save", str(file)) == {
        "name": "mine",
        "kind": "classify",
        "labels": ["for", "against"],
        "with_definitions": True,
        "version": 2,
        "new": True,
    }
    assert [x["version"] for x in call("task", "versions", "mine")] == [2, 1]
    found = call("task", "diff", "mine")
    assert (found["from"], found["to"], found["changed"]) == (1, 2, ["format plain"])
    assert call("task", "diff", "mine", "2", "1")["changed"] == ["format auto"]
    assert call("task", "restore", "mine", "1") == {"name": "mine", "restored": 1, "version": 3, "new": True}
    assert "no version 7" in call("task", "diff", "mine", "7", code=2)
    assert call("task", "delete", "mine") == {"name": "mine", "deleted": True, "versions": 3}
    assert "bundled" in call("task", "delete", "sentiment", code=2)
    (split,) = call("task", "balance", "town-hall", "--dataset", "town-hall")
    assert sum(x["after"] for x in split["labels"]) == split["rows"] == 113


# -- labels counted ----------------------------------------------------------------------------------------------------


def rows_of(home, name: str = "stances"):
    rows = [("yes", 3), ("strong yes", 2), ("no", 1), (None, 2)]
    table = [{"text": f"t {i}" if label else " ", "label": label} for label, n in rows for i in range(n)]
    return data.add_tables(home, data.About(name=name, label="label"), {"train": pa.Table.from_pylist(table)})


def test_the_balance_after_merging_stands_beside_the_one_before(home, monkeypatch):
    found = rows_of(home)
    (split,) = balance.what_if(found, "label", ["yes", "maybe"], {"strong yes": "yes"})
    assert (split["split"], split["rows"], split["labelled"]) == ("train", 8, 6)
    assert [tuple(x.values()) for x in split["labels"]] == [
        ("yes", 3, 5, None, True),
        ("strong yes", 2, 0, "yes", True),
        ("maybe", 0, 0, None, True),
        ("no", 1, 1, None, False),
    ]
    assert balance.what_if(found, "text", ["yes"], {})[0]["more"] == [0, 0]
    monkeypatch.setattr(balance, "MOST_UNKNOWN", 2)
    (cut,) = balance.what_if(found, "text", ["yes"], {})
    assert (len(cut["labels"]), cut["more"]) == (3, [1, 1])
    assert balance.what_if(found, "gone", ["yes"], {})[0]["labelled"] == 0


def test_counted_lint_is_the_lint_of_all_rows_and_reads_a_file_once(home, monkeypatch):
    task = Task(name="t", labels=[{"name": "yes", "merge": ["strongyes"]}, {"name": "nix"}], instruction="$labels")
    for name in ("sentiment", "claims"):
        found = data.load(home, name)
        assert preview.look_for_problems(task, found) == lint.lint(task, found.all_rows(), found.columns)
    found = rows_of(home)
    said = lint.lint(task, found.all_rows(), found.columns)
    assert preview.look_for_problems(task, found) == said
    assert any("merged into 'yes'; is it 'strong yes'?" in x["message"] for x in said)
    monkeypatch.setattr(browse, "_column", lambda *_: pytest.fail("the file was read again"))
    assert preview.look_for_problems(task, data.load(home, "stances")) == said


def test_a_column_of_texts_taken_for_labels_is_no_flood():
    counts = lint.Counts(5000, 0, Counter({f"text {i}": 1 for i in range(5000)}))
    errors = [x for x in lint.lint_counts(TASK, counts, ["text", "label"]) if x["severity"] == "error"]
    assert len(errors) == lint.MOST_UNKNOWN + 1
    assert sum(x["rows"] for x in errors) == 5000


def test_rows_that_tell_share_what_all_share(home):
    task, found = tasks.load(home, "sentiment"), data.load(home, "sentiment")
    renderer = Renderer(task, bases.tokens_at_hand(bases.find("tiny-llama")))
    rows = preview.rows_at(found, "train", 0, 1500)
    telling = preview.telling(renderer, rows)
    assert len(telling) < 500
    shared = [preview.preview(renderer, rows[0], some)["shared_prefix_tokens"] for some in (rows, telling)]
    assert shared[0] == shared[1]


# -- what stands in a prompt -----------------------------------------------------------------------------------------


def test_special_tokens_and_what_the_format_writes_are_marked(tokenizer_folders, chat_style):
    renderer = Renderer(TASK, Tokens.from_folder(tokenizer_folders[chat_style]))
    stop = renderer.completion_text("for").split("for")[1]
    row = {"text": f"nice {stop}", "label": "for"}
    spans = preview.spans(renderer, row, 3)
    found = marks.split(renderer, row, spans)
    assert [(mark, "".join(text for text, _ in pieces)) for mark, pieces in found] == [(m, t) for t, m in spans]
    pieces = [piece for _, inner in found for piece in inner]
    special = [text for text, own in pieces if marks.SPECIAL in own]
    assert special.count(stop.strip()) == 1 + renderer.wrap("", "").count(stop.strip())  # and not the one in the data
    assert "".join(text for text, own in pieces if marks.FORMAT not in own) == "".join(
        [*(part.strip() for part in renderer.messages(row)), "for"]
    )


# -- the table of labels ---------------------------------------------------------------------------------------------

TASKS = [
    [{"name": "a", "definition": " two\nlines \n", "aliases": ["x, y", 'say "z"'], "merge": ["c", "d"]}, {"name": "b"}],
    [{"name": "b", "merge": ["c", "b", "d"]}, {"name": "a", "merge": ["e"]}],
    [{"name": "1", "merge": ["2"]}, {"name": "positive", "definition": "good 🙂"}],
]


@pytest.mark.parametrize("labels", TASKS)
def test_a_table_loses_nothing_of_the_labels(labels):
    task = Task(name="t", labels=labels)
    table = label_table.rows_of(task.model_dump()["labels"])
    assert Task(name="t", labels=label_table.labels_of(table)) == task


@pytest.mark.parametrize("name", ["sentiment", "town-hall", "claims"])
def test_a_table_loses_nothing_of_bundled_labels(home, name):
    task = tasks.load(home, name)
    table = label_table.rows_of(task.model_dump()["labels"])
    assert task.model_copy(update={"labels": []}).model_dump() | {"labels": label_table.labels_of(table)} == (
        task.model_dump()
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["", "lost", "", ""]], "row 1: give the label a name"),
        ([["a", "", "", ""], ["b", "", "", "A"]], "'b' is to be merged into 'A', which is no label of the table"),
        ([["calm", "", "", ""], ["b", "", "", "clam"]], "is it 'calm'?"),
        ([["a", "", "", "b"], ["b", "", "", "c"], ["c", "", "", ""]], "'b', which is itself merged into 'c'"),
        ([["a", "", "", "b"], ["b", "", "", "a"]], "itself merged"),
    ],
)
def test_merges_that_lead_nowhere_are_refused(rows, said):
    with pytest.raises(InputError) as error:
        label_table.labels_of(rows)
    assert said in str(error.value)


def test_what_one_does_with_rows():
    rows = [["a", "1", "", ""], ["b", "2", "", "a"], ["c", "3", "", "a"]]
    assert label_table.moved(rows, 0, 1)[:2] == ([rows[1], rows[0], rows[2]], 1)
    assert label_table.moved(rows, 0, -1)[:2] == (rows, 0)
    gone, i, said = label_table.removed(rows, 0)
    assert (gone, i) == ([["b", "2", "", ""], ["c", "3", "", ""]], 0)
    assert "b, c stand for themselves again" in said
    assert label_table.removed([["a", "", "", ""]], 0)[0] == [label_table.EMPTY]
    assert label_table.removed(rows, 7)[0] == rows
    assert label_table.written(rows, 0, label_table.NAME, "z")[1] == ["b", "2", "", "z"]  # merges follow a new name
    assert label_table.with_labels(rows, ["b", "d", "d"])[0] == [*rows, ["d", "", "", ""]]
    assert label_table.left_out(rows) == ["b", "c"]


def test_what_is_typed_in_one_cell_is_one_step_back():
    history = label_editor.after([], None, [["a", "", "", ""]])
    for text in ("x", "xy", "xyz"):
        history = label_editor.after(history, (0, 1), [["a", text, "", ""]])
    assert [rows[0][1] for _, rows in history] == ["", "xyz"]
    for i in range(200):
        history = label_editor.after(history, None, [["a", str(i), "", ""]])
    assert len(history) == label_editor.MOST_STEPS
    assert label_editor.in_form([["a", "", "", ""]], 99)[1] == 0


def test_a_task_as_yaml_reads_back_from_its_version(home):
    tasks.add(home, TASK)
    kept = (home.tasks / "mine" / "1.yaml").read_text()
    assert kept.startswith("# saved ")
    assert Task.model_validate(yaml.safe_load(kept)) == TASK
