"""The AWS clients of the handler, speaking the API version that validated the template."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session

from . import contract

if TYPE_CHECKING:
    from types_boto3_cloudformation.client import CloudFormationClient
    from types_boto3_emr_serverless.client import EMRServerlessClient
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client

# The service allows one StartJobRun a second for the whole account: throttling is expected, and waited out by the state
# machine rather than by a function that sleeps.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=30)


@functools.cache
def _session() -> Session:
    """A session that knows what the asset has, and nothing of the Lambda runtime's.

    The runtime's own botocore may be years older than the one that built the request. And it lists the folders of all
    services and reads the endpoints of all before it makes a client, which takes longer than all else in a start.
    """
    session = Session()
    data = Path(__file__).parent.parent / contract.DATA_FOLDER
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    session.register_component("data_loader", loader)
    return session


@functools.cache
def emr_serverless() -> EMRServerlessClient:
    """The client of Amazon EMR Serverless."""
    return cast("EMRServerlessClient", _session().create_client(contract.SERVICE, config=_CONFIG))


@functools.cache
def logs() -> CloudWatchLogsClient:
    """The client of Amazon CloudWatch Logs, to read a failed run's driver log."""
    return cast("CloudWatchLogsClient", Session().create_client("logs", config=_CONFIG))


@functools.cache
def s3() -> S3Client:
    """The client of Amazon S3, to read a failed run's driver log."""
    return cast("S3Client", Session().create_client("s3", config=_CONFIG))


@functools.cache
def cloudformation() -> CloudFormationClient:
    """The client of AWS CloudFormation, to see whether the stack rolls back."""
    return cast("CloudFormationClient", _session().create_client("cloudformation", config=_CONFIG))


@functools.cache
def step_functions() -> Any:
    """The client of AWS Step Functions, to start executions."""
    return _session().create_client("stepfunctions", config=_CONFIG)
