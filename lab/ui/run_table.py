"""The table of runs as HTML: status, progress, time left, loss with its course; every text of users is text."""

from functools import lru_cache

from lab import progress
from lab.job import ALIVE
from lab.ui import look

NOTHING = (
    "Nothing has been trained yet: press <strong>Start training</strong>, and the run shows up here, step by step."
)
EMPTY = '<p class="runs-empty"></p>'
FIRST = 50  # rows that are shown before somebody asks for all
SIGNS = {  # beside the word
    "queued": "◷",
    "running": "▶",
    "stalled": "◌",
    "stopping": "◧",
    "stopped": "■",
    "finished": "✓",
    "failed": "✕",
    "interrupted": "◫",
    progress.BROKEN: "✕",
}
# A click on a row chooses its run; its button makes that work with the keyboard too.
CLICKS = """element.addEventListener("click", event => {
  const row = event.target.closest("[data-run]");
  if (event.target.closest("[data-all]")) trigger("click", {all: true});
  else if (row) trigger("click", {run: row.dataset.run});
});"""


def matching(found: list[dict], words: str) -> list[dict]:
    """The runs whose id, title, notes or status hold all the words."""
    wanted = words.casefold().split()
    if not wanted:
        return found
    keys = ("id", "title", "notes", "status")
    return [
        run for run in found if all(word in " ".join(str(run.get(k, "")) for k in keys).casefold() for word in wanted)
    ]


def table(found: list[dict], chosen: str, words: str, show_all: bool, places: dict[str, int]) -> str:
    """The runs that match, newest first. `places`: how many jobs come before each queued run."""
    if not found:
        return f'<p class="runs-empty">{NOTHING}</p>'
    matched = matching(found, words)
    shown = [run for i, run in enumerate(matched) if show_all or i < FIRST or run["status"] in ALIVE]
    rows = "".join(_row(run, run["id"] == chosen, places.get(run["id"], 0)) for run in shown)
    count = (
        f"{len(matched):,} of {len(found):,} runs" if words.split() else f"{len(found):,} run{'s' * (len(found) > 1)}"
    )
    more = len(matched) - len(shown)
    said = f"<button type='button' data-all>Show {more:,} more</button>" if more else ""
    said = said or ("" if matched else "No run has all these words in its name, notes or status.")
    return (
        '<div class="runs" role="region" aria-label="Runs" tabindex="0"><table>'
        f"<caption>{count}, newest first</caption><thead><tr><th scope='col'>Run</th><th scope='col'>Status</th>"
        "<th scope='col'>Progress</th><th scope='col'>Loss</th><th scope='col'>Accuracy</th></tr></thead>"
        f"<tbody>{rows}</tbody></table><p>{said}</p></div>"
    )


def _row(run: dict, is_chosen: bool, before: int) -> str:
    title, status, run_id = run.get("title"), run["status"], look.text(run["id"])
    name = f"{look.text(title)} <small>{run_id}</small>" if title else run_id
    waiting = f", {before} before it" if before else ""
    return (
        f'<tr data-run="{run_id}" class="{"chosen" if is_chosen else ""}"><th scope="row">'
        f'<button type="button" aria-pressed="{"true" if is_chosen else "false"}">{name}</button></th>'
        f'<td><span aria-hidden="true" class="sign {look.text(status)}">{SIGNS.get(status, "")}</span> '
        f"{look.text(status)}{waiting}</td><td>{_progress(run)}</td>"
        f"<td>{number(run.get('loss'))} {_course(run.get('losses') or ())}</td><td>{number(run.get('accuracy'))}</td></tr>"
    )


def _progress(run: dict) -> str:
    step, total = run.get("step") or 0, run.get("total_steps") or 0
    if not total:
        return ""
    left = f"{progress.in_words(run['left'])} left" if run.get("left") else f"{step:,} of {total:,}"
    bar = f'<span class="part" aria-hidden="true"><span style="width:{100 * min(1, step / total):.0f}%"></span></span>'
    return f'{bar}<span class="left">{step / total:.0%}, {left}</span>' if run["status"] in ALIVE else f"{bar}{left}"


@lru_cache(maxsize=1000)
def _course(losses: tuple[float, ...]) -> str:
    """A small curve of the loss, from first to last; for those who cannot see it the two ends in numbers."""
    if len(losses) < 2:
        return '<span class="course"></span>'
    low, high = min(losses), max(losses)
    span = (high - low) or 1
    path = " ".join(
        f"{60 * i / (len(losses) - 1):.1f},{15 - 14 * (loss - low) / span:.1f}" for i, loss in enumerate(losses)
    )
    about = f"training loss from {losses[0]:.3g} to {losses[-1]:.3g}"
    return f'<svg class="course" viewBox="0 0 60 16" role="img" aria-label="{about}"><polyline points="{path}"></polyline></svg>'


def number(value) -> str:
    """A value in a table; one that is no number stands there by its name."""
    return f"{value:.4g}" if isinstance(value, int | float) else look.text(value or "")
