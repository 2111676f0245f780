"""The charts of comparisons: what they show, what they never hide, and that texts of users stay texts."""

import json

import pytest

from lab.metrics import calibration
from lab.ui import charts, compare_charts, text_chart

HOSTILE = '<b>x</b> & <a href="javascript:alert(1)">y</a>'


def drawn(figure) -> dict:
    """The figure as it is sent to the browser."""
    return json.loads(figure.to_json())


def by_name(figure) -> dict[str, dict]:
    return {trace["name"]: trace for trace in drawn(figure)["data"]}


def compared(subject: str, **changes) -> dict:
    scores = {"accuracy": 0.8, "accuracy_ci95": [0.7, 0.9], "macro_f1": 0.6, "f1_ci95": [0.5, 0.65]}
    return {"subject": subject, **scores, **changes}


def test_accuracy_and_f1_with_their_intervals():
    figure = compare_charts.f1_chart([compared("base"), compared("run-1", accuracy=1.0, accuracy_ci95=[0.9, 1.0])])
    found = by_name(figure)
    assert found["accuracy"]["x"] == [0.8, 1.0]
    assert found["accuracy"]["error_x"]["array"] == pytest.approx([0.1, 0.0])
    assert found["accuracy"]["error_x"]["arrayminus"] == pytest.approx([0.1, 0.1])
    assert found["macro F1"]["error_x"]["array"] == pytest.approx([0.05, 0.05])
    assert drawn(figure)["layout"]["yaxis"]["ticktext"] == ["base", "run-1"]


def test_subjects_without_scores_are_left_out():
    nothing = dict.fromkeys(["accuracy", "accuracy_ci95", "macro_f1", "f1_ci95"])
    figure = compare_charts.f1_chart([compared("base", **nothing), compared("run-1", f1_ci95=None)])
    assert drawn(figure)["layout"]["yaxis"]["ticktext"] == ["run-1"]
    assert compare_charts.f1_chart([])


def written(subject: str, **values) -> dict:
    return {"subject": subject, "text_metrics": values, "text_metrics_ci95": {"bleu": [0.1, 0.4]}}


def test_each_metric_of_texts_has_a_panel_with_intervals():
    with_all = written("run-1", bleu=0.3, reference_perplexity=12.0)
    found = drawn(text_chart.chart([compared("base"), written("base", bleu=0.2), with_all]))
    bleu, perplexity = found["data"]
    assert (bleu["x"], bleu["y"]) == ([0.2, 0.3], [0, 1])
    assert bleu["error_x"]["array"] == pytest.approx([0.2, 0.1])
    assert bleu["error_x"]["arrayminus"] == pytest.approx([0.1, 0.2])
    assert (perplexity["x"], perplexity["y"], perplexity["error_x"]["array"]) == ([12.0], [1], [0])
    headings = [note["text"] for note in found["layout"]["annotations"]]
    assert headings == ["BLEU ↑", "Perplexity of the references ↓"]
    low, high = (found["layout"][axis]["domain"] for axis in ("yaxis2", "yaxis"))
    assert 0 <= low[0] < low[1] < high[0] < high[1] <= 1


def test_without_metrics_of_texts_there_is_no_chart_of_them():
    assert text_chart.chart([compared("base")]) is None
    assert text_chart.chart([written("base", bleu=None)]) is None


def test_the_confusion_shows_counts_and_invalid_answers_apart():
    figure = compare_charts.confusion_chart({"labels": ["a", "b"], "counts": [[3, 1, 0], [0, 2, 2000]]})
    known, invalid = drawn(figure)["data"]
    assert known["text"] == [["3", "1"], ["0", "2"]]
    assert invalid["text"] == [["0"], ["2,000"]]
    assert known["z"][0] == [0.75, 0.25]
    assert known["colorscale"] != invalid["colorscale"]
    layout = drawn(figure)["layout"]
    assert layout["xaxis"]["ticktext"] == ["a", "b", "invalid"]
    assert layout["yaxis"]["ticktext"] == ["a", "b"]


def test_the_confusion_may_say_shares_and_keeps_the_counts_at_hand():
    figure = compare_charts.confusion_chart({"labels": ["a", "b"], "counts": [[3, 1, 0], [0, 2, 2000]]}, as_shares=True)
    known, invalid = drawn(figure)["data"]
    assert known["text"] == [["75%", "25%"], ["0%", "0%"]]
    assert invalid["customdata"][1] == ["2,000 rows: true b, answered invalid"]


LINE = {
    "name": "run-1",
    "points": [
        {"subject": "run-1@4", "x": 1.0, "y": 0.5, "ci95": [0.4, 0.7]},
        {"subject": "run-1", "x": 2.0, "y": 0.6, "ci95": None},
    ],
}


def test_scores_over_training_join_what_belongs_together():
    figure = compare_charts.course_chart(
        [LINE, {**LINE, "name": "base", "points": LINE["points"][:1]}], "Accuracy", "epochs"
    )
    joined, alone = drawn(figure)["data"]
    assert (joined["mode"], alone["mode"]) == ("lines+markers", "markers")
    assert joined["error_y"]["array"] == pytest.approx([0.2, 0])
    assert joined["marker"]["symbol"] != alone["marker"]["symbol"]  # not by colour alone
    assert drawn(figure)["layout"]["xaxis"]["title"]["text"] == "Epochs"


def test_calibration_shows_filled_bins_with_their_rows():
    found = calibration(["a", "a", "b"], ["a", "a", "a"], [{"a": 0.75, "b": 0.25, "other": 0.0}] * 3)
    _, right, rows = drawn(compare_charts.calibration_chart(found))["data"]
    assert (right["x"], right["y"]) == ([pytest.approx(0.75)], [pytest.approx(2 / 3)])
    assert sum(rows["y"]) == 3 and len(rows["y"]) == 10


def test_equal_empty_and_numeric_labels_stay_apart():
    labels = ["1", "2", "x" * 80, "x" * 80 + "y", ""]
    figure = compare_charts.confusion_chart({"labels": labels, "counts": [[1] * 6] * 5})
    assert drawn(figure)["layout"]["yaxis"]["tickvals"] == [0, 1, 2, 3, 4]
    assert compare_charts.confusion_chart({"labels": [], "counts": []})


def test_texts_of_users_are_shown_letter_by_letter():
    figures = [
        compare_charts.f1_chart([compared(HOSTILE)]),
        compare_charts.course_chart([{**LINE, "name": HOSTILE}], "Accuracy", "epochs"),
        compare_charts.confusion_chart({"labels": [HOSTILE, "%{x}"], "counts": [[1, 0, 0], [0, 1, 0]]}),
        text_chart.chart([written(HOSTILE, bleu=0.2)]),
    ]
    for figure in figures:
        sent = json.dumps(drawn(figure))
        assert "<b>" not in sent
        assert "&lt;b&gt;x&lt;/b&gt; &amp; " in sent


@pytest.mark.parametrize(
    "figure",
    [
        compare_charts.f1_chart([compared("base")]),
        compare_charts.confusion_chart({"labels": ["a"], "counts": [[1, 0]]}),
    ],
    ids=["f1", "confusion"],
)
def test_zoom_stays_and_the_page_shines_through(figure):
    layout = drawn(figure)["layout"]
    assert layout["uirevision"]
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
    assert len(figure.to_json()) < 5000


def test_what_draws_charts_is_read_ahead_from_where_the_page_has_it():
    names = [file.name for file in charts._ASSETS.glob("PlotlyPlot-*.js")]
    assert len(names) == 1
    assert f'plotly = "{names[0]}"' in charts.KEEP_ZOOM
