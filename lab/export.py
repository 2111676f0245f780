"""What leaves the lab: a run's adapter with its task, its settings and its card, as a folder or as a zip."""

import shutil
import tempfile
import zipfile
from pathlib import Path

from lab.errors import InputError
from lab.home import staged
from lab.job import ALIVE
from lab.runs import Run
from lab.subjects import ADAPTER_WEIGHTS

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the same adapter gives the same zip


def files(run: Run) -> list[Path]:
    """The files of a run's adapter. Raises InputError when it has none yet, or a process is still at work on it."""
    status = run.status()
    if status in ALIVE or not (run.adapter / ADAPTER_WEIGHTS).is_file():
        raise InputError(f"{run.id} is {status} and has no adapter to export; `run show {run.id}` says more.")
    return sorted(path for path in run.adapter.rglob("*") if path.is_file())


def to_folder(run: Run, place: Path) -> Path:
    """Copies the adapter to `place/ID`, which must not be there yet; returns that folder."""
    found, target = files(run), place / run.id
    if target.exists():
        raise InputError(f"{target} is there already; remove it, or name another place.")
    with staged(target) as folder:
        for path in found:
            copy = folder / path.relative_to(run.adapter)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return target


def to_zip(run: Run, place: Path) -> Path:
    """Writes the adapter as `place/ID.zip`, in a folder named ID; returns that file."""
    found, target = files(run), place / f"{run.id}.zip"
    if target.exists():
        raise InputError(f"{target} is there already; remove it, or name another place.")
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=f".{run.id}.") as folder:
        unfinished = Path(folder) / target.name
        with zipfile.ZipFile(unfinished, "w") as packed:  # weights do not get smaller by packing
            for path in found:
                about = zipfile.ZipInfo(f"{run.id}/{path.relative_to(run.adapter).as_posix()}", EARLIEST)
                with path.open("rb") as reading, packed.open(about, "w", force_zip64=True) as writing:
                    shutil.copyfileobj(reading, writing, 1 << 20)
        unfinished.rename(target)
    return target
