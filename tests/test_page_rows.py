"""The Dataset tab's rows, checks and charts in a real browser; texts of data stay text in all of them."""

import json

import pyarrow as pa
import pytest
from browser import choose

from lab import data
from lab.errors import InputError
from lab.home import Home

HOSTILE = '<img src=x onerror="window.hit=1"> {{ 1 }} ${value}'


@pytest.fixture(scope="module")
def served(serve, tmp_path_factory):
    home = Home.at(tmp_path_factory.mktemp("rows") / "home")
    rows = [{"text": f"a {'dull' if n % 4 else 'fine'} day {n}", "kind": ["bad", "good"][n % 2]} for n in range(1234)]
    rows += [{"text": HOSTILE, "kind": HOSTILE}, {"text": "a fine day 0", "kind": "good "}, {"text": "", "kind": None}]
    splits = {"train": rows, "test": [{"text": "a dull day 1", "kind": "Good"}]}
    about = data.About(name="days", label="kind", about=HOSTILE)
    data.add_tables(home, about, {split: pa.Table.from_pylist(of) for split, of in splits.items()})
    return serve(home.path)


@pytest.fixture
def tab(page, served):
    """The Dataset tab with a dataset that has something of everything."""
    page.goto(served.url)
    page.locator(".checks.good").get_by_text("Nothing is wrong").wait_for()
    choose(page, "Dataset", "days")
    page.locator(".checks.bad").wait_for()
    return page


def numbers(page) -> list[str]:
    return page.locator("[data-testid^=cell-][data-testid$='-0'] span.text").all_inner_texts()


def test_rows_are_searched_filtered_and_paged(tab):
    tab.get_by_text("Rows 1 to 10 of 1,237. Row numbers count from 0.").wait_for()
    tab.get_by_label("Search").fill("FINE day 1")
    tab.get_by_text("that match, of 1,237").wait_for()
    tab.get_by_label("Search").fill("FINE day")
    tab.get_by_text("Rows 1 to 10 of 310 that match, of 1,237.").wait_for()
    tab.get_by_role("button", name="Next rows").click()
    tab.get_by_text("Rows 11 to 20 of 310 that match").wait_for()
    assert tab.get_by_label("Page", exact=True).input_value() == "2"
    assert [n for n in numbers(tab) if n.isdecimal()][:3] == ["40", "44", "48"]  # those of the split
    choose(tab, "With the label", "good")
    tab.get_by_text("Rows 1 to 1 of 1 that match, of 1,237.").wait_for()
    choose(tab, "With the label", "no label")
    tab.get_by_text("None of the 1,237 rows of train match").wait_for()
    tab.get_by_label("Search").fill("")
    tab.get_by_text("Rows 1 to 1 of 1 that match").wait_for()
    choose(tab, "Dataset", "sentiment")  # whose rows are shown from the beginning, all of them
    tab.get_by_text("Rows 1 to 10 of 4,000.").wait_for()


@pytest.mark.long
def test_checks_and_charts_say_what_is_in_the_rows(tab):
    card = tab.locator(".checks")
    assert "5 of 6 need a look" in card.locator("h2").inner_text()
    assert card.locator("li.bad").count() == 5 and card.locator("li.good").count() == 1
    for said in ("Rows of train, for instance: 1235", "Take them out of one of the splits", "nearest is 'good'"):
        card.get_by_text(said).first.wait_for()
    tab.get_by_text("train: 3 labels, most rows are good (618, 50%), fewest are").wait_for()
    tab.get_by_text("test: every labelled row is Good (1).").wait_for()
    tab.get_by_text("Longer than 512: 0 of 1,238. Counted: all 1,238 rows.").wait_for()
    charts = tab.locator(".chart-place .js-plotly-plot")
    assert charts.nth(0).evaluate("e => e.data.map(bars => bars.name)") == ["train", "test"]
    assert charts.nth(1).evaluate("e => [e.data.length, e.layout.annotations[0].text]") == [
        1,
        "max_length 512, further to the right",
    ]
    tab.get_by_label("max_length").first.fill("8")
    tab.get_by_text("more than 8 tokens; counted: all 1,238 rows.").wait_for()
    assert charts.nth(1).evaluate("e => [e.data.length, e.layout.shapes[0].x0]") == [2, 8]
    tab.get_by_role("button", name="As a table").click()
    tab.get_by_role("gridcell", name="1,237").or_(tab.locator("span.text", has_text="1,237")).first.wait_for()


@pytest.mark.long
def test_texts_of_the_data_stay_text_everywhere(tab):
    tab.get_by_label("Search").fill("<IMG")
    tab.get_by_text("Rows 1 to 1 of 1 that match").wait_for()
    assert tab.locator("span.text", has_text=HOSTILE).count() >= 2
    tab.get_by_text("Synthetic remarks").wait_for(state="detached")
    assert HOSTILE in tab.locator(".said").first.inner_text()
    assert tab.locator("img[src=x]").count() == 0 and tab.evaluate("window.hit") is None


@pytest.mark.long
def test_an_upload_shows_its_first_rows_and_what_each_column_is_taken_for(tab, tmp_path):
    lines = [{"says": f"{HOSTILE} {n}", "kind": n % 2, "more": "words"} for n in range(9)]
    (tmp_path / "few.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    tab.get_by_role("button", name="Add a dataset").click()
    tab.get_by_text("Choose a file, and its first rows are shown here.").wait_for()
    upload = tab.locator(".block").filter(has_text="Training rows").last.locator("input[type=file]")
    upload.set_input_files(tmp_path / "few.jsonl")
    head = tab.locator(".file-head")
    head.get_by_text("few.jsonl: 9 rows, columns says, kind, more.").wait_for()
    assert head.locator("tbody tr").count() == 5
    assert [x.split() for x in head.locator("th").all_inner_texts()] == [["says", "text"], ["kind", "label"], ["more"]]
    head.get_by_text("0: 5 rows, such as").wait_for()
    assert tab.locator("img[src=x]").count() == 0 and HOSTILE in head.inner_text()
    tab.get_by_label("Text", exact=True).click()
    tab.get_by_role("option", name="more", exact=True).click()
    head.locator("th", has_text="more").locator(".role", has_text="text").wait_for()
    (tmp_path / "broken.json").write_text("[{")
    tab.get_by_role("button", name="Clear").or_(tab.get_by_label("Clear")).first.click()
    upload.set_input_files(tmp_path / "broken.json")
    head.get_by_text("It cannot be read. broken.json is not valid JSON").wait_for()


# -- without a browser -----------------------------------------------------------------------------------------------


def test_a_clicked_row_is_known_by_its_number():
    from lab.ui import dataset_rows

    def clicked(row):
        return dataset_rows.picked(dataset_rows.gr.SelectData(None, {"index": [0, 1], "value": "x", "row_value": row}))

    assert clicked(["17", "some text"]) == 17
    for row in (None, [], ["x"], ["-1"], [None], "17", {"0": "1"}):
        with pytest.raises(InputError):
            clicked(row)


def test_widths_fill_the_table_and_leave_room_for_words():
    from lab.ui import dataset_rows

    for lengths in ([9], [60, 8], [8, 60, 7, 8], [60, 60, 60, 9], [5] * 9):
        table = {"headers": ["row", *("x" * n for n in lengths)], "data": []}
        shares = [float(width.rstrip("%")) for width in dataset_rows.widths(table)]
        assert min(shares[1:]) > 16
        assert sum(shares) == pytest.approx(100, abs=1) if len(lengths) < 5 else sum(shares) > 100


def test_many_labels_are_summed_up_and_none_are_said():
    from lab.ui import dataset_charts

    counts = {"train": {f"label {n}": 100 - n for n in range(50)}, "test": {}}
    bars = dataset_charts.balance_chart(counts).data
    assert (len(bars[0].x), bars[0].text[0], bars[0].customdata[-1]) == (21, "100", "30 more labels")
    assert sum(bars[0].x) == pytest.approx(1) and set(bars[1].x) == {0}
    assert dataset_charts.balance_in_words(counts).endswith("No row of test has a label.")
    assert len(dataset_charts.balance_chart({"train": {}}).data[0].x) == 0


def test_the_histogram_counts_each_row_once_and_parts_them_at_the_limit():
    from lab.ui import dataset_charts

    sample = [*range(1, 301), 40]
    measured = {
        "of": "text",
        "rows": 5000,
        "whole": False,
        "exact": True,
        "sample": sample,
        "longest": [("train", 7, 300)],
    }
    short, long = dataset_charts.tokens_chart(measured, 250).data
    assert (sum(short.y), sum(long.y)) == (251, 50)
    assert "an estimated 831 of 5,000" in dataset_charts.tokens_in_words(measured, 250)
    measured["longest"].append(("train", 9, 20))
    assert "an estimated 1 of 5,000" in dataset_charts.tokens_in_words(measured, 250)
