"""The packages that are really on PyPI, built for workers that are not this machine: nothing of them is run."""

import re
from pathlib import Path
from zipfile import ZipFile

import pytest
from aws_cdk import App, Stack

from constructs_emrs import Application, Architecture, Code, PythonDependencies, ReleaseLabel, SparkJob

# https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
MACHINE = {Architecture.X86_64: 62, Architecture.ARM64: 183}
# The versions of the C library that a library needs are in its table of strings:
# https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/symversion.html
GLIBC = re.compile(rb"\0GLIBC_(\d+)\.(\d+)")

AMAZON_LINUX_2 = (2, 26)
AMAZON_LINUX_2023 = (2, 34)
RELEASES = {ReleaseLabel.EMR_6_15_0: AMAZON_LINUX_2, ReleaseLabel.EMR_7_14_0: AMAZON_LINUX_2023}


def libraries(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, python: str, architecture: Architecture, release: ReleaseLabel
) -> dict[str, bytes]:
    """The libraries in the archive of a job with numpy and pandas."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    stack = Stack(App(), "Lake")
    SparkJob(
        stack,
        "Etl",
        application=Application(stack, "Spark", release_label=release, architecture=architecture),
        entry_point=Code.from_uri("s3://code/etl.py"),
        python_dependencies=PythonDependencies.from_packages(["numpy", "pandas"], python=python),
    )
    (archive,) = folder.rglob("python-dependencies/*/*.zip")
    with ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist() if re.search(r"\.so(\.|$)", name)}


@pytest.mark.parametrize(
    ("python", "release"),
    [
        ("3.9", ReleaseLabel.EMR_6_15_0),
        ("3.9", ReleaseLabel.EMR_7_14_0),
        ("3.11", ReleaseLabel.EMR_7_14_0),
        ("3.12", ReleaseLabel.EMR_7_14_0),
    ],
    ids=lambda value: getattr(value, "name", value),
)
@pytest.mark.parametrize("architecture", Architecture, ids=lambda value: value.value)
def test_every_library_is_for_the_cpu_the_python_and_the_c_library_of_the_workers(
    python: str, release: ReleaseLabel, architecture: Architecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = libraries(tmp_path, monkeypatch, python=python, architecture=architecture, release=release)
    assert {name.partition("/")[0] for name in found} >= {"numpy", "pandas"}
    assert {content[:4] for content in found.values()} == {b"\x7fELF"}
    assert {int.from_bytes(content[18:20], "little") for content in found.values()} == {MACHINE[architecture]}
    abis = {tag for name in found for tag in re.findall(r"\.cpython-(\d+)-", name)}
    assert abis == {python.replace(".", "")}
    needed = {(int(major), int(minor)) for content in found.values() for major, minor in GLIBC.findall(content)}
    assert needed
    assert max(needed) <= RELEASES[release]
