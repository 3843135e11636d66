"""The buckets that a job names, whether they exist or not.

Hadoop knows the buckets that are mounted. Of any other it says that it misses a class, so what a job names is mounted
too: then S3 says that there is no such bucket, or the job has created it meanwhile.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any, Final

from emrs_local.spark.object_tree import ObjectTree

_URI: Final = re.compile(r"\bs3[an]?://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])")
_SCRIPT: Final = re.compile(r"s3[an]?://([^/]+)/(.+\.(?:py|sql|hql|q))")
_MOST_BYTES: Final = 1024 * 1024  # a script is shorter


def named_buckets(
    *,
    job_driver: Mapping[str, Any],
    application_configuration: Sequence[Mapping[str, Any]],
    tree: Callable[[str], ObjectTree],
) -> set[str]:
    """The buckets in the addresses of a request, and in those of the script or query that it runs.

    Args:
        job_driver: StartJobRun's `jobDriver`.
        application_configuration: The merged `applicationConfiguration`.
        tree: The files of a bucket, as the job sees them.
    """
    submitted = [value for driver in job_driver.values() for value in driver.values()]
    texts = [json.dumps([submitted, list(application_configuration)], ensure_ascii=False)]
    scripts = [_SCRIPT.fullmatch(value) for value in submitted if isinstance(value, str)]
    texts += [_content(tree(script[1]), script[2]) for script in scripts if script]
    return {bucket for text in texts for bucket in _URI.findall(text)}


def _content(tree: ObjectTree, key: str) -> str:
    with suppress(OSError):  # then the job fails in its own words
        content = tree.open(key, length=_MOST_BYTES)
        with closing(content.body) as body:
            return body.read(content.length).decode(errors="replace")
    return ""
