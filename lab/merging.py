"""Merging an adapter into its unquantized base, as a job: what is asked for, what must hold before, and what comes of it."""

import shutil
from math import prod
from pathlib import Path

from safetensors import SafetensorError, safe_open

from lab import bases, card_scores, export, machine, shortage, subjects
from lab.bases import Base
from lab.errors import InputError
from lab.export import Parcel
from lab.home import Home, guard, inside, newest_first, next_id, read_json, write_json
from lab.job import ALIVE, Job
from lab.staging import staged
from lab.task import Strict

WANTED = "merging.json"  # by a name of its own among the jobs that lie in one folder
FLOAT32, OWN = "float32", "own"  # types of the merged weights: `own` is the one in which the base's files hold them


class Wanted(Strict):
    """`weights`: the hash of the adapter; `packed`: as a zip; `kept`: for whoever asks for the same again; `scores`: what
    its card says of them, for one with older scores is not the same."""

    subject: str
    weights: str
    dtype: str | None
    packed: bool = False
    kept: bool = False
    scores: str = ""


class Merging(Job):
    """An adapter on its way into its base. What it makes stands in its folder, and goes with it."""

    kind = "merging"
    ADVICE_ON_MEMORY = shortage.MERGING_ADVICE
    wanted_file, wanted_form = WANTED, Wanted

    def __init__(self, home: Home, job_id: str):
        """Raises InputError when there is no such job."""
        super().__init__(job_id, inside(home.jobs, job_id, f"The {self.kind}"))
        if not self._path(self.wanted_file).is_file():
            raise InputError(f"There is no {self.kind} job {job_id!r}.")

    @property
    def wanted(self) -> Wanted:
        return self.wanted_form.model_validate(read_json(self._path(self.wanted_file)))

    @property
    def model(self) -> Path:
        """The folder of the merged model, once it is whole."""
        return self._path(f"{export.label(self.wanted.subject)}-merged")

    @property
    def made(self) -> Path:
        """What is asked for: the folder, or the zip."""
        return self.model.with_name(f"{self.model.name}.zip") if self.wanted.packed else self.model

    def forget_model(self) -> None:
        """Removes the folder of the merged model, which is somewhere else by now."""
        shutil.rmtree(self.model, ignore_errors=True)

    def parcel(self) -> Parcel:
        """The merged model."""
        files = {path.relative_to(self.model).as_posix(): path for path in self.model.rglob("*") if path.is_file()}
        return Parcel(self.model.name, dict(sorted(files.items())))


def checked(home: Home, name: str) -> Wanted:
    """What merging a run's adapter or one of its checkpoints, by its name, comes to.

    Raises InputError, before anything is loaded, when it cannot be merged.
    """
    run, step = export.found(home, name)
    if run.method.is_whole:
        raise InputError(f"{run.id} was fully fine-tuned: its model is whole already; export it as it is.")
    if not run.method.can_merge:
        raise InputError(f"{run.id} is a {run.method.words}, which cannot be merged into its base; export it as it is.")
    if step is None and run.status() in ALIVE:
        raise InputError(f"{run.id} is {run.status()} and has no adapter to merge; `run show {run.id}` says more.")
    (subject,) = subjects.resolve(home, [name])
    scores = card_scores.digest(export.scores_of(home, name))
    return Wanted(subject=name, weights=subject.adapter_hash(), dtype=dtype_here(), scores=scores)


def dtype_here() -> str:
    """float32 where the lab computes in it, on a processor, so that the answers stay the same; else the base's own type,
    in which large models are kept and served."""
    return FLOAT32 if machine.device().kind == "cpu" else OWN


def room_needed(wanted: Wanted, base: Base) -> int:
    """Bytes that the merged model will take, its zip included; 0 while the base is not on this machine."""
    size = size_of(base, wanted.dtype) if base.folder is not None else 0
    return size * (2 if wanted.packed else 1)


def size_of(base: Base, dtype: str | None) -> int:
    """Bytes of a base's weights in a type, by the heads of its files."""
    if dtype != FLOAT32:
        return sum(path.stat().st_size for path in base.folder.glob(export.MODEL_WEIGHTS))
    total = 0
    for path in base.folder.glob(export.MODEL_WEIGHTS):
        try:
            with safe_open(path, framework="numpy") as file:
                total += sum(4 * prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118 - no dict
        except (OSError, SafetensorError) as error:
            raise InputError(f"{base.public_name}: {path.name} cannot be read: {error}") from error
    return total


def create(home: Home, wanted: Wanted, kind: type[Merging] = Merging) -> Merging:
    """Makes the folder of the job. Raises InputError when there is no room for what it will make."""
    run, _ = export.found(home, wanted.subject)
    if wanted.dtype:
        export.need_room(home.jobs, room_needed(wanted, bases.find(run.config.base_model)))
    with guard(home.jobs):
        job_id = next_id(home.jobs, kind.kind)
        with staged(home.jobs / job_id) as folder:
            write_json(folder / kind.wanted_file, wanted.model_dump())
    return kind(home, job_id)


def listing(home: Home) -> list[str]:
    """The ids of all such jobs, newest first."""
    return newest_first(home.jobs, WANTED)


def same(home: Home, wanted: Wanted) -> Merging | None:
    """A job, at work or finished, that makes just this for whoever asks; None where there is none."""
    for job_id in listing(home):
        job = Merging(home, job_id)
        if job.wanted == wanted and (job.status() in ALIVE or job.made.exists()):
            return job
    return None
