"""Failed deployments say what docs/failures.md says that they say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from constructs_emrs.handler import failure
from tests.e2e.conftest import CDK, ROOT

if TYPE_CHECKING:
    from emrs_local import LocalAws

STACKS = {
    "ScriptMissing": ("jobs/etl.py", "Check entry_point and the paths in the job's arguments."),
    "DataDenied": ("AccessDenied", "Grant the job what it uses: bucket.grant_read_write(job)"),
    "WrongRole": ("Could not assume execution role", "Check that the execution role exists and trusts"),
    "BadQuery": ("TABLE_OR_VIEW_NOT_FOUND", "Correct the query."),
}


@pytest.fixture(scope="module")
def reasons(bootstrapped: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Why the job run of each stack failed, as CloudFormation's event has it."""
    folder = tmp_path_factory.mktemp("failures")
    (folder / "etl.py").write_text(
        "import sys\nfrom pyspark.sql import SparkSession\n"
        "SparkSession.builder.getOrCreate().range(3).write.parquet(sys.argv[1])\n"
    )
    (folder / "query.sql").write_text("SELECT there_is_no_such_column FROM there_is_no_such_table;\n")
    assembly = folder / "cdk.out"
    app = f"{sys.executable} tests/e2e/failures_app.py"

    def cdk(*arguments: str) -> None:
        subprocess.run(
            [str(CDK), *arguments, "--no-color", "--ci"],
            cwd=ROOT,
            env=bootstrapped.command_environment() | {"FAILURES_FILES": str(folder), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )

    cdk("synth", "--quiet", f"--app={app}", f"--output={assembly}")
    for stack in STACKS:
        cdk("deploy", stack, "--require-approval=never", f"--app={assembly}")
    client = bootstrapped.client("cloudformation")
    events = [event for stack in STACKS for event in client.describe_stack_events(StackName=stack)["StackEvents"]]
    yield {
        event["StackName"]: event["ResourceStatusReason"]
        for event in events
        if event["ResourceStatus"] == "CREATE_FAILED" and event["ResourceType"] == "Custom::EMRServerlessJobRun"
    }
    cdk("destroy", "--all", "--force", f"--app={assembly}")


@pytest.mark.parametrize("stack", STACKS)
def test_the_reason_says_what_is_wrong_and_what_to_do(reasons: dict[str, str], stack: str) -> None:
    wrong, remedy = STACKS[stack]
    assert any(known.startswith(remedy) for _, known in failure._REMEDIES)
    assert wrong in reasons[stack], reasons[stack]
    assert remedy in reasons[stack], reasons[stack]
