"""The task: reading an answer, merging labels, its YAML file with all problems in one message, lint."""

import pytest

from lab.errors import InputError
from lab.lint import lint, nearest, unknown_labels
from lab.task import Task, dump, fields, load, parse

CODEBOOK = """
name: hall
label: stance
instruction: "Choose one of: $labels"
labels:
  - {name: in favour, definition: The speaker wants it., aliases: [in favor, pro], merge: [strongly in favour, mildly in favour]}
  - {name: against, definition: The speaker rejects it., aliases: [contra]}
  - {name: Straße, definition: Something about a road.}
prompt: "Statement: $text"
"""


@pytest.fixture
def task() -> Task:
    return parse(CODEBOOK)


def classify(*names: str, **changes) -> Task:
    return Task(name="t", labels=[{"name": name, "definition": "d"} for name in names], **changes)


# -- reading an answer -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        "in favour",
        " in favour",
        "in favour  \t",
        "In Favour",
        "IN FAVOUR",
        "in favour.",
        "in favour. ",
        '"in favour"',
        "'in favour'",
        "`in favour`",
        "“in favour”",
        "„in favour“",
        "«in favour»",
        '"in favour."',
        '"in favour".',
        ' "in favour" ',
        "in favour\n",
        "in favour\nThe speaker says so.",
        "in favour\n\nagainst",
        "in favour\r\nagainst",
        "in favor",
        "Pro",
        "PRO.",
    ],
)
def test_an_answer_is_read_by_its_first_line_without_blanks_quotes_final_stop_or_case(task, answer):
    assert task.read_answer(answer) == "in favour"


@pytest.mark.parametrize(
    "answer",
    [
        "",
        " ",
        "\n",
        ".",
        '""',
        "in",
        "infavour",
        "in  favour",
        "in favour!",
        "in favour,",
        "in favour..",
        "in favour, I think",
        "The answer is in favour",
        "not in favour",
        "in favour against",
        "Label: in favour",
        "I am sure:\nin favour",
        "strongly in favour",  # a label of the data that is merged is no answer
        "- in favour",
        "(in favour)",
        "**in favour**",
        "1",
    ],
)
def test_anything_else_is_invalid_and_not_guessed(task, answer):
    assert task.read_answer(answer) is None


@pytest.mark.parametrize(("answer", "label"), [("contra", "against"), ("STRASSE", "Straße"), ("straße.", "Straße")])
def test_the_label_comes_back_as_the_codebook_spells_it(task, answer, label):
    assert task.read_answer(answer) == label


@pytest.mark.parametrize(
    "label",
    ["yes", "0", "4.5", "N.A.", "etc.", '"other"', "the `x`", "don't", "a.b", "NOT ENOUGH INFO", "是", "-", "?"],
)
def test_every_label_reads_as_itself(label):
    assert classify(label, "something else").read_answer(label) == label


def test_a_label_that_ends_in_a_full_stop_is_read_in_quotes_and_in_another_case():
    assert classify("N.A.", "other").read_answer('"n.a."') == "N.A."


def test_an_alias_is_read_as_the_label_reads(task):
    assert parse(CODEBOOK.replace("contra", "' contra '")).read_answer("contra") == "against"


def test_a_shorter_label_does_not_swallow_a_longer_one():
    used = classify("like", "like very much")
    assert [used.read_answer(x) for x in ("like", "like very much", "like very")] == ["like", "like very much", None]


# -- generate tasks with a label inside the answer -------------------------------------------------------------------


@pytest.fixture
def tracing() -> Task:
    labels = [{"name": "SUPPORTS", "aliases": ["true"]}, {"name": "REFUTES"}]
    return Task(name="t", kind="generate", target="trace", label="label", read=r"Finish\[(.*?)\]", labels=labels)


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("Thought: so.\nAction: Finish[SUPPORTS]", "SUPPORTS"),
        ("Action: Finish[ refutes. ]", "REFUTES"),
        ("Finish[true]", "SUPPORTS"),
        ("Finish[maybe]", None),
        ("Finish[]", None),
        ("SUPPORTS", None),
        ("", None),
    ],
)
def test_a_generated_answer_holds_its_label_where_the_pattern_says(tracing, answer, label):
    assert tracing.read_answer(answer) == label


def test_an_optional_group_that_matched_nothing_is_invalid(tracing):
    assert tracing.model_copy(update={"read": "Finish(x)?"}).read_answer("Finish") is None


def test_a_generate_task_without_pattern_reads_no_label():
    assert Task(name="t", kind="generate", target="y").read_answer("anything") is None


# -- the truth of a row ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "gold"),
    [
        ("in favour", "in favour"),
        ("strongly in favour", "in favour"),
        (" mildly in favour ", "in favour"),
        ("unheard of", "unheard of"),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_the_true_label_is_merged_and_an_empty_one_is_none(task, value, gold):
    assert task.gold({"stance": value}) == gold
    assert task.answer({"stance": value}) == gold


def test_a_row_without_the_label_column_has_no_label(task):
    assert task.gold({"text": "x"}) is None


def test_integer_labels_are_compared_as_text():
    used = parse("name: t\nlabels: [{name: 0}, {name: 1}]")
    assert used.names == ["0", "1"]
    assert used.gold({"label": 0}) == "0"


def test_integer_labels_of_the_data_can_be_merged():
    used = parse("name: t\nlabels: [{name: low, merge: [1, 2]}, {name: high, merge: [3]}]")
    assert [used.gold({"label": n}) for n in (1, 2, 3)] == ["low", "low", "high"]


def test_a_generate_task_teaches_its_target_and_is_scored_by_its_label(tracing):
    row = {"trace": " Finish[SUPPORTS]\n", "label": "SUPPORTS"}
    assert tracing.answer(row) == "Finish[SUPPORTS]"
    assert tracing.gold(row) == "SUPPORTS"
    assert tracing.answer({"trace": None, "label": "SUPPORTS"}) is None


# -- the file --------------------------------------------------------------------------------------------------------

LEAST = "labels: [{name: a}, {name: b}]"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", ["mapping"]),
        ("- a\n- b", ["mapping"]),
        ("name: [", ["not valid YAML"]),
        ("name: t", ["labels", "at least two"]),
        ("name: t\nkind: generate", ["target"]),
        (f"{LEAST}", ["name"]),
        (f"name: Not A Name\n{LEAST}", ["name"]),
        (f"name: ../up\n{LEAST}", ["name"]),
        (f"name: t\n{LEAST}\nprompd: x", ["prompd", "did you mean prompt?"]),
        ("name: t\nlabels: [{name: a, definitoin: x}, {name: b}]", ["labels.0", "did you mean definition?"]),
        ("name: t\nlabels: [{name: yes}, {name: b}]", ["True", "quotes"]),
        ("name: t\nlabels: [{name: a}, {name: A}]", ["'a'", "two labels"]),
        ("name: t\nlabels: [{name: a, aliases: [b]}, {name: b}]", ["'b'", "two labels"]),
        ("name: t\nlabels: [{name: a, merge: [x]}, {name: b, merge: [x]}]", ["'x'", "merged into two"]),
        (f"name: t\nkind: generate\ntarget: y\nread: 'x('\n{LEAST}", ["read", "regular expression"]),
        (f"name: t\nkind: generate\ntarget: y\nread: 'x'\n{LEAST}", ["read", "one group"]),
        (f"name: t\nformat: gpt\n{LEAST}", ["format"]),
    ],
)
def test_a_wrong_task_file_is_refused_with_what_is_wrong(content, named):
    with pytest.raises(InputError) as error:
        parse(content, "hall.yaml")
    for part in ["hall.yaml", *named]:
        assert part in str(error.value)


def test_all_problems_of_a_task_file_stand_in_one_message():
    text = "name: No Name\nkind: guess\nprompd: x\nformat: gpt\nlabels: [{name: a, defnition: x}, {name: true}]"
    with pytest.raises(InputError) as error:
        parse(text)
    for part in ("name", "kind", "prompd", "format", "labels.0.defnition", "labels.1.name"):
        assert part in str(error.value)


def test_a_wrong_key_does_not_hide_that_two_labels_are_the_same():
    with pytest.raises(InputError) as error:
        parse("name: t\nprompd: x\nlabels: [{name: a}, {name: A}]")
    assert "prompd" in str(error.value)
    assert "two labels" in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        CODEBOOK,
        "name: t\nlabels: [{name: 'no'}, {name: 'yes'}]",
        "name: t\nlabels: [{name: 0}, {name: 1.5}]\nwith_definitions: false",
        "name: t\nkind: generate\ntarget: y\nread: 'Finish\\[(.*)\\]'\nlabels: [{name: a}]\nlabel: verdict",
        'name: t\nformat: text\ninstruction: "two\\n\\nlines: $x  "\nprompt: "é 漢 $$ [[ ${a b} ]]"\n' + LEAST,
    ],
)
def test_a_task_written_to_yaml_reads_back_the_same(text):
    used = parse(text)
    assert parse(dump(used)) == used


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"name: \xe9"])
def test_a_task_file_that_cannot_be_read_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "hall.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"hall\.yaml"):
        load(path)


def test_fields_are_named_in_order_and_dollars_are_none():
    assert fields("$$a $b [[ ${c d} ]] $e. $1") == ["b", "c d", "e"]


# -- lint ------------------------------------------------------------------------------------------------------------

ROWS = [{"text": "x", "stance": label} for label in ("in favour", "strongly in favour", "against", "Straße", "")]


def messages(task: Task, rows: list[dict], columns: list[str]) -> list[str]:
    return [found["message"] for found in lint(task, rows, columns)]


def test_a_task_that_fits_its_rows_has_nothing_to_say(task):
    assert lint(task, ROWS, ["text", "stance"]) == []


def test_a_finding_names_severity_message_label_and_rows(task):
    rows = [*ROWS, {"text": "x", "stance": "agianst"}, {"text": "y", "stance": "agianst"}]
    found = [x for x in lint(task, rows, ["text", "stance"]) if x["severity"] == "error"]
    assert [(x["label"], x["rows"]) for x in found] == [("agianst", 2)]
    assert "'against'" in found[0]["message"]


@pytest.mark.parametrize(
    ("changes", "rows", "columns", "says"),
    [
        ({}, ROWS, ["words", "stance"], "no column 'text'"),
        ({}, ROWS, ["text", "y"], "no column 'stance'"),
        ({"prompt": "$text $speeker"}, ROWS, ["text", "stance"], "$speeker in the prompt is no column"),
        ({"instruction": "$labels $who"}, ROWS, ["text", "stance"], "$who in the instruction is no column"),
        ({"prompt": "Stance:"}, ROWS, ["text", "stance"], "does not use $text"),
        ({"instruction": "Choose."}, ROWS, ["text", "stance"], "uses $labels"),
        ({}, ROWS[:2], ["text", "stance"], "No row has the label 'against'"),
        ({}, [*ROWS, {"text": "x", "stance": "perhaps"}], ["text", "stance"], "the label 'perhaps', which the task"),
        ({"labels": [{"name": "in favour"}, {"name": "against"}]}, ROWS, ["text", "stance"], "has no definition"),
        (
            {"labels": [{"name": "not", "definition": "d"}, {"name": "not sure", "definition": "d"}]},
            ROWS,
            ["text", "stance"],
            "'not' begins the label 'not sure'",
        ),
    ],
)
def test_lint_says_what_looks_wrong(task, changes, rows, columns, says):
    changed = Task.model_validate({**task.model_dump(), **changes})
    assert any(says in message for message in messages(changed, rows, columns))


def test_a_label_that_the_task_knows_under_another_case_is_a_near_miss(task):
    assert nearest("In Favour", task.names) == "in favour"
    assert any(
        "is it 'in favour'?" in m for m in messages(task, [{"text": "x", "stance": "In Favour"}], ["text", "stance"])
    )


def test_definitions_that_are_not_shown_are_not_missed(task):
    content = {**task.model_dump(), "with_definitions": False, "labels": [{"name": x} for x in task.names]}
    assert not any("definition" in m for m in messages(Task.model_validate(content), ROWS, ["text", "stance"]))


def test_unknown_labels_are_counted_after_merging(task):
    assert unknown_labels(task, [*ROWS, {"stance": "perhaps"}, {"stance": "perhaps"}]) == {"perhaps": 2}
