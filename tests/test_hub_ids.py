"""Models by their name on the Hub: no name is a path, the cache leads nowhere else, and no file of theirs fills the memory."""

import json
import shutil

import pytest
from attacks import SECRET
from huggingface_hub import constants

from lab import bases, hub, hub_ids, model_files, publish
from lab.errors import InputError
from lab.home import ASSETS
from lab.tokens import Tokens
from lab.ui import access

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REVISIONS = ["main", "v1.2", "refs/pr/3", COMMIT, "feature/a_b-c", "x" * 100]
UP = "../" * 12
NO_REVISIONS = [
    *("", ".", "..", "/", "a/", "/a", "a//b", "a/../b", "a/./b", "a/.b", ".a", "a.", "a..b", f"{UP}etc/hosts"),
    *("refs/../x", "a\\b", "a b", "a\nb", "a\0", "-rf", "x" * 101, "a@b", "%2e%2e", "é", "\uff0e\uff0e", "~", "#"),
]
NO_REPOS = [
    *("", "name", "a/b/c", "../b", "a/..", "a/.", "./b", "a//b", "/a/b", "a/b/", "a..b/c", "a/b..c", "a/.b", "a./b"),
    *("a/-b", "a/b\nc", f"a/{'b' * 97}", f"{'a' * 97}/b", "a\\b/c", "é/b", "~/b", f"{UP}a/b"),
]


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """The folder in which the Hub's library keeps `ada/x`, beside a file that nobody may be told of."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    folder = tmp_path / "cache" / "models--ada--x"
    shutil.copytree(ASSETS / "tiny-llama", folder / "snapshots" / COMMIT)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    (tmp_path / "secret").write_text(SECRET)
    return folder


def test_names_of_the_hub():
    assert all(map(hub_ids.is_revision, REVISIONS)) and not any(map(hub_ids.is_revision, NO_REVISIONS))
    assert all(map(hub_ids.is_repo, ["owner/name", "a/b", "Org-1/Model.v2_x-7B", f"a/{'b' * 96}"]))
    assert not any(map(hub_ids.is_repo, NO_REPOS))


@pytest.mark.parametrize("revision", NO_REVISIONS)
def test_a_revision_is_no_path_wherever_one_is_taken(cached, monkeypatch, revision):
    """It failed for those that name a file: the library opened it and took what it holds for a commit."""
    monkeypatch.setattr(hub, "read", lambda *given: pytest.fail("the Hub's library is asked"))
    monkeypatch.setattr(bases.huggingface_hub, "try_to_load_from_cache", lambda *given, **named: pytest.fail("asked"))
    for take in (bases.find, access.model_id, lambda name: hub.fetch_dataset(name, None)):
        with pytest.raises(InputError, match=r"is no (revision|Hub id|base model)|no base model"):
            take(f"ada/x@{revision}")
    if revision:  # left empty it is the newest
        with pytest.raises(InputError, match="no name of a branch"):
            publish.check_place("ada/x", revision)


@pytest.mark.parametrize("repo", NO_REPOS)
def test_a_repository_is_no_path_wherever_one_is_taken(cached, repo):
    for take in (bases.find, access.model_id, lambda name: publish.check_place(name, None)):
        with pytest.raises(InputError, match=r"no base model|no place on the Hub|no Hub id"):
            take(repo)


def test_what_is_cached_is_found_by_its_revisions(cached):
    for name in ("ada/x", "ada/x@main", f"ada/x@{COMMIT}"):
        assert bases.find(name).folder == cached / "snapshots" / COMMIT
        assert bases.fetch(bases.find(name), ["*.json"]).folder.resolve() == cached / "snapshots" / COMMIT
    assert bases.find("ada/x@v1").folder is None


def test_a_cache_that_leads_out_of_itself_is_refused(cached):
    """It failed without the look at where the folder lies: offline it is what the file of a revision says."""
    (cached.parent.parent / "elsewhere").mkdir()
    (cached.parent.parent / "elsewhere" / "config.json").write_text(SECRET)
    (cached / "refs" / "v1").write_text("../../../elsewhere")
    with pytest.raises(InputError, match="is broken; remove it"):
        bases.fetch(bases.find("ada/x@v1"), ["*.json"])
    (cached / "snapshots" / "v2").symlink_to(cached.parent.parent / "elsewhere")
    with pytest.raises(InputError, match="is broken; remove it"):
        bases.find("ada/x@v2")
    (cached / "refs" / "v3").write_bytes(b"\xff\xfe\0\1")
    for ask in (bases.find, lambda name: bases.fetch(bases.Base(name, "v3", None, on_hub=True), ["*.json"])):
        with pytest.raises(InputError, match="is broken; remove it"):
            ask("ada/x@v3")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "generation_config.json"])
def test_a_model_s_config_is_not_read_when_it_is_too_large(cached, name):
    with (cached / "snapshots" / COMMIT / name).open("wb") as file:
        file.truncate(model_files.MOST + 1)
    with pytest.raises(InputError, match=f"{name} of the model has 16,777,217 bytes; at most 16,777,216 are read"):
        bases.find("ada/x").config()


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("tokenizer.json", model_files.MOST_OF_TOKENIZER),
        *(
            (name, model_files.MOST)
            for name in ("tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")
        ),
    ],
)
def test_a_tokenizer_is_not_read_when_it_is_too_large(cached, name, most):
    with (cached / "snapshots" / COMMIT / name).open("wb") as file:
        file.truncate(most + 1)
    with pytest.raises(InputError, match=f"{name} of the model has"):
        bases.tokens_at_hand(bases.find("ada/x"))


@pytest.mark.parametrize("name", ["tokenizer_config.json", "chat_template.jinja"])
def test_what_is_no_text_is_told_by_its_name(cached, name):
    (cached / "snapshots" / COMMIT / name).write_bytes(b"\xff\xfe\0\1")
    with pytest.raises(InputError, match=f"{name} of the model cannot be read"):
        Tokens.from_folder(cached / "snapshots" / COMMIT)


def test_a_config_that_is_no_mapping_is_refused(cached):
    (cached / "snapshots" / COMMIT / "config.json").write_text(json.dumps([1]))
    with pytest.raises(InputError, match="holds no keys and values"):
        bases.find("ada/x").config()
