"""Every moment at which a process writes: counted, and at one of them it is killed or its disk fails."""

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WRITES = ("fsync", "rename", "replace", "mkdir", "sendfile")  # by the last of them whole files are copied
REMOVES = ("unlink", "rmdir")


class Watched:
    """A file opened for writing, each write of which is a moment."""

    def __init__(self, file, moment: Callable):
        self._file, self._moment = file, moment

    def write(self, data) -> int:
        self._moment("write", lambda: (self._file.write(data[: len(data) // 2]), self._file.flush()))
        return self._file.write(data)

    def __getattr__(self, name: str):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *raised) -> None:
        self._file.close()

    def __iter__(self):
        return iter(self._file)


@contextmanager
def watched(act: Callable[[int, str, tuple], None], names: tuple[str, ...] = WRITES) -> Iterator[list[str]]:
    """Calls `act(number, name, arguments)` before each write and each call of `os` by these names; gives back their names.

    Half of what is written has reached the file by then.
    """
    seen: list[str] = []
    opened, true = io.open, {name: getattr(os, name) for name in names}

    def moment(name: str, torn: Callable | None = None, given: tuple = ()) -> None:
        seen.append(name)
        if torn:
            torn_by = _Torn(torn)
            act(len(seen), name, (torn_by,))
        else:
            act(len(seen), name, given)

    def open_watched(file, mode="r", *more, **named):
        found = opened(file, mode, *more, **named)
        return Watched(found, moment) if set(mode) & set("wa+x") else found

    def calling(name: str) -> Callable:
        def call(*given, **named):
            moment(name, None, given)
            return true[name](*given, **named)

        return call

    io.open = builtins.open = open_watched  # one function, which some know by the other name
    for name in names:
        setattr(os, name, calling(name))
    try:
        yield seen
    finally:
        io.open = builtins.open = opened
        for name in names:
            setattr(os, name, true[name])


class _Torn:
    """Half a write, to be made by who acts."""

    def __init__(self, make: Callable):
        self.make = make


def killing_at(number: int) -> Callable:
    """Ends this process, which must be a forked one, at a moment, as SIGKILL would: nothing else of Python's is run."""

    def act(now: int, name: str, given: tuple) -> None:
        if now == number:
            if given and isinstance(given[0], _Torn):
                given[0].make()
            os._exit(137)

    return act


def failing_at(number: int, error: int, lasting: bool) -> Callable:
    """The disk fails at a moment; `lasting`: and at all after it.

    A full one until somebody has given back what was kept spare, and it lets files be removed; another for good, at that, too.
    """
    is_full, given_back = error in (errno.ENOSPC, errno.EDQUOT), []

    def act(now: int, name: str, given: tuple) -> None:
        if is_full and name == "unlink" and str(given[0]).endswith(".spare") and os.path.exists(given[0]):  # noqa: PTH110
            given_back.append(os.stat(given[0]).st_size)  # noqa: PTH116
        if name in REMOVES and (is_full or not lasting):
            return
        if now == number or (lasting and now > number and not any(given_back)):
            if given and isinstance(given[0], _Torn):
                given[0].make()
            named = given and isinstance(given[0], str | os.PathLike)  # as the kernel's own errors are
            raise OSError(error, os.strerror(error), *([os.fspath(given[0])] if named else []))

    return act


def forked(work: Callable[[], None]) -> int:
    """Does something in a process of its own; returns how that ended."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
