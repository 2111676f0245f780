"""Datasets of the Hub, read by its own library; a folder laid out like one stands in for the network."""

import datasets
import pytest

from lab import data, hub
from lab.errors import InputError, WorkError


@pytest.fixture
def repository(tmp_path):
    """A folder as the Hub holds one: parquet files by split, a label column that names its classes."""
    features = datasets.Features(
        {
            "sentence": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["bad", "good"]),
            "id": datasets.Value("int64"),
        }
    )
    for split, labels in (("train", [1, 0, 1]), ("validation", [0, 1]), ("test", [-1, -1])):
        rows = {
            "sentence": [f"{split} {i}" for i in range(len(labels))],
            "label": labels,
            "id": list(range(len(labels))),
        }
        (tmp_path / "repo" / "data").mkdir(parents=True, exist_ok=True)
        datasets.Dataset.from_dict(rows, features).to_parquet(tmp_path / "repo" / "data" / f"{split}-0.parquet")
    return str(tmp_path / "repo")


def test_splits_columns_and_class_names_come_over(home, repository):
    splits, names = hub.read(repository, None, None, "label")
    about = data.About(name="shop", text="sentence", label="label", label_names=names)
    dataset = data.add_tables(home, about, splits)
    assert dataset.splits == ["train", "validation", "test"]
    assert dataset.rows("train")[0] == {"sentence": "train 0", "label": "good", "id": 0}
    assert [row["label"] for row in dataset.rows("test")] == [None, None]  # -1: not labelled


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("glue:sst2", ("glue", "sst2", None)),
        ("owner/name", ("owner/name", None, None)),
        ("owner/name:some-config@v1.2", ("owner/name", "some-config", "v1.2")),
        ("owner/name@refs/pr/3", ("owner/name", None, "refs/pr/3")),
    ],
)
def test_ids_with_configuration_and_revision(monkeypatch, source, parts):
    monkeypatch.setattr(hub, "read", lambda repo, config, revision, label: (repo, config, revision))
    assert hub.fetch_dataset(source, None) == parts


@pytest.mark.parametrize("source", ["a/b/c", "own er/name", "../somewhere", ""])
def test_what_is_no_id_is_refused(source):
    with pytest.raises(InputError, match="no Hub id"):
        hub.fetch_dataset(source, None)


def test_an_unreachable_hub_is_told_in_a_sentence():
    with pytest.raises((WorkError, InputError), match="owner/nothing-of-that-name"):
        hub.fetch_dataset("owner/nothing-of-that-name", None)
