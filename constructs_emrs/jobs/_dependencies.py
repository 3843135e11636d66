"""How Python packages reach a job: as an archive, and on the Python path of driver and executors."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..applications.configuration import Configuration
from ..applications.interface import IApplication
from ..validation.problems import Problems, shown
from ._classification import Setting
from ._packages.build import Archive, archive_of
from ._packages.errors import UnusableError
from ._packages.requirements import (
    Requirements,
    read_project,
    read_requirements,
    read_toml,
    refuse_old_lock,
    refuse_python,
    requirements_of,
)
from ._packages.target import Target, glibc_of
from ._packages.uv import run_uv
from ._spark_properties import SPARK_DEFAULTS, Properties
from .python_dependencies import Packages, Project, PythonDependencies, RequirementsFile

ARGUMENT = "python_dependencies"
FOLDER = "python_dependencies"
"""The folder, in the working folder of each worker, that the archive is unpacked in."""

ARCHIVES = "spark.archives"
"""The property of the archives."""

_PYTHON = re.compile(r"3\.\d+")
_PATHS = ("spark.emr-serverless.driverEnv.PYTHONPATH", "spark.executorEnv.PYTHONPATH")
_ATTRIBUTES = "use Application.from_application_attributes"


def packages_of(
    problems: Problems, path: str, dependencies: PythonDependencies, application: IApplication
) -> Archive | None:
    """The archive of the packages, None if there can be none; notes why.

    Args:
        problems: Takes what is wrong with them.
        path: The path of the job.
        dependencies: The argument `python_dependencies`.
        application: Where the job runs.
    """
    try:
        target = _target(dependencies, application)
        return archive_of(_requirements(dependencies), target, path)
    except UnusableError as error:
        problems.add_written(ARGUMENT, repr(dependencies), error.problem, error.remedy)
        return None


def python_path(environment: Mapping[str, str], conf: Mapping[str, str], given: Properties) -> Iterator[Setting]:
    """The properties that put the packages behind what the user has on the Python path.

    Args:
        environment: The argument `environment`.
        conf: The argument `conf`, whose properties win over `environment`.
        given: What other arguments and the application set.
    """
    for name in _PATHS:
        own = conf.get(name) or environment.get("PYTHONPATH") or given.get(name)
        yield Setting(ARGUMENT, name, f"{own}:./{FOLDER}" if own else f"./{FOLDER}")


def without_merged(conf: Mapping[str, str], *, archives: bool) -> dict[str, str]:
    """Properties without those that are merged with what the packages need.

    Args:
        conf: The properties.
        archives: Whether the archives are.
    """
    merged = {*_PATHS, ARCHIVES} if archives else _PATHS
    return {name: value for name, value in conf.items() if name not in merged}


def configuration_without_merged(configuration: Sequence[Configuration], *, archives: bool) -> Sequence[Configuration]:
    """The configuration of a job without those properties, which its arguments set as they are merged."""
    return [
        replace(item, properties=without_merged(item.properties, archives=archives) or None)
        if item.classification == SPARK_DEFAULTS and item.properties
        else item
        for item in configuration
    ]


def _target(dependencies: PythonDependencies, application: IApplication) -> Target:
    python = dependencies.python
    if not isinstance(python, str) or not _PYTHON.fullmatch(python):
        raise UnusableError(f"python={shown(python)} is not a version of Python", "use one such as python='3.11'")
    if application.architecture is None:
        raise UnusableError(
            "the architecture of the application, which is imported, is not known",
            f"{_ATTRIBUTES}(…, architecture=…, release_label=…)",
        )
    release = application.release_label
    if release is None:
        problem = "the release of the application, which is imported, is not known, and so its C library is not"
        raise UnusableError(problem, f"{_ATTRIBUTES}(…, release_label=…)")
    glibc = glibc_of(release)
    if glibc is None:
        problem = (
            f"the release {shown(release.name)} of the application has no version at synth that says its C library"
        )
        raise UnusableError(problem, "use a release_label such as ReleaseLabel.EMR_7_14_0")
    return Target(python=python, architecture=application.architecture, glibc=glibc)


def _requirements(dependencies: PythonDependencies) -> Requirements:
    match dependencies:
        case RequirementsFile():
            return read_requirements(_path(dependencies.path))
        case Project():
            groups = _strings("groups", dependencies.groups)
            return _requirements_of_project(_path(dependencies.folder), groups, dependencies.python)
        case Packages():
            return requirements_of(_strings("packages", dependencies.packages), Path.cwd())
        case _:
            raise UnusableError(
                "they are not made by PythonDependencies", "use PythonDependencies.from_requirements(…)"
            )


def _requirements_of_project(folder: Path, groups: Sequence[str], python: str) -> Requirements:
    pyproject = folder / "pyproject.toml"
    content = read_toml(pyproject)
    refuse_python(pyproject, content, python)
    lock = _lock_of(folder)
    if lock is None:
        return read_project(pyproject, groups)
    refuse_old_lock(lock, pyproject, content, groups)
    chosen = [argument for group in groups for argument in ("--group", group)]
    exported = run_uv(
        *("export", "--frozen", "--no-default-groups", *chosen, "--no-header", "--no-annotate", "--no-editable"),
        folder=folder,
        problem=f"{lock} can't be read",
        remedy=f"run uv lock in {lock.parent}",
    )
    return requirements_of(exported.splitlines(), lock.parent)


def _lock_of(folder: Path) -> Path | None:
    """The lock file of a project, or of the workspace that it is in."""
    for place in (folder, *folder.parents):
        pyproject = place / "pyproject.toml"
        if (place / "uv.lock").is_file() and pyproject.is_file():
            is_workspace = "workspace" in read_toml(pyproject).get("tool", {}).get("uv", {})
            return place / "uv.lock" if place == folder or is_workspace else None
    return None


def _path(given: str | Path) -> Path:
    if not isinstance(given, str | Path):
        raise UnusableError("a path is expected", "use a string or a pathlib.Path")
    return Path(given).resolve()


def _strings(argument: str, given: Sequence[str]) -> Sequence[str]:
    if not isinstance(given, list | tuple) or not all(isinstance(item, str) for item in given):
        raise UnusableError(f"{argument}={shown(given)}: a list of strings is expected", f"use {argument}=['…']")
    return given
