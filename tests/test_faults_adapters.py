"""Adapters that do not belong where they are put: refused, and the field that differs is named."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from colours import evaluated, worked
from safetensors.numpy import load_file, save_file

from lab import bases, evaluations, jobs, merging, subjects
from lab.config import Decoding
from lab.errors import InputError
from lab.home import read_json, write, write_json, write_yaml
from lab.runs import Run
from lab.side_by_side import SideBySide
from lab.subjects import ADAPTER_WEIGHTS

pytestmark = pytest.mark.faults


@pytest.fixture
def moved(tiny_run, tiny_model, tmp_path) -> tuple[Run, Path]:
    """A finished run, and the folder of its base, which is its own copy and may be changed."""
    folder = tmp_path / "other" / tiny_model.name
    shutil.copytree(tiny_model, folder)
    config = yaml.safe_load((tiny_run.folder / "config.yaml").read_text())
    write_yaml(tiny_run.folder / "config.yaml", {**config, "base_model": str(folder)})
    return tiny_run, folder


def other_weights(base: Path, run: Run) -> None:
    """The same shapes and sizes, as of a later revision."""
    (path,) = base.glob("*.safetensors")
    tensors = load_file(path)
    save_file({name: value + 0.01 for name, value in tensors.items()}, path, {"format": "pt"})


def other_tokenizer(base: Path, run: Run) -> None:
    path = base / "tokenizer.json"
    content = json.loads(path.read_text())
    content["added_tokens"][-1]["content"] += "x"
    path.write_text(json.dumps(content))


def other_template(base: Path, run: Run) -> None:
    path = base / "tokenizer_config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "chat_template": content["chat_template"].replace("[INST]", "[ASK]")}))


def other_special_tokens(base: Path, run: Run) -> None:
    path = base / "tokenizer_config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "eos_token": content["bos_token"]}))


def other_config(base: Path, run: Run) -> None:
    path = base / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "rms_norm_eps": 0.5}))


def other_quantization(base: Path, run: Run) -> None:
    config = yaml.safe_load((run.folder / "config.yaml").read_text())
    write_yaml(run.folder / "config.yaml", {**config, "quantization": "nf4"})


def other_labels(base: Path, run: Run) -> None:
    content = yaml.safe_load((run.folder / "task.yaml").read_text())
    content["labels"][0]["name"] = "hot"
    write(run.adapter / "task.yaml", yaml.safe_dump(content))


def other_base(base: Path, run: Run) -> None:
    write_json(run.adapter / "lab.json", {**read_json(run.adapter / "lab.json"), "base_model": "someone/else"})


OTHERS = {
    "base_model": other_base,
    "base_weights": other_weights,
    "base_tokenizer": other_tokenizer,
    "base_chat_template": other_template,
    "base_special_tokens": other_special_tokens,
    "base_config": other_config,
    "quantization": other_quantization,
    "labels": other_labels,
}


@pytest.mark.parametrize("field", OTHERS)
def test_an_adapter_on_what_it_was_not_made_for_is_refused_by_the_field_that_differs(moved, home, field):
    """Seen to fail with `Base.marks` empty: weights of another revision in files of the same size went unnoticed, and what
    else differed was told as a fingerprint; with the labels not compared; and with the marks of template and special tokens
    left out, by which the prompt or its end is another one."""
    run, base = moved
    evaluated(home, [run.id])
    OTHERS[field](base, run)
    with pytest.raises(InputError, match=rf"{run.id}: {field} differ"):
        evaluated(home, [run.id])


def test_an_answer_side_by_side_is_held_to_the_same_base(moved, home):
    """Also by what has the base in memory already. Seen to fail with the mark of the template left out."""
    run, base = moved
    desk, named, row = SideBySide(), subjects.resolve(home, [run.id]), run.rows("validation")[0]
    assert [one["subject"] for one in desk.answer(named, run.task, row, Decoding(max_new_tokens=2))] == [run.id]
    other_template(base, run)
    with pytest.raises(InputError, match=rf"{run.id}: base_chat_template differs"):
        desk.answer(named, run.task, row, Decoding(max_new_tokens=2))


def test_a_chat_template_that_is_not_used_may_be_another_one(moved, home):
    """A task with a format of its own writes the turns itself. Seen to fail with the template compared whatever the task."""
    run, base = moved
    for path in (run.task_path, run.adapter / "task.yaml"):
        write_yaml(path, {**yaml.safe_load(path.read_text()), "format": "plain"})
    other_template(base, run)
    (subject,) = subjects.resolve(home, [run.id])
    subjects.check_fit(subject, bases.find(str(base)))
    other_special_tokens(base, run)
    with pytest.raises(InputError, match="base_special_tokens differs"):
        subjects.check_fit(subject, bases.find(str(base)))


def test_a_template_where_there_was_none_is_another_one(moved, home):
    """Without one, a task that takes the model's own format is asked plainly."""
    _, base = moved
    before = bases.find(str(base)).marks()
    (base / "chat_template.jinja").write_text("{{ messages[0].content }}")
    after = bases.find(str(base)).marks()
    assert {field for field in before if before[field] != after[field]} == {"base_chat_template"}
    config = json.loads((base / "tokenizer_config.json").read_text())
    del config["chat_template"]
    (base / "tokenizer_config.json").write_text(json.dumps(config))
    (base / "chat_template.jinja").unlink()
    none = bases.find(str(base)).marks()
    assert len({one["base_chat_template"] for one in (before, after, none)}) == 3


def test_a_tokenizer_in_its_old_form_is_marked_with_what_is_read_beside_it(moved):
    """Seen to fail with the mark made of tokenizer.json alone: two models without one were taken for the same."""
    _, base = moved
    (base / "tokenizer.json").rename(base / "tokenizer.model")
    seen = [bases.find(str(base)).marks()]
    (base / "tokenizer.model").write_bytes(b"other pieces")
    seen.append(bases.find(str(base)).marks())
    (base / "special_tokens_map.json").write_text('{"additional_special_tokens": ["<x>"]}')
    seen.append(bases.find(str(base)).marks())
    assert len({one["base_tokenizer"] for one in seen}) == 3
    assert len({one["base_special_tokens"] for one in seen}) == 1
    (base / "tokenizer.model").unlink()  # as of a model that is here in part, whose template may be still to come
    assert sorted(bases.find(str(base)).marks()) == ["base_config", "base_weights"]


@pytest.mark.parametrize("field", ["base_weights", "base_tokenizer", "base_chat_template"])
def test_a_checkpoint_and_a_run_that_goes_on_are_held_to_the_same_base(moved, home, field):
    """Seen to fail with no `base.json` kept: a checkpoint has no lab.json of its own, and a resumed run asked nobody."""
    run, base = moved
    step = run.checkpoints()[-1]["step"]
    (checkpoint,) = subjects.resolve(home, [f"{run.id}@{step}"])
    found = bases.find(str(base))
    subjects.check_fit(checkpoint, found)
    OTHERS[field](base, run)
    with pytest.raises(InputError, match=rf"{run.id}@{step}: {field} differs"):
        subjects.check_fit(checkpoint, bases.find(str(base)))
    (run.folder / "result.json").unlink()
    with pytest.raises(InputError, match=f"{field} differs"):
        worked(home, run)
    assert run.checkpoints()[-1]["step"] == step


@pytest.mark.parametrize("whole_layers", [True, False], ids=["a layer", "one tensor"])
def test_an_adapter_with_tensors_missing_is_refused(tiny_run, home, whole_layers):
    """Seen to fail with `refuse_incomplete` left out: PEFT makes up what is missing, and the answers were the base's."""
    path = tiny_run.adapter / ADAPTER_WEIGHTS
    tensors = load_file(path)
    lacking = [name for name in tensors if ".layers.0." in name][: None if whole_layers else 1]
    save_file({name: value for name, value in tensors.items() if name not in lacking}, path)
    with pytest.raises(InputError, match=r"tensors are missing in adapter_model\.safetensors: base_model"):
        evaluated(home, [tiny_run.id])
    wanted = merging.Wanted(subject=tiny_run.id, weights=subjects.adapter_hash(tiny_run.adapter), dtype="float32")
    job = merging.create(home, wanted)
    with pytest.raises(InputError, match="tensors are missing"):
        worked(home, job)


def test_an_adapter_of_pickles_or_without_weights_is_none(tiny_run, home):
    """Seen to fail with `weight_files` taking *.bin too."""
    path = tiny_run.adapter / ADAPTER_WEIGHTS
    path.rename(path.with_name("adapter_model.bin"))
    with pytest.raises(InputError, match="has left no adapter yet"):
        evaluated(home, [tiny_run.id])


def test_what_fits_is_evaluated_as_before(moved, home):
    """Older runs, whose lab.json has none of the marks, are taken at their word. Seen to fail with a mark that
    is missing taken for another one."""
    run, base = moved
    about, marks = read_json(run.adapter / "lab.json"), bases.find(str(base)).marks()
    assert len(marks) == 5 and {field: about[field] for field in marks} == marks
    assert {field: run.made_for()[field] for field in marks} == marks
    write_json(run.adapter / "lab.json", {key: value for key, value in about.items() if key not in marks})
    other_template(base, run)
    (subject,) = subjects.resolve(home, [run.id])
    asked = subjects.question(home, subject, None, None, "validation")
    assert evaluations.prepared(subject, asked, Decoding()) is not None
    assert jobs.outcome(run) == "finished"
