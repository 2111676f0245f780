"""The scores of a sweep over a swept value: panels one above the other, a line for each combination of the other values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.grid import written
from lab.ui import charts
from lab.ui.charts import BLUE, GREEN, GREY, ORANGE, RED, plain

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

WIDE = 30  # a span of values above which the axis is logarithmic
PANEL, BETWEEN, ABOVE, BELOW = 190, 40, 40, 56  # pixels
LEGEND = 24  # pixels of a line of the legend
LOOKS = [  # colour, dash and marker of the lines, all told apart without colour
    (BLUE, "solid", "circle"),
    (ORANGE, "dash", "diamond"),
    (GREEN, "dot", "square"),
    (RED, "dashdot", "x"),
    (GREY, "longdash", "triangle-up"),
    ("#9353d3", "longdashdot", "star"),
]
MOST_LINES = 12
LABELLED = [
    ("accuracy", "Accuracy", "accuracy_ci95"),
    ("macro_f1", "Macro F1", "f1_ci95"),
    ("invalid", "Invalid", None),
]


def chart(found: dict, along: str) -> Figure | None:
    """The scores of what `sweep_results.look` gives over the values of one key; None where nothing was scored yet.

    Numbers stand on a line, logarithmic where they span much; other values stand side by side in the order of the sweep.
    """
    scored, panels = found["comparison"], panels_of(found["comparison"])
    if not scored or not panels:
        return None
    places = places_of(found, along)
    lines = lines_of(scored, along)
    traces = [
        trace
        for row, panel in enumerate(panels, 1)
        for line, (name, points) in enumerate(lines[:MOST_LINES])
        if (trace := _trace(points, panel, row, line, name, along, places, bool(name)))
    ]
    from plotly.graph_objects import Figure

    return Figure({"data": traces, "layout": _layout(panels, along, places, sum(bool(name) for name, _ in lines))})


def panels_of(scored: list[dict]) -> list[tuple]:
    """Key, heading and key of the interval of all that can be drawn."""
    texts = dict.fromkeys(key for x in scored for key in x.get("text_metrics", {}))
    found = [panel for panel in LABELLED if any(x.get(panel[0]) is not None for x in scored)]
    return found + [
        (key, key.replace("_", " ").capitalize(), None) for key in texts if any(_number(x, key) for x in scored)
    ]


def _number(x: dict, key: str) -> bool:
    return isinstance(x.get("text_metrics", {}).get(key), int | float)


def is_numeric(values: list) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def is_wide(values: list) -> bool:
    """Whether numbers span so much that small ones would lie on each other."""
    return is_numeric(values) and len(values) > 2 and min(values) > 0 and max(values) / min(values) > WIDE


def places_of(found: dict, along: str) -> dict[str, float]:
    """Where each value of a key stands on the axis: a number at itself, anything else by its place in the sweep."""
    values = list({written(one["values"][along]): one["values"][along] for one in found["runs"]}.items())
    numeric = is_numeric([value for _, value in values])
    return {text: value if numeric else place for place, (text, value) in enumerate(values)}


def lines_of(scored: list[dict], along: str) -> list[tuple[str, list[dict]]]:
    """The scored points by the values of the other keys, which name the line."""
    lines: dict[str, list[dict]] = {}
    for x in scored:
        name = ", ".join(f"{key} {written(value)}" for key, value in x["values"].items() if key != along)
        lines.setdefault(name, []).append(x)
    return list(lines.items())


def value_of(x: dict, key: str) -> float | None:
    """A score as a share; of invalid answers the share of the rows."""
    if key == "invalid":
        return x["invalid"] / x["n"] if x["invalid"] is not None and x["n"] else None
    return x[key] if key in x else x.get("text_metrics", {}).get(key)


def _trace(points, panel, row, line, name, along, places, named) -> dict | None:
    key, heading, interval = panel
    colour, dash, symbol = LOOKS[line % len(LOOKS)]
    numeric = _are_numbers(places)
    known = sorted(
        ((places[written(x["values"][along])], value_of(x, key), x) for x in points if value_of(x, key) is not None),
        key=lambda one: one[0],
    )
    if not known:
        return None
    bounds = [(x[interval] if interval else None) or [value, value] for _, value, x in known]
    said = [
        f"{plain(along)} {plain(written(x['values'][along]))}: {value:.3f}"
        + (f" ({low:.3f} to {high:.3f})" if interval else "")
        for (_, value, x), (low, high) in zip(known, bounds, strict=True)
    ]
    error = {
        "type": "data",
        "symmetric": False,
        "array": [max(0, high - value) for (_, value, _), (_, high) in zip(known, bounds, strict=True)],
        "arrayminus": [max(0, value - low) for (_, value, _), (low, _) in zip(known, bounds, strict=True)],
        "color": colour,
        "thickness": 1.3,
    }
    return {
        "type": "scatter",
        "mode": "lines+markers" if numeric else "markers",
        "name": plain(name) if named else f"{heading[0].lower()}{heading[1:]}",
        "legendgroup": name,
        "showlegend": named and row == 1,
        "x": [place for place, _, _ in known],
        "y": [value for _, value, _ in known],
        "xaxis": "x",
        "yaxis": f"y{row if row > 1 else ''}",
        "line": {"color": colour, "dash": dash, "width": 1.8},
        "marker": {"color": colour, "symbol": symbol, "size": 9},
        **({"error_y": error} if interval else {}),
        "text": said,
        "hovertemplate": f"{heading}, %{{text}}<extra>{plain(name)}</extra>",
    }


def _are_numbers(places: dict[str, float]) -> bool:
    """Whether the values stand at themselves, and not by their place in the sweep."""
    return list(places) == [written(value) for value in places.values()]


def height_of(panels: int, named: int) -> int:
    return ABOVE + LEGEND * named + PANEL * panels + BETWEEN * (panels - 1) + BELOW


def _layout(panels: list[tuple], along: str, places: dict[str, float], named: int) -> dict:
    height = height_of(len(panels), named)
    inner = height - ABOVE - LEGEND * named - BELOW
    numbers = list(places.values())
    numeric = _are_numbers(places)
    axis = {**charts.AXIS, "title": {"text": plain(along)}, "anchor": f"y{len(panels) if len(panels) > 1 else ''}"}
    axis |= {"tickmode": "array", "tickvals": numbers, "ticktext": [plain(text) for text in places]}
    if numeric and is_wide(numbers):
        axis["type"] = "log"
    elif not numeric or len(numbers) == 1:
        middle = numbers[0] if len(numbers) == 1 else 0
        axis["range"] = [middle - 0.5, numbers[-1] + 0.5]
    layout = {**charts.layout(f"sweep {along}", height, "closest"), "xaxis": axis, "annotations": []}
    layout["margin"] = {"l": 10, "r": 10, "t": ABOVE + LEGEND * named, "b": BELOW}
    layout["legend"] = {"orientation": "v", "y": 1 + 26 / inner, "yanchor": "bottom", "x": 0}
    for row, (_, heading, interval) in enumerate(panels, 1):
        top = 1 - (row - 1) * (PANEL + BETWEEN) / inner
        says = f"{heading}, with 95% interval" if interval else f"{heading}: share of rows"
        place = {"xref": "paper", "yref": "paper", "x": 0, "y": top, "xanchor": "left", "yanchor": "bottom"}
        layout["annotations"].append({**place, "text": says, "showarrow": False, "font": {"size": 12}})
        y = {**charts.AXIS, "domain": [max(0, top - PANEL / inner), top], "rangemode": "tozero", "tickformat": ".2~f"}
        layout[f"yaxis{row if row > 1 else ''}"] = y
    return layout
