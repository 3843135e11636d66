"""Small Python packages that tests bring to a job: no test has to reach an index."""

import hashlib
import tarfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest

_BACKEND = '''\
"""Builds a wheel of the folder src, with nothing but Python."""

import pathlib
import re
import zipfile


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    project = pathlib.Path("pyproject.toml").read_text()
    name = re.search('name = "(.*)"', project)[1]
    requires = re.findall('"(.*?)"', re.search(r"(?m)^dependencies = \\[(.*)\\]", project)[1])
    wheel = f"{name}-1.0-TAG.whl"
    metadata = f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n"
    metadata += "".join(f"Requires-Dist: {item}\\n" for item in requires)
    info = f"{name}-1.0.dist-info"
    files = {file.relative_to("src").as_posix(): file.read_text() for file in pathlib.Path("src").rglob("*.py")}
    described = "Wheel-Version: 1.0\\nGenerator: GENERATOR\\nRoot-Is-Purelib: true\\nTag: TAG\\n"
    files |= {f"{info}/METADATA": metadata, f"{info}/WHEEL": described}
    with zipfile.ZipFile(pathlib.Path(wheel_directory, wheel), "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\\n" for path in [*files, f"{info}/RECORD"]))
    return wheel
'''


def write_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    requires: tuple[str, ...] = (),
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a wheel, by default of a package with one module."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {item}\n" for item in requires)
    contents = {f"{name}/__init__.py": f"VERSION = {version!r}\n"} if files is None else dict(files)
    contents |= {f"{info}/METADATA": metadata, f"{info}/WHEEL": f"Wheel-Version: 1.0\nTag: {tag}\n"}
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-{tag}.whl"
    with ZipFile(wheel, "w") as archive:
        record = []
        for path, content in contents.items():
            archive.writestr(path, content)
            digest = urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(content)}\n")
        archive.writestr(f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"]))
    return wheel


def write_source_distribution(folder: Path, name: str) -> None:
    """Write a source distribution, of which there is no wheel."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "PKG-INFO"
    source.write_text(f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n")
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, f"{name}-1.0/PKG-INFO")
    source.unlink()


def write_project(
    folder: Path,
    name: str,
    *,
    requires: str = "",
    further: str = "",
    tag: str = "py3-none-any",
    generator: str = "tests",
) -> Path:
    """Write a project in src layout, which builds itself."""
    package = folder / "src" / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (folder / "backend.py").write_text(_BACKEND.replace("TAG", tag).replace("GENERATOR", generator))
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "1.0"\nrequires-python = ">=3.9"\ndependencies = [{requires}]\n\n'
        f'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n{further}'
    )
    return folder


def use_index(wheels: Path, caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uv find packages in a folder alone, and keep all caches in another one."""
    for variable, value in {
        "UV_FIND_LINKS": wheels,
        "UV_OFFLINE": "1",
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": caches / "uv",
        "XDG_CACHE_HOME": caches,
    }.items():
        monkeypatch.setenv(variable, str(value))
