"""The generation worker: one process that keeps a base in memory and answers over a socket; it steps aside for jobs.

`python -m lab.generator HOME`, started on first use. It ends, and so gives all its memory back, when a job is asked for or
when nobody has asked for a while; the next question starts it again. Question and events are JSON lines.
"""

import json
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict

from lab import jobs, queue, shortage, signs, subjects
from lab import task as task_file
from lab.chat import Chat, Posed, chats_of
from lab.config import Decoding
from lab.errors import InputError, WorkError, in_full
from lab.home import Home, guard, row_json
from lab.hub_token import without_tokens
from lab.job import Stopped, hold, lock_holder
from lab.task import Task

IDLE = 900  # seconds after which it ends
LOOK_EVERY = 0.5  # seconds between two looks for jobs
HEED_EVERY = 0.1  # seconds between two looks whether the one who asked has called it off
START_WITHIN = 60  # seconds
PATIENCE = 10  # seconds that one may take to write a question or to read what is told
NOT_UP = "The generation worker does not come up; see generator/log.txt in the home folder."


# -- asking ----------------------------------------------------------------------------------------------------------------


def ask(
    home: Home,
    names: list[str],
    task: Task,
    posed: Posed,
    decoding: Decoding,
    halted: Callable[[], bool] = lambda: False,
) -> Iterator[dict]:
    """Puts a row, or a raw prompt (a str), to subjects, or to each its own chat; yields events as `SideBySide.answer` tells them.

    Closing the iterator stops the answer. Raises Stopped soon after `halted` says so, InputError for what is wrong,
    WorkError when a job is at work, for which generation steps aside.
    """
    question = {"subjects": names, "task": task_file.dump(task), "decoding": decoding.model_dump()}
    if chats := chats_of(posed):
        question["chats"] = {name: asdict(chats[name]) for name in names}
    else:
        # A cell of NaN has no form in JSON, and in a prompt it is one without a value.
        question["row"] = posed if isinstance(posed, str) else {k: None if v != v else v for k, v in posed.items()}
    refuse_beside_jobs(home)
    heeding, killed = _heeding(home, halted), shortage.kills()
    # A worker that ends, for a job or after an idle time, leaves those who wait with a broken connection.
    with suppress(ConnectionError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)  # whatever the worker does, who asks can be called off
        _connect(home, connection, heeding)
        _send(connection, row_json(question).encode() + b"\n", heeding)
        for line in _lines(connection, heeding):
            event = json.loads(line)
            if event["event"] == "error":
                raise (InputError if event["kind"] == "input" else WorkError)(event["message"])
            if event["event"] == "done":
                return
            yield event
    refuse_beside_jobs(home)
    raise _ended(killed)


def _ended(killed: dict) -> WorkError:
    """What is said of a worker that has ended before its answer: whether the kernel has killed it, by its counters before."""
    blame = shortage.killed_since(killed)
    if not blame:
        return WorkError("The generation worker has ended; its log is generator/log.txt in the home folder. Ask again.")
    told = shortage.by_kernel(None, shortage.GENERATION_ADVICE, blame == "sure")
    return WorkError(f"{told['message']} {told['advice']}")


def refuse_beside_jobs(home: Home) -> None:
    """Raises WorkError while a job lives, for which generation steps aside."""
    busy = queue.living(home)
    if busy:
        what = "training" if busy[0].kind == "run" else "at work"
        raise WorkError(f"{busy[0].id} is {what}. Generation steps aside for it: wait until it has ended, or stop it.")


def _lines(connection: socket.socket, halted: Callable[[], bool]) -> Iterator[bytes]:
    """The lines that arrive until the connection ends. Raises Stopped soon after `halted` says so."""
    rest = b""
    while True:
        if halted():
            raise Stopped
        if not select.select([connection], [], [], HEED_EVERY)[0]:
            continue
        arrived = connection.recv(1 << 16)
        if not arrived:
            return
        *lines, rest = (rest + arrived).split(b"\n")
        yield from lines


def _heeding(home: Home, halted: Callable[[], bool]) -> Callable[[], bool]:
    """`halted`, which meanwhile listens whether the worker lives. Raises WorkError when it hangs, which ends it."""
    watch = signs.Watch(home.generator / "lock")

    def heeding() -> bool:
        watch.look()
        return halted()

    return heeding


def _connect(home: Home, connection: socket.socket, halted: Callable[[], bool]) -> None:
    """Connects to the worker, which is started when there is none. Raises Stopped soon after `halted` says so."""
    home.generator.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            if _reach(home, connection):
                return
        except BlockingIOError:  # so many wait for it already that it takes in no more for now
            deadline = time.monotonic() + START_WITHIN
        if halted():
            raise Stopped
        if time.monotonic() > deadline:
            raise WorkError(NOT_UP)
        _start(home, halted)
        time.sleep(0.05)


def _start(home: Home, halted: Callable[[], bool]) -> None:
    """Starts the worker where there is none; of many who ask one does so, while the others wait until it holds its lock."""
    lock = home.generator / "lock"
    if lock_holder(lock) is not None:
        return
    with guard(home.generator):
        if lock_holder(lock) is not None:
            return
        deadline = time.monotonic() + START_WITHIN
        worker = jobs.spawn(["lab.generator", str(home.path)], home.generator / "log.txt")
        while worker.poll() is None and lock_holder(lock) is None:
            if halted():
                raise Stopped
            if time.monotonic() > deadline:
                worker.kill()
                raise WorkError(NOT_UP)
            time.sleep(0.05)


def _reach(home: Home, connection: socket.socket) -> bool:
    with _short_name(home) as name, suppress(FileNotFoundError, ConnectionRefusedError):
        connection.connect(name)
        return True
    return False


def _send(connection: socket.socket, words: bytes, halted: Callable[[], bool]) -> None:
    """Writes a question, a part at a time: one that is long has no room until it is read."""
    while words:
        if halted():
            raise Stopped
        if select.select([], [connection], [], HEED_EVERY)[1]:
            words = words[connection.send(words) :]


@contextmanager
def _short_name(home: Home) -> Iterator[str]:
    """The socket's name; a socket's path may have 107 bytes at most, a home folder's may be longer."""
    folder = os.open(home.generator, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/socket"
    finally:
        os.close(folder)


# -- the worker --------------------------------------------------------------------------------------------------------------


def main(path: str) -> None:
    """The worker's process: answers one question after the other until a job wants the machine."""
    shortage.first_to_go()
    home = Home.at(path)
    home.generator.mkdir(parents=True, exist_ok=True)
    with hold(home.generator / "lock", "A generation worker is there already."):
        signs.give(home.generator / "lock")
        (home.generator / "socket").unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            with _short_name(home) as name:
                server.bind(name)
            server.listen(16)
            _serve(home, server)
        (home.generator / "socket").unlink(missing_ok=True)


def _serve(home: Home, server: socket.socket) -> None:
    from lab.side_by_side import SideBySide

    desk, asked = SideBySide(), time.monotonic()
    while not queue.living(home) and time.monotonic() - asked < IDLE:
        if select.select([server], [], [], LOOK_EVERY)[0]:
            connection, _ = server.accept()
            with connection:
                _answer(home, desk, connection)
            asked = time.monotonic()


def _answer(home: Home, desk, connection: socket.socket) -> None:
    """Answers one question, unless the one who asked goes away or a job is asked for."""

    def tell(event: dict) -> None:
        connection.sendall(row_json(event).encode() + b"\n")

    connection.settimeout(PATIENCE)
    with suppress(ConnectionError, TimeoutError):  # the one who asked has gone, or neither writes nor reads
        try:
            question = json.loads(connection.makefile("r", encoding="utf-8").readline())
            found = subjects.resolve(home, question["subjects"])
            task, decoding = task_file.parse(question["task"]), Decoding.model_validate(question["decoding"])
            halted = _halted(home, connection)
            desk.answer(found, task, _posed(question), decoding, tell, halted)
            tell({"event": "done"})
        except Stopped:
            pass  # the end of the connection says so
        except (InputError, WorkError) as error:
            kind = "input" if isinstance(error, InputError) else "work"
            tell({"event": "error", "kind": kind, "message": in_full(error)})
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:  # one question must not end the worker
            print(without_tokens(f"{type(error).__name__}: {error}"), file=sys.stderr, flush=True)
            told = shortage.in_words(error) or f"{type(error).__name__}: {shortage.first_line(error)}"
            tell({"event": "error", "kind": "work", "message": without_tokens(told)})


def _posed(question: dict) -> Posed:
    if "row" in question:
        return question["row"]
    return {name: Chat(**chat) for name, chat in question["chats"].items()}


def _halted(home: Home, connection: socket.socket) -> Callable[[], bool]:
    """Says whether to break off; looks for jobs only now and then, for it is asked at every token."""
    looked, busy = time.monotonic(), False

    def halted() -> bool:
        nonlocal looked, busy
        if time.monotonic() - looked > LOOK_EVERY:
            looked, busy = time.monotonic(), bool(queue.living(home))
        gone = select.select([connection], [], [], 0)[0] and not connection.recv(1, socket.MSG_PEEK)
        return busy or bool(gone)

    return halted


if __name__ == "__main__":
    main(*sys.argv[1:])
