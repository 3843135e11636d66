"""The buckets that a job names, whether they exist or not.

Hadoop knows the buckets that are mounted. Of any other it says that it misses a class, so what a job names is mounted
too: then S3 says that there is no such bucket, or the job has created it meanwhile.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_URI: Final = re.compile(r"\bs3[an]?://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])")


def named_buckets(
    *, job_driver: Mapping[str, Any], application_configuration: Sequence[Mapping[str, Any]], scripts: str
) -> set[str]:
    """The buckets in the addresses of a request, and in those of the script or query that it runs.

    Args:
        job_driver: StartJobRun's `jobDriver`.
        application_configuration: The merged `applicationConfiguration`.
        scripts: The text of the script or query.
    """
    submitted = [value for driver in job_driver.values() for value in driver.values()]
    request = json.dumps([submitted, list(application_configuration)], ensure_ascii=False)
    return {*_URI.findall(request), *_URI.findall(scripts)}
