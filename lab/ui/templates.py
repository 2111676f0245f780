"""The parts of the Train tab around its form: presets and runs to start from; the config as YAML and as a command."""

import gradio as gr

from lab import config as config_file
from lab import presets, runs
from lab.config import Config
from lab.errors import InputError
from lab.home import Home
from lab.runs import Run
from lab.ui import access, look
from lab.ui.form import Form
from lab.ui.given_yaml import read_yaml

DEFAULTS, PRESET, RUN = "defaults", "preset:", "run:"
MOST_RUNS = 50  # on offer
LONGEST = 20_000  # letters of YAML


def chooser(home: Home) -> gr.Dropdown:
    """What a run can start from."""
    return gr.Dropdown(
        choices_of(home), value=DEFAULTS, label="Start from", info="fills the form", filterable=False, interactive=True
    )


def build(page: gr.Blocks, home: Home, tab: gr.Tab, fields: Form, start_from: gr.Dropdown) -> list:
    """The texts below the form, and what fills it. Returns the boxes for YAML and command; see `written`."""
    with gr.Accordion("As YAML, as a command, as a preset", open=False):
        text = gr.Textbox(
            label="YAML",
            info="Only what is not the default. Edit or paste, then fill the form.",
            lines=5,
            max_lines=24,
            max_length=LONGEST,
            interactive=True,
            elem_classes=["code"],
        )
        with gr.Row():
            fill = gr.Button("Fill the form from this YAML", size="sm", min_width=180)
            upload = gr.UploadButton(
                "Open a YAML file", file_types=[".yaml", ".yml"], type="binary", size="sm", min_width=140
            )
            copy_text = gr.Button("Copy the YAML", size="sm", min_width=120)
        command = gr.Textbox(
            label="Command",
            info="Does the same in a terminal.",
            interactive=False,
            lines=2,
            max_lines=8,
            elem_classes=["code"],
        )
        copy_command = gr.Button("Copy the command", size="sm", min_width=120)
        with gr.Row(elem_classes=["at-end"]):
            name = gr.Textbox(label="Name of a preset", max_lines=1, min_width=130, max_length=64)
            about = gr.Textbox(label="What it is for", max_lines=1, min_width=180, max_length=300)
            save = gr.Button("Save as preset", min_width=120)
        said = gr.Markdown(elem_classes=["said"])
    private = {"api_visibility": "private"}
    quiet = {**private, "show_progress": "hidden"}

    def filled(chosen: Config, words: str) -> list:
        return [*fields.filled(chosen), gr.update(value=look.plain(words), visible=True)]

    def refused(error: InputError) -> list:
        return [*(gr.skip() for _ in fields.components), look.line(str(error))]

    @access.handler
    def take(source):
        try:
            chosen, words = found(home, source)
            return filled(chosen, words)
        except InputError as error:
            return refused(error)

    @access.handler
    def read_text(text):
        try:
            return filled(read(text), "The form is filled.")
        except InputError as error:
            return refused(error)

    @access.handler
    def read_file(content: bytes | None):
        try:
            return filled(read((content or b"").decode("utf-8")), "The form is filled.")
        except UnicodeDecodeError:
            return refused(InputError("The file is not UTF-8 text."))
        except InputError as error:
            return refused(error)

    @access.handler
    def save_preset(request: gr.Request, name, about, *values):
        try:
            access.may_change(request)
            kept = presets.save(home, (name or "").strip(), about or "", fields.read(*values))
        except InputError as error:
            return gr.skip(), look.line(str(error))
        return gr.update(choices=choices_of(home)), look.line(f"Kept as the preset {kept.name}.")

    @access.handler
    def refresh():
        return gr.update(choices=choices_of(home))

    # The boxes' own copy buttons would take the boxes' labels for themselves.
    for button, box in ((copy_text, text), (copy_command, command)):
        button.click(None, box, None, js="text => { navigator.clipboard.writeText(text); }", **quiet)
    outputs = [*fields.components, said]
    gr.on([page.load, tab.select, start_from.focus], refresh, None, start_from, **quiet)
    start_from.input(take, start_from, outputs, **quiet)
    fill.click(read_text, text, outputs, **quiet)
    upload.upload(read_file, upload, outputs, **quiet)
    save.click(save_preset, [name, about, *fields.components], [start_from, said], **private)
    return [text, command]


def written(chosen: Config) -> tuple[str, str]:
    """A config as YAML and as a command."""
    return config_file.brief(chosen), config_file.command(chosen)


def choices_of(home: Home) -> list[tuple[str, str]]:
    """What is shown and what it stands for: the defaults, presets, runs."""
    sweeps = presets.of_sweeps(home)  # which are no config, and stand among the sweeps
    kept = [(f"preset {name}", PRESET + name) for name in presets.listing(home) if name not in sweeps]
    made = [(f"as run {run_id}", RUN + run_id) for run_id in runs.listing(home)[:MOST_RUNS]]
    return [("the defaults", DEFAULTS), *kept, *made]


def found(home: Home, source: str) -> tuple[Config, str]:
    """The config that a choice stands for, and a sentence about it. Raises InputError when there is none."""
    kind, _, name = str(source).partition(":")
    if source == DEFAULTS:
        return Config(), ""
    if f"{kind}:" == PRESET:
        preset = presets.load(home, name)
        return preset.config, preset.about
    if f"{kind}:" == RUN:
        return Run(home, name).config, f"The form is filled as for {name}."
    raise InputError("Choose one of the list.")


def read(text: str | None) -> Config:
    """A config from YAML text. Raises InputError with all that is wrong with it."""
    return config_file.parse(read_yaml(text or "", "the config"))
