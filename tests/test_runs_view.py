"""Looks at the disk and choices of a run, which a busy browser lets overlap."""

import gradio as gr
import pytest

from lab.home import Home
from lab.ui import run_looks, runs_view, shown_run


@pytest.fixture
def look_again(tmp_path):
    with gr.Blocks() as page, gr.Tab() as tab:
        handler, *_ = runs_view.build(page, Home.at(tmp_path), tab, gr.State(""))
    controls = ("", False, [], run_looks.run_charts.STEP, 0.5, False, "", "a draft")
    return lambda sent, shown, before: handler(sent, shown, "", before, *controls)


def test_a_look_that_a_choice_overtook_says_nothing(look_again, monkeypatch):
    sent, overtaken = shown_run.Sent(), True

    def look(*_):
        if overtaken:
            sent.another()
        return {}, {"run": "the one before"}

    monkeypatch.setattr(run_looks, "look", look)
    assert look_again(sent, {}, {}) == gr.skip()
    overtaken = False
    drawn = look_again(sent, {}, {"answer": sent.last}).values()
    assert shown_run.told(sent.last, "the one before") in drawn


def test_a_browser_that_does_not_show_what_was_sent_last_is_shown_all(look_again, monkeypatch):
    """Its fields are those of another run, so what stands in them is not kept. Seen to fail without a number of the answer."""
    asked = []
    monkeypatch.setattr(run_looks, "look", lambda home, run_id, before, it: asked.append((before, it)) or ({}, before))
    before = {"run": "tiny-1", "about": ("tiny-1", "", ""), "drafts": {"tiny-3": ("", "kept")}, "head": 1}
    sent, now = shown_run.Sent(), {**before, "answer": "2"}
    sent.last = "2"
    look_again(sent, {"answer": "2", "run": "tiny-1"}, now)
    look_again(sent, {"answer": "1", "run": "tiny-1"}, now)
    look_again(sent, {"answer": "1", "run": "tiny-2"}, now)
    look_again(sent, ["nothing", "of the lab"], now)
    without, of_another = {k: v for k, v in before.items() if k != "head"}, {k: before[k] for k in ("run", "drafts")}
    assert [found for found, _ in asked] == [now, without, of_another, of_another]
    assert [it.typed for _, it in asked] == [("", "a draft"), ("", "a draft"), None, None]


def test_a_look_waits_for_an_answer_that_is_not_kept_yet(look_again, monkeypatch):
    """It would show the run that was just left, and take what stands in the fields for its notes. Where two answers were
    kept in another order than they were made, it goes on at the next. Seen to fail without a look at the kept number."""
    monkeypatch.setattr(run_looks, "look", lambda home, run_id, before, it: ({}, {"run": run_id}))
    sent = shown_run.Sent()
    kept, last = sent.another(), sent.another()
    assert look_again(sent, {"answer": last, "run": ""}, {"answer": kept}) == gr.skip()
    assert look_again(sent, {"answer": last, "run": ""}, {"answer": kept}) != gr.skip()
    assert look_again(sent, {"answer": last, "run": ""}, {"answer": last}) == gr.skip()  # of what came before
    assert look_again(sent, {"answer": last, "run": ""}, {"answer": sent.last}) != gr.skip()


RUN, OTHER = {"id": "tiny-1", "title": "", "notes": "Old."}, {"id": "tiny-2", "title": "", "notes": ""}


def test_what_was_typed_is_there_again_whatever_the_browser_shows_meanwhile():
    """Until it is saved. Seen to fail with a draft that is forgotten as soon as it was sent, which may come late."""

    def about(run, before, typed):
        now = dict(before)
        return run_looks.about(run, before, now, typed), now

    said, first = about(RUN, {}, ("", ""))
    assert said == {"title": "", "notes": "Old."}
    said, typing = about(RUN, first, ("", "New."))
    assert said == {}
    said, left = about(OTHER, typing, ("", "New, and more."))
    assert said == {"title": "", "notes": ""}
    said, back = about(RUN, left, ("", ""))
    assert said == {"title": "", "notes": "New, and more."}
    assert about(RUN, back, ("", "New, and more."))[0] == {}
    late, _ = run_looks.anew(back, {"run": "tiny-2"}, run_looks.Asked())
    assert about(RUN, late, None)[0] == said
    saved = {**back, "about": ("tiny-1", "", "New, and more."), "drafts": run_looks.drafts(back, "tiny-1", None)}
    assert about({**RUN, "notes": "New, and more."}, saved, ("", "New, and more."))[1]["drafts"] == {}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (("A title", "Notes."), {}),
        (("Another", "Notes."), {"title": "Another"}),
        (("A title", ""), {"notes": ""}),
        (("", "More."), {"title": "", "notes": "More."}),
    ],
)
def test_of_name_and_notes_what_was_changed_is_saved(typed, kept):
    """What was not may be another by now, saved on another page. Seen to fail with both saved always."""
    before = {"about": ("tiny-1", "A title", "Notes.")}
    assert run_looks.edited(before, "tiny-1", *typed) == kept
    assert run_looks.edited(before, "tiny-2", *typed) == dict(zip(("title", "notes"), typed, strict=True))
