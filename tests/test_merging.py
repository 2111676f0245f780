"""The merged export: a model that needs neither peft nor its base, and answers as both together."""

import json
import shutil
import zipfile
from collections import namedtuple
from pathlib import Path

import peft
import plain
import pytest
import tiny
import torch
from click.testing import CliRunner
from colours import add_to, created, trained, worked
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from lab import bases, export, jobs, leaving, merge, merging
from lab.cli import cli
from lab.errors import InputError
from lab.home import ASSETS, Home
from lab.prompt import Renderer
from lab.runs import Run
from lab.subjects import ADAPTER_WEIGHTS
from lab.ui import export_commands

MODEL = ASSETS / "tiny-llama"
ROWS = 50


def shaken(folder) -> None:
    """Gives an adapter weights that change what its base says: fresh ones, and those of a short training, hide errors."""
    weights, chance = load_file(folder / ADAPTER_WEIGHTS), torch.Generator().manual_seed(7)
    for name, value in weights.items():
        weights[name] = value + 0.1 * torch.randn(value.shape, generator=chance)
    save_file(weights, folder / ADAPTER_WEIGHTS, {"format": "pt"})


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Home, Run]:
    """A home with a run of the bundled model whose adapter, and that of its checkpoint, are shaken."""

    folder = tmp_path_factory.mktemp("merging")
    home = add_to(Home.at(folder / "home"), folder)
    run = trained(home, "tiny-llama", epochs=1)
    shaken(run.adapter)
    return home, run


@pytest.fixture(scope="module")
def merged(made):
    """The job that has merged it, done in this process."""
    home, run = made
    return worked(home, merging.create(home, merging.checked(home, run.id)))


def answers(network, tokenizer, prompts: list[str]) -> list[str]:
    tokenizer.padding_side = "left"
    batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False, return_token_type_ids=False)
    with torch.no_grad():
        said = network.generate(**batch, max_new_tokens=12, do_sample=False)
    return tokenizer.batch_decode(said[:, batch["input_ids"].shape[1] :])


def test_it_answers_as_the_unquantized_base_with_its_adapter(made, merged):
    _, run = made
    tokenizer = AutoTokenizer.from_pretrained(merged.model)
    renderer = Renderer(run.task, merging_tokens())
    words = [f"{shade} {word}" for shade in ("a", "the", "dark", "pale", "no") for word in "abcdefghij"]
    prompts = [renderer.prompt_text({"text": text}) for text in words]
    assert len(prompts) == ROWS
    plain = AutoModelForCausalLM.from_pretrained(merged.model)
    assert plain.dtype == torch.float32
    base = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
    alone = answers(base, tokenizer, prompts)
    both = answers(peft.PeftModel.from_pretrained(base, run.adapter), tokenizer, prompts)
    assert answers(plain, tokenizer, prompts) == both
    assert len(set(both)) > 5 and sum(x != y for x, y in zip(alone, both, strict=True)) > ROWS / 2  # it could differ


def merging_tokens():

    return bases.tokens_at_hand(bases.find("tiny-llama"))


def test_all_that_it_needs_stands_beside_it(made, merged):
    home, _ = made
    names = {path.name for path in merged.model.iterdir()}
    assert names == {
        *("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
        *("task.yaml", "lab.json", "README.md"),
    }
    generation = json.loads((merged.model / "generation_config.json").read_text())
    about = export.about(merged.model)
    assert generation["eos_token_id"] == about["stop_tokens"] == [1]
    assert (generation["do_sample"], generation["max_new_tokens"], about["merged"]) == (False, 16, "float32")
    card = (merged.model / "README.md").read_text()
    assert "library_name: transformers" in card and "PeftModel" not in card and "vllm serve path/to/this/folder" in card
    for name in ("config.json", "lab.json", "README.md"):
        text = (merged.model / name).read_text()
        assert str(home.path) not in text and str(ASSETS) not in text  # where it was made is nobody's business


def test_in_the_type_of_the_base_each_weight_is_rounded_once(made, merged, monkeypatch):
    home, run = made
    monkeypatch.setattr(merging, "dtype_here", lambda: merging.OWN)  # as beside a GPU
    job = worked(home, merging.create(home, merging.checked(home, run.id)))
    exact, rounded = (load_file(one.model / "model.safetensors") for one in (merged, job))
    assert export.about(job.model)["merged"] == "float16"
    for name, weights in exact.items():
        assert torch.equal(rounded[name], weights.half()), name
    leaving.forget(home, job)


def test_the_command_leaves_it_in_its_place_and_nothing_elsewhere(made, tmp_path, monkeypatch):
    home, run = made
    monkeypatch.setattr(jobs, "start", worked)  # in this process
    words = [
        "run",
        "export",
        f"{run.id}@3",
        "--to",
        str(tmp_path / "out"),
        "--merge",
        "--zip",
        "--json",
        "--home",
        str(home.path),
    ]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["path"] == str(tmp_path / "out" / f"{run.id}-step-3-merged.zip")
    assert found["serve"].startswith(f"vllm serve {tmp_path}/out/{run.id}-step-3-merged --served-model-name")
    assert [x.name for x in (tmp_path / "out").iterdir()] == [f"{run.id}-step-3-merged.zip"]
    assert not [job for job in merging.listing(home) if merging.Merging(home, job).wanted.packed]
    assert CliRunner().invoke(cli, words).exit_code == 2  # it is there already


def test_whoever_asks_again_gets_what_was_made(made, monkeypatch, tmp_path):
    home, run = made
    monkeypatch.setattr(jobs, "start", worked)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    packed = Path(export_commands.run_export(home, None, run.id, merge=True))
    job = leaving.merge(home, run.id, packed=True, kept=True)
    assert job.made.samefile(packed) and not job.model.exists()
    with zipfile.ZipFile(packed) as found:
        assert f"{run.id}-merged/model.safetensors" in found.namelist()
    monkeypatch.undo()
    assert leaving.merge(home, run.id, packed=True, kept=True).id == job.id  # nothing was started
    leaving.forget(home, job)


def test_a_full_disk_is_told_before_anything_is_made(made, tmp_path, monkeypatch):
    home, run = made
    monkeypatch.setattr(shutil, "disk_usage", lambda place: namedtuple("usage", "free")(1000))
    before = merging.listing(home)
    for make in (
        lambda: leaving.merge(home, run.id, packed=False, kept=False),
        lambda: export.to_zip(export.parcel(home, run.id), tmp_path / "out"),
        lambda: export.to_folder(export.parcel(home, run.id), tmp_path / "out"),
    ):
        with pytest.raises(InputError, match=r"has room for 0\.00 GB"):
            make()
    assert merging.listing(home) == before and not (tmp_path / "out").exists()


def test_what_breaks_off_leaves_nothing(made, monkeypatch):

    home, run = made
    job = merging.create(home, merging.checked(home, run.id))
    monkeypatch.setattr(merge, "_beside", lambda *_: (_ for _ in ()).throw(InputError("No space left on device.")))
    with pytest.raises(InputError, match="No space left"):
        worked(home, job)
    assert not job.model.exists() and not [x for x in job.folder.iterdir() if x.is_dir()]
    leaving.forget(home, job)


def test_what_has_no_adapter_is_not_merged(colours, tiny_model):
    run = created(colours, tiny_model)
    with pytest.raises(InputError, match="no adapter yet"):
        merging.checked(colours, run.id)
    with pytest.raises(InputError, match="There is no run"):
        merging.checked(colours, "base")


@pytest.mark.parametrize(
    ("method", "words"), [("llama-adapter", "LLaMA-Adapter, which cannot be merged"), ("full", "whole already")]
)
def test_what_cannot_be_merged_is_said_with_exit_2(colours, tiny_model, tmp_path, method, words):
    run = created(colours, tiny_model, adapter={"method": method})
    asked = ["run", "export", run.id, "--to", str(tmp_path / "out"), "--merge", "--home", str(colours.path)]
    done = CliRunner().invoke(cli, asked)
    assert done.exit_code == 2 and words in done.stderr and not (tmp_path / "out").exists()


def test_a_model_of_which_all_weights_were_trained_leaves_as_it_is(colours, tiny_model, tmp_path):
    run = trained(colours, tiny_model, adapter={"method": "full"}, epochs=1, validation="none")
    (last,) = (c["step"] for c in run.checkpoints())
    made = [export.to_folder(export.parcel(colours, name), tmp_path) for name in (run.id, f"{run.id}@{last}")]
    for folder in made:
        assert (folder / "model.safetensors").read_bytes() == (run.left / "model.safetensors").read_bytes()
        network, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
        assert tokenizer.eos_token_id in network.generation_config.eos_token_id
        card = (folder / "README.md").read_text()
        assert "library_name: transformers" in card and "peft" not in card
        assert export.about(folder)["stop_tokens"] == network.generation_config.eos_token_id
    asked = ["run", "export", run.id, "--to", str(tmp_path / "out"), "--json", "--home", str(colours.path)]
    found = json.loads(CliRunner().invoke(cli, asked).stdout)
    assert found["serve"] == f"vllm serve {tmp_path}/out/{run.id} --served-model-name {run.id}"


ADALORA = {"method": "adalora", "initial_r": 6, "target_r": 3}


@pytest.mark.parametrize("adapter", [{"r": 4}, {"rslora": True}, {"dora": True}, ADALORA], ids=str)
@pytest.mark.parametrize("quantization", ["nf4", pytest.param("none", marks=pytest.mark.nightly)])
def test_each_kind_that_can_be_merged(colours, tiny_model, adapter, quantization):
    once = {"epochs": None, "max_steps": 1, "validation": "none", "quantization": quantization}
    run = trained(colours, tiny_model, adapter=adapter, **once)
    shaken(run.adapter)
    job = worked(colours, merging.create(colours, merging.checked(colours, run.id)))
    tokens = torch.arange(60).reshape(3, 20) + 300
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    with torch.no_grad():
        alone = base(tokens).logits
        both = peft.PeftModel.from_pretrained(base, run.adapter)(tokens).logits
        plain = AutoModelForCausalLM.from_pretrained(job.model)(tokens).logits
    assert (both - alone).abs().max() > 0.01
    torch.testing.assert_close(plain, both, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("kind", "style"), [("mistral", "mistral"), ("phi", "phi")])
def test_other_architectures(colours, tmp_path, kind, style):
    more = {} if kind == "phi" else {"sliding_window": None, "num_key_value_heads": 2}
    base = tiny.tiny_of(tmp_path / "base", kind, style, **more)
    once = {"epochs": None, "max_steps": 1, "validation": "none", "quantization": "nf4"}
    run = trained(colours, base, adapter={"r": 8, "dropout": 0.0}, **once)
    shaken(run.adapter)
    job = worked(colours, merging.create(colours, merging.checked(colours, run.id)))
    tokenizer, network = AutoTokenizer.from_pretrained(job.model), AutoModelForCausalLM.from_pretrained(job.model)
    adapted = plain.adapted(base, run.adapter)
    renderer = Renderer(run.task, bases.tokens_at_hand(bases.find(str(base))))
    for row in run.rows("train")[:6]:
        asked = tokenizer, renderer.prompt_ids(row), export.about(job.model)["stop_tokens"], 12
        assert plain.said(network, *asked) == plain.said(adapted, *asked)
