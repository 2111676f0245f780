"""The form of a run's config: fields, defaults and texts come from `config`, and what is entered becomes a Config again."""

import types
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

import gradio as gr

from lab import bases, config, data, methods, tasks
from lab.config import Config, Decoding
from lab.errors import InputError
from lab.home import Home
from lab.task import Strict
from lab.ui import access

BASIC = [  # what stands first, side by side
    ["name"],
    ["task", "dataset"],
    ["base_model"],
    ["train_rows", "batch_size"],
    ["epochs", "max_steps", "learning_rate"],
]
HEADINGS = {  # the key with which a part begins
    "quantization": "Base model",
    "adapter": "Adapter",
    "accumulate": "Training",
    "validation": "Validation, scores, checkpoints",
    "decoding": "Decoding",
    "shared_prefix": "Engine",
}
HERE = {  # what the page takes is less than what the command line takes: no paths
    "task": "what the model must do",
    "dataset": "what it learns from",
    "base_model": "the bundled model, or a Hub id: owner/name[@revision]",
}
METHOD = "adapter.method"
ALL_SETTINGS = "All settings"
LONGEST = 300  # letters of a field
FEW = 3  # choices that are shown all at once


@dataclass(frozen=True)
class Field:
    """One key of the config, with what `config` says of it."""

    key: str  # dotted
    kinds: tuple  # the types that it takes
    default: Any
    about: str

    @property
    def label(self) -> str:
        return self.key.replace(".", " ").replace("_", " ").capitalize()

    @property
    def choices(self) -> list[str]:
        return [choice for kind in self.kinds if get_origin(kind) is Literal for choice in get_args(kind)]

    @property
    def takes_list(self) -> bool:
        return any(get_origin(kind) is list for kind in self.kinds)

    @property
    def is_number(self) -> bool:
        """Whether a field for numbers fits: it shows a missing one as 0, and nobody wants to count up to 2e-4."""
        only = set(self.kinds) - {types.NoneType} in ({int}, {float})
        return only and self.default is not None and not 0 < self.default < 1e-3


def fields() -> list[Field]:
    """All keys of the config, nested ones dotted, in its order."""

    def walk(model: type[Strict], before: str = "") -> list[Field]:
        found = []
        for name, about in model.model_fields.items():
            if isinstance(about.default, Strict):
                found += walk(type(about.default), f"{before}{name}.")
            else:
                found.append(Field(before + name, _kinds(about.annotation), about.default, about.description or ""))
        return found

    return walk(Config)


def _kinds(annotation) -> tuple:
    """The types of which an annotation allows one, without their bounds."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(kind for part in get_args(annotation) for kind in _kinds(part))
    return _kinds(annotation.__origin__) if hasattr(annotation, "__metadata__") else (annotation,)


class Form:
    """The fields on the page, and back from there to a Config."""

    def __init__(self, home: Home):
        """Builds them where the page stands."""
        self.home, self.fields = home, fields()
        by_key = {field.key: field for field in self.fields}
        widgets = {}
        for keys in BASIC:
            with gr.Row():
                widgets |= {key: component(by_key.pop(key), 110, self._choices(key)) for key in keys}
        with gr.Accordion(ALL_SETTINGS, open=False) as self.rest:
            for heading, part in parts(by_key).items():
                gr.Markdown(f"### {heading}", elem_classes=["section"])
                with gr.Row():
                    widgets |= {key: component(by_key[key], 170) for key in part}
        self._show_keys_of(widgets)
        self.components = [widgets[field.key] for field in self.fields]
        self.named = [widgets["task"], widgets["dataset"]]
        self._folded = set(by_key)

    def _show_keys_of(self, widgets: dict) -> None:
        """Lets the adapter's fields come and go with its method."""
        method = widgets[METHOD]
        own = {key: part for key, part in widgets.items() if key.startswith("adapter.") and key != METHOD}
        for key, part in own.items():
            part.visible = _belongs(key, method.value)
        method.change(
            lambda chosen: [gr.update(visible=_belongs(key, chosen)) for key in own],
            method,
            list(own.values()),
            api_visibility="private",
            show_progress="hidden",
        )

    def _choices(self, key: str) -> list[str] | None:
        listings = {"task": tasks.listing, "dataset": data.listing, "base_model": lambda home: [config.BUNDLED_MODEL]}
        return listings[key](self.home) if key in listings else None

    def refreshed(self) -> list:
        """The choices as they are on the disk now, for `self.named`."""
        return [gr.update(choices=self._choices(key)) for key in ("task", "dataset")]

    def filled(self, chosen: Config) -> list:
        """The values of `self.components` for a config. Raises InputError for a task or a dataset that is not here."""
        given, values = config.changes(chosen), []
        for field in self.fields:
            value, choices = given.get(field.key, field.default), self._choices(field.key)
            if field.key == "base_model":
                value = bases.public_name(value)
            elif choices is not None and value not in choices:
                raise InputError(f"There is no {field.key} {value!r} here any more.")
            values.append(_written(value) if widget(field) == "text" else value)
        return values

    def folded(self, *values) -> str:
        """The heading of the settings that are folded away, with the number of those that are not the default."""
        changed, method = 0, self._method(values)
        for field, value in zip(self.fields, values, strict=True):
            if field.key in self._folded and _belongs(field.key, method):
                try:
                    changed += self._value(field, value) != field.default
                except InputError:
                    changed += 1
        return f"{ALL_SETTINGS} ({changed} changed)" if changed else ALL_SETTINGS

    def read(self, *values) -> Config:
        """The config that the values of `self.components` make. Raises InputError with all problems in one message.

        A value that equals the default counts as not given, as in a config file: so `max_steps` replaces the epochs. Nor does
        one whose field is hidden, for it belongs to another method.
        """
        given, problems, method = {}, [], self._method(values)
        for field, value in zip(self.fields, values, strict=True):
            if not _belongs(field.key, method):
                continue
            try:
                read = self._value(field, value)
            except InputError as error:
                problems.append(f"{field.key}: {error}")
                continue
            if read != field.default:
                *outer, last = field.key.split(".")
                place = given
                for key in outer:
                    place = place.setdefault(key, {})
                place[last] = read
        try:
            found = config.parse(given, "The form")
        except InputError as error:
            problems = [*str(error).splitlines()[1:], *problems]
        if problems:
            raise InputError("\n".join(problems))
        return found

    def _method(self, values: tuple) -> Any:
        """The adapter's method among the values of `self.components`."""
        return next(value for field, value in zip(self.fields, values, strict=True) if field.key == METHOD)

    def _value(self, field: Field, value) -> Any:
        """A field's value as the config takes it. Raises InputError, in words without the key."""
        choices = self._choices(field.key)
        if field.key == "base_model":
            return access.model_id(value)
        if choices is not None:
            if value not in choices:
                raise InputError(f"there is no {field.key} {value!r}; choose one of the list")
            return value
        if isinstance(value, str) and (not field.choices or field.takes_list):
            return _read(field, value)
        if isinstance(value, float) and value.is_integer() and float not in field.kinds:
            return int(value)
        return value


def _belongs(key: str, method: Any) -> bool:
    """Whether a key counts for a method of adaptation; for one that there is not, every key does."""
    owners = methods.owners(key.removeprefix("adapter.")) if key.startswith("adapter.") else []
    return not owners or method in owners or method not in [*methods.METHODS]


def _read(field: Field, text: str) -> Any:
    """Text as YAML, the way the command line reads it; a list may stand without its brackets, empty text is no value."""
    text = text.strip()
    if len(text) > LONGEST or "&" in text or "*" in text:  # in YAML these make a few letters stand for very many
        raise InputError(f"at most {LONGEST} letters, none of them & or *")
    if set(field.kinds) == {str}:
        return text
    if field.takes_list and text and text not in field.choices and not text.startswith("["):
        text = f"[{text}]"
    try:
        return config.with_settings({}, [f"value={text}"])["value"]
    except InputError as error:
        raise InputError(f"{text!r} cannot be read") from error


def parts(keys: Iterable[str]) -> dict[str, list[str]]:
    """The keys under their headings; one that came to the config later falls under the heading before it."""
    found: dict[str, list[str]] = {}
    heading = next(iter(HEADINGS.values()))
    for key in keys:
        heading = HEADINGS.get(key.partition(".")[0], heading)
        found.setdefault(heading, []).append(key)
    return found


def widget(field: Field) -> str:
    """The kind of widget that fits what a field takes: `names, checkbox, radio, dropdown, number` or `text`."""
    if field.key in HERE:
        return "names"
    if bool in field.kinds:
        return "checkbox"
    if field.choices and not field.takes_list:
        return "radio" if len(field.choices) <= FEW else "dropdown"
    return "number" if field.is_number else "text"


def component(field: Field, width: int, choices: list[str] | None = None):
    """The widget of a field; `choices` are names from the disk."""
    about = {"label": field.label, "info": HERE.get(field.key, field.about), "interactive": True, "min_width": width}
    match widget(field):
        case "names":
            free = field.key == "base_model"
            return gr.Dropdown(choices, value=field.default, allow_custom_value=free, filterable=free, **about)
        case "checkbox":
            return gr.Checkbox(field.default, **about)
        case "radio":
            return gr.Radio(field.choices, value=field.default, **about)
        case "dropdown":
            return gr.Dropdown(field.choices, **about)
        case "number":
            return gr.Number(field.default, step=1 if int in field.kinds else 0.01, **about)
        case _:
            return gr.Textbox(_written(field.default), max_lines=1, max_length=LONGEST, **about)


def _written(value) -> str:
    """A value as people write it."""
    if value is None:
        return ""
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def in_words(chosen: Config, kind: str) -> str:
    """What a config says beside its task, dataset, model and the defaults: `key value, key value`."""
    longest = Decoding().for_kind(kind).max_new_tokens  # a run's is settled
    said = {key: value for key, value in config.changes(chosen).items() if key not in ("name", *HERE)}
    if said.get("decoding.max_new_tokens") == longest:
        del said["decoding.max_new_tokens"]
    return ", ".join(f"{key} {_written(value) or 'none'}" for key, value in said.items())
