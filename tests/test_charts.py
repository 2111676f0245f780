"""The charts: what they show, what they never hide, and that texts of users stay texts."""

import json

import pytest

from lab import progress
from lab.ui import charts

HOSTILE = '<b>x</b> & <a href="javascript:alert(1)">y</a>'


def lines(**given) -> dict[str, dict]:
    return {key: {} for key in [*progress.LOSSES, *progress.SCORES, "epoch"]} | given


def drawn(figure) -> dict:
    """The figure as it is sent to the browser."""
    return json.loads(figure.to_json())


def by_name(figure) -> dict[str, dict]:
    return {trace["name"]: trace for trace in drawn(figure)["data"]}


def compared(subject: str, **changes) -> dict:
    scores = {"accuracy": 0.8, "accuracy_ci95": [0.7, 0.9], "macro_f1": 0.6, "f1_ci95": [0.5, 0.65]}
    return {"subject": subject, **scores, **changes}


def test_losses_raw_smoothed_and_of_the_validation_rows():
    given = lines(loss={1: 2.0, 2: 1.0}, validation_loss={2: 1.5}, epoch={2: 1.0})
    found = by_name(charts.loss_chart(given))
    assert list(found) == ["training, each step", "training, smoothed", "validation"]
    assert (found["training, each step"]["x"], found["training, each step"]["y"]) == ([1, 2], [2.0, 1.0])
    assert (found["validation"]["x"], found["validation"]["y"], found["validation"]["customdata"]) == (
        [2],
        [1.5],
        [1.0],
    )


def test_a_loss_that_is_no_number_is_marked():
    given = lines(loss={1: 2.0, 2: "NaN", 3: "NaN", 4: "Infinity"}, validation_loss={4: "NaN"})
    found = by_name(charts.loss_chart(given))
    marks = {name: trace["x"] for name, trace in found.items() if ": " in name}
    assert marks == {"training: NaN (2)": [2, 3], "training: Infinity (1)": [4], "validation: NaN (1)": [4]}
    assert found["training, each step"]["x"] == [1]


def test_a_run_of_nothing_but_nan_can_be_drawn():
    found = by_name(charts.loss_chart(lines(loss=dict.fromkeys(range(1, 5001), "NaN"))))
    assert 0 < len(found["training: NaN (5,000)"]["x"]) <= 1000


def test_long_runs_are_thinned_before_they_are_sent():
    loss = {step: 1.0 + step % 5 for step in range(1, 100_001)}
    loss[777] = 50.0
    figure = charts.loss_chart(lines(loss=loss))
    for trace in drawn(figure)["data"]:
        assert len(trace["x"]) == len(trace["y"]) <= 1000
    assert 777 in by_name(figure)["training, each step"]["x"]
    assert len(figure.to_json()) < 60_000


def test_scores_of_validation_and_training_rows():
    given = lines(accuracy={5: 0.5, 9: 0.8}, invalid={5: 0.1, 9: 0.0}, train_macro_f1={9: 0.9}, epoch={5: 1.0, 9: 2.0})
    found = by_name(charts.scores_chart(given))
    assert list(found) == ["accuracy", "invalid answers", "macro F1, training rows"]
    assert (found["accuracy"]["y"], found["accuracy"]["customdata"]) == ([0.5, 0.8], [1.0, 2.0])
    assert found["macro F1, training rows"]["line"]["dash"] != found["accuracy"]["line"]["dash"]


def test_accuracy_and_f1_with_their_intervals():
    figure = charts.f1_chart([compared("base"), compared("run-1", accuracy=1.0, accuracy_ci95=[0.9, 1.0])])
    found = by_name(figure)
    assert found["accuracy"]["x"] == [0.8, 1.0]
    assert found["accuracy"]["error_x"]["array"] == pytest.approx([0.1, 0.0])
    assert found["accuracy"]["error_x"]["arrayminus"] == pytest.approx([0.1, 0.1])
    assert found["macro F1"]["error_x"]["array"] == pytest.approx([0.05, 0.05])
    assert drawn(figure)["layout"]["yaxis"]["ticktext"] == ["base", "run-1"]


def test_subjects_without_scores_are_left_out():
    nothing = dict.fromkeys(["accuracy", "accuracy_ci95", "macro_f1", "f1_ci95"])
    figure = charts.f1_chart([compared("base", **nothing), compared("run-1", f1_ci95=None)])
    assert drawn(figure)["layout"]["yaxis"]["ticktext"] == ["run-1"]
    assert charts.f1_chart([])


def test_the_confusion_shows_counts_and_invalid_answers_apart():
    figure = charts.confusion_chart({"labels": ["a", "b"], "counts": [[3, 1, 0], [0, 2, 2000]]})
    known, invalid = drawn(figure)["data"]
    assert known["text"] == [["3", "1"], ["0", "2"]]
    assert invalid["text"] == [["0"], ["2,000"]]
    assert known["z"][0] == [0.75, 0.25]
    assert known["colorscale"] != invalid["colorscale"]
    layout = drawn(figure)["layout"]
    assert layout["xaxis"]["ticktext"] == ["a", "b", "invalid"]
    assert layout["yaxis"]["ticktext"] == ["a", "b"]


def test_equal_empty_and_numeric_labels_stay_apart():
    labels = ["1", "2", "x" * 80, "x" * 80 + "y", ""]
    figure = charts.confusion_chart({"labels": labels, "counts": [[1] * 6] * 5})
    assert drawn(figure)["layout"]["yaxis"]["tickvals"] == [0, 1, 2, 3, 4]
    assert charts.confusion_chart({"labels": [], "counts": []})


def test_texts_of_users_are_shown_letter_by_letter():
    figures = [
        charts.f1_chart([compared(HOSTILE)]),
        charts.confusion_chart({"labels": [HOSTILE, "%{x}"], "counts": [[1, 0, 0], [0, 1, 0]]}),
    ]
    for figure in figures:
        sent = json.dumps(drawn(figure))
        assert "<b>" not in sent
        assert "&lt;b&gt;x&lt;/b&gt; &amp; " in sent


@pytest.mark.parametrize(
    "figure",
    [
        charts.loss_chart(lines(loss={1: 1.0})),
        charts.scores_chart(lines(accuracy={1: 0.5})),
        charts.f1_chart([compared("base")]),
        charts.confusion_chart({"labels": ["a"], "counts": [[1, 0]]}),
    ],
    ids=["loss", "scores", "f1", "confusion"],
)
def test_zoom_stays_and_the_page_shines_through(figure):
    layout = drawn(figure)["layout"]
    assert layout["uirevision"]
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
    assert len(figure.to_json()) < 5000
