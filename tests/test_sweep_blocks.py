"""Blocks of a grid, points that are left out, and what the runs of a sweep are asked beside what they score themselves."""

import pytest
import swept
from colours import settings, worked
from swept import prepared
from test_grid import parsed, problems

from lab import (
    comparison,
    data,
    grid,
    jobs,
    plan,
    sweep_asked,
    sweep_cells,
    sweep_results,
    sweep_words,
    sweeping,
    sweeps,
)
from lab.config import Config, Decoding, decoding
from lab.errors import InputError
from lab.runs import Run

# -- blocks ----------------------------------------------------------------------------------------------------------------

BLOCKS = """
grid:
  - {train_rows: 100, epochs: [1, 10]}
  - {train_rows: [100, all], epochs: 1}
  - {train_rows: all, max_steps: [7, 70]}
"""


def test_each_block_is_a_product_of_its_own_and_a_point_of_two_blocks_stands_once():
    found = parsed(BLOCKS)
    assert found.keys == ["train_rows", "epochs", "max_steps"]
    assert [tuple(point.values.values()) for point in found.points] == [
        (100, 1, None),
        (100, 10, None),
        ("all", 1, None),
        ("all", None, 7),
        ("all", None, 70),
    ]
    assert found.points[4].config == Config(name="sweep", train_rows="all", max_steps=70)
    assert grid.parse(found.definition).points == found.points
    assert found.over == {"train_rows": [100, "all"], "epochs": [1, 10], "max_steps": [7, 70]}


def test_what_is_wrong_with_a_block_is_said_and_all_blocks_count_towards_the_limit():
    assert problems("grid: [{seed: [1, 1]}, {epochs: []}]")[0] == "grid.seed: 1 stands there twice"
    for nothing in ("[]", "[{}]", "[{seed: 1}, 3]"):
        assert problems(f"grid: {nothing}")[0].startswith("grid: names the keys to sweep")
    many = ", ".join(map(str, range(251)))
    assert "make 502 points" in problems(f"grid: [{{seed: [{many}]}}, {{epochs: [1], seed: [{many}]}}]")[0]


def test_blocks_of_decodings_know_where_tokens_are_drawn():
    found = parsed("subject: base\ngrid: [{top_k: [30, 80]}, {beams: [2, 8]}, {temperature: [0, 1]}]")
    assert {point.settings[0] for point in found.points} == {"mode=sample"}
    assert [point.values["beams"] for point in found.points] == [1, 1, 2, 8, 1, 1]


def test_settings_beside_the_grid_that_change_nothing_are_noted_before_a_start(home):
    def notes(**decoding) -> list[str]:
        wanted = grid.parse({"subject": "base", "rows": 4, "decoding": decoding, "grid": {"beams": [1, 2]}})
        return sweeps.prepare(home, wanted).notes

    (said,) = notes(temperature=0.5)
    assert said.startswith("decoding: temperature changes nothing with mode=greedy")
    assert notes(temperature=0.5, mode="sample") == []


def test_the_decodings_of_a_sweep_are_unfolded_and_checked_with_everything_else():
    found = parsed("grid: {seed: [1, 2]}\ndecodings: [{mode: greedy}, {temperature: [0, 0.8], top_k: 5}]")
    greedy, cold, warm = found.decodings
    assert greedy.values == {"decoding.mode": "greedy", "decoding.temperature": None, "decoding.top_k": None}
    assert warm.settings == ["mode=sample", "temperature=0.8", "top_k=5"]
    assert decoding(cold.settings).identity() == decoding(greedy.settings).identity()
    assert cold.values["decoding.temperature"] == 0
    assert grid.parse(found.definition).decodings == found.decodings
    said = problems("grid: {seed: [1]}\ndecodings: [{beems: 2}, {beams: [0, 1]}]\nscored_on: {splitt: test}\nepochs: 0")
    assert len(said) == 4 and not any("(with )" in line for line in said)


@pytest.mark.parametrize(("settings", "same"), [(["mode=sample", "temperature=0"], True), (["temperature=0"], True)])
def test_a_temperature_of_zero_is_greedy(settings, same):
    assert (decoding(settings).identity() == Decoding().identity()) is same
    assert decoding(settings).is_plain_greedy and not decoding(settings).draws
    assert Decoding(mode="sample", temperature=0.01).draws
    assert not Decoding(mode="labels").is_plain_greedy


def test_a_temperature_of_zero_generates_without_drawing():
    """The library refuses a temperature of 0, so it must never come there."""
    from types import SimpleNamespace

    from lab.generate import _settings

    cold, warm = (
        _settings(SimpleNamespace(pad_id=0), decoding([f"temperature={x}", "mode=sample"]), {1}) for x in (0, 1)
    )
    assert (cold.do_sample, warm.do_sample) == (False, True)
    assert warm.temperature == 1.0


# -- rows ------------------------------------------------------------------------------------------------------------------


def test_points_with_more_rows_than_there_are_are_skipped_and_say_so(home, monkeypatch):
    begun = []
    monkeypatch.setattr(jobs, "start", lambda home, job: begun.append(job.id))
    asked = {"dataset": "town-hall", "task": "town-hall", "validation": 0.2, "max_length": 1024}
    ready = prepared(home, **asked, grid={"train_rows": [50, 90, 91, "all"]})
    foreseen = sweeps.foreseen(home, ready)["runs"]
    assert [one["status"] for one in foreseen] == ["not started", "not started", "skipped", "not started"]
    assert foreseen[2]["why"] == "91 rows are asked for, town-hall has 90 to train."
    sweep = sweeping.start(home, ready)
    assert (begun, [one["id"] for one in sweep.runs]) == (
        ["sweep-1", "sweep-2", "sweep-3"],
        ["sweep-1", "sweep-2", None, "sweep-3"],
    )
    found = sweep_results.look(home, sweeps.load(home, "sweep"))
    assert found["runs"][2]["status"] == "skipped"
    assert f"Skipped: {foreseen[2]['why']}" in found["notes"]
    assert sweep_words.table(found)[1][2][:3] == ["91", "–", "skipped"]
    with pytest.raises(InputError, match="Nothing of the sweep can be trained: 91 rows"):
        prepared(home, **asked, grid={"train_rows": [91, 92]})


@pytest.mark.parametrize(
    ("rows", "said"),
    [({"dataset": "gone"}, "no dataset 'gone'"), ({"split": "test"}, "sentiment has no split 'test'; it has train")],
)
def test_rows_to_be_scored_on_that_are_not_there_are_refused_before_a_start(home, rows, said):
    with pytest.raises(InputError, match=said):
        prepared(home, grid={"seed": [1]}, scored_on=rows)


def test_seeds_share_their_rows_with_a_split_seed_and_not_without(home):
    def rows(**values) -> list:
        planned = plan.make(home, Config(**swept.SMALL, **values))
        return [planned.train, planned.validation]

    first, other, shared = rows(seed=1), rows(seed=2), rows(seed=2, split_seed=1)
    assert first == shared != other
    assert Config(seed=3).rows_seed == 3 and Config(seed=3, split_seed=0).rows_seed == 0
    assert "split_seed" in plan.ROW_KEYS


# -- warm-up and checkpoints -----------------------------------------------------------------------------------------------


def test_the_warm_up_is_a_share_or_a_number_of_steps(home):
    def steps(warmup, **values) -> int:
        return plan.make(home, Config(**swept.SMALL | {"max_steps": 50} | values, warmup=warmup)).warmup_steps

    assert [steps(x) for x in (0, 0.03, 0.5, 1, 3.0)] == [0, 2, 25, 1, 3]
    assert steps(3, max_steps=200) == 3


def test_a_checkpoint_is_what_a_shorter_run_would_have_left(colours, tiny_model):
    """So that the scores at several epochs of one run are those of as many trainings."""
    from safetensors.torch import load_file

    same = {"warmup": 2, "adapter": {"r": 4, "dropout": 0.1}, "batch_size": 8, "learning_rate": 0.01}
    plans = [plan.make(colours, settings(tiny_model, epochs=n, evaluate_at=[2], **same)) for n in (2, 4)]
    short, long = (worked(colours, jobs_run(colours, planned)) for planned in plans)
    step = 2 * plans[0].steps_per_epoch
    left, kept = short.adapter, long.checkpoint(step)
    assert (left / "adapter_model.safetensors").read_bytes() == (kept / "adapter_model.safetensors").read_bytes()
    weights = load_file(left / "adapter_model.safetensors")
    assert all(str(x.dtype) == "torch.float32" for x in weights.values())
    losses = [[x["loss"] for x in run.points() if "loss" in x][:step] for run in (short, long)]
    assert losses[0] == losses[1]
    assert (long.adapter / "adapter_model.safetensors").read_bytes() != (
        kept / "adapter_model.safetensors"
    ).read_bytes()


def jobs_run(home, planned):
    from lab import runs

    return runs.create(home, planned.config, planned.task, planned.train, planned.validation)


# -- epochs, decodings and seeds -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gathered(tmp_path_factory, tiny_model):
    """A sweep of two seeds, scored at two epochs with two decodings; trained and scored in this process."""
    import colours

    from lab.home import Home

    folder = tmp_path_factory.mktemp("gathered")
    home = colours.add_to(Home.at(folder / "home"), folder)
    values = settings(tiny_model, name="stance", batch_size=4, score_train_rows=True).model_dump()
    values |= {"evaluate_at": [1, 2], "split_seed": 42, "validation": 0.25}
    values["decodings"] = [{"mode": "greedy"}, {"temperature": 0.8}]
    wanted = grid.parse({**values, "grid": {"seed": [1, 2]}})
    patch = pytest.MonkeyPatch()
    patch.setattr(jobs, "start", worked)
    sweep = sweeping.start(home, sweeps.prepare(home, wanted))
    patch.undo()
    return home, sweeps.load(home, sweep.name), wanted


def test_every_epoch_is_answered_with_every_decoding_and_seeds_are_gathered(gathered):
    home, sweep, _ = gathered
    found = sweep_results.look(home, sweep)
    assert [(x["values"]["epoch"], x["values"]["decoding.mode"], x["runs"]) for x in found["cells"]] == [
        (1, "greedy", 2),
        (1, "sample", 2),
        (2, "greedy", 2),
        (2, "sample", 2),
    ]
    cell = found["cells"][2]
    runs = [Run(home, name) for name in sweep.own]
    last = [run.points()[-1] for run in runs]
    assert cell["accuracy"] == pytest.approx(sum(x["accuracy"] for x in last) / 2)
    assert cell["train_accuracy"] == pytest.approx(sum(x["train_accuracy"] for x in last) / 2)
    warm = [  # what the runs have not logged: the training rows at the other decoding
        made for ask, made in sweep_results.answered(home, sweep) if ask.on_training and ask.values["epoch"] == 2
    ]
    assert {made.request["decoding"]["mode"] for made in warm} == {"sample"} and len(warm) == 2
    for key in ("accuracy", "macro_f1", "invalid"):
        assert found["cells"][3][f"train_{key}"] == pytest.approx(sum(x.scores[key] for x in warm) / 2)
        assert cell[f"train_{key}"] == pytest.approx(sum(x[f"train_{key}"] for x in last) / 2)
    assert {x["train_n"] for x in found["cells"]} == {18} == {len(made.keys) for made in warm}
    assert not any(x["split"] == "train" for x in found["comparison"])
    assert cell["spread"]["accuracy"]["min"] == min(x["accuracy"] for x in last)
    low, high = cell["accuracy_ci95"]
    assert low <= cell["accuracy"] < high and high - low > 0.3  # that of six rows, however many seeds
    each = [made.scores["f1_ci95"] for ask, made in sweep_results.answered(home, sweep) if ask.last and ask.own]
    assert cell["f1_ci95"] == [pytest.approx(sum(bounds) / 2) for bounds in zip(*each, strict=True)]
    assert cell["n"] == 6
    assert (cell["task"], cell["dataset"]) == ("colours", "colours")
    assert len(found["comparison"]) == 4  # the end of both runs with both decodings
    assert {x["decoding"] for x in found["comparison"]} == {"greedy", "sample"}
    assert found["notes"] == [] and sweep_results.lacking(home, sweep) == []


def test_a_sweep_of_seeds_is_a_table_of_means_with_their_spread(gathered):
    home, sweep, _ = gathered
    found = sweep_results.look(home, sweep)
    heads, rows = sweep_words.cells_table(found)
    assert heads == [
        *("epoch", "mode", "temperature", "runs", "accuracy", "accuracy over the seeds", "macro F1"),
        *("macro F1 over the seeds", "invalid"),
        *("accuracy on training rows", "macro F1 on training rows", "invalid on training rows"),
    ]
    assert len(rows) == 4 and all(len(row) == len(heads) for row in rows)
    for score in ("accuracy", "macro F1"):
        assert " to " in rows[0][heads.index(f"{score} over the seeds")] and "[" in rows[0][heads.index(score)]
    assert all(row[-1].endswith("of 18") or row[-1] == "All 18" for row in rows)
    cells = [{**x, "accuracy": y} for x, y in zip(found["cells"], (0.25, 0.5, 0.0, 0.25), strict=True)]
    said = sweep_words.said({**found, "cells": cells})
    (best,) = [sentence for sentence in said if sentence.startswith("Best accuracy: 0.500")]
    assert best.endswith(
        "on 6 rows at epoch 1, mode sample, temperature 0.8, the mean of 2 seeds."
    )  # not of the last alone
    assert any("best of 4" in sentence for sentence in said)
    on_the_way = sweep_words.said({**found, "cells": cells[:2], "comparison": []})  # no run has finished yet
    assert any(sentence.startswith("Best accuracy: 0.500") for sentence in on_the_way)
    assert not any("Nothing is scored" in sentence for sentence in on_the_way)
    heads, rows = sweep_words.table(found)
    assert heads[:7] == ["seed", "run", "status", "mode", "temperature", "first loss", "last loss"]
    assert len(rows) == 4


def test_the_same_sweep_asks_nothing_again(gathered, monkeypatch):
    home, sweep, wanted = gathered
    monkeypatch.setattr(jobs, "start", lambda home, job: pytest.fail(f"{job.id} was started"))
    again = sweeping.start(home, sweeps.prepare(home, wanted))
    assert (again.name, again.own) == (sweep.name, sweep.own)


def test_answers_that_are_all_invalid_are_said_as_all():
    scores = {"accuracy": 0.0, "accuracy_ci95": [0, 0.1], "macro_f1": 0.0, "f1_ci95": None, "n": 23, "p_value": None}
    member = {"id": "a-1", "status": "finished", "reused": False, "values": {"epochs": 1}}
    found = {"over": ["epochs"], "runs": [{**member, "first_loss": 15.9, "last_loss": 0.001}], "notes": []}
    for invalid, words in ((23, "All 23"), (22, "22 of 23"), (0, "0 of 23")):
        found["comparison"] = [{**scores, "invalid": invalid, "values": {"epochs": 1}}]
        heads, ((*_,),) = sweep_words.table(found)[0], sweep_words.table(found)[1]
        row = dict(zip(heads, sweep_words.table(found)[1][0], strict=True))
        assert (row["invalid"], row["first loss"], row["last loss"]) == (words, "15.9", "0.001")


def test_runs_that_hold_out_nothing_are_scored_on_other_rows(colours, tiny_model, tmp_path, monkeypatch):
    path = tmp_path / "more.jsonl"
    path.write_text('{"text": "very red", "label": "warm"}\n{"text": "very blue", "label": "cold"}\n')
    data.add(
        colours,
        data.About(name="both", text="text", label="label"),
        {"train": tmp_path / "colours.jsonl", "validation": path},
    )
    monkeypatch.setattr(jobs, "start", worked)
    values = settings(tiny_model, name="whole", dataset="both", epochs=1, validation="none").model_dump()
    wanted = grid.parse({**values, "grid": {"learning_rate": [0.01]}, "scored_on": {"dataset": "both"}})
    sweep = sweeping.start(colours, sweeps.prepare(colours, wanted))
    assert Run(colours, sweep.own[0]).count("train") == 24
    found = sweep_results.look(colours, sweep)
    assert [(x["n"], x["split"]) for x in found["comparison"]] == [(2, "validation")]
    alone = comparison.look_up(colours, comparison.Comparison(subjects=[sweep.own[0]]))  # as `compare` asks it
    assert len(alone.questions[0].rows) == 2
    assert sweep_cells.losses(colours, sweep.own[0])["first_loss"] > 0
    assert sweep_asked.all_of(colours, sweep)[0].own is False


def test_what_the_base_says_without_training_stands_beside_its_runs(gathered):
    home, sweep, _ = gathered
    found = sweep_results.look(home, sweep)
    (base,) = found["bases"]
    assert (base["n"], base["quantization"], base["subject"]) == (6, "none", "base")
    assert any(sentence.startswith("Before training, ") for sentence in sweep_words.said(found))
