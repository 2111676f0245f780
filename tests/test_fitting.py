"""Rows that are longer than `max_length` and dropped: how many is said, and as many as were asked for are held out."""

import pyarrow as pa
import pytest
from colours import settings

from lab import data, plan
from lab.data import About
from lab.errors import InputError
from lab.home import Home

LIMIT = 120  # tokens


@pytest.fixture
def mixed(colours) -> Home:
    """The toy rows with as many behind them that are too long."""
    rows = data.load(colours, "colours").rows("train")
    long = [{**row, "text": f"{row['text']} {'very dark ' * 40}"} for row in rows]
    data.add_tables(
        colours, About(name="mixed", text="text", label="label"), {"train": pa.Table.from_pylist(rows + long)}
    )
    return colours


def planned(home, model, **changes) -> plan.Plan:
    usual = {"dataset": "mixed", "max_length": LIMIT, "too_long": "drop", "validation": 8}
    return plan.make(home, settings(model, **{**usual, **changes}))


def texts(rows: list[dict]) -> set[str]:
    return {row["text"] for row in rows}


def test_as_many_rows_are_held_out_as_were_asked_for_though_some_are_dropped(mixed, tiny_model):
    found = planned(mixed, tiny_model)
    assert (len(found.validation), found.report()["validation_rows"]) == (8, 8)
    assert all(len(example) <= LIMIT for example in found.train_examples + found.validation_examples)
    assert len(found.train) + len(found.validation) == 24 and not texts(found.train) & texts(found.validation)
    dropped, moved = (next(x for x in found.notes if words in x) for words in ("dropped.", "in the place"))
    assert "of 8 validation rows are longer than max_length 120" in dropped
    count = int(dropped.split(" training rows and ")[1].split(" of ")[0])
    assert count > 0 and moved.startswith(f"{count} of the rows to train are held out")


def test_the_same_rows_are_held_out_however_many_are_trained(mixed, tiny_model):
    few, all_of_them = planned(mixed, tiny_model, train_rows=30), planned(mixed, tiny_model)
    assert few.validation == all_of_them.validation and texts(few.train) < texts(all_of_them.train)


def test_of_a_share_that_is_held_out_the_dropped_are_told_alone(mixed, tiny_model):
    found = planned(mixed, tiny_model, validation=0.25)
    assert len(found.validation) < 12 and not any("in the place" in note for note in found.notes)
    assert any("of 12 validation rows are longer" in note for note in found.notes)


def test_one_row_is_always_left_to_train(mixed, tiny_model):
    found = planned(mixed, tiny_model, validation=40)
    assert (len(found.train), len(found.validation)) == (1, 23)
    with pytest.raises(InputError, match="none would be left to train"):
        planned(mixed, tiny_model, max_length=10)
