"""The curves of runs: panels one above the other with a shared cursor; one run in full, others beside it."""

import json
from dataclasses import dataclass

from gradio.components.plot import PlotData

from lab.points import KEYS, smooth, thin
from lab.ui import charts
from lab.ui.charts import BLUE, GRID, ORANGE, RED, SCORE_LINES, plain

SMOOTHING = 0.9  # how much of the running average a step keeps
STEP, EPOCH = "step", "epoch"
PANELS = [  # key, what stands above it, height in pixels
    ("loss", "Loss", 230),
    ("scores", "Scores: share of rows", 200),
    ("learning_rate", "Learning rate", 66),
    ("grad_norm", "Gradient norm", 66),
    ("rows_per_s", "Rows a second", 66),
    ("tokens_per_s", "Tokens a second", 66),
    ("memory_bytes", "Memory at its peak, GB", 66),
]
BETWEEN, ABOVE, BELOW = 34, 92, 44  # pixels: between panels, for the legend, for the axis
HEIGHT = ABOVE + sum(height for _, _, height in PANELS) + BETWEEN * (len(PANELS) - 1) + BELOW
OTHERS = [  # colour and dash of the runs beside it, all told apart without colour
    ("#a855f7", "dash"),
    ("#db2777", "dot"),
    ("#0d9488", "dashdot"),
    ("#b7791f", "longdash"),
    ("#64748b", "longdashdot"),
    ("#65a30d", "2px,3px,8px,3px"),
]
UNUSED = ["lasso2d", "select2d", "zoomIn2d", "zoomOut2d", "autoScale2d"]
MARKS = f"y{len(PANELS) + 1}"  # an axis of its own, from bottom to top, for losses that stand on no axis
MARKED = {"loss": (0.02, "training"), "validation_loss": (0.07, "validation"), "grad_norm": (0.12, "gradient norm")}
MANY, SOME, FEW = 800, 400, 250  # points of a line: the run's losses, those of others, everything else


@dataclass(frozen=True)
class View:
    """How the curves are looked at."""

    by: str = STEP  # or EPOCH
    smoothing: float = SMOOTHING
    log: bool = False

    @classmethod
    def of(cls, by, smoothing, log) -> "View":
        """From what the page sends, whatever that is."""
        smoothing = min(0.99, max(0.0, smoothing)) if isinstance(smoothing, int | float) else SMOOTHING
        return cls(EPOCH if by == EPOCH else STEP, smoothing, bool(log))


def curves(run: tuple[str, dict], others: list[tuple[str, dict]], view: View) -> dict:
    """A figure of a run and of those beside it, each its name and its lines as `points.Points.lines` gives them.

    `"NaN"` and `"Infinity"` are marked, never hidden.
    """
    name, lines = run
    traces = [*_losses(lines, view), *_scores(lines, view), *_pace(lines, view)]
    for (other, its), (colour, dash) in zip(others, OTHERS, strict=False):
        traces += _beside(plain(other), its, colour, dash, view)
    layout = _layout(f"{name} by {view.by}{' log' if view.log else ''}", traces, view)
    return {"data": traces, "layout": layout, "config": {"displaylogo": False, "modeBarButtonsToRemove": UNUSED}}


def nothing() -> dict[str, dict]:
    """The lines of a run that has logged nothing."""
    return {key: {} for key in KEYS}


def sent(figure: dict) -> PlotData:
    """A figure as the page takes it, without a detour through plotly's objects."""
    return PlotData(type="plotly", plot=json.dumps(figure, ensure_ascii=False, allow_nan=False))


# -- the run -----------------------------------------------------------------------------------------------------------


def _losses(lines: dict, view: View) -> list[dict]:
    x, values = _points(lines, "loss", view)
    places, smoothed = thin(values, MANY), smooth(values, view.smoothing)
    x = [x[i] for i in places]
    raw = {"opacity": 0.45 if view.smoothing else 1, "width": 1 if view.smoothing else 1.5}
    return [
        _line(x, [values[i] for i in places], "training, each step", BLUE, **raw),
        *([_line(x, [smoothed[i] for i in places], "training, smoothed", BLUE, 2.5)] if view.smoothing else []),
        *_scored(lines, "validation_loss", "validation", view, ORANGE, "circle"),
        *[trace for key in MARKED for trace in _no_numbers(lines, key, view)],
    ]


def _scores(lines: dict, view: View) -> list[dict]:
    """Of validation rows solid, of training rows dashed: where they part, the run overfits."""
    traces = []
    for before, rows, dash in (("", "", "solid"), ("train_", ", training rows", "dot")):
        for key, name, colour, symbol in SCORE_LINES:
            traces += _scored(lines, before + key, name + rows, view, colour, symbol, dash, axis="y2")
    return traces


def _pace(lines: dict, view: View) -> list[dict]:
    traces = []
    for number, (key, title, _) in list(enumerate(PANELS, 1))[2:]:
        name = title.partition(",")[0].lower()
        traces.append(_thinned(lines, key, name, view, BLUE, f"y{number}", showlegend=False))
    return traces


# -- those beside it ---------------------------------------------------------------------------------------------------


def _beside(name: str, lines: dict, colour: str, dash: str, view: View) -> list[dict]:
    """Another run, told by colour and dash; one entry of the legend shows and hides it."""
    x, values = _points(lines, "loss", view)
    places, smoothed = thin(values, SOME), smooth(values, view.smoothing)
    loss = _line([x[i] for i in places], [smoothed[i] for i in places], name, colour, 2, dash=dash)
    traces = [
        loss,
        *_scored(lines, "validation_loss", name, view, colour, "circle-open", dash),
        *_scored(lines, "accuracy", name, view, colour, "circle", dash, axis="y2"),
        *[
            _thinned(lines, key, name, view, colour, f"y{number}", dash=dash, hoverinfo="skip", hovertemplate=None)
            for number, (key, _, _) in list(enumerate(PANELS, 1))[2:]
        ],
    ]
    said = ["", "validation loss ", "accuracy "]
    for i, trace in enumerate(traces):
        trace |= {"legendgroup": name, "showlegend": i == 0}
        if i and trace.get("hovertemplate"):
            trace["hovertemplate"] = f"{said[2 if trace['yaxis'] == 'y2' else 1]}{trace['hovertemplate']}"
    return traces


# -- parts -------------------------------------------------------------------------------------------------------------


def _points(lines: dict, key: str, view: View) -> tuple[list, list[float]]:
    """Places on the axis and values, without those that are no numbers."""
    line = {step: value for step, value in lines[key].items() if isinstance(value, int | float)}
    if view.by == STEP:
        return list(line), list(line.values())
    epochs = lines["epoch"]
    known = [(epochs[step], value) for step, value in line.items() if isinstance(epochs.get(step), int | float)]
    return [epoch for epoch, _ in known], [value for _, value in known]


def _line(x: list, y: list, name: str, colour: str, width: float, axis: str = "y", dash: str = "solid", **more) -> dict:
    return {
        "type": "scatter",
        "mode": "lines" if len(x) > 1 else "markers",
        "name": name,
        "x": x,
        "y": [float(f"{value:.5g}") for value in y],
        "yaxis": axis,
        "line": {"color": colour, "width": width, "dash": dash},
        "marker": {"color": colour},
        "hovertemplate": "%{y:.4~g}",
        **more,
    }


def _thinned(lines: dict, key: str, name: str, view: View, colour: str, axis: str, **more) -> dict:
    x, values = _points(lines, key, view)
    scale = 1e-9 if key == "memory_bytes" else 1
    places = thin(values, FEW)
    return _line([x[i] for i in places], [values[i] * scale for i in places], name, colour, 1.5, axis, **more)


def _scored(
    lines: dict, key: str, name: str, view: View, colour: str, symbol: str, dash: str = "solid", axis: str = "y"
) -> list[dict]:
    """Values that are measured now and then, a marker for each; no line where there are none."""
    x, values = _points(lines, key, view)
    places = thin(values, FEW)
    trace = _line([x[i] for i in places], [values[i] for i in places], name, colour, 2, axis, dash)
    return [trace | {"mode": "lines+markers", "marker": {"color": colour, "symbol": symbol, "size": 9}}] if x else []


def _no_numbers(lines: dict, key: str, view: View) -> list[dict]:
    """Marks at the foot of the panel of the losses for values that are no numbers, a trace for each kind."""
    traces = []
    height, name = MARKED[key]
    for kind in dict.fromkeys(value for value in lines[key].values() if isinstance(value, str)):
        steps = [step for step, value in lines[key].items() if value == kind]
        x = steps if view.by == STEP else [lines["epoch"].get(step) for step in steps]
        every = -(-len(x) // MANY)
        marker = {"color": RED, "symbol": "x", "size": 9}
        called = f"{name}: {plain(kind)} ({len(steps):,})"
        trace = _line(x[::every], [height] * len(x[::every]), called, RED, 1, MARKS)
        traces.append(trace | {"mode": "markers", "marker": marker, "hovertemplate": plain(kind)})
    return traces


def _layout(name: str, traces: list[dict], view: View) -> dict:
    inner = HEIGHT - ABOVE - BELOW
    layout = charts.layout(name, HEIGHT) | {
        "margin": {"l": 54, "r": 12, "t": ABOVE, "b": BELOW},
        "hoversubplots": "axis",
        "hoverlabel": {"bgcolor": "#1f2937", "font": {"color": "#ffffff", "size": 11}},
        "xaxis": {
            **charts.AXIS,
            "title": {"text": view.by.capitalize()},
            "rangemode": "tozero",
            "anchor": f"y{len(PANELS)}",
            "showspikes": True,
            "spikemode": "across",
            "spikethickness": 1,
            "spikecolor": charts.GREY,
            "automargin": False,
        },
        "annotations": [],
    }
    foot = inner
    drawn = {trace["yaxis"] for trace in traces if trace["x"]}
    for number, (key, title, height) in enumerate(PANELS, 1):
        axis = f"y{number}" if number > 1 else "y"
        domain = [(foot - height) / inner, foot / inner]
        about = {"gridcolor": GRID, "automargin": False, "nticks": 6 if height > 100 else 3, "tickformat": "~g"}
        about |= {"range": [-0.03, 1.03]} if key == "scores" else {"rangemode": "tozero"}
        about |= {"tickformat": ".2~s"} if key == "tokens_per_s" else {}
        about |= {"type": "log", "rangemode": "normal"} if key == "loss" and view.log else {}
        layout[f"yaxis{number if number > 1 else ''}"] = {**charts.AXIS, **about, "domain": domain, "zeroline": False}
        said = title if axis in drawn else f"{title}: nothing yet"
        layout["annotations"].append(_above(said, domain[1]))
        foot -= height + BETWEEN
    beside = {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}
    return {**layout, MARKS.replace("y", "yaxis"): beside}


def _above(text: str, top: float) -> dict:
    place = {"xref": "paper", "yref": "paper", "x": 0, "xanchor": "left", "y": top, "yanchor": "bottom"}
    return {**place, "text": text, "showarrow": False, "font": {"size": 12}}
