"""Before a run starts: what it comes to, what stands in its way, how long it will take; and presets to start from."""

from types import SimpleNamespace

import colours as colours_set
import pyarrow as pa
import pytest

from lab import calibration, data, jobs, machine, plan, presets, readiness
from lab.calibrate import calibrate
from lab.config import Config, changes, command
from lab.data import About
from lab.errors import InputError
from lab.readiness import Line


def line(lines: list[Line], about: str) -> Line:
    return next(line for line in lines if line.about == about)


def test_a_config_that_is_ready_says_what_it_comes_to(home):
    lines = readiness.look(home, Config(epochs=3, evaluate_at=[1, 3], score_train_rows=True))
    assert not [x for x in lines if x.sign == "stop"]
    assert line(lines, "Rows").words == "2,000 rows to train on, 872 held out: 375 steps, 125 an epoch."
    assert "→" in line(lines, "Tokens").words
    assert "and the training rows after epoch 1, 3" in line(lines, "Scores").words
    assert "Not measured yet" in line(lines, "Time").words


def test_what_stands_in_the_way_is_a_line_of_its_own(home):
    assert [x.sign for x in readiness.look(home, Config(dataset="town-hall"))] == ["stop"]
    assert "longer than max_length" in readiness.look(home, Config(task="town-hall", dataset="town-hall"))[0].words
    assert "not reached" in readiness.look(home, Config(max_steps=5, evaluate_at=[3]))[0].words


def test_a_model_that_is_not_here_is_never_downloaded_but_named(home):
    lines = readiness.look(home, Config(base_model="nobody/no-model"))
    assert "downloaded when the run starts" in line(lines, "Model").words
    assert (line(lines, "Tokens").sign, line(lines, "Tokens").words[:9]) == ("look", "Estimated")
    config = Config(base_model="nobody/no-model", adapter={"method": "llama-adapter"})
    assert "Not checked: whether llama-adapter fits" in line(readiness.look(home, config), "Model").words
    with pytest.raises(InputError, match="nothing is downloaded"):
        jobs.calibrate(home, Config(base_model="nobody/no-model"))


def test_nothing_held_out_is_worth_a_look(home):
    lines = readiness.look(home, Config(validation="none"))
    assert [line(lines, about).sign for about in ("Rows", "Scores")] == ["look", "look"]
    lines = readiness.look(home, Config(validation="none", score_train_rows=True, warmup=900))
    assert line(lines, "Scores").words.endswith("on the training rows after epoch 1 alone: nothing is held out.")
    assert "rises over 900 steps" in line(lines, "Settings").words


@pytest.mark.parametrize("validation", [None, 0.25, 5, "none"])
def test_of_many_rows_some_are_looked_at_and_all_are_counted(colours, tiny_model, validation):
    wanted = colours_set.settings(tiny_model, validation=validation)
    whole, part = plan.make(colours, wanted), plan.sampled(colours, wanted, most=12)
    assert (part.train_rows, part.validation_rows) == (whole.train_rows, whole.validation_rows)
    assert len(part.train) < len(whole.train)
    assert part.total_steps == whole.total_steps


def test_a_label_that_stands_in_one_row_alone_is_seen_among_many(colours, tiny_model):
    rows = data.load(colours, "colours").rows("train")
    odd = pa.Table.from_pylist([*rows, {**rows[0], "label": "wram"}])
    data.add_tables(colours, About(name="odd", text="text", label="label"), {"train": odd})
    with pytest.raises(InputError, match="nearest is 'warm'"):
        plan.sampled(colours, colours_set.settings(tiny_model, dataset="odd"), most=10)


def test_full_fine_tuning_says_what_it_takes_of_the_memory_and_the_disk(home, monkeypatch):
    config = Config(quantization="none", adapter={"method": "full"})
    assert not [x for x in readiness.look(home, config) if x.about == "Disk"]  # next to nothing
    monkeypatch.setattr(machine, "device", lambda: machine.Device("cpu", "CPU", 1 << 26))
    monkeypatch.setattr(readiness.shutil, "disk_usage", lambda place: SimpleNamespace(free=1 << 20))
    lines = readiness.look(home, config)
    assert "lora takes less" in line(lines, "Memory").words
    assert line(lines, "Disk").sign == "look"
    assert "1 MB free" in line(lines, "Disk").words


# -- time ----------------------------------------------------------------------------------------------------------------


def test_a_few_steps_tell_how_long_a_run_will_take(colours, tiny_model):
    wanted = colours_set.settings(tiny_model)
    planned = plan.make(colours, wanted)
    assert calibration.known(colours, planned) is None
    job = calibration.create(colours, planned)
    assert calibrate(colours, job) == "finished"
    longer = plan.make(colours, wanted.model_copy(update={"epochs": 20, "learning_rate": 1e-3}))
    assert calibration.known(colours, longer).id == job.id  # what differs has no part in a step's time
    assert calibration.known(colours, plan.make(colours, wanted.model_copy(update={"batch_size": 4}))) is None
    measured = job.measured()
    assert measured["step_seconds"] > 0
    once, ten = (calibration.seconds(p, measured) for p in (planned, longer))
    assert ten["training"] == pytest.approx(10 * once["training"])
    assert once["total"] == pytest.approx(measured["loading_seconds"] + once["training"] + once["scoring"])
    assert "Measured on this machine" in line(readiness.look(colours, wanted), "Time").words


def test_what_the_machine_has_is_known_without_torch():
    found = machine.device()
    assert found.kind in ("cpu", "cuda")
    assert found.memory_bytes > 2**28


# -- presets -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(p.stem for p in presets.BUNDLED.iterdir() if "sweep:" not in p.read_text()))
def test_every_bundled_preset_is_ready_to_start(home, name):
    preset = presets.load(home, name)
    assert preset.about
    assert not [x for x in readiness.look(home, preset.config) if x.sign == "stop"]


def test_a_preset_is_kept_changed_and_deleted_and_bundled_ones_stay(home):
    presets.save(home, "mine", "for me", Config(epochs=3))
    presets.save(home, "mine", "for me", Config(epochs=4))
    assert (presets.load(home, "mine").config, presets.listing(home)[0]) == (Config(epochs=4), "mine")
    presets.delete(home, "mine")
    for wrong in ("mine", "../mine", "quick-look"):
        with pytest.raises(InputError):
            presets.delete(home, wrong)
    with pytest.raises(InputError, match="bundled"):
        presets.save(home, "codebook", "", Config())


def test_only_what_is_not_the_default_is_a_change():
    chosen = Config(max_steps=5, adapter={"r": 4})
    assert changes(chosen) == {"adapter.r": 4, "max_steps": 5}
    assert command(Config()) == "python -m lab train"
    assert command(chosen) == "python -m lab train --set adapter.r=4 --set max_steps=5"
