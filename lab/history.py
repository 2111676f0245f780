"""What was asked before, the newest first. It is kept by each browser, so what comes from there is read with care."""

import json

from lab.answered import Record, read

MOST_RECORDS = 30
MOST_LETTERS = 400_000  # of all records as JSON; a browser keeps five million letters for a site


def records(kept) -> list[Record]:
    """The records of what a browser has kept; what is none is left out."""
    found = [read(one) for one in kept[:MOST_RECORDS]] if isinstance(kept, list) else []
    return [record for record in found if record]


def with_new(kept, record: Record) -> list[dict]:
    """What is to be kept when there is a new record: it comes first, and the oldest go where there are too many."""
    others = [x for x in records(kept) if x.when != record.when]
    found, letters = [], 0
    for one in [record, *others][:MOST_RECORDS]:
        content = one.model_dump()
        size = len(json.dumps(content))
        if letters + size <= MOST_LETTERS:  # else it is left out; smaller ones behind it may still find room
            letters += size
            found.append(content)
    return found


def at(kept, when) -> Record | None:
    """The record of this moment."""
    return next((record for record in records(kept) if record.when == when), None)
