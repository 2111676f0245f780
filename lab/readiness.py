"""What a config comes to before it is trained, line by line: rows, tokens, memory, time, what is scored, what is missing."""

import shutil
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from lab import bases, browse, calibration, checks, data, machine, methods, plan, tasks
from lab.config import Config
from lab.errors import InputError
from lab.home import Home
from lab.packing import cost_in_words
from lab.plan import ROW_KEYS, Plan
from lab.progress import in_words

MEASURING = "Being measured"
TIGHT = 0.9  # share of the memory or of the disk above which a run may fail
WORTH_A_WORD = 1_000_000_000  # bytes of the disk


@dataclass(frozen=True)
class Line:
    """`sign`: all right, worth a look, in the way of a start, or only said."""

    sign: Literal["ok", "look", "stop", "said"]
    about: str
    words: str


def look(home: Home, config: Config) -> list[Line]:
    """The lines for a config whose keys are right in themselves. Nothing is downloaded, and no model is loaded."""
    try:
        rows, wrong = _looked_at(home, _rows_of(config), _state(home, config))
        planned = plan.refitted(rows, config)
    except InputError as error:
        return [Line("stop", "Data", line) for line in str(error).splitlines()]
    report = planned.report()
    part = f"Looked at were {len(planned.train):,} of these rows; all are checked when training starts."
    lines = [
        _rows(report),
        Line("said", "Rows", part) if planned.counts and len(planned.train) < planned.train_rows else None,
        *(Line("look", "Data", words) for words in [*wrong, *planned.about_rows]),
        *(Line("look", "Settings", words) for words in planned.about_keys),
        Line("ok", "Data", "No repeats, no overlap of splits, no empty texts, no strange labels.")
        if not wrong
        else None,
        _tokens(report),
        _model(planned, report["estimates"]),
        _memory(report["estimates"], config),
        _disk(home, planned, report["estimates"]),
        _time(home, planned),
        _scores(planned),
    ]
    return list(filter(None, lines))


# -- the plan, which is made anew only where rows or tokens have changed -------------------------------------------------


def _rows_of(config: Config) -> str:
    """The part of a config that decides about rows and tokens, as text."""
    return Config(**{key: getattr(config, key) for key in ROW_KEYS}).model_dump_json()


def _state(home: Home, config: Config) -> tuple:
    """What changes when a file changes that the plan was made from."""
    base = bases.find(config.base_model)
    files = [folder / f"{config.task}.yaml" for folder in (home.tasks, tasks.BUNDLED)]
    files += [base.folder / name for name in ("config.json", "tokenizer.json")] if base.folder else []
    seen = tuple((path, path.stat().st_mtime_ns) for path in files if path.is_file())
    return *browse.state_of(data.load(home, config.dataset)), *seen


@lru_cache(maxsize=8)
def _looked_at(home: Home, rows: str, state: tuple) -> tuple[Plan, list[str]]:
    """The plan by a part of the rows, and what is wrong with the dataset by a look at all of them."""
    config = Config.model_validate_json(rows)
    planned = plan.sampled(home, config)
    found = checks.of_rows(data.load(home, config.dataset), planned.task)
    return planned, [f"{check['message']} {check['advice']}" for check in found if not check["ok"]]


# -- the lines -----------------------------------------------------------------------------------------------------------


def _rows(report: dict) -> Line:
    held_out = f"{report['validation_rows']:,} held out" if report["validation_rows"] else "none held out"
    steps = f"{report['steps']:,} steps, {report['steps_per_epoch']:,} an epoch"
    words = f"{report['train_rows']:,} rows to train on, {held_out}: {steps}."
    return Line("ok" if report["validation_rows"] else "look", "Rows", words)


def _tokens(report: dict) -> Line:
    tokens = report["tokens"]
    about = "" if tokens["exact"] else "Estimated, for the model's tokenizer is not here: "
    words = (
        f"{about}{tokens['mean']:.0f} a row, {tokens['max']:,} at most, the first {tokens['shared_prefix']:,} shared by all "
        f"rows: {cost_in_words(tokens['batch'], tokens['shares'])}."
    )
    return Line("ok" if tokens["exact"] else "look", "Tokens", words)


def _model(planned: Plan, estimates: dict) -> Line | None:
    trained = estimates.get("trainable_parameters")
    weights = f"{trained:,} parameters are trained." if trained else ""
    if planned.base.on_hub and not _has_weights(planned):
        said = f"{planned.base.public_name} is not on this machine; it is downloaded when the run starts."
        unknown = [f"Not checked: {x}." for x in plan.unchecked(planned.base, planned.config)]
        return Line("look", "Model", " ".join(filter(None, [said, weights, *unknown])))
    return Line("ok", "Model", f"{planned.base.public_name} is on this machine. {weights}".strip())


def _has_weights(planned: Plan) -> bool:
    return planned.base.folder is not None and any(planned.base.folder.glob("*.safetensors"))


def _memory(estimates: dict, config: Config) -> Line | None:
    """The estimate beside what the machine has."""
    if "peak_bytes" not in estimates:
        return Line("said", "Memory", "Not estimated: the model's shapes are not known here.")
    device, peak = machine.device(), estimates["peak_bytes"]
    # On a CPU the run's chart shows the whole process, so what comes beside the estimate is named.
    beside = ", on top of what the libraries and the heap's holes take" if device.kind == "cpu" else ""
    words = f"About {gigabytes(peak)} at the peak{beside}"
    if device.memory_bytes is None:
        return Line("said", "Memory", f"{words}.")
    if peak > TIGHT * device.memory_bytes:
        advice = "Lower batch_size and raise accumulate, or set gradient_checkpointing."
        if methods.of(config.adapter.method).is_whole:
            advice += (
                " Weights, gradients and moments of all parameters take most of it: adamw_8bit or lora takes less."
            )
        return Line("look", "Memory", f"{words}; {device.name} has {gigabytes(device.memory_bytes)}. {advice}")
    return Line("ok", "Memory", f"{words}; {device.name} has {gigabytes(device.memory_bytes)}.")


def _disk(home: Home, planned: Plan, estimates: dict) -> Line | None:
    """What checkpoints take of the disk, where that is worth a word, or what is not known of it."""
    if "disk_bytes" not in estimates:
        return Line("said", "Disk", f"Not estimated: {'; '.join(planned.unknown_room).replace('disk: ', '')}.")
    place = next(path for path in (home.path, *home.path.resolve().parents) if path.exists())
    needed, free = estimates.get("disk_bytes") or 0, shutil.disk_usage(place).free
    words = (
        f"Checkpoints and what is left take up to {gigabytes(needed)} of the disk, which has {gigabytes(free)} free."
    )
    if needed > TIGHT * free:
        return Line("look", "Disk", f"{words} Name fewer epochs in evaluate_at, or delete runs.")
    return Line("ok", "Disk", words) if needed > WORTH_A_WORD else None


def gigabytes(size: float) -> str:
    """A number of bytes as people read it: 820 MB, 3.4 GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6)):,} MB"


def _time(home: Home, planned: Plan) -> Line:
    """The time by a calibration, or how one comes by it."""
    if not _has_weights(planned):
        return Line("said", "Time", "Can be measured once the model is on this machine.")
    job = calibration.known(home, planned)
    measured = job.measured() if job else None
    if measured:
        seconds = calibration.seconds(planned, measured)
        words = (
            f"About {in_words(seconds['total'])}: {planned.total_steps:,} steps of {measured['step_seconds']:.2g} s, "
            f"{in_words(seconds['scoring'])} for scores and validation losses. Measured on this machine."
        )
        return Line("ok", "Time", words)
    if job and job.holder() is not None:
        doing = job.state().get("doing") or {}
        return Line("said", "Time", f"{MEASURING}: {doing.get('what') or 'it waits for its turn'} …")
    failed = job.error() if job else None
    if failed:
        return Line("look", "Time", f"Could not be measured: {failed['message']}")
    return Line("said", "Time", "Not measured yet: Measure time trains a few steps, which takes half a minute or so.")


def _scores(planned: Plan) -> Line:
    """What is scored, and when."""
    if not planned.scored:
        return Line("look", "Scores", "Nothing is held out, so nothing is scored.")
    epochs = ", ".join(map(str, planned.evaluate_at))
    what = "accuracy, F1 and invalid answers" if planned.task.kind == "classify" or planned.task.read else "answers"
    words = f"{what} on the {planned.scored} after epoch {epochs}"
    if not planned.validation_rows:
        return Line("look", "Scores", f"{words[0].upper()}{words[1:]} alone: nothing is held out.")
    return Line("ok", "Scores", f"{words[0].upper()}{words[1:]}; on the base before; validation loss each epoch.")
