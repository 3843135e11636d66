"""What the EMR image has, on a machine that has Spark from PyPI."""

from pathlib import Path

import pytest

from emrs_local.spark.image import Image


@pytest.fixture
def image(tmp_path: Path) -> Image:
    spark, home = tmp_path / "spark", tmp_path / "home"
    (spark / "jars").mkdir(parents=True)
    home.mkdir()
    for jar in ("spark-core_2.12-3.5.9.jar", "iceberg-spark-runtime-3.5_2.12-1.5.0.jar"):
        (spark / "jars" / jar).touch()
    return Image(spark_home=spark, working_folder=home)


@pytest.mark.parametrize(
    ("named", "added"),
    [
        ("/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar", "iceberg-spark-runtime-3.5_2.12-1.9.2.jar"),
        ("/usr/share/aws/delta/lib/delta-spark.jar", "delta-spark_2.12-3.3.2.jar"),
        ("/usr/lib/hudi/hudi-spark-bundle.jar", "hudi-spark3.5-bundle_2.12-1.0.2.jar"),
    ],
)
def test_a_jar_of_the_image_is_one_that_the_user_has_added(tmp_path: Path, named: str, added: str) -> None:
    jars = tmp_path / "added"
    jars.mkdir()
    image = Image(spark_home=tmp_path, working_folder=tmp_path, jars=jars)
    assert image.lacks(named)
    (jars / added).touch()
    assert image.here(named) == str(jars / added)
    assert not image.lacks(named)


@pytest.mark.parametrize(
    "address",
    ["local:///usr/lib/spark/x.py", "/usr/lib/spark/x.py", "file:/usr/lib/spark/x.py", "file:///usr/lib/spark/x.py"],
)
def test_a_part_of_spark_in_the_image_is_the_one_that_is_here(image: Image, tmp_path: Path, address: str) -> None:
    assert image.here(address) == f"{tmp_path}/spark/x.py"


@pytest.mark.parametrize(
    "address", ["s3://b/usr/lib/spark/x.py", "x.py", "./x.py", "https://x/y.jar", "/usr/lib/sparkle"]
)
def test_any_other_address_stays_as_it_is(image: Image, address: str) -> None:
    assert image.here(address) == address


def test_the_home_of_the_image_is_the_working_folder(image: Image, tmp_path: Path) -> None:
    assert image.here("/home/hadoop/environment/bin/python") == f"{tmp_path}/home/environment/bin/python"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("/usr/lib/spark/jars/spark-core_2.12-3.5.1-amzn-0.jar", "spark-core_2.12-3.5.9.jar"),
        ("/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar", "iceberg-spark-runtime-3.5_2.12-1.5.0.jar"),
    ],
)
def test_a_jar_that_spark_has_in_another_version_is_found(image: Image, tmp_path: Path, asked: str, found: str) -> None:
    assert image.here(asked) == f"{tmp_path}/spark/jars/{found}"
    assert not image.lacks(asked)


@pytest.mark.parametrize(
    "address",
    ["/usr/lib/hudi/hudi-spark-bundle.jar", "local:///usr/lib/spark/examples/jars/spark-examples.jar", "job.py"],
)
def test_what_is_local_and_missing_is_known(image: Image, address: str) -> None:
    assert image.lacks(address)


def test_what_is_here_or_elsewhere_is_not_lacking(image: Image, tmp_path: Path) -> None:
    (tmp_path / "home" / "job.py").touch()

    for address in ("job.py", "/home/hadoop/job.py", "/usr/lib/spark/jars/*", "s3://b/k", "https://x/y.jar"):
        assert not image.lacks(address), address
