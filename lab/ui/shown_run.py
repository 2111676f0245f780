"""Which run a browser shows, by its own word: answers may reach it in another order than they were made, or not at all."""

from uuid import uuid4


class Sent:
    """The number of the answer that was sent last to one browser. A look that another answer overtook says nothing: it would
    undo a choice, and forget what was typed."""

    def __init__(self):
        self.last = ""
        self._odd = None

    def another(self) -> str:
        self.last = uuid4().hex
        return self.last

    def is_kept(self, answer: str) -> bool:
        """Whether nothing newer is about to be kept on the server than an answer that a look found there.

        The last answer is kept a moment after it was made; what a second look still finds is all that will come.
        """
        odd = None if answer == self.last else (answer, self.last)
        kept, self._odd = odd in (None, self._odd), odd
        return kept


def told(answer: str, run_id: str) -> dict:
    """What a browser keeps of an answer, and tells with every event."""
    return {"answer": answer, "run": run_id}


def answer_of(shown) -> str:
    """The number of the answer that a browser shows; empty before the first, and for whatever else it sends."""
    return str(shown.get("answer") or "") if isinstance(shown, dict) else ""


def run_of(shown) -> str:
    """The id of the run that a browser shows; empty where there is none."""
    return str(shown.get("run") or "") if isinstance(shown, dict) else ""
