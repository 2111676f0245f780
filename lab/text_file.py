"""The text of a file in UTF-8, UTF-16 or UTF-32."""

import json
from pathlib import Path

from lab.errors import InputError


def utf8(path: Path) -> bytes:
    """A file's text in UTF-8. Of what is no other encoding it is not looked at whether it is that: to read it will tell."""
    with path.open("rb") as file:
        head = file.read(4)
    if json.detect_encoding(head).startswith("utf-8"):
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    return read(path).encode()


def read(path: Path) -> str:
    """A file's text: UTF-8, or UTF-16 or UTF-32, which its mark at the beginning or the NUL bytes of its first letters tell."""
    data = path.read_bytes()
    encoding = json.detect_encoding(data)
    if not encoding.startswith("utf-8"):
        try:
            return data.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            kind, byte = encoding.upper()[:6], f"byte {error.start + 1:,}"
            raise InputError(
                f"{path.name} is torn {kind} text from {byte} on; save the file again, as UTF-8."
            ) from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{path.name}: line {line} is not UTF-8 text; save the file as UTF-8.") from error
