"""The curves of runs, and what is said of them: what they show, what they never hide, and that long runs stay light."""

import json

import pytest

from lab.findings import told
from lab.ui import look, run_charts, run_table, run_words
from lab.ui.run_charts import EPOCH, View

HOSTILE = '<b>x</b> & <a href="javascript:alert(1)">y</a>'


def lines(**given) -> dict[str, dict]:
    return run_charts.nothing() | given


def figure(given: dict, others=(), **view) -> dict:
    """The figure as it is sent to the browser, which plotly takes."""
    from plotly.graph_objects import Figure

    made = json.loads(run_charts.sent(run_charts.curves(("run-1", given), list(others), View(**view))).plot)
    Figure({"data": made["data"], "layout": made["layout"]})  # raises where plotly knows no such thing
    return made


def by_name(figure: dict) -> dict[str, dict]:
    return {trace["name"]: trace for trace in figure["data"]}


def test_losses_raw_smoothed_and_of_the_validation_rows():
    given = lines(loss={1: 2.0, 2: 1.0}, validation_loss={2: 1.5}, epoch={1: 0.5, 2: 1.0})
    found = by_name(figure(given))
    assert list(found)[:3] == ["training, each step", "training, smoothed", "validation"]
    assert (found["training, each step"]["x"], found["training, each step"]["y"]) == ([1, 2], [2.0, 1.0])
    assert (found["validation"]["x"], found["validation"]["y"]) == ([2], [1.5])
    assert "training, smoothed" not in by_name(figure(given, smoothing=0))
    assert by_name(figure(given, by=EPOCH))["training, each step"]["x"] == [0.5, 1.0]


def test_a_loss_that_is_no_number_is_marked():
    given = lines(loss={1: 2.0, 2: "NaN", 3: "NaN", 4: "Infinity"}, validation_loss={4: "NaN"}, epoch={2: 0.5, 3: 1.0})
    found = by_name(figure(given))
    marks = {name: trace["x"] for name, trace in found.items() if ": " in name}
    assert marks == {"training: NaN (2)": [2, 3], "training: Infinity (1)": [4], "validation: NaN (1)": [4]}
    assert found["training, each step"]["x"] == [1]
    assert by_name(figure(given, by=EPOCH, log=True))["training: NaN (2)"]["x"] == [0.5, 1.0]
    assert any("no number (NaN, Infinity) at 3 steps" in sentence for sentence in told(given))


def test_a_run_of_nothing_but_nan_can_be_drawn():
    found = by_name(figure(lines(loss=dict.fromkeys(range(1, 5001), "NaN"))))
    assert 0 < len(found["training: NaN (5,000)"]["x"]) <= 1000


def test_long_runs_are_thinned_before_they_are_sent():
    steps = range(1, 100_001)
    given = lines(**{key: {step: 1.0 + step % 5 for step in steps} for key in ("loss", "grad_norm", "memory_bytes")})
    given["loss"][777] = 50.0
    made = figure(given, [("other", given)])
    assert all(len(trace["x"]) == len(trace["y"]) <= 1000 for trace in made["data"])
    assert 777 in by_name(made)["training, each step"]["x"]
    assert len(json.dumps(made)) < 100_000


def test_scores_of_validation_and_training_rows_and_the_pace():
    given = lines(accuracy={5: 0.5, 9: 0.8}, invalid={5: 0.1, 9: 0.0}, train_macro_f1={9: 0.9}, memory_bytes={1: 3e9})
    found = by_name(figure(given))
    assert {"accuracy", "invalid answers", "macro F1, training rows"} <= set(found)
    assert found["accuracy"]["y"] == [0.5, 0.8]
    assert found["macro F1, training rows"]["line"]["dash"] != found["accuracy"]["line"]["dash"]
    assert found["memory at its peak"]["y"] == [3.0]
    assert {"learning rate", "gradient norm", "rows a second", "tokens a second"} <= set(found)


def test_all_panels_share_one_axis_and_keep_their_place_before_anything_is_logged():
    empty, full = figure(lines()), figure(lines(loss={1: 1.0}, accuracy={1: 0.5}, epoch={1: 1.0}), log=True)
    assert empty["layout"]["height"] == full["layout"]["height"] == run_charts.HEIGHT
    assert f".curves {{ min-height: {run_charts.HEIGHT}px; }}" in look.CSS
    assert [x for x in empty["layout"] if x.startswith("xaxis")] == ["xaxis"]
    assert empty["layout"]["yaxis2"]["domain"] == full["layout"]["yaxis2"]["domain"]
    assert "Loss: nothing yet" in {about["text"] for about in empty["layout"]["annotations"]}
    assert (empty["layout"]["yaxis"].get("type"), full["layout"]["yaxis"]["type"]) == (None, "log")
    assert empty["layout"]["uirevision"] != full["layout"]["uirevision"]  # a zoom on another axis means nothing


def test_runs_beside_it_are_told_apart_without_colour():
    other = lines(loss={1: 2.0, 2: 1.0}, accuracy={2: 0.5}, epoch={1: 0.5, 2: 1.0})
    made = figure(lines(loss={1: 3.0}), [(f"run-{i}", other) for i in range(2, 8)])
    named = [trace for trace in made["data"] if trace.get("legendgroup") and trace["showlegend"]]
    assert [trace["name"] for trace in named] == [f"run-{i}" for i in range(2, 8)]
    assert len({trace["line"]["dash"] for trace in named}) == 6
    (sent,) = {trace["name"] for trace in figure(lines(), [(HOSTILE, other)])["data"] if trace.get("legendgroup")}
    assert sent.startswith("&lt;b&gt;x&lt;/b&gt; &amp; ")


@pytest.mark.parametrize("sent", [(None, None, None), ("x", "y", "z"), ([], {}, []), ("epoch", 7, True)])
def test_whatever_a_browser_sends_makes_a_view(sent):
    view = View.of(*sent)
    assert view.by in ("step", "epoch") and 0 <= view.smoothing <= 0.99
    figure(lines(loss={1: 2.0}, epoch={1: 0.1}), by=view.by, smoothing=view.smoothing, log=view.log)


# -- in words ------------------------------------------------------------------------------------------------------------


def overfit(**changes) -> dict:
    loss = {step: 2.0 - step / 100 for step in range(1, 101)}
    given = {"validation_loss": {20: 1.0, 40: 0.8, 60: 0.9, 80: 1.0, 100: 1.2}, "accuracy": {40: 0.9, 100: 0.7}}
    return lines(loss=loss, epoch={step: step / 20 for step in loss}, **given | changes)


def test_overfitting_is_said_in_a_sentence():
    said = " ".join(told(overfit(train_accuracy={100: 0.99})))
    assert "Validation loss was lowest after epoch 2 (0.8) and has risen since" in said
    assert "later epochs overfit" in said
    assert "Best accuracy on validation rows: 0.900 after epoch 2; 0.700 after epoch 5." in said
    assert "On training rows 0.990, on validation rows 0.700 after epoch 5." in said


@pytest.mark.parametrize("validation", [{}, {20: 1.0}, {20: 1.0, 40: 0.8}, {20: 1.0, 40: 1.004}, {20: "NaN", 40: 1.0}])
def test_no_overfitting_is_said_where_there_is_none(validation):
    assert "overfit" not in " ".join(told(overfit(validation_loss=validation)))


def test_the_words_hold_the_scores_as_a_table():
    shown = run_words.curves_in_words(overfit(invalid={40: 0.125}))
    assert "<td>0.9</td>" in shown and "<td>12.5%</td>" in shown and 'scope="col">validation loss' in shown
    assert "training rows" not in shown
    assert "Nothing has been logged yet" in run_words.curves_in_words(lines())


# -- the table -------------------------------------------------------------------------------------------------------------


def at_a_glance(i: int, **more) -> dict:
    return {"id": f"run-{i}", "title": "", "notes": "", "status": "finished", "losses": (2.0, 1.0), "loss": 1.0, **more}


def test_the_table_finds_runs_by_the_words_of_name_note_and_status():
    found = [at_a_glance(1, title="Big rank"), at_a_glance(2, notes="of May", status="failed"), at_a_glance(3)]
    assert [x["id"] for x in run_table.matching(found, "RANK finished")] == ["run-1"]
    assert [x["id"] for x in run_table.matching(found, "may")] == ["run-2"]
    assert len(run_table.matching(found, " ")) == 3
    assert "1 of 3 runs" in run_table.table(found, "run-1", "failed", False, {})
    assert "No run has all these words" in run_table.table(found, "run-1", "nobody", False, {})


def test_of_many_runs_the_first_and_the_living_are_shown_until_one_asks():
    found = [at_a_glance(i) for i in range(299)] + [at_a_glance(299, status="queued")]
    few, everything = (run_table.table(found, "", "", show_all, {"run-299": 2}) for show_all in (False, True))
    assert few.count("data-run=") == run_table.FIRST + 1
    assert "queued, 2 before it" in few and "Show 249 more" in few
    assert everything.count("data-run=") == 300


def test_texts_of_users_are_text_in_the_table_and_the_head():
    run = at_a_glance(1, title=HOSTILE, notes=HOSTILE, error={"message": HOSTILE, "advice": ""})
    for shown in (run_table.table([run], "", "", False, {}), run_words.head(run, 0)):
        assert "<b>x" not in shown and "&lt;b&gt;x" in shown
    assert 'aria-label="training loss from 2 to 1"' in run_table.table([run], "", "", False, {})
