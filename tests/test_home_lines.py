"""Lines of JSON as a crash leaves them: what is torn at the end goes, what is broken before it is named."""

import json
import math

import pytest

from lab import home
from lab.errors import InputError
from lab.home import append_line, read_lines, row_json

GOOD = b'{"step": 1}\n{"step": 2}\n'


@pytest.mark.parametrize("length", [1, home.BLOCK - 1, home.BLOCK, home.BLOCK + 1, 3 * home.BLOCK])
@pytest.mark.parametrize("before", [GOOD, b""], ids=["behind lines", "alone"])
def test_a_torn_tail_of_any_length_goes_before_the_next_line_comes(tmp_path, before, length):
    """A tail of more than 64 KB stayed, in front of the next line, and the file could never be read again."""
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(before + b"\0" * length)
    append_line(path, {"step": 3})
    assert path.read_bytes() == before + b'{"step": 3}\n'
    assert [row["step"] for row in read_lines(path)] == ([1, 2, 3] if before else [3])


def test_long_whole_lines_stay(tmp_path):
    path = tmp_path / "metrics.jsonl"
    long = json.dumps({"text": "x" * 3 * home.BLOCK}).encode() + b"\n"
    path.write_bytes(long)
    append_line(path, {"step": 2})
    assert path.read_bytes() == long + b'{"step": 2}\n'


@pytest.mark.parametrize("broken", [b'{"step": ', b"\0" * 9 + b'{"step": 3}', b"\xff\xfe{", b'{"a": "\xff"}'])
def test_a_broken_line_in_the_middle_is_named(tmp_path, broken):
    """JSON's own error for it went through."""
    path = tmp_path / "a-run" / "metrics.jsonl"
    path.parent.mkdir()
    path.write_bytes(GOOD + broken + b"\n" + GOOD)
    with pytest.raises(InputError, match=r"The file a-run/metrics\.jsonl is broken in line 3: "):
        read_lines(path)


def test_what_is_told_holds_no_number_that_json_has_not():
    told = row_json([{"value": math.nan, "inside": [math.inf, 1.5, None]}])
    assert json.loads(told, parse_constant=pytest.fail) == [{"value": "nan", "inside": ["inf", 1.5, None]}]
