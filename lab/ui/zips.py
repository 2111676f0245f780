"""Where the page packs what is taken away, of which Gradio keeps a copy for as long as of an upload."""

import functools
import tempfile
from pathlib import Path


def place() -> Path:
    """The folder for them; it goes with this process."""
    return Path(_folder().name)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="lab-export-")
