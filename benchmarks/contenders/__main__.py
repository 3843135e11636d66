"""Measures one contender in this process and its jsii kernel, and prints JSON: CONTENDER JOBS own|shared FLAGS."""

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks.contenders.jsii_calls import count_calls

# What this library imports of the CDK; every app does so, whatever its jobs are made with.
CDK_MODULES = (
    "aws_cdk",
    *(f"aws_cdk.aws_{name}" for name in ("cloudwatch", "ec2", "ecr", "emrserverless", "iam", "kms", "lambda", "logs")),
    *(f"aws_cdk.{name}" for name in ("aws_s3", "aws_s3_assets", "aws_stepfunctions")),
)
_TICKS = os.sysconf("SC_CLK_TCK")


def main(contender: str, jobs: str, roles: str, flags: str) -> dict[str, Any]:
    """Import, construct, synthesise and look at the template; the feature flags are JSON."""
    measured: dict[str, Any] = {}

    def measure(what: str, action: Callable[[], object]) -> None:
        """Seconds that it took, and those in which this process and the kernel computed: others disturb them less."""
        start, computed = perf_counter(), cpu_seconds()
        action()
        measured[what] = perf_counter() - start
        measured[f"{what} CPU"] = cpu_seconds() - computed

    measure("import CDK", lambda: [importlib.import_module(name) for name in CDK_MODULES])
    measure("import", lambda: importlib.import_module(f"benchmarks.contenders.{contender}"))
    build = sys.modules[f"benchmarks.contenders.{contender}"].build
    from aws_cdk import App, Stack  # noqa: PLC0415 - what is imported when is what is measured

    with TemporaryDirectory() as folder:
        # The contender with the most resources a job has more than CloudFormation allows.
        context = {"@aws-cdk/core:stackResourceLimit": 0, **json.loads(flags)}
        app = App(outdir=folder, analytics_reporting=False, context=context)
        stack = Stack(app, "Lake")
        with count_calls() as calls:
            measure("construct", lambda: build(stack, int(jobs), shared=roles == "shared"))
            measure("synth", app.synth)
        written = Path(folder, "Lake.template.json").read_bytes()
    template = json.loads(written)
    types = [resource["Type"] for resource in template["Resources"].values()]
    python, *kernel = processes()
    return measured | {
        "calls": calls.made,
        "python MB": peak_megabytes(python),
        "node MB": max(map(peak_megabytes, kernel)),
        "resources": len(types),
        "functions": types.count("AWS::Lambda::Function"),
        "bytes": len(json.dumps(template, separators=(",", ":"))),
        "written": len(written),
    }


def processes() -> list[int]:
    """This process and all below it: the jsii kernel may be started by a script."""
    found = [os.getpid()]
    for pid in found:
        children = (file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/children"))
        found += [int(child) for listed in children for child in listed]
    return found


def cpu_seconds() -> float:
    """What this process and the kernel computed so far."""
    stats = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in processes())
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / _TICKS


def peak_megabytes(pid: int) -> float:
    """The most memory that the process had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
