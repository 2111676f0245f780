"""Tests of the bundled synthetic sets town-hall, instructions and claims and of the scripts that write them."""

import importlib
import itertools
import json
import random
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

ASSETS = Path(__file__).resolve().parent.parent / "assets"
sys.path.insert(0, str(ASSETS / "recipes"))
MODULES = {name: importlib.import_module(name.replace("-", "_")) for name in ("town-hall", "instructions", "claims")}

COUNTS = {
    "town-hall": {"train": 113},
    "instructions": {"train": 1200, "validation": 150},
    "claims": {"train": 800, "validation": 120},
}
COLUMNS = {
    "town-hall": ["text", "label"],
    "instructions": ["instruction", "input", "output"],
    "claims": ["claim", "evidence", "trace", "label"],
}
HELD_OUT = {"town-hall": "train", "instructions": "validation", "claims": "validation"}
VERDICTS = ["SUPPORTS", "REFUTES", "NOT ENOUGH INFO"]


def load(name: str, split: str) -> list[dict]:
    """Return the rows of a bundled file."""
    path = ASSETS / "datasets" / name / f"{split}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def load_yaml(path: Path) -> dict:
    """Return a yaml file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def words(text: str) -> list[str]:
    """Return the words of a text in small letters."""
    return re.findall(r"\w+", text.lower())


def runs(text: str) -> set[tuple[str, ...]]:
    """Return every run of eight words of a text."""
    found = words(text)
    return {tuple(found[place : place + 8]) for place in range(len(found) - 7)}


# --- all three sets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COUNTS)
def test_files_have_the_expected_rows(name: str) -> None:
    for split, count in COUNTS[name].items():
        rows = load(name, split)
        assert len(rows) == count
        for row in rows:
            assert list(row) == COLUMNS[name]
            assert all(isinstance(value, str) for value in row.values())
            assert all(value.strip() == value for value in row.values())
            assert all(value for column, value in row.items() if column != "input")


@pytest.mark.parametrize("name", COUNTS)
def test_rows_are_written_again_just_the_same(name: str) -> None:
    again = MODULES[name].rows()
    assert list(again) == list(COUNTS[name])
    for split, rows in again.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        assert (ASSETS / "datasets" / name / f"{split}.jsonl").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", COUNTS)
def test_dataset_and_task_name_columns_that_exist(name: str) -> None:
    dataset = load_yaml(ASSETS / "datasets" / name / "dataset.yaml")
    task = load_yaml(ASSETS / "tasks" / f"{name}.yaml")
    assert dataset["name"] == task["name"] == name
    assert "ynthetic" in dataset["about"]
    script = re.search(r"assets/recipes/(\w+)\.py", dataset["about"])
    assert script and script[1] == name.replace("-", "_")
    for column in ("text", "label", "target"):
        assert dataset.get(column) == task.get(column)
        assert task.get(column) in [None, *COLUMNS[name]]
    for column in re.findall(r"\$(\w+)", task["prompt"]):
        assert column in COLUMNS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_practice_shares_no_run_of_words_with_held_out_rows(name: str) -> None:
    held = set().union(*(runs(value) for row in load(name, HELD_OUT[name]) for value in row.values()))
    rng = random.Random(5)
    for _ in range(2000):
        found = MODULES[name].practice(rng)
        text = found if isinstance(found, str) else " ".join(turn["content"] for turn in found)
        assert text.strip()
        assert not runs(text) & held


@pytest.mark.parametrize("name", COUNTS)
def test_practice_chats_are_well_formed_and_repeatable(name: str) -> None:
    first, second = random.Random(9), random.Random(9)
    for _ in range(300):
        found = MODULES[name].practice(first)
        assert found == MODULES[name].practice(second)
        if isinstance(found, list):
            roles = [turn["role"] for turn in found if turn["role"] != "system"]
            assert roles == ["user", "assistant"] * (len(roles) // 2) and roles
            assert [turn["role"] for turn in found].count("system") == int(found[0]["role"] == "system")
            assert all(turn["content"].strip() for turn in found)


# --- town-hall --------------------------------------------------------------------------------------------------


def test_town_hall_labels_and_lengths() -> None:
    rows = load("town-hall", "train")
    names = [label["name"] for label in load_yaml(ASSETS / "tasks" / "town-hall.yaml")["labels"]]
    counts = Counter(row["label"] for row in rows)
    assert set(counts) == set(names) and len(names) == 7
    assert 0.26 < max(counts.values()) / 113 < 0.30
    assert min(counts.values()) >= 6
    assert len({" ".join(words(row["text"])) for row in rows}) == 113
    assert all(15 <= len(row["text"].split()) <= 60 for row in rows)


def test_town_hall_label_names_and_definitions() -> None:
    labels = load_yaml(ASSETS / "tasks" / "town-hall.yaml")["labels"]
    names = [label["name"] for label in labels]
    assert all(name == name.lower() for name in names)
    assert not any(a != b and a.startswith(b) for a in names for b in names)
    assert 330 <= sum(len(label["definition"].split()) for label in labels) <= 420


def test_town_hall_practice_never_answers_with_a_label() -> None:
    names = {label["name"] for label in load_yaml(ASSETS / "tasks" / "town-hall.yaml")["labels"]}
    rng = random.Random(4)
    pages = []
    for _ in range(1000):
        found = MODULES["town-hall"].practice(rng)
        if isinstance(found, list):
            assert found[-1]["content"].lower().strip(" .") not in names
            pages += [len(words(found[0]["content"]))] if found[0]["role"] == "system" else []
    assert len(pages) > 200
    assert min(pages) >= 150 and max(pages) <= 900


# --- instructions -----------------------------------------------------------------------------------------------


def instruction_parts(row: dict) -> tuple[str, str, str]:
    """Return kind, part of the phrasings and what the instruction is about, found from the wording alone."""
    known = [
        (phrasing, kind, part)
        for kind, by_part in MODULES["instructions"].PHRASINGS.items()
        for part in ("train", "held")
        for phrasing in by_part[part]
    ]
    for phrasing, kind, part in sorted(known, key=lambda entry: -len(entry[0])):
        match = re.fullmatch(re.escape(phrasing).replace(r"\{x\}", "(.+)"), row["instruction"])
        if match and bool(row["input"]) != ("{x}" in phrasing):
            return kind, part, row["input"] or match[1]
    raise AssertionError(row)


def right(kind: str, about: str, output: str) -> bool:
    """Return whether the output answers a checkable kind of instruction."""
    asked = about.split()
    if kind == "reverse":
        return output.split() == asked[::-1]
    if kind == "sort":
        return output.split() == sorted(asked)
    if kind == "count":
        return output == str(len(re.findall(r"\S+", about)))
    if kind == "longest":
        return output in asked and all(len(word) < len(output) for word in asked if word != output)
    if kind == "first":
        return about.startswith(output + " ")
    if kind == "contain":
        return about in words(output) and output.endswith(".")
    if kind == "question":
        return output.endswith("?") and words(output)[0] in ("is", "does") and not output.endswith(".?")
    if kind == "polite":
        return output == "Could you please " + about[0].lower() + about[1:-1] + "?"
    if kind == "sum":
        first, sign, second = asked
        return int(output) == int(first) + int(second) * (1 if sign == "+" else -1) and int(output) >= 0
    if kind == "pattern":
        numbers = [int(number) for number in about.split(", ")] + [int(output)]
        return len({after - before for before, after in itertools.pairwise(numbers)}) == 1
    if kind == "past":
        before, after = asked, output.split()
        return len(before) == len(after) and [a == b for a, b in zip(before, after, strict=True)].count(False) == 1
    if kind == "name":
        return len(set(output.split(", "))) == 3
    if kind == "steps":
        return re.findall(r"(\d)\. ", output) == [str(n) for n in range(1, len(re.findall(r"\d\. ", output)) + 1)]
    if kind == "compare":
        return set(re.findall(r"\w+", about.lower())) - {"and"} <= set(words(output))
    if kind == "use":
        return output.lower().startswith(about.lower() + " ") and " used for " in output
    return output != about  # plural, opposite


def test_instruction_outputs_are_right() -> None:
    for split in ("train", "validation"):
        kinds = Counter()
        for row in load("instructions", split):
            kind, _, about = instruction_parts(row)
            assert right(kind, about, row["output"]), row
            kinds[kind] += 1
        assert set(kinds) == set(MODULES["instructions"].MAKERS)


def test_instruction_splits() -> None:
    train, validation = load("instructions", "train"), load("instructions", "validation")
    every = [(row["instruction"], row["input"]) for row in train + validation]
    assert len(set(every)) == len(every)
    parts = Counter(instruction_parts(row)[1] for row in validation)
    assert parts["held"] > 50 and parts["train"] > 20
    assert {instruction_parts(row)[1] for row in train} == {"train"}
    for rows in (train, validation):
        assert 0.35 < sum(not row["input"] for row in rows) / len(rows) < 0.65


# --- claims -----------------------------------------------------------------------------------------------------


def test_claims_labels_are_balanced_and_traces_end_in_them() -> None:
    task = load_yaml(ASSETS / "tasks" / "claims.yaml")
    assert [label["name"] for label in task["labels"]] == VERDICTS
    for split in ("train", "validation"):
        rows = load("claims", split)
        counts = Counter(row["label"] for row in rows)
        assert set(counts) == set(VERDICTS) and max(counts.values()) - min(counts.values()) <= 1
        for row in rows:
            assert row["trace"].endswith(f"Action: Finish[{row['label']}]")
            assert re.findall(task["read"], row["trace"]) == [row["label"]]


def test_claims_traces_quote_the_source() -> None:
    step = r"Thought: .+\nAction: Search\[(.+)\]\nObservation: (.+)\n"
    for split in ("train", "validation"):
        searches = Counter()
        for row in load("claims", split):
            assert re.fullmatch(f"({step}){{1,2}}Thought: .+\nAction: Finish\\[.+\\]", row["trace"]), row
            found = re.findall(step, row["trace"])
            assert " ".join(seen for _, seen in found) == row["evidence"]
            assert found[0][0].lower() in row["claim"].lower()
            assert all(seen.startswith(name) for name, seen in found)
            assert len(re.findall(r"\.(?: |$)", row["evidence"])) <= 3
            searches[len(found)] += 1
        assert set(searches) == {1, 2}


def judged(row: dict) -> str:
    """Return the verdict as worked out again from the claim, the source and the world."""
    module = MODULES["claims"]
    claim, source = row["claim"].lower(), row["evidence"].lower()
    named = [name for name in module.WORLD if re.search(rf"(?<!\w){re.escape(name.lower())}(?!\w)", claim)]
    named = [name for name in named if f"Search[{name}]" in row["trace"]]
    if re.search("older than|began before|longer history|not there yet", claim):
        one, two = sorted(named, key=lambda name: claim.index(name.lower()))
        years = [re.search(rf"{re.escape(name.lower())} was [a-z ]*?(\d{{4}})", source) for name in (one, two)]
        if not all(years):
            return "NOT ENOUGH INFO"
        return "SUPPORTS" if int(years[0][1]) < int(years[1][1]) else "REFUTES"
    values = {
        value: attribute
        for attribute, pool in module.POOLS.items()
        for value in pool
        if re.search(rf"(?<!\w){re.escape(value.lower())}(?!\w)", claim)
    }
    villages = [name for name in module.names("village") if re.search(rf"(?<!\w){name.lower()}(?!\w)", claim)]
    villages = [name for name in villages if name not in named]
    (value, attribute), *more = [*values.items(), *((name, "village") for name in villages)]
    assert not more, row
    if value.endswith("metres"):
        attribute = {"lake": "depth", "bridge": "length", "tower": "height"}[module.WORLD[named[0]]["sort"]]
    known = module.names("village") if attribute == "village" else module.POOLS[attribute]
    told = [other for other in known if re.search(rf" {re.escape(other.lower())}(?!\w)", source)]
    if not told:
        return "NOT ENOUGH INFO"
    return "SUPPORTS" if told == [value] else "REFUTES"


@pytest.mark.parametrize("split", ["train", "validation"])
def test_claims_verdicts_follow_from_the_source(split: str) -> None:
    for row in load("claims", split):
        assert judged(row) == row["label"], row


def test_claims_splits() -> None:
    module = MODULES["claims"]
    train, validation = load("claims", "train"), load("claims", "validation")
    every = [row["claim"] for row in train + validation]
    assert len(set(every)) == len(every)
    for column in ("claim", "evidence", "trace"):
        assert not {row[column] for row in train} & {row[column] for row in validation}
    held = [name.lower() for name, thing in module.WORLD.items() if thing["held"]]
    assert 55 <= len(module.WORLD) <= 70 and len(held) == 12
    trained_on = " ".join(row["claim"] + " " + row["evidence"] for row in train).lower()
    assert not any(name in trained_on for name in held)
    assert sum(any(name in row["claim"].lower() for name in held) for row in validation) > 50
    rng = random.Random(2)
    for _ in range(1000):
        assert not any(name in json.dumps(module.practice(rng)).lower() for name in held)
