"""Which points of a sweep make a line over the values of a key, what tells the lines apart, and where the values stand."""

from dataclasses import dataclass

from lab.grid import written

MOST_COLUMNS = 4  # side by side


@dataclass(frozen=True)
class Column:
    """What is drawn over the values of one key: where each stands on the axis, and the lines with their names."""

    along: str
    places: dict[str, float]
    lines: list[tuple[str, list[dict]]]

    def place(self, x: dict) -> float:
        """Where a scored point stands."""
        return self.places[written(x["values"][self.along])]


def column_of(found: dict, along: str) -> Column | None:
    """The lines over a key of what `sweep_results.look` gives; None where nothing with that key was scored yet."""
    scored = [x for x in scored_of(found, along) if x["values"].get(along) is not None]
    return Column(along, places_of(found, along), lines_of(scored, along)) if scored else None


def scored_of(found: dict, along: str) -> list[dict]:
    """The gathered cells where they have that key, else the scores of each run."""
    cells = found.get("cells") or []
    return cells if any(along in x["values"] for x in cells) else found["comparison"]


def each_of(found: dict) -> list[str]:
    """The keys over which there is a line to draw; those whose values have no order name lines where others have one."""
    keys = dict.fromkeys(key for x in [*(found.get("cells") or []), *found["comparison"]] for key in x["values"])
    lines = {key: column.lines for key in keys if (column := column_of(found, key))}
    keys = [key for key, drawn in lines.items() if any(_spans(points, key) for _, points in drawn)]
    ordered = [key for key in keys if is_numeric([x for x in _values(found, key) if x != "all"])]
    return (ordered or keys)[:MOST_COLUMNS]


def _spans(points: list[dict], along: str) -> bool:
    return len({written(x["values"][along]) for x in points}) > 1


def is_numeric(values: list) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def places_of(found: dict, along: str) -> dict[str, float]:
    """Where each value of a key stands on the axis: a number at itself, anything else by its place in the sweep."""
    values = {written(value): value for value in _values(found, along)}
    numeric = is_numeric(list(values.values()))
    return {text: value if numeric else place for place, (text, value) in enumerate(values.items())}


def _values(found: dict, along: str) -> list:
    known = [one["values"].get(along) for one in [*found["runs"], *scored_of(found, along)]]
    return [value for value in known if value is not None]


def lines_of(scored: list[dict], along: str) -> list[tuple[str, list[dict]]]:
    """The scored points by the values of the other keys, of which those that tell lines apart name them. Where some are
    lines, points that stand alone, as those of a grid's other blocks do, are left out."""
    keys = [key for key in dict.fromkeys(key for x in scored for key in x["values"]) if key != along]
    lines: dict[tuple, list[dict]] = {}
    for x in scored:
        lines.setdefault(tuple(written(x["values"].get(key)) for key in keys), []).append(x)
    lines = {at: points for at, points in lines.items() if _spans(points, along)} or lines
    telling: list[int] = []
    for place in range(len(keys)):
        if _apart(lines, [*telling, place]) > _apart(lines, telling):
            telling.append(place)
    return [
        (
            ", ".join(
                f"{keys[place].removeprefix('decoding.')} {at[place]}" for place in telling if at[place] != "null"
            ),
            points,
        )
        for at, points in lines.items()
    ]


def _apart(lines: dict[tuple, list[dict]], places: list[int]) -> int:
    return len({tuple(at[place] for place in places) for at in lines})
