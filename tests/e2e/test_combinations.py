"""Every combination of created, brought and imported infrastructure deploys with IAM enforced, and its runs succeed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from emrs_local import LocalAws
from tests.e2e.conftest import CDK, ROOT
from tests.local.service_support import SERVER_COMMAND

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
def run_arns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalAws, dict[str, str]]]:
    """The runs of a deployed stack, by name. Their driver is a plain Python script: what counts is who may do what."""
    folder = tmp_path_factory.mktemp("combinations")
    (folder / "job.py").write_text("print('done')\n")
    with LocalAws(server_command=SERVER_COMMAND) as local_aws:
        assert local_aws.bootstrap()
        emr = local_aws.client("emr-serverless")
        application = emr.create_application(name="theirs", releaseLabel="emr-7.14.0", type="Spark")
        environment = local_aws.command_environment() | {
            "COMBINATIONS_APPLICATION": application["applicationId"],
            "COMBINATIONS_ENTRY_POINT": f"local://{folder / 'job.py'}",
            "PYTHONPATH": str(ROOT),
        }

        def cdk(*arguments: str) -> None:
            command = [str(CDK), *arguments, "--no-color", "--ci"]
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr

        app = f"{sys.executable} tests/e2e/combinations_app.py"
        cdk("deploy", "--require-approval=never", f"--app={app}", f"--output={folder / 'cdk.out'}")
        exports = local_aws.client("cloudformation").list_exports()["Exports"]
        yield local_aws, {item["Name"]: item["Value"] for item in exports}
        cdk("destroy", "--force", f"--app={folder / 'cdk.out'}")


@pytest.mark.parametrize("name", RUNS)
def test_the_run_succeeds(run_arns: tuple[LocalAws, dict[str, str]], name: str) -> None:
    local_aws, arns = run_arns
    *_, application_id, _, run_id = arns[name].split("/")
    run = local_aws.client("emr-serverless").get_job_run(applicationId=application_id, jobRunId=run_id)["jobRun"]
    assert run["state"] == "SUCCESS"
