"""The entry points of the two Lambda functions.

CloudFormation calls `start`, which starts an execution of the state machine; the execution calls `step` until the
request is answered. Each step is short, and what it found out is kept by the execution: a step that was throttled,
timed out or was killed is done again, from where the last one stopped.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from typing import Any

from . import contract, delays, errors, response
from .application_resources import ApplicationStopResource, ApplicationUpdateResource
from .custom_resource import CustomResource
from .failure import RequestFailed
from .job_run_resource import JobRunResource
from .job_run_wait_resource import JobRunWaitResource
from .request import Again, Request
from .retries import is_retryable, reason_of
from .services import Services

logging.getLogger().setLevel(logging.INFO)
_log = logging.getLogger(__name__)

# Step Functions may be busy for some minutes, and Lambda delivers an event three times; IAM may for a moment not know
# the function's own policy, which came to be in the same deployment.
_LONGEST_START_SECONDS = 240
_TOO_EARLY_SECONDS = 90


def start(event: dict[str, Any], _context: object = None) -> None:
    """Have a request of CloudFormation answered; one that is delivered again changes nothing."""
    accept(event, Services.of_aws())


def accept(event: dict[str, Any], services: Services) -> None:
    """Start the execution that answers a request.

    Args:
        event: What CloudFormation sent.
        services: What is talked to.
    """
    began_at = services.now()
    while True:
        try:
            _start_execution(event, services)
        except Exception as error:
            tried = services.now() - began_at
            if errors.passes(error) and tried > _LONGEST_START_SECONDS:
                raise  # Lambda delivers the event again
            if errors.passes(error) or (errors.may_be_propagating(error) and tried < _TOO_EARLY_SECONDS):
                services.sleep(delays.start_again())
                continue
            _refuse(event, services, errors.sentence(error))
        return


def _refuse(event: dict[str, Any], services: Services, reason: str) -> None:
    """Tell CloudFormation that nothing comes of a request, as nothing else is going to answer."""
    refused = Request(Request.started(event, now=services.now()), now=services.now)
    services.put(refused.response_url, response.failed(refused, refused.failed_physical_id, reason).encode())


def _start_execution(event: dict[str, Any], services: Services) -> None:
    state = Request.started(event, now=services.now())
    text = json.dumps(state, ensure_ascii=False)
    size = len(text.encode())
    if size > contract.STATE_BYTES - contract.RESERVED_BYTES:
        _refuse(
            event,
            services,
            f"The properties of {event['LogicalResourceId']} take {size:,} bytes. An execution of a state machine has "
            f"room for {contract.STATE_BYTES:,} bytes, and {contract.RESERVED_BYTES:,} of them are needed for what it "
            "finds out. Put what is long into a file, and name the file in the job's arguments.",
        )
        return
    name = hashlib.sha256(Request(state, now=services.now).identity.encode()).hexdigest()
    _log.info("%s %s: execution %s", event["RequestType"], event["LogicalResourceId"], name)
    step_functions = services.step_functions()
    try:
        step_functions.start_execution(stateMachineArn=os.environ[contract.STATE_MACHINE_ARN], name=name, input=text)
    except step_functions.exceptions.ExecutionAlreadyExists:
        _log.info("the request was delivered before")


def step(state: dict[str, Any], _context: object = None) -> dict[str, Any]:
    """Do the next step of a request, and answer it if that was the last."""
    return advance(state, Services.of_aws())


def advance(state: dict[str, Any], services: Services) -> dict[str, Any]:
    """The state after the next step.

    Args:
        state: What the execution has kept of the request.
        services: What the step talks to.
    """
    request = Request(state, now=services.now)
    resource = _resource(request, services)
    if contract.IS_AFTERWARDS in state:
        return _go_on(state, resource)
    try:
        if contract.ANSWER in state:
            services.put(request.response_url, state[contract.ANSWER].encode())
            return _answered(state, resource)
        if contract.ERROR in state:
            raise RequestFailed(_crash(resource, state[contract.ERROR]))
        outcome = resource.step()
    except Exception as error:  # noqa: BLE001 - whatever it is, CloudFormation has to be told
        if is_retryable(error, request):
            _log.warning("%s; trying again", errors.sentence(error))
            return _next(state, delays.retry())
        if contract.ANSWER in state:
            _log.error("CloudFormation takes no answer any more: %s", error)
            return _answered(state, resource)
        state[contract.ANSWER] = response.failed(request, resource.failed_physical_id, reason_of(error))
        return _next(state, 0)
    if isinstance(outcome, Again):
        return _next(state, outcome.seconds)
    # It is sent by the next step: one that is killed after it was sent, and done again, can't come to another answer.
    state[contract.ANSWER] = response.success(request, outcome)
    return _next(state, 0)


def _answered(state: dict[str, Any], resource: CustomResource) -> dict[str, Any]:
    """The state after the answer, which is the last one unless there is more to do."""
    if not resource.goes_on:
        return {contract.IS_ANSWERED: True}
    rest = {key: value for key, value in state.items() if key not in (contract.ANSWER, contract.ERROR)}
    return _next({**rest, contract.IS_AFTERWARDS: True}, 0)


def _go_on(state: dict[str, Any], resource: CustomResource) -> dict[str, Any]:
    """The state after a step that CloudFormation does not wait for."""
    # A function that was ended again and again needs no answer: it is called again.
    rest = {key: value for key, value in state.items() if key != contract.ERROR}
    try:
        outcome = resource.afterwards()
    except Exception as error:  # noqa: BLE001 - CloudFormation has its answer
        _log.warning("%s; trying again", errors.sentence(error))
        return _next(rest, delays.retry())
    return _next(rest, outcome.seconds) if isinstance(outcome, Again) else {contract.IS_ANSWERED: True}


def _next(state: dict[str, Any], seconds: float) -> dict[str, Any]:
    return {**state, contract.IS_ANSWERED: False, contract.WAIT_SECONDS: math.ceil(seconds)}


def _resource(request: Request, services: Services) -> CustomResource:
    match request.resource_type:
        case contract.JOB_RUN_TYPE:
            return JobRunResource(request, services)
        case contract.JOB_RUN_WAIT_TYPE:
            return JobRunWaitResource(request, services)
        case contract.APPLICATION_STOP_TYPE:
            return ApplicationStopResource(request, services)
        case contract.APPLICATION_UPDATE_TYPE:
            return ApplicationUpdateResource(request, services)
        case unknown:
            raise ValueError(f"unknown resource type {unknown!r}")


def _crash(resource: CustomResource, error: dict[str, str]) -> str:
    """What is said of a function that was ended again and again before it was done."""
    try:
        reason = json.loads(error["Cause"])["errorMessage"]
    except (KeyError, TypeError, ValueError):
        reason = error.get("Error", "")
    return f"The function that {resource.work} was ended before it was done: {reason}. Deploy again."
