"""Datasets of the Hub, by id with configuration and revision: `owner/name[:config][@revision]`."""

import re
from pathlib import Path

import datasets
import httpx2
import pyarrow as pa
from datasets.exceptions import DataFilesNotFoundError, DatasetNotFoundError
from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES

from lab import hub_client, hub_ids
from lab.errors import InputError

SOURCE = re.compile(r"(?P<repo>[^:@]+)(:(?P<config>\w[\w.-]{0,95}))?(@(?P<revision>.+))?", re.DOTALL)


def fetch_dataset(source: str, label: str | None) -> tuple[dict[str, pa.Table], list[str] | None]:
    """A Hub dataset's splits as tables, and the class names of its label column when it names them.

    Raises InputError for a wrong id, configuration, revision or a dataset that needs code; WorkError for the network.
    """
    match = SOURCE.fullmatch(source)
    if not match or not (hub_ids.is_part(match["repo"]) or hub_ids.is_repo(match["repo"])):
        raise InputError(
            f"hub:{source} is no Hub id: write hub:owner/name, hub:owner/name:config or hub:owner/name@revision."
        )
    hub_ids.need_revision(match["revision"])
    if match["repo"] in _PACKAGED_DATASETS_MODULES or match["repo"].startswith("buckets/"):
        # The library would read files of this machine with that reader of its own, or another kind of storage.
        raise InputError(f"{match['repo']} is no dataset of the Hub: write hub:owner/name.")
    if Path(match["repo"]).exists():  # the library would read that folder instead of the Hub
        raise InputError(
            f"{match['repo']} is also a file or folder here; start the lab elsewhere, or add the files themselves."
        )
    return read(match["repo"], match["config"], match["revision"], label)


def read(repo: str, config: str | None, revision: str | None, label: str | None):
    """See `fetch_dataset`; `repo` may also be a folder laid out as a Hub dataset."""
    try:
        found = datasets.load_dataset(repo, config, revision=revision)
    except DatasetNotFoundError as error:  # which of them it is stands in its words alone
        if "gated" in str(error):
            raise hub_client.gated(repo) from error
        if str(error).startswith("Revision"):
            raise hub_client.no_revision(repo, revision) from error
        raise hub_client.not_there(repo, "dataset") from error
    except DataFilesNotFoundError as error:
        raise InputError(f"{repo} holds no files of rows that can be read without code of its own.") from error
    except (httpx2.HTTPError, ConnectionError, TimeoutError, FileNotFoundError) as error:
        raise hub_client.explained(error, repo, revision, "dataset") from error
    except OSError as error:
        if "Consistency check" not in str(error):
            raise
        raise hub_client.explained(error, repo, revision, "dataset") from error
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{repo}: {_first_line(error)}") from error
    names = None
    for split in found.values():
        feature = split.features.get(label) if label else None
        names = names or (list(feature.names) if isinstance(feature, datasets.ClassLabel) else None)
    # Out of Arrow memory-mapped by the library, into plain tables without its metadata.
    tables = {
        name.replace(".", "_"): split.with_format("arrow")[:].replace_schema_metadata() for name, split in found.items()
    }
    return tables, names


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
