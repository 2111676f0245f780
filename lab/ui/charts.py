"""Charts made of plain data, for light and dark pages. Texts of users are shown as they are, whatever they hold."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from lab.ui import look

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # loaded by the first chart, so that the page starts fast

# Read well on white and on near-black.
BLUE, ORANGE, GREEN, RED, GREY = "#3b82f6", "#ea7a1a", "#16a37b", "#e5484d", "#757c88"
FONT = ", ".join(look.FONT)
GRID = "rgba(128,137,150,0.28)"
AXIS = {"gridcolor": GRID, "linecolor": GRID, "zerolinecolor": GRID, "automargin": True}
LONGEST_NAME = 48  # letters of a label or a subject
SCORE_LINES = [  # key, name, colour, marker
    ("accuracy", "accuracy", BLUE, "circle"),
    ("macro_f1", "macro F1", GREEN, "diamond-open"),
    ("invalid", "invalid answers", RED, "x"),
]

_ASSETS = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
# To be run when the page loads. The page makes a chart anew when its data change, which would undo what somebody has
# zoomed, switched off or points at; so that is remembered by the chart's `uirevision` and put into the next one of that name.
# Plotly is large, so that it is read as soon as the page stands with its first prompt, and not when the first chart is looked at.
KEEP_ZOOM = """() => {
  const page = document.querySelector('script[type="module"][src*="assets/index-"]'), plotly = "PLOTLY";
  const idle = window.requestIdleCallback || (then => setTimeout(then, 1000));
  const prompt = () => document.querySelector(".exact-prompt .prompt-text");
  const read = () => prompt() ? idle(() => import(new URL(plotly, page.src)).catch(() => {})) : setTimeout(read, 200);
  if (page && plotly) setTimeout(read, 300);
  const kept = {};
  let mouse = null;
  document.addEventListener("mousemove", event => { if (event.isTrusted) mouse = event; }, true);
  const remember = (place, name) => {
    const axes = {};
    for (const axis of Object.keys(place.layout).filter(key => /^[xy]axis[0-9]*$/.test(key)))
      if (place.layout[axis].autorange === false) axes[axis] = {range: [...place.layout[axis].range], autorange: false};
    const off = place.data.filter(line => line.visible === "legendonly").map(line => line.name);
    kept[name] = {axes, off};
  };
  const point = place => {
    if (!mouse) return;
    const {left, right, top, bottom} = place.getBoundingClientRect(), {clientX, clientY} = mouse;
    if (clientX < left || clientX > right || clientY < top || clientY > bottom) return;
    const under = document.elementFromPoint(clientX, clientY);
    if (place.contains(under)) under.dispatchEvent(new MouseEvent("mousemove", {clientX, clientY, bubbles: true}));
  };
  const wrap = plotly => {
    const react = plotly.react;
    plotly.react = async (place, data, layout, config) => {
      const name = layout.uirevision, before = kept[name];
      if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false;  // a finger scrolls the page
      if (before) {
        for (const axis in before.axes) Object.assign(layout[axis], before.axes[axis]);
        for (const line of data) if (before.off.includes(line.name)) line.visible = "legendonly";
      }
      await react(place, data, layout, config);
      if (!place.remembers) {
        place.remembers = true;
        for (const event of ["plotly_relayout", "plotly_restyle"]) place.on(event, () => remember(place, name));
        requestAnimationFrame(() => point(place));
      }
    };
  };
  Object.defineProperty(window, "Plotly", {configurable: true, set: plotly => {
    Object.defineProperty(window, "Plotly", {value: plotly, writable: true, configurable: true});
    wrap(plotly);
  }});
}""".replace("PLOTLY", next((file.name for file in _ASSETS.glob("PlotlyPlot-*.js")), ""))


def plain(text: str) -> str:
    """A text as plotly shows it letter by letter: it reads a small part of HTML. Long ones lose their middle, for folders
    differ at their ends."""
    text = " ".join(str(text).split())
    half = LONGEST_NAME // 2
    return escape(text if len(text) <= LONGEST_NAME else f"{text[: half - 1]}…{text[-half:]}", quote=False)


# -- parts -----------------------------------------------------------------------------------------------------------------


def named_axis(names: list[str]) -> dict:
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


def figure(name: str, traces: list[dict], x: str, y: str, height: int, xaxis: dict, yaxis: dict) -> Figure:
    from plotly.graph_objects import Figure

    axes = {
        "xaxis": {**AXIS, "title": {"text": x}, **xaxis},
        "yaxis": {**AXIS, "title": {"text": y}, **yaxis},
    }
    return Figure({"data": traces, "layout": {**layout(name, height, "closest"), **axes}})
