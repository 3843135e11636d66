"""The parameters of spark-submit, as one string that the service splits like a shell does."""

import re
import shlex
from collections.abc import Mapping, Sequence

from ._problems import Problems
from ._tokens import is_token
from .worker import WorkerResources

# Spark splits coordinates at colons and slashes.
_COORDINATES = re.compile(r"[^\s,:/]+[:/][^\s,:/]+[:/][^\s,:/]+")

# What the options of spark-submit set. https://spark.apache.org/docs/latest/configuration.html
_PROPERTY_OF_ARGUMENT = {
    "jars": "spark.jars",
    "py_files": "spark.submit.pyFiles",
    "files": "spark.files",
    "archives": "spark.archives",
    "packages": "spark.jars.packages",
}

_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")


def spark_submit_parameters(
    problems: Problems,
    *,
    main_class: str | None,
    uris: Mapping[str, Sequence[str]],
    packages: Sequence[str],
    conf: Mapping[str, str],
    workers: Mapping[str, WorkerResources],
) -> str | None:
    """The string, or None when there are no parameters.

    Args:
        problems: Takes what contradicts or can't be expressed.
        main_class: The class whose `main` is run.
        uris: The files of the arguments `jars`, `py_files`, `files` and `archives`.
        packages: Maven coordinates.
        conf: Spark properties as the user gave them.
        workers: The sizes of `driver` and `executor`.
    """
    if main_class is not None and (not main_class or any(map(str.isspace, main_class))):
        problems.add("main_class", main_class, "it is no name of a class", "use one such as 'org.example.Etl'")
    for position, item in enumerate(packages):
        # A token may stand for several parts.
        if not is_token(item) and not _COORDINATES.fullmatch(item):
            remedy = "use groupId:artifactId:version, each package as an item of its own"
            problems.add(f"packages[{position}]", item, "these are no Maven coordinates", remedy)
    for argument, items in uris.items():
        for position, item in enumerate(items):
            if "," in item:
                problem = "spark-submit separates its files with commas"
                problems.add(f"{argument}[{position}]", item, problem, "rename it")
    lists = {argument: ",".join(items) for argument, items in {**uris, "packages": packages}.items() if items}
    typed = _typed_conf(workers)
    known = typed | {_PROPERTY_OF_ARGUMENT[argument]: items for argument, items in lists.items()}
    for name, value in conf.items():
        _check_conf(problems, name, value, known)
    words: list[str] = ["--class", main_class] if main_class else []
    for argument, items in lists.items():
        words += [f"--{argument.replace('_', '-')}", items]
    for name, value in {**typed, **conf}.items():
        words += ["--conf", f"{name}={value}"]
    return joined(words) if words else None


def joined(words: Sequence[str]) -> str:
    r"""One string that a shell would split into the words again, as the service does.

    How the service splits is not documented; a shell's words without quotes are the same in any reading, so that only
    what needs quotes gets them. Inside single quotes a shell changes nothing: quotes, $, \ and line ends arrive as
    they are. A token stands for a name, a URI or an ARN, which need none.
    """
    return " ".join(word if _needs_no_quotes(word) else shlex.quote(word) for word in words)


def _needs_no_quotes(word: str) -> bool:
    plain = _TOKEN.sub("token", word)
    return shlex.quote(plain) == plain


def _typed_conf(workers: Mapping[str, WorkerResources]) -> dict[str, str]:
    return {name: value for worker, resources in workers.items() for name, value in resources.spark_conf(worker)}


def _check_conf(problems: Problems, name: str, value: str, typed: Mapping[str, str]) -> None:
    argument = f"conf[{name!r}]"
    if name in typed and typed[name] != value:
        owner = _owner(name)
        problem = f"it contradicts {owner}, which sets {typed[name]}"
        problems.add(argument, value, problem, f"leave it out, or change {owner}")
    elif "=" in name or not name or any(map(str.isspace, name)):
        problem = f"{name!r} is no name of a Spark property"
        problems.add(argument, value, problem, "names have no '=' and no white space")


def _owner(name: str) -> str:
    """The argument that sets the Spark property."""
    for argument, known in _PROPERTY_OF_ARGUMENT.items():
        if known == name:
            return argument
    return "driver" if ".driver" in name else "executor"
