"""What leaves the lab: what a run has left, with its task, its settings and its card, as a folder or as a zip."""

import json
import shutil
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab import bases, card, card_scores, vllm
from lab.bases import Base
from lab.errors import InputError
from lab.home import Home, read_json
from lab.job import ALIVE
from lab.runs import Run
from lab.staging import half, staged
from lab.subjects import weight_files

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the same adapter gives the same zip
MODEL_WEIGHTS = "*.safetensors"
# Of a base's folder, what a whole model needs beside its config to be used without the base.
TOKENIZER_FILES = [
    *(name for name in bases.TOKENIZER_FILES if name != "config.json"),
    *("tokenizer.model", "added_tokens.json", "vocab.json", "merges.txt"),
]
BLOCK = 1 << 20


@dataclass(frozen=True)
class Parcel:
    """What leaves together: the name of its folder, its files by their path in there, and those that are written anew."""

    name: str
    files: dict[str, Path]
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(path.stat().st_size for path in self.files.values()) + sum(
            len(x.encode()) for x in self.texts.values()
        )

    def text(self, name: str) -> str:
        """One of its files as text; empty where there is none of that name."""
        if name in self.texts:
            return self.texts[name]
        return self.files[name].read_text(encoding="utf-8") if name in self.files else ""

    def serving(self, base: str, place: str) -> vllm.Serving:
        """How vLLM serves it from the folder `place`, with the base, if it needs one, by that name."""
        about, settings = (json.loads(self.text(name) or "{}") for name in ("lab.json", "adapter_config.json"))
        if settings:
            return vllm.adapter(base, about, settings, self.name, place)
        return vllm.model(about, self.name, place)


def parcel(home: Home, name: str) -> Parcel:
    """What a run has left, by its id, or one of its checkpoints, RUN@STEP, as it is; its card with the scores of by now.

    Raises InputError when there is none, or a process is still at work on it.
    """
    what, card_text = as_left(home, name), "README.md"
    if card_text not in what.texts and card_text not in what.files:
        return what
    said = card_scores.renewed(what.text(card_text), scores_of(home, name))
    files = {path: file for path, file in what.files.items() if path != card_text}
    return replace(what, files=files, texts={**what.texts, card_text: said})


def as_left(home: Home, name: str) -> Parcel:
    """As `parcel`, with the scores that its card was written with."""
    run, step = found(home, name)
    if step is not None:
        return _checkpoint(home, run, step)
    left, status = run.left, run.status()
    if status in ALIVE or not weight_files(left):
        raise InputError(f"{run.id} is {status} and has no {left.name} to export; `run show {run.id}` says more.")
    files = {path.relative_to(left).as_posix(): path for path in sorted(left.rglob("*")) if path.is_file()}
    return Parcel(run.id, files)


def scores_of(home: Home, name: str) -> list[dict]:
    """The scores that are kept by now of what leaves by this name, see `card_scores.of`."""
    run, step = found(home, name)
    return card_scores.of(home, run, run.left if step is None else run.checkpoint(step))


def found(home: Home, name: str) -> tuple[Run, int | None]:
    """The run and the step that are meant by `RUN` or `RUN@STEP`. Raises InputError when there is no such run."""
    run_id, at, step = name.partition("@")
    if at and not step.isdigit():
        raise InputError(f"{name}: behind @ stands the step of a checkpoint, a number.")
    return Run(home, run_id), int(step) if at else None


def _checkpoint(home: Home, run: Run, step: int) -> Parcel:
    """A checkpoint without what only training needs, as the run itself would leave it."""
    folder, name = run.sound_checkpoint(step), f"{run.id}@{step}"
    base = at_hand(bases.find(run.config.base_model))
    files, texts, settings = {path.name: path for path in weight_files(folder)}, {}, {}
    if run.method.is_whole:
        files |= {path.name: path for path in [folder / "config.json", *folder.glob("*.safetensors.index.json")]}
        files |= {x: base.folder / x for x in TOKENIZER_FILES if (base.folder / x).is_file()}
    else:
        settings = {**read_json(folder / "adapter_config.json"), "base_model_name_or_path": base.public_name}
        texts["adapter_config.json"] = as_json(settings)
    made = card.of_run(run, base, bases.tokens_at_hand(base), label(name))
    texts |= card.files(made, stops_of(base), settings, [])
    if run.method.is_whole:
        texts["generation_config.json"] = generation_config(base, json.loads(texts["lab.json"]))
    return Parcel(label(name), files, texts)


def label(name: str) -> str:
    """The name of a subject as a folder and a server may have it."""
    return name.replace("@", "-step-")


def at_hand(base: Base) -> Base:
    """The base itself. Raises InputError where its tokenizer, without which there is no exact prompt, is not here."""
    if base.folder is None or not (base.folder / "tokenizer.json").is_file():
        raise InputError(f"{base.public_name} is not on this machine; its card needs its tokenizer.")
    return base


def stops_of(base: Base) -> set[int]:
    """The tokens that end an answer by the base's own files."""
    for name in ("generation_config.json", "config.json"):
        stops = (read_json(base.folder / name) or {}).get("eos_token_id")
        if stops is not None:
            return set(stops) if isinstance(stops, list) else {stops}
    return set()


def generation_config(base: Base, about: dict) -> str:
    """A generation_config.json for a whole model, by which it answers as in the lab: its stop tokens, its decoding."""
    config = {**base.config(), **(read_json(base.folder / "generation_config.json") or {})}
    found = {key: config[key] for key in ("bos_token_id", "pad_token_id") if config.get(key) is not None}
    found.setdefault("pad_token_id", about["stop_tokens"][0])
    return as_json({**found, **card.generation(about)})


def as_json(content) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def about(made: Path) -> dict:
    """The lab.json of what stands in a folder or a zip that was made here."""
    if made.is_dir():
        return read_json(made / "lab.json") or {}
    with zipfile.ZipFile(made) as packed:
        return json.loads(packed.read(f"{made.stem}/lab.json"))


# -- folder and zip ------------------------------------------------------------------------------------------------------


def to_folder(what: Parcel, place: Path) -> Path:
    """Copies a parcel to `place/NAME`, which must not be there yet; returns that folder."""
    target = free(place / what.name)
    need_room(place, what.size)
    with staged(target) as folder:
        for name, path in what.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)
        for name, text in what.texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    return target


def to_zip(what: Parcel, place: Path) -> Path:
    """Writes a parcel as `place/NAME.zip`, in a folder NAME; returns that file."""
    target = free(place / f"{what.name}.zip")
    need_room(place, what.size)
    place.mkdir(parents=True, exist_ok=True)
    with half(target) as folder:
        _pack(what, folder / target.name)
        (folder / target.name).rename(target)
    return target


def _pack(what: Parcel, file: Path) -> None:
    with zipfile.ZipFile(file, "w") as packed:  # weights do not get smaller by packing
        for name in sorted([*what.files, *what.texts]):
            about = zipfile.ZipInfo(f"{what.name}/{name}", EARLIEST)
            with packed.open(about, "w", force_zip64=True) as writing:
                if name in what.texts:
                    writing.write(what.texts[name].encode())
                else:
                    with what.files[name].open("rb") as reading:
                        shutil.copyfileobj(reading, writing, BLOCK)


def moved(made: Path, place: Path) -> Path:
    """Moves a folder or file that the lab has made into `place`, which may be on another disk; returns where it is then."""
    target = free(place / made.name)
    place.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):  # another disk
        return made.rename(target)
    if made.is_dir():
        files = {path.relative_to(made).as_posix(): path for path in made.rglob("*") if path.is_file()}
        return to_folder(Parcel(made.name, files), place)
    need_room(place, made.stat().st_size)
    with half(target) as folder:
        shutil.copyfile(made, folder / target.name).rename(target)
    return target


def free(target: Path) -> Path:
    """The path itself. Raises InputError when something stands there."""
    if target.exists() or target.is_symlink():
        raise InputError(f"{target} is there already; remove it, or name another place.")
    return target


def existing(place: Path) -> Path:
    """The nearest folder above a place, or the place itself, that is there."""
    return next(part for part in (place, *place.parents) if part.exists())


def need_room(place: Path, size: int) -> None:
    """Raises InputError when so many bytes do not fit on the disk of a place, or it cannot be a folder."""
    nearest = existing(place)
    if not nearest.is_dir():
        raise InputError(f"{place} cannot be a folder: {nearest} is a file.")
    room = shutil.disk_usage(nearest).free
    if room < size:
        raise InputError(
            f"{place} has room for {room / 1e9:,.2f} GB, and this takes {size / 1e9:,.2f} GB; free some, or name another place."
        )
