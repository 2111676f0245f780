"""What this machine has to compute with, found out without loading torch."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ASK_GPU = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits", "--id=0"]


@dataclass(frozen=True)
class Device:
    """What a run computes on; its memory in bytes, None where nobody says."""

    kind: str  # cuda or cpu, as torch calls them
    name: str
    memory_bytes: int | None


@lru_cache(maxsize=1)
def device() -> Device:
    """The first GPU, where its driver answers, else the processor with the machine's memory."""
    if shutil.which(ASK_GPU[0]):
        try:
            said = subprocess.run(ASK_GPU, capture_output=True, text=True, timeout=20, check=True).stdout
            name, memory = said.strip().splitlines()[0].rsplit(", ", 1)
            return Device("cuda", name, int(memory) * 2**20)
        except (OSError, subprocess.SubprocessError, ValueError, IndexError):
            pass  # a driver without a GPU; then torch finds none either
    if Path("/dev/kfd").exists():  # AMD's driver
        return Device("cuda", "GPU", None)
    return Device("cpu", "CPU", _memory_of_machine())


def _memory_of_machine() -> int | None:
    """The memory that this process may use: the machine's, or what its container is allowed."""
    found = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
    limits = [int(found[1]) * 1024] if found else []
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = Path(path).read_text(encoding="ascii").strip() if Path(path).is_file() else ""
        limits += [int(text)] if text.isdigit() else []
    return min(limits, default=None)
