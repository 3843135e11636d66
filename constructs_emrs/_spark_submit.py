"""The parameters of spark-submit, as one string that the service splits like a shell does."""

import shlex
from collections.abc import Mapping, Sequence

from ._problems import Problems
from .worker import WorkerResources


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
    words: list[str] = ["--class", main_class] if main_class else []
    for argument, items in {**uris, "packages": packages}.items():
        for position, item in enumerate(items):
            if "," in item:
                remedy = "rename it" if argument != "packages" else "give each package as an item of its own"
                problems.add(f"{argument}[{position}]", item, "spark-submit separates its files with commas", remedy)
        if items:
            words += [f"--{argument.replace('_', '-')}", ",".join(items)]
    typed = _typed_conf(workers)
    for name, value in conf.items():
        _check_conf(problems, name, value, typed)
    for name, value in {**typed, **conf}.items():
        words += ["--conf", f"{name}={value}"]
    # Inside single quotes a shell changes nothing, so that quotes, $, \ and line ends arrive as they are.
    return shlex.join(words) if words else None


def _typed_conf(workers: Mapping[str, WorkerResources]) -> dict[str, str]:
    return {name: value for worker, resources in workers.items() for name, value in resources.spark_conf(worker)}


def _check_conf(problems: Problems, name: str, value: str, typed: Mapping[str, str]) -> None:
    argument = f"conf[{name!r}]"
    if name in typed and typed[name] != value:
        owner = "driver" if ".driver" in name else "executor"
        problems.add(
            argument, value, f"it contradicts {owner}, which sets {typed[name]}", f"leave it out, or change {owner}"
        )
    elif not name.strip() or "=" in name or name != name.strip() or any(map(str.isspace, name)):
        problems.add(
            argument, value, f"{name!r} is no name of a Spark property", "names have no '=' and no white space"
        )
