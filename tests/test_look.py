"""What the whole page keeps to, whatever stands on it."""

import gradio as gr

import app
from lab.home import Home


def test_no_event_tells_parts_of_the_page_of_a_progress_that_it_hides(tmp_path):
    page = app.build(Home.at(tmp_path))
    hidden = [event for event in page.fns.values() if event.show_progress == "hidden"]
    assert hidden and all(event.show_progress_on == [] for event in hidden)


def test_no_event_past_the_queue_changes_a_state_that_others_wait_for(tmp_path):
    """Past the queue the browser is not told which states have changed, and nothing of what waits for them happens."""
    page = app.build(Home.at(tmp_path))
    waited_for = {target for event in page.fns.values() for target, name in event.targets if name == "change"}
    states = {part._id for part in page.blocks.values() if isinstance(part, gr.State)} & waited_for
    past = [event for event in page.fns.values() if not event.queue]
    silent = [event.fn.__qualname__ for event in past if any(part._id in states for part in event.outputs)]
    assert states and past and silent == []


def test_what_the_browser_keeps_is_shown_once_it_has_been_read(tmp_path):
    """A tab may be turned to before the browser has read it: then what is shown on turning would stay empty."""
    page = app.build(Home.at(tmp_path))
    kept = [part._id for part in page.blocks.values() if isinstance(part, gr.BrowserState)]
    shown = {target for event in page.fns.values() for target, name in event.targets if name == "change"}
    assert kept and set(kept) <= shown
