"""What of Gradio is put right before the page starts: it fetches no file from an address, and its own errors are text."""

import html

from gradio import processing_utils, queueing, utils

from lab.errors import InputError
from lab.ui import access

_error_payload = utils.error_payload


def mend() -> None:
    """To be called once, before the page is served."""
    processing_utils.async_ssrf_protected_download = fetch_nothing
    queueing.error_payload = utils.error_payload = as_text


async def fetch_nothing(url: str, cache_dir: str) -> str:
    """In place of Gradio's download: an event that is given the address of a file would have it fetched from there."""
    raise InputError("Files are uploaded here; none is fetched from an address.")


def as_text(error: BaseException | None, show_error: bool) -> dict:
    """What the browser is told of an error. It shows that as HTML, and Gradio names values and choices in its own."""
    told = _error_payload(error, show_error)
    if not isinstance(error, access.Shown) and isinstance(told["error"], str):
        told["error"] = html.escape(told["error"], quote=False)
    return told
