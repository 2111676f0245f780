"""A run on its way to the Hub, for which a server on this machine stands in: what arrives, and every no in one sentence."""

import html
import json
import re
from contextlib import suppress

import httpx2
import huggingface_hub
import pytest
import yaml
from click.testing import CliRunner
from colours import created, worked
from hub_stub import serving
from huggingface_hub import constants

from lab import bases, jobs, publish
from lab.cli import cli
from lab.errors import InputError, WorkError
from lab.home import ASSETS
from lab.ui import run_leaving

TOKEN = "hf_this-is-a-secret-of-the-tests"


@pytest.fixture
def stub(monkeypatch):
    with serving() as found:
        monkeypatch.setattr(constants, "ENDPOINT", found.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(jobs, "start", lambda home, job: done(home, job))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield found


def done(home, job):
    """A job, done in this process, whatever comes of it."""
    with suppress(InputError, WorkError):
        worked(home, job)


@pytest.fixture
def run(colours):
    """A run that has ended, with an adapter."""
    run = created(colours, ASSETS / "tiny-llama")
    run.adapter.mkdir()
    (run.adapter / "adapter_model.safetensors").write_bytes(bytes(range(256)) * 1000)
    (run.adapter / "README.md").write_text("---\nlibrary_name: peft\n---\nfrom path/to/this/folder\n")
    run.end("finished")
    return run


def told(home, *words: str):
    return CliRunner().invoke(cli, ["run", *words, "--home", str(home.path), "--json"])


def test_all_of_it_arrives_and_the_card_names_the_place(colours, run, stub):
    said = told(colours, "push", run.id, "ada/stance", "--private", "--revision", "v1")
    assert said.exit_code == 0, said.stderr
    found = json.loads(said.stdout)
    assert (found["repo"], found["revision"], found["status"]) == ("ada/stance", "v1", "finished")
    assert found["url"].startswith(stub.url)
    arrived = stub.files["ada/stance@v1"]
    assert arrived["adapter_model.safetensors"] == (run.adapter / "adapter_model.safetensors").read_bytes()
    assert arrived["README.md"].decode().endswith("from ada/stance\n")
    assert stub.private == {"ada/stance": True} and f"Bearer {TOKEN}" in stub.tokens
    assert any("/branch/v1" in path for path in stub.asked)
    assert [x["repo"] for x in json.loads(told(colours, "pushes").stdout)] == ["ada/stance"]
    _, _, said, *_ = run_leaving.after(publish.Push(colours, found["id"]))  # as the page says it
    assert "is on the Hub" in html.unescape(said["value"])


REFUSALS = [
    ({"/api/": 401}, "does not know the token", 2),
    ({"/api/": 403}, "may not write to ada/stance", 2),
    ({"/api/": 404}, "no place ada/stance", 2),
    ({"commit": 403}, "may not write to ada/stance", 2),
    ({"commit": 400}, r"refuses ada/stance \(400\): not today", 1),
]


@pytest.mark.parametrize(("refusals", "words", "code"), REFUSALS)
def test_each_no_is_a_sentence_without_the_token(colours, run, stub, refusals, words, code):
    stub.refusals = refusals
    said = told(colours, "push", run.id, "ada/stance")
    assert said.exit_code == code
    sentence = said.stderr.strip().splitlines()[-1]
    assert sentence.startswith("Error: push-1 failed: The") and re.search(words, sentence)
    assert "Traceback" not in said.stderr.splitlines()[-1] and TOKEN not in said.output
    kept = [path for path in colours.path.rglob("*") if path.is_file()]
    assert not [path for path in kept if TOKEN.encode() in path.read_bytes()]


def test_what_everyone_could_read_is_not_taken_for_private(colours, run, stub):
    stub.private["ada/stance"] = False
    said = told(colours, "push", run.id, "ada/stance", "--private")
    assert said.exit_code == 2 and "everyone can read it" in said.stderr and not stub.files


def test_nothing_is_sent_without_a_token_offline_or_to_no_place(colours, run, stub, monkeypatch):
    for repo in ("stance", "../stance", "a/b/c", "ada/--", "/etc/passwd", "ada/stance@v1"):
        said = told(colours, "push", run.id, repo)
        assert said.exit_code == 2 and "no place on the Hub" in said.stderr
    assert told(colours, "push", run.id, "ada/stance", "--revision", "-v").exit_code == 2
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    said = told(colours, "push", run.id, "ada/stance")
    assert said.exit_code == 1 and "HF_HUB_OFFLINE" in said.stderr
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    said = told(colours, "push", run.id, "ada/stance")
    assert said.exit_code == 1 and "cannot be reached" in said.stderr
    monkeypatch.delenv("HF_TOKEN")
    said = told(colours, "push", run.id, "ada/stance")
    assert said.exit_code == 2 and "set HF_TOKEN in the environment" in said.stderr
    assert not stub.asked


def test_a_dataset_may_go_too(colours, run, stub):
    what = publish.Parcel("rows", {}, {"README.md": "---\n{}\n---\n", "train.jsonl": "{}\n"})
    made = publish.send(what, "ada/rows", False, None, "Rows", kind="dataset")
    assert made["repo"] == "ada/rows" and stub.files["ada/rows@main"]["train.jsonl"] == b"{}\n"
    assert yaml.safe_load(stub.files["ada/rows@main"]["README.md"].decode().split("---")[1]) == {}


def test_a_download_that_breaks_off_is_a_sentence(monkeypatch):
    def breaks_off(*_, **__):
        raise httpx2.ReadTimeout("The read operation timed out")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", breaks_off)
    with pytest.raises(WorkError, match="the Hub does not answer"):
        bases.fetch(bases.find("owner/name"), ["config.json"])
