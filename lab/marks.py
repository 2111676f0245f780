"""What stands in an exact prompt beside plain words: special tokens, and what the format writes around task and row."""

import re
from itertools import groupby

from lab.prompt import Renderer

SPECIAL, FORMAT = "special token", "written by the format"


def split(
    renderer: Renderer, row: dict, spans: list[tuple[str, str | None]]
) -> list[tuple[str | None, list[tuple[str, tuple[str, ...]]]]]:
    """The spans of a row's prompt, each as (its mark, its pieces), a piece being (text, marks out of SPECIAL and FORMAT).

    All texts together are the text of the spans. Special tokens that stand in a cell of the data are none: see
    `Renderer.plain`. Where a chat template changes what it is given, nothing is marked as written by the format.
    """
    text = "".join(piece for piece, _ in spans)
    special, written = _special(renderer, text), _written(renderer, row, text)
    marks = [
        tuple(mark for mark, places in ((SPECIAL, special), (FORMAT, written)) if i in places) for i in range(len(text))
    ]
    found, start = [], 0
    for piece, mark in spans:
        letters = zip(piece, marks[start : start + len(piece)], strict=True)
        groups = [("".join(x for x, _ in group), own) for own, group in groupby(letters, key=lambda pair: pair[1])]
        found.append((mark, groups))
        start += len(piece)
    return found


def special_pieces(tokens: list[str], text: str) -> list[tuple[str, bool]]:
    """A text in pieces, each with whether it is one of these special tokens."""
    spelled = [token for token in tokens if token]
    if not spelled:
        return [(text, False)]
    pieces = re.split(f"({'|'.join(map(re.escape, spelled))})", text)  # the odd ones are what was looked for
    return [(piece, i % 2 == 1) for i, piece in enumerate(pieces) if piece]


def _special(renderer: Renderer, text: str) -> set[int]:
    """The places of letters that belong to special tokens."""
    places, start = set(), 0
    for piece, is_special in special_pieces(renderer.tokens.special, text):
        if is_special:
            places.update(range(start, start + len(piece)))
        start += len(piece)
    return places


def _written(renderer: Renderer, row: dict, text: str) -> set[int]:
    """The places of letters that come neither from the task nor from the row."""
    system, user = renderer.messages(row)
    answer = renderer.plain(renderer.task.answer(row) or "")
    theirs: set[int] = set()
    start = 0
    for part in (system, user, answer):
        if part := part.strip():
            at = text.find(part, start)
            if at < 0:
                return set()
            start = at + len(part)
            theirs.update(range(at, start))
    return set(range(len(text))) - theirs
