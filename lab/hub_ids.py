"""Names on the Hub: `owner/name` of a repository, and revisions. None of them is ever a path of this machine."""

import re

from lab.errors import InputError

LONGEST_PART, LONGEST_REVISION = 96, 100  # letters
_PART = r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
_REVISION = re.compile(r"\w[\w-]*(?:\.[\w-]+)*(?:/[\w-]+(?:\.[\w-]+)*)*", re.ASCII)


def is_part(text: str) -> bool:
    """Whether a text can be the owner or the name of a repository."""
    return len(text) <= LONGEST_PART and re.fullmatch(_PART, text) is not None


def is_repo(text: str) -> bool:
    """Whether a text can be a repository: `owner/name`."""
    return text.count("/") == 1 and all(map(is_part, text.split("/")))


def is_revision(text: str) -> bool:
    """Whether a text can be a branch, a tag or a commit: no part of it is empty, hidden, `.` or `..`."""
    return len(text) <= LONGEST_REVISION and _REVISION.fullmatch(text) is not None


def is_model(text: str) -> bool:
    """Whether a text can be a model: `owner/name` or `owner/name@revision`."""
    repo, at, revision = text.partition("@")
    return is_repo(repo) and (not at or is_revision(revision))


def need_revision(text: str | None) -> None:
    """Raises InputError for what is no revision; None stands for the newest one."""
    if text is not None and not is_revision(text):
        raise InputError(
            f"{text[:LONGEST_REVISION]!r} is no revision: letters, digits, - _ . and / as in main or v1.2, "
            f"at most {LONGEST_REVISION}."
        )
