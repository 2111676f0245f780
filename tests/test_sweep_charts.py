"""The chart of a sweep: a line over the swept value, one for each of the other values, whose texts stay texts."""

import json
from itertools import pairwise

from lab.ui import sweep_charts, sweep_lines


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


def test_more_lines_than_colours_are_still_told_apart():
    lines = drawn(found({"epochs": [1, 2], "seed": list(range(12))}), "epochs")["data"][:12]
    assert len({(x["line"]["color"], x["line"]["dash"], x["marker"]["symbol"]) for x in lines}) == 12


def test_texts_have_their_own_metrics_and_stay_texts():
    nothing = dict.fromkeys(["accuracy", "accuracy_ci95", "macro_f1", "f1_ci95", "invalid"])
    figure = drawn(found({"task": ["<b>a</b>", "b"]}, **nothing, text_metrics={"exact_match": 0.5}), "task")
    assert [trace["y"] for trace in figure["data"]] == [[0.5, 0.5]]
    assert figure["layout"]["xaxis"]["ticktext"][0] == "&lt;b&gt;a&lt;/b&gt;"
    assert sweep_charts.chart({"runs": [], "comparison": []}, "task") is None


def one_key_at_a_time() -> dict:
    """Scores of texts over three keys of the decoding, each varied while the others stay."""
    usual = {"decoding.top_k": 50, "decoding.beams": 5, "decoding.temperature": 1}
    varied = {"decoding.top_k": [30, 50, 80], "decoding.beams": [2, 5, 8], "decoding.temperature": [0, 0.5, 1]}
    points = {str({**usual, key: x}): {**usual, key: x} for key, values in varied.items() for x in values}
    nothing = dict.fromkeys(["accuracy", "accuracy_ci95", "macro_f1", "f1_ci95", "invalid"])
    scores = {
        **nothing,
        "n": 27,
        "text_metrics": {"bleu": 0.3, "rouge_l": 0.5},
        "text_metrics_ci95": {"bleu": [0.2, 0.4]},
    }
    cells = [{**scores, "values": {"quantization": q, **x}} for q in ("nf4", "none") for x in points.values()]
    members = [{"id": q, "status": "finished", "reused": False, "values": {"quantization": q}} for q in ("nf4", "none")]
    return {"runs": members, "comparison": [], "cells": cells}


def test_each_key_has_a_chart_of_its_own_side_by_side():
    found = one_key_at_a_time()
    keys = [
        "decoding.top_k",
        "decoding.beams",
        "decoding.temperature",
    ]  # the quantizations, which have no order, are lines
    assert sweep_lines.each_of(found) == keys
    figure = drawn(found, sweep_charts.EACH)
    layout = figure["layout"]
    assert [layout[f"xaxis{n}"]["title"]["text"] for n in ("", 2, 3)] == keys
    domains = [layout[f"xaxis{n}"]["domain"] for n in ("", 2, 3)]
    assert all(before[1] < after[0] for before, after in pairwise(domains))
    beams = [x for x in figure["data"] if x["xaxis"] == "x2" and x["yaxis"] == "y3"]
    assert [(x["name"], x["x"]) for x in beams] == [("quantization nf4", [2, 5, 8]), ("quantization none", [2, 5, 8])]
    assert [x["name"] for x in figure["data"] if x["showlegend"]] == ["quantization nf4", "quantization none"]
    alone = drawn(found, "decoding.temperature")
    assert {tuple(x["x"]) for x in alone["data"]} == {(0, 0.5, 1)}  # what other blocks vary is left out
    assert alone["layout"]["annotations"][0]["text"] == "BLEU, with 95% interval"
    assert round(alone["data"][0]["error_y"]["array"][0], 6) == 0.1
    assert "error_y" not in alone["data"][-1] and alone["layout"]["annotations"][1]["text"] == "ROUGE-L"


def test_seeds_are_strokes_from_lowest_to_highest_behind_their_mean():
    between = {"accuracy": {"min": 0.4, "max": 0.6, "sd": 0.1}}
    scores = {"accuracy": 0.5, "accuracy_ci95": [0.3, 0.7], "macro_f1": 0.4, "f1_ci95": None, "n": 23, "invalid": 1.5}
    cells = [
        {**scores, "spread": between, "train_accuracy": 0.9, "values": {"task": task, "max_length": size, "epoch": x}}
        for task, size in (("a", 512), ("b", 256))
        for x in (1, 2)
    ]
    figure = drawn({"runs": [], "comparison": [], "cells": cells}, "epoch")
    stroke, mean = figure["data"][:2]
    assert (stroke["x"], stroke["y"]) == ([1, 1, None, 2, 2, None], [0.4, 0.6, None, 0.4, 0.6, None])
    assert mean["name"] == "task a"  # the length tells nothing that the task does not
    assert round(mean["error_y"]["array"][0], 6) == 0.2  # the interval is there as well
    assert [x["yaxis"] for x in figure["data"] if x["name"] == "task b"] == ["y", "y2", "y3"]
    assert figure["layout"]["annotations"][1]["text"] == "Macro F1"  # whose mean has no interval


def test_the_training_rows_stand_beside_the_held_out_ones_in_one_panel():
    scores = {"accuracy": 0.5, "accuracy_ci95": [0.3, 0.7], "macro_f1": 0.4, "f1_ci95": None, "n": 23, "invalid": 1.5}
    cells = [
        {**scores, "train_accuracy": 0.6 + 0.1 * x, "values": {"task": task, "epoch": x}}
        for task in "abcdef"
        for x in (1, 2)
    ]
    figure = drawn({"runs": [], "comparison": [], "cells": cells}, "epoch")
    lines = {x["name"]: x for x in figure["data"] if x["yaxis"] == "y"}
    assert len(lines) == 12
    for task in "abcdef":
        held_out, trained = lines[f"task {task}"], lines[f"task {task}: training rows"]
        assert (held_out["y"], trained["y"]) == ([0.5, 0.5], [0.7, 0.8])
        assert trained["line"]["color"] == held_out["line"]["color"]
        assert trained["line"]["dash"] != held_out["line"]["dash"]
        assert trained["marker"]["symbol"] == f"{held_out['marker']['symbol']}-open"
        assert trained["legendgroup"] == held_out["legendgroup"] and "error_y" not in trained
    texts = [x["text"] for x in figure["layout"]["annotations"]]
    assert texts == [
        "Accuracy, with 95% interval; open markers: training rows",
        *("Macro F1", "Invalid: share of rows"),
    ]
    alone = [{**x, **dict.fromkeys(("accuracy", "accuracy_ci95", "macro_f1", "invalid"))} for x in cells]
    figure = drawn({"runs": [], "comparison": [], "cells": alone}, "epoch")
    assert [x["text"] for x in figure["layout"]["annotations"]] == ["Accuracy on training rows"]


def test_lines_that_are_not_drawn_are_counted_under_the_chart():
    def note(count: int) -> list[str]:
        figure = drawn(found({"epochs": [1, 2], "seed": list(range(count))}), "epochs")
        assert len({x["name"] for x in figure["data"]}) == min(count, 12)
        return [x["text"] for x in figure["layout"]["annotations"][3:]]

    assert note(12) == []
    (said,) = note(42)
    assert said.startswith("Drawn are 12 of 42 lines, the first in the order of the sweep; 30 are not.")
