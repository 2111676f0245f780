"""What the curves of a run say, in plain sentences."""

from lab.points import Points, by_epoch, smooth
from lab.runs import Run

RISEN = 1.01  # times the lowest validation loss: less is noise


def of(run: Run) -> list[str]:
    """Sentences about a run's curves."""
    points = Points(run)
    points.update()
    return told(points.lines())


def told(lines: dict[str, dict]) -> list[str]:
    """Sentences about the curves, as `points.Points.lines` gives them: where they stand, the best epoch, overfitting."""
    rows = by_epoch(lines)
    said = [_last(lines), _best(rows), _gap(rows), _overfitting(rows), *_no_numbers(lines)]
    return [sentence for sentence in said if sentence]


def _last(lines: dict[str, dict]) -> str:
    numbers = _numbers(lines["loss"])
    if not numbers:
        return ""
    step, loss = list(numbers.items())[-1]
    said = f"Training loss {loss:.4g} at step {step:,}, {smooth(list(numbers.values()))[-1]:.4g} smoothed"
    validation = list(_numbers(lines["validation_loss"]).values())
    return said + (f"; validation loss {validation[-1]:.4g}." if validation else ".")


def _best(rows: list[dict]) -> str:
    scored = [row for row in rows if isinstance(row["accuracy"], int | float)]
    if not scored:
        return ""
    best, last = max(scored, key=lambda row: row["accuracy"]), scored[-1]
    more = [f"macro F1 {best['macro_f1']:.3f}"] if best["macro_f1"] is not None else []
    more += [f"invalid answers {best['invalid']:.1%}"] if best["invalid"] is not None else []
    said = f"Best accuracy on validation rows: {best['accuracy']:.3f} {_after(best)}"
    said += f" ({', '.join(more)})" if more else ""
    return said + ("." if best["accuracy"] == last["accuracy"] else f"; {last['accuracy']:.3f} {_after(last)}.")


def _gap(rows: list[dict]) -> str:
    both = [row for row in rows if None not in (row["accuracy"], row["train_accuracy"])]
    if not both:
        return ""
    last = both[-1]
    return f"On training rows {last['train_accuracy']:.3f}, on validation rows {last['accuracy']:.3f} {_after(last)}."


def _overfitting(rows: list[dict]) -> str:
    """Training loss that goes on falling while validation loss rises again."""
    both = [row for row in rows if all(isinstance(row[key], int | float) for key in ("validation_loss", "loss"))]
    if len(both) < 2:
        return ""
    lowest, last = min(both, key=lambda row: row["validation_loss"]), both[-1]
    if last["validation_loss"] <= RISEN * lowest["validation_loss"]:
        return ""
    said = f"Validation loss was lowest {_after(lowest)} ({lowest['validation_loss']:.4g}) and has risen since"
    if last["loss"] < lowest["loss"]:
        return f"{said}, while training loss went on falling: later epochs overfit."
    return f"{said}, and training loss has not fallen: the learning rate may be too high."


def _no_numbers(lines: dict[str, dict]) -> list[str]:
    said = []
    measured = {"loss": "training loss", "validation_loss": "validation loss", "grad_norm": "norm of the gradients"}
    for key, name in measured.items():
        names = [value for value in lines[key].values() if isinstance(value, str)]
        if names:
            said.append(f"The {name} is no number ({', '.join(dict.fromkeys(names))}) at {len(names):,} steps.")
    return said


def _after(row: dict) -> str:
    return f"at step {row['step']:,}" if row["epoch"] is None else f"after epoch {row['epoch']:.3g}"


def _numbers(line: dict) -> dict:
    return {step: value for step, value in line.items() if isinstance(value, int | float)}
