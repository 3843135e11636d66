"""The text of what a job runs, where that says what its configuration does not."""

import re
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any, Final

from emrs_local.spark.object_tree import ObjectTree

_SCRIPT: Final = re.compile(r"s3[an]?://([^/]+)/(.+\.(?:py|sql|hql|q))")
_MOST_BYTES: Final = 1024 * 1024  # a script is shorter


def scripts(job_driver: Mapping[str, Any], tree: Callable[[str], ObjectTree]) -> str:
    """The script, or the queries, of a job; empty where there is none, or none that may be read.

    Args:
        job_driver: StartJobRun's `jobDriver`.
        tree: The files of a bucket, as the job sees them.
    """
    submitted = [value for driver in job_driver.values() for value in driver.values()]
    found = [_SCRIPT.fullmatch(value) for value in submitted if isinstance(value, str)]
    return "\n".join(_content(tree(script[1]), script[2]) for script in found if script)


def _content(tree: ObjectTree, key: str) -> str:
    with suppress(OSError):  # then the job fails in its own words
        content = tree.open(key, length=_MOST_BYTES)
        with closing(content.body) as body:
            return body.read(content.length).decode(errors="replace")
    return ""
