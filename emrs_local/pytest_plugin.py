"""The pytest fixture `local_aws`: one local AWS for all tests of a session.

Installed with the package; a test asks for it by name:

    def test_bucket(local_aws):
        local_aws.client("s3").create_bucket(Bucket="data")
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emrs_local.local_aws import LocalAws


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    """A started local AWS, stopped when the session ends."""
    with LocalAws() as started:
        yield started
