"""The task: what the model must do. Labels with definitions, instruction, template; reading an answer."""

import difflib
import re
from collections import Counter
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lab import yaml_text
from lab.errors import InputError

QUOTES = "\"'`“”‘’„«»"
BLANKS = " \t\r\n\u00a0"
FIELD = re.compile(r"\$(?:(\$)|\{([^{}]+)\}|([^\W\d]\w*))")
LONGEST, LONGEST_YAML = 100_000, 1_000_000  # letters of a text of a task, and of all of it
LONGEST_PROMPT = 1_000_000  # letters of one, whatever it is made of
TOO_LONG = (
    f"The prompt of a row has more than {LONGEST_PROMPT:,} letters: shorten its text, the instruction or the definitions, "
    f"or name fewer columns in the row template."
)


class Strict(BaseModel):
    """A model that knows its keys: an unknown one is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def plain_problems(error: ValidationError, keys: list[str], contradictions: list[str] | None = None) -> str:
    """All problems of a validation in one message, one line each; unknown keys with the nearest known one.

    `contradictions` are those that validation does not reach when single values are wrong.
    """
    lines = []
    for problem in error.errors():
        parts = [str(part) for part in problem["loc"] if not re.search(r"[\[(]", str(part))]
        place = ".".join(part for part in parts if part not in ("int", "float", "str"))
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(problem["loc"][-1]), keys, n=1)
            lines.append(f"{place}: unknown key" + (f"; did you mean {near[0]}?" if near else ""))
        else:
            text = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{place}: {text}" if place else text)
    said = "\n".join(lines)
    return "\n".join([said, *(x for x in contradictions or [] if x not in said)])


class Label(Strict):
    """One label of a codebook. `aliases` are other spellings of an answer; `merge` are labels of the data that become this one."""

    name: str = Field(min_length=1, max_length=LONGEST)
    definition: str = Field("", max_length=LONGEST)
    aliases: list[str] = []
    merge: list[str] = []

    @field_validator("name", mode="before")
    @classmethod
    def _name_is_text(cls, value):
        if isinstance(value, bool) or value is None:
            raise ValueError(f"the label {value!r} was read by YAML as something else; put it in quotes")
        return str(value).strip()

    @field_validator("aliases", "merge", mode="before")
    @classmethod
    def _labels_of_the_data_may_be_numbers(cls, value):
        return (
            [str(x) if isinstance(x, int) and not isinstance(x, bool) else x for x in value]
            if isinstance(value, list)
            else value
        )


class Task(Strict):
    """What the model must do, as written in a task's YAML file. Columns are named as in the dataset."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    kind: Literal["classify", "generate"] = "classify"
    text: str = "text"
    label: str | None = None
    target: str | None = None
    instruction: str = Field("", max_length=LONGEST)
    with_definitions: bool = True
    labels: list[Label] = []
    prompt: str = Field("$text", max_length=LONGEST)
    format: Literal["auto", "llama2", "chatml", "alpaca", "plain", "text"] = "auto"
    read: str | None = Field(None, max_length=LONGEST)

    @model_validator(mode="after")
    def _hangs_together(self):
        if self.kind == "classify" and self.label is None:
            self.label = "label"
        if problems := contradictions(self.model_dump()):
            raise ValueError("\n".join(problems))
        return self

    @property
    def names(self) -> list[str]:
        """The labels, in the order of the codebook."""
        return [label.name for label in self.labels]

    @property
    def answer_column(self) -> str:
        """The column with the answer that is trained."""
        return self.label if self.kind == "classify" else self.target

    def gold(self, row: dict) -> str | None:
        """The true label of a row after merging; None where the row has none. An unknown label comes back as written."""
        value = text_of(row.get(self.label)).strip() if self.label else ""
        if not value:
            return None
        return next((label.name for label in self.labels if value in label.merge), value)

    def answer(self, row: dict) -> str | None:
        """The answer that training teaches for a row: its label, or its target text; None where the row has none."""
        if self.kind == "classify":
            return self.gold(row)
        return text_of(row.get(self.target)).strip() or None

    def label_list(self) -> str:
        """What `$labels` stands for: a line for each label with its definition, or the names alone."""
        if self.with_definitions and any(label.definition for label in self.labels):
            return "\n".join(
                f"- {x.name}: {x.definition.strip()}" if x.definition else f"- {x.name}" for x in self.labels
            )
        return ", ".join(self.names)

    def read_answer(self, text: str) -> str | None:
        """The label that an answer says, or None (invalid).

        `classify`: the first line, trimmed of blanks, quotes and a final full stop, case ignored, equals a label or
        an alias. `generate`: the group of the task's `read` pattern, read in the same way; without a pattern, None.
        """
        if self.kind == "generate":
            found = re.search(self.read, text) if self.read else None
            if not found:
                return None
            text = found.group(1) or ""
        said = bare(text.strip().split("\n", 1)[0])
        return next((x.name for x in self.labels if said in map(bare, [x.name, *x.aliases])), None)


def contradictions(values: dict) -> list[str]:
    """What does not hang together in a task's plain values, of which some may be wrong in themselves."""
    problems = []
    labels = values.get("labels")
    labels = [x for x in labels if isinstance(x, dict)] if isinstance(labels, list) else []
    if values.get("kind", "classify") == "classify":
        if len(labels) < 2:
            problems.append("labels: a classify task needs at least two labels; list them under labels:")
    elif values.get("target") is None:
        problems.append("target: a generate task needs the column that holds the answer")
    spelled = Counter(s for x in labels for s in {bare(str(s)) for s in [x.get("name", ""), *_listed(x, "aliases")]})
    problems += [f"labels: {s!r} stands for two labels" for s, n in spelled.items() if n > 1]
    merged = Counter(str(s) for x in labels for s in _listed(x, "merge"))
    problems += [f"labels: {s!r} is merged into two labels" for s, n in merged.items() if n > 1]
    names = {str(x.get("name")) for x in labels}
    for label in labels:
        problems += [
            f"labels: {s!r} is a label of its own and merged into {label.get('name')!r}"
            for s in _listed(label, "merge")
            if str(s) in names and s != label.get("name")
        ]
        if "\n" in str(label.get("name", "")):
            problems.append(f"labels: {label['name']!r} holds a line break; only the first line of an answer is read")
    if isinstance(values.get("read"), str):
        if not labels:
            problems.append("read: a pattern that finds a label needs labels: to know it by")
        problems += _regex_problems(values["read"])
    return problems


def _listed(values: dict, key: str) -> list:
    found = values.get(key)
    return found if isinstance(found, list) else []


def bare(answer: str) -> str:
    """An answer as it is compared with a label: trimmed of blanks, quotes and a final full stop, case ignored."""
    return answer.strip(QUOTES + BLANKS).removesuffix(".").strip(QUOTES + BLANKS).casefold()


def _regex_problems(pattern: str) -> list[str]:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        return [f"read: {pattern!r} is no regular expression ({error})"]
    return [] if groups == 1 else [f"read: {pattern!r} needs exactly one group, which holds the label"]


def parse(text: str, where: str = "the task") -> Task:
    """A task from YAML text. Raises InputError with every problem named."""
    if len(text) > LONGEST_YAML:
        raise InputError(f"{where} has more than {LONGEST_YAML:,} letters; shorten its texts, or give it fewer labels.")
    try:
        content = yaml_text.load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{where} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{where} must be a YAML mapping with name:, labels:, prompt: and so on.")
    try:
        return Task.model_validate(content)
    except ValidationError as error:
        keys = [*Task.model_fields, *Label.model_fields]
        raise InputError(f"{where} has problems:\n{plain_problems(error, keys, contradictions(content))}") from error


def load(path: Path) -> Task:
    """A task from a YAML file. Raises InputError when there is none or it has problems."""
    try:
        return parse(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"The task file {path.name} cannot be read: {reason}") from error


def dump(task: Task) -> str:
    """The task as YAML text, defaults left out, that `parse` reads back."""
    content = task.model_dump(exclude_defaults=True)
    content = {key: content[key] for key in Task.model_fields if key in content}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def fill(template: str, values: dict) -> str:
    """A template with its `$fields` filled in, in one pass: what stands in a value is never read as a field.

    `[[ … $column … ]]` drops out when a column inside is empty or absent; an unknown field stays as written; `$$` is a dollar.
    Raises InputError where that is longer than a prompt may be, before it is made.
    """
    made = 0

    def field(match: re.Match) -> str:
        nonlocal made
        if match.group(1):
            return "$"
        name = match.group(2) or match.group(3)
        text = match.group(0) if name not in values else text_of(values[name])
        made += len(text)
        if made > LONGEST_PROMPT:
            raise InputError(TOO_LONG)
        return text

    def optional(part: str) -> str:
        names = fields(part)
        return FIELD.sub(field, part) if all(text_of(values.get(name)).strip() for name in names) else ""

    return "".join(optional(x) if i % 2 else FIELD.sub(field, x) for i, x in enumerate(optional_parts(template)))


def optional_parts(template: str) -> list[str]:
    """A template in pieces, of which every second one stood inside [[ ]]; what is opened and never closed stays as it is.

    Each mark is looked for once: a pattern looks for the end anew from every beginning.
    """
    pieces, at = [], 0
    while (begin := template.find("[[", at)) >= 0 and (end := template.find("]]", begin + 2)) >= 0:
        pieces += [template[at:begin], template[begin + 2 : end]]
        at = end + 2
    return [*pieces, template[at:]]


def fields(template: str) -> list[str]:
    """The names of the `$fields` of a template, in order, without `$$`."""
    return [m.group(2) or m.group(3) for m in FIELD.finditer(template) if not m.group(1)]


def text_of(value) -> str:
    """A cell as text: nothing for none and NaN, whole numbers without .0, as tables with gaps hold them."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)
