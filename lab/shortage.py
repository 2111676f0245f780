"""What a job has run out of, memory or room on its disk, found from its error or from the kernel's counters; in words."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from lab.config import Config
from lab.errors import InputError

# Names and sentences of torch, bitsandbytes and the CUDA libraries, none of which is loaded here.
DEVICE = re.compile(
    r"CUDA error: out of memory|CUDA out of memory|CUBLAS_STATUS_ALLOC_FAILED|HIP out of memory|Error out of memory at line"
)
MACHINE = re.compile(r"can't allocate memory|Cannot allocate memory")
WRITER = re.compile(r"PytorchStreamWriter|inline_container|file write failed")  # torch's, which does not say why
NUMBER = re.compile(r"\(os error (\d+)\)")  # as safetensors says it
FULL = (errno.ENOSPC, errno.EDQUOT)
BROKEN = (errno.EIO, errno.EROFS, errno.ENXIO, errno.ENODEV, errno.ESTALE)
COUNTED = re.compile(r"^oom_kill (\d+)", re.MULTILINE)
MACHINE_WIDE = Path("/proc/vmstat")


def explain(error: BaseException, folder: Path, config: Config | None, needed: int | None) -> dict | None:
    """`{reason, message, advice}` when something ran out or a disk failed, else None.

    `folder` is where the job writes, `needed` the bytes that it will write next, where that is known.
    """
    for one in _chain(error):
        text = str(one)
        if type(one).__name__ == "OutOfMemoryError" or DEVICE.search(text):
            return _memory("The memory of the device was not enough.", config)
        if isinstance(one, MemoryError) or MACHINE.search(text):
            return _memory("The memory of this machine was not enough.", config)
        if about := _of_disk(one, folder, needed):
            return about
    return None


def of_disk(error: Exception) -> str | None:
    """The same for commands and events, as sentences; None for an error that is not the disk's or names no file."""
    name = getattr(error, "filename", None)
    about = _of_disk(error, Path(name).parent, None) if isinstance(name, str) else None
    return about and f"{about['message']} {about['advice']}"


def by_kernel(config: Config | None) -> dict:
    """The same for a worker that the kernel has ended to get memory back."""
    return _memory(
        "The memory of this machine, or what its container may use, ran out: the kernel ended the worker.", config
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


# -- memory --------------------------------------------------------------------------------------------------------------


def _memory(message: str, config: Config | None) -> dict:
    return {"reason": "out_of_memory", "message": message, "advice": _advice(config)}


def _advice(config: Config | None) -> str:
    found = smaller(config) if config else []
    if not found:
        return "End what else uses it, or take a smaller base or quantization=nf4."
    words = [" and ".join(f"{key}={_as_yaml(value)}" for key, value in changes.items()) for changes in found]
    return f"Start a new run with {', or with '.join(words)}."


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
    """How many processes the kernel has ended for want of memory: in this process's own group, and on the machine."""
    group = _group_file()
    return {"group": str(group or ""), "in_group": _count(group), "on_machine": _count(MACHINE_WIDE)}


def killed_since(before: dict | None) -> bool:
    """Whether it has ended one since `before`, which a worker has told of its group while it lived, on this machine."""
    if not before:
        return False
    group = Path(before["group"]) if before["group"] else None
    now = _count(group)
    if now is not None and before["in_group"] is not None:
        return now > before["in_group"]
    now = _count(MACHINE_WIDE)  # the group has gone together with its processes, or nobody counts by group
    return now is not None and before["on_machine"] is not None and now > before["on_machine"]


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


# -- the disk ------------------------------------------------------------------------------------------------------------


def need_room(folder: Path, needed: int | None) -> None:
    """Raises InputError when so many bytes do not fit on the disk of a folder."""
    disk = Disk.of(folder)
    if (needed or 0) > disk.free:
        raise InputError(
            f"The disk at {disk} has {in_bytes(disk.free)} free, and checkpoints take up to {in_bytes(needed)}: free some, "
            f"or name fewer epochs in evaluate_at."
        )


def _of_disk(error: BaseException, folder: Path, needed: int | None) -> dict | None:
    number, disk = _number(error), Disk.of(folder)
    if number is None and isinstance(error, RuntimeError) and WRITER.search(str(error)):
        number = errno.ENOSPC if disk.free < (needed or 0) else errno.EIO
    if number in FULL:
        missing = f"{in_bytes(needed)} are needed next, and" if needed else "more is needed than the"
        message = f"The disk at {disk} is full: {missing} {in_bytes(disk.free)} {'are' if needed else 'that are'} free."
        return {
            "reason": "disk_full",
            "message": message,
            "advice": "Free some there, then go on; what was kept is whole.",
        }
    if number in BROKEN:
        message = f"The disk at {disk} failed: {os.strerror(number)}{_file(error)}."
        return {"reason": "disk_error", "message": message, "advice": "Check it, then go on; what was kept is whole."}
    return None


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError):
        return error.errno
    said = NUMBER.search(str(error))
    return int(said[1]) if said else None


def _file(error: BaseException) -> str:
    name = getattr(error, "filename", None)
    return f" ({Path(os.fsdecode(name)).name})" if isinstance(name, str | bytes) else ""


def in_bytes(size: int) -> str:
    """A number of bytes, to the byte, and from a million on as people read it, too."""
    about = f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
    return f"{size:,} bytes ({about})" if size >= 1e6 else f"{size:,} bytes"


@dataclass(frozen=True)
class Disk:
    """Where a file system is mounted, what it is, and its free bytes."""

    place: str
    device: str
    free: int

    @classmethod
    def of(cls, folder: Path) -> "Disk":
        """That of a folder, or of the nearest one above it that is there."""
        path = folder.resolve()
        nearest = next(part for part in (path, *path.parents) if part.exists())
        place, device = _mounted(nearest)
        return cls(place, device, shutil.disk_usage(nearest).free)

    def __str__(self) -> str:
        return f"{self.place} ({self.device})" if self.device else self.place


def _mounted(path: Path) -> tuple[str, str]:
    """The mount point above a path, and its device; the path itself where nobody says."""
    found = (str(path), "")
    with suppress(OSError):
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
            device, place = (re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), x) for x in line.split(" ")[:2])
            if path.is_relative_to(place) and (not found[1] or len(place) >= len(found[0])):
                found = (place, device)
    return found
