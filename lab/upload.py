"""A folder to a repository of the Hub, with the token of the environment; each thing that goes wrong in a sentence."""

import os
import re
from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import (
    BadRequestError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    OfflineModeIsEnabled,
)

from lab.errors import InputError, WorkError

REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
TOKEN = "HF_TOKEN"  # noqa: S105 - the name of a variable
ADVICE = {
    401: f"the Hub does not know the token in {TOKEN}; make one under Settings, Access Tokens, with the right to write",
    403: f"the token in {TOKEN} may not write there; give it that right, or name a repository of yours",
    404: "there is no such owner, or the token may not see it",
    413: "the Hub says that it is too large",
    429: "the Hub was asked too often; try again in some minutes",
}


def address(repo: str, kind: str = "dataset", endpoint: str | None = None) -> str:
    """Where a repository stands on the Hub."""
    return f"{endpoint or huggingface_hub.constants.ENDPOINT}/{'datasets/' if kind == 'dataset' else ''}{repo}"


def check_repo(repo: str) -> str:
    """The name of a repository, if it is one. Raises InputError; also when no token is set, before anything is done."""
    if not REPO.fullmatch(repo):
        raise InputError(f"{repo!r} is no repository of the Hub: write OWNER/NAME.")
    if not os.environ.get(TOKEN, "").strip():
        raise InputError(f"Set {TOKEN} in the environment to a token of the Hub that may write to {repo}.")
    return repo


def push(folder: Path, repo: str, kind: str, private: bool, message: str, endpoint: str | None = None) -> dict:
    """Makes the repository where there is none and puts the folder into it; returns `{repo, url, private}`.

    `kind` is "dataset" or "model"; `endpoint` is another Hub than the usual one. Of an earlier push only files under other
    names stay. Raises InputError (name, token, rights) or WorkError (network, the Hub itself).
    """
    check_repo(repo)
    api = huggingface_hub.HfApi(endpoint=endpoint, token=os.environ[TOKEN].strip())
    try:
        api.create_repo(repo, repo_type=kind, private=private or None, exist_ok=True)
        is_private = bool(api.repo_info(repo, repo_type=kind).private)
        if private and not is_private:
            raise InputError(
                f"{repo} is there already and is public; make it private on the Hub first, or name another."
            )
        api.upload_folder(
            repo_id=repo, repo_type=kind, folder_path=folder, commit_message=message, delete_patterns=["data/*"]
        )
    except OfflineModeIsEnabled as error:
        raise WorkError("HF_HUB_OFFLINE is set in the environment, so nothing can be pushed; unset it.") from error
    except HFValidationError as error:
        raise InputError(f"{repo!r} is no repository of the Hub: {_line(error)}") from error
    except (HfHubHTTPError, BadRequestError) as error:
        raise _refused(repo, error) from error
    except (HTTPError, OSError) as error:
        raise WorkError(f"{repo} could not be pushed: the Hub cannot be reached ({_line(error)}).") from error
    except (ValueError, RuntimeError) as error:
        raise WorkError(f"{repo} could not be pushed: {_line(error)}") from error
    return {"repo": repo, "url": address(repo, kind, endpoint), "private": is_private}


def _refused(repo: str, error: HfHubHTTPError) -> InputError | WorkError:
    """What the Hub's answer means; what is said of it never holds the token."""
    status = error.response.status_code
    if status in ADVICE and status < 429:
        return InputError(f"{repo} could not be pushed: {ADVICE[status]}.")
    said = ADVICE.get(status) or (error.server_message or _line(error)).strip().rstrip(".")
    return WorkError(f"{repo} could not be pushed: {said} (HTTP {status}).")


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
