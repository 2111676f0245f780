"""Writes all bundled sets: python assets/recipes/make_datasets.py."""

import json
from pathlib import Path

import claims
import instructions
import sentiment
import town_hall

DATASETS = Path(__file__).resolve().parent.parent / "datasets"
MODULES = {"sentiment": sentiment, "town-hall": town_hall, "instructions": instructions, "claims": claims}
SENTIMENT_CARD = """name: sentiment
about: Synthetic remarks about everyday things, each positive or negative, written by assets/recipes/sentiment.py.
text: text
label: label
"""


def as_jsonl(rows: list[dict]) -> str:
    """Return rows as the text of a jsonl file."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main() -> None:
    """Write every split of every set."""
    for name, module in MODULES.items():
        folder = DATASETS / name
        folder.mkdir(parents=True, exist_ok=True)
        for split, rows in module.rows().items():
            (folder / f"{split}.jsonl").write_text(as_jsonl(rows), encoding="utf-8")
            print(f"{name}/{split}: {len(rows)} rows")
    (DATASETS / "sentiment" / "dataset.yaml").write_text(SENTIMENT_CARD, encoding="utf-8")


if __name__ == "__main__":
    main()
