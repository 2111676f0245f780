"""The scores of a sweep over a swept value: panels one above the other, a line for each combination of the other values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import wanted_metrics
from lab.grid import written
from lab.ui import charts
from lab.ui.charts import BLUE, GREEN, GREY, ORANGE, RED, plain
from lab.ui.sweep_lines import Column, column_of, each_of, is_numeric

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

WIDE = 30  # a span of values above which the axis is logarithmic
PANEL, BETWEEN, ABOVE, BELOW = 190, 40, 40, 56  # pixels
LEGEND = 24  # pixels of a line of the legend
APART = 0.06  # of the width, between two columns
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
    ("accuracy", "Accuracy"),
    ("macro_f1", "Macro F1"),
    ("invalid", "Invalid: share of rows"),
    ("train_accuracy", "Accuracy on training rows"),
    ("train_macro_f1", "Macro F1 on training rows"),
]
TRAINED = {"accuracy": "train_accuracy", "macro_f1": "train_macro_f1"}  # drawn beside those of the held-out rows
OPEN = "; open markers: training rows"
LINE = 18  # pixels of a line of the note under the chart
INTERVALS = {"accuracy": "accuracy_ci95", "macro_f1": "f1_ci95"}  # those of texts stand apart
EACH = "each key"  # all of them side by side


def chart(found: dict, along: str) -> Figure | None:
    """The scores of what `sweep_results.look` gives over the values of one key, or of `EACH` of them side by side; None where
    nothing was scored yet.

    Numbers stand on a line, logarithmic where they span much; other values stand side by side in the order of the sweep.
    """
    keys = each_of(found) if along == EACH else [along]
    columns = [column for key in keys if (column := column_of(found, key))]
    panels = panels_of([x for column in columns for _, points in column.lines for x in points])
    if not panels:
        return None
    traces, named = [], {}
    for number, column in enumerate(columns):
        for row, panel in enumerate(panels, 1):
            axes = _axes(number, row, len(panels))
            for line, (name, points) in enumerate(column.lines[:MOST_LINES]):
                trace = _trace(points, panel, axes, line, name, column)
                if trace:
                    trace["showlegend"] = bool(name) and named.setdefault(name, (number, row)) == (number, row)
                    traces += [*_spread(points, panel, trace, column), trace]
                    traces += _trained(
                        points, panel, trace, _trace(points, _of_training(panel), axes, line, name, column)
                    )
    from plotly.graph_objects import Figure

    note = not_drawn(max(len(column.lines) for column in columns))
    return Figure({"data": traces, "layout": _layout(panels, columns, f"sweep {along}", len(named), note)})


def not_drawn(lines: int) -> str:
    """How many lines a chart leaves out, and which; nothing where it has all of them."""
    if lines <= MOST_LINES:
        return ""
    return (
        f"Drawn are {MOST_LINES} of {lines:,} lines, the first in the order of the sweep; "
        f"{lines - MOST_LINES:,} are not.<br>The table has all of them; another key along the axis draws others."
    )


def _axes(column: int, row: int, panels: int) -> tuple[str, str]:
    """The names of the axes of a panel, as plotly counts them."""
    number = column * panels + row
    return f"x{column + 1 if column else ''}", f"y{number if number > 1 else ''}"


def panels_of(scored: list[dict]) -> list[tuple]:
    """Key, heading and whether there are intervals of all that can be drawn."""
    texts = dict.fromkeys(key for x in scored for key in x.get("text_metrics") or {})
    known = {key for key, _ in LABELLED if any(x.get(key) is not None for x in scored)}
    beside = {trained for key, trained in TRAINED.items() if key in known}
    keys = [(key, heading) for key, heading in LABELLED if key in known - beside]
    keys += [(key, wanted_metrics.heading(key)) for key in texts if any(_number(x, key) for x in scored)]
    return [(key, heading, any(interval_of(x, key) for x in scored)) for key, heading in keys]


def _number(x: dict, key: str) -> bool:
    return isinstance((x.get("text_metrics") or {}).get(key), int | float)


def interval_of(x: dict, key: str) -> list[float] | None:
    """The interval of a score, where it has one."""
    return x.get(INTERVALS[key]) if key in INTERVALS else (x.get("text_metrics_ci95") or {}).get(key)


def is_wide(values: list) -> bool:
    """Whether numbers span so much that small ones would lie on each other."""
    return is_numeric(values) and len(values) > 2 and min(values) > 0 and max(values) / min(values) > WIDE


def value_of(x: dict, key: str) -> float | None:
    """A score as a share; of invalid answers the share of the rows."""
    if key == "invalid":
        return x["invalid"] / x["n"] if x["invalid"] is not None and x["n"] else None
    return x[key] if key in x else (x.get("text_metrics") or {}).get(key)


def _spread(points: list[dict], panel: tuple, trace: dict, column: Column) -> list[dict]:
    """Thick strokes from the lowest to the highest seed, behind the means; nothing where there is one."""
    known = [(column.place(x), (x.get("spread") or {}).get(panel[0])) for x in points]
    known = [(place, between) for place, between in known if between]
    if not known:
        return []
    stroke = {
        **{key: trace[key] for key in ("xaxis", "yaxis", "legendgroup")},
        "type": "scatter",
        "mode": "lines",
        "name": f"{trace['name']}: lowest to highest seed",
        "showlegend": False,
        "hoverinfo": "skip",
        "opacity": 0.4,
        "line": {"color": trace["line"]["color"], "width": 7},
        "x": [at for place, _ in known for at in (place, place, None)],
        "y": [at for _, between in known for at in (between["min"], between["max"], None)],
    }
    return [stroke]


def _of_training(panel: tuple) -> tuple:
    """The panel of the same score on the training rows, which have no interval."""
    return TRAINED.get(panel[0]), f"{panel[1]} on training rows", False


def _trained(points: list[dict], panel: tuple, held_out: dict, trained: dict | None) -> list[dict]:
    """The line of the training rows beside that of the held-out ones: thin, with open markers, in the same colour."""
    if trained is None:
        return []
    colour, dash = held_out["line"]["color"], "dash" if held_out["line"]["dash"] == "dot" else "dot"
    marker = {**held_out["marker"], "symbol": f"{held_out['marker']['symbol']}-open", "size": 8}
    name = f"{held_out['name']}: training rows"
    return [
        trained
        | {"name": name, "showlegend": False, "line": {"color": colour, "dash": dash, "width": 1.3}, "marker": marker}
    ]


def _trace(points, panel, axes, line, name, column: Column) -> dict | None:
    key, heading, interval = panel
    again, place = divmod(line, len(LOOKS))  # a colour that comes again has another dash and marker
    (colour, *_), (_, dash, symbol) = LOOKS[place], LOOKS[(place + again) % len(LOOKS)]
    numeric, along = _are_numbers(column.places), column.along
    known = sorted(
        ((column.place(x), value_of(x, key), x) for x in points if value_of(x, key) is not None),
        key=lambda one: one[0],
    )
    if not known:
        return None
    bounds = [interval_of(x, key) or [value, value] for _, value, x in known]
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
        "name": plain(name) if name else f"{heading[0].lower()}{heading[1:]}",
        "legendgroup": name,
        "x": [place for place, _, _ in known],
        "y": [value for _, value, _ in known],
        "xaxis": axes[0],
        "yaxis": axes[1],
        "line": {"color": colour, "dash": dash, "width": 1.8},
        "marker": {"color": colour, "symbol": symbol, "size": 9},
        **({"error_y": error} if interval else {}),
        "text": said,
        "hovertemplate": f"{heading}, %{{text}}<extra>{plain(name)}</extra>",
    }


def _are_numbers(places: dict[str, float]) -> bool:
    """Whether the values stand at themselves, and not by their place in the sweep."""
    return list(places) == [written(value) for value in places.values()]


def height_of(panels: int, named: int, below: int = BELOW) -> int:
    return ABOVE + LEGEND * named + PANEL * panels + BETWEEN * (panels - 1) + below


def _layout(panels: list[tuple], columns: list[Column], name: str, named: int, note: str) -> dict:
    below = BELOW + (LINE * (note.count("<br>") + 1) if note else 0)
    height = height_of(len(panels), named, below)
    inner = height - ABOVE - LEGEND * named - below
    layout = {**charts.layout(name, height, "closest"), "annotations": []}
    layout["margin"] = {"l": 10, "r": 10, "t": ABOVE + LEGEND * named, "b": below}
    layout["legend"] = {"orientation": "v", "y": 1 + 26 / inner, "yanchor": "bottom", "x": 0}
    for number, column in enumerate(columns):
        left, right = number / len(columns), (number + 1) / len(columns)
        right -= APART if number + 1 < len(columns) else 0
        x, lowest = _axes(number, len(panels), len(panels))
        layout[f"xaxis{x[1:]}"] = {**_x_axis(column), "anchor": lowest, "domain": [left, right]}
        for row, (key, heading, interval) in enumerate(panels, 1):
            y, top = _axes(number, row, len(panels))[1], 1 - (row - 1) * (PANEL + BETWEEN) / inner
            says = f"{heading}, with 95% interval" if interval else heading
            says += OPEN if _has_trained(columns, key) else ""
            place = {"xref": "paper", "yref": "paper", "x": left, "y": top, "xanchor": "left", "yanchor": "bottom"}
            layout["annotations"].append({**place, "text": says, "showarrow": False, "font": {"size": 12}})
            axis = {**charts.AXIS, "domain": [max(0, top - PANEL / inner), top], "rangemode": "tozero"}
            same = {"matches": _axes(0, row, len(panels))[1]} if number else {}
            layout[f"yaxis{y[1:]}"] = {**axis, "tickformat": ".2~f", "anchor": x, **same}
    if note:
        place = {
            "xref": "paper",
            "yref": "paper",
            "x": 0,
            "y": 0,
            "xanchor": "left",
            "yanchor": "top",
            "yshift": -BELOW,
        }
        look = {"showarrow": False, "align": "left", "font": {"size": 12}}
        layout["annotations"].append({**place, **look, "text": note})
    return layout


def _has_trained(columns: list[Column], key: str) -> bool:
    points = [x for column in columns for _, points in column.lines[:MOST_LINES] for x in points]
    return any(x.get(TRAINED.get(key)) is not None for x in points)


def _x_axis(column: Column) -> dict:
    numbers = list(column.places.values())
    numeric = _are_numbers(column.places)
    axis = {**charts.AXIS, "title": {"text": plain(column.along)}}
    axis |= {"tickmode": "array", "tickvals": numbers, "ticktext": [plain(text) for text in column.places]}
    if numeric and is_wide(numbers):
        axis["type"] = "log"
    elif not numeric or len(numbers) == 1:
        middle = numbers[0] if len(numbers) == 1 else 0
        axis["range"] = [middle - 0.5, numbers[-1] + 0.5]
    return axis
