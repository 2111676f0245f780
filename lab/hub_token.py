"""The Hub's tokens of this machine, taken out of all that is written down or shown: a server may repeat what it was sent, and
the Hub's library puts what a server says into its errors and warnings."""

import logging
import os
import traceback
from contextlib import suppress
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.utils.logging import get_logger

TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")  # in the environment
SHORTEST = 8  # letters; what is shorter is no token, and would be found in words that tell nothing


def without_tokens(text: str) -> str:
    """A text in which no token stands that the Hub may have been sent."""
    for token in (*(os.environ.get(name, "") for name in TOKENS), _of_login()):
        if len(token.strip()) >= SHORTEST:
            text = text.replace(token.strip(), "…")
    return text


def _of_login() -> str:
    """The token that `hf auth login` has left. The library's own way to it may ask the network for another one."""
    with suppress(OSError, UnicodeDecodeError):
        return Path(constants.HF_TOKEN_PATH).read_text(encoding="utf-8")
    return ""


def traced(error: BaseException) -> str:
    """An error and what it came from, with where in the code that was."""
    return without_tokens("".join(traceback.format_exception(error)))


def _blotted(record: logging.LogRecord) -> bool:
    record.msg, record.args = without_tokens(record.getMessage()), ()
    return True


for _handler in get_logger().handlers:  # its own, which the loggers of all its modules come to
    _handler.addFilter(_blotted)
