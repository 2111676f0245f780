"""The part of the Train tab's form in which a key gets several values, so that a sweep is started and not one run."""

import gradio as gr

from lab import config as config_file
from lab import grid, repeats
from lab.config import Config
from lab.errors import InputError
from lab.grid import Grid
from lab.home import Home
from lab.readiness import Line
from lab.sweeps import text
from lab.ui import form, given_yaml

ROWS = 3  # keys that can be swept at once
NONE = ("no key", "")
HEADING = "Several values (a sweep)"


class Several:
    """Keys and their values on the page, and back from there to a sweep."""

    def __init__(self, home: Home):
        """Builds them where the page stands."""
        self.home, self.fields = home, {field.key: field for field in form.fields() if field.key != "name"}
        choices = [NONE, *((field.label, key) for key, field in self.fields.items())]
        self.components = []
        with gr.Accordion(HEADING, open=False) as self.fold:
            gr.Markdown(
                "One run for each value, or each combination of values; then they stand beside each other under Sweeps. "
                "What ran already is not trained again.",
                elem_classes=["quiet"],
            )
            for number in range(1, ROWS + 1):
                with gr.Row():
                    key = gr.Dropdown(choices, value="", label=f"Key {number}", interactive=True, min_width=150)
                    values = gr.Textbox(
                        label=f"Values {number}",
                        placeholder="with commas: 1e-4, 3e-4, 1e-3",
                        max_lines=1,
                        max_length=form.LONGEST,
                        min_width=150,
                    )
                self.components += [key, values]
            self.yaml = gr.Textbox(
                label="The sweep as YAML",
                info="In a file, `python -m lab sweep FILE` does the same.",
                interactive=False,
                lines=3,
                max_lines=14,
                visible=False,
                elem_classes=["code"],
            )

    def read(self, config: Config, *values) -> Grid | None:
        """The sweep that is asked for around a config; None where no key has values. Raises InputError, all in one message."""
        over, problems = {}, []
        for key, written in zip(values[::2], values[1::2], strict=True):
            written = str(written or "").strip()
            if not key and written:
                problems.append(f"several values: choose the key that {written[:40]} is for")
            if not key:
                continue
            if key not in self.fields:
                problems.append("several values: choose the key from the list")
            elif key in over:
                problems.append(f"{key}: it stands there twice")
            elif not written:
                problems.append(f"{key}: write its values, with commas between")
            else:
                try:
                    over[key] = _listed(written)
                except InputError as error:
                    problems.append(f"{key}: {error}")
        if problems:
            raise InputError("\n".join(problems))
        if not over:
            return None
        wanted = config_file.mapping(config_file.brief(config), "The form")
        found = grid.parse({**wanted, "grid": over}, "The form")
        given_yaml.refuse_paths(found)
        return found

    def shown(self, found: Grid | None):
        """The box with the sweep as YAML."""
        return gr.update(value=text(found) if found else "", visible=found is not None)


def _listed(written: str) -> list:
    """Values as YAML, with commas between. Raises InputError, in words without the key."""
    if len(written) > form.LONGEST or "&" in written or "*" in written:  # in YAML these make few letters very many
        raise InputError(f"at most {form.LONGEST} letters, none of them & or *")
    try:
        return config_file.mapping(f"values: [{written}]", "it")["values"]
    except InputError as error:
        raise InputError(f"{written!r} cannot be read as values with commas between") from error


def line(home: Home, found: Grid) -> tuple[Line, int]:
    """What a start comes to, for the card, and how many runs it starts; what ran already by a quick look."""
    old = sum(repeats.likely(home, point.config) is not None for point in found.points)
    count = len(found.points)
    values = ", ".join(f"{len(values)} of {key}" for key, values in found.over.items())
    ran = (
        "none of them ran already" if not old else f"{old} of them ran already or {'is' if old == 1 else 'are'} queued"
    )
    words = f"{_runs(count)} ({values}), {ran}. The other lines are about the first of them."
    return Line("ok", "Sweep", words), count - old


def start_words(new: int) -> str:
    """What the start button says."""
    return f"Start {_runs(new)}" if new else "Show the sweep: all of it ran already"


def _runs(count: int) -> str:
    return f"{count} run{'s' * (count != 1)}"
