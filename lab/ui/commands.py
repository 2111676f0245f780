"""The page's public events: the commands of the command line, by the same names, for `gradio_client` and plain HTTP.

They take uploads, YAML text, ids and Hub ids; never a home, an output path or a local model folder.
"""

import functools
import inspect
from collections.abc import Callable
from contextlib import suppress

import gradio as gr
from gradio.components.api_component import Api
from gradio.context import LocalContext
from gradio_client.utils import python_type_to_json_schema
from pydantic import ConfigDict, ValidationError, validate_call

from lab import (
    asking,
    comparison,
    findings,
    generator,
    jobs,
    plan,
    runs,
    tasks,
    versions,
)
from lab.errors import InputError
from lab.home import Home, row_json
from lab.runs import Run
from lab.subjects import question as question_for
from lab.subjects import resolve
from lab.task import plain_problems
from lab.ui import (
    access,
    compare_commands,
    dataset_commands,
    export_commands,
    parameters,
    preset_commands,
    rating_commands,
    sweep_commands,
    task_commands,
)
from lab.ui.export_commands import run_export
from lab.ui.given_yaml import read_config
from lab.ui.offer import taken


def publish(home: Home) -> None:
    """Makes them of the functions below, on the page that is being built."""
    for function in COMMANDS:
        event = gr.api(_event(home, function), api_name=function.__name__)
        for field, name in zip(_inputs(event), _asked(function), strict=True):
            field._api_info["additional_description"] = parameters.meaning(function.__name__, name)
    # Files need components of their own, so that gradio takes no path but those under which it has kept an upload.
    with gr.Row(visible=False):
        files = [gr.File(label=name) for name in ("file", "validation", "test")]
        add, push = dataset_commands.dataset_add, dataset_commands.dataset_push
        name, *about = [_field(add, name) for name in _asked(add) if name not in [x.label for x in files]]
        added, pushed = (Api(None, {"type": "object", "additionalProperties": {}}, x) for x in ("dataset", "pushed"))
        what, rows = [_field(push, name) for name in _asked(push)], gr.File(label="zip")
        asked, weights = [_field(run_export, name) for name in _asked(run_export)], gr.File(label="zip")
        buttons = {x.__name__: gr.Button(x.__name__) for x in (add, push, run_export)}
    for function, given, made, options in (
        (add, [name, *files, *about], added, {}),
        (push, what, [pushed, rows], {"concurrency_limit": 1}),
        (run_export, asked, weights, {"concurrency_limit": 1}),
    ):
        called = function.__name__
        buttons[called].click(_event(home, function), given, made, api_name=called, **options)


def _field(function: Callable, name: str) -> Api:
    """What stands on the page, unseen, for a parameter of a command."""
    given = inspect.signature(function).parameters[name]
    about = {"additional_description": parameters.meaning(function.__name__, name)}
    default = None if given.default is given.empty else given.default
    return Api(default, python_type_to_json_schema(given.annotation) | about, name)


def _inputs(event: gr.events.Dependency) -> list[Api]:
    """The same of an event that Gradio has made of a function."""
    return gr.context.Context.root_block.fns[event["id"]].inputs


def _asked(function: Callable) -> list[str]:
    """The names of the parameters that callers give."""
    return [name for name in inspect.signature(function).parameters if name not in ("home", "request")]


def _event(home: Home, function: Callable) -> Callable:
    """A command as an event: without the home, its arguments checked against their types, errors in plain words."""
    signature = inspect.signature(function)
    asked = list(signature.parameters.values())[1:]
    checked = validate_call(config=ConfigDict(arbitrary_types_allowed=True))(function)

    @functools.wraps(function)
    def call(*values):
        try:
            return _told(checked(home, **dict(zip([p.name for p in asked], values, strict=False))))
        except ValidationError as error:
            raise InputError(plain_problems(error, [p.name for p in asked])) from error

    call.__doc__ = parameters.docstring(function, asked)
    call.__signature__ = signature.replace(parameters=asked)
    call.__annotations__ = {key: kind for key, kind in function.__annotations__.items() if key != "home"}
    return access.handler(call)


def _told(result):
    """A result; to a tool's caller as JSON, for Gradio would write it as Python does."""
    if isinstance(result, tuple):  # several results
        return tuple(map(_told, result))
    request = LocalContext.request.get(None)
    from_tool = request is not None and request.headers.get("x-gradio-user") == "mcp"
    return row_json(result) if from_tool and isinstance(result, dict | list) else result


# -- runs ------------------------------------------------------------------------------------------------------------


def train(home: Home, request: gr.Request, config: str = "", dry_run: bool = False) -> dict:
    """Starts a run from a config as YAML text (empty: all defaults) and returns at once: id, status.

    With `dry_run` only checks and estimates."""
    access.may_change(request)
    wanted = read_config(config)
    if dry_run:
        return plan.make(home, wanted).report()
    run = jobs.train(home, wanted)
    return {"id": run.id, "status": run.status()}


def run_list(home: Home) -> list[dict]:
    """All runs, newest first, without their metrics."""
    found = []
    for run_id in runs.listing(home):
        with suppress(InputError, OSError):  # one broken folder must not hide the others
            found.append(Run(home, run_id).summary())
    return found


def run_show(home: Home, run_id: str) -> dict:
    """A run: status, progress, config, metrics, checkpoints, the version of its task, what its curves say."""
    run = Run(home, run_id)
    return run.show() | {"task_version": versions.of_run(home, run), "findings": findings.of(run)}


def run_rename(home: Home, request: gr.Request, run_id: str, title: str) -> dict:
    """Gives a run a name beside its id, which stays; an empty one takes it away."""
    access.may_change(request)
    return {"id": run_id, **Run(home, run_id).describe(title=title)}


def run_note(home: Home, request: gr.Request, run_id: str, text: str) -> dict:
    """Keeps a note about a run, in place of the one before; an empty one takes it away."""
    access.may_change(request)
    return {"id": run_id, **Run(home, run_id).describe(notes=text)}


def run_log(home: Home, run_id: str, lines: int | None = None) -> dict:
    """A run's log, or its last lines."""
    if lines is not None and lines < 1:
        raise InputError("lines: at least 1.")
    return {"id": run_id, "log": Run(home, run_id).log_tail(lines)}


def run_stop(home: Home, request: gr.Request, run_id: str) -> dict:
    """Stops a run at its next step; it saves, and can be resumed."""
    access.may_change(request)
    run = Run(home, run_id)
    jobs.stop(run)
    return {"id": run_id, "status": run.status()}


def run_resume(home: Home, request: gr.Request, run_id: str) -> dict:
    """Goes on with a run from its newest whole checkpoint, and returns at once."""
    access.may_change(request)
    return {"id": run_id, "status": jobs.resume(home, run_id).status()}


def run_delete(home: Home, request: gr.Request, run_id: str) -> dict:
    """Deletes a run with its checkpoints and its adapter."""
    access.may_change(request)
    jobs.delete(home, Run(home, run_id))
    return {"id": run_id, "deleted": True}


# -- subjects --------------------------------------------------------------------------------------------------------


def generate(
    home: Home,
    subjects: list[str],
    text: str | None = None,
    row: int | None = None,
    raw: str | None = None,
    task: str | None = None,
    settings: list[str] | None = None,
) -> list[dict]:
    """Puts the same prompt to subjects: a `text` through the task, a `row` of the run's validation rows, or a `raw` prompt.
    `settings` are keys of the decoding as key=value."""
    if sum(x is not None for x in (text, row, raw)) != 1:
        raise InputError("Give exactly one of text, row and raw.")
    names = taken(subjects)
    chosen, asks = resolve(home, names), tasks.load(home, task) if task else None
    if row is not None:
        question = question_for(home, chosen[0], asks, None, "validation")
        asks, asked = question.task, asking.row_at(question.rows, row)
    else:
        asks, asked = asks or asking.task_of(home, names), asking.written(raw if text is None else text)
        asked = asked if text is None else {asks.text: asked}
    decoding = comparison.decoding_for(chosen, settings or [])
    decoding = decoding.for_kind("generate" if raw is not None else asks.kind)
    events = list(generator.ask(home, names, asks, asked, decoding))
    made = {event["subject"]: event for event in events if event.pop("event") == "answer"}
    return [made[name] for name in names]


COMMANDS = [
    *(*dataset_commands.COMMANDS, *task_commands.COMMANDS, *preset_commands.COMMANDS),
    *(train, run_list, run_show, run_log, run_stop, run_resume, run_delete, run_rename, run_note),
    *(*compare_commands.COMMANDS, generate),
    *(*sweep_commands.COMMANDS, *export_commands.COMMANDS, *rating_commands.COMMANDS),
]
