"""Base models by name: the bundled one, a Hub id or a local folder; where their files are and what is refused."""

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2
import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)
from huggingface_hub.file_download import repo_folder_name
from safetensors import SafetensorError, safe_open

from lab import disk, hub_client, hub_ids
from lab.config import BUNDLED_MODEL
from lab.errors import InputError
from lab.home import ASSETS
from lab.memo import Memo, state_of
from lab.model_files import read_json
from lab.tokens import Tokens, beside_tokenizer

OLD_FORM_READS = ["tokenizer_config.json", "special_tokens_map.json"]  # beside a tokenizer.model
BESIDE_TOKENIZER = [*OLD_FORM_READS, "chat_template.jinja"]
TOKENIZER_FILES = ["config.json", "tokenizer.json", *BESIDE_TOKENIZER]
TWICE = ["consolidated*", "*/*"]  # the same weights in other forms
WHOLE_MARK, PIECE, PIECES = 32 << 20, 16 << 10, 64  # bytes, bytes, number: how weights are sampled
_MARKS = Memo(200)  # by the state of the files


@dataclass(frozen=True)
class Base:
    """A base model. `folder` is None while a Hub model is not on this machine."""

    name: str
    revision: str | None
    folder: Path | None
    on_hub: bool = False

    @property
    def pinned(self) -> str:
        """The name by which the very same files are found again: a Hub model with the commit that is on this machine."""
        return f"{self.name.partition('@')[0]}@{self.folder.name}" if self.on_hub and self.folder else self.name

    @property
    def public_name(self) -> str:
        return public_name(self.name)

    def config(self) -> dict:
        """The model's config.json. Raises InputError for one that would run code of its own."""
        content = read_json(self.folder / "config.json")
        if content is None:
            raise InputError(f"{self.name}: there is no config.json in the model's folder.")
        if not isinstance(content, dict):
            raise InputError(f"{self.name}: config.json holds no keys and values.")
        refuse_code(content, f"{self.name}: config.json")
        for name in ("tokenizer_config.json", "generation_config.json"):
            refuse_code(read_json(self.folder / name), f"{self.name}: {name}")
        return content

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the model's tensors by their names, read from the heads of its safetensors files; empty when there are
        none."""
        found = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            try:
                with safe_open(path, framework="numpy") as file:
                    found |= {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no dict
            except (OSError, SafetensorError) as error:
                raise InputError(f"{self.name}: {path.name} cannot be read: {error}") from error
        return found

    def fingerprint(self) -> str:
        """Says whether two folders hold the same model: the commit on the Hub, else a hash of config, tokenizer, weight sizes."""
        if self.on_hub:
            return self.folder.name[:16]
        seen = hashlib.sha256()
        for name in ("config.json", "tokenizer.json"):
            path = self.folder / name
            seen.update(path.read_bytes() if path.is_file() else b"-")
        for path in sorted(self.folder.glob("*.safetensors")):
            seen.update(f"{path.name}:{path.stat().st_size}".encode())
        return seen.hexdigest()[:16]

    def marks(self) -> dict[str, str]:
        """What tells two models of the same shapes apart, by part: hashes of config and tokenizer, of the chat template and the
        special tokens named beside it, and of samples of the weights. Parts that are not on this machine are left out."""
        weights = sorted(self.folder.glob("*.safetensors"))
        tokenizer = self._tokenizer_files()
        files = {"base_config": [self.folder / "config.json"], "base_tokenizer": tokenizer, "base_weights": weights}
        found = {
            field: _MARKS.get(state_of(*paths), partial(_mark, paths))
            for field, paths in files.items()
            if paths and all(path.is_file() for path in paths)
        }
        if tokenizer:  # with which the files beside it have come
            beside = state_of(*(self.folder / name for name in BESIDE_TOKENIZER))
            found |= _MARKS.get(beside, partial(_marks_beside, self.folder))
        return found

    def _tokenizer_files(self) -> list[Path]:
        """Those of which the tokenizer is made, as far as they are here; an old form takes more from beside it."""
        whole, old = self.folder / "tokenizer.json", self.folder / "tokenizer.model"
        if whole.is_file() or not old.is_file():
            return [whole] if whole.is_file() else []
        return [old, *filter(Path.is_file, (self.folder / name for name in OLD_FORM_READS))]


def _mark(paths: list[Path]) -> str:
    """A hash of small files, and of large ones of pieces from all over them: trained anew, weights differ everywhere."""
    seen = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        seen.update(f"{size}:".encode())
        with path.open("rb") as file:
            if size <= WHOLE_MARK:
                seen.update(file.read())
                continue
            for piece in range(PIECES):
                file.seek(piece * (size - PIECE) // (PIECES - 1))
                seen.update(file.read(PIECE))
    return seen.hexdigest()[:16]


def _marks_beside(folder: Path) -> dict[str, str]:
    """Of all that stands beside a tokenizer, hashes of what prompts and answers are made with; also of there being none."""
    template, *special = beside_tokenizer(folder)
    said = {"base_chat_template": template, "base_special_tokens": special}
    return {field: hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16] for field, what in said.items()}


def refuse_code(content, where: str) -> None:
    """Raises InputError when a config has keys by which a model or adapter brings its own code, at any depth."""
    if isinstance(content, dict):
        for key, value in content.items():
            if _brings_code(str(key), value):
                raise InputError(
                    f"{where} has the key {key!r}, by which a model can bring its own code; it is refused."
                )
            refuse_code(value, where)
    elif isinstance(content, list):
        for value in content:
            refuse_code(value, where)


def _brings_code(key: str, value) -> bool:
    if key in ("attn_implementation", "experts_implementation"):  # a name may also be that of a repository with code
        return value not in (None, "eager", "sdpa")
    if key in ("trust_remote_code", "megatron_config", "custom_generate"):  # None and false are the libraries' defaults
        return bool(value)
    return key == "auto_map" or key.startswith(("_attn", "_experts"))


def find(name: str) -> Base:
    """The base model of that name, without any download. Raises InputError when there can be none."""
    if name == BUNDLED_MODEL:
        return Base(name, None, ASSETS / BUNDLED_MODEL)
    folder = Path(name).expanduser()
    if name.strip() and folder.is_dir():
        if not (folder / "config.json").is_file():
            raise InputError(f"The folder {name} holds no model: there is no config.json in it.")
        return Base(str(folder.resolve()), None, folder.resolve())
    repo, at, revision = name.partition("@")
    if not hub_ids.is_repo(repo):
        raise InputError(
            f"There is no base model {name!r}: give {BUNDLED_MODEL} (the bundled one), a Hub id such as owner/name, or a folder."
        )
    hub_ids.need_revision(revision if at else None)
    try:
        cached = huggingface_hub.try_to_load_from_cache(repo, "config.json", revision=revision or None)
    except HFValidationError as error:
        raise InputError(f"{repo} is no Hub id: {str(error).splitlines()[0]}") from error
    except UnicodeDecodeError as error:  # the file that says which commit a revision is
        raise _broken_cache(repo) from error
    folder = _in_cache(repo, Path(cached).parent) if isinstance(cached, str) else None
    return Base(name, revision or None, folder, on_hub=True)


def _in_cache(repo: str, folder: Path) -> Path:
    """A folder that the Hub's library has named. Raises InputError when it is none of those in which it keeps the repository:
    it goes where a file of its cache says."""
    kept = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model") / "snapshots"
    if folder.resolve().parent != kept.resolve():
        raise _broken_cache(repo)
    return folder


def _broken_cache(repo: str) -> InputError:
    return InputError(
        f"What is kept of {repo} on this machine is broken; remove it from the Hub's cache, and fetch it anew."
    )


def public_name(name: str) -> str:
    """A base model's name as it may leave this machine: of a local folder the last part alone."""
    return Path(name).name if Path(name).is_absolute() else name


def fetch(base: Base, patterns: list[str]) -> Base:
    """The base with files matching the patterns on this machine, downloaded when they are not.

    Raises InputError (wrong id, gated) or WorkError (network, the Hub itself) in one sentence.
    """
    if not base.on_hub:
        return base
    repo = base.name.partition("@")[0]
    try:
        with disk.placed(Path(huggingface_hub.constants.HF_HUB_CACHE)):
            folder = huggingface_hub.snapshot_download(
                repo, revision=base.revision, allow_patterns=patterns, ignore_patterns=TWICE
            )
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, httpx2.HTTPError) as error:
        raise hub_client.explained(error, repo, base.revision) from error
    except OSError as error:
        if "Consistency check" not in str(error):  # the disk's troubles are told by others
            raise
        raise hub_client.explained(error, repo, base.revision) from error
    except UnicodeDecodeError as error:
        raise _broken_cache(repo) from error
    return Base(base.name, base.revision, _in_cache(repo, Path(folder)), on_hub=True)


def tokens_at_hand(base: Base) -> Tokens:
    """The base's tokenizer, or the bundled one as a stand-in whose counts are estimates (`exact` is False)."""
    if base.folder is not None and (base.folder / "tokenizer.json").is_file():
        return Tokens.from_folder(base.folder, ours=base.name == BUNDLED_MODEL)
    stand_in = Tokens.from_folder(ASSETS / BUNDLED_MODEL, exact=False)
    return Tokens(stand_in.encoder, None, stand_in.bos, stand_in.eos, exact=False)


def unchecked(base: Base) -> list[str]:
    """What could not be checked because the model is not on this machine."""
    return [
        f"whether {base.name} exists and may be used",
        "its chat template: the task's own format stands in",
        "its tokenizer: all token counts are estimates made with the bundled one",
        "memory: the model's shapes are not known",
    ]


def unknown_room(base: Base, checkpoints: int | None) -> list[str]:
    """What is not known of the disk that a training takes: of the model's download, and of its checkpoints unless they are."""
    found = []
    if base.on_hub and (base.folder is None or not any(base.folder.glob("*.safetensors"))):
        found.append(f"disk: how much the files of {base.public_name} take that are still to be downloaded")
    if checkpoints is None:
        found.append("disk: how much the checkpoints take")
    return found
