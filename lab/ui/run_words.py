"""What the page says of the chosen run: how it stands, what it was made from, what its curves say, its scores by epoch."""

from lab import bases, progress
from lab.findings import told
from lab.points import by_epoch
from lab.runs import Run
from lab.ui import form, look
from lab.ui.run_table import number

SAID = {  # what a status means, where the word alone does not say it
    "queued": "It waits for its turn.",
    "stalled": "It has given no sign of life for five minutes.",
    "stopping": "It saves and stops after the step that it is at.",
    "stopped": "It was saved; Resume goes on from there.",
    "interrupted": "Its process has ended without a word; Resume goes on from its newest checkpoint.",
}
BY_EPOCH = [  # key, heading, whether it is a share
    ("accuracy", "accuracy", False),
    ("macro_f1", "macro F1", False),
    ("invalid", "invalid", True),
]


def called(run: dict) -> str:
    """A run's name for people, in which its id always stands."""
    title = run.get("title") or ""
    short = title if len(title) <= 32 else f"{title[:31]}…"
    return f"{short} ({run['id']})" if title else run["id"]


def head(run: dict, before: int) -> str:
    """How the run stands, as HTML; `before` is how many jobs come first."""
    title = f"{look.text(run['title'])} · " if run.get("title") else ""
    notes = f'<p class="notes">{look.text(run["notes"])}</p>' if run.get("notes") else ""
    return (
        f'<div class="run-head"><h3 aria-live="polite">{title}{look.text(run["id"])}: {look.text(run["status"])}</h3>'
        f'<p class="facts">{look.text(_facts(run, before))}</p>{_bar(run)}{_error(run["error"])}{notes}</div>'
    )


def _facts(run: dict, before: int) -> str:
    spent, left, epoch = run.get("seconds"), run.get("left"), run.get("epoch")
    facts = [
        f"It waits for its turn; before it: {before}." if before else SAID.get(run["status"], ""),
        f"Trained for {progress.in_words(spent)}{f', about {progress.in_words(left)} left' if left else ''}."
        if spent
        else "",
        f"Epoch {epoch:.3g}." if isinstance(epoch, float | int) and epoch else "",
        progress.rates_in_words(run.get("rates") or {}),
        f"Attempt {run['attempt']}." if (run.get("attempt") or 0) > 1 else "",
    ]
    return " ".join(filter(None, facts))


def _bar(run: dict) -> str:
    """How far it is with what it is at: training steps, or rows that are scored."""
    doing, step, total = run.get("doing"), run.get("step") or 0, run.get("total_steps") or 0
    if doing and doing["total"] > 1:
        step, total = doing["done"], doing["total"]
        said = f"Scoring {doing['what']}: {step:,} of {total:,} rows"
    elif doing:
        step, total, said = 0, 1, doing["what"].capitalize()
    else:
        said = f"Training: step {step:,} of {total:,} ({step / total:.0%})" if total else "Training has not begun"
    return f'<label>{look.text(said)}<progress value="{step}" max="{max(1, total)}"></progress></label>'


def _error(error: dict | None) -> str:
    text = " ".join(filter(None, [error["message"], error["advice"]])) if error else ""
    return f'<p class="wrong" role="group" aria-label="What went wrong">{look.text(text)}</p>' if text else ""


def made_of(run: Run, version: str | None, batches: str | None) -> str:
    """What a run was made from, with the version of its task, and how its batches pass through the model, as Markdown."""
    config = run.config
    said = form.in_words(config, run.task.kind)
    what = f"{version or config.task}, on {config.dataset}, {bases.public_name(config.base_model)}"
    made = [f"{what}; beside the defaults: {said}." if said else f"{what}, all by default."]
    made += [f"{batches[0].upper()}{batches[1:]}."] if batches else []
    return look.plain(" ".join(made))


def curves_in_words(lines: dict[str, dict]) -> str:
    """What the curves say, and the scored epochs as a table, as HTML."""
    said = "".join(f"<li>{look.text(sentence)}</li>" for sentence in told(lines))
    said = said or "<li>Nothing has been logged yet; the first point shows up within seconds of the first step.</li>"
    return f'<div class="curve-words"><h4>What the curves say</h4><ul>{said}</ul>{_by_epoch(by_epoch(lines))}</div>'


def _by_epoch(rows: list[dict]) -> str:
    if not rows:
        return ""
    columns = [
        ("epoch", "epoch", False),
        ("loss", "training loss", False),
        ("validation_loss", "validation loss", False),
    ]
    columns += BY_EPOCH
    columns += [(f"train_{key}", f"{name}, training rows", share) for key, name, share in BY_EPOCH]
    columns = [column for column in columns if any(row[column[0]] is not None for row in rows)]
    heads = "".join(f'<th scope="col">{name}</th>' for _, name, _ in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(row[key], share)}</td>" for key, _, share in columns) + "</tr>" for row in rows
    )
    return (
        '<p class="quiet">Losses and scores by epoch; the training loss is the mean since the line above.</p>'
        '<div class="by-epoch" role="region" aria-label="Losses and scores by epoch" tabindex="0"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(value, share: bool) -> str:
    if value is None:
        return "–"
    return f"{value:.1%}" if share and isinstance(value, int | float) else number(value)
