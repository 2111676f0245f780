"""Models to the Hub, as a job: what a run has left goes up in one commit, with its card. The token comes from the environment."""

import os

import httpx2
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import disable_progress_bars, validate_repo_id

from lab import card, export, hub_client, hub_ids, merging  # noqa: F401 - with the client, the Hub is asked within bounds
from lab.errors import InputError, WorkError
from lab.export import Parcel
from lab.home import Home, newest_first, read_json, write_json
from lab.hub_token import TOKENS, without_tokens
from lab.merging import Merging

WANTED = "push.json"


class Wanted(merging.Wanted):
    """`dtype` is None where nothing is merged."""

    repo: str
    private: bool = False
    revision: str | None = None


class Push(Merging):
    """What a run has left on its way to the Hub, merged before where that is asked for."""

    kind = "push"
    wanted_file, wanted_form = WANTED, Wanted

    def keep(self, made: dict) -> None:
        write_json(self._path("pushed.json"), made)

    def pushed(self) -> dict | None:
        """`{repo, revision, url}` of what went up; None while it did not."""
        return read_json(self._path("pushed.json"))


def checked(home: Home, name: str, repo: str, merge: bool, private: bool, revision: str | None) -> Wanted:
    """What a push comes to. Raises InputError, before anything is sent, when it cannot be."""
    check_place(repo, revision)
    token()
    if merge:
        found = merging.checked(home, name).model_dump()
    else:
        export.as_left(home, name)
        found = {"subject": name, "weights": "", "dtype": None}
    return Wanted(**found, repo=repo, private=private, revision=revision or None)


def check_place(repo: str, revision: str | None) -> None:
    """Raises InputError for what is no id of a repository on the Hub, or no name of a branch there."""
    try:
        if not hub_ids.is_repo(repo):
            raise HFValidationError
        validate_repo_id(repo)
    except HFValidationError as error:
        raise InputError(
            f"{repo!r} is no place on the Hub: write owner/name, in letters, digits, -, _ and dots."
        ) from error
    if revision and not hub_ids.is_revision(revision):
        raise InputError(f"{revision!r} is no name of a branch: letters, digits, - _ . and /.")


def token() -> str:
    """The Hub's token out of the environment. Raises InputError when there is none."""
    found = next(filter(None, (os.environ.get(name, "").strip() for name in TOKENS)), None)
    if not found:
        raise InputError("There is no token for the Hub: set HF_TOKEN in the environment, to one that may write.")
    return found


def push(home: Home, job: Push, progress) -> None:
    """Sends up what the job is for. Raises InputError or WorkError, in one sentence, when the Hub will not have it."""
    wanted = job.wanted
    what = job.parcel() if wanted.dtype else export.parcel(home, wanted.subject)
    progress(f"sending {what.size / 1e6:,.1f} MB to {wanted.repo}", 0)
    sent = placed(what, wanted.repo)
    job.keep(send(sent, wanted.repo, wanted.private, wanted.revision, f"{what.name} of QLoRA Lab"))


def placed(what: Parcel, repo: str) -> Parcel:
    """A parcel whose card names the repository where a folder stood."""
    return Parcel(what.name, what.files, {**what.texts, "README.md": what.text("README.md").replace(card.HERE, repo)})


def send(
    what: Parcel, repo: str, private: bool, revision: str | None, message: str, kind: str = "model"
) -> dict[str, str | None]:
    """Commits a parcel's files to a repository of a kind, `model` or `dataset`, which is made when there is none.

    Returns `{repo, revision, url}`. Raises InputError or WorkError in one sentence, in which no token stands.
    """
    disable_progress_bars()
    files = {**what.files, **{name: text.encode() for name, text in what.texts.items()}}
    operations = [CommitOperationAdd(name, content) for name, content in sorted(files.items())]
    try:
        api = HfApi(token=token())
        api.create_repo(repo, repo_type=kind, private=private, exist_ok=True)
        if private and not api.repo_info(repo, repo_type=kind).private:
            raise InputError(
                f"{repo} is there already and everyone can read it; make it private on the Hub, or name another."
            )
        if revision:
            api.create_branch(repo, branch=revision, repo_type=kind, exist_ok=True)
        made = api.create_commit(repo, operations, commit_message=message, repo_type=kind, revision=revision)
    except (OfflineModeIsEnabled, httpx2.HTTPError, HFValidationError) as error:
        raise explained(error, repo, revision) from None  # the log must not hold what was sent, a token among it
    return {"repo": repo, "revision": revision, "url": str(made.commit_url)}


def explained(error: Exception, repo: str, revision: str | None) -> InputError | WorkError:
    """What the Hub or the way there said, as a sentence about what to do."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, HFValidationError):
        return InputError(f"{repo} is no place on the Hub: {str(error).splitlines()[0]}")
    if isinstance(error, OfflineModeIsEnabled):
        return WorkError("The Hub is not asked, because HF_HUB_OFFLINE is set in the environment; take it out to push.")
    if isinstance(error, RevisionNotFoundError):
        return InputError(f"{repo} has no revision {revision!r}.")
    if isinstance(error, GatedRepoError) or status == 403:
        return InputError(
            f"The token in HF_TOKEN may not write to {repo}; make one that may, or name a place of your own."
        )
    if status == 401 and not isinstance(error, RepositoryNotFoundError):
        return InputError("The Hub does not know the token in HF_TOKEN; it is wrong, or no longer valid.")
    if isinstance(error, RepositoryNotFoundError) or status in (401, 404):
        return InputError(f"There is no place {repo} on the Hub that the token in HF_TOKEN may write to.")
    if isinstance(error, HfHubHTTPError) and status:
        said = without_tokens(error.server_message or "").splitlines()
        return WorkError(f"The Hub refuses {repo} ({status}){f': {said[0]}' if said else '; try again later'}")
    return WorkError("The Hub cannot be reached; check the network, and push again.")


def told(job: Push) -> dict:
    """A push as commands show it: `id, run_id, repo, revision, status, url, error`."""
    wanted = job.wanted
    found = {"id": job.id, "run_id": wanted.subject, "repo": wanted.repo, "revision": wanted.revision}
    return {**found, "status": job.status(), "url": (job.pushed() or {}).get("url"), "error": job.error()}


def told_of_all(home: Home) -> list[dict]:
    """All pushes, newest first."""
    return [told(Push(home, job_id)) for job_id in listing(home)]


def listing(home: Home) -> list[str]:
    """The ids of all such jobs, newest first."""
    return newest_first(home.jobs, WANTED)
