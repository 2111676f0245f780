"""The zips that browsers fetch: made once, served without a copy, and gone when the server is, however it ended."""

import os
import time
from pathlib import Path

import pytest
from gradio import utils

from lab import temporary
from lab.export import Parcel
from lab.ui import zips


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """The folder of Gradio, and no folder of this process in it yet."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    zips._place.cache_clear()
    yield
    zips._place.cache_clear()


def aged(folder) -> None:
    long_ago = time.time() - 10 * temporary.JUST_MADE
    os.utime(folder, (long_ago, long_ago))


def test_a_zip_takes_the_place_of_the_one_before(tmp_path):
    first = zips.packed(Parcel("run-1", {}, {"a": "1"}))
    assert zips.packed(Parcel("run-1", {}, {"a": "2"})) == first
    assert utils.is_in_or_equal(first, utils.get_upload_folder())  # from where Gradio serves without another copy


def test_what_a_job_made_is_not_copied(tmp_path):
    made = tmp_path / "run-merged.zip"
    made.write_bytes(b"weights")
    found = zips.fetched(made)
    assert Path(found).samefile(made)
    made.unlink()
    assert Path(found).read_bytes() == b"weights"


def test_what_a_killed_server_left_is_cleared_and_what_a_living_one_has_stays(tmp_path):
    alive = zips._place()
    dead, older, other = alive.with_name("lab-export-dead"), tmp_path / "lab-export-old", tmp_path / "other"
    link = tmp_path / "lab-export-link"
    for folder in (dead, older, other):
        folder.mkdir()
        (folder / "run-1.zip").write_text("x")
    (dead / temporary.LOCK).touch()  # nobody holds it any more
    link.symlink_to(other)
    assert zips.clear_left() == []  # they may have been made just now, and not be locked yet
    for folder in (alive, dead, older):
        aged(folder)
    assert sorted(zips.clear_left()) == sorted([dead.name, older.name])
    assert alive.is_dir() and other.is_dir() and link.is_symlink() and not dead.exists() and not older.exists()
