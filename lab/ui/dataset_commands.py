"""The public events about datasets."""

import gradio as gr

from lab import agreement, checks, data, label_merging, preview, publication, tasks
from lab.config import BUNDLED_MODEL, Config
from lab.errors import InputError
from lab.home import Home
from lab.ui import access, dataset_form
from lab.ui import dataset_push as publishing


def dataset_add(
    home: Home,
    request: gr.Request,
    name: str,
    file: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    hub: str | None = None,
    text: str | None = "text",
    label: str | None = None,
    label_names: str | None = None,
    target: str | None = None,
) -> dict:
    """Adds a dataset from uploaded files, or from the Hub: owner/name[:config][@revision]. `text`, `label` and `target`
    name its columns; `label_names` are the names of the integer labels 0, 1, …, with commas between."""
    access.may_change(request)
    about = [text or "text", label or "", target or "", label_names or ""]
    if hub and not (file or validation or test):
        dataset_form.fetch(home, hub, name, *about)
    elif file and not hub:
        dataset_form.keep(home, {"train": file, "validation": validation, "test": test}, name, *about)
    else:
        raise InputError("Give either a file or a Hub id; a Hub dataset brings its own splits.")
    return _described(home, name)


def dataset_list(home: Home) -> list[dict]:
    """All datasets, the user's first: name, rows by split, columns."""
    found = []
    for name in data.listing(home):
        one = data.load(home, name)
        sizes, columns = {x: preview.size(one, x) for x in one.splits}, preview.columns_of(one, one.splits[0])
        found.append({"name": name, "splits": sizes, "columns": columns, "about": one.about.about})
    return found


def dataset_check(
    home: Home, name: str, task: str | None = None, model: str = BUNDLED_MODEL, max_length: int = Config().max_length
) -> list[dict]:
    """What is wrong with the rows: check, ok, message, advice, the first rows by split."""
    if max_length < 1:
        raise InputError("max_length: at least 1.")
    return checks.of(home, data.load(home, name), task or None, access.model_id(model), max_length)


def dataset_show(
    home: Home, name: str, task: str | None = None, model: str = BUNDLED_MODEL, max_length: int = Config().max_length
) -> dict:
    """Rows by split, columns, label balance, duplicates, overlap, token lengths of a task's prompts against a limit."""
    return _described(home, name, task, model, max_length)


def _described(home: Home, name: str, task=None, model: str = BUNDLED_MODEL, limit: int = Config().max_length) -> dict:
    if limit < 1:
        raise InputError("max_length: at least 1.")
    return preview.describe(home, data.load(home, name), task or None, access.model_id(model), limit)


def dataset_merge_labels(
    home: Home,
    request: gr.Request,
    name: str,
    new: str,
    merges: list[str] | None = None,
    task: str | None = None,
    label: str | None = None,
) -> dict:
    """Makes a new dataset of one with labels merged, in all its splits; labels that are not named stay.
    `merges` are texts such as polarized=pro,contra; instead of them the merges of a task can be named."""
    access.may_change(request)
    if bool(merges) == bool(task):
        raise InputError("Give either merges, such as polarized=pro,contra, or a task that has them.")
    if not task:
        return label_merging.merge(home, name, new, label_merging.parse(merges), label or None)
    by = tasks.load(home, task)
    return label_merging.merge(home, name, new, label_merging.of_task(by), label or by.label, by.name)


def dataset_agreement(
    home: Home,
    request: gr.Request,
    first: str,
    second: str,
    on: str | None = None,
    label: str | None = None,
    keep: str | None = None,
) -> dict:
    """How far two annotated versions of the same rows agree: Cohen's kappa with its interval, where they differ.
    With `keep`, the first one's rows on which both agree become a new dataset of that name."""
    if keep:
        access.may_change(request)
    return agreement.measure(home, first, second, on or None, label or None, keep or None)


def dataset_push(
    home: Home,
    request: gr.Request,
    name: str,
    task: str,
    repo: str | None = None,
    private: bool = False,
    model: str | None = None,
    form: str = publication.FORMS[0],
) -> tuple[dict, str | None]:
    """Publishes a dataset with its rendered prompts and a card: pushes it to a repository of the Hub, OWNER/NAME, or
    without one packs it as a zip. Returns what was published, and the zip."""
    access.may_change(
        request
    )  # the rows of a Space are not for every visitor to take away, and the token is the owner's
    if repo:
        return publishing.pushed(home, name, task, model, form, repo, private), None
    return publishing.packed(home, name, task, model, form)


COMMANDS = [dataset_list, dataset_show, dataset_check, dataset_merge_labels, dataset_agreement]
