"""The charts of comparisons: intervals, scores over training, the confusion, how far a model's sureness can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.ui.charts import AXIS, BLUE, GREEN, GREY, ORANGE, RED, figure, named_axis, plain

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # loaded by the first chart, so that the page starts fast

MOST_COUNTS = 24  # labels; with more of them the counts would not fit into the cells
LINES = [(BLUE, "circle"), (GREEN, "diamond"), (ORANGE, "square"), (RED, "triangle-up"), (GREY, "star")]


def f1_chart(compared: list[dict]) -> Figure:
    """Accuracy and macro F1 of each subject with their 95% intervals, from the objects of `compare`."""
    scored = [x for x in compared if x["accuracy"] is not None]
    traces = []
    for key, interval, name, colour, symbol, lift in (
        ("accuracy", "accuracy_ci95", "accuracy", BLUE, "circle", -0.13),
        ("macro_f1", "f1_ci95", "macro F1", GREEN, "diamond", 0.13),
    ):
        known = [(i, x) for i, x in enumerate(scored) if x[key] is not None]
        bounds = [x[interval] or [x[key], x[key]] for _, x in known]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": [x[key] for _, x in known],
                "y": [i + lift for i, _ in known],
                "marker": {"color": colour, "symbol": symbol, "size": 10},
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [max(0, high - x[key]) for (_, x), (_, high) in zip(known, bounds, strict=True)],
                    "arrayminus": [max(0, x[key] - low) for (_, x), (low, _) in zip(known, bounds, strict=True)],
                    "color": colour,
                },
                "text": [
                    f"{plain(x['subject'])}: {x[key]:.3f} ({low:.3f} to {high:.3f})"
                    for (_, x), (low, high) in zip(known, bounds, strict=True)
                ],
                "hovertemplate": f"{name} %{{text}}<extra></extra>",
            }
        )
    names = [plain(x["subject"]) for x in scored]
    axis = {**named_axis(names), "range": [len(names) - 0.5, -0.5]}
    return figure(
        "f1",
        traces,
        "Share of rows, with 95% interval",
        "",
        yaxis=axis,
        xaxis={"range": [-0.02, 1.02]},
        height=130 + 55 * max(1, len(names)),
    )


def confusion_chart(confusion: dict, as_shares: bool = False) -> Figure:
    """Rows by true label and answer, as counts or as shares of the true label's rows; the colour is the share.

    Invalid answers stand in red.
    """
    labels, counts = [plain(label) for label in confusion["labels"]], confusion["counts"]
    known = len(labels)
    shares = [[n / max(1, sum(row)) for n in row] for row in counts]
    columns = [*labels, "invalid"]
    said = [[f"{n:.0%}" for n in row] for row in shares] if as_shares else [[f"{n:,}" for n in row] for row in counts]
    traces = [
        _cells(range(known), columns, labels, shares, counts, said, [[0, "#eef4ff"], [1, "#1d4ed8"]]),
        _cells(range(known, known + 1), columns, labels, shares, counts, said, [[0, "#fdf0f0"], [1, "#c62a2f"]]),
    ]
    return figure(
        "confusion",
        traces,
        "Answer",
        "True label",
        xaxis={**named_axis(columns), "side": "bottom", "showgrid": False},
        yaxis={**named_axis(labels), "range": [known - 0.5, -0.5], "showgrid": False},
        height=190 + max(26, min(46, 620 // max(1, known))) * max(1, known),
    )


def _cells(
    columns: range, names: list[str], labels: list[str], shares: list, counts: list, said: list, colours: list
) -> dict:
    """A heat map of some columns of the confusion, in colours of their own."""
    few = len(labels) <= MOST_COUNTS
    return {
        "type": "heatmap",
        "x": list(columns),
        "y": list(range(len(labels))),
        "z": [[row[i] for i in columns] for row in shares],
        "zmin": 0,
        "zmax": 1,
        "text": [[row[i] for i in columns] for row in said],
        "customdata": [
            [f"{row[i]:,} rows: true {true}, answered {names[i]}" for i in columns]
            for true, row in zip(labels, counts, strict=True)
        ],
        "texttemplate": "%{text}" if few else "",
        "hovertemplate": "%{customdata}<br>%{z:.1%} of the label's rows<extra></extra>",
        "colorscale": colours,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
    }


def course_chart(lines: list[dict], what: str, along: str) -> Figure:
    """A score over training, from the lines of `lab.course`: a mark is a subject, with its 95% interval where there is one."""
    traces = []
    for i, line in enumerate(lines):
        colour, symbol = LINES[i % len(LINES)]
        points = line["points"]
        bounds = [p["ci95"] or [p["y"], p["y"]] for p in points]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(points) > 1 else "markers",
                "name": plain(line["name"]),
                "x": [p["x"] for p in points],
                "y": [p["y"] for p in points],
                "line": {"color": colour, "width": 1.5},
                "marker": {"color": colour, "symbol": symbol, "size": 9},
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [max(0, high - p["y"]) for p, (_, high) in zip(points, bounds, strict=True)],
                    "arrayminus": [max(0, p["y"] - low) for p, (low, _) in zip(points, bounds, strict=True)],
                    "color": colour,
                    "thickness": 1,
                },
                "text": [f"{plain(p['subject'])}: {p['y']:.3f}" for p in points],
                "hovertemplate": f"%{{text}}<br>%{{x}} {along}<extra></extra>",
            }
        )
    return figure("course", traces, along.capitalize(), what, xaxis={"rangemode": "tozero"}, yaxis={}, height=420)


def calibration_chart(found: dict) -> Figure:
    """How often answers are right against how sure the model was of them, and below it how many rows each bin has."""
    bins = [b for b in found["bins"] if b["n"]]
    bounds = [b["right_ci95"] for b in bins]
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "as sure as right",
            "x": [0, 1],
            "y": [0, 1],
            "line": {"color": GREY, "dash": "dot", "width": 1},
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "share right",
            "x": [b["sure"] for b in bins],
            "y": [b["right"] for b in bins],
            "line": {"color": BLUE, "width": 1.5},
            "marker": {"color": BLUE, "size": 9},
            "error_y": {
                "type": "data",
                "symmetric": False,
                "array": [high - b["right"] for b, (_, high) in zip(bins, bounds, strict=True)],
                "arrayminus": [b["right"] - low for b, (low, _) in zip(bins, bounds, strict=True)],
                "color": BLUE,
                "thickness": 1,
            },
            "text": [f"{b['n']:,} rows" for b in bins],
            "hovertemplate": "%{text}<br>sure %{x:.3f}, right %{y:.3f}<extra></extra>",
        },
        {
            "type": "bar",
            "name": "rows",
            "x": [(b["low"] + b["high"]) / 2 for b in found["bins"]],
            "y": [b["n"] for b in found["bins"]],
            "width": [0.095] * len(found["bins"]),
            "marker": {"color": GREY},
            "yaxis": "y2",
            "hovertemplate": "%{y:,} rows<extra></extra>",
        },
    ]
    made = figure(
        "calibration",
        traces,
        "Probability of the answer",
        "Share right",
        xaxis={"range": [-0.02, 1.02], "anchor": "y2"},
        yaxis={"range": [-0.02, 1.02], "domain": [0.34, 1]},
        height=430,
    )
    made.update_layout(yaxis2={**AXIS, "domain": [0, 0.24], "title": {"text": "Rows"}, "rangemode": "tozero"})
    return made
