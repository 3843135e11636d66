"""What the service reads from parameters that were written by hand, and what that can't be meant to be."""

import difflib
import re
from collections.abc import Iterable, Sequence

from ...validation.model import Report
from .._parameters import UnknownReadingError, quoted, split

# https://github.com/apache/spark/blob/v3.5.6/launcher/src/main/java/org/apache/spark/launcher/SparkSubmitOptionParser.java
_LISTS = ("--archives", "--exclude-packages", "--files", "--jars", "--packages", "--py-files", "--repositories")
_WITH_VALUE = (
    *_LISTS,
    *("--class", "--conf", "-c", "--deploy-mode", "--driver-class-path", "--driver-cores", "--driver-java-options"),
    *("--driver-library-path", "--driver-memory", "--executor-cores", "--executor-memory", "--keytab", "--kill"),
    *("--master", "--name", "--num-executors", "--principal", "--properties-file", "--proxy-user", "--queue"),
    *("--remote", "--status", "--total-executor-cores"),
)
_SWITCHES = ("--help", "-h", "--supervise", "--usage-error", "--verbose", "-v", "--version")
_CONF = ("--conf", "-c")
# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-hive.html#hive-defaults-jobDriver; of others the
# service says "Flag '-hivevar' is not supported": https://github.com/aws-samples/emr-serverless-samples/issues/46
_HIVE = ("--hiveconf", "--hivevar")

# A comma that is meant to separate properties.
_COMMA = re.compile(r",$|,\s*spark\.[^,=]+=")

# Where quotes group a whole value: nothing, a name or an option before them, and nothing behind them.
_QUOTES_A_VALUE = re.compile(r'(?:[^\s"\'=]+=)*"(?:[^"\\]|\\.)*"', re.DOTALL)
_WORD = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+', re.DOTALL)


def check_spark_parameters(parameters: str, member: str, report: Report, warn: Report) -> None:
    """Report what spark-submit would stop at, and show what the service may read otherwise than it was meant.

    Args:
        parameters: `sparkSubmitParameters`.
        member: Where they are.
        report: Takes what can't be meant.
        warn: Takes what may not be meant.
    """
    words = _read(parameters, member, report, warn)
    remaining = iter(words)
    before = ""
    for word in remaining:
        option, equals, value = word.partition("=")
        if word in _SWITCHES:
            continue
        if option not in _WITH_VALUE or (equals and not option.startswith("--")):
            _report_stray(word, before, _WITH_VALUE, member, report)
            return
        value = value if equals else next(remaining, "")
        before = f"{option} {value}"
        if not value or value in _WITH_VALUE:
            problem = f"{option} has no value: what follows it is {value!r}" if value else f"{option} has no value"
            report(member, parameters, problem, f"write {option} with its value, or leave it out")
            return
        if option in _CONF:
            if not _is_setting(option, value, remaining, member, report):
                return
            if _COMMA.search(value):
                problem = f"the service reads one property with its value, {value}"
                warn(member, parameters, problem, f"leave out the comma, and write a {option} for each property")
        elif option in _LISTS and not all(value.split(",")):
            problem = f"the service reads {option} {value}, a list with an empty item"
            warn(member, parameters, problem, "separate the items with single commas, without blanks")
        elif option in {"--master", "--deploy-mode"}:
            warn(member, parameters, f"the service itself decides about {option}", f"leave {option} out")


def check_hive_parameters(parameters: str, member: str, report: Report, warn: Report) -> None:
    """Report what the service does not take for Hive, and show what it may read otherwise than it was meant.

    Args:
        parameters: `parameters` of Hive.
        member: Where they are.
        report: Takes what can't be meant.
        warn: Takes what may not be meant.
    """
    remaining = iter(_read(parameters, member, report, warn))
    before = ""
    for word in remaining:
        if word not in _HIVE:
            _report_stray(word, before, _HIVE, member, report)
            return
        value = next(remaining, "")
        before = f"{word} {value}"
        if not _is_setting(word, value, remaining, member, report):
            return


def _read(parameters: str, member: str, report: Report, warn: Report) -> Sequence[str]:
    """The words that the service reads; none if that is not known."""
    try:
        words = split(parameters)
    except UnknownReadingError as error:
        warn(member, parameters, str(error), 'use double quotes, as in name="a b"')
        return ()
    except ValueError as error:
        report(member, parameters, str(error), "close it")
        return ()
    for raw, word in zip(_WORD.findall(parameters), words, strict=True):
        if '"' in raw and not _QUOTES_A_VALUE.fullmatch(raw):
            problem = f"the service takes the double quotes away and reads {word}"
            warn(member, parameters, problem, "put what needs double quotes into application_configuration")
        elif '\\"' in raw:
            problem = f"the service leaves the backslashes and reads {word}"
            warn(member, parameters, problem, "put what needs double quotes into application_configuration")
    return words


def _is_setting(option: str, value: str, remaining: Iterable[str], member: str, report: Report) -> bool:
    """Whether an option is followed by a name with its value; reports what is not."""
    name, equals, _ = value.partition("=")
    if equals and name:
        return True
    following = next(iter(remaining), "").lstrip("=")
    meant = "value" if following.startswith("-") else quoted(following) or "value"
    problem = f"the service reads {option} with {value!r}, which is not name=value"
    report(member, value, problem, f"write {option} {name or 'name'}={meant}, without blanks around =")
    return False


def _report_stray(word: str, before: str, options: Sequence[str], member: str, report: Report) -> None:
    close = difflib.get_close_matches(word.partition("=")[0], options, n=1) if word.startswith("-") else []
    if close or word.startswith("--"):
        use = " or ".join(options) if options is _HIVE else "one of spark-submit's"
        report(member, word, "there is no such option", f"did you mean {close[0]}?" if close else f"use {use}")
        return
    if not before:
        meant = f"write {'--hiveconf' if options is _HIVE else '--conf'} {word}" if "=" in word else "leave it out"
        report(member, word, "it belongs to no option", meant)
        return
    problem = f"the service reads {before}, and then {word!r}, which belongs to no option"
    option, _, value = before.partition(" ")
    name, equals, start = value.partition("=")
    remedy = (
        f"write {option} {name}={quoted(f'{start} {word}')}"
        if equals and start
        else "leave it out, or quote the value that it is part of"
    )
    report(member, word, problem, remedy)
