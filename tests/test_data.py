"""The rows: what is in a file is what comes out, and a bad file is refused whole, with what to do; frozen splits."""

import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet
import pytest

from lab import data, splits, tables
from lab.config import parse as parse_config
from lab.data import About, Dataset, fingerprint, row_keys
from lab.errors import InputError
from lab.home import Home
from lab.task import Task, parse

TASK = parse("name: t\nlabels: [{name: pos}, {name: neg}]")


def read(path, content: bytes | str) -> list[dict]:
    """The rows of a file with this content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return tables.read(path).to_pylist()


def add(home: Home, path, name: str = "mood", label: str | None = "label", **more) -> Dataset:
    return data.add(home, About(name=name, label=label, **more), {"train": path})


def files_of(home: Home) -> list[str]:
    return [path.name for path in home.path.rglob("*")] if home.path.exists() else []


# -- reading files ---------------------------------------------------------------------------------------------------

PLAIN = [{"text": "fine", "label": "pos"}, {"text": "bad", "label": "neg"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\nfine,pos\nbad,neg\n"),
        ("a.CSV", "text,label\nfine,pos\nbad,neg"),
        ("crlf.csv", "text,label\r\nfine,pos\r\nbad,neg\r\n"),
        ("semicolon.csv", "text;label\nfine;pos\nbad;neg\n"),
        ("tabs.csv", "text\tlabel\nfine\tpos\nbad\tneg\n"),
        ("quoted.csv", '"text","label"\n"fine","pos"\n"bad","neg"\n'),
        ("bom.csv", "\ufefftext,label\nfine,pos\nbad,neg\n"),
        ("utf16.csv", "text,label\nfine,pos\nbad,neg\n".encode("utf-16")),
        ("blank-lines.csv", "text,label\nfine,pos\n\nbad,neg\n\n"),
        ("a.tsv", "text\tlabel\nfine\tpos\nbad\tneg\n"),
        ("crlf.tsv", "text\tlabel\r\nfine\tpos\r\nbad\tneg\r\n"),
        ("bom.tsv", "\ufefftext\tlabel\nfine\tpos\nbad\tneg\n"),
        ("utf16.tsv", "text\tlabel\nfine\tpos\nbad\tneg\n".encode("utf-16")),
        ("quoted.tsv", '"text"\t"label"\n"fine"\t"pos"\n"bad"\t"neg"\n'),
        ("a.json", json.dumps(PLAIN)),
        ("bom.json", "\ufeff" + json.dumps(PLAIN)),
        ("wrapped.json", json.dumps({"version": 1, "data": PLAIN})),
        ("lines.json", "\n".join(json.dumps(row) for row in PLAIN)),
        ("a.jsonl", "\n".join(json.dumps(row) for row in PLAIN)),
        ("crlf.jsonl", "\r\n".join(json.dumps(row) for row in PLAIN) + "\r\n"),
        ("blank.jsonl", "\n\n".join(json.dumps(row) for row in PLAIN) + "\n\n"),
        ("a.ndjson", "\n".join(json.dumps(row) for row in PLAIN)),
    ],
)
def test_every_kind_of_file_gives_the_same_rows(tmp_path, name, content):
    assert read(tmp_path / name, content) == PLAIN


def test_a_parquet_file_gives_its_rows(tmp_path):
    pyarrow.parquet.write_table(pa.Table.from_pylist(PLAIN), tmp_path / "a.parquet")
    assert tables.read(tmp_path / "a.parquet").to_pylist() == PLAIN


@pytest.mark.parametrize(
    "text",
    [
        'a "quoted" word',
        '"begins with a quote',
        '"Great" , he said "no"',
        "it's 5' 6\" tall",
        '"',
        "a, comma; semicolon | bar",
        "back\\slash \\n \\t",
        "NULL",
        "NA",
        "007",
        "1e5",
        "true",
        "2024-01-01",
        " blanks around ",
        "=1+1",
        "漢字 😀 é",
    ],
)
def test_a_cell_of_an_unquoted_tsv_is_what_stands_between_the_tabs(tmp_path, text):
    rows = read(tmp_path / "a.tsv", f"text\tlabel\n{text}\tpos\nplain\tneg\n")
    assert rows == [{"text": text, "label": "pos"}, {"text": "plain", "label": "neg"}]


@pytest.mark.parametrize("ending", [".csv", ".tsv"])
@pytest.mark.parametrize("text", ['say "no"', "two\nlines", "two\r\nlines", "a,b\tc;d", "NULL", "", "007", "漢字"])
def test_a_quoted_cell_keeps_quotes_line_breaks_and_delimiters(tmp_path, ending, text):
    mark = "," if ending == ".csv" else "\t"
    cell = '"' + text.replace('"', '""') + '"'
    rows = read(tmp_path / f"a{ending}", f'"text"{mark}"label"\n{cell}{mark}"pos"\n"x"{mark}"neg"\n')
    assert [row["text"] for row in rows] == [text, "x"]
    assert [row["label"] for row in rows] == ["pos", "neg"]


def test_columns_keep_their_names_and_their_order(tmp_path):
    rows = read(tmp_path / "a.csv", "Satz Nr. 1,größe,z,a\n1,2,3,4\n")
    assert list(rows[0]) == ["Satz Nr. 1", "größe", "z", "a"]


def test_nested_values_of_json_come_out_as_they_are(tmp_path):
    rows = [{"text": "a", "spans": [{"from": 1, "to": 2}], "more": {"x": [1, 2]}}]
    assert read(tmp_path / "a.json", json.dumps(rows)) == rows


def test_objects_with_differing_keys_have_none_where_a_key_is_missing(tmp_path):
    rows = read(tmp_path / "a.jsonl", '{"text": "a"}\n{"label": "pos", "text": "b"}\n')
    assert rows == [{"text": "a", "label": None}, {"text": "b", "label": "pos"}]


def test_values_of_several_kinds_are_kept_as_text(tmp_path):
    rows = read(tmp_path / "a.json", '[{"x": 1}, {"x": "two"}, {"x": null}, {"x": [3]}]')
    assert [row["x"] for row in rows] == ["1", "two", None, "[3]"]


def test_a_long_text_is_read_whole(tmp_path):
    text = "word " * 300_000
    rows = read(tmp_path / "a.csv", f'text,label\n"{text}",pos\nb,neg\n')
    assert [len(row["text"]) for row in rows] == [len(text), 1]


# -- bad files -------------------------------------------------------------------------------------------------------

BAD_FILES = {
    "empty.csv": ("", ["empty"]),
    "empty.tsv": ("", ["empty"]),
    "empty.json": ("", ["empty"]),
    "empty.jsonl": ("", ["empty"]),
    "empty.parquet": ("", ["empty"]),
    "blank.csv": ("\n\n", ["header"]),
    "blank.jsonl": ("\n \n", ["no rows"]),
    "header.csv": ("text,label\n", ["text, label", "no rows"]),
    "header.tsv": ("text\tlabel\n", ["text, label", "no rows"]),
    "list.json": ("[]", ["no rows"]),
    "objects.json": ("[{}, {}]", ["no rows"]),
    "more-cells.csv": ("text,label\na,pos\nb,neg\nc,pos,x,y,z\n", ["4"]),
    "fewer-cells.tsv": ("text\tlabel\na\tpos\nb\tneg\nc\n", ["4"]),
    "open-quote.csv": ('text,label\n"a,pos\nb,neg\n', []),
    "doubled.csv": ("text,text\na,b\n", ["two columns named 'text'"]),
    "latin.csv": ("text,label\na,pos\né,neg\n".encode("latin-1"), ["line 3", "UTF-8"]),
    "latin.tsv": ("text\tlabel\né\tneg\n".encode("latin-1"), ["line 2", "UTF-8"]),
    "latin.jsonl": ('{"text": "é"}\n'.encode("latin-1"), ["line 1", "UTF-8"]),
    "latin.json": ('[{"text": "é"}]'.encode("latin-1"), ["line 1", "UTF-8"]),
    "torn-utf16.csv": ("text,label\na,pos\n".encode("utf-16")[:-1], ["UTF"]),
    "broken.jsonl": ('{"text": "a"}\n\n{"text": \n', ["line 3"]),
    "values.jsonl": ('{"text": "a"}\n\n5\n', ["line 3", "object"]),
    "broken.json": ('[{"text": "a"}, ', ["JSON"]),
    "number.json": ("5", ["list of objects"]),
    "null.json": ("null", ["list of objects"]),
    "text.json": ('"text"', []),
    "strings.json": ('["a", "b"]', ["1", "object"]),
    "two-lists.json": ('{"a": [], "b": []}', ["list of objects"]),
    "broken.parquet": ("PAR1 but no more than that", ["parquet"]),
    "ending.txt": ("text\na\n", [".csv", ".parquet"]),
    "ending.xlsx": ("PK", [".csv"]),
    "ending": ("text\na\n", [".csv"]),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_by_name_with_the_place_and_nothing_is_left(tmp_path, home, name):
    content, named = BAD_FILES[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as error:
        add(home, path)
    for part in [name, *named]:
        assert part in str(error.value)
    assert "Traceback" not in str(error.value)
    assert files_of(home) == []


def test_a_torn_parquet_file_is_refused(tmp_path, home):
    pyarrow.parquet.write_table(pa.Table.from_pylist(PLAIN), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[:-20])
    with pytest.raises(InputError, match=r"a\.parquet"):
        add(home, tmp_path / "a.parquet")
    assert files_of(home) == []


def test_a_file_that_is_not_there_is_named(tmp_path, home):
    with pytest.raises(InputError, match=r"gone\.csv"):
        add(home, tmp_path / "gone.csv")
    assert files_of(home) == []


@pytest.fixture
def plain_csv(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("text,label\nfine,pos\nbad,neg\n")
    return path


@pytest.mark.parametrize("role", ["text", "label", "target"])
def test_a_missing_column_is_named_with_those_that_there_are(home, plain_csv, role):
    about = About(name="mood", **{role: "sentence"})
    with pytest.raises(InputError) as error:
        data.add(home, about, {"train": plain_csv})
    for part in ("'sentence'", f"--{role}", "'text', 'label'"):
        assert part in str(error.value)
    assert files_of(home) == []


def test_a_second_file_that_is_bad_leaves_nothing_of_the_first(tmp_path, home, plain_csv):
    (tmp_path / "bad.csv").write_text("words\nfine\n")
    with pytest.raises(InputError, match="validation"):
        data.add(home, About(name="mood"), {"train": plain_csv, "validation": tmp_path / "bad.csv"})
    assert files_of(home) == []


def test_a_disk_that_fails_half_way_leaves_nothing(home, plain_csv, monkeypatch):
    def fail(table, path):
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(tables, "write", fail)
    with pytest.raises(OSError, match="no space"):
        add(home, plain_csv)
    assert files_of(home) in ([], ["datasets"])


@pytest.mark.parametrize("name", ["", "A", "a b", "../up", "a/b", ".hidden", "x" * 65, "ä", "a\n"])
def test_a_name_that_is_no_id_is_refused(tmp_path, home, plain_csv, name):
    with pytest.raises(InputError, match="name"):
        add(home, plain_csv, name=name)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["plain.csv"]
    assert not [name for name in files_of(home) if name.endswith(".parquet")]


@pytest.mark.parametrize("name", ["mood", "town-hall"])
def test_a_name_that_is_taken_is_refused_and_the_rows_there_stay(tmp_path, home, plain_csv, name):
    add(home, plain_csv)
    (tmp_path / "other.csv").write_text("text,label\nother,pos\n")
    with pytest.raises(InputError, match="already"):
        add(home, tmp_path / "other.csv", name=name)
    assert data.load(home, "mood").rows("train") == PLAIN


# -- datasets --------------------------------------------------------------------------------------------------------


def test_a_dataset_reads_back_as_it_was_added(tmp_path, home, plain_csv):
    (tmp_path / "test.jsonl").write_text('{"text": "so so", "extra": [1]}\n')
    added = data.add(home, About(name="mood", label="label"), {"train": plain_csv, "test": tmp_path / "test.jsonl"})
    again = data.load(home, "mood")
    assert again.splits == added.splits == ["train", "test"]
    assert again.columns == ["text", "label"]
    assert again.rows("train") == PLAIN
    assert again.rows("test") == [{"text": "so so", "extra": [1]}]
    assert data.listing(home)[0] == "mood"
    assert sorted(files_of(home)) == ["dataset.yaml", "datasets", "mood", "test.parquet", "train.parquet"]


def test_a_dataset_or_split_that_is_not_there_is_answered_with_those_that_are(home, plain_csv):
    added = add(home, plain_csv)
    with pytest.raises(InputError, match="mood"):
        data.load(home, "moody")
    with pytest.raises(InputError, match="it has train"):
        added.rows("test")


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ('[{"text": "a", "label": 0}, {"text": "b", "label": 1}, {"text": "c", "label": null}]', ["neg", "pos", None]),
        ('[{"text": "a", "label": 1}, {"text": "b", "label": -1}]', ["pos", None]),
        ('[{"text": "a", "label": "0"}, {"text": "b", "label": ""}]', ["neg", None]),
    ],
)
def test_integer_labels_get_their_names_and_missing_ones_stay_missing(tmp_path, home, content, labels):
    (tmp_path / "a.json").write_text(content)
    added = add(home, tmp_path / "a.json", label_names=["neg", "pos"])
    assert [row["label"] for row in added.rows("train")] == labels


def test_integer_labels_are_named_though_a_split_has_none(tmp_path, home):
    (tmp_path / "a.csv").write_text("text,label\na,0\nb,1\n")
    (tmp_path / "t.csv").write_text("text\nc\n")
    files = {"train": tmp_path / "a.csv", "test": tmp_path / "t.csv"}
    added = data.add(home, About(name="mood", label="label", label_names=["neg", "pos"]), files)
    assert [row["label"] for row in added.rows("train")] == ["neg", "pos"]
    assert added.rows("test")[0]["text"] == "c"


@pytest.mark.parametrize("value", [2, -2, "pos", 0.5, "1.5"])
def test_a_label_that_is_no_index_of_the_names_is_refused_with_its_row(tmp_path, home, value):
    (tmp_path / "a.json").write_text(json.dumps([{"text": "a", "label": 0}, {"text": "b", "label": value}]))
    with pytest.raises(InputError) as error:
        add(home, tmp_path / "a.json", label_names=["neg", "pos"])
    assert "row 2" in str(error.value)
    assert files_of(home) == []


def test_unlabelled_rows_and_splits_are_kept(tmp_path, home):
    (tmp_path / "a.csv").write_text("text,label\na,pos\nb,\n")
    (tmp_path / "t.csv").write_text("text\nc\n")
    files = {"train": tmp_path / "a.csv", "test": tmp_path / "t.csv"}
    added = data.add(home, About(name="mood", label="label"), files)
    assert len(added.rows("train")) == 2
    assert added.rows("test") == [{"text": "c"}]
    found = data.describe(added, lambda rows: [1] * len(rows), 10)
    assert found["splits"]["train"] == {"rows": 2, "labels": {"pos": 1}}


def test_a_description_counts_labels_duplicates_overlap_and_tokens(tmp_path, home):
    (tmp_path / "a.csv").write_text("text,label\na,pos\na,pos\nb b b,neg\nc,pos\n")
    (tmp_path / "v.csv").write_text("text,label\nb b b,neg\nd,pos\n")
    files = {"train": tmp_path / "a.csv", "validation": tmp_path / "v.csv"}
    added = data.add(home, About(name="mood", label="label"), files)
    found = data.describe(added, lambda rows: [len(row["text"].split()) for row in rows], 2)
    assert found["name"] == "mood"
    assert found["columns"] == ["text", "label"]
    assert found["splits"]["train"] == {"rows": 4, "labels": {"pos": 3, "neg": 1}}
    assert (found["duplicates"], found["overlap"]) == (1, 1)
    assert (found["tokens"]["max"], found["tokens"]["over_limit"]) == (3, 2)
    assert found["fingerprint"] == fingerprint(added.all_rows())


def test_every_row_has_a_key_of_its_own_made_of_its_content():
    rows = [{"a": 1, "b": "x"}, {"b": "x", "a": 1}, {"a": 2, "b": "x"}]
    keys = row_keys(rows)
    assert len(set(keys)) == 3
    assert row_keys([rows[2], rows[0]]) == [keys[2], keys[0]]


def test_the_fingerprint_tells_rows_and_their_order_apart():
    rows = [{"text": "a"}, {"text": "b"}]
    assert fingerprint(rows) == fingerprint([dict(row) for row in rows])
    others = [rows[::-1], rows[:1], [{"text": "a"}, {"text": "c"}], [{"text": "a"}, {"texts": "b"}]]
    assert len({fingerprint(x) for x in [rows, *others]}) == 5


# -- frozen splits ---------------------------------------------------------------------------------------------------


class Rows:
    """A dataset held in memory."""

    name = "mood"

    def __init__(self, **by_split: list[dict]):
        self._rows = by_split
        self.splits = list(by_split)

    def rows(self, split: str) -> list[dict]:
        if split not in self._rows:
            raise InputError(f"The dataset {self.name} has no split {split!r}; it has {', '.join(self.splits)}.")
        return self._rows[split]


def labelled(n: int, share: float = 0.7, start: int = 0) -> list[dict]:
    return [{"text": f"row {i}", "label": "pos" if i % 10 < 10 * share else "neg"} for i in range(start, start + n)]


def freeze(dataset: Rows, task: Task = TASK, **settings) -> splits.Split:
    return splits.freeze(dataset, task, parse_config({"train_rows": "all", **settings}))


def texts(rows: list[dict]) -> list[str]:
    return [row["text"] for row in rows]


def test_the_same_seed_freezes_the_same_split_and_another_one_another():
    one, same, other = (freeze(Rows(train=labelled(60)), seed=seed) for seed in (1, 1, 2))
    assert (one.train, one.validation) == (same.train, same.validation)
    assert texts(one.validation) != texts(other.validation)


@pytest.mark.parametrize("validation", [0.2, 13, "none"])
def test_no_row_is_lost_or_in_both_parts(validation):
    frozen = freeze(Rows(train=labelled(60)), validation=validation)
    assert sorted(texts(frozen.train + frozen.validation)) == sorted(texts(labelled(60)))


@pytest.mark.parametrize(("rows", "share", "held"), [(113, 0.2, 23), (100, 0.2, 20), (10, 0.2, 2), (10, 0.01, 1)])
def test_a_share_holds_out_so_many_rows_rounded_up(rows, share, held):
    frozen = freeze(Rows(train=labelled(rows)), validation=share)
    assert (len(frozen.train), len(frozen.validation)) == (rows - held, held)


def test_a_fifth_is_held_out_by_default():
    assert len(freeze(Rows(train=labelled(113))).validation) == 23


def test_a_number_holds_out_so_many_rows():
    assert len(freeze(Rows(train=labelled(60)), validation=7).validation) == 7


@pytest.mark.parametrize("validation", [0.2, 20])
def test_every_label_has_its_share_of_the_held_out_rows(validation):
    frozen = freeze(Rows(train=labelled(100)), validation=validation)
    assert Counter(row["label"] for row in frozen.validation) == {"pos": 14, "neg": 6}
    assert frozen.notes == []


def test_a_label_with_a_single_row_makes_the_split_random_and_says_so():
    rows = [*labelled(30), {"text": "alone", "label": "rare"}]
    frozen = freeze(Rows(train=rows))
    assert len(frozen.validation) == 7
    assert any("random" in note and "'rare'" in note for note in frozen.notes)


def test_more_labels_than_held_out_rows_make_the_split_random_and_say_so():
    rows = [{"text": f"{i}", "label": f"label {i % 5}"} for i in range(20)]
    frozen = freeze(Rows(train=rows), validation=3)
    assert len(frozen.validation) == 3
    assert any("random" in note for note in frozen.notes)


def test_merging_labels_leaves_the_split_as_it_is():
    rows = [{"text": f"{i}", "label": f"label {i % 4}"} for i in range(40)]
    merged = parse("name: t\nlabels: [{name: low, merge: [label 0, label 1]}, {name: high, merge: [label 2, label 3]}]")
    assert texts(freeze(Rows(train=rows)).validation) == texts(freeze(Rows(train=rows), merged).validation)


def test_fewer_training_rows_are_the_first_of_more_and_the_held_out_ones_stay():
    few, more, whole = (freeze(Rows(train=labelled(60)), train_rows=n) for n in (5, 20, "all"))
    assert few.train == more.train[:5] == whole.train[:5]
    assert len(more.train) == 20
    assert few.validation == more.validation == whole.validation


def test_the_training_rows_are_shuffled():
    frozen = freeze(Rows(train=labelled(60)), validation="none")
    assert texts(frozen.train) != texts(labelled(60))


def test_more_training_rows_than_there_are_means_all_and_says_so():
    frozen = freeze(Rows(train=labelled(20)), train_rows=500, validation="none")
    assert len(frozen.train) == 20
    assert any("500" in note and "20" in note for note in frozen.notes)


def test_the_datasets_own_validation_split_is_used_by_default():
    frozen = freeze(Rows(train=labelled(20), validation=labelled(5, start=100)))
    assert texts(frozen.validation) == texts(labelled(5, start=100))
    assert len(frozen.train) == 20


def test_a_share_is_taken_of_the_training_rows_even_beside_a_validation_split():
    frozen = freeze(Rows(train=labelled(20), validation=labelled(5, start=100)), validation=0.5)
    assert len(frozen.validation) == 10


def test_another_split_can_be_named():
    dataset = Rows(train=labelled(20), validation=labelled(5, start=100), test=labelled(3, start=200))
    assert texts(freeze(dataset, validation="test").validation) == texts(labelled(3, start=200))


def test_nothing_is_held_out_on_request():
    frozen = freeze(Rows(train=labelled(20), validation=labelled(5, start=100)), validation="none")
    assert (len(frozen.train), frozen.validation) == (20, [])


def test_rows_without_an_answer_are_left_out_and_counted():
    rows = [*labelled(20), {"text": "no label", "label": None}, {"text": "empty", "label": " "}]
    frozen = freeze(Rows(train=rows))
    assert len(frozen.train) + len(frozen.validation) == 20
    assert any("2 of 22" in note for note in frozen.notes)


@pytest.mark.parametrize(
    ("dataset", "settings", "says"),
    [
        (Rows(test=labelled(5)), {}, "no split train"),
        (Rows(train=labelled(20)), {"validation": "test"}, "'test'"),
        (Rows(train=labelled(20)), {"validation": "train"}, "validation"),
        (Rows(train=labelled(20)), {"validation": 20}, "20"),
        (Rows(train=labelled(1)), {}, "held out"),
        (Rows(train=labelled(10)), {"validation": 0.99}, "0.99"),
        (Rows(train=[{"text": "a", "label": None}]), {"validation": "none"}, "'label'"),
        (Rows(train=labelled(9), test=[{"text": "a", "label": ""}]), {"validation": "test"}, "'test'"),
        (Rows(train=[{"text": "a"}]), {}, "'label'"),
        (Rows(train=[{"label": "pos"}]), {}, "'text'"),
    ],
)
def test_a_split_that_cannot_be_made_is_refused_in_plain_words(dataset, settings, says):
    with pytest.raises(InputError) as error:
        freeze(dataset, **settings)
    assert says in str(error.value)


def test_a_generate_task_without_labels_holds_rows_out_at_random():
    rows = [{"text": f"{i}", "target": f"answer {i}"} for i in range(20)]
    task = Task(name="t", kind="generate", target="target")
    frozen = freeze(Rows(train=rows), task)
    assert (len(frozen.train), len(frozen.validation), frozen.notes) == (16, 4, [])
