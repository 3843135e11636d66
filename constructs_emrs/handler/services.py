"""What the steps talk to: AWS, the clock, and CloudFormation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import clients, response

if TYPE_CHECKING:
    from types_boto3_cloudformation.client import CloudFormationClient
    from types_boto3_emr_serverless.client import EMRServerlessClient
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client


@dataclass(frozen=True)
class Services:
    """The clients that are made when they are first asked for, and what tests replace."""

    emr_serverless: Callable[[], EMRServerlessClient]
    cloudformation: Callable[[], CloudFormationClient]
    step_functions: Callable[[], Any]
    logs: Callable[[], CloudWatchLogsClient]
    s3: Callable[[], S3Client]
    put: Callable[[str, bytes], None]
    sleep: Callable[[float], None]
    now: Callable[[], float]

    @staticmethod
    def of_aws() -> Services:
        """The real ones."""
        return Services(
            emr_serverless=clients.emr_serverless,
            cloudformation=clients.cloudformation,
            step_functions=clients.step_functions,
            logs=clients.logs,
            s3=clients.s3,
            put=response.put,
            sleep=time.sleep,
            now=time.time,
        )
