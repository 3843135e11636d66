"""Failed deployments say what docs/failures.md says that they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from constructs_emrs.handler import failure
from tests.e2e.deployment import DeployedStack, synthesise_script

if TYPE_CHECKING:
    from tests.e2e.aws import Aws

pytestmark = pytest.mark.aws

STACKS = {
    "ScriptMissing": ("jobs/etl.py", "Check entry_point and the paths in the job's arguments."),
    "DataDenied": (
        r"AccessControlException.*\(AccessDenied\)",
        "Grant the job what it uses: bucket.grant_read_write(job)",
    ),
    "WrongRole": ("Could not assume execution role", "Check that the execution role exists and trusts"),
    "ExitMessage": ("\nexit.py: no rows for 2024-01-01\n", ""),
    "BadQuery": ("TABLE_OR_VIEW_NOT_FOUND", "Correct the query."),
}


@pytest.fixture(scope="module")
def reasons(bootstrapped: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Why the job run of each stack failed, as CloudFormation's event has it."""
    folder = tmp_path_factory.mktemp("failures")
    (folder / "etl.py").write_text(
        "import sys\nfrom pyspark.sql import SparkSession\n"
        "SparkSession.builder.getOrCreate().range(3).write.parquet(sys.argv[1])\n"
    )
    (folder / "exit.py").write_text("import sys\nsys.exit(f'{__file__}: no rows for 2024-01-01')\n")
    (folder / "query.sql").write_text("SELECT there_is_no_such_column FROM there_is_no_such_table;\n")
    synthesise_script("failures_app.py", folder / "cdk.out", FAILURES_FILES=str(folder))
    stacks = [DeployedStack(bootstrapped, name) for name in STACKS]
    try:
        for stack in stacks:
            stack.start_deploy(folder / "cdk.out")
        settled = {stack.name: stack.settled().events for stack in stacks}
        yield {
            name: next(event for event in events if re.match(r"Run\w* CREATE_FAILED", event))
            for name, events in settled.items()
        }
    finally:
        # What was made in an account is deleted, also where one of them could not be.
        destroyed = [stack.destroy() for stack in stacks if stack.stack_ids]
    assert all(outcome.succeeded for outcome in destroyed), "\n".join(map(str, destroyed))


@pytest.mark.parametrize("stack", STACKS)
def test_the_reason_says_what_is_wrong_and_what_to_do(reasons: dict[str, str], stack: str) -> None:
    wrong, remedy = STACKS[stack]
    assert any(known.startswith(remedy) for _, known in failure._REMEDIES)
    assert re.search(wrong, reasons[stack]), reasons[stack]
    assert remedy in reasons[stack], reasons[stack]
