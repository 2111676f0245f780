"""YAML of others: plain values alone, and one kind of error."""

import yaml


def load(text: str):
    """What YAML text holds, plain values alone: a tag that names code is refused.

    Raises yaml.YAMLError for all that is wrong with it; the library itself lets through what its own readers of numbers,
    dates and nested lists stumble over.
    """
    try:
        return yaml.safe_load(text)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        what = (
            "it is nested too deeply" if isinstance(error, RecursionError) else f"a value is not of its kind ({error})"
        )
        raise yaml.YAMLError(what) from error
