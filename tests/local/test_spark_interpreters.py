"""Which Python runs a job that asks for one."""

import os
import stat
import sys
from pathlib import Path

import pytest

from emrs_local.spark.interpreters import interpreter

HERE = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, on a machine that has no Python but this one."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    return home


def environment(home: Path, *, version: str, python: str, configured: str = "/usr/bin") -> Path:
    """A virtual environment as venv-pack leaves it: its interpreter is a link, its home is where it was made."""
    packages = home / f"environment/lib/python{version}/site-packages"
    packages.mkdir(parents=True)
    (packages / "brought.py").write_text("NAME = 'brought'\n")
    (home / "environment/bin").mkdir()
    (home / f"environment/bin/python{version}").symlink_to(python)
    (home / "environment/bin/python").symlink_to(f"python{version}")
    (home / "environment/pyvenv.cfg").write_text(f"home = {configured}\nversion = {version}.1\n")
    return home / "environment/bin/python"


def program(file: Path, script: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def said(python: Path | str, code: str) -> str:
    with os.popen(f"'{python}' -c '{code}'") as output:  # noqa: S605 - as a job would start it
        return output.read().strip()


@pytest.mark.parametrize("asked", ["python", "python3", "/usr/bin/python3"])
def test_the_python_of_the_image_is_this_one(home: Path, asked: str) -> None:
    assert interpreter(asked, working_folder=home) == sys.executable


@pytest.mark.parametrize("linked", ["/nowhere/bin/python", f"{sys.base_prefix}/bin/python{HERE}"])
def test_a_packed_environment_runs_with_the_python_of_its_version(home: Path, linked: str) -> None:
    python = environment(home, version=HERE, python=linked, configured="/nowhere/bin")

    assert interpreter("./environment/bin/python", working_folder=home) == "./environment/bin/python"

    assert said(python, "import brought, sys; print(brought.NAME, sys.prefix)") == f"brought {home}/environment"


def test_an_environment_whose_interpreter_is_of_another_version_is_led_to_its_own(home: Path, tmp_path: Path) -> None:
    """As /usr/bin/python3 is of one version on Amazon Linux and of another one here."""
    prefix = tmp_path / "user/.local/share/uv/python/cpython-3.5.1-any"
    program(prefix / "bin/python3.5", f"echo 3.5 {prefix}")
    python = environment(home, version="3.5", python=sys.executable)

    interpreter("./environment/bin/python", working_folder=home)

    assert python.readlink() == prefix / "bin/python3.5"
    assert (home / "environment/pyvenv.cfg").read_text() == f"home = {prefix}/bin\nversion = 3.5.1\n"


def test_an_environment_of_a_version_that_is_not_here_says_how_to_get_it(home: Path) -> None:
    environment(home, version="3.5", python="/usr/bin/python3.5")

    with pytest.raises(LookupError) as raised:
        interpreter("./environment/bin/python", working_folder=home)

    assert str(raised.value) == (
        "is Python 3.5: there is none on this machine; install it, for example with `uv python install 3.5`"
    )


def test_a_program_beside_no_packages_is_started_as_it_is(home: Path) -> None:
    program(home / "tool/bin/python", f"exec '{sys.executable}' \"$@\"")

    assert interpreter("./tool/bin/python", working_folder=home) == "./tool/bin/python"


def test_a_link_alone_says_which_version_it_is_for(home: Path) -> None:
    (home / "bin").mkdir()
    (home / "bin/python").symlink_to("python3")
    (home / "bin/python3").symlink_to("/usr/bin/python3.5")

    with pytest.raises(LookupError, match=r"is Python 3\.5: there is none"):
        interpreter("bin/python", working_folder=home)


def test_what_does_not_start_is_said_to(home: Path) -> None:
    (home / "bin").mkdir()
    (home / "bin/python").write_bytes(b"\x7fELF of another machine")
    (home / "bin/python").chmod(stat.S_IRWXU)

    with pytest.raises(LookupError, match="does not start on this machine"):
        interpreter("bin/python", working_folder=home)


def test_what_is_in_no_archive_is_said_to_be(home: Path) -> None:
    with pytest.raises(LookupError, match="is in none of its archives"):
        interpreter("./envirnoment/bin/python", working_folder=home)


@pytest.mark.parametrize("asked", ["python3.5", "/usr/bin/python3.5", "/opt/image/bin/python3.5"])
def test_a_version_is_looked_for_on_the_path_and_where_uv_and_pyenv_install(
    home: Path, tmp_path: Path, asked: str
) -> None:
    with pytest.raises(LookupError, match=r"`uv python install 3\.5`"):
        interpreter(asked, working_folder=home)

    program(tmp_path / "path/python3.5", "exit 127")  # as the stand-in of pyenv ends where the version is not chosen
    prefix = tmp_path / "user/.pyenv/versions/3.5.9"
    program(prefix / "bin/python3.5", f"echo 3.5 {prefix}")
    assert interpreter(asked, working_folder=home) == f"{prefix}/bin/python3.5"


def test_a_version_that_is_this_one_needs_no_other(home: Path) -> None:
    assert interpreter(f"/opt/image/bin/python{HERE}", working_folder=home) == f"{sys.base_prefix}/bin/python{HERE}"


@pytest.mark.parametrize("asked", ["/opt/image/bin/pypy", "pypy"])
def test_a_python_without_a_version_that_is_not_here_is_said_to_be(home: Path, asked: str) -> None:
    with pytest.raises(LookupError, match="is not on this machine, or does not start"):
        interpreter(asked, working_folder=home)


def test_any_other_interpreter_of_this_machine_is_used(home: Path, tmp_path: Path) -> None:
    own = program(tmp_path / "own/interpreter", "echo 3.5 /own")

    assert interpreter(str(own), working_folder=home) == str(own)
