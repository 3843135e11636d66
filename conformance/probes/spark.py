"""What reaches a Spark driver: one job run, `conformance/jobs/report.py`, that most of these probes read."""

from __future__ import annotations

from typing import Any

from conformance.account import NO_SUCH_RELEASE, Account, Shared
from conformance.facilities import JOBS, RELEASE
from conformance.probe import Anything, Chapter, Json

chapter = Chapter("spark")

_GUIDE = "https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide"
_SEEN = "https://github.com/opensearch-project/opensearch-spark/pull/306"
_BY_PROPERTY = f"{_GUIDE}/jobs-spark.html"
_RELEASES = ("emr-6.15.0", "emr-7.0.0", "emr-7.9.0", "emr-7.13.0", RELEASE, "emr-spark-8.1.0")
_ARGUMENTS = ["two words", 'a "double" quote', "a 'single' quote", r"back\slash", "#hash", "$HOME", "*", "a;b&c|d", "é"]
# As they are written in sparkSubmitParameters, and as the driver is expected to see them.
_WRITTEN = {
    "quoted": ('"two  words"', "two  words"),
    "backslash": (r"C:\x\\y", r"C:\x\\y"),
    "quoted.backslash": (r'"C:\x \\y"', r"C:\x \\y"),
    "escaped": (r'"say \"hi\""', r"say \"hi\""),
    "shell": ("$HOME*?{}~&;|", "$HOME*?{}~&;|"),
    "hash": ("a#b", "a#b"),
}
_PROPERTY = "a \"double\" and a 'single' quote, a \\ and a #"


def _report(aws: Account) -> dict[str, Any]:
    """What the driver says; it is run once."""
    archive = aws.upload_archive("archive.zip", {"inside.txt": ""})
    module = aws.upload_archive("module.zip", {"module.py": ""})
    file = aws.upload("file.txt", b"")
    words = [f"--conf spark.conformance.{name}={written}" for name, (written, _) in _WRITTEN.items()]
    words += [
        f"--archives {archive}#unpacked",
        f"--files {file}",
        f"--py-files {module}",
        "--conf spark.emr-serverless.driverEnv.CONFORMANCE_DRIVER=set",
        "--conf spark.executorEnv.CONFORMANCE_EXECUTOR=set",
        "--conf spark.yarn.appMasterEnv.CONFORMANCE_YARN=set",
        "--conf spark.kubernetes.driverEnv.CONFORMANCE_KUBERNETES=set",
    ]
    run = aws.submit(
        "report",
        arguments=_ARGUMENTS,
        parameters=" ".join(words),
        properties={"spark.conformance.property": _PROPERTY},
        monitoring=aws.s3_logs(),
    )
    aws.ended(run)
    report = aws.said_by_driver(run)

    # What is written last may be delivered later than the rest.
    def streams() -> list[str]:
        return [name for name in ("stdout", "stderr") if "written to stderr" in aws.driver_log(run, name)]

    return {**report, "streams": aws.until(streams, "what was written to stderr")}


_REPORT = Shared(name="the driver's report", runs=1, make=_report)


def _said(aws: Account) -> dict[str, Any]:
    return aws.once(_REPORT)


def _properties(aws: Account, *names: str) -> Json:
    return {name: _said(aws)["properties"].get(name) for name in names}


def _expected(*names: str) -> Json:
    return {name: _WRITTEN[name][1] for name in names}


@chapter.probe(
    "How do double quotes in sparkSubmitParameters arrive?",
    expected=_expected("quoted", "escaped"),
    source=_SEEN,
    needs=JOBS,
    shares=(_REPORT,),
)
def double_quotes(aws: Account) -> Json:
    """They group and go away; one that is escaped stays, with its backslash."""
    return _properties(aws, "quoted", "escaped")


@chapter.probe(
    "How do backslashes in sparkSubmitParameters arrive?",
    expected=_expected("backslash", "quoted.backslash"),
    source=_SEEN,
    needs=JOBS,
    shares=(_REPORT,),
)
def backslashes(aws: Account) -> Json:
    """They stay, within quotes and without."""
    return _properties(aws, "backslash", "quoted.backslash")


@chapter.probe(
    "How do `#` and what a shell would expand arrive in sparkSubmitParameters, without quotes?",
    expected=_expected("shell", "hash"),
    source="https://github.com/opensearch-project/sql/pull/2519",
    needs=JOBS,
    shares=(_REPORT,),
)
def what_shells_expand(aws: Account) -> Json:
    """All public requests write the `#` of archives bare."""
    return _properties(aws, "shell", "hash")


@chapter.probe(
    "How do single quotes in sparkSubmitParameters arrive?",
    expected=Anything(),
    source=_SEEN,
    needs=JOBS,
    runs=1,
    not_local="a run with a single quote fails there on purpose, as nobody has seen what becomes of it",
)
def single_quotes(aws: Account) -> Json:
    """The project writes none: what they can't be avoided in is a property of the classification spark-defaults."""
    run = aws.submit("report", parameters="--conf spark.conformance.single='two words'", monitoring=aws.s3_logs())
    state = str(aws.ended(run)["state"])
    found = aws.said_by_driver(run)["properties"].get("single") if state == "SUCCESS" else None
    return {"state": state, "single": found}


@chapter.probe(
    "Do properties of the classification spark-defaults arrive as they are, with quotes, backslashes and `#`?",
    expected=_PROPERTY,
    source=_BY_PROPERTY,
    needs=JOBS,
    shares=(_REPORT,),
)
def properties_of_a_classification(aws: Account) -> Json:
    """They are a map in the request: there is nothing to split."""
    return _said(aws)["properties"].get("property")  # type: ignore[no-any-return]


@chapter.probe(
    "Do the arguments of the entry point arrive as they are?",
    expected=list(_ARGUMENTS),
    source=_BY_PROPERTY,
    needs=JOBS,
    shares=(_REPORT,),
)
def arguments(aws: Account) -> Json:
    """They are a list in the request."""
    return list(_said(aws)["arguments"])


@chapter.probe(
    "Which of what a job brings is in the driver's working folder, under its name?",
    expected={"file": True, "archive under the name after its `#`": True, "py-file": True},
    source=f"{_GUIDE}/using-python-libraries.html",
    needs=JOBS,
    shares=(_REPORT,),
)
def working_folder(aws: Account) -> Json:
    """Scripts open files by relative paths, and PYTHONPATH is ./deps."""
    said = _said(aws)
    return {
        "file": "file.txt" in said["files"],
        "archive under the name after its `#`": said["archive"] == ["inside.txt"],
        "py-file": "module.zip" in said["files"],
    }


@chapter.probe(
    "Which folder is the driver's working folder?",
    expected="/home/hadoop",
    source="https://github.com/aws-samples/aws-emr-utilities/pull/113",
    needs=JOBS,
    shares=(_REPORT,),
)
def working_folders_path(aws: Account) -> Json:
    """Only absolute paths of users rely on it."""
    folder = str(_said(aws)["folder"])
    return folder if folder == "/home/hadoop" else "another"


@chapter.probe(
    "Which properties set environment variables of the driver and of executors?",
    expected={
        "spark.emr-serverless.driverEnv": True,
        "spark.executorEnv": True,
        "spark.yarn.appMasterEnv": False,
        "spark.kubernetes.driverEnv": False,
    },
    source=f"{_GUIDE}/jobs-spark.html",
    needs=JOBS,
    shares=(_REPORT,),
)
def environment(aws: Account) -> Json:
    """What other platforms of Spark have sets nothing."""
    said = _said(aws)
    found = said["environment"]
    return {
        "spark.emr-serverless.driverEnv": found["CONFORMANCE_DRIVER"] == "set",
        "spark.executorEnv": said["executor"] == "set",
        "spark.yarn.appMasterEnv": found["CONFORMANCE_YARN"] == "set",
        "spark.kubernetes.driverEnv": found["CONFORMANCE_KUBERNETES"] == "set",
    }


@chapter.probe(
    "In which of the driver's logs is what a Python script writes to stderr?",
    expected=["stdout"],
    source="https://github.com/apache/spark/blob/master/core/src/main/scala/org/apache/spark/deploy/PythonRunner.scala",
    needs=JOBS,
    shares=(_REPORT,),
)
def stderr_of_python(aws: Account) -> Json:
    """Spark puts both into one stream. The traceback of a failed script is read there."""
    return list(_said(aws)["streams"])


@chapter.probe(
    "Which Python do the releases have?",
    expected=Anything(),
    source=f"{_GUIDE}/release-versions.html",
    needs=JOBS,
    runs=len(_RELEASES),
    not_local="the local AWS has the Python that runs it, whatever the release",
)
def python_of_the_releases(aws: Account) -> Json:
    """AWS publishes none; a job with packages for another one ends with a line that says so."""
    return {label: _python_of(aws, label) for label in _RELEASES}


def _python_of(aws: Account, label: str) -> Json:
    if not aws.has_release(label):
        return NO_SUCH_RELEASE
    run = aws.submit("python_version", application=aws.make_application(label), monitoring=aws.s3_logs())
    state = aws.ended(run)["state"]
    return str(aws.said_by_driver(run)) if state == "SUCCESS" else f"the job run is {state}"
