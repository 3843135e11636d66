"""What it costs to validate jobs at synth: to load botocore's model once, and to check one job's request against it.

python benchmarks/validation.py

Processor seconds, as others may use the machine. Prints Markdown.
"""

import subprocess
import sys
from pathlib import Path
from statistics import median
from time import process_time

from aws_cdk import App, Duration, Size, Stack

from constructs_emrs import (
    Application,
    ApplicationType,
    Code,
    Configuration,
    Monitoring,
    Prometheus,
    ReleaseLabel,
    RetryPolicy,
    SparkJob,
    WorkerResources,
)
from constructs_emrs.jobs._rules.request import check_request
from constructs_emrs.validation.model import check_against_model
from constructs_emrs.validation.problems import Problems
from constructs_emrs.validation.shapes import operation_shape

PROCESSES = 7
CHECKS = 300
LOADING_TARGET = 40.0
CHECKING_TARGET = 3.0

# The package's __init__ imports the CDK, which takes seconds and is not what is measured.
LOADING = """
import sys, time, types
package = types.ModuleType("constructs_emrs")
package.__path__ = sys.argv[1:]
sys.modules["constructs_emrs"] = package
from constructs_emrs.validation.shapes import operation_shape
start = time.process_time()
operation_shape("StartJobRun")
print(time.process_time() - start)
"""


def loading() -> float:
    """Milliseconds to load the model in a fresh process the median of several."""
    command = [sys.executable, "-c", LOADING, str(Path(__file__).parent.parent / "constructs_emrs")]
    return 1000 * median(
        float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(PROCESSES)
    )


def validating() -> float:
    """Milliseconds to check a job's request against the model and the service's rules, once the model is loaded."""
    stack = Stack(App(), "Lake")
    job = SparkJob(
        stack,
        "Etl",
        application=Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0),
        entry_point=Code.from_uri("s3://code/etl.py"),
        arguments=["--day", "2026-11-22"] * 10,
        conf={f"spark.property.{number}": "value" for number in range(20)},
        driver=WorkerResources(cpu=4, memory=Size.gibibytes(16)),
        executor=WorkerResources(cpu=8, memory=Size.gibibytes(32), disk=Size.gibibytes(100)),
        execution_timeout=Duration.hours(2),
        retry_policy=RetryPolicy.attempts(3),
        application_configuration=[
            Configuration(classification="spark-defaults", properties={f"spark.{number}": "x" for number in range(20)})
        ],
        monitoring=Monitoring(
            prometheus=Prometheus.from_workspace_arn("arn:aws:aps:us-east-1:123456789012:workspace/ws-1")
        ),
    )
    request = job.start_job_run_request
    shape = operation_shape("StartJobRun")
    problems = Problems(job.node.path)
    start = process_time()
    for _ in range(CHECKS):
        check_against_model(request, shape, problems.add)
        check_request(request, ApplicationType.SPARK, ReleaseLabel.EMR_7_14_0, problems.add)
    duration = process_time() - start
    problems.raise_if_any()
    return 1000 * duration / CHECKS


def row(what: str, milliseconds: float, target: float) -> str:
    """A line of the table."""
    return f"| {what} | {milliseconds:.2f} ms | {target:.0f} ms | {'met' if milliseconds < target else 'not met'} |"


def main() -> None:
    """Print the table."""
    print("\n## Validation\n\n| target | measured | at most | |\n|---|---|---|---|")
    print(row("loading the model of the service", loading(), LOADING_TARGET))
    print(row("validating one job's request", validating(), CHECKING_TARGET))


if __name__ == "__main__":
    main()
