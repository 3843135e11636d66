"""Rules of the files of a Spark job that neither the service's model nor the service has, but spark-submit."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...validation.model import Report, member_of
from ...validation.problems import Problems
from ...validation.tokens import is_token, without_tokens
from .._classification import Setting

# What java.net.URI does not take: Spark then takes the text for a path on the driver's own disk (Utils.resolveURI).
# https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/net/URI.html
_NO_URI = re.compile(r"[\s\x00-\x1f\x7f\"<>\\^`{|}]|%(?![0-9A-Fa-f]{2})")
_S3 = re.compile(r"s3[an]?://[^/]*/?")
_PYTHON = re.compile(r"(?:\./)?(?P<archive>[^./~$][^/]*)/.+")
_PYTHONS = (
    "spark.pyspark.python",
    "spark.pyspark.driver.python",
    "spark.emr-serverless.driverEnv.PYSPARK_PYTHON",
    "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON",
    "spark.executorEnv.PYSPARK_PYTHON",
)

_ARCHIVE = "give it to archives, and use a Python file or a jar here"
_QUERY = "use a HiveJob, or a Python file that runs it with spark.sql(…)"
# https://spark.apache.org/docs/latest/submitting-applications.html: a jar, or for Python a .py file.
_NO_ENTRY_POINTS = {
    ".tar.gz": _ARCHIVE,
    ".tgz": _ARCHIVE,
    ".tar": _ARCHIVE,
    ".whl": "give it to py_files, and use a Python file that calls it here",
    ".sql": _QUERY,
    ".hql": _QUERY,
    ".ipynb": "save the notebook as a Python file",
    ".sh": "use a Python file or a jar",
}


def problem_of_uri(uri: str) -> tuple[str, str] | None:
    """What is wrong with the URI of any file, and the remedy."""
    literal = without_tokens(uri)
    if literal.startswith("arn:"):
        return "it is an ARN, and Spark takes URIs", f"use 's3://{literal.rpartition(':::')[2]}'"
    if _S3.fullmatch(literal) or literal.endswith("/"):
        return "it does not name a file", "add the key of an object"
    if match := _NO_URI.search(literal):
        found = "a blank" if match[0] == " " else repr(match[0])
        problem = f"{found} can't be in a URI, so that Spark takes it for a path on the driver's disk"
        return problem, "rename the file"
    return None


def name_of(uri: str) -> str:
    """The name of a file in the working folder, or of the folder that an archive is unpacked in."""
    return uri.rpartition("#" if "#" in uri else "/")[2]


def problem_of_entry_point(uri: str) -> tuple[str, str] | None:
    """What is wrong with the URI of an entry point, and the remedy."""
    for extension, remedy in _NO_ENTRY_POINTS.items():
        if without_tokens(uri).lower().endswith(extension):
            return f"spark-submit does not run {extension} files", remedy
    return problem_of_uri(uri)


def check_entry_point(request: Mapping[str, Any], report: Report) -> None:
    """Report an entry point that spark-submit can't run."""
    member = "jobDriver.sparkSubmit.entryPoint"
    uri = member_of(request, member, str)
    if uri is not None and (problem := problem_of_entry_point(uri)):
        report(member, uri, *problem)


def check_python(problems: Problems, settings: Sequence[Setting], archives: Sequence[str]) -> None:
    """Note an interpreter in the working folder that no archive brings there.

    Args:
        problems: Takes what is wrong.
        settings: The Spark properties.
        archives: The URIs of the archives.
    """
    folders = [name_of(uri) for uri in archives]
    if any(map(is_token, folders)):
        return
    for setting in settings:
        match = _PYTHON.fullmatch(setting.value)
        if setting.name in _PYTHONS and match and not is_token(setting.value) and match["archive"] not in folders:
            problem = f"no archive is unpacked in a folder {match['archive']!r}"
            remedy = f"give archives a file with .named({match['archive']!r})"
            problems.add(setting.argument, setting.value, problem, remedy)
