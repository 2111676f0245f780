"""What a job has run out of, memory or room on its disk, found from its error or from the kernel's counters; in words."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from lab import disk
from lab.config import Config
from lab.errors import WorkError

# Names and sentences of torch, bitsandbytes and the CUDA libraries, none of which is loaded here.
DEVICE = re.compile(
    r"CUDA error: out of memory|CUDA out of memory|CUBLAS_STATUS_ALLOC_FAILED|HIP out of memory|Error out of memory at line"
)
MACHINE = re.compile(r"can't allocate memory|Cannot allocate memory|not enough memory")
COUNTED = re.compile(r"^oom_kill (\d+)", re.MULTILINE)
MACHINE_WIDE = Path("/proc/vmstat")
MERGING_ADVICE = "End what else uses it: the base is held unquantized, beside the processor and not on a GPU."
EVALUATION_ADVICE = (
    "Ask without label probabilities, or with beams=1 and a smaller max_new_tokens; or end what else uses it."
)
GENERATION_ADVICE = (
    "End what else uses it, or ask fewer subjects, with beams=1 or a smaller max_new_tokens; or take a smaller base or "
    "quantization=nf4."
)
ANY_ADVICE = "End what else uses it, or take a smaller base or quantization=nf4."


class TooLarge(WorkError):
    """A model for which there is not enough memory."""

    reason = "out_of_memory"

    def __init__(self, message: str, advice: str = ANY_ADVICE):
        super().__init__(message)
        self.advice = advice


def explain(
    error: BaseException, folder: Path, config: Config | None, needed: int | None, otherwise: str = ANY_ADVICE
) -> dict | None:
    """`{reason, message, advice}` when something ran out or a disk failed, else None.

    `folder` is where the job writes, `needed` the bytes that it will write next, where that is known; `otherwise` is the
    advice where memory lacks and there is no config.
    """
    for one in _chain(error):
        if isinstance(one, TooLarge):
            advice = _advice(to_load(config), ["a smaller base_model"]) if config else one.advice
            return _memory(str(one), advice)
        if lack := _lack(one):
            return _memory(lack, _advice(smaller(config)) if config else otherwise)
        if about := disk.told(one, folder, needed):
            return about
    return None


def in_words(error: Exception) -> str | None:
    """What is told of an error to those who call commands and events; None for one that has nothing to do with memory or disk."""
    lack = lack_of_memory(error)
    return f"{lack} {ANY_ADVICE}" if lack else disk.in_words(error)


def by_kernel(config: Config | None, otherwise: str = ANY_ADVICE, is_sure: bool = True) -> dict:
    """The same for a worker that the kernel has ended to get memory back, or most likely has."""
    message = (
        "The memory of this machine, or what its container may use, ran out: the kernel ended the worker."
        if is_sure
        else "The worker was killed, most likely for want of memory: this machine, or its container, ran out of it in that time."
    )
    return _memory(message, _advice(smaller(config)) if config else otherwise)


def lack_of_memory(error: BaseException) -> str | None:
    """Whose memory was not enough, by an error or what it came from; None for an error of another kind."""
    return next(filter(None, map(_lack, _chain(error))), None)


def cannot_load(error: Exception, name: str, advice: str = ANY_ADVICE) -> WorkError:
    """What is raised where a model cannot be loaded: it says so, with this advice, when memory is what lacks."""
    if lack := lack_of_memory(error):
        return TooLarge(f"{name} cannot be loaded. {lack}", advice)
    return WorkError(f"{name} cannot be loaded: {first_line(error)}")


def first_line(error: BaseException) -> str:
    """What an error says first, which is its kind where it says nothing."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _lack(error: BaseException) -> str | None:
    text = str(error)
    if type(error).__name__ == "OutOfMemoryError" or DEVICE.search(text):
        return "The memory of the device was not enough."
    if isinstance(error, MemoryError) or MACHINE.search(text):
        return "The memory of this machine was not enough."
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


# -- memory --------------------------------------------------------------------------------------------------------------


def _memory(message: str, advice: str) -> dict:
    return {"reason": "out_of_memory", "message": message, "advice": advice}


def _advice(found: list[dict], more: Iterable[str] = ()) -> str:
    words = [" and ".join(f"{key}={_as_yaml(value)}" for key, value in changes.items()) for changes in found]
    words += more
    start = "Start a new run with " if len(words) > 1 else "End what else uses it, or start a new run with "
    return f"{start}{', or with '.join(words)}."


def to_load(config: Config) -> list[dict]:
    """The change of a config with which its base takes less memory already when it is loaded; none where it is in 4 bits."""
    if config.adapter.method == "full":
        return [{"adapter.method": "lora", "quantization": "nf4"}]
    return [] if config.quantization == "nf4" else [{"quantization": "nf4"}]


def smaller(config: Config) -> list[dict]:
    """The two changes of a config that most cheaply save memory, each as dotted keys with their values."""
    ways: list[dict] = []
    if config.batch_size > 1:  # as many rows a step as before
        ways.append({"batch_size": config.batch_size // 2, "accumulate": config.accumulate * 2})
    if not config.gradient_checkpointing:
        ways.append({"gradient_checkpointing": True})
    if config.adapter.method == "full":
        ways.append({"adapter.method": "lora"})
    elif config.quantization != "nf4":
        ways.append({"quantization": "nf4"})
    ways.append({"max_length": max(8, config.max_length // 2)})
    if config.adapter.method == "llama-adapter":
        ways.append({"adapter.adapter_len": max(1, config.adapter.adapter_len // 2)})
    elif config.adapter.r > 1:
        ways.append({"adapter.r": config.adapter.r // 2})
    return [changes for changes in ways if changed(config, changes)][:2]


def changed(config: Config, changes: dict) -> Config | None:
    """A config with dotted keys changed; None when they contradict the rest of it."""
    values = config.model_dump()
    for dotted, value in changes.items():
        *way, last = dotted.split(".")
        place = values
        for key in way:
            place = place[key]
        place[last] = value
    try:
        return Config.model_validate(values)
    except ValidationError:
        return None


def _as_yaml(value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def kills() -> dict:
    """How many processes the kernel has ended for want of memory: in this process's own group, and on the machine; and whether
    nobody else is in that group, so that what it counts there is one of this process's own session."""
    group = _group_file()
    counted = {"group": str(group or ""), "in_group": _count(group), "on_machine": _count(MACHINE_WIDE)}
    return {**counted, "alone": bool(group) and _is_alone(group)}


def killed_since(before: dict | None) -> str | None:
    """`sure` when it has ended the worker since `before`, which that one has told of its group while it lived, on this machine;
    `likely` when it has ended somebody, who may have been another; None when it has ended nobody."""
    if not before:
        return None
    group = Path(before["group"]) if before["group"] else None
    now = _count(group)
    if now is not None and before["in_group"] is not None:
        blame = "sure" if before.get("alone") else "likely"
        return blame if now > before["in_group"] else None
    now = _count(MACHINE_WIDE)  # the group has gone together with its processes, or nobody counts by group
    return "likely" if now is not None and before["on_machine"] is not None and now > before["on_machine"] else None


def _is_alone(group: Path) -> bool:
    """Whether all in a group belong to the session of this process."""
    own = os.getsid(0)
    with suppress(OSError, ValueError):  # ended meanwhile, or not to be seen
        inside = (group.parent / "cgroup.procs").read_text(encoding="ascii").split()
        return bool(inside) and all(os.getsid(int(pid)) == own for pid in inside)
    return False


def _count(path: Path | None) -> int | None:
    try:
        found = COUNTED.search(path.read_text(encoding="ascii")) if path else None
    except OSError:
        return None
    return int(found[1]) if found else None


def _group_file() -> Path | None:
    """Where the kernel counts for the control group of this process; its second version first, then its first."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    ways = {names: way for _, names, way in (line.split(":", 2) for line in lines)}
    tried = []
    if "" in ways:
        tried += [Path(f"/sys/fs/cgroup{ways['']}/memory.events"), Path("/sys/fs/cgroup/memory.events")]
    if "memory" in ways:  # within a container the path is the host's
        tried += [Path(f"/sys/fs/cgroup/memory{way}/memory.oom_control") for way in (ways["memory"], "")]
    return next((path for path in tried if path.is_file()), None)


def first_to_go() -> None:
    """Offers this process to the kernel when memory runs out, before the page and what else lives on the machine."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
