"""The chart of the metrics of texts: a panel for each of them, one above the other, a mark and an interval for each subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.ui.charts import AXIS, BLUE, ORANGE, layout, named_axis, plain
from lab.wanted_metrics import HEADINGS, heading

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

LINE, AXIS_BELOW, TITLE = 30, 30, 26  # pixels: a subject, the numbers under a panel, its heading


def chart(compared: list[dict]) -> Figure | None:
    """All metrics of texts of the objects of `compare`, with their 95% intervals; None where none was counted."""
    scored = [x for x in compared if x.get("text_metrics")]
    keys = [
        key for key in dict.fromkeys(k for x in scored for k in x["text_metrics"]) if any(_at(x, key) for x in scored)
    ]
    if not keys:
        return None
    panel = TITLE + LINE * len(scored) + AXIS_BELOW
    height = panel * len(keys)
    drawn, notes = layout("texts", height + 20, "closest") | {"showlegend": False}, []
    for number, key in enumerate(keys):
        top = height - number * panel - TITLE
        domain = [(top - LINE * len(scored)) / height, top / height]
        name = str(number + 1) if number else ""
        drawn[f"xaxis{name}"] = {**AXIS, "anchor": f"y{name}", "rangemode": "tozero"}
        names = {**named_axis([plain(x["subject"]) for x in scored]), "range": [len(scored) - 0.5, -0.5]}
        drawn[f"yaxis{name}"] = {**AXIS, **names, "domain": domain, "anchor": f"x{name}"}
        notes.append(_heading(key, domain[1]))
    from plotly.graph_objects import Figure

    traces = [_trace(scored, key, str(number + 1) if number else "") for number, key in enumerate(keys)]
    return Figure({"data": traces, "layout": drawn | {"annotations": notes}})


def _at(x: dict, key: str) -> list[float] | None:
    """The number of a subject and the bounds of its interval; None where it was not counted."""
    value = x["text_metrics"].get(key)
    if not isinstance(value, int | float):
        return None
    return [value, *((x.get("text_metrics_ci95") or {}).get(key) or [value, value])]


def _heading(key: str, top: float) -> dict:
    """Above a panel, with what is better."""
    better = "↑" if HEADINGS.get(key, ("", True))[1] else "↓"
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": top, "yref": "paper", "yanchor": "bottom"}
    return {**place, "text": f"{plain(heading(key))} {better}", "showarrow": False}


def _trace(scored: list[dict], key: str, name: str) -> dict:
    known = [(i, x["subject"], *_at(x, key)) for i, x in enumerate(scored) if _at(x, key)]
    colour, symbol = (BLUE, "circle") if HEADINGS.get(key, ("", True))[1] else (ORANGE, "diamond")
    return {
        "type": "scatter",
        "mode": "markers",
        "xaxis": f"x{name}",
        "yaxis": f"y{name}",
        "x": [value for _, _, value, _, _ in known],
        "y": [i for i, *_ in known],
        "marker": {"color": colour, "symbol": symbol, "size": 10},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [max(0, high - value) for _, _, value, _, high in known],
            "arrayminus": [max(0, value - low) for _, _, value, low, _ in known],
            "color": colour,
        },
        "text": [f"{plain(who)}: {value:,.3f} ({low:,.3f} to {high:,.3f})" for _, who, value, low, high in known],
        "hovertemplate": "%{text}<extra></extra>",
    }
