"""The scores of predictions, as an evaluation keeps them and a comparison shows them."""

from lab import metrics

# The scores of subjects that answered with texts in which no label is read.
NOTHING = {
    **dict.fromkeys(
        ("accuracy", "accuracy_ci95", "labels_alone", "macro_f1", "weighted_f1", "f1_ci95", "invalid", "ece")
    ),
    "invalid_outputs": [],
    "per_label": [],
    "confusion": None,
}


def is_right(prediction: dict) -> bool:
    return prediction["label"] is not None and prediction["label"] == prediction["gold"]


def of(info: dict, predictions: list[dict]) -> dict:
    """The scores of predictions, of which those without a true label do not count; for tasks that read no label `NOTHING`."""
    scored = [p for p in predictions if p["gold"] is not None]
    if not info["reads_label"] or not scored:
        return {"n": len(predictions), **NOTHING}
    gold, said = [p["gold"] for p in scored], [p["label"] for p in scored]
    chances = [p.get("probabilities") for p in scored]
    return {
        **metrics.score(gold, said, info["labels"]),
        "labels_alone": metrics.labels_alone(gold, chances),
        "ece": ece(info, predictions),
        "invalid_outputs": metrics.count_texts([p["answer"] for p in scored if p["label"] is None]),
    }


def calibration(predictions: list[dict]) -> dict | None:
    """See `metrics.calibration`."""
    scored = [p for p in predictions if p["gold"] is not None]
    chances = [p.get("probabilities") for p in scored]
    return metrics.calibration([p["gold"] for p in scored], [p["label"] for p in scored], chances)


def ece(info: dict, predictions: list[dict]) -> float | None:
    """The expected calibration error; None without labels or their probabilities."""
    found = calibration(predictions) if info["reads_label"] else None
    return found["ece"] if found else None
