"""The entry points of the two Lambda functions that the CDK's provider framework calls."""

from __future__ import annotations

import logging
import time
from typing import Any

from . import clients, contract
from .application_stop import ApplicationStop
from .failure import bounded
from .job_run import JobRunResource

logging.getLogger().setLevel(logging.INFO)


def _resource(event: dict[str, Any]) -> JobRunResource | ApplicationStop:
    match event["ResourceType"]:
        case contract.JOB_RUN_TYPE:
            return JobRunResource(
                event, emr_serverless=clients.emr_serverless(), logs=clients.logs, s3=clients.s3, sleep=time.sleep
            )
        case contract.APPLICATION_STOP_TYPE:
            return ApplicationStop(event, emr_serverless=clients.emr_serverless())
        case unknown:
            raise ValueError(f"unknown resource type {unknown!r}")


def on_event(event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    """Start what the event asks for; called once for each CloudFormation request."""
    try:
        return _resource(event).on_event()
    except Exception as error:  # whatever it is: CloudFormation takes no answer that is too long
        raise bounded(error) from error


def is_complete(event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    """Say whether what `on_event` started is done; called until it is."""
    try:
        return _resource(event).is_complete()
    except Exception as error:  # whatever it is: CloudFormation takes no answer that is too long
        raise bounded(error) from error
