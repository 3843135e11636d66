"""The script that a job begins with."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest

from emrs_local.spark.bucket import Content
from emrs_local.spark.object_tree import ObjectTree
from emrs_local.spark.scripts import local_script


class Objects:
    """The keys of a bucket that may be read."""

    def __init__(self, **contents: bytes) -> None:
        self._contents = {f"{name}.py": content for name, content in contents.items()}

    def open(self, path: str, **_: Any) -> Content:
        if path == "denied.py":
            raise PermissionError("not authorized to perform: s3:GetObject")
        if path not in self._contents:
            raise FileNotFoundError(path)
        return Content(length=len(self._contents[path]), body=BytesIO(self._contents[path]))


def bucket(objects: Objects) -> Callable[[str], ObjectTree]:
    return lambda _: cast("ObjectTree", objects)


def test_a_script_in_s3_is_alone_in_a_folder_under_its_name(tmp_path: Path) -> None:
    objects = Objects(**{"jobs/a-b/day=1/Main_2.0": b"print('it')"})

    script = local_script("s3a://code/jobs/a-b/day=1/Main_2.0.py", bucket(objects), folder=tmp_path / "script")

    assert script == tmp_path / "script" / "Main_2.0.py"
    assert script.read_bytes() == b"print('it')"
    assert list(script.parent.iterdir()) == [script]


@pytest.mark.parametrize(
    "entry_point",
    [
        "",
        "/home/hadoop/job.py",
        "local:///usr/lib/spark/examples/src/main/python/pi.py",
        "s3://code/job.jar",
        "s3://code/job.zip",
        "s3://code/../other/job.py",
        "s3://code/a//job.py",
        "s3://code/./job.py",
        "s3://code/a b.py",
        "s3://code/a%20b.py",
        "s3://code/größe.py",
        "s3://code/*.py",
        "s3://code/job.py#name",
        "s3://code/missing.py",
        "s3://code/denied.py",
    ],
)
def test_spark_is_left_what_only_spark_knows_how_to_read_or_to_refuse(entry_point: str, tmp_path: Path) -> None:
    assert local_script(entry_point, bucket(Objects(job=b"")), folder=tmp_path / "script") is None
    assert not (tmp_path / "script").exists()
