"""What the handlers of the page share: errors in plain words, who may change things, models by name."""

import functools
import html
import inspect
import sys
from collections.abc import Callable

import gradio as gr

from lab import bases, hub_ids, shortage
from lab.config import BUNDLED_MODEL
from lab.errors import InputError, WorkError, in_full
from lab.hub_token import traced, without_tokens
from lab.ui.roles import may_change

LONGEST_MODEL = 300  # letters of its name
__all__ = ["Shown", "handler", "may_change", "model_id", "shown"]


class Shown(gr.Error):
    """An error whose words are escaped already."""


def shown(error: Exception) -> Shown:
    """An error as the page shows it: its sentence as plain text, for whatever is wrong in the lab itself its kind alone."""
    plain = in_full(error) if isinstance(error, InputError | WorkError) else shortage.in_words(error)
    if not plain:
        print(traced(error), file=sys.stderr)
    text = without_tokens(plain or f"The lab itself has a problem ({type(error).__name__}); its log says more.")
    return Shown(html.escape(text, quote=False).replace("\n", "<br>"), title="That did not work", print_exception=False)


def handler(function: Callable) -> Callable:
    """Makes a handler show its errors in plain words, never as a traceback or as markup. Stands above every handler."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def steps(*values, **named):
            try:
                yield from function(*values, **named)
            except gr.Error:
                raise
            except Exception as error:
                raise shown(error) from error

        return steps

    @functools.wraps(function)
    def call(*values, **named):
        try:
            return function(*values, **named)
        except gr.Error:
            raise
        except Exception as error:
            raise shown(error) from error

    return call


def model_id(name: str | None) -> str:
    """A base model's name as the page takes it: the bundled one or a Hub id, never a folder of the machine."""
    name = (name or "").strip()
    if len(name) > LONGEST_MODEL:
        raise InputError(
            f"The name of the base model is longer than {LONGEST_MODEL} letters: give a Hub id, owner/name."
        )
    repo, at, revision = name.partition("@")
    if hub_ids.is_repo(repo):
        hub_ids.need_revision(revision if at else None)
    if name != BUNDLED_MODEL and (not hub_ids.is_model(name) or bases.find(name).on_hub is False):
        raise InputError(
            f"{name!r} is no base model here: give {BUNDLED_MODEL} (the bundled one) or a Hub id, owner/name."
        )
    return name
