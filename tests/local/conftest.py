from collections.abc import Iterator
from pathlib import Path

import pytest

from emrs_local import LocalAws
from tests.local.emr_serverless_support import SERVER_COMMAND, Service, allow, make_role


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A local AWS whose drivers are Python scripts."""
    events: list[str] = []
    scripts: Path = tmp_path_factory.mktemp("scripts")
    with LocalAws(server_command=SERVER_COMMAND, on_event=events.append) as aws:
        created = aws.client("emr-serverless").create_application(
            releaseLabel="emr-7.9.0", type="Spark", name="shared", schedulerConfiguration={"maxConcurrentRuns": 1000}
        )
        yield Service(
            aws=aws,
            application_id=created["applicationId"],
            role_arn=make_role(aws, "may-do-everything", allow("*")),
            scripts=scripts,
            events=events,
        )
