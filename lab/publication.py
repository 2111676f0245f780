"""Datasets that leave the lab: their rows with the rendered prompts and a card, as a folder or on the Hub."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lab import bases, data, dataset_card, publish, tables, temporary
from lab import task as task_file
from lab.config import BUNDLED_MODEL
from lab.data import Dataset
from lab.errors import InputError
from lab.export import Parcel
from lab.home import Home, write, write_lines
from lab.prompt import Renderer
from lab.staging import staged
from lab.task import Task
from lab.tokens import Tokens

FORMS = ("parquet", "jsonl")
ADDED = ("prompt", "completion", "text")


@dataclass(frozen=True)
class Publication:
    """A dataset with the task that puts its rows into prompts. `model` is None for the task's own format."""

    dataset: Dataset
    task: Task
    renderer: Renderer
    model: str | None


def prepare(home: Home, name: str, task: Task, model: str | None = None) -> Publication:
    """Checks that the task fits the dataset, and finds the model's tokenizer, downloaded where it is not at hand.

    Raises InputError or WorkError.
    """
    dataset = data.load(home, name)
    for split in dataset.splits:
        data.rows_with(dataset, split, [task.text], task.name)
    return Publication(dataset, task, Renderer(task, _tokens(model)), bases.public_name(model) if model else None)


def _tokens(model: str | None) -> Tokens:
    """A model's tokenizer with its chat template; for the task's own format the bundled one without its template."""
    base = bases.find(model or BUNDLED_MODEL)
    if base.folder is None or not (base.folder / "tokenizer.json").is_file():
        base = bases.fetch(base, bases.TOKENIZER_FILES)
    found = Tokens.from_folder(base.folder, ours=base.name == BUNDLED_MODEL)
    return found if model else Tokens(found.encoder, None, found.bos, found.eos)


def added_columns(columns: list[str]) -> dict[str, str]:
    """The names of the columns that are added; one whose name is taken is called `rendered_…`."""
    names = {}
    for name in ADDED:
        free = name
        while free in columns:
            free = f"rendered_{free}"
        names[name] = free
    return names


def to_folder(made: Publication, place: Path, form: str = "parquet", repo: str | None = None) -> dict:
    """Writes `place/NAME`, which must not be there yet: `data/SPLIT.parquet` or `.jsonl`, `task.yaml`, the card `README.md`.

    Returns `{name, task, model, format, end, about, columns, added, label_names, splits: {split: {rows, with_answer, labels}},
    fingerprint, notes, folder}`; labels are those of the task, after its merges. Raises InputError.
    """
    if form not in FORMS:
        raise InputError(f"{form!r} is no form of a dataset's files; choose {' or '.join(FORMS)}.")
    target = place / made.dataset.name
    if target.exists():
        raise InputError(f"{target} is there already; remove it, or name another place.")
    found = _about(made)
    files = {split: f"data/{split}.{form}" for split in made.dataset.splits}
    with staged(target) as folder:
        (folder / "data").mkdir()
        for split, path in files.items():
            table, found["splits"][split] = rendered(made, split, found["added"])
            if form == "parquet":
                tables.write(table, folder / path)
            else:
                write_lines(folder / path, table.to_pylist())
        write(folder / "task.yaml", task_file.dump(made.task))
        example = made.renderer.prompt_text({column: f"<{column}>" for column in found["columns"]})
        write(folder / "README.md", dataset_card.write(made.task, found, files, example, repo))
    return found | {"folder": str(target)}


def _about(made: Publication) -> dict:
    columns = list(dict.fromkeys(c for split in made.dataset.splits for c in made.dataset.rows(split)[0]))
    return {
        "name": made.dataset.name,
        "task": made.task.name,
        "model": made.model,
        "format": made.renderer.format,
        "end": made.renderer.completion_text("").strip(),
        "about": made.dataset.about.about,
        "columns": columns,
        "added": added_columns(columns),
        "label_names": made.dataset.about.label_names,
        "splits": {},
        "fingerprint": data.fingerprint_of(made.dataset),
        "notes": made.renderer.notes,
    }


def rendered(made: Publication, split: str, names: dict[str, str]) -> tuple[pa.Table, dict]:
    """A split's own columns, untouched, with the prompts beside them; and its counts. Rows without an answer keep their prompt."""
    rows, render = made.dataset.rows(split), made.renderer
    answers = [made.task.answer(row) for row in rows]
    prompts = [render.prompt_text(row) for row in rows]
    taught = [render.completion_text(answer) if answer else None for answer in answers]
    whole = [prompt + said if said is not None else None for prompt, said in zip(prompts, taught, strict=True)]
    table = tables.read(made.dataset.file(split))
    for key, values in zip(ADDED, (prompts, taught, whole), strict=True):
        table = table.append_column(names[key], pa.array(values, pa.string()))
    labels = Counter(answer for answer in answers if answer) if made.task.kind == "classify" else Counter()
    counts = {"rows": len(rows), "with_answer": sum(map(bool, answers)), "labels": dict(labels.most_common())}
    return table, counts


def parcel(folder: Path) -> Parcel:
    """A folder of `to_folder` as what leaves together."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return Parcel(folder.name, files)


def to_hub(made: Publication, repo: str, private: bool, form: str = "parquet") -> dict:
    """Puts it on the Hub as the dataset OWNER/NAME; as `to_folder`, with `repo, url, private` for the folder.

    Files of an earlier push under other names stay there, but its card names those of this one alone. Raises InputError or
    WorkError, see `publish.send`.
    """
    check_place(repo)
    with temporary.folder(temporary.PUSH) as place:
        found = to_folder(made, place, form, repo)
        message = f"{found['name']} with the prompts of the task {found['task']}"
        sent = publish.send(parcel(Path(found.pop("folder"))), repo, private, None, message, "dataset")
    return found | {"repo": repo, "url": sent["url"], "private": private}


def check_place(repo: str) -> None:
    """Raises InputError, before anything is done, where nothing could be pushed to."""
    publish.check_place(repo, None)
    publish.token()
