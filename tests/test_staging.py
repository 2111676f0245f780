"""Folders that appear whole or not at all: what a kill has left is cleared, what somebody is at work on is not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from browser import ROOT

from lab import staging
from lab.staging import HALF, YOUNG, staged

WRITES = """
import os, sys, time
from pathlib import Path
from lab.staging import staged
target, moment = Path(sys.argv[1]), sys.argv[2]
rename = Path.rename
def renamed(path, to):
    made = rename(path, to)
    if moment == "replacing" and path == target:
        print("here", flush=True)
        time.sleep(60)
    return made
Path.rename = renamed
with staged(target, replace=True) as folder:
    (folder / "text").write_text("new")
    if moment == "writing":
        print("here", flush=True)
        time.sleep(60)
"""


def stopped_at(moment: str, target: Path) -> subprocess.Popen:
    """A process that writes a folder and has come to a moment of it."""
    words = [sys.executable, "-c", WRITES, str(target), moment]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout.readline() == b"here\n"
    return process


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def age(parent: Path) -> None:
    """Makes the halves in a folder old enough to be looked at."""
    for place in parent.glob(f".*{HALF}"):
        os.utime(place, times=(time.time() - 2 * YOUNG,) * 2)


@pytest.mark.parametrize("is_young", [True, False])
def test_what_a_kill_has_left_is_cleared_by_the_next_one(tmp_path, is_young):
    kill(stopped_at("writing", tmp_path / "a"))
    if not is_young:
        age(tmp_path)
    with staged(tmp_path / "b") as folder:
        (folder / "text").write_text("b")
    assert (tmp_path / "b" / "text").read_text() == "b"
    left = [path.name for path in tmp_path.glob(".*")]
    assert [name.startswith(".a.") for name in left] == [True] * is_young


def test_what_somebody_is_at_work_on_stays(tmp_path):
    process = stopped_at("writing", tmp_path / "a")
    age(tmp_path)
    staging.clear(tmp_path, at_once=True)
    assert len(list(tmp_path.glob(".a.*/new/text"))) == 1
    kill(process)
    staging.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_had_made_way_when_its_process_was_killed_is_not_lost(tmp_path):
    with staged(tmp_path / "a") as folder:
        (folder / "text").write_text("old")
    kill(stopped_at("replacing", tmp_path / "a"))
    assert not (tmp_path / "a").exists()
    staging.clear(tmp_path, at_once=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a" / "text").read_text() == "new"
