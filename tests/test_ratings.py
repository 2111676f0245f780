"""Ratings by people: what is kept, what it comes to, and how raters agree, against values computed by hand."""

import json
import multiprocessing
from types import SimpleNamespace

import gradio as gr
import pytest
import scored_runs
from click.testing import CliRunner

import app
from lab import rating_form, rating_scores, ratings
from lab.answered import Record
from lab.cli import cli
from lab.errors import InputError
from lab.home import Home
from lab.rating_form import CRITERIA
from lab.ui import generate_ratings_walk as walks
from lab.ui import rating_commands

BOTH = ["base", "load-1"]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    """A home in which three subjects have answered the same twelve rows."""
    found = Home.at(tmp_path_factory.mktemp("ratings") / "home")
    scored_runs.fill(found, 3, 12)
    return found


@pytest.fixture
def three(home):
    """A new set of three rows and two subjects."""
    found = ratings.create(home, ratings.wanted(BOTH, 3))
    yield found
    if found.folder.exists():
        ratings.delete(home, found.name)


def rating(*marks: float, comment: str = "") -> rating_form.Rating:
    return rating_form.read({**dict(zip(CRITERIA, marks, strict=True)), "comment": comment})


def line(index: int, *marks, **more) -> dict:
    return {"index": index, **dict(zip(CRITERIA, marks, strict=True)), "comment": "", **more}


# -- agreement and averages ----------------------------------------------------------------------------------------------


def test_alpha_is_the_published_one_of_krippendorffs_own_example():
    raters = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]  # of twelve units, with gaps
    units = [[float(x) for x in unit if x != "."] for unit in zip(*raters, strict=True)]
    assert rating_scores.alpha(units) == pytest.approx(0.815, abs=5e-4)


def test_alpha_by_hand():
    # Two raters, three answers: 0 and 0, 1 and 1, 0 and 0.5. Of six values three are 0, one is 0.5, two are 1.
    # Squared distances of ranks: 0 to 0.5: (3 + 1 - 2)² = 4; 0 to 1: (6 - 2.5)² = 12.25; 0.5 to 1: (3 - 1.5)² = 2.25.
    # Observed: one pair, 4. Expected: 3·1·4 + 3·2·12.25 + 1·2·2.25 = 90. Alpha is 1 - 5 · 4 / 90.
    assert rating_scores.alpha([[0, 0], [1, 1], [0, 0.5]]) == pytest.approx(1 - 20 / 90)
    assert rating_scores.alpha([[0, 0], [1, 1], [0.5, 0.5]]) == 1
    assert rating_scores.alpha([[0, 1], [1, 0]]) == pytest.approx(-0.5)  # 1 - 3 · (2 · 4) / (4 · 4)
    for undefined in ([], [[1]], [[1, 1], [1, 1]]):
        assert rating_scores.alpha(undefined) is None


def test_averages_count_a_row_once_and_have_intervals_over_rows():
    ann = {("base", 0): rating(1, 1, 1), ("base", 1): rating(1, 0.5, 0)}
    bob = {("base", 0): rating(1, 0, 0)}
    found = rating_scores.summary(["base", "load-1"], {"ann": ann, "bob": bob})
    base, other = found["scores"]
    assert (base["rows"], base["ratings"]) == (2, 3)
    assert [base[key] for key in rating_scores.AVERAGES] == pytest.approx([1, 0.5, 0.25, 1.75 / 3])
    assert base["ci95"]["average_grammatical_correctness"] == [1, 1]
    assert base["ci95"]["average_correctness_of_answer"] == [0, 0.5]
    assert (other["rows"], other["human_evaluation_average"]) == (0, None)
    alone = {x["rater"]: x for x in found["by_rater"]}
    assert alone["ann"]["human_evaluation_average"] == pytest.approx(0.75)
    assert set(alone["bob"]["ci95"].values()) == {None}  # one row has no spread
    assert (found["agreement"]["answers"], found["agreement"]["grammatical_correctness"]) == (1, None)
    assert "all ratings are the same: grammatical correctness" in found["agreement"]["note"]
    assert "no answer has been rated by two" in rating_scores.agreement({"ann": ann})["note"]


def test_intervals_are_near_those_of_the_normal_distribution():
    ratings_of = {("base", i): rating(i % 2, 1, 1) for i in range(100)}
    low, high = rating_scores.scores([ratings_of], "base")["ci95"]["average_grammatical_correctness"]
    assert (low, high) == pytest.approx((0.5 - 1.96 * 0.05, 0.5 + 1.96 * 0.05), abs=0.015)


# -- the JSON form -------------------------------------------------------------------------------------------------------


def test_what_is_exported_is_read_again():
    given = [line(0, 1, 0.5, 0, comment="so-so"), line(2, 0, 0, 0)]
    for text in (json.dumps(given), json.dumps({"ratings": given, "human_evaluation_average": 0.25})):
        assert rating_form.listed(rating_form.parse(text, range(3))) == given


def test_a_comment_that_is_null_is_an_empty_one():
    assert rating_form.parse(json.dumps([line(0, 1, 1, 1, comment=None)]), [0]) == {0: rating(1, 1, 1)}
    with pytest.raises(InputError, match="comment: a text"):
        rating_form.parse(json.dumps([line(0, 1, 1, 1, comment=3)]), [0])


def test_all_problems_are_said_at_once():
    wrong = [line(0, 1, 1, 1), line(0, 1, 1, 1), line(3, 1, 1, 1), line(1, 0.7, True, "1"), line(2, 1, 1, 1, mood=1), 5]
    with pytest.raises(InputError) as refused:
        rating_form.parse(json.dumps(wrong), range(3))
    said = str(refused.value)
    for words in (
        "index 0 stands there twice",
        "no row with the index 3",
        "grammatical_correctness: write 0, 0.5 or 1",
    ):
        assert words in said
    for words in ("not 0.7", "not true", 'not "1"', "'mood' is no criterion", "Entry 6: there is no row"):
        assert words in said
    for text in ("", "{", "[]", "{}", "3", "[" * 100_000):
        with pytest.raises(InputError):
            rating_form.parse(text, range(3))


# -- what is kept --------------------------------------------------------------------------------------------------------


def test_a_set_holds_the_kept_answers_of_all_its_subjects(home, three):
    kept = ratings.known(home, ratings.wanted(BOTH, 3))
    assert [len(one.predictions) for one in kept] == [12, 12]  # nothing was asked anew for the first three
    for row in three.rows:
        assert row["answers"] == {one.name: one.predictions[row["index"]]["answer"] for one in kept}
        assert row["question"] == kept[0].predictions[row["index"]]["text"]
        assert row["expected"] == kept[0].predictions[row["index"]]["gold"]
    with pytest.raises(InputError, match="evaluate first"):
        ratings.create(home, ratings.wanted(BOTH, 3, decoding=["mode=sample"]))
    for name in ("asked", "../x", three.name):
        with pytest.raises(InputError):
            ratings.create(home, ratings.wanted(BOTH, 3), name)


def test_a_rating_replaces_the_raters_own_and_no_other(home, three):
    ratings.rate(home, three.name, "ann", {("base", 0): rating(0, 0, 0), ("load-1", 0): rating(1, 1, 1)}, blind=True)
    ratings.rate(home, three.name, "bob", {("base", 0): rating(0.5, 0.5, 0.5)})
    ratings.rate(home, three.name, "ann", {("base", 0): rating(1, 1, 0, comment="better")})
    assert ratings.of_rater(three, "ann")["base", 0] == rating(1, 1, 0, comment="better")
    assert ratings.of_rater(three, "bob") == {("base", 0): rating(0.5, 0.5, 0.5)}
    found = ratings.look(home, three.name)
    assert (found["raters"], found["blind"]) == ({"ann": 2, "bob": 1}, {"ann": 1, "bob": 0})
    assert ratings.lacking(three, "ann") == [1, 2]
    for rater, key in (("Ann", ("base", 0)), ("../x", ("base", 0)), ("ann", ("base", 3)), ("ann", ("load-2", 0))):
        with pytest.raises(InputError):
            ratings.rate(home, three.name, rater, {key: rating(1, 1, 1), ("base", 1): rating(1, 1, 1)})
    assert ratings.lacking(three, "ann") == [1, 2]  # nothing of what was refused was kept


def keep_one(folder: str, name: str, subject: str, index: int) -> None:
    ratings.rate(Home.at(folder), name, "ann", {(subject, index): rating(1, 1, 1)})


def test_pages_that_rate_at_once_lose_nothing(home, three):
    context = multiprocessing.get_context("fork")
    answers = [(subject, index) for subject in BOTH for index in range(3)]
    at_once = [context.Process(target=keep_one, args=(home.path, three.name, *answer)) for answer in answers]
    for process in at_once:
        process.start()
    for process in at_once:
        process.join(60)
    assert set(ratings.of_rater(three, "ann")) == set(answers)


def test_what_was_asked_in_the_tab_is_put_into_a_set_once(home):
    given = {"names": BOTH, "way": "text", "text": "A day."}
    answers = [{"subject": subject, "output": f"said by {subject}"} for subject in BOTH]
    record = Record.model_validate({"when": 1.0, "given": given, "asked": "A day.", "answers": answers})
    other = record.model_copy(update={"asked": "A night."})
    assert [ratings.put_in(home, x)[1] for x in (record, other, record)] == [0, 1, 0]
    assert ratings.load(home, "asked").rows[1]["answers"]["base"] == "said by base"
    with pytest.raises(InputError, match="several turns"):
        ratings.put_in(home, record.model_copy(update={"turns": {"base": ["Hi", "Ho", "Hi"]}}))
    ratings.delete(home, "asked")


# -- the walk ------------------------------------------------------------------------------------------------------------


def form(*marks: float) -> dict:
    return {**dict(zip(CRITERIA, marks, strict=False)), "comment": ""}


def test_a_blind_walk_tells_nothing_until_all_is_rated(home, three):
    walk = walks.begin(three, "ann", True)
    assert all(sorted(letters.values()) == BOTH for letters in walk["letters"])
    for place in range(3):
        shown = walks.said(home, walk) + walks.shown(home, walk)
        assert walks.is_hidden(home, walk) and not any(name in shown for name in BOTH)
        assert [f"<h3>{letter}</h3>" in shown for letter in "AB"] == [True, True]
        walks.keep(home, walk, place, {letter: form(1, 1, 1) for letter in "AB"}, whole=True)
        walk, ended = walks.stepped(home, walk, place, 1)
    assert ended and not walks.is_hidden(home, walk)
    assert all(f": {name}</h3>" in walks.shown(home, walk) for name in BOTH)
    assert ratings.look(home, three.name)["blind"] == {"ann": 6}


def test_a_walk_keeps_what_is_whole_and_refuses_what_is_not(home, three):
    walk = walks.begin(three, "ann", False)
    assert walk["letters"] == [{"A": "base", "B": "load-1"}] * 3
    with pytest.raises(InputError, match="Rate load-1 by all three"):
        walks.keep(home, walk, 1, {"A": form(1, 0.5, 0), "B": form(1)}, whole=True)
    assert ratings.of_rater(three, "ann") == {("base", 1): rating(1, 0.5, 0)}
    walks.keep(home, walk, 1, {"B": form(1)}, whole=False)  # it may still become whole
    for place, forms in (
        (3, {}),
        (-1, {}),
        (True, {}),
        ("0", {}),
        (0, {"C": form(1, 1, 1)}),
        (0, {"A": form(2, 1, 1)}),
    ):
        with pytest.raises(InputError):
            walks.keep(home, walk, place, forms, whole=False)
    assert walks.stepped(home, walk, 2, 1) == ({**walk, "place": 0}, False)  # something is left
    assert 'value="0.5" checked' in walks.shown(home, {**walk, "place": 1})


# -- commands ------------------------------------------------------------------------------------------------------------


def test_the_loop_at_the_terminal_and_by_events(home, tmp_path):
    def run(*words: str, code: int = 0):
        done = CliRunner().invoke(cli, ["rating", *words, "--home", str(home.path), "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if code == 0 else done.stderr

    assert run("start", *BOTH, "--rows", "3", "--name", "mine")["answers"] == 6
    assert set(run("show", "mine", "--row", "1")["answers"]) == set(BOTH)
    marks = ["--grammatical-correctness", "1", "--coherence", "0.5", "--correctness-of-answer", "0"]
    who = ["--rater", "ann", "--subject", "base"]
    run("add", "mine", *who, "--index", "1", *marks)
    assert run("export", "mine", *who, "--to", str(tmp_path / "out.json"))["human_evaluation_average"] == 0.5
    assert json.loads((tmp_path / "out.json").read_text()) == [line(1, 1, 0.5, 0)]
    assert json.loads((tmp_path / "out-averages.json").read_text()) == {
        "average_grammatical_correctness": 1.0,
        "average_coherence": 0.5,
        "average_correctness_of_answer": 0.0,
        "human_evaluation_average": 0.5,
    }
    assert run("import", "mine", str(tmp_path / "out.json"), "--rater", "bob", "--subject", "base")["ratings"] == 1
    assert run("show", "mine")["agreement"]["answers"] == 1
    assert "has no answers of 'load-2'" in run("export", "mine", "--rater", "ann", "--subject", "load-2", code=2)
    text = json.dumps([line(0, 1, 1, 1)])
    rating_commands.rating_import(home, None, "mine", "ann", "load-1", text)
    rating_commands.rating_add(home, None, "mine", "ann", "load-1", 0, 0.5, 0.5, 0.5)
    assert rating_commands.rating_export(home, "mine", "ann", "load-1")["ratings"] == [line(0, 0.5, 0.5, 0.5)]
    assert [x["raters"] for x in run("list")] == [{"ann": 2, "bob": 1}]
    run("delete", "mine")
    assert "There is no rating set" in run("show", "mine", code=2)


def test_what_stands_in_the_columns_is_rated_by_those_who_may_change(home, three, monkeypatch):
    given = {"names": BOTH, "way": "text", "text": "A day."}
    answers = [{"subject": subject, "output": "fine"} for subject in BOTH]
    record = {"when": 1.0, "given": given, "asked": "A day.", "answers": answers}
    events = [event.fn for event in app.build(home).fns.values() if event.fn]
    handlers = {fn.__name__: fn for fn in events if fn.__module__ == "lab.ui.generate_ratings"}
    shown = {"record": record, "special": {}, "letters": None}
    walk, said, row = handlers["start_here"](None, shown, "ann")[1:4]
    assert (walk["rows"], walk["blind"]) == ([0], False)
    assert "Row 1 of 1. ann has rated 0 of 1." in said and "A day." in row
    moved = SimpleNamespace(place=0, go=1, forms={letter: form(1, 1, 1) for letter in "AB"})
    assert "1.00" in handlers["act"](None, moved, walk)[3]
    for standing, rater in ((None, "ann"), ({**shown, "letters": {"A": "base"}}, "ann"), (shown, ""), (shown, "../x")):
        with pytest.raises(gr.Error):
            handlers["start_here"](None, standing, rater)
    ratings.delete(home, "asked")

    monkeypatch.setenv("SPACE_ID", "me/lab")
    monkeypatch.delenv("LAB_LOGIN", raising=False)
    walk = walks.begin(three, "ann", False)
    changing = {"start": [three.name, "ann", True], "start_here": [shown, "ann"], "act": [moved, walk]}
    changing |= {"load": ["x.json", three.name, "ann", "base", None], "ask": [three.name], "delete": [three.name]}
    for name, values in changing.items():
        with pytest.raises(gr.Error):
            handlers[name](None, *values)
    with pytest.raises(gr.Error):
        list(handlers["make"](None, 3, BOTH, "", "validation"))
    assert set(handlers) - set(changing) <= {"make", "show", "save", "refresh", "<lambda>"}
    for change in (
        lambda: rating_commands.rating_start(home, None, BOTH),
        lambda: rating_commands.rating_add(home, None, three.name, "ann", "base", 0, 1, 1, 1),
        lambda: rating_commands.rating_import(home, None, three.name, "ann", "base", "[]"),
        lambda: rating_commands.rating_delete(home, None, three.name),
    ):
        with pytest.raises((InputError, gr.Error)):
            change()
    assert ratings.raters(three) == []
