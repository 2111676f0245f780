"""Charts of the Dataset tab: how the labels are spread over the splits, and how many tokens the rows have."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from lab import lengths
from lab.ui.charts import BLUE, GREEN, GREY, ORANGE, RED, _figure, plain

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_BARS = 20  # labels; the rest are summed up
BINS = 40
FAR = 3  # times the longest row: a limit beyond it stands at the edge, so that the bars keep their width
SPLITS = [(BLUE, ""), (ORANGE, "/"), (GREEN, "x"), (GREY, ".")]  # colour and pattern, split by split


def balance_chart(counts: dict[str, dict[str, int]], name: str = "") -> Figure:
    """The share of each label in its split, from `browse.label_counts`; the numbers of rows stand on the bars."""
    labels = ordered(counts)
    kept = labels[:MOST_BARS]
    names = [plain(label) for label in kept]
    if len(labels) > MOST_BARS:
        names.append(f"{len(labels) - MOST_BARS:,} more labels")
    traces = []
    for place, (split, of) in enumerate(counts.items()):
        rows = [of.get(label, 0) for label in kept]
        rows += [sum(of.values()) - sum(rows)] * (len(labels) > MOST_BARS)
        colour, pattern = SPLITS[place % len(SPLITS)]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": plain(split),
                "y": list(range(len(names))),
                "x": [n / max(1, sum(rows)) for n in rows],
                "text": [f"{n:,}" for n in rows],
                "textposition": "outside",
                "cliponaxis": False,
                "customdata": names,
                "marker": _filled(colour, pattern),
                "hovertemplate": f"%{{customdata}}: %{{text}} rows, %{{x:.1%}} of {plain(split)}<extra></extra>",
            }
        )
    names_axis = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "zeroline": False}
    return _figure(
        f"balance {name}",
        traces,
        "Share of the labelled rows",
        "",
        height=max(280, 110 + len(names) * (10 + 16 * len(traces))),
        hovermode="closest",
        barmode="group",
        yaxis={**names_axis, "range": [len(names) - 0.5, -0.5], "showgrid": False},
        xaxis={
            "range": [0, 1.12 * max([0.1, *(share for trace in traces for share in trace["x"])])],
            "tickformat": ".0%",
        },
    )


def _filled(colour: str, pattern: str) -> dict:
    """A bar in a colour, with a pattern over it that says the same without the colour."""
    return {"color": colour, "pattern": {"shape": pattern, "fillmode": "overlay", "fgcolor": "white", "solidity": 0.25}}


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
        if n == few:
            each = (
                f"each of {len(of):,} labels has {n:,} rows" if len(of) > 1 else f"all {n:,} labelled rows are {most}"
            )
            said.append(f"{split}: {each}.")
        else:
            said.append(
                f"{split}: {len(of):,} labels, most rows are {most} ({n:,}, {n / total:.0%}), "
                f"fewest are {least} ({few:,}, {few / total:.0%})."
            )
    return " ".join(said)


def tokens_chart(measured: dict, limit: int, name: str = "") -> Figure:
    """A histogram of the tokens that `lengths.measure` counted in its sample, with a line at the limit."""
    sample, longest = measured["sample"], max(measured["sample"])
    width = max(1, -(-(longest + 1) // BINS))
    starts = [place * width for place in range(longest // width + 1)]
    rows = [0] * len(starts)
    for count in sample:
        rows[count // width] += 1
    long = [starts[i] + width > limit + 1 for i in range(len(rows))]  # some of the bar is beyond the limit
    traces = [
        _bars(starts, rows, width, [not x for x in long], f"at most {limit:,} tokens", BLUE, ""),
        *([_bars(starts, rows, width, long, f"more than {limit:,} tokens", RED, "/")] if any(long) else []),
    ]
    far = limit > FAR * longest
    line = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": {"color": RED, "width": 2, "dash": "dash"}}
    end = longest * 1.1 if far else max(limit * 1.05, longest + width)
    at = end if far else limit
    words = f"max_length {limit:,}" + (", further to the right" if far else "")
    side = "right" if at > end / 2 else "left"
    note = {
        "x": at,
        "y": 1,
        "yref": "paper",
        "text": words,
        "showarrow": False,
        "xanchor": side,
        "yanchor": "top",
        "xshift": -6 if side == "right" else 6,
        "font": {"color": RED},
    }
    return _figure(
        f"tokens {name}",
        traces,
        f"Tokens of the {measured['of']}",
        "Rows",
        height=280,
        hovermode="closest",
        bargap=0.05,
        showlegend=any(long),
        shapes=[{**line, "x0": at, "x1": at}],
        annotations=[note],
        xaxis={"range": [0, end]},
        yaxis={"range": [0, 1.2 * max(rows)]},  # room for the words at the line
    )


def _bars(starts: list, rows: list, width: int, chosen: list[bool], name: str, colour: str, pattern: str) -> dict:
    places = [i for i, is_chosen in enumerate(chosen) if is_chosen]
    return {
        "type": "bar",
        "name": name,
        "x": [starts[i] + width / 2 for i in places],
        "y": [rows[i] for i in places],
        "width": width,
        "marker": _filled(colour, pattern),
        "customdata": [
            f"{starts[i]:,} to {starts[i] + width - 1:,}" if width > 1 else f"{starts[i]:,}" for i in places
        ],
        "hovertemplate": "%{y:,} rows have %{customdata} tokens<extra></extra>",
    }


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
