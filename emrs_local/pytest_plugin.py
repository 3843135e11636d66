"""The pytest fixture `local_aws`: one local AWS for all tests of a session.

Installed with the package; a test asks for it by name:

    def test_bucket(local_aws):
        local_aws.client("s3").create_bucket(Bucket="data")

With `emrs_local_enforce_rates = true` in pytest's configuration it refuses calls of EMR Serverless that come faster
than AWS lets an account call it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emrs_local.local_aws import LocalAws


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting to pytest's own."""
    parser.addini("emrs_local_enforce_rates", "enforce AWS's rates of EMR Serverless's API", type="bool", default=False)


@pytest.fixture(scope="session")
def local_aws(pytestconfig: pytest.Config) -> Iterator[LocalAws]:
    """A started local AWS, stopped when the session ends."""
    with LocalAws(enforce_rates=bool(pytestconfig.getini("emrs_local_enforce_rates"))) as started:
        yield started
