"""The exact prompt of a row as HTML: what is shared, trained, special, or written by the format, told by more than colour."""

from lab import marks, preview
from lab.packing import cost_in_words
from lab.ui import look

CLASSES = {
    preview.SHARED: "shared",
    preview.TRAINED: "trained",
    marks.SPECIAL: "special",
    marks.FORMAT: "format",
}


def legend() -> str:
    """What the marks mean, each in its own look."""
    samples = "".join(f'<li><span class="{name}">{look.text(mark)}</span></li>' for mark, name in CLASSES.items())
    return f'<ul class="prompt-legend" aria-label="Marks in the prompt">{samples}</ul>'


def rendered(found: dict) -> str:
    """The prompt of `preview.of_row`, every blank and line break as the model sees it."""
    parts = []
    for mark, pieces in found["marked"]:
        inner = "".join(_piece(text, own) for text, own in pieces)
        kind = CLASSES.get(mark, "own")
        tag = "mark" if mark == preview.TRAINED else "span"
        parts.append(f'<{tag} class="part {kind}">{inner}</{tag}>')
    return f'<pre class="prompt-text" tabindex="0" role="region" aria-label="Exact prompt">{"".join(parts)}</pre>'


def _piece(text: str, own: tuple[str, ...]) -> str:
    if not own:
        return look.text(text)
    return f'<span class="{" ".join(CLASSES[mark] for mark in own)}">{look.text(text)}</span>'


def counted(found: dict) -> str:
    """How many tokens there are, what of them is trained and what is shared, in Markdown."""
    about = "" if found["exact"] else "estimated "
    trained = "none of them trained, for the row has no answer"
    if found["trained_tokens"]:
        trained = f"{found['trained_tokens']} of them trained (“{look.plain(found['trained_text'].strip())}”)"
    shared = f"the first {found['shared_prefix_tokens']} shared by all rows"
    costs = f"Training: {cost_in_words(found['batch'])}."
    return f"**{about}{found['tokens']} tokens**, {trained}, {shared}. {costs} Format: {found['format']}."


def noted(found: dict, problems: list[dict]) -> list[str]:
    """A list in Markdown of notes about the rendering and what lint says, errors first."""
    messages = {x["message"] for x in problems}
    lines = [f"- {look.plain(note)}" for note in found["notes"] if note not in messages]
    lines += [f"- Not checked: {look.plain(x)}." for x in found.get("unchecked", [])]
    for x in sorted(problems, key=lambda x: x["severity"]):
        rows = f" ({x['rows']:,} row{'s' * (x['rows'] > 1)})" if x["rows"] else ""
        lines.append(f"- **{x['severity'].capitalize()}:** {look.plain(x['message'] + rows)}")
    return lines or ["Nothing looks wrong."]
