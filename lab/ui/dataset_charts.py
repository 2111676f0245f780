"""Charts of the Dataset tab: how the labels are spread over the splits, and how many tokens the rows have."""

from __future__ import annotations

import statistics
from collections import Counter
from itertools import cycle
from typing import TYPE_CHECKING

from lab import lengths
from lab.ui.charts import AXIS, BLUE, GREEN, GREY, ORANGE, RED, layout, plain

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_BARS = 20  # labels; the rest are summed up
BINS = 40
LEAST = 280  # pixels high
FAR = 3  # times the longest row: a limit beyond it stands at the edge, so that the bars keep their width
SPLITS = [(BLUE, ""), (ORANGE, "/"), (GREEN, "x"), (GREY, ".")]  # colour and pattern, split by split


def balance_chart(counts: dict[str, dict[str, int]], name: str = "") -> Figure:
    """The share of each label in its split, from `browse.label_counts`; the numbers of rows stand at the bars."""
    labels = ordered(counts)
    kept, more = labels[:MOST_BARS], len(labels) - MOST_BARS
    names = [plain(label) for label in kept] + ([f"{more:,} more labels"] if more > 0 else [])
    traces = []
    for (split, of), (colour, pattern) in zip(counts.items(), cycle(SPLITS), strict=False):
        rows = [of.get(label, 0) for label in kept]
        rows += [sum(of.values()) - sum(rows)] if more > 0 else []
        bars = {
            "orientation": "h",
            "y": list(range(len(names))),
            "x": [n / max(1, sum(rows)) for n in rows],
            "text": [f"{n:,}" for n in rows],
            "textposition": "outside",
            "cliponaxis": False,
            "customdata": names,
            "hovertemplate": f"%{{customdata}}: %{{text}} rows, %{{x:.1%}} of {plain(split)}<extra></extra>",
        }
        traces.append({**_bars(plain(split), colour, pattern), **bars})
    highest = max([0.1, *(share for trace in traces for share in trace["x"])])
    ticks = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "zeroline": False}
    return _figure(
        f"balance {name}",
        traces,
        height=max(LEAST, 110 + len(names) * (10 + 16 * len(traces))),
        xaxis={"title": {"text": "Share of the labelled rows"}, "range": [0, 1.25 * highest], "tickformat": ".0%"},
        yaxis={**ticks, "range": [max(1, len(names)) - 0.5, -0.5], "showgrid": False},
        showlegend=True,
    )


def ordered(counts: dict[str, dict[str, int]]) -> list[str]:
    """All labels, the most frequent of the first split first."""
    return list(dict.fromkeys(label for of in counts.values() for label in of))


def balance_in_words(counts: dict[str, dict[str, int]]) -> str:
    """The text beside the chart: for each split its largest and its smallest label."""
    said = []
    for split, of in counts.items():
        if not of:
            said.append(f"No row of {split} has a label.")
            continue
        (most, n), (least, few), total = next(iter(of.items())), list(of.items())[-1], sum(of.values())
        if len(of) == 1:
            said.append(f"{split}: every labelled row is {most} ({n:,}).")
        elif n == few:
            said.append(f"{split}: each of {len(of):,} labels has {n:,} rows.")
        else:
            said.append(
                f"{split}: {len(of):,} labels, most rows are {most} ({n:,}, {n / total:.0%}), "
                f"fewest are {least} ({few:,}, {few / total:.0%})."
            )
    return " ".join(said)


def tokens_chart(measured: dict, limit: int, name: str = "") -> Figure:
    """A histogram of the tokens that `lengths.measure` counted in its sample, with a line at the limit."""
    sample, longest = measured["sample"], max(measured["sample"])
    width = -(-(longest + 1) // BINS)
    short, long = (Counter(n // width for n in sample if (n > limit) == is_long) for is_long in (False, True))
    traces = [_histogram(short, width, f"at most {limit:,} tokens", BLUE, "")]
    traces += [_histogram(long, width, f"more than {limit:,} tokens", RED, "/")] if long else []
    highest = max((short + long).values())
    far = limit > FAR * longest
    end = 1.1 * longest + 1 if far else max(1.08 * limit, longest + width)
    return _figure(
        f"tokens {name}",
        traces,
        height=LEAST,
        xaxis={"title": {"text": f"Tokens of the {measured['of']}"}, "range": [0, end]},
        yaxis={"title": {"text": "Rows"}, "range": [0, 1.2 * highest]},  # room for the words at the line
        barmode="stack",
        showlegend=bool(long),
        **_line_at(end if far else limit, end, f"max_length {limit:,}" + (", further to the right" if far else "")),
    )


def _line_at(place: float, end: float, words: str) -> dict:
    """A dashed line from bottom to top with words beside it, on the side where there is room."""
    left = place > end / 2
    line = {"type": "line", "x0": place, "x1": place, "yref": "paper", "y0": 0, "y1": 1}
    note = {
        "text": words,
        "x": place,
        "xanchor": "right" if left else "left",
        "xshift": -6 if left else 6,
        "y": 1,
        "yref": "paper",
        "yanchor": "top",
        "showarrow": False,
        "font": {"color": RED},
    }
    return {"shapes": [{**line, "line": {"color": RED, "width": 2, "dash": "dash"}}], "annotations": [note]}


def _histogram(bins: Counter[int], width: int, name: str, colour: str, pattern: str) -> dict:
    """Bars of rows by bin; bin 0 holds `width` numbers of tokens from 0 on."""
    starts = [place * width for place in sorted(bins)]
    return {
        **_bars(name, colour, pattern),
        "x": [start + (width - 1) / 2 for start in starts],
        "y": [bins[start // width] for start in starts],
        "width": 0.95 * width,
        "customdata": [f"{start:,} to {start + width - 1:,}" if width > 1 else f"{start:,}" for start in starts],
        "hovertemplate": "%{y:,} rows have %{customdata} tokens<extra></extra>",
    }


def _bars(name: str, colour: str, pattern: str) -> dict:
    """Bars in a colour, with a pattern over it that says the same without the colour."""
    over = {"shape": pattern, "fillmode": "overlay", "fgcolor": "white", "solidity": 0.25}
    return {"type": "bar", "name": name, "marker": {"color": colour, "pattern": over}}


def _figure(name: str, traces: list[dict], height: int, xaxis: dict, yaxis: dict, **more) -> Figure:
    from plotly.graph_objects import Figure

    axes = {"xaxis": {**AXIS, **xaxis}, "yaxis": {**AXIS, **yaxis}}
    return Figure({"data": traces, "layout": {**layout(name, height, "closest"), "barmode": "group", **axes, **more}})


def tokens_in_words(measured: dict, limit: int) -> str:
    """The text beside the histogram: where its middle and its end are, and how many rows are too long."""
    sample = sorted(measured["sample"])
    longest = max(sample[-1], *(count for _, _, count in measured["longest"][:1]))
    n, whole = lengths.beyond(measured, limit), measured["whole"]
    long = f"{'' if whole else 'an estimated '}{n:,} of {measured['rows']:,}" if n or whole else "none that was counted"
    by = "" if measured["exact"] else " Estimates: the model's tokenizer is not at hand."
    return (
        f"Half of the rows have {int(statistics.median(sample)):,} tokens or fewer, 95% have "
        f"{sample[min(len(sample) - 1, int(0.95 * len(sample)))]:,} or fewer, the longest has {longest:,}. "
        f"Longer than {limit:,}: {long}. Counted: {lengths.where_counted(measured)}.{by}"
    )
