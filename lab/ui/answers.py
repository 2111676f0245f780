"""Answers side by side, as one piece of HTML: whatever changes, the page gets the whole of it.

Gradio loses updates that reach several parts within milliseconds, and base and adapters answer in one batch. One part
that always stands in the page and always gets all that is known cannot show half of an answer.
"""

from lab.ui.look import text


def side_by_side(said: str, names: list[str], events: dict[str, dict]) -> str:
    """The line about all of them, and a column for each name with its last event (see `lab.generator.ask`), if any.

    An event may carry `verdict`, how its answer is read (see `lab.ui.generate_tab.verdict`).
    """
    columns = "".join(_column(name, events.get(name, {})) for name in names)
    return f'<p role="status">{text(said)}</p><div class="answers">{columns}</div>'


def _column(name: str, event: dict) -> str:
    parts = [f"<h3>{text(name)}</h3>", f'<div class="answer">{text(event.get("output", ""))}</div>']
    if event.get("verdict"):
        parts.append(f"<p>{text(event['verdict'])}</p>")
    if event.get("label_probabilities"):
        parts.append(_chances(event["label_probabilities"]))
    if event.get("event") == "answer":
        parts.append(f'<p class="count">{text(_counted(event))}</p>')
        parts.append(f"<details><summary>Exact prompt</summary><pre>{text(event['prompt'])}</pre></details>")
    return f'<section aria-label="{text(name)}">{"".join(parts)}</section>'


def _chances(chances: dict[str, float]) -> str:
    """Label probabilities as a table with bars, the highest first."""
    rows = [
        f'<tr><th scope="row">{text(label)}</th><td><span class="bar" style="width: {p:.1%}"></span></td><td>{p:.4f}</td></tr>'
        for label, p in sorted(chances.items(), key=lambda pair: -pair[1])
    ]
    return f'<table class="lab-table"><caption>Label probabilities</caption>{"".join(rows)}</table>'


def _counted(event: dict) -> str:
    tokens, seconds = event["tokens"], event["seconds"]
    about = ", label probabilities included" if event["label_probabilities"] else ""
    words = "token" if tokens == 1 else "tokens"
    return f"{tokens:,} {words} in {seconds:.2f} s{about}: {tokens / max(seconds, 1e-9):.1f} a second."
