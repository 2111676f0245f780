"""What of Gradio is put right before the page starts."""

import gradio as gr
import pytest
from gradio import processing_utils, queueing, utils

from lab.ui import mended


@pytest.fixture
def mend(monkeypatch):
    """Gradio put right, and as it was after the test."""
    for place, name in (
        (processing_utils, "async_ssrf_protected_download"),
        (queueing, "error_payload"),
        (utils, "error_payload"),
        (queueing.Queue, "compute_analytics_summary"),
    ):
        monkeypatch.setattr(place, name, getattr(place, name))
    mended.mend()


def test_no_statistics_of_events_are_made(mend, monkeypatch):
    """They took more time than the events themselves, and more with each event that had been."""
    monkeypatch.setattr(queueing.Queue, "_get_df", lambda *records: pytest.fail("statistics are made"))
    with gr.Blocks(analytics_enabled=False) as page:
        gr.Button().click(lambda: None)
    queue = page.queue()._queue
    queue.events_recorded = 5
    records = [{"time": 1.0, "status": "success", "process_time": 1.0, "function": "f", "session_hash": "s"}]
    assert queue.compute_analytics_summary(records) == {"functions": {}}
