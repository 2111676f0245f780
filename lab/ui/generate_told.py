"""An answer as it is made: what is to be said of it, and what each subject has said so far."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache

from lab import bases, generator
from lab.answered import Answer, Record
from lab.asking import Asked
from lab.errors import InputError, WorkError
from lab.home import Home
from lab.job import Stopped
from lab.ui.answers import Column, of_record, side_by_side
from lab.ui.look import spelled

UPDATE_EVERY = 0.1  # seconds between two partial texts
LETTERS_A_SECOND = 10_000  # a long text is shown anew less often, or a slow browser would not keep up
STARTING = "Waiting for the generation worker; when it has to start, that takes a while."
STOPPED = "Stopped."


def told(home: Home, asked: Asked, halt: threading.Event) -> Iterator[tuple[str, dict[str, dict]]]:
    """What is to be said about all answers, and the last event of each subject, as both change."""
    said, events = STARTING, {}
    yield said, events
    try:
        question = (home, asked.names, asked.task, asked.question, asked.given.decoding, halt.is_set)
        with closing(generator.ask(*question)) as coming:
            for event in paced(coming):
                if event["event"] == "loading":
                    said = f"Loading {event['what']} …"
                else:
                    said = f"{event['subject']} is answering …"
                    events[event["subject"]] = event
                yield said, events
        said = asked.said
    except Stopped:
        said = STOPPED
    except (InputError, WorkError) as error:
        said = str(error)
    yield said, events


def paced(events: Iterator[dict]) -> Iterator[dict]:
    """Events without the partial texts that come too fast to be seen."""
    last = 0.0
    for event in events:
        pause = UPDATE_EVERY + len(event.get("output", "")) / LETTERS_A_SECOND
        if event["event"] != "text" or time.monotonic() - last > pause:
            last = time.monotonic()
            yield event


def recorded(asked: Asked, said: str, events: dict[str, dict], when: float) -> Record:
    """The record of those answers that are complete."""
    return asked.record(when, [event for event in events.values() if event["event"] == "answer"], said)


def growing(asked: Asked, said: str, events: dict[str, dict]) -> str:
    """What is shown while answers come: those that are complete with all that is known of them."""
    tokens = special_of(asked.bases)
    done = of_record(recorded(asked, said, events, 0), tokens)
    partial = [column.answer or events.get(column.title, {}).get("output", "") for column in done]
    columns = [
        column if isinstance(words, Answer) else Column(column.title, words, column.turns)
        for column, words in zip(done, partial, strict=True)
    ]
    return side_by_side(spelled(said), columns)


def hidden(said: str, letters: dict[str, str], record: Record | None = None, below: str = "") -> str:
    """What a blind vote shows: the answers behind letters, and nothing else that tells who gave them."""
    made = {answer.subject: answer.output for answer in record.answers} if record else {}
    return side_by_side(said, [Column(letter, made.get(name, "")) for letter, name in letters.items()], below)


def special_of(of: dict[str, str]) -> dict[str, list[str]]:
    """The special tokens of the subjects' bases (subject → base)."""
    return {name: _special(base) for name, base in of.items()}


@lru_cache(maxsize=16)
def _special(base: str) -> list[str]:
    try:
        tokens = bases.tokens_at_hand(bases.find(base))
    except InputError:  # it has gone
        return []
    return tokens.special if tokens.exact else []
