"""Two contents of a task compared: what changed in a few words, and line by line."""

import difflib
import re
from collections.abc import Callable

from lab.task import Label, Task

FIELDS = {  # of a task, as people call them
    "kind": "kind",
    "text": "text column",
    "label": "label column",
    "target": "answer column",
    "instruction": "instruction",
    "prompt": "row template",
    "read": "pattern",
}
MOST_NAMES = 2  # of labels; more are counted
CONTEXT = 2  # unchanged lines around a change


def changes(old: Task, new: Task) -> list[str]:
    """What changed, in a few words each: `+2 labels: a, b`, `definition of c`, `instruction`; nothing when nothing did."""
    before, after = ({label.name: label for label in task.labels} for task in (old, new))
    renamed = _renamed(before, after)
    added = [name for name in after if name not in before and name not in renamed.values()]
    gone = [name for name in before if name not in after and name not in renamed]
    found = [f"+{len(added)} {_labels(added)}"] if added else []
    found += [f"−{len(gone)} {_labels(gone)}"] if gone else []
    found += [f"{was} is now {now}" for was, now in renamed.items()]
    both = [name for name in after if name in before]
    for field, what in (("definition", "definition"), ("aliases", "aliases"), ("merge", "merged labels")):
        names = [name for name in both if getattr(before[name], field) != getattr(after[name], field)]
        if names:
            found.append(f"{what} of {', '.join(names) if len(names) <= MOST_NAMES else f'{len(names)} labels'}")
    if [name for name in before if name in after] != both:
        found.append("order of the labels")
    found += [what for field, what in FIELDS.items() if getattr(old, field) != getattr(new, field)]
    if old.with_definitions != new.with_definitions:
        found.append(f"definitions {'on' if new.with_definitions else 'off'}")
    if old.format != new.format:
        found.append(f"format {new.format}")
    return found


def _labels(names: list[str]) -> str:
    few = f": {', '.join(names)}" if len(names) <= MOST_NAMES else ""
    return f"label{'s' * (len(names) > 1)}{few}"


def _renamed(before: dict[str, Label], after: dict[str, Label]) -> dict[str, str]:
    """Labels that are gone whose definition stands under a new name."""
    new = {x.definition: x.name for x in after.values() if x.definition and x.name not in before}
    return {x.name: new[x.definition] for x in before.values() if x.name not in after and x.definition in new}


# -- line by line ----------------------------------------------------------------------------------------------------


def lines(task: Task) -> list[str]:
    """A task as lines for people: a field each, and the text of a field indented below it; defaults left out."""
    found = [
        f"{FIELDS[key]}: {getattr(task, key)}" for key in ("kind", "text", "label", "target") if getattr(task, key)
    ]
    found += [f"definitions: {'on' if task.with_definitions else 'off'}", f"format: {task.format}"]
    found += [f"pattern: {task.read}"] if task.read else []
    for key in ("instruction", "prompt"):
        found += [f"{FIELDS[key]}:", *(f"    {line}" for line in getattr(task, key).splitlines())]
    for label in task.labels:
        found.append(f"label {label.name}")
        found += [f"    {line}" for line in label.definition.splitlines()]
        found += [f"    aliases: {', '.join(label.aliases)}"] if label.aliases else []
        found += [f"    merged into it: {', '.join(label.merge)}"] if label.merge else []
    return found


def compared(old: Task, new: Task) -> list[dict]:
    """The lines that differ, with a few around them: `{mark, pieces}`; equal tasks have none.

    `mark` is "+", "-", " " (unchanged), or "…" (lines left out); `pieces` are `[text, changed]`, whose texts add up to the line.
    """
    before, after = lines(old), lines(new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    found: list[dict] = []
    for group in matcher.get_grouped_opcodes(CONTEXT):
        if found or group[0][1] > 0:
            found.append({"mark": "…", "pieces": []})
        for kind, a, b, c, d in group:
            if kind == "equal":
                found += [{"mark": " ", "pieces": [[line, False]]} for line in before[a:b]]
            else:
                found += _replaced(before[a:b], after[c:d])
    if found and group[-1][2] < len(before):
        found.append({"mark": "…", "pieces": []})
    return found


def _replaced(old: list[str], new: list[str]) -> list[dict]:
    """Lines that went and lines that came, the words marked in which a line differs from the one that it became."""
    gone, come = [], []
    for i in range(max(len(old), len(new))):
        if i < len(old) and i < len(new) and _alike(old[i], new[i]):
            was, now = _words_apart(old[i], new[i])
            gone.append({"mark": "-", "pieces": was})
            come.append({"mark": "+", "pieces": now})
            continue
        gone += [{"mark": "-", "pieces": [[old[i], False]]}] if i < len(old) else []
        come += [{"mark": "+", "pieces": [[new[i], False]]}] if i < len(new) else []
    return gone + come


def _alike(old: str, new: str) -> bool:
    return difflib.SequenceMatcher(None, _words(old), _words(new), autojunk=False).ratio() > 0.4


def _words(line: str) -> list[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", line)


def _words_apart(old: str, new: str) -> tuple[list[list], list[list]]:
    """The pieces of two lines, with whether each is theirs alone."""
    before, after = _words(old), _words(new)
    codes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()

    def pieces(words: list[str], span: Callable) -> list[list]:
        found = [["".join(words[slice(*span(code))]), code[0] != "equal"] for code in codes]
        return [piece for piece in found if piece[0]]

    return pieces(before, lambda code: code[1:3]), pieces(after, lambda code: code[3:5])


def as_text(found: list[dict]) -> str:
    """The lines as a terminal shows them: a mark, a blank, the line."""
    return "\n".join(f"{x['mark']} {''.join(text for text, _ in x['pieces'])}".rstrip() for x in found)
