"""The local service enforces the rates of the API when it is told to, in a way that SDKs recognise."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emrs_local import LocalAws
from emrs_local.emr_serverless.errors import ThrottlingException
from emrs_local.emr_serverless.rates import RATES, RateLimits
from emrs_local.ministack.scope import Scope
from tests.local.emr_serverless_support import SERVER_COMMAND, Service

HERE = Scope(account_id="000000000000", region="us-east-1")
THERE = Scope(account_id="000000000000", region="eu-central-1")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def accepted(limits: RateLimits, operation: str, *, scope: Scope = HERE, calls: int = 100) -> int:
    """How many of `calls` at once are let through."""
    count = 0
    for _ in range(calls):
        try:
            limits.require(scope, operation)
        except ThrottlingException:
            continue
        count += 1
    return count


@pytest.mark.parametrize("operation", RATES)
def test_a_burst_is_let_through_and_then_so_many_a_second(operation: str) -> None:
    rate, clock = RATES[operation], Clock()
    limits = RateLimits(clock=clock)
    assert accepted(limits, operation) == rate.burst
    clock.now += 2
    assert accepted(limits, operation) == min(2 * rate.per_second, rate.burst)
    clock.now += 1000
    assert accepted(limits, operation) == rate.burst


def test_operations_accounts_and_regions_have_buckets_of_their_own() -> None:
    limits = RateLimits(clock=Clock())
    assert accepted(limits, "StartJobRun") == 25
    assert accepted(limits, "CancelJobRun") == 25
    assert accepted(limits, "StartJobRun", scope=THERE) == 25
    assert accepted(limits, "GetApplication") == 100


def test_an_acceleration_fills_the_buckets_faster() -> None:
    clock = Clock()
    limits = RateLimits(acceleration=10, clock=clock)
    assert accepted(limits, "StartJobRun") == 25
    clock.now += 1
    assert accepted(limits, "StartJobRun") == 10


@pytest.fixture(scope="module")
def limited() -> Iterator[LocalAws]:
    with LocalAws(server_command=SERVER_COMMAND, enforce_rates=True) as aws:
        yield aws


def retries_of_calls(emr: Any) -> Iterator[int]:
    """Create an application after the other; how often each had to be asked for."""
    for number in range(300):
        created = emr.create_application(releaseLabel="emr-7.9.0", type="Spark", name=f"app-{number}")
        yield created["ResponseMetadata"]["RetryAttempts"]


def test_a_refused_call_is_a_throttling_exception(limited: LocalAws) -> None:
    once = limited.client("emr-serverless", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError) as refused:
        list(retries_of_calls(once))
    assert refused.value.response["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_sdks_wait_and_try_again(limited: LocalAws, mode: Literal["legacy", "standard", "adaptive"]) -> None:
    patient = limited.client("emr-serverless", config=Config(retries={"total_max_attempts": 10, "mode": mode}))
    assert any(retries_of_calls(patient))


def test_rates_are_not_enforced_unless_asked_for(service: Service) -> None:
    for _ in range(60):
        service.emr.list_job_runs(applicationId=service.application_id)
