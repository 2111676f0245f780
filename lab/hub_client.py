"""How the Hub is asked: it may be slow, but what stalls or breaks off again and again is given up, and told in a sentence.

Its library asks for what a repository is without any limit of time, and for a file that stalls again and again.
"""

import threading
import time
from collections.abc import Iterator

import httpx2
import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    IncompleteSnapshotError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils._http import hf_request_event_hook

from lab.errors import InputError, WorkError

SILENCE = 6.0  # seconds without a byte, of what is only read
SILENCE_AFTER_SENDING = 120.0
MOST_FAILURES, LONGEST_TRYING, FORGOTTEN_AFTER = 3, 10.0, 30.0  # of one file; seconds
# By address, when what failed had begun; the library makes itself a new client after each connection that failed.
_FAILURES: dict[str, list[float]] = {}
_GUARD = threading.Lock()


class GivenUp(httpx2.HTTPError):
    """Raised where trying again has not helped; no library takes it for something to be tried again."""

    def __init__(self, reason: Exception | str):
        super().__init__(str(reason))
        self.reason = reason  # libraries cut off what stands behind an error


class Patient(httpx2.Client):
    """A client that counts what goes wrong with each address, whoever tries again."""

    def send(self, request: httpx2.Request, **options) -> httpx2.Response:
        begun = time.monotonic()
        silence = SILENCE if request.method in ("GET", "HEAD") else SILENCE_AFTER_SENDING
        limits = request.extensions.get("timeout", {})
        limits = {kind: min(limits.get(kind) or silence, silence) for kind in ("connect", "read", "write", "pool")}
        request.extensions = {**request.extensions, "timeout": limits}
        try:
            response = super().send(request, **options)
        except httpx2.TransportError as error:
            failed(request, begun, error)
            raise
        if response.status_code >= 500:
            failed(request, begun, f"error {response.status_code}")
        if options.get("stream"):
            response.stream = _Body(response.stream, request, begun)
        return response


def failed(request: httpx2.Request, begun: float, reason: Exception | str) -> None:
    """Counts a failure. Raises GivenUp when there have been too many in too short a time."""
    now, place = time.monotonic(), f"{request.method} {request.url.copy_with(query=None)}"
    with _GUARD:
        recent = [t for t in _FAILURES.get(place, []) if now - t < FORGOTTEN_AFTER] + [begun]
        _FAILURES[place] = recent
    if len(recent) >= MOST_FAILURES or (len(recent) > 1 and now - recent[0] > LONGEST_TRYING):
        _FAILURES.pop(place, None)  # who asks again later starts anew
        raise GivenUp(reason)


class _Body(httpx2.SyncByteStream):
    def __init__(self, inner: httpx2.SyncByteStream, request: httpx2.Request, begun: float):
        self._inner, self._request, self._begun = inner, request, begun

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._inner
        except httpx2.TransportError as error:
            failed(self._request, self._begun, error)
            raise

    def close(self) -> None:
        self._inner.close()


def _client() -> httpx2.Client:
    return Patient(event_hooks={"request": [hf_request_event_hook]}, follow_redirects=True, timeout=None)


huggingface_hub.set_client_factory(_client)
# Xet fetches and sends files past that client, by a library of its own that waits and tries again as long as it likes, and whose
# errors are those of no request: what stalls or breaks off would be neither given up nor told. Looked at with each file.
constants.HF_HUB_DISABLE_XET = True


# -- what went wrong, in words -------------------------------------------------------------------------------------------


def explained(error: Exception, repo: str, revision: str | None, kind: str = "model") -> InputError | WorkError:
    """Why something could not be fetched, as a sentence about what to do."""
    found = _chain(error)
    if _first(found, GatedRepoError):
        return gated(repo)
    if _first(found, RevisionNotFoundError):
        return no_revision(repo, revision)
    if _first(found, RepositoryNotFoundError):
        return not_there(repo, kind)
    lacking = "is on this machine in part only" if _first(found, IncompleteSnapshotError) else "is not on this machine"
    return WorkError(f"{repo} {lacking}, and {_trouble(found)}.")


def gated(repo: str) -> InputError:
    return InputError(f"{repo} is gated: accept its terms on the Hub and set HF_TOKEN in the environment.")


def no_revision(repo: str, revision: str | None) -> InputError:
    return InputError(f"{repo} has no revision {revision!r}.")


def not_there(repo: str, kind: str) -> InputError:
    return InputError(f"There is no {kind} {repo} on the Hub, or it is private and HF_TOKEN is not set.")


def _trouble(found: list[Exception]) -> str:
    answer = _first(found, HfHubHTTPError)
    if answer is not None and answer.response is not None:
        return f"the Hub refuses it (error {answer.response.status_code}); try again later"
    if _first(found, httpx2.TimeoutException):
        return "the Hub does not answer; check the network, and try again later"
    given_up = _first(found, GivenUp)
    if given_up is not None and isinstance(given_up.reason, str):
        return f"the Hub refuses it ({given_up.reason}); try again later"
    if _first(found, httpx2.RemoteProtocolError) or _first(found, httpx2.ReadError) or "Consistency" in str(found[0]):
        return "the connection to the Hub broke off while it was fetched; try again"
    if _first(found, OfflineModeIsEnabled) or constants.is_offline_mode():
        return "the Hub is not asked, because HF_HUB_OFFLINE is set"
    return "the Hub cannot be reached; check the id and the network"


def _first(found: list[Exception], kind: type[Exception]) -> Exception | None:
    return next((error for error in found if isinstance(error, kind)), None)


def _chain(error: BaseException | None) -> list[Exception]:
    """An error and what it came from."""
    found: list[Exception] = []
    while error is not None and error not in found:
        found.append(error)
        reason = error.reason if isinstance(error, GivenUp) and isinstance(error.reason, Exception) else None
        error = reason or error.__cause__ or error.__context__
    return found
