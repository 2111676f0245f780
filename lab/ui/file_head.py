"""The first rows of an uploaded file, with what each column is taken for, so that a wrong guess is seen before it counts."""

from lab.task import text_of
from lab.ui import look

MOST_COLUMNS, MOST_LETTERS, LABELS_SHOWN = 12, 160, 8
MOST_LABELS = 200  # with more values it is hardly a column of labels


def _place(inner: str, role: str = "") -> str:
    return f'<section class="file-head" aria-label="First rows of the file" {role}>{inner}</section>'


EMPTY = _place("<p>Choose a file, and its first rows are shown here.</p>")
HUB = _place("<p>Write a Hub id and the names of its columns. The rows are fetched when you press the button.</p>")


def refusal(message: str) -> str:
    """What is wrong with the file, in place of its rows."""
    return _place(f"<p><strong>It cannot be read.</strong> {look.text(message)}</p>", 'role="alert"')


def shown(name: str, head: dict, text: str | None, label: str | None, target: str | None) -> str:
    """The head of a file as HTML, from what `preview.head_of` found in it."""
    roles = {target: "answer text", label: "label", text: "text"}
    columns = head["columns"][:MOST_COLUMNS]
    left_out = len(head["columns"]) - len(columns)
    cells = "".join(
        f'<th scope="col">{look.text(cut(c))}'
        + (f' <span class="role">{roles[c]}</span></th>' if roles.get(c) else "</th>")
        for c in columns
    )
    body = "".join(
        "<tr>" + "".join(f"<td>{look.text(cut(text_of(row[c])))}</td>" for c in columns) + "</tr>"
        for row in head["first"]
    )
    said = f"{name}: {head['rows']:,} rows, columns {', '.join(head['columns'])}."
    if left_out:
        said += f" The last {left_out:,} of them are not shown."
    return _place(
        f"<p>{look.text(said)} Check which is which, then add it.</p>{_labels(head['labels'], label)}"
        f'<div class="scrolls" tabindex="0" role="group" aria-label="First rows"><table><caption>The first rows</caption>'
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _labels(labels: dict[str, tuple[int, str]], column: str | None) -> str:
    """What the labels are, each with a text that has it, which tells what an integer stands for."""
    if len(labels) > MOST_LABELS:
        return f"<p>{look.text(column)} holds {len(labels):,} different values: is it a column of labels?</p>"
    lines = []
    for label, (rows, example) in list(labels.items())[:LABELS_SHOWN]:
        such = f", such as “{cut(example, 90)}”" if example else ""
        lines.append(f"<li>{look.text(f'{label}: {rows:,} row' + 's' * (rows > 1) + such)}</li>")
    more = f"<li>and {len(labels) - LABELS_SHOWN:,} more</li>" * (len(labels) > LABELS_SHOWN)
    return f"<p>Labels:</p><ul>{''.join(lines)}{more}</ul>" if labels else ""


def cut(text: str, letters: int = MOST_LETTERS) -> str:
    text = " ".join(text.split())
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
