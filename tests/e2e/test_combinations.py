"""Every combination of created, brought and imported infrastructure deploys with IAM enforced, and its runs succeed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emrs_local import LocalAws
from tests.e2e.deployment import DeployedStack, synthesise_script

RUNS = [
    "EverythingCreated",
    "EverythingBrought",
    "ImportedApplication",
    "SharedRole1",
    "SharedRole2",
    "EncryptedBucket",
    "AllKeysDifferent",
    "OwnedByAws",
    "GroupWithItsOwnKey",
]


@pytest.fixture(scope="module")
def run_arns(with_python_drivers: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The runs of a deployed stack, by name. Their driver is a plain Python script: what counts is who may do what."""
    folder = tmp_path_factory.mktemp("combinations")
    (folder / "job.py").write_text("print('done')\n")
    emr = with_python_drivers.client("emr-serverless")
    application = emr.create_application(name="theirs", releaseLabel="emr-7.14.0", type="Spark")
    synthesise_script(
        "combinations_app.py",
        folder / "cdk.out",
        COMBINATIONS_APPLICATION=application["applicationId"],
        COMBINATIONS_ENTRY_POINT=f"local://{folder / 'job.py'}",
    )
    stack = DeployedStack(with_python_drivers, "Combinations")
    deployed = stack.deploy(folder / "cdk.out")
    assert deployed.succeeded, str(deployed)
    exports = stack.client.list_exports()["Exports"]
    yield {item["Name"]: item["Value"] for item in exports}
    destroyed = stack.destroy()
    assert destroyed.succeeded, str(destroyed)


@pytest.mark.parametrize("name", RUNS)
def test_the_run_succeeds(with_python_drivers: LocalAws, run_arns: dict[str, str], name: str) -> None:
    *_, application_id, _, run_id = run_arns[name].split("/")
    emr = with_python_drivers.client("emr-serverless")
    assert emr.get_job_run(applicationId=application_id, jobRunId=run_id)["jobRun"]["state"] == "SUCCESS"
