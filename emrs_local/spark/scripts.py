"""What a job runs: its text, where that says what its configuration does not, and a copy for Python."""

import re
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from emrs_local.spark.object_tree import ObjectTree

_SCRIPT: Final = re.compile(r"s3[an]?://([^/]+)/(.+\.(?:py|sql|hql|q))")
# Only keys that Spark takes as they are: it decodes a `%`, and Hadoop resolves `..`.
_PLAIN_PYTHON: Final = re.compile(r"s3[an]?://([^/]+)/((?:[\w-][\w.=-]*/)*[\w-][\w.=-]*\.py)", re.ASCII)
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


def local_script(entry_point: str, tree: Callable[[str], ObjectTree], *, folder: Path) -> Path | None:
    """A copy of the Python script that a job begins with, for which Spark needs no S3: its client takes long to start.

    There is none of what is no such script, nor of one that cannot be read: Spark has the words for that.

    Args:
        entry_point: The entry point of the job.
        tree: The files of a bucket, as the job sees them.
        folder: A folder for nothing else, as Python looks for modules where a script is.
    """
    in_s3 = _PLAIN_PYTHON.fullmatch(entry_point)
    if in_s3 is None:
        return None
    script = folder / in_s3[2].rpartition("/")[2]
    try:
        content = tree(in_s3[1]).open(in_s3[2])
        folder.mkdir(parents=True)
        content.save(script)
    except OSError:
        return None
    return script


def _content(tree: ObjectTree, key: str) -> str:
    with suppress(OSError):  # then the job fails in its own words
        content = tree.open(key, length=_MOST_BYTES)
        with closing(content.body) as body:
            return body.read(content.length).decode(errors="replace")
    return ""
