"""The Python packages that a job needs beside those of its release."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from ..validation.argument_names import explained
from ..validation.method_names import NamesMethods
from ..validation.problems import shown


@explained
class PythonDependencies(ABC, metaclass=NamesMethods):
    """Python packages that a job brings, for the Python, the CPU and the C library of its workers.

    Made by `PythonDependencies.from_requirements`, `PythonDependencies.from_pyproject` or
    `PythonDependencies.from_packages`. They are got at synth with uv (`pip install 'constructs-emrs[uv]'`), as wheels
    only, without pyspark and py4j, which the release has, and without tests; Docker is not needed. `cdk deploy` uploads
    the archive, Spark unpacks it on driver and executors, where it is behind all else on the Python path. It is kept in
    `$XDG_CACHE_HOME/constructs-emrs`, by default `~/.cache/constructs-emrs`, and made again when the requirements, or
    sources on this machine, have changed.

    What is wrong with them is an error of the job that uses them. A worker with another Python ends with a line that
    says so. AWS does not publish which Python a release has: a job that prints `sys.version` says it.
    """

    def __init__(self, *, python: str) -> None:
        self.python = python
        """The version of Python on the workers, such as `3.11`."""

    @staticmethod
    def from_requirements(path: str | Path, *, python: str) -> "PythonDependencies":
        """The packages of a requirements file, with those that they depend on.

        A line such as `-e .` or `./lib` brings a package of this machine, built as a wheel.

        Args:
            path: The file. Paths in it are relative to its folder.
            python: The version of Python on the workers, such as `3.11`.
        """
        return RequirementsFile(path, python=python)

    @staticmethod
    def from_pyproject(folder: str | Path, *, python: str, groups: Sequence[str] = ()) -> "PythonDependencies":
        """What a project depends on, and the project itself if it is a package.

        With a `uv.lock`, the versions are those in it, and other packages of the workspace go in too.

        Args:
            folder: The folder that has the `pyproject.toml`.
            python: The version of Python on the workers, such as `3.11`.
            groups: Dependency groups that go in too. Default: none, not even `dev`.
        """
        return Project(folder, groups, python=python)

    @staticmethod
    def from_packages(packages: Sequence[str], *, python: str) -> "PythonDependencies":
        """Some packages, with those that they depend on.

        Args:
            packages: Requirements, such as `pandas==2.3.*`.
            python: The version of Python on the workers, such as `3.11`.
        """
        return Packages(packages, python=python)

    @abstractmethod
    def __repr__(self) -> str:
        """How the dependencies are written."""


class RequirementsFile(PythonDependencies):
    """The packages of a requirements file."""

    def __init__(self, path: str | Path, *, python: str) -> None:
        super().__init__(python=python)
        self.path = path

    def __repr__(self) -> str:
        return f"PythonDependencies.from_requirements({_written(self.path)}, python={shown(self.python)})"


class Project(PythonDependencies):
    """What a project depends on."""

    def __init__(self, folder: str | Path, groups: Sequence[str], *, python: str) -> None:
        super().__init__(python=python)
        self.folder = folder
        self.groups = groups

    def __repr__(self) -> str:
        groups = f", groups={shown(self.groups)}" if self.groups else ""
        return f"PythonDependencies.from_pyproject({_written(self.folder)}, python={shown(self.python)}{groups})"


class Packages(PythonDependencies):
    """Some packages."""

    def __init__(self, packages: Sequence[str], *, python: str) -> None:
        super().__init__(python=python)
        self.packages = packages

    def __repr__(self) -> str:
        return f"PythonDependencies.from_packages({shown(self.packages)}, python={shown(self.python)})"


def _written(path: str | Path) -> str:
    return shown(str(path) if isinstance(path, Path) else path)
