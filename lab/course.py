"""How a score goes with training: subjects as points, joined where all else is equal."""

from lab.home import Home
from lab.runs import Run

ALONG = {"epochs": "epochs", "train_rows": "training rows"}
SCORES = {  # key of a compared subject: (name, key of its interval)
    "accuracy": ("Accuracy", "accuracy_ci95"),
    "macro_f1": ("Macro F1", "f1_ci95"),
    "weighted_f1": ("Weighted F1", None),
    "invalid": ("Share of invalid answers", None),
}


def lines(home: Home, objects: list[dict], score: str, along: str) -> list[dict]:
    """`{name, points: [{subject, x, y, ci95}]}`, points by `x`. Along epochs a line joins a run with its checkpoints, along
    training rows runs whose configs are else the same; whoever has no such kin stands alone."""
    found: dict[object, dict] = {}
    for x in objects:
        if x["accuracy"] is None or x.get(along) is None:
            continue
        kin = _kin(home, x, along)
        line = found.setdefault(
            kin, {"name": x["run"] if along == "epochs" and x["run"] else x["subject"], "points": []}
        )
        y = x["invalid"] / x["n"] if score == "invalid" else x[score]
        interval = SCORES[score][1]
        line["points"].append(
            {"subject": x["subject"], "x": x[along], "y": y, "ci95": x[interval] if interval else None}
        )
    for line in found.values():
        line["points"].sort(key=lambda p: p["x"])
        if along == "train_rows" and len(line["points"]) > 1:
            line["name"] = f"{line['points'][0]['subject']} and its like"
    return list(found.values())


def _kin(home: Home, x: dict, along: str) -> object:
    """What subjects on one line have in common."""
    if not x["run"]:
        return x["subject"]
    if along == "epochs":
        return x["run"]
    config = Run(home, x["run"]).config.model_dump_json(exclude={"name", "train_rows"})
    return config, x["epochs"]


def in_words(lines: list[dict], along: str) -> list[str]:
    """Each line as a sentence, for those who cannot see the chart."""
    return [
        f"{line['name']}: " + ", ".join(f"{p['y']:.3f} at {p['x']:,g} {ALONG[along]}" for p in line["points"]) + "."
        for line in lines
    ]
