"""A list of prompts, and what came of running it, as tables; every text is text."""

from lab.answered import Answer, Record
from lab.prompt_lists import Prompt
from lab.ui.answers import chip
from lab.ui.look import spelled, text

NO_LISTS = (
    '<p class="quiet-line">There are no lists yet: give one a name below and press New list, then add prompts to it. '
    "Run all puts each of them to all subjects.</p>"
)
CLICKS = """element.addEventListener("click", event => {
  const one = event.target.closest("[data-remove]");
  if (one) trigger("click", {remove: Number(one.dataset.remove)});
});"""


def said(words: str) -> str:
    return f'<p class="quiet-line">{text(words)}</p>'


def prompts(found: list[Prompt]) -> str:
    """The prompts of a list, each with a button that takes it out."""
    if not found:
        return said("This list is empty. Add the prompt above, or paste prompts below, one a line.")
    rows = "".join(_prompt(i, prompt) for i, prompt in enumerate(found, 1))
    return _table("Prompts of the list", _counted(len(found)), ["", "Prompt", "Asked", "Expected", ""], rows)


def _prompt(number: int, prompt: Prompt) -> str:
    others = "".join(f"<br><small>{text(name)}: {text(words)}</small>" for name, words in prompt.columns.items())
    way = "raw" if prompt.way == "raw" else "through the task"
    remove = f'<button type="button" data-remove="{number}" aria-label="Remove prompt {number}">Remove</button>'
    return (
        f'<tr><td>{number}</td><td class="words">{text(prompt.text)}{others}</td><td>{way}</td>'
        f"<td>{text(prompt.expected or '')}</td><td>{remove}</td></tr>"
    )


def results(words: str, records: list[Record]) -> str:
    """A row for each prompt, a column for each subject; above them how many answers were right, where that is known."""
    line = f'<p role="status">{text(spelled(words))}</p>'
    if not records:
        return line
    names = records[0].given.names
    rows = "".join(_record(i, record) for i, record in enumerate(records, 1))
    foot = f'<tr><th scope="row" colspan="3">Right, of those expected</th>{_scores(names, records)}</tr>'
    return line + _table("Results of the list", _counted(len(records)), ["", "Prompt", "Expected", *names], rows + foot)


def _record(number: int, record: Record) -> str:
    cells = "".join(f"<td>{_answer(record, answer)}</td>" for answer in record.answers)
    return f'<tr><td>{number}</td><td class="words">{text(record.asked)}</td><td>{text(record.expected or "")}</td>{cells}</tr>'


def _answer(record: Record, answer: Answer) -> str:
    right, chips = record.right(answer), ""
    if record.reads_label:
        chips = chip("bad", "⚠ invalid") if answer.label is None else chip("plain", f"Label: {answer.label}")
    if right is not None:
        chips += chip("good", "✓ right") if right else chip("bad", "✗ wrong")
    return f'<div class="words">{text(answer.output)}</div><div class="chips">{chips}</div>'


def _scores(names: list[str], records: list[Record]) -> str:
    """For each subject how many of the prompts with an expected answer it got right."""
    cells = []
    for name in names:
        known = [r.right(a) for r in records for a in r.answers if a.subject == name and r.right(a) is not None]
        cells.append(f"<td>{sum(known):,} of {len(known):,}</td>" if known else "<td></td>")
    return "".join(cells)


def _counted(prompts: int) -> str:
    return f"{prompts:,} prompt{'s' * (prompts != 1)}"


def _table(label: str, caption: str, heads: list[str], rows: str) -> str:
    head = "".join(f'<th scope="col">{text(x)}</th>' if x else "<td></td>" for x in heads)
    return (
        f'<div class="scrolls" role="region" tabindex="0" aria-label="{label}"><table class="lab-table">'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
