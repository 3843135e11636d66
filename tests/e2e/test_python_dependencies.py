"""A worker with another Python than the packages are built for ends with a line that says so, on real Spark."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aws_cdk import App, Stack

from constructs_emrs import Application, Architecture, Code, JobRun, PythonDependencies, ReleaseLabel, SparkJob
from constructs_emrs.jobs._packages.guard import NAME, guard_source
from constructs_emrs.jobs._packages.target import Target
from emrs_local.spark.installation import java_home
from tests.e2e.deployment import DeployedStack, synthesise
from tests.packages import use_index, write_wheel

if TYPE_CHECKING:
    from emrs_local import LocalAws

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = "3.9"
ENTRY_POINT = """
import company
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("executors have", spark.sparkContext.parallelize([1]).map(lambda _: __import__("company").VERSION).collect())
"""

ON_EXECUTORS = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.config("spark.executorEnv.PYTHONPATH", sys.argv[1]).getOrCreate()
spark.sparkContext.parallelize([1]).map(lambda number: number + 1).collect()
"""


def build(app: App) -> None:
    stack = Stack(app, "OtherPython")
    spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    for name, python in (("Right", HERE), ("Wrong", OTHER)):
        job = SparkJob(
            stack,
            name,
            application=spark,
            entry_point=Code.from_inline(ENTRY_POINT, suffix=".py"),
            python_dependencies=PythonDependencies.from_packages(["company"], python=python),
        )
        run = JobRun(stack, f"{name}Run", job=job)
        if name == "Wrong":
            run.node.add_dependency(stack.node.find_child("RightRun"))


def test_the_right_python_runs_and_another_one_ends_with_the_line(
    bootstrapped: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheel(tmp_path / "wheels", "company")
    use_index(tmp_path / "wheels", tmp_path / "caches", monkeypatch)
    synthesise(build, tmp_path / "cdk.out")
    stack = DeployedStack(bootstrapped, "OtherPython")
    outcome = stack.deploy(tmp_path / "cdk.out")
    try:
        assert not outcome.succeeded
        assert any(event.startswith("RightRun") and "CREATE_COMPLETE" in event for event in outcome.events), outcome
        line = f'python_dependencies: built for Python {OTHER}, this worker has {HERE}: pass python="{HERE}"'
        assert [event for event in outcome.events if line in event], outcome
        assert "ImportError" not in str(outcome)
        assert "ModuleNotFoundError" not in str(outcome)
    finally:
        stack.destroy()


def test_an_executor_with_another_python_ends_with_the_line(tmp_path: Path) -> None:
    """The driver does not find the packages here, so that it is the worker of an executor that ends."""
    target = Target(python=OTHER, architecture=Architecture.X86_64, glibc="2.34")
    (tmp_path / NAME).write_text(guard_source(target, has_compiled_code=False))
    done = subprocess.run(
        [sys.executable, "-c", ON_EXECUTORS, str(tmp_path)],
        env={
            **os.environ,
            "JAVA_HOME": str(java_home()),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    line = f'python_dependencies: built for Python {OTHER}, this worker has {HERE}: pass python="{HERE}"'
    assert f"Error from python worker:\n  {line}\n" in done.stderr
