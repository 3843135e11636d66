"""The archive of classes: drivers start from it, and nothing depends on it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from emrs_local.processes import group_exists
from emrs_local.spark.class_archive import ClassArchive, class_archive, start_making, stop_making
from emrs_local.spark.installation import java_home, spark_home
from tests.local.emr_serverless_support import wait_until
from tests.local.spark_support import driver_without_s3, exit_code_of, recorded_group

JAVA = java_home() or Path()
SPARK = spark_home() or Path()

MAKES_AN_ARCHIVE = """#!/bin/sh
sleep 0.3
for option; do
  case $option in
    -Xshare:dump) echo base >> "$0.calls"; echo classes > "${2#*=}" ;;
    -XX:ArchiveClassesAtExit=*) echo spark >> "$0.calls"; echo classes > "${option#*=}" ;;
  esac
done
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> ClassArchive:
    """One with little in it, as that is quickly made."""
    directory = tmp_path_factory.mktemp("archive")
    (directory / "training.py").write_text("print('nothing')")
    made = ClassArchive(java_home=JAVA, spark_home=SPARK, cache=directory / "cache", training=directory / "training.py")
    made.make()
    return made


@pytest.fixture
def no_java(tmp_path: Path) -> Path:
    """A Java whose archives are made at once."""
    home = tmp_path / "java"
    (home / "bin").mkdir(parents=True)
    (home / "release").write_text('JAVA_VERSION="17"\n')
    (home / "bin" / "java").write_text(MAKES_AN_ARCHIVE)
    (home / "bin" / "java").chmod(0o755)
    return home


def calls(no_java: Path) -> list[str]:
    return (no_java / "bin" / "java.calls").read_text().split()


def spark_submit_version(java_options: Sequence[str]) -> subprocess.CompletedProcess[str]:
    class_path = ["-cp", f"{SPARK}/jars/*:/a/configuration"]
    main = ["org.apache.spark.deploy.SparkSubmit", "--version"]
    return subprocess.run(
        [str(JAVA / "bin" / "java"), *class_path, *java_options, *main], capture_output=True, text=True, check=False
    )


def option_of(archive: ClassArchive) -> str:
    (option,) = (option for option in archive.java_options if option.startswith("-XX:SharedArchiveFile="))
    return option


def files_of(archive: ClassArchive) -> Path:
    return Path(option_of(archive).partition("=")[2]).parent


def test_spark_starts_from_the_archive(archive: ClassArchive) -> None:
    started = spark_submit_version([*archive.java_options, "-Xlog:class+load:stdout"])

    loaded = [line for line in started.stdout.splitlines() if " source: " in line]
    from_the_archive = [line for line in loaded if "shared objects file" in line]
    assert any("org.apache.spark.deploy.SparkSubmit " in line for line in from_the_archive)
    assert len(from_the_archive) > 0.9 * len(loaded)


def test_a_users_archive_is_made_of_what_jobs_use() -> None:
    users = class_archive()
    assert users

    users.make()  # is done if it was done before

    started = spark_submit_version([*users.java_options, "-Xlog:class+load:stdout"])
    assert "org.apache.spark.deploy.SparkSubmit source: shared objects file (top)" in started.stdout
    assert (files_of(users) / "spark.jsa").stat().st_size > 2**27  # it has Spark SQL in it


def test_an_archive_that_is_cut_off_is_made_again(no_java: Path, tmp_path: Path) -> None:
    archive = ClassArchive(java_home=no_java, spark_home=SPARK, cache=tmp_path / "cache")
    archive.make()
    (files_of(archive) / "spark.jsa").write_text("")
    assert not archive.exists

    archive.make()

    assert archive.exists
    assert calls(no_java) == ["base", "spark"] * 2


def test_a_driver_starts_from_the_archive_and_is_one_java(
    archive: ClassArchive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("emrs_local.spark.driver.class_archive", lambda: archive)
    script = tmp_path / "job.py"
    script.write_text("""
import os
from pyspark.java_gateway import launch_gateway

java = launch_gateway().jvm.java.lang
for option in java.management.ManagementFactory.getRuntimeMXBean().getInputArguments():
    print(option)
print(java.ProcessHandle.current().pid())
""")
    job = driver_without_s3(
        str(script), tmp_path, sparkSubmitParameters="--conf spark.driver.extraJavaOptions=-Dmine=1"
    )
    job.start()

    assert exit_code_of(job) == 0, job.stderr.read_text()
    *options, java_process = job.stdout.read_text().splitlines()
    assert option_of(archive) in options
    assert "-Dmine=1" in options
    assert int(java_process) == recorded_group(tmp_path / "groups")


def test_a_driver_that_is_recorded_does_not_crash_on_the_archive(
    archive: ClassArchive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("emrs_local.spark.driver.class_archive", lambda: archive)
    (tmp_path / "job.py").write_text("print('runs')")
    recording = tmp_path / "recording.jfr"
    options = f"spark.driver.extraJavaOptions=-XX:StartFlightRecording:filename={recording}"
    job = driver_without_s3(str(tmp_path / "job.py"), tmp_path, sparkSubmitParameters=f"--conf {options}")
    job.start()

    assert exit_code_of(job) == 0, job.stderr.read_text()
    assert "runs" in job.stdout.read_text().splitlines()
    assert recording.stat().st_size


@contextmanager
def broken(file: Path) -> Iterator[BinaryIO]:
    """A file that is open to be damaged, and whole again afterwards."""
    whole = file.with_suffix(".whole")
    shutil.copy2(file, whole)
    file.chmod(0o600)
    with file.open("r+b") as content:
        yield content
    whole.replace(file)


@pytest.mark.parametrize("name", ["java.jsa", "spark.jsa"])
@pytest.mark.parametrize("where", ["at the start", "inside"])
def test_a_damaged_archive_is_not_used(name: str, where: str, archive: ClassArchive) -> None:
    file = files_of(archive) / name
    with broken(file) as content:
        content.seek(0 if where == "at the start" else file.stat().st_size // 2)
        content.write(os.urandom(4096))
        content.flush()
        assert archive.java_options == []
    assert archive.java_options


@pytest.mark.parametrize("name", ["java.jsa", "spark.jsa"])
def test_an_archive_that_is_cut_off_or_gone_is_not_used(name: str, archive: ClassArchive) -> None:
    file = files_of(archive) / name
    with broken(file) as content:
        content.truncate(file.stat().st_size // 2)
        assert archive.java_options == []
        content.truncate(0)
        assert archive.java_options == []
        file.unlink()
        assert archive.java_options == []
    assert archive.java_options


def test_another_class_path_is_harmless(archive: ClassArchive) -> None:
    started = spark_submit_version([*archive.java_options, "-cp", f"/a/jar/of/the/job.jar:{SPARK}/jars/*"])

    assert (started.returncode, started.stdout) == (0, "")


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize("cache", ["a file", "of others", "nowhere"])
def test_without_a_cache_directory_there_is_no_archive(
    cache: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    match cache:
        case "a file":
            (tmp_path / "cache").touch()
            monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        case "of others":
            directory = tmp_path / "constructs-emrs" / "class-archives"
            directory.mkdir(parents=True)
            directory.chmod(0o777)
            monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        case "nowhere":
            monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
            monkeypatch.setattr(Path, "home", no_home)

    archive = class_archive()

    assert archive is None or archive.java_options == []
    maker = start_making()
    assert maker is None or maker.wait(600) == 0
    assert archive is None or not archive.exists


def test_makers_that_start_together_make_one(no_java: Path, tmp_path: Path) -> None:
    make = (
        "from pathlib import Path; from emrs_local.spark.class_archive import ClassArchive;"
        f"ClassArchive(java_home=Path({str(no_java)!r}), spark_home=Path({str(SPARK)!r}),"
        f" cache=Path({str(tmp_path / 'cache')!r})).make()"
    )
    makers = [subprocess.Popen([sys.executable, "-P", "-c", make]) for _ in range(3)]

    assert [maker.wait(600) for maker in makers] == [0, 0, 0]
    assert calls(no_java) == ["base", "spark"]
    archive = ClassArchive(java_home=no_java, spark_home=SPARK, cache=tmp_path / "cache")
    assert archive.exists
    assert archive.java_options


def test_few_archives_are_kept(no_java: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (cache / "making-of-one-that-was-killed").mkdir(parents=True)
    for version in range(5):
        (no_java / "release").write_text(f'JAVA_VERSION="{version}"\n')
        archive = ClassArchive(java_home=no_java, spark_home=SPARK, cache=cache)
        archive.make()
        os.utime(files_of(archive), (version, version))

    kept = sorted(entry.name.rpartition("-")[0] for entry in cache.iterdir() if entry.is_dir())
    assert kept == ["spark-3.5.9-java-2", "spark-3.5.9-java-3", "spark-3.5.9-java-4"]


def test_an_archive_that_is_in_use_is_kept(no_java: Path, tmp_path: Path) -> None:
    archives = []
    for version in range(5):
        (no_java / "release").write_text(f'JAVA_VERSION="{version}"\n')
        archives.append(ClassArchive(java_home=no_java, spark_home=SPARK, cache=tmp_path / "cache"))
        archives[-1].make()

    assert all(archive.exists for archive in archives)


def test_what_failed_is_not_tried_again_at_each_start(no_java: Path, tmp_path: Path) -> None:
    (no_java / "bin" / "java").write_text("#!/bin/sh\nexit 1\n")
    archive = ClassArchive(java_home=no_java, spark_home=SPARK, cache=tmp_path / "cache")

    with pytest.raises(subprocess.CalledProcessError):
        archive.make()

    assert not archive.exists
    assert not archive.may_be_made
    (failure,) = (tmp_path / "cache").glob("*.failed")
    os.utime(failure, (time.time() - 90_000,) * 2)
    assert archive.may_be_made


def test_the_making_ends_when_it_is_told_to_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("emrs_local.spark.class_archive._SECONDS_TO_END", 600)  # as long as it takes to tidy up
    maker = start_making()
    assert maker
    cache = tmp_path / "constructs-emrs" / "class-archives"
    wait_until(lambda: list(cache.glob("making-*/training")))

    stop_making(maker)

    assert not list(cache.glob("making-*"))
    wait_until(lambda: not group_exists(maker.pid))
