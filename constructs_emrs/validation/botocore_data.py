"""The data that botocore has: which operations a service has, what they take, where it is."""

import functools
import gzip
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

MODEL = "service-2"


def botocore_data(path: str) -> dict[str, Any]:
    """A file that botocore has for itself.

    Not what is in ~/.aws/models, which botocore reads by default: that is another one on another machine, and one app
    would have several templates.

    Args:
        path: Its path, without a suffix.
    """
    (file,) = _data_folder().glob(f"{path}.json*")
    read = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return cast("dict[str, Any]", json.loads(read))


def latest_version(service: str) -> str:
    """The version of the service's API that botocore speaks."""
    return max(folder.name for folder in (_data_folder() / service).iterdir())


@functools.cache
def _data_folder() -> Path:
    # Importing botocore takes longer than all of this library.
    (package,) = cast("Any", find_spec("botocore")).submodule_search_locations
    return Path(package, "data")


def without_texts(part: Any) -> Any:
    """A part of a description of a service without the texts for readers, which are most of it."""
    match part:
        case dict():
            # A member of this name would have a shape, not a text.
            return {
                name: without_texts(value)
                for name, value in part.items()
                if not (name == "documentation" and isinstance(value, str))
            }
        case list():
            return [without_texts(item) for item in part]
        case _:
            return part
