"""What is released: the archives, and that the installed wheel works with the oldest and newest supported packages."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = ROOT / ".uv" / "bin" / "uv"
OLDEST = Path(__file__).parent / "oldest.txt"
PACKAGES = ("constructs_emrs", "emrs_local")
TESTED_FILES = ("README.md", "app.py", "docs", "examples", "jobs", "pyproject.toml", "scripts", "tests")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def new_environment(directory: Path, *packages: Sequence[str | Path]) -> Path:
    """The Python of an environment of its own with the packages, the arguments of one `uv pip install` each."""
    # Not in the project's folder: the override of botocore in its pyproject.toml is not the user's.
    outside = directory.parent
    run(UV, "venv", "--quiet", "--python", sys.executable, directory, cwd=outside)
    python = directory / "bin" / "python"
    for arguments in packages:
        run(UV, "pip", "install", "--quiet", "--python", python, *arguments, cwd=outside)
    return python


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archives: the sdist from the working tree, the wheel from the sdist."""
    directory = tmp_path_factory.mktemp("dist")
    python = ("--no-build-isolation", "--python", sys.executable)
    run(UV, "build", "--quiet", *python, "--out-dir", directory, cwd=ROOT)
    return directory


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the lock file, the newest that are tested."""
    requirements = tmp_path_factory.mktemp("newest") / "newest.txt"
    run(UV, "export", "--quiet", "--frozen", "--no-emit-project", "--output-file", requirements, cwd=ROOT)
    return requirements


def test_twine_is_content(dist: Path) -> None:
    archives = [*dist.glob("*.whl"), *dist.glob("*.tar.gz")]
    assert len(archives) == 2
    run(sys.executable, "-m", "twine", "check", "--strict", *archives, cwd=ROOT)


def test_the_wheel_has_the_packages_their_types_and_the_licence_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top.partition("-")[0] for top in tops} == set(PACKAGES)
    for expected in ("constructs_emrs/py.typed", "constructs_emrs/handler/functions.py", "emrs_local/py.typed"):
        assert expected in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert [name for name in names if re.search(r"__pycache__|\.pyc$|(^|/)tests?/", name)] == []


def test_the_modules_in_the_wheel_are_those_that_are_tested(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        wheels = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*") if file.is_file()]
    sources = {str(file.relative_to(ROOT)): file.read_bytes() for file in files if "__pycache__" not in file.parts}
    assert wheels == sources


def test_the_sdist_has_the_sources_and_tests_and_nothing_that_is_made(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for expected in ("LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "uv.lock", "tests/unit/conftest.py"):
        assert expected in names
    made = {"__pycache__", ".venv", ".uv", "node_modules", "cdk.out"}
    assert [name for name in names if made & set(name.split("/"))] == []


def test_the_oldest_versions_are_the_lower_bounds() -> None:
    pins = dict(re.findall(r"^([\w-]+)==(\S+)", OLDEST.read_text(), flags=re.MULTILINE))
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for name, bound in (re.findall(r"^([\w-]+)>=([\d.]+)", dependency)[0] for dependency in dependencies):
        assert [*pins[name].split("."), "0"][: len(bound.split("."))] == bound.split(".")


def test_the_readme_s_first_example_synthesises_in_an_empty_environment(
    wheel: Path, newest: Path, tmp_path: Path
) -> None:
    python = new_environment(tmp_path / "empty", ["--constraint", newest, wheel])
    example = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)[0]
    (tmp_path / "app.py").write_text(example)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "etl.py").write_text("print('hello')\n")
    run(python, "app.py", cwd=tmp_path, CDK_OUTDIR=str(tmp_path / "cdk.out"))
    assert (tmp_path / "cdk.out" / "Lake.template.json").exists()
    assert run(python, "-m", "emrs_local", "--version", cwd=tmp_path).startswith("emrs-local ")
    assert run(python, "-m", "constructs_emrs", cwd=tmp_path).startswith("constructs-emrs ")


def test_the_tests_pass_against_the_installed_wheel_with_the_oldest_versions(wheel: Path, tmp_path: Path) -> None:
    # With the newest they passed already, in `make check`: the wheel has the same files.
    environment = tmp_path / "environment"
    python = new_environment(environment, ["--require-hashes", "--requirement", OLDEST], ["--no-deps", wheel])
    (environment / "botocore-2024").symlink_to(Path(sys.prefix) / "botocore-2024")
    copy = tmp_path / "project"
    copy.mkdir()
    for name in TESTED_FILES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    print_place = "import constructs_emrs; print(constructs_emrs.__file__)"
    assert str(environment) in run(python, "-c", print_place, cwd=copy)
    # What uv builds does not depend on what the library runs with, and the oldest CDK has no rules of its own.
    others = (
        "--ignore=tests/unit/test_checkout.py",
        "--ignore=tests/synth/test_python_dependencies.py",
        "--ignore=tests/synth/test_rules_of_the_cdk.py",
    )
    folders = ("tests/unit", "tests/handler", "tests/synth")
    run(python, "-m", "pytest", "--quiet", "--numprocesses", "2", *others, *folders, cwd=copy)
