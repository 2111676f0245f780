"""Rows that are longer than `max_length`: refused, cut at the end of their text, or dropped."""

from lab.config import Config
from lab.errors import InputError
from lab.prompt import Example, Renderer
from lab.splits import Split


def fit(split: Split, renderer: Renderer, config: Config, notes: list[str]) -> list[tuple[list[dict], list[Example]]]:
    """Training and validation rows with their tokens; rows over max_length dealt with as `too_long` says.

    An answer is never cut, only the end of a row's text. Raises InputError, about all rows at once.
    """
    limit = config.max_length
    fitted = [(rows, list(renderer.examples(rows))) for rows in (split.train, split.validation)]
    if all(len(e) <= limit for _, examples in fitted for e in examples):
        return fitted
    longest = max(len(e) for _, examples in fitted for e in examples)
    counts = [f"{sum(len(e) > limit for e in examples)} of {len(rows)}" for rows, examples in fitted]
    says = (
        f"{counts[0]} training rows and {counts[1]} validation rows are longer than max_length {limit} "
        f"(the longest has {longest} tokens)"
    )
    if not renderer.tokens.exact:
        notes.append(f"By the estimate {says}; what is done about it is decided when its tokenizer is here.")
        return fitted
    fixed = [
        len(renderer.prompt_ids({**row, renderer.task.text: ""})) + len(example.completion) > limit
        for rows, examples in fitted
        for row, example in zip(rows, examples, strict=True)
        if len(example) > limit
    ]
    if config.too_long == "error" or (config.too_long == "cut" and any(fixed)):
        cut = f"too_long=cut would cut the end of their {renderer.task.text!r}, by up to {longest - limit} tokens"
        never = (
            f"; {sum(fixed)} are too long even without it, and an answer is never cut"
            if any(fixed)
            else ", never an answer"
        )
        raise InputError(
            f"{says}: {cut}{never}. Set max_length={longest}, or too_long={'drop' if any(fixed) else 'cut or drop'}."
        )
    if config.too_long == "drop":
        notes.append(f"{says}; they are dropped.")
        fitted = [[(r, e) for r, e in zip(rows, examples, strict=True) if len(e) <= limit] for rows, examples in fitted]
        if not fitted[0]:
            raise InputError(f"{says}: none would be left to train. Raise max_length.")
        if isinstance(config.validation, int):
            fitted = _as_many_held_out(*fitted, len(split.validation), notes)
        return [([r for r, _ in pairs], [e for _, e in pairs]) for pairs in fitted]
    notes.append(f"{says}; the end of their {renderer.task.text!r} is cut, by {longest - limit} tokens at most.")
    cuts = [
        [renderer.cut(row, limit) if len(e) > limit else row for row, e in zip(rows, examples, strict=True)]
        for rows, examples in fitted
    ]
    return [(rows, list(renderer.examples(rows))) for rows in cuts]


def _as_many_held_out(train: list[tuple], validation: list[tuple], wanted: int, notes: list[str]) -> list[list[tuple]]:
    """Rows to train and to hold out, of which as many as were asked for are held out. The first to train take the place of
    those dropped: of the shuffled rows they are the same however many are trained."""
    moved = min(wanted - len(validation), len(train) - 1)
    if moved > 0:
        notes.append(f"{moved} of the rows to train are held out in the place of those dropped.")
    return [train[moved:], validation + train[:moved]]
