"""What of Gradio is put right before the page starts: it fetches no file from an address, its own errors are text, and it
keeps no statistics of events."""

import html

from gradio import processing_utils, queueing, utils

from lab.errors import InputError
from lab.ui import access

_error_payload = utils.error_payload


def mend() -> None:
    """To be called once, before the page is served."""
    processing_utils.async_ssrf_protected_download = fetch_nothing
    queueing.error_payload = utils.error_payload = as_text
    queueing.Queue.compute_analytics_summary = count_nothing


async def fetch_nothing(url: str, cache_dir: str) -> str:
    """In place of Gradio's download: an event that is given the address of a file would have it fetched from there."""
    raise InputError("Files are uploaded here; none is fetched from an address.")


def as_text(error: BaseException | None, show_error: bool) -> dict:
    """What the browser is told of an error. It shows that as HTML, and Gradio names values and choices in its own."""
    told = _error_payload(error, show_error)
    if not isinstance(error, access.Shown) and isinstance(told["error"], str):
        told["error"] = html.escape(told["error"], quote=False)
    return told


def count_nothing(queue: queueing.Queue, records: list[dict]) -> dict:
    """In place of Gradio's summary of the last 10,000 events, made anew after each one for a page that is not served here:
    the longer the lab had been open, the more each event cost."""
    return queue.cached_event_analytics_summary
