"""The part of the Dataset tab that publishes a dataset with its rendered prompts: packed as a zip, or pushed to the Hub."""

from pathlib import Path

import gradio as gr

from lab import data, publication, tasks, temporary
from lab.errors import InputError
from lab.home import Home
from lab.ui import access, by_command, look, zips

OWN_FORMAT = "the task's own format"


def build(home: Home, dataset: gr.Dropdown) -> tuple[list, object]:
    """Returns the fields that are filled when the part is opened, and what fills them."""
    gr.Markdown("### Publish with its prompts", elem_classes=["section"])
    with gr.Row():
        task = gr.Dropdown([], label="Task of the prompts", filterable=False, interactive=True, min_width=180)
        model = gr.Textbox(
            label="Rendered for",
            placeholder=OWN_FORMAT,
            info="empty, or a Hub id: owner/name",
            max_lines=1,
            min_width=180,
        )
        form = gr.Radio(publication.FORMS, value=publication.FORMS[0], label="Files", min_width=160)
    with gr.Row(elem_classes=["at-end"]):
        repo = gr.Textbox(label="Repository on the Hub", placeholder="owner/name", max_lines=1, min_width=180)
        private = gr.Checkbox(True, label="Private", min_width=90)
        push = gr.Button("Push to the Hub", min_width=140)
        pack = gr.Button("Pack as a zip", min_width=120)
    said = gr.Markdown(elem_classes=["said", "line-kept"])
    packed_file = gr.File(label="The dataset as a zip", interactive=False, visible=False)

    @access.handler
    def pack_it(request: gr.Request, name, task, model, form):
        access.may_change(request)
        found, path = packed(home, name, task, model, form)
        return look.plain(in_words(found)), gr.update(value=path, visible=True)

    @access.handler
    def push_it(request: gr.Request, name, task, model, form, repo, private):
        access.may_change(request)
        found = pushed(home, name, task, model, form, repo, bool(private))
        return look.plain(f"{in_words(found)} It is on the Hub: {found['url']}")

    quiet = {"api_visibility": "private", "show_progress": "minimal", "concurrency_limit": 1}
    pack.click(pack_it, [dataset, task, model, form], [said, packed_file], **quiet)
    push.click(push_it, [dataset, task, model, form, repo, private], said, **quiet)

    def fill(name: str) -> tuple:
        names = tasks.listing(home)
        return gr.update(choices=names, value=name if name in names else None), "", gr.update(visible=False)

    return [task, said, packed_file], fill


def in_words(found: dict) -> str:
    rows = ", ".join(f"{split} {about['rows']:,} rows" for split, about in found["splits"].items())
    added = ", ".join(found["added"].values())
    return f"{found['name']} with the prompts of {found['task']}: {rows}; columns added: {added}."


def packed(home: Home, name: str, task: str, model: str | None, form: str) -> tuple[dict, str]:
    """The dataset with its prompts as a zip of the lab's own: what is in it, and its path."""
    options = _checked(home, name, task, model, form)
    with temporary.folder(temporary.PUSH) as folder:
        found = by_command.run(home, ["dataset", "push"], options | {"to": str(folder)}, [name], f"Packing {name}")
        return found, zips.packed(publication.parcel(Path(found.pop("folder"))))


def pushed(home: Home, name: str, task: str, model: str | None, form: str, repo: str, private: bool) -> dict:
    """Pushes the dataset with its prompts to the Hub, by a process of its own."""
    options = _checked(home, name, task, model, form) | {"repo": repo or "", "private": private}
    publication.check_place(repo or "")
    return by_command.run(home, ["dataset", "push"], options, [name], f"Pushing to {repo}")


def _checked(home: Home, name: str, task: str | None, model: str | None, form: str) -> dict[str, str | None]:
    """The options of the command; from the page they are names and Hub ids, never paths."""
    if not task:
        raise InputError("Choose the task that puts the rows into prompts.")
    data.load(home, name)
    tasks.load(home, task)
    if form not in publication.FORMS:
        raise InputError(f"{form!r} is no form of a dataset's files; choose {' or '.join(publication.FORMS)}.")
    return {"task": task, "model": access.model_id(model) if model and model.strip() else None, "format": form}
