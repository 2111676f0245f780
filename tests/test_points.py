"""The points of runs: read as they grow, whatever a crash or an editor has left; and the numbers for charts."""

import json

import pytest
from colours import created

from lab import points as points_of_runs
from lab.points import Points, Tail


@pytest.fixture
def run(colours, tiny_model):
    return created(colours, tiny_model)


def log(run, *points: dict) -> None:
    for point in points:
        run.log_point({"attempt": 1, "epoch": 0.5, **point})


def losses(points: Points) -> dict:
    points.update()
    return points.lines()["loss"]


def lines(**given) -> dict[str, dict]:
    return {key: {} for key in points_of_runs.KEYS} | given


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


def test_all_that_charts_show_is_read(run):
    log(run, {"step": 1, "loss": 2.0, "learning_rate": 1e-4, "grad_norm": 1.5, "memory_bytes": 10, "tokens_per_s": 7.0})
    points = Points(run)
    points.update()
    found = points.lines()
    assert {key: found[key] for key in ("learning_rate", "grad_norm", "memory_bytes", "tokens_per_s", "epoch")} == {
        "learning_rate": {1: 1e-4},
        "grad_norm": {1: 1.5},
        "memory_bytes": {1: 10},
        "tokens_per_s": {1: 7.0},
        "epoch": {1: 0.5},
    }


def test_steps_come_in_their_order_whatever_the_file_has(run):
    log(run, {"step": 2, "loss": 2.0}, {"step": 1, "loss": 1.0})
    assert list(losses(Points(run))) == [1, 2]


def test_a_glimpse_of_a_loss_of_any_length(run):
    assert points_of_runs.glimpse(run.points_file) == ()
    log(run, {"step": 1, "loss": 3.0}, {"step": 2, "loss": "NaN"}, {"step": 2, "validation_loss": 9.0})
    assert points_of_runs.glimpse(run.points_file) == (3.0,)
    whole = "".join(json.dumps({"step": step, "epoch": 0.5, "loss": 3 - step / 2000}) + "\n" for step in range(1, 4001))
    run.points_file.write_text(whole)
    seen = points_of_runs.glimpse(run.points_file)
    assert len(seen) == 24
    assert list(seen) == sorted(seen, reverse=True)
    assert (seen[0], seen[-1]) == pytest.approx((3.0, 1.0), abs=0.02)


# -- numbers -------------------------------------------------------------------------------------------------------------


def test_smoothing_keeps_a_constant_and_lies_between_the_values():
    assert points_of_runs.smooth([2.0] * 50) == pytest.approx([2.0] * 50)
    smoothed = points_of_runs.smooth([4.0, 0.0] * 100)
    assert smoothed[0] == 4.0
    assert 1.5 < smoothed[-1] < 2.5


@pytest.mark.parametrize("n", [0, 1, 1000, 1001, 2500, 99_999])
def test_thinning_keeps_the_ends_and_the_extremes(n):
    values = [float(i % 7) for i in range(n)]
    if n > 500:
        values[345], values[456] = 99.0, -99.0
    places = points_of_runs.thin(values)
    assert len(places) <= 1000
    assert places == sorted(set(places))
    assert {99.0, -99.0} <= {values[i] for i in places} or n <= 500
    assert n == 0 or (places[0], places[-1]) == (0, n - 1)
    assert n > 1000 or len(places) == n


def test_no_smoothing_leaves_the_values():
    assert points_of_runs.smooth([3.0, 1.0, 2.0], 0) == [3.0, 1.0, 2.0]


def test_epochs_in_rows_with_the_mean_training_loss_between_them():
    given = lines(
        loss={1: 4.0, 2: 2.0, 3: "NaN", 4: 1.0},
        validation_loss={2: 3.0, 4: 2.5},
        accuracy={4: 0.5},
        epoch={2: 1.0, 4: 2.0},
    )
    first, second = points_of_runs.by_epoch(given)
    wanted = {"step": 2, "epoch": 1.0, "loss": 3.0, "validation_loss": 3.0, "accuracy": None}
    assert wanted.items() <= first.items()
    assert {"loss": 1.0, "validation_loss": 2.5, "accuracy": 0.5}.items() <= second.items()
    assert points_of_runs.by_epoch(lines()) == []
