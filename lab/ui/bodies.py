"""How much a request may bring: a file is one upload, and all else is words. Gradio itself counts files alone."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from gradio import utils
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from lab.ui import routes

LARGEST_FILE = 200 << 20  # bytes
LARGEST_UPLOAD = LARGEST_FILE + (1 << 20)  # with what stands around the file
LARGEST_CALL = 32 << 20  # tasks, configs and ratings as text, and files that a tool sends inside of its call
KEPT_FREE = 1 << 30  # bytes of the disk on which uploads lie
TORN = 3600  # seconds after which a file that is being uploaded is one that nobody goes on with
TOO_LARGE = f"Too large: a file may have {LARGEST_FILE >> 20} MB, everything else {LARGEST_CALL >> 20} MB.\n"
NO_ROOM = "The disk of the server is too full for this upload.\n"


class _TooLargeError(Exception):
    """More came than was announced or is allowed."""


async def limited(app, scope, receive, send) -> None:
    """Hands a request on, and refuses it (413, 507) once it is too large."""
    uploads = scope["path"].rstrip("/") == routes.UPLOAD
    most, announced = LARGEST_UPLOAD if uploads else LARGEST_CALL, _announced(scope)
    refused = (413, TOO_LARGE) if announced > most else (507, NO_ROOM) if uploads and not _has_room(announced) else None
    if refused:
        await PlainTextResponse(refused[1], status_code=refused[0])(scope, receive, send)
        return
    come, answered = 0, False

    async def counted():
        nonlocal come
        message = await receive()
        come += len(message.get("body", b""))
        if come > most:
            raise _TooLargeError
        return message

    async def answer(message) -> None:
        nonlocal answered
        if come <= most:
            answered = True
            await send(message)

    with suppress(_TooLargeError):
        await app(scope, counted, answer)
    if come > most and not answered:
        await PlainTextResponse(TOO_LARGE, status_code=413)(scope, receive, send)


def _announced(scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _has_room(size: int) -> bool:
    """Whether an upload fits on the disk, on which what was torn off before is cleared away."""
    folder = Path(utils.get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    for entry in os.scandir(folder):
        with suppress(OSError):
            if entry.is_file(follow_symlinks=False) and time.time() - entry.stat().st_mtime > TORN:
                Path(entry.path).unlink()
    return shutil.disk_usage(folder).free - size > KEPT_FREE
