"""The scores in a card that leaves the lab are those that are kept by then, however late they came, and the same everywhere."""

import json
import zipfile
from pathlib import Path

import pytest
from colours import evaluated, trained, worked

from lab import data, export, leaving, merging, publish, scoreboard, tasks
from lab.home import Home
from lab.runs import Run
from lab.task import parse
from lab.wanted_metrics import listed

ECHO = {"name": "echo", "kind": "generate", "text": "text", "target": "target", "prompt": "Say: $text\nSaid:"}
SPLITS = {"train": ["red", "blue", "green"], "test": ["amber", "teal", "navy"]}


def section(card: str) -> str:
    return card.partition("## Scores\n\n")[2].partition("\n\n## ")[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_model) -> tuple[Home, Run]:
    """A run that held out nothing, so that nothing was scored while it trained."""
    folder = tmp_path_factory.mktemp("card")
    home = Home.at(folder / "home")
    for split, words in SPLITS.items():
        rows = [{"text": f"a {word}", "target": f"the {word} thing"} for word in words]
        (folder / f"{split}.json").write_text(json.dumps(rows))
    files = {split: folder / f"{split}.json" for split in SPLITS}
    data.add(home, data.About(name="echo", text="text", target="target"), files)
    tasks.add(home, parse(json.dumps(ECHO)))
    about = {"task": "echo", "dataset": "echo", "validation": "none", "decoding": {"max_new_tokens": 5}}
    return home, trained(home, tiny_model, epochs=1, quantization="nf4", **about)


def test_what_is_scored_after_the_training_leaves_with_the_adapter(made, tmp_path, monkeypatch):
    home, run = made
    (last,) = (c["step"] for c in run.checkpoints())
    before = export.to_folder(export.parcel(home, run.id), tmp_path / "before")
    assert section((before / "README.md").read_text()) == "Not scored on held-out rows."
    older = merging.checked(home, run.id)

    asked = {"split": "test", "metrics": listed("bleu, rouge_l, reference_perplexity")}
    shown = scoreboard.compare(evaluated(home, [run.id], **asked))[0][0]
    folder = export.to_folder(export.parcel(home, run.id), tmp_path)
    card = (folder / "README.md").read_text()
    value, (low, high) = (shown[x]["reference_perplexity"] for x in ("text_metrics", "text_metrics_ci95"))
    assert "On 3 held-out rows of `echo` (test, task `echo`): " in section(card)
    assert f"Perplexity of the references {value:.3f} (95% interval {low:.3f} to {high:.3f})" in section(card)
    assert "BLEU" in section(card) and "smoothing method 1" in section(card)

    with zipfile.ZipFile(export.to_zip(export.parcel(home, run.id), tmp_path)) as packed:
        assert packed.read(f"{run.id}/README.md").decode() == card
    assert section(export.parcel(home, f"{run.id}@{last}").text("README.md")) == section(card)
    monkeypatch.setenv("HF_TOKEN", "hf_a-token")
    sent: list[export.Parcel] = []
    monkeypatch.setattr(publish, "send", lambda what, *_: sent.append(what) or {"url": "https://somewhere"})
    worked(home, merging.create(home, publish.checked(home, run.id, "ada/echo", False, False, None), publish.Push))
    assert sent[0].text("README.md") == card.replace("path/to/this/folder", "ada/echo")

    newer = merging.checked(home, run.id)
    assert newer != older  # so that no merged model with the older card is taken for it
    job = worked(home, merging.create(home, newer))
    merged = section((job.model / "README.md").read_text())
    assert merged.splitlines()[0] == section(card).splitlines()[0] and "on the base in nf4, before" in merged
    leaving.forget(home, job)


def test_of_each_set_of_rows_the_runs_own_decoding_is_told_and_trained_rows_are_none(made):
    home, run = made
    evaluated(home, [run.id], split="test")
    evaluated(home, [run.id], split="test", rows=2, decoding=["mode=sample", "temperature=0.5"])
    evaluated(home, [run.id], split="test", decoding=["repetition_penalty=1.5"])
    evaluated(home, [run.id], split="train")
    told = export.scores_of(home, run.id)
    assert [(x["n"], x["split"], bool(x["otherwise"])) for x in told] == [(3, "test", False), (2, "test", True)]
    assert "temperature 0.5" in section(export.parcel(home, run.id).text("README.md"))


def test_rows_that_were_trained_too_are_counted(made, tmp_path):
    home, run = made
    rows = [*run.rows("train")[:1], {"text": "a lilac", "target": "the lilac thing"}]
    (tmp_path / "mixed.json").write_text(json.dumps(rows))
    about = data.About(name="mixed", text="text", target="target")
    data.add(home, about, {"train": tmp_path / "mixed.json", "test": tmp_path / "mixed.json"})
    evaluated(home, [run.id], dataset="mixed", split="test")
    said = section(export.parcel(home, run.id).text("README.md"))
    assert "On 2 rows of `mixed` (test, task `echo`, 1 of them trained)" in said


def test_a_card_that_somebody_has_written_by_hand_keeps_the_rest(made):
    home, run = made
    card: Path = run.left / "README.md"
    before = card.read_text()
    card.write_text(before.replace("## Training", "A word of mine.\n\n## Training").replace("\n# ", "\nlicence\n# ", 1))
    try:
        said = export.parcel(home, run.id).text("README.md")
    finally:
        card.write_text(before)
    assert "\nlicence\n# " in said and said.count("## Training") == said.count("## Scores") == 1
