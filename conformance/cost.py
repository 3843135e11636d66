"""What the kit may cost at most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conformance.facilities import Facility


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What AWS takes, in dollars.

    Attributes:
        vcpu_hour: Of a vCPU of a worker, for an hour: https://aws.amazon.com/emr/pricing/
        gb_hour: Of a GB of a worker's memory, for an hour: on the same page.
        key_month: Of a KMS key, for a month: https://aws.amazon.com/kms/pricing/
    """

    vcpu_hour: float
    gb_hour: float
    key_month: float


# From memory, in November 2026: those of US East (N. Virginia), x86, and twice those of workers, as other Regions are
# dearer. Nobody has compared them with AWS's pages, so they are said to who is asked for a yes, and may be given.
ASSUMED = Prices(vcpu_hour=2 * 0.052624, gb_hour=2 * 0.0057785, key_month=1.0)

# A driver and at most two executors, of which each has a vCPU and not more than 4 GB.
_WORKERS, _VCPUS, _GIGABYTES = 3, 1, 4
_KEY_DAYS = 1
# Some hundred requests of S3, SQS, Lambda, Step Functions and CloudWatch Logs, and kilobytes in them.
_REST = 0.10


def upper_bound(runs: int, facilities: Iterable[Facility], *, run_minutes: int, prices: Prices = ASSUMED) -> float:
    """Dollars, if each job run goes on until the service ends it after `run_minutes`."""
    of_a_run = _WORKERS * (_VCPUS * prices.vcpu_hour + _GIGABYTES * prices.gb_hour) * run_minutes / 60
    keys = sum(facility.keys for facility in facilities)
    return runs * of_a_run + keys * prices.key_month * _KEY_DAYS / 30 + _REST
