"""Records of what was asked and answered: right or wrong, as files, and as the history that a browser keeps."""

import json

import pytest

from lab import answered, history
from lab.answered import Answer, Given, Record

HOSTILE = '<img src=x onerror="hit=1"> | *bold* `code` [link](x)\nsecond line'


def record(
    way="row", expected="fine", reads_label=True, answers=(("base", "fine", "fine"),), when=1.5, **more
) -> Record:
    made = [Answer(subject=name, output=output, label=label, tokens=2) for name, output, label in answers]
    given = Given(names=[name for name, *_ in answers] or ["base"], way=way, row=3)
    values = {"asked": "A day.", **more}
    return Record(when=when, given=given, expected=expected, reads_label=reads_label, answers=made, **values)


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({}, True),
        ({"expected": "other"}, False),
        ({"expected": None}, None),
        ({"answers": [("base", "fine day", None)]}, False),  # invalid is wrong
        ({"way": "raw", "reads_label": False, "expected": "A  Fine\nday"}, False),
        (
            {"way": "raw", "reads_label": False, "answers": [("base", "a fine day", None)], "expected": "A  Fine\nday"},
            True,
        ),
        ({"way": "row", "reads_label": False}, None),  # a row's own long answer is not asked for word by word
    ],
)
def test_right_and_wrong(changes, right):
    found = record(**changes)
    assert found.right(found.answers[0]) is right


def test_as_json_lines_there_is_a_line_for_each_answer():
    found = record(answers=[("base", HOSTILE, None), ("tiny-1", "fine", "fine")], asked="Zwölf 😀\n\u2028")
    lines = [json.loads(line) for line in answered.jsonl([found, record(way="raw")]).split("\n")[:-1]]
    assert [(x["subject"], x["output"], x["label"], x["right"]) for x in lines[:2]] == [
        ("base", HOSTILE, None, False),
        ("tiny-1", "fine", "fine", True),
    ]
    assert [(x["split"], x["row"], x["text"], x["asked_at"]) for x in lines[:1]] == [
        ("validation", 3, "Zwölf 😀\n\u2028", "1970-01-01T00:00:01+00:00")
    ]
    assert lines[0]["decoding"]["mode"] == "greedy"
    assert "row" not in lines[2]


def test_as_markdown_every_text_is_text():
    found = record(answers=[("base", HOSTILE, None)], asked="````\n# no heading\n```", expected="|")
    text = answered.markdown([found])
    assert "`````text\n````\n# no heading\n```\n`````" in text
    assert "Expected: \\|" in text
    row = next(line for line in text.split("\n") if line.startswith("| base"))
    assert "\\<img src\\=x" in row or "\\<img src=x" in row
    assert not any(mark in row.replace(f"\\{mark}", "") for mark in "*`[")
    assert "invalid" in row and "✗ wrong" in row and "<br>second line" in row


def test_a_history_keeps_the_newest_and_not_too_much():
    kept = None
    for i in range(history.MOST_RECORDS + 5):
        kept = history.with_new(kept, record(when=float(i)))
    assert [x.when for x in history.records(kept)][:2] == [34.0, 33.0]
    assert len(kept) == history.MOST_RECORDS
    again = history.with_new(kept, record(when=20.0))
    assert len(again) == history.MOST_RECORDS and again[0]["when"] == 20.0
    long = [("base", "x" * 150_000, None)]
    for i in range(5):
        kept = history.with_new(kept, record(when=100.0 + i, answers=long))
    assert [x.when for x in history.records(kept)][:3] == [104.0, 103.0, 34.0]
    assert history.at(kept, 103.0).answers[0].output == long[0][1]
    assert history.at(kept, "x") is None


def test_an_answer_that_is_too_long_for_a_history_leaves_the_others_there():
    kept = history.with_new(None, record(when=1.0))
    long = record(when=2.0, answers=[(f"tiny-{i}", "x" * 150_000, None) for i in range(3)])
    assert [x.when for x in history.records(history.with_new(kept, long))] == [1.0]


def test_an_answer_of_a_model_that_overflows_is_still_an_answer():
    event = {"event": "answer", "subject": "base", "prompt": "x" * 300_000, "output": "fine", "label": None}
    event |= {"seconds": 1.0, "tokens": 2, "label_probabilities": {"fine": float("nan"), "other": 0.5}}
    found = answered.answer_of(event)
    assert (found.label_probabilities, found.output, len(found.prompt)) == (None, "fine", answered.LONGEST)


@pytest.mark.parametrize("kept", [None, {}, "x", [1, {"when": 1}, {**record().model_dump(), "more": 1}], [[[]]]])
def test_what_a_browser_has_made_up_is_left_out(kept):
    assert history.records(kept) == []
    good = record().model_dump()
    assert len(history.records([good, *kept] if isinstance(kept, list) else [good])) == 1
