"""What a job brings, in the folder that its driver starts in; without Spark and S3."""

import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from emrs_local.spark.image import Image
from emrs_local.spark.object_tree import ObjectTree
from emrs_local.spark.working_folder import WorkingFolder


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "a.txt").write_text("a")
    (mine / "b.txt").write_text("b")
    with zipfile.ZipFile(mine / "c.zip", "w") as archive:
        archive.writestr("c.txt", "c")
    return mine


def no_s3(bucket: str) -> ObjectTree:
    raise AssertionError(bucket)


def filled(tmp_path: Path, **properties: str) -> tuple[Path, dict[str, str]]:
    """The folder, and the options for Spark."""
    path = tmp_path / "the home"
    path.mkdir()
    folder = WorkingFolder(
        path=path,
        resources=tmp_path / "the resources",
        properties={f"spark.{name}": value for name, value in properties.items()},
        image=Image(spark_home=tmp_path / "spark", working_folder=path),
    )
    folder.fill(no_s3)
    arguments = folder.arguments
    return path, dict(zip(arguments[::2], arguments[1::2], strict=True))


def on_disk(address: str) -> Path:
    assert address.startswith("file:///")
    return Path(unquote(urlsplit(address).path))


def test_a_job_that_brings_nothing_gives_spark_nothing(tmp_path: Path) -> None:
    path, options = filled(tmp_path, files="", archives=" , ")

    assert list(path.iterdir()) == []
    assert options == {}


def test_a_file_has_its_name_here_and_the_one_that_it_came_with_for_spark(tmp_path: Path, mine: Path) -> None:
    path, options = filled(tmp_path, files=f"{mine}/a.txt, local://{mine}/b.txt#conf/renamed")

    assert (path / "a.txt").read_text() == "a"
    assert (path / "conf/renamed").read_text() == "b"
    assert [on_disk(address).name for address in options["--files"].split(",")] == ["a.txt", "b.txt"]


def test_what_a_job_writes_to_its_file_stays_in_its_folder(tmp_path: Path, mine: Path) -> None:
    path, _ = filled(tmp_path, files=f"{mine}/a.txt")

    (path / "a.txt").write_text("changed")

    assert (mine / "a.txt").read_text() == "a"


def test_spark_gets_links_to_an_archive_that_is_unpacked(tmp_path: Path, mine: Path) -> None:
    path, options = filled(tmp_path, archives=f"{mine}/c.zip,{mine}/c.zip#mine")

    assert (path / "c.zip/c.txt").read_text() == (path / "mine/c.txt").read_text() == "c"
    first, second = options["--archives"].split(",")
    assert first.endswith("#c.zip")
    assert second.endswith("#mine")
    assert on_disk(first).stat().st_size < 1000


def test_an_archive_that_spark_does_not_unpack_is_a_file(tmp_path: Path, mine: Path) -> None:
    path, options = filled(tmp_path, archives=f"{mine}/a.txt#data")

    assert (path / "data").read_text() == "a"
    assert on_disk(options["--archives"]).name == "a.txt"


def test_jars_are_there_too(tmp_path: Path, mine: Path) -> None:
    path, options = filled(tmp_path, jars=f"{mine}/c.zip#d.jar,{mine}/*.jar,https://host/x.jar")

    assert (path / "d.jar").read_bytes() == (mine / "c.zip").read_bytes()
    first, *left = options["--jars"].split(",")
    assert on_disk(first).name == "c.zip"
    assert left == [f"{mine}/*.jar", "https://host/x.jar"]


def test_the_later_of_one_name_wins(tmp_path: Path, mine: Path) -> None:
    path, _ = filled(tmp_path, files=f"{mine}/a.txt#x,{mine}/b.txt#x", archives=f"{mine}/c.zip#y,{mine}/a.txt#y")

    assert (path / "x").read_text() == "b"
    assert (path / "y").read_text() == "a"


def test_patterns_and_other_addresses_are_left_to_spark(tmp_path: Path) -> None:
    left = "s3://b/*.txt,https://host/x.txt,hdfs:///y.txt#z"

    path, options = filled(tmp_path, files=left)

    assert list(path.iterdir()) == []
    assert options == {"--files": left}


@pytest.mark.parametrize("name", ["../x", "..", ".", "a/../../x"])
def test_a_name_outside_of_the_folder_is_refused(tmp_path: Path, mine: Path, name: str) -> None:
    with pytest.raises(RuntimeError, match=r"--files: .*a\.txt: .* is not a name inside of its folder"):
        filled(tmp_path, files=f"{mine}/a.txt#{name}")


def test_a_file_that_is_not_here_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"--py-files: /nowhere/x\.py: there is no such file on this machine"):
        filled(tmp_path, **{"submit.pyFiles": "/nowhere/x.py"})
