"""What the whole page keeps to, whatever stands on it."""

import app
from lab.home import Home


def test_no_event_tells_parts_of_the_page_of_a_progress_that_it_hides(tmp_path):
    page = app.build(Home.at(tmp_path))
    hidden = [event for event in page.fns.values() if event.show_progress == "hidden"]
    assert hidden and all(event.show_progress_on == [] for event in hidden)
