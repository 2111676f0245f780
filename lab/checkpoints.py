"""Checkpoints that can be trusted: a manifest of sizes and hashes, written last, makes a folder one."""

import hashlib
import os
import shutil
from pathlib import Path

from lab.home import read_json, sync_folder, write_json


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
    write_json(folder / "manifest.json", {"step": step, "epoch": epoch, "kept": kept, "files": files})


def manifest_of(folder: Path) -> dict | None:
    """A checkpoint's manifest when all its files are there in their sizes, else None."""
    try:
        manifest = read_json(folder / "manifest.json")
        sizes = manifest and {name: (folder / name).stat().st_size for name in manifest["files"]}
    except (OSError, ValueError, KeyError):
        return None
    whole = manifest and all(sizes[name] == entry[0] for name, entry in manifest["files"].items())
    return manifest if whole else None


def verify(folder: Path) -> str | None:
    """The name of the first file of a checkpoint that is not as its manifest says; None when all are."""
    manifest = manifest_of(folder)
    if manifest is None:
        return "manifest.json"
    for name, (_, digest) in manifest["files"].items():
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                return name
    return None


def drop(folder: Path) -> None:
    """Removes a checkpoint, its manifest first, so that half of one is never taken for a whole one."""
    (folder / "manifest.json").unlink(missing_ok=True)
    shutil.rmtree(folder)
