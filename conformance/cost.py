"""What the kit may cost at most."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.facilities import Facility
from conformance.probe import Probe

# US East (N. Virginia), x86, in dollars: https://aws.amazon.com/emr/pricing/ and https://aws.amazon.com/kms/pricing/,
# as of November 2026. No Region is twice as dear.
_VCPU_HOUR, _GB_HOUR, _KEY_MONTH = 0.052624, 0.0057785, 1.0
_DEAREST_REGION = 2.0
# A driver and at most two executors, of which each has a vCPU and not more than 4 GB.
_WORKERS, _VCPUS, _GIGABYTES = 3, 1, 4
_KEY_DAYS = 1
# Some hundred requests of S3, SQS, Lambda, Step Functions and CloudWatch Logs, and kilobytes in them.
_REST = 0.10


def upper_bound(probes: Iterable[Probe], facilities: Iterable[Facility], *, run_minutes: int) -> float:
    """Dollars, if each job run goes on until the service ends it after `run_minutes`."""
    of_a_run = _WORKERS * (_VCPUS * _VCPU_HOUR + _GIGABYTES * _GB_HOUR) * _DEAREST_REGION * run_minutes / 60
    runs = sum(probe.runs for probe in probes)
    keys = sum(facility.keys for facility in facilities)
    return runs * of_a_run + keys * _KEY_MONTH * _KEY_DAYS / 30 + _REST
