"""The AWS that end-to-end tests deploy to: a local one or, for those that need nothing local, an account."""

from __future__ import annotations

import os
from typing import Any, Protocol

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

IN_AN_ACCOUNT, CONSENT = "--aws", "--yes-spend-money"
ACCOUNT = pytest.StashKey["Account | None"]()


class Aws(Protocol):
    """What tests use of a `LocalAws`, and find in an account too."""

    @property
    def account_id(self) -> str: ...

    @property
    def region(self) -> str: ...

    @property
    def url(self) -> str: ...

    def client(self, service: str, **arguments: Any) -> Any: ...

    def command_environment(self) -> dict[str, str]: ...

    def bootstrap(self) -> bool: ...


class Account:
    """The account and Region of the credentials that boto3 finds."""

    def __init__(self) -> None:
        self._session = boto3.Session(region_name=os.environ.get("AWS_REGION"))  # which boto3 does not look at
        if self._session.region_name is None:
            raise pytest.UsageError(f"{IN_AN_ACCOUNT}: there is no Region: set AWS_REGION")
        self.region = str(self._session.region_name)
        self.account_id = str(self.client("sts").get_caller_identity()["Account"])

    @property
    def url(self) -> str:
        """Where a bucket is found by its path."""
        return str(self.client("s3").meta.endpoint_url)

    def client(self, service: str, **arguments: Any) -> Any:
        # Tests ask more often than an account may.
        config = Config(retries={"mode": "standard", "max_attempts": 10})
        return self._session.client(  # type: ignore[call-overload]
            service, **{"region_name": self.region, "config": config, **arguments}
        )

    def command_environment(self) -> dict[str, str]:
        ours = {"CDK_DEFAULT_ACCOUNT": self.account_id, "CDK_DEFAULT_REGION": self.region}
        return {**os.environ, **ours, "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}

    def bootstrap(self) -> bool:
        """Whether somebody has: it is not for a test to do."""
        try:
            self.client("ssm").get_parameter(Name="/cdk-bootstrap/hnb659fds/version")
        except ClientError as error:
            raise pytest.UsageError(f"cdk bootstrap aws://{self.account_id}/{self.region} first: {error}") from error
        return True


def account_of(config: pytest.Config) -> Account | None:
    """The account to deploy to; None if that is not asked for.

    Raises:
        UsageError: It is asked for without consent, without credentials, or by a machine.
    """
    if not config.getoption(IN_AN_ACCOUNT):
        return None
    if os.environ.get("CI"):
        raise pytest.UsageError(f"{IN_AN_ACCOUNT} is for people, and CI={os.environ['CI']} says that nobody is here")
    try:
        account = Account()
    except (BotoCoreError, ClientError) as error:
        raise pytest.UsageError(f"{IN_AN_ACCOUNT}: there are no credentials that work: {error}") from error
    if not config.getoption(CONSENT):
        raise pytest.UsageError(
            f"account {account.account_id}, Region {account.region}: stacks are deployed there, with keys, and ten job "
            f"runs or so, for an hour and less than five dollars. {CONSENT} says yes to that"
        )
    return account
