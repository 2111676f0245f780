"""The two ways in which a command may end badly; both carry one or two plain sentences for the user."""


class InputError(Exception):
    """What was asked for is wrong; the sentence names the file, row or key and says what to do. Exit code 2."""


class WorkError(Exception):
    """The work itself failed, though the input was right. Exit code 1."""

    reason = "work"  # a word for it, which a job keeps with its outcome
    advice = ""  # what to do, where the sentence itself does not say it


def in_full(error: InputError | WorkError) -> str:
    """The sentence of an error with its advice, for those who read it at once."""
    return " ".join(filter(None, [str(error), getattr(error, "advice", "")]))


def shortened(error: Exception) -> str:
    """What a library says of an error, on one line, as a sentence of no more than 300 letters."""
    return " ".join(str(error).split())[:300].rstrip(".") + "."
