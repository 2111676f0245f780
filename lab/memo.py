"""What was made of files that have not changed since: made once, by the state of the files."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
State = (
    tuple[str, int, int, int] | tuple[str]
)  # path, inode, time of the last change in ns, bytes; the path alone: no file


def state_of(*paths: Path) -> tuple[State, ...]:
    """What changes whenever one of the files or folders does; cheap enough to be asked for all the time."""
    return tuple(_state(path) for path in paths)


def _state(path: Path) -> State:
    try:
        about = path.stat()
    except OSError:
        return (str(path),)
    return str(path), about.st_ino, about.st_mtime_ns, about.st_size


class Memo:
    """The results that were asked for last, by their key; errors are not kept. What is kept must not be changed."""

    def __init__(self, most: int):
        self.most = most
        self._kept: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of this key, made where it is not kept; two threads may both make it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
        return made
