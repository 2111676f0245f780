"""How far runs are: read as they grow, whatever a crash or an editor has left; and the numbers for charts."""

import json

import pytest
from colours import created

from lab import progress
from lab.progress import Points, Tail


@pytest.fixture
def run(colours, tiny_model):
    return created(colours, tiny_model)


def log(run, *points: dict) -> None:
    for point in points:
        run.log_point({"attempt": 1, "epoch": 0.5, **point})


def losses(points: Points) -> dict:
    points.update()
    return points.lines()["loss"]


# -- points ----------------------------------------------------------------------------------------------------------------


def test_points_are_read_as_they_are_added(run):
    points = Points(run)
    assert losses(points) == {}
    log(run, {"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.5})
    assert losses(points) == {1: 2.0, 2: 1.5}
    mark = points.update()
    assert points.update() == mark
    log(run, {"step": 3, "loss": "NaN"})
    assert points.update() != mark
    assert losses(points) == {1: 2.0, 2: 1.5, 3: "NaN"}


def test_they_are_those_that_the_command_line_shows(run):
    log(run, {"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.5}, {"step": 2, "validation_loss": 1.4})
    log(run, {"step": 1, "loss": 1.9, "attempt": 2}, {"step": 3, "loss": 1.0, "attempt": 2})
    points = Points(run)
    shown = run.points()
    assert losses(points) == {p["step"]: p["loss"] for p in shown}
    assert points.lines()["validation_loss"] == {2: 1.4}


def test_only_what_is_new_is_read(run):
    log(run, *({"step": step, "loss": 1.0} for step in range(1, 1001)))
    points = Points(run)
    points.update()
    log(run, {"step": 1001, "loss": 0.5})
    new, anew = points._file.added()
    assert (new.count(b"\n"), anew) == (1, False)


def test_a_torn_last_line_waits_until_it_is_whole(run):
    points = Points(run)
    log(run, {"step": 1, "loss": 2.0})
    path = run.points_file
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    assert losses(points) == {1: 2.0}
    path.write_bytes(whole + whole.replace(b'"step": 1', b'"step": 2'))
    assert losses(points) == {1: 2.0, 2: 2.0}


def test_a_line_that_is_no_point_hides_no_other(run):
    log(run, {"step": 1, "loss": 2.0})
    path = run.points_file
    path.write_bytes(b'garbage\n[1]\n{"loss": 3}\n\xff\n' + path.read_bytes())
    assert losses(Points(run)) == {1: 2.0}
    assert Tail(path).last()["loss"] == 2.0


def test_another_run_under_an_id_that_was_used_before_is_read_anew(run):
    log(run, {"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0})
    points, tail = Points(run), Tail(run.points_file)
    losses(points), tail.last()
    path = run.points_file
    path.write_text("".join(json.dumps({"step": step, "loss": 7.0, "seconds": 1.0}) + "\n" for step in range(1, 9)))
    assert losses(points) == dict.fromkeys(range(1, 9), 7.0)
    assert tail.last()["loss"] == 7.0
    path.unlink()
    assert losses(points) == {}
    assert tail.last() == {}


def test_invalid_answers_are_shares_of_the_rows(run):
    rows = len(run.rows("validation"))
    log(run, {"step": 4, "accuracy": 0.5, "invalid": rows, "epoch": 2.0})
    points = Points(run)
    points.update()
    lines = points.lines()
    assert (lines["invalid"], lines["accuracy"], lines["epoch"]) == ({4: 1.0}, {4: 0.5}, {4: 2.0})


# -- all runs at a glance ------------------------------------------------------------------------------------------------


def test_a_run_at_a_glance(colours, run):
    log(run, {"step": 1, "loss": 2.0, "seconds": 3.0}, {"step": 1, "train_accuracy": 0.9, "validation_loss": 1.0})
    log(run, {"step": 2, "loss": 1.5, "seconds": 4.0}, {"step": 2, "accuracy": 0.75, "invalid": 0})
    run.beat(step=2, total_steps=8, epoch=0.25, attempt=1)
    (found,) = progress.overview(colours)
    wanted = {"id": run.id, "status": "interrupted", "step": 2, "total_steps": 8, "loss": 1.5, "accuracy": 0.75}
    assert wanted.items() <= found.items()
    assert found["left"] is None  # nobody works on it
    with run.hold():
        (found,) = progress.overview(colours)
    assert (found["status"], found["left"]) == ("running", 12.0)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("state.json", "{"),
        ("state.json", "[1]"),
        ("state.json", '{"step": "x"}'),
        ("result.json", "[1]"),
        ("config.yaml", None),
    ],
)
def test_a_broken_run_hides_no_other(colours, tiny_model, run, file, content):
    other = created(colours, tiny_model)
    if content is None:
        (run.folder / file).unlink()
    else:
        (run.folder / file).write_text(content)
    found = {x["id"]: x for x in progress.overview(colours)}
    assert found[other.id]["status"] == "interrupted"
    assert found[run.id]["status"] == progress.BROKEN
    assert found[run.id]["error"]["message"]


# -- numbers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (80, "1 min 20 s"), (3600, "1 h"), (7500, "2 h 5 min"), (100_000, "1 d 3 h")],
)
def test_spans_of_time_in_words(seconds, words):
    assert progress.in_words(seconds) == words


def test_the_time_left_needs_a_pace():
    assert progress.seconds_left(10.0, 5, 20) == 30.0
    assert progress.seconds_left(10.0, 20, 20) == 0
    assert [progress.seconds_left(*x) for x in ((None, 5, 20), (10.0, 0, 20), (10.0, 5, None))] == [None] * 3


def test_smoothing_keeps_a_constant_and_lies_between_the_values():
    assert progress.smooth([2.0] * 50) == pytest.approx([2.0] * 50)
    smoothed = progress.smooth([4.0, 0.0] * 100)
    assert smoothed[0] == 4.0
    assert 1.5 < smoothed[-1] < 2.5


@pytest.mark.parametrize("n", [0, 1, 1000, 1001, 2500, 99_999])
def test_thinning_keeps_the_ends_and_the_extremes(n):
    values = [float(i % 7) for i in range(n)]
    if n > 500:
        values[345], values[456] = 99.0, -99.0
    places = progress.thin(values)
    assert len(places) <= 1000
    assert places == sorted(set(places))
    assert {99.0, -99.0} <= {values[i] for i in places} or n <= 500
    assert n == 0 or (places[0], places[-1]) == (0, n - 1)
    assert n > 1000 or len(places) == n
