"""Archives are unpacked as Spark does, and into their folder only."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from emrs_local.spark.archives import is_unpacked, place, unpack


def entry(name: str, content: bytes = b"x", *, mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    return info, content


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, 0o755
    return info, b""


def folder(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    return info, b""


def tar(file: Path, *entries: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(file, mode) as opened:  # type: ignore[call-overload]  # a mode that is in a variable
        for info, content in entries:
            opened.addfile(info, io.BytesIO(content))
    return file


def zipped(file: Path, **entries: str) -> Path:
    with zipfile.ZipFile(file, "w") as opened:
        for name, content in entries.items():
            opened.writestr(name, content)
    return file


@pytest.mark.parametrize("name", ["a.zip", "a.jar", "a.tar.gz", "a.TGZ", "a.tar"])
def test_what_spark_unpacks_is_known_by_its_name(name: str) -> None:
    assert is_unpacked(name)
    assert not is_unpacked(f"{name}.txt")
    assert not is_unpacked("a.tar.bz2")


@pytest.mark.parametrize(("name", "mode"), [("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar", "w")])
def test_a_tar_archive_keeps_modes_and_links(tmp_path: Path, name: str, mode: str) -> None:
    archive = tar(
        tmp_path / name,
        folder("./"),
        folder("./bin", 0o555),
        entry("./bin/run", b"run", mode=0o755),
        link("./bin/python", "/usr/bin/python3.9"),
        link("lib64", "lib"),
        entry("/absolute", b"inside"),
        link("hard", "bin/run", tarfile.LNKTYPE),
        mode=mode,
    )

    unpack(archive, tmp_path / "out")

    assert (tmp_path / "out/bin/run").read_text() == (tmp_path / "out/hard").read_text() == "run"
    assert os.access(tmp_path / "out/bin/run", os.X_OK)
    assert (tmp_path / "out/bin/python").readlink() == Path("/usr/bin/python3.9")
    assert (tmp_path / "out/absolute").read_text() == "inside"
    assert (tmp_path / "out/bin").stat().st_mode & 0o700 == 0o700


@pytest.mark.parametrize("name", ["a.zip", "a.jar"])
def test_a_zip_archive_keeps_modes(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as opened:
        program = zipfile.ZipInfo("bin/run")
        program.external_attr = 0o100755 << 16
        opened.writestr(program, "run")
        opened.writestr("empty/", "")
        opened.writestr("plain", "x")

    unpack(tmp_path / name, tmp_path / "out")

    assert os.access(tmp_path / "out/bin/run", os.X_OK)
    assert (tmp_path / "out/empty").is_dir()
    assert (tmp_path / "out/plain").read_text() == "x"


@pytest.mark.parametrize(
    "make",
    [
        lambda file: zipped(file.with_suffix(".zip"), **{"../escaped": "x"}),
        lambda file: zipped(file.with_suffix(".zip"), **{"a/../../escaped": "x"}),
        lambda file: tar(file.with_suffix(".tgz"), entry("../escaped")),
        lambda file: tar(file.with_suffix(".tgz"), folder("a"), entry("a/../../escaped")),
        lambda file: tar(file.with_suffix(".tgz"), link("a", ".."), entry("a/escaped")),
        lambda file: tar(file.with_suffix(".tgz"), link("a", "/"), link("b", "a"), entry("b/tmp/escaped")),
        lambda file: tar(file.with_suffix(".tgz"), link("a", "../secret", tarfile.LNKTYPE)),
        lambda file: tar(file.with_suffix(".tgz"), link("s", "../secret"), link("a", "s", tarfile.LNKTYPE)),
        lambda file: tar(file.with_suffix(".tgz"), link("a", "", tarfile.CHRTYPE)),
    ],
    ids=["zip", "zip-in", "tar", "tar-in", "link", "links", "hard-link", "hard-link-to-link", "device"],
)
def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    (tmp_path / "secret").write_text("secret")
    out = tmp_path / "out"

    with pytest.raises(ValueError, match=r"not a name inside of its folder|outside of its folder|is a device"):
        unpack(make(tmp_path / "archive"), out)

    assert not list(tmp_path.glob("escaped"))
    assert not (out / "a").is_file()


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")

    unpack(tar(tmp_path / "a.tar.gz", link("a", "../secret"), entry("a", b"mine")), tmp_path / "out")

    assert (tmp_path / "secret").read_text() == "secret"
    assert (tmp_path / "out/a").read_text() == "mine"


@pytest.mark.parametrize("name", ["a.zip", "a.jar", "a.tar.gz", "a.tgz", "a.tar"])
@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\3\4" + bytes(100), b"\x1f\x8b" + bytes(100)])
def test_a_damaged_archive_is_said_to_be(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ValueError, match="it cannot be unpacked: "):
        unpack(tmp_path / name, tmp_path / "out")


@pytest.mark.parametrize("name", ["", ".", "/", "..", "../x", "a/../..", "a/.."])
def test_a_name_outside_of_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is not a name inside of its folder"):
        place(tmp_path, name)
