"""The chart of a sweep: a line over the swept value, one for each of the other values, whose texts stay texts."""

import json

from lab.ui import sweep_charts


def found(values: dict[str, list], **changes) -> dict:
    """What is known of a sweep over one or two keys, all of it scored."""
    (first, *rest), points = values.items(), []
    for value in first[1]:
        points += [{first[0]: value, rest[0][0]: other} for other in rest[0][1]] if rest else [{first[0]: value}]
    scores = {
        "accuracy": 0.8,
        "accuracy_ci95": [0.7, 0.9],
        "macro_f1": 0.6,
        "f1_ci95": [0.5, 0.65],
        "n": 50,
        "invalid": 5,
    }
    members = [{"id": f"run-{i}", "status": "finished", "reused": False, "values": x} for i, x in enumerate(points)]
    return {"runs": members, "comparison": [{**scores, **changes, "values": x} for x in points]}


def drawn(found: dict, along: str) -> dict:
    return json.loads(sweep_charts.chart(found, along).to_json())


def test_numbers_stand_on_a_line_with_their_intervals():
    figure = drawn(found({"learning_rate": [3e-5, 1e-4, 1e-2]}), "learning_rate")
    accuracy, f1, invalid = figure["data"]
    assert accuracy["x"] == [3e-5, 1e-4, 1e-2]
    assert round(accuracy["error_y"]["array"][0], 6) == round(accuracy["error_y"]["arrayminus"][0], 6) == 0.1
    assert (f1["yaxis"], invalid["yaxis"]) == ("y2", "y3")
    assert invalid["y"] == [0.1] * 3 and "error_y" not in invalid
    assert figure["layout"]["xaxis"]["type"] == "log"  # they span more than thirty times
    assert "type" not in drawn(found({"epochs": [1, 2, 30]}), "epochs")["layout"]["xaxis"]
    assert "type" not in drawn(found({"top_k": [0, 20, 500]}), "top_k")["layout"]["xaxis"]  # which has no place for 0


def test_other_values_stand_side_by_side_as_points():
    figure = drawn(found({"train_rows": [100, "all"]}), "train_rows")
    assert figure["layout"]["xaxis"]["ticktext"] == ["100", "all"]
    assert (figure["data"][0]["x"], figure["data"][0]["mode"]) == ([0, 1], "markers")


def test_a_second_key_makes_lines_that_differ_in_more_than_colour():
    both = found({"learning_rate": [1e-4, 1e-3], "adapter.r": [4, 8]})
    for along, names in (
        ("learning_rate", ["adapter.r 4", "adapter.r 8"]),
        ("adapter.r", ["learning_rate 0.0001", "learning_rate 0.001"]),
    ):
        lines = drawn(both, along)["data"][:2]
        assert [line["name"] for line in lines] == names
        assert lines[0]["line"]["dash"] != lines[1]["line"]["dash"]
        assert lines[0]["marker"]["symbol"] != lines[1]["marker"]["symbol"]


def test_texts_have_their_own_metrics_and_stay_texts():
    nothing = dict.fromkeys(["accuracy", "accuracy_ci95", "macro_f1", "f1_ci95", "invalid"])
    figure = drawn(found({"task": ["<b>a</b>", "b"]}, **nothing, text_metrics={"exact_match": 0.5}), "task")
    assert [trace["y"] for trace in figure["data"]] == [[0.5, 0.5]]
    assert figure["layout"]["xaxis"]["ticktext"][0] == "&lt;b&gt;a&lt;/b&gt;"
    assert sweep_charts.chart({"runs": [], "comparison": []}, "task") is None
