"""Charts made of plain data, for light and dark pages. Texts of users are shown as they are, whatever they hold."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from lab.progress import smooth, thin
from lab.ui import look

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # loaded by the first chart, so that the page starts fast

# Read well on white and on near-black.
BLUE, ORANGE, GREEN, RED, GREY = "#3b82f6", "#ea7a1a", "#16a37b", "#e5484d", "#757c88"
FONT = ", ".join(look.FONT)
GRID = "rgba(128,137,150,0.28)"
AXIS = {"gridcolor": GRID, "linecolor": GRID, "zerolinecolor": GRID, "automargin": True}
LONGEST_NAME = 48  # letters of a label or a subject
MOST_COUNTS = 24  # labels; with more of them the counts would not fit into the cells
SCORE_LINES = [  # key, name, colour, marker
    ("accuracy", "accuracy", BLUE, "circle"),
    ("macro_f1", "macro F1", GREEN, "diamond-open"),
    ("invalid", "invalid answers", RED, "x"),
]

# To be run when the page loads. The page makes a chart anew when its data change, which would undo what somebody has
# zoomed or switched off; so that is remembered by the chart's `uirevision` and put into the next one of that name.
KEEP_ZOOM = """() => {
  const kept = {};
  const remember = (place, name) => {
    const axes = {};
    for (const axis of ["xaxis", "yaxis"])
      if (place.layout[axis]?.autorange === false) axes[axis] = {range: [...place.layout[axis].range], autorange: false};
    const off = place.data.filter(line => line.visible === "legendonly").map(line => line.name);
    kept[name] = {axes, off};
  };
  const wrap = plotly => {
    const react = plotly.react;
    plotly.react = async (place, data, layout, config) => {
      const name = layout.uirevision, before = kept[name];
      if (before) {
        for (const axis in before.axes) Object.assign(layout[axis], before.axes[axis]);
        for (const line of data) if (before.off.includes(line.name)) line.visible = "legendonly";
      }
      await react(place, data, layout, config);
      if (!place.remembers) {
        place.remembers = true;
        for (const event of ["plotly_relayout", "plotly_restyle"]) place.on(event, () => remember(place, name));
      }
    };
  };
  Object.defineProperty(window, "Plotly", {configurable: true, set: plotly => {
    Object.defineProperty(window, "Plotly", {value: plotly, writable: true, configurable: true});
    wrap(plotly);
  }});
}"""


def loss_chart(lines: dict[str, dict], of: str = "") -> Figure:
    """Training loss, raw and smoothed, and validation loss, by step; `lines` as `progress.Points.lines` gives them.

    `"NaN"` and `"Infinity"` are marked, never hidden. `of` names the run, whose zoom is kept.
    """
    loss, validation, epochs = lines["loss"], lines["validation_loss"], lines["epoch"]
    steps, values = _numbers(loss)
    places = thin(values)
    smoothed = smooth(values)
    thinned = [steps[i] for i in places]
    traces = [
        _line(thinned, [values[i] for i in places], "training, each step", BLUE, width=1, opacity=0.45),
        _line(thinned, [smoothed[i] for i in places], "training, smoothed", BLUE, width=2.5),
        *([_scored(validation, epochs, "validation", ORANGE, "circle")] if validation else []),
        *_not_numbers(loss, "training"),
        *_not_numbers(validation, "validation"),
    ]
    return _figure(f"loss {of}", traces, "Step", "Loss", xaxis=_FROM_0, yaxis=_FROM_0, yaxis2=_BESIDE)


def scores_chart(lines: dict[str, dict], of: str = "") -> Figure:
    """Accuracy, macro F1 and the share of invalid answers by step; of training rows dashed. All values are shares."""
    traces = []
    for before, rows, dash in (("", "", "solid"), ("train_", ", training rows", "dot")):
        for key, name, colour, symbol in SCORE_LINES:
            if lines[before + key]:
                traces.append(_scored(lines[before + key], lines["epoch"], name + rows, colour, symbol, dash))
    return _figure(f"scores {of}", traces, "Step", "Share", xaxis=_FROM_0, yaxis={"range": [-0.03, 1.03]})


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
    axis = {**_names(names), "range": [len(names) - 0.5, -0.5]}
    return _figure(
        "f1",
        traces,
        "Share of rows, with 95% interval",
        "",
        yaxis=axis,
        xaxis={"range": [-0.02, 1.02]},
        height=130 + 55 * max(1, len(names)),
        hovermode="closest",
    )


def confusion_chart(confusion: dict) -> Figure:
    """Rows by true label and answer, counts in the cells, colour by share of the row; invalid answers stand in red."""
    labels, counts = [plain(label) for label in confusion["labels"]], confusion["counts"]
    known = len(labels)
    shares = [[n / max(1, sum(row)) for n in row] for row in counts]
    columns = [*labels, "invalid"]
    traces = [
        _cells(range(known), columns, labels, shares, counts, [[0, "#eef4ff"], [1, "#1d4ed8"]]),
        _cells(range(known, known + 1), columns, labels, shares, counts, [[0, "#fdf0f0"], [1, "#c62a2f"]]),
    ]
    return _figure(
        "confusion",
        traces,
        "Answer",
        "True label",
        xaxis={**_names(columns), "side": "bottom", "showgrid": False},
        yaxis={**_names(labels), "range": [known - 0.5, -0.5], "showgrid": False},
        height=190 + max(26, min(46, 620 // max(1, known))) * max(1, known),
        hovermode="closest",
    )


def plain(text: str) -> str:
    """A text as plotly shows it letter by letter: it reads a small part of HTML. Long ones are cut."""
    text = " ".join(str(text).split())
    return escape(text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…", quote=False)


# -- parts -----------------------------------------------------------------------------------------------------------------

_FROM_0 = {"rangemode": "tozero"}
# An axis of its own, from bottom to top, for marks whose value stands on no axis.
_BESIDE = {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}


def _numbers(line: dict) -> tuple[list[int], list[float]]:
    """Steps and values, without those that are no numbers, which the records hold by their names."""
    steps = [step for step, value in line.items() if isinstance(value, int | float)]
    return steps, [line[step] for step in steps]


def _line(x: list, y: list, name: str, colour: str, width: float, opacity: float = 1) -> dict:
    return {
        "type": "scatter",
        "mode": "lines" if len(x) > 1 else "markers",
        "name": name,
        "x": x,
        "y": [float(f"{value:.5g}") for value in y],
        "opacity": opacity,
        "line": {"color": colour, "width": width},
        "marker": {"color": colour},
        "hovertemplate": "%{y:.4g}",
    }


def _scored(line: dict, epochs: dict, name: str, colour: str, symbol: str, dash: str = "solid") -> dict:
    """Values that are measured now and then: a marker for each, the epoch where the mouse stands."""
    steps, values = _numbers(line)
    places = thin(values)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [steps[i] for i in places],
        "y": [float(f"{values[i]:.5g}") for i in places],
        "line": {"color": colour, "width": 2, "dash": dash},
        "marker": {"color": colour, "symbol": symbol, "size": 10},
        "customdata": [epochs.get(steps[i]) for i in places],
        "hovertemplate": "%{y:.4g}, epoch %{customdata:.3~g}",
    }


def _not_numbers(line: dict, name: str) -> list[dict]:
    """Marks at the foot of the chart for steps whose value is no number, a trace for each kind."""
    traces = []
    for kind in dict.fromkeys(value for value in line.values() if isinstance(value, str)):
        steps = [step for step, value in line.items() if value == kind]
        every = -(-len(steps) // 1000)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{name}: {plain(kind)} ({len(steps):,})",
                "x": steps[::every],
                "y": [0.02] * len(steps[::every]),
                "yaxis": "y2",
                "marker": {"color": RED, "symbol": "x", "size": 9},
                "hovertemplate": plain(kind),
            }
        )
    return traces


def _cells(columns: range, names: list[str], labels: list[str], shares: list, counts: list, colours: list) -> dict:
    """A heat map of some columns of the confusion, in colours of their own."""
    few = len(labels) <= MOST_COUNTS
    return {
        "type": "heatmap",
        "x": list(columns),
        "y": list(range(len(labels))),
        "z": [[row[i] for i in columns] for row in shares],
        "zmin": 0,
        "zmax": 1,
        "text": [[f"{row[i]:,}" for i in columns] for row in counts],
        "customdata": [[f"true {true}, answered {names[i]}" for i in columns] for true in labels],
        "texttemplate": "%{text}" if few else "",
        "hovertemplate": "%{text} rows: %{customdata}<br>%{z:.1%} of the row<extra></extra>",
        "colorscale": colours,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
    }


def _names(names: list[str]) -> dict:
    """An axis with names at 0, 1, …: by place, so that equal, numeric or cut names stay apart."""
    return {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "zeroline": False}


def layout(name: str, height: int, hovermode: str = "x unified") -> dict:
    """What all charts share; `name` is that under which zoom and hidden lines are remembered."""
    return {
        "template": {},
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": GREY, "size": 12, "family": FONT},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "hovermode": hovermode,
        "hoverlabel": {"bgcolor": "#1f2937", "font": {"color": "#ffffff"}},
        "uirevision": name,
    }


def _figure(
    name: str, traces: list[dict], x: str, y: str, height: int = 320, hovermode: str = "x unified", **axes
) -> Figure:
    from plotly.graph_objects import Figure

    x_axis = {**AXIS, "title": {"text": x}, **axes.pop("xaxis", {})}
    y_axis = {**AXIS, "title": {"text": y}, **axes.pop("yaxis", {})}
    about = {**layout(name, height, hovermode), "xaxis": x_axis, "yaxis": y_axis, **axes}
    return Figure({"data": traces, "layout": about})
