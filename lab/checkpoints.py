"""Checkpoints that can be trusted: a manifest of sizes and hashes, written last, makes a folder one."""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

from lab.errors import InputError
from lab.home import read_json, sync_folder, write_json
from lab.memo import Memo, state_of

UNSEALED = {"step", "epoch", "kept", "files"}  # the keys of a manifest that was written before manifests had a seal
# What only a training that goes on reads; it is larger than all else.
FOR_TRAINING = {"optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", "training_args.bin"}
_SOUND = Memo(1000)  # by the state of the files


def seal(folder: Path, step: int, epoch: float, kept: bool) -> None:
    """Writes, last of all, the sizes and hashes of a checkpoint's files; only then is it a checkpoint."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "manifest.json":
            with path.open("rb") as file:
                files[str(path.relative_to(folder))] = [
                    path.stat().st_size,
                    hashlib.file_digest(file, "sha256").hexdigest(),
                ]
                os.fsync(file.fileno())
    sync_folder(folder)
    sync_folder(folder.parent)
    manifest = {"step": step, "epoch": epoch, "kept": kept, "files": files}
    write_json(folder / "manifest.json", {**manifest, "seal": _digest(manifest)})


def _digest(manifest: dict) -> str:
    """Of the manifest's own content, for a bit of that may flip, too."""
    content = {key: value for key, value in manifest.items() if key != "seal"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def is_torn(folder: Path) -> bool:
    """Whether it never became a checkpoint, or is half removed: it has no manifest."""
    return not (folder / "manifest.json").exists()


def manifest_of(folder: Path) -> dict | None:
    """A checkpoint's manifest when it is as it was written and all its files are there in their sizes, else None."""
    manifest = _manifest(folder)
    return manifest if manifest and _of_other_size(folder, manifest) is None else None


def _manifest(folder: Path) -> dict | None:
    try:
        manifest = read_json(folder / "manifest.json")
        known = manifest["seal"] == _digest(manifest) if manifest.keys() != UNSEALED else True
        known = known and all(len(entry) == 2 for entry in manifest["files"].values())
        return manifest if known and folder.name == f"checkpoint-{manifest['step']}" else None
    except (OSError, InputError, AttributeError, KeyError, TypeError):
        return None


def _of_other_size(folder: Path, manifest: dict) -> str | None:
    """The name of the first file that is missing or was cut."""
    for name, (size, _) in manifest["files"].items():
        try:
            if (folder / name).stat().st_size != size:
                return name
        except OSError:
            return name
    return None


def verify(folder: Path) -> str | None:
    """The name of the first file of a checkpoint that is not as it was written; None when all are."""
    manifest = _manifest(folder)
    if manifest is None:
        return "manifest.json"
    return _of_other_size(folder, manifest) or _of_other_content(folder, manifest["files"])


def _of_other_content(folder: Path, files: dict) -> str | None:
    """The name of the first file whose hash is another one."""
    for name, (_, digest) in files.items():
        try:
            with (folder / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    return name
        except OSError:  # a disk may fail where it is read, too
            return name
    return None


def check_use(folder: Path) -> None:
    """Raises InputError, naming the file, when what is loaded or sent of a checkpoint is not as it was written.

    What only training reads is not looked at; nor is again what was found sound and has not changed since.
    """
    manifest = manifest_of(folder)
    used = {name: entry for name, entry in (manifest or {}).get("files", {}).items() if name not in FOR_TRAINING}

    def check() -> bool:
        broken = _of_other_content(folder, used) if manifest else "manifest.json"
        if broken:
            raise InputError(f"{folder.name}: {broken} is not as it was written.")
        return True

    _SOUND.get(state_of(folder / "manifest.json", *(folder / name for name in used)), check)


def drop(folder: Path) -> None:
    """Removes a checkpoint, its manifest first, so that half of one is never taken for a whole one."""
    (folder / "manifest.json").unlink(missing_ok=True)
    if folder.exists():
        with suppress(OSError):  # on a disk that fails it is removed all the more
            sync_folder(folder)
        shutil.rmtree(folder)
