"""Subjects by name, what is evaluated or generated from: `RUN`, `RUN@STEP`, `base:MODEL`, `base`; and their rows."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lab import data, lint, splits, tasks
from lab import task as task_file
from lab.bases import Base, public_name
from lab.config import BUNDLED_DATASET, BUNDLED_TASK, Config
from lab.errors import InputError
from lab.home import Home, read_json
from lab.memo import Memo, state_of
from lab.runs import Run
from lab.task import Task

ADAPTER_WEIGHTS = "adapter_model.safetensors"
WHOLE_WEIGHTS = "model*.safetensors"  # one file, or numbered parts
_HASHES = Memo(1000)  # of adapters' weights, by the state of their file


@dataclass(frozen=True)
class Subject:
    """A base model, or what training made of one. `run` is where task and rows come from when none are named.

    `adapter` is the folder of what was trained: an adapter, or with `is_whole` a model of which all weights were.
    """

    name: str
    base: str
    quantization: str
    adapter: Path | None = None
    run: Run | None = None
    is_whole: bool = False

    @property
    def in_memory(self) -> tuple[str, str, Path | None]:
        """What must be in memory for it to answer: base, quantization, and the folder of its own weights if it is whole."""
        return self.base, self.quantization, self.adapter if self.is_whole else None

    @property
    def put_on(self) -> Path | None:
        """The adapter that is put on what is in memory, if one is."""
        return None if self.is_whole else self.adapter

    def adapter_hash(self) -> str | None:
        """A hash of the adapter's weights: an evaluation belongs to weights, whatever their name."""
        return None if self.adapter is None else adapter_hash(self.adapter)


def weight_files(folder: Path) -> list[Path]:
    """The files with the weights in the folder of an adapter or of a whole model; none where it is not there."""
    adapter = folder / ADAPTER_WEIGHTS
    return [adapter] if adapter.is_file() else sorted(folder.glob(WHOLE_WEIGHTS))


def adapter_hash(adapter: Path) -> str:
    """A hash of the weights in the folder of an adapter or of a whole model."""
    files = weight_files(adapter) or [adapter / ADAPTER_WEIGHTS]

    def digest() -> str:
        seen = hashlib.sha256()
        for path in files:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    seen.update(block)
        return seen.hexdigest()[:16]

    return _HASHES.get(state_of(*files), digest)


@dataclass(frozen=True)
class Question:
    """The rows on which a subject is asked, the task that asks, and where they come from."""

    task: Task
    dataset: str
    split: str
    rows: list[dict]


def resolve(home: Home, names: list[str]) -> list[Subject]:
    """The subjects of these names. `base` is the base of the first run named beside it, and alone the bundled one.

    Raises InputError for a run, step or adapter that is not there.
    """
    if not names:
        raise InputError("Name at least one subject: a run id, RUN@STEP, base:MODEL, or base.")
    first_run = next((Run(home, n.partition("@")[0]) for n in names if n != "base" and not n.startswith("base:")), None)
    beside = first_run.config if first_run else Config()
    return [_resolve(home, name, beside, first_run) for name in names]


def _resolve(home: Home, name: str, beside: Config, first_run: Run | None) -> Subject:
    if name == "base":
        return Subject(name, beside.base_model, beside.quantization, run=first_run)
    if name.startswith("base:"):
        return Subject(name, name.removeprefix("base:"), beside.quantization, run=first_run)
    run_id, at, step = name.partition("@")
    run = Run(home, run_id)
    if not at:
        adapter = run.left
        if not weight_files(adapter):
            steps = ", ".join(f"{run_id}@{c['step']}" for c in run.checkpoints())
            hint = f" Its checkpoints: {steps}." if steps else ""
            raise InputError(f"{run_id} has left no {adapter.name} yet (it is {run.status()}).{hint}")
    elif step.isdigit():
        adapter = run.sound_checkpoint(int(step))
    else:
        raise InputError(f"{name}: behind @ stands the step of a checkpoint, a number.")
    _check_made_for(run, adapter)
    return Subject(name, run.config.base_model, run.config.quantization, adapter, run, run.method.is_whole)


def _check_made_for(run: Run, adapter: Path) -> None:
    """An adapter must not be put on another base than its own."""
    made = (read_json(adapter / "lab.json") or {}).get("base_model")
    named = public_name(run.config.base_model)
    if made is not None and made != named:
        raise InputError(
            f"{run.id}: base_model differs: the adapter was made for {made}, the run's config names {named}. "
            f"Use the adapter with its own base."
        )


def check_fit(subject: Subject, base: Base) -> None:
    """Raises InputError, naming the field, when an adapter was made for other files than these of its base, or for other
    labels than those of its run."""
    if subject.adapter is None:
        return
    made = read_json(subject.adapter / "lab.json") or (subject.run.made_for() if subject.run else {})
    refuse_other(subject.name, made, base, subject.quantization, subject.run and subject.run.task)
    own = subject.adapter / "task.yaml"
    if subject.run and own.is_file():
        trained, asked = task_file.load(own).names, subject.run.task.names
        if trained != asked:
            raise InputError(
                f"{subject.name}: labels differ: the adapter was trained on {', '.join(trained) or 'none'}, the task of its "
                f"run has {', '.join(asked) or 'none'}. Use the adapter with its own task."
            )


def refuse_other(name: str, made: dict, base: Base, quantization: str, task: Task | None) -> None:
    """Raises InputError, naming the field, when something was made for another base than this one as its files are now.

    `task` is the one for which it was made: where that has a format of its own, the base's chat template is not used. Fields
    that an older lab has not kept are not compared.
    """
    now = {**base.marks(), "base_fingerprint": base.fingerprint(), "quantization": quantization}
    if task and task.format != "auto":
        now.pop("base_chat_template", None)
    for field, value in now.items():
        if made.get(field) not in (None, value):
            raise InputError(
                f"{name}: {field} differs: the adapter was made for {made[field]}, {base.name} has {value}. "
                f"Use it with the very files that it was trained on."
            )


def question(
    home: Home, subject: Subject, task: Task | None, dataset: str | None, split: str, limit: int | None = None
) -> Question:
    """The rows on which a subject is asked: those named, else the run's own frozen ones, else the bundled ones.

    Raises InputError when there are none with an answer.
    """
    run, the_task = subject.run, task_for(home, subject, task)
    name = dataset_for(home, subject, the_task, dataset)
    if _is_own(home, subject, name, split):
        rows = run.rows(split)
        if not rows:
            raise InputError(
                f"{run.id} held out no validation rows; name others with --dataset, or --split train or test."
            )
    else:
        rows = _from_dataset(data.load(home, name), the_task, split)
    rows = [row for row in rows if the_task.answer(row) is not None]
    if not rows:
        raise InputError(f"No row of {name}/{split} has an answer in the column {the_task.answer_column!r}.")
    lint.refuse_unknown_labels(the_task, name, rows)
    return Question(the_task, name, split, rows[:limit])


def task_for(home: Home, subject: Subject, task: Task | None) -> Task:
    """The task that asks a subject: the one named, else its run's, else the bundled one."""
    return task or (subject.run.task if subject.run else tasks.load(home, BUNDLED_TASK))


def dataset_for(home: Home, subject: Subject, task: Task, dataset: str | None) -> str:
    """The name of the dataset on which a subject is asked: the one named, else its run's, else the bundled one."""
    if dataset or subject.run:
        return dataset or subject.run.config.dataset
    return task.name if task.name in data.listing(home) else BUNDLED_DATASET


def _is_own(home: Home, subject: Subject, dataset: str, split: str) -> bool:
    """Whether these are the frozen rows of the subject's run. A run that held out nothing is asked its dataset's own split."""
    if not subject.run or dataset != subject.run.config.dataset or split not in ("train", "validation"):
        return False
    return subject.run.count(split) > 0 or split not in data.load(home, dataset).splits


def state(home: Home, subject: Subject, task: Task | None, dataset: str | None, split: str) -> tuple:
    """What changes whenever a subject, or what `question` finds for it, does; cheap, for nothing but names is read."""
    the_task = task_for(home, subject, task)
    name = dataset_for(home, subject, the_task, dataset)
    if _is_own(home, subject, name, split):
        rows = [subject.run.rows_file(split)]
    else:
        found = data.load(home, name)
        rows = [*found.files.values(), next(iter(found.files.values())).parent / "dataset.yaml"]
    adapter = [*weight_files(subject.adapter), subject.adapter / "lab.json"] if subject.adapter else []
    return subject.name, subject.base, subject.quantization, the_task.model_dump_json(), state_of(*rows, *adapter)


def _from_dataset(dataset: data.Dataset, task: Task, split: str) -> list[dict]:
    if split in dataset.splits or split not in ("train", "validation"):
        return data.rows_with(dataset, split, [task.text, task.answer_column], task.name)
    frozen = splits.freeze(dataset, task, Config(train_rows="all"))
    return frozen.validation if split == "validation" else frozen.train
