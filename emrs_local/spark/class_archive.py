"""An archive of the classes that Spark loads, from which Java starts in half the time.

This is Java's application class data sharing: https://docs.oracle.com/en/java/javase/17/docs/specs/man/java.html.
One archive for a Java and a Spark is kept in the user's cache directory. It is made in the background; a driver that
starts before it is there, or cannot use it, starts as it would without.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from emrs_local.spark.installation import java_home, spark_home
from emrs_local.spark.submission import Submission

_FORMAT: Final = "3"  # another one, when archives are to be made in another way
_MOST_ARCHIVES: Final = 3  # 160 MB each
_NICENESS: Final = 5
_SECONDS_OF_A_STEP: Final = 1800
_SECONDS_IN_USE: Final = 60 * 60
_SECONDS_TO_END: Final = 2
_SECONDS_UNTIL_RETRY: Final = 24 * 60 * 60
_TRAINING: Final = Path(__file__).with_name("class_archive_training.py")
# What Java says about an archive that it cannot use goes to standard output, which is the job's.
_SILENT: Final = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off", "-Xlog:class+path=off")


class ClassArchive:
    """The archive for one Java and one Spark.

    Args:
        java_home: The Java runtime.
        spark_home: The Spark distribution.
        cache: The directory that archives are kept in.
        training: The PySpark job whose classes are in it.
    """

    def __init__(self, *, java_home: Path, spark_home: Path, cache: Path, training: Path = _TRAINING) -> None:
        self._java_home = java_home
        self._spark_home = spark_home
        self._cache = cache
        self._training = training
        self._directory = cache / _key(java_home, spark_home, training)

    @property
    def exists(self) -> bool:
        """Whether it is made, and its files are as they were then: Java may crash on one that is damaged.

        Java would find most damage with `-XX:+VerifySharedSpaces`, but reads all of it at each start, which takes a
        fifth of the time that the archive saves.
        """
        try:
            return self._state.read_text() == self._files()
        except OSError:
            return False

    @property
    def may_be_made(self) -> bool:
        """Whether it is missing, and was not tried in vain within a day."""
        try:
            failed = self._failure.stat().st_mtime
        except OSError:
            failed = 0.0
        return not self.exists and time.time() - failed > _SECONDS_UNTIL_RETRY

    @property
    def java_options(self) -> list[str]:
        """The options with which Java starts from it; none when it is missing or somebody else's."""
        if not self.exists:
            return []
        try:
            if not _is_ours_alone(self._cache):
                return []
            os.utime(self._directory)  # those that were used last are kept
        except OSError:
            return []
        return ["-Xshare:auto", f"-XX:SharedArchiveFile={self._of_spark}", *_SILENT]

    def make(self) -> None:
        """Make it, unless it exists when it is this process's turn.

        Raises:
            OSError: The cache directory cannot be written.
            subprocess.SubprocessError: Java does not make it.
        """
        self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self._cache / "lock"):
            if not self.may_be_made or not _is_ours_alone(self._cache):
                return
            for leftover in self._cache.glob("making-*"):  # by a process that was killed
                shutil.rmtree(leftover, ignore_errors=True)
            with TemporaryDirectory(dir=self._cache, prefix="making-", ignore_cleanup_errors=True) as temporary:
                try:
                    self._make_in(Path(temporary))
                except (OSError, subprocess.CalledProcessError):  # not a machine that was too busy
                    self._failure.touch()
                    raise
            self._failure.unlink(missing_ok=True)
            self._remove_old_ones()

    def _make_in(self, temporary: Path) -> None:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        base, top = temporary / self._of_java.name, temporary / self._of_spark.name
        dump = [str(self._java_home / "bin" / "java"), "-Xshare:dump", f"-XX:SharedArchiveFile={base}"]
        _run(dump, environment={}, directory=temporary)
        base.rename(self._of_java)  # the other names it, by the path that it has now
        training = Submission(
            job_driver={
                "sparkSubmit": {
                    "entryPoint": str(self._training),
                    "sparkSubmitParameters": "--conf spark.driver.memory=1g",
                }
            },
            application_configuration=[],
            job_run_name="class archive",
            work_directory=temporary / "training",
            environment={},
            hadoop_properties={},
            java_home=self._java_home,
            spark_home=self._spark_home,
            event_logs=temporary / "event-logs",
            java_options=[
                f"-XX:SharedArchiveFile={self._of_java}",
                f"-XX:ArchiveClassesAtExit={top}",
                "-XX:TieredStopAtLevel=1",
            ],
        )
        training.write()
        _run(training.command, environment=training.environment, directory=training.working_directory)
        top.rename(self._of_spark)  # which is missing if Java could not make it
        state = temporary / self._state.name
        state.write_text(self._files())
        state.rename(self._state)

    def _files(self) -> str:
        found = [file.stat() for file in (self._of_java, self._of_spark)]
        return " ".join(f"{status.st_size} {status.st_mtime_ns}" for status in found)

    def _remove_old_ones(self) -> None:
        archives = [entry for entry in self._cache.iterdir() if entry.is_dir() and entry.name.startswith("spark-")]
        last_used = {archive: archive.stat().st_mtime for archive in archives}
        for archive in sorted(archives, key=lambda entry: last_used[entry], reverse=True)[_MOST_ARCHIVES:]:
            if time.time() - last_used[archive] > _SECONDS_IN_USE:  # or those who use it would make it again
                shutil.rmtree(archive, ignore_errors=True)  # a Java that has it open keeps it

    @property
    def _of_java(self) -> Path:
        return self._directory / "java.jsa"

    @property
    def _of_spark(self) -> Path:
        return self._directory / "spark.jsa"

    @property
    def _state(self) -> Path:
        return self._directory / "state"

    @property
    def _failure(self) -> Path:
        return self._directory.with_suffix(".failed")


def class_archive() -> ClassArchive | None:
    """The archive for the Java and the Spark that are here; `None` if there is no place to keep it."""
    java, spark, cache = java_home(), spark_home(), _cache_directory()
    if java is None or spark is None or cache is None:
        return None
    try:
        return ClassArchive(java_home=java, spark_home=spark, cache=cache)
    except OSError:
        return None


def start_making() -> subprocess.Popen[bytes] | None:
    """Start a process that makes the archive, in a group of its own; `None` if there is nothing to do."""
    archive = class_archive()
    if archive is None or not archive.may_be_made:
        return None
    return subprocess.Popen(  # noqa: S603 - this module
        [sys.executable, "-P", "-c", f"from {__name__} import main; main()"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def stop_making(maker: subprocess.Popen[bytes]) -> None:
    """End the process with all that it started."""
    maker.terminate()  # it removes what it has made so far
    with suppress(subprocess.TimeoutExpired):
        maker.wait(_SECONDS_TO_END)
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(maker.pid, signal.SIGKILL)
    maker.wait()


def _cache_directory() -> Path | None:
    """Where the user's caches are: https://specifications.freedesktop.org/basedir-spec/latest/."""
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        caches = configured if configured.is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # nobody knows the user's home
        return None
    return caches / "constructs-emrs" / "class-archives"


def _key(java: Path, spark: Path, training: Path) -> str:
    """A name that changes with all that makes an archive invalid."""
    versions = dict(line.split("=", 1) for line in (java / "release").read_text().splitlines() if "=" in line)
    java_version = versions.get("JAVA_VERSION", "").strip('"')
    # Java searches a folder of jars in the order in which the file system names them, and compares sizes and times.
    jars = [(jar.name, jar.stat()) for jar in (spark / "jars").iterdir()]
    described = [_FORMAT, training.read_text(), str(java), str(spark), (java / "release").read_text()]
    described += [f"{name} {status.st_size} {status.st_mtime_ns}" for name, status in jars]
    launchers = [Path(name).stem for name, _ in jars if name.startswith("spark-launcher_")]
    spark_version = launchers[0].rpartition("-")[2] if launchers else ""
    digest = hashlib.sha256("\n".join(described).encode()).hexdigest()[:16]
    return f"spark-{spark_version}-java-{java_version}-{digest}"


def _is_ours_alone(directory: Path) -> bool:
    # An archive is code: nobody else may have put it there.
    status = directory.stat()
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Wait until no other process has the lock; it is given back however the process ends."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: list[str], *, environment: dict[str, str], directory: Path) -> None:
    subprocess.run(  # noqa: S603 - Java, to make the archive
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_SECONDS_OF_A_STEP,
        check=True,
    )


def main() -> None:
    """Make the archive, out of the way of everything else; what fails is a line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.nice(_NICENESS)
    try:
        if archive := class_archive():
            archive.make()
    except (OSError, subprocess.SubprocessError) as error:
        print(f"No class archive was made, which makes drivers start slower: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
