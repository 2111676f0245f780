"""Subjects side by side: against a chosen reference, the best marked, on shared rows, and what lies behind the numbers."""

import csv
import io
import json

import pytest
import scored_runs

from lab import behind, comparison, config, course, evaluations, exports, scoreboard, scores
from lab.comparison import Comparison
from lab.config import Config
from lab.errors import InputError
from lab.home import Home, read_json, write_json
from lab.metrics import holm
from lab.runs import Run

NAMES = ["base", "load-1", "load-2", "load-3"]


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> Home:
    """A home with three runs that were scored beside their base on 872 rows."""
    home = Home.at(tmp_path_factory.mktemp("scored"))
    assert scored_runs.fill(home, 4) == NAMES
    return home


@pytest.fixture(scope="module")
def made(scored):
    return comparison.known(scored, Comparison(subjects=NAMES))


def test_what_is_known_is_what_looking_everything_up_finds(scored, made):
    again = comparison.look_up(scored, Comparison(subjects=NAMES)).known(scored)
    assert [(e.id, e.keys, e.right) for e in made] == [(e.id, e.keys, e.right) for e in again]
    assert made[0].predictions == again[0].predictions


def test_nothing_is_rendered_or_read_twice(scored, made, monkeypatch):
    monkeypatch.setattr("lab.evaluations.Renderer", None)
    monkeypatch.setattr("lab.evaluations.read_lines", None)
    assert [e.id for e in comparison.known(scored, Comparison(subjects=NAMES))] == [e.id for e in made]


def test_what_changes_is_read_again(home):
    names = scored_runs.fill(home, 2, rows=24)
    wanted = Comparison(subjects=names)
    assert all(comparison.known(home, wanted))
    weights = Run(home, "load-1").adapter / "adapter_model.safetensors"
    weights.write_bytes(b"others")
    assert [bool(e) for e in comparison.known(home, wanted)] == [True, False]
    folder = comparison.known(home, wanted)[0].folder
    write_json(folder / "metrics.json", {**read_json(folder / "metrics.json"), "accuracy": 0.125})
    assert comparison.known(home, wanted)[0].scores["accuracy"] == 0.125


def test_scores_of_an_evaluation_of_before_are_completed(made):
    evaluation = made[0]
    outcome = read_json(evaluation.folder / "metrics.json")
    ece = outcome.pop("ece")
    write_json(evaluation.folder / "metrics.json", outcome)
    assert evaluations._read(evaluation.folder).scores["ece"] == pytest.approx(ece)


def test_p_values_are_against_the_reference_and_adjusted(made):
    first, _ = scoreboard.compare(made)
    assert [x["p_value"] is None for x in first] == [True, False, False, False]
    other, _ = scoreboard.compare(made, "load-2")
    assert [x["p_value"] is None for x in other] == [False, False, True, False]
    assert {x["reference"] for x in other} == {"load-2"}
    assert other[0]["p_value"] == pytest.approx(first[2]["p_value"])
    assert [x["p_adjusted"] for x in first] == holm([x["p_value"] for x in first])
    with pytest.raises(InputError, match="none of the subjects"):
        scoreboard.compare(made, "load-9")


def test_the_best_of_several_is_marked_as_chosen_on_these_rows(made):
    objects, _ = scoreboard.compare(made)
    best = max(objects, key=lambda x: x["accuracy"])
    assert [x["best"] for x in objects] == [x is best for x in objects]
    words = scoreboard.winner_in_words(objects)
    assert f"{best['subject']} is the best of 4, chosen on the rows it is reported on" in words
    assert "adjusted for 3 tests (Holm)" in words
    alone, _ = scoreboard.compare(made[:1])
    assert not alone[0]["best"]
    assert scoreboard.winner_in_words(alone) == ""


def test_what_subjects_were_trained_on_stands_beside_their_scores(made):
    objects, notes = scoreboard.compare(made)
    assert [(x["train_rows"], x["epochs"], x["run"]) for x in objects[:2]] == [(0, 0.0, None), (256, 2.0, "load-1")]
    assert notes == []


def test_on_a_part_of_the_rows_all_is_counted_anew(scored, made):
    few = comparison.look_up(scored, Comparison(subjects=["base"], rows=100))
    question, asked = few.questions[0], evaluations.prepared(few.subjects[0], few.questions[0], few.decoding)
    answers = [{k: p[k] for k in ("answer", "label", "tokens", "probabilities")} for p in made[0].predictions[:100]]
    part = evaluations.save(scored, asked, question, answers, 1.0)
    (all_rows, here), notes = scoreboard.compare([part, made[1]])
    assert all_rows["n"] == here["n"] == 100
    assert here["accuracy"] == sum(made[1].right[:100]) / 100
    assert any("compared are the 100 that all share" in note for note in notes)


def test_rows_behind_a_cell_are_those_that_it_counts(made):
    evaluation, shared = made[1], scoreboard.shared_keys(made)
    confusion = evaluation.scores["confusion"]
    for true, counts in zip(confusion["labels"], confusion["counts"], strict=True):
        for said, n in zip([*confusion["labels"], None], counts, strict=True):
            rows = behind.cell(evaluation, shared, true, said)
            assert len(rows) == n
            assert all(row["gold"] == true and row["answers"][0]["label"] == said for row in rows)
            assert all(evaluation.predictions[row["row"]]["text"] == row["text"] for row in rows[:2])


def test_disagreements_count_every_row_that_is_not_right_for_both(made):
    first, second = made[0], made[3]
    found = behind.apart(first, second, scoreboard.shared_keys([first, second]))
    gained, lost, both = (len(found[kind]) for kind in ("gained", "lost", "both_wrong"))
    assert sum(second.right) - sum(first.right) == gained - lost
    assert gained + lost + both == sum(not (a and b) for a, b in zip(first.right, second.right, strict=True))
    assert all(None in [x["label"] for x in row["answers"]] for row in found["invalid"])
    page = behind.page(found["gained"], 99)
    assert page["number"] == page["pages"] == -(-gained // behind.PAGE)
    assert behind.page([], 1) == {"rows": [], "number": 1, "pages": 1, "total": 0}


def test_calibration_is_that_of_the_rows(made):
    found = scores.calibration(made[2].predictions)
    assert found["n"] + found["left_out"] == 872
    assert found["left_out"] == made[2].scores["invalid"]
    assert found["ece"] == pytest.approx(made[2].scores["ece"])


# -- over training ---------------------------------------------------------------------------------------------------


def test_lines_join_checkpoints_of_a_run_and_runs_that_differ_in_rows(scored, made):
    objects, _ = scoreboard.compare(made)
    checkpoint = {**objects[1], "subject": "load-1@16", "epochs": 1.0}
    lines = {
        line["name"]: line["points"] for line in course.lines(scored, [*objects, checkpoint], "macro_f1", "epochs")
    }
    assert [p["subject"] for p in lines["load-1"]] == ["load-1@16", "load-1"]
    assert [p["x"] for p in lines["load-1"]] == [1.0, 2.0]
    fewer = {**objects[2], "train_rows": 64}
    joined = course.lines(scored, [*objects[:2], fewer], "invalid", "train_rows")
    assert [[p["subject"] for p in line["points"]] for line in joined] == [["base"], ["load-2", "load-1"]]
    assert joined[0]["points"][0]["y"] == objects[0]["invalid"] / 872
    assert course.in_words(joined, "train_rows")[1].startswith("load-2 and its like: 0.0")


def test_configs_part_by_key():
    one, other = Config(), Config(learning_rate=1e-3, adapter={"r": 8})
    assert config.apart(one, other) == [("adapter.r", 16, 8), ("learning_rate", 2e-4, 1e-3)]
    assert config.apart(one, one) == []


# -- files -----------------------------------------------------------------------------------------------------------


def test_cells_are_no_formulas_no_markup_and_no_latex(made):
    objects, _ = scoreboard.compare(made)
    for name in ("=1+1", "+1", "-1", "@x", "\tx", "\rx"):
        rows = list(csv.reader(io.StringIO(exports.as_csv([{**objects[0], "subject": name}], []), newline="")))
        assert rows[1][0] == f"'{name}".replace("\t", " ").replace("\r", " ")
    hostile = [{**objects[0], "subject": r"a_b|c*\{50%}^~<#&$"}, *objects[1:]]
    latex = exports.as_latex(hostile, [])
    assert r"a\_b\textbar{}c*\textbackslash{}\{50\%\}\textasciicircum{}\textasciitilde{}\textless{}\#\&\$" in latex
    assert latex.count(r"\\") == 5 and latex.rstrip().endswith(r"\end{tabular}")
    markdown = exports.as_markdown(hostile, ["*note*"])
    assert r"| a\_b\|c\*\\\{50%\}^\~\<\#&$ |" in markdown
    assert r"- \*note\*" in markdown


def test_all_forms_hold_all_subjects_and_the_adjusted_p(made):
    objects, notes = scoreboard.compare(made, "load-1")
    for form, make in exports.FORMS.items():
        text = make(objects, notes)
        assert all(name in text for name in NAMES), form
    headers, rows = exports.table(objects)
    assert "p (Holm)" in headers and len(rows) == 4
    assert "p (Holm)" not in exports.table(objects[:2])[0]
    assert json.dumps(objects)  # as `--json` prints them
