"""The part of the Dataset tab that adds a dataset: from files, or from the Hub by a process of its own."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import gradio as gr

from lab import browse, data, preview, tables
from lab.data import About
from lab.errors import InputError, WorkError
from lab.home import Home
from lab.ui import access, by_command, file_head, look

FILES, HUB = "Files", "Hugging Face Hub"
ENDINGS = sorted(tables.ENDINGS)


def build(home: Home, dataset: gr.Dropdown) -> None:
    """`dataset` is the list of datasets, in which a new one is chosen as soon as it is there."""
    with gr.Accordion("Add a dataset", open=False):
        source = gr.Radio([FILES, HUB], value=FILES, label="From", info="Files: csv, tsv, json, jsonl or parquet.")
        with gr.Column() as files, gr.Row():
            file = {"file_types": ENDINGS, "height": 150, "min_width": 200}
            train = gr.File(label="Training rows", **file)
            validation = gr.File(label="Validation rows (optional)", **file)
            test = gr.File(label="Test rows (optional)", **file)
        hub = gr.Textbox(
            label="Hub id", placeholder="owner/name", info="owner/name[:config][@revision]", visible=False, max_lines=1
        )
        with gr.Row():
            name = gr.Textbox(label="Name", placeholder="small letters, digits, - and _", max_lines=1, min_width=200)
            column = {"allow_custom_value": True, "interactive": True, "min_width": 130}
            text = gr.Dropdown([], label="Text", **column)
            label = gr.Dropdown([""], value="", label="Label", **column)
            target = gr.Dropdown([""], value="", label="Answer text", **column)
        label_names = gr.Textbox(
            label="Names of the integer labels 0, 1, …", placeholder="bad, good", max_lines=1, visible=False
        )
        head = gr.HTML(file_head.EMPTY, padding=False)
        add = gr.Button("Add dataset", variant="primary")
        said = gr.Markdown(elem_classes=["said", "line-kept"])

    roles = [text, label, target]
    private = {"api_visibility": "private"}
    quiet = {**private, "show_progress": "hidden"}

    @access.handler
    def switch(kind):
        from_hub = kind == HUB
        waiting = file_head.HUB if from_hub else file_head.EMPTY
        return gr.update(visible=not from_hub), gr.update(visible=from_hub), gr.update(visible=from_hub), waiting

    source.input(switch, source, [files, hub, label_names, head], **quiet)
    train.upload(access.handler(read_columns), train, [name, *roles, label_names, head], **private)
    train.clear(access.handler(lambda: file_head.EMPTY), None, head, **quiet)
    label.input(access.handler(ask_for_names), [train, label], label_names, **quiet)
    gr.on([role.input for role in roles], access.handler(show_head), [train, *roles], head, **quiet)

    @access.handler
    def add_dataset(request: gr.Request, kind, train, validation, test, hub, *fields):
        try:
            access.may_change(request)
            roles = [(value or "").strip() for value in fields]  # name, columns, names of labels
            if kind == HUB:
                yield from waited(f"Fetching {hub} from the Hub", fetch, home, hub or "", *roles)
            else:
                files = {"train": train, "validation": validation, "test": test}
                yield from waited("Reading the files", keep, home, files, *roles)
            added = data.load(home, roles[0])
        except (InputError, WorkError) as error:
            yield gr.skip(), look.plain(in_words_of_the_page(str(error)))
            return
        sizes = ", ".join(f"{split} {browse.size(added, split):,} rows" for split in added.splits)
        yield gr.update(choices=data.listing(home), value=added.name), look.plain(f"Added {added.name}: {sizes}.")

    inputs = [source, train, validation, test, hub, name, *roles, label_names]
    add.click(add_dataset, inputs, [dataset, said], **private, show_progress="minimal", concurrency_limit=1)


def waited(doing: str, work: Callable, *values) -> Iterator[tuple]:
    """Does some work and says every second that it goes on; what the work raises is raised in the end."""
    begun = time.monotonic()
    yield gr.skip(), look.plain(f"{doing} …")
    with ThreadPoolExecutor(1) as worker:
        ends = worker.submit(work, *values)
        while wait([ends], 1).not_done:
            yield gr.skip(), look.plain(f"{doing} … {time.monotonic() - begun:.0f} s so far.")
        ends.result()


def read_columns(file: str | None):
    """Fills the form from an uploaded file: its columns, which of them is probably what, a name; shows its first rows."""
    try:
        if file is None:
            raise InputError("Choose a file first.")
        table = browse.read(Path(file))
    except InputError as error:
        return *(gr.skip() for _ in range(5)), file_head.refusal(str(error))
    names = table.column_names
    roles = preview.guess_columns(table.slice(0, preview.some_rows(len(names))).to_pylist())
    chosen = {role: gr.update(choices=["", *names], value=roles[role] or "") for role in ("label", "target")}
    stem = re.sub(r"[^a-z0-9_-]+", "-", Path(file).stem.lower()).strip("-_")[:64]
    return (
        stem or gr.skip(),
        gr.update(choices=names, value=roles["text"]),
        chosen["label"],
        chosen["target"],
        names_wanted(preview.different(table.column(roles["label"])) if roles["label"] else []),
        show_head(file, roles["text"], roles["label"], roles["target"]),
    )


def show_head(file: str | None, text: str | None, label: str | None, target: str | None) -> str:
    """The first rows of the uploaded file, with what each column is taken for."""
    if not file:
        return gr.skip()
    return file_head.shown(Path(file).name, preview.head_of(Path(file), text, label), text, label, target)


def ask_for_names(file: str | None, label: str | None):
    """Shows the field for names of integer labels when the chosen column holds such labels."""
    if not file or not label:
        return gr.skip()
    table = browse.read(Path(file))
    return names_wanted(preview.different(table.column(label)) if label in table.column_names else [])


def names_wanted(values: list):
    labels = preview.integer_labels(values)
    return gr.update(visible=bool(labels), label=f"Names of the integer labels {', '.join(map(str, labels))}", value="")


def described(name: str, text: str, label: str, target: str, names: str) -> About:
    """The description of a dataset from the form's fields, all of them text, empty where there is none."""
    if not text:
        raise InputError("Choose the column that holds the text.")
    return preview.described(name, text, label or None, names or None, target or None)


def keep(home: Home, files: dict[str, str | None], name, text, label, target, names) -> None:
    """Adds uploaded files as a dataset."""
    if not files["train"]:
        raise InputError("Choose a file with training rows first.")
    about = described(name, text, label, target, names)
    about = about.model_copy(update={"source": Path(files["train"]).name})
    data.add(home, about, {split: Path(path) for split, path in files.items() if path})


def fetch(home: Home, hub: str, name, text, label, target, names) -> None:
    """Adds a dataset of the Hub through the command line, so that the page never loads the library for it."""
    if not hub.strip():
        raise InputError("Write the Hub id of the dataset first: owner/name.")
    described(name, text, label, target, names)
    options = {"text": text, "label": label, "target": target, "label-names": names}
    by_command.run(home, ["dataset", "add"], options, [name, f"hub:{hub.strip()}"], f"Fetching {hub}")


def in_words_of_the_page(message: str) -> str:
    """A message that names the command line's options, with the page's names for them."""
    names = {
        "--label-names": "the names of the labels",
        "--text": "Text",
        "--label": "Label",
        "--target": "Answer text",
    }
    for option, field in names.items():
        message = message.replace(option, field)
    return message[:1].upper() + message[1:]
