"""The check card of the Dataset tab: a line for each check, with what to do where something is wrong."""

from lab.ui import look

WAITING = '<section class="checks" aria-label="Checks"><h2>Checks</h2><p>Looking at the rows …</p></section>'


def card(found: list[dict]) -> str:
    """The card as HTML, from the list that `checks.check` makes. Signs and words say what colours say."""
    bad = sum(not x["ok"] for x in found)
    verdict = "Nothing is wrong." if not bad else f"{bad} of {len(found)} need a look."
    if bad == 1:
        verdict = f"1 of {len(found)} needs a look."
    lines = "".join(_line(x) for x in sorted(found, key=lambda x: x["ok"]))
    kind = "bad" if bad else "good"
    return f'<section class="checks {kind}" aria-label="Checks"><h2>Checks: {look.text(verdict)}</h2><ul>{lines}</ul></section>'


def _line(x: dict) -> str:
    sign, word = ("✓", "fine") if x["ok"] else ("!", "needs a look")
    parts = [f"<p><strong>{look.text(x['check'].capitalize())}</strong> · {word}. {look.text(x['message'])}</p>"]
    if x["advice"]:
        parts.append(f'<p class="advice">{look.text(x["advice"])}</p>')
    for split, numbers in x["rows"].items():
        rows = ", ".join(f"{n}" for n in numbers)
        parts.append(f'<p class="where">Rows of {look.text(split)}, for instance: {rows}</p>')
    kind = "good" if x["ok"] else "bad"
    return f'<li class="{kind}"><span class="sign" aria-hidden="true">{sign}</span><div>{"".join(parts)}</div></li>'
