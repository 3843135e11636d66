"""Settings of all tests, and how they are shared out when several processes run them."""

import os
import signal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from tests.e2e.aws import ACCOUNT, CONSENT, IN_AN_ACCOUNT, account_of

# The gate judges a change, not the day's luck; machines are noisy, so that examples may take as long as they like.
settings.register_profile("gate", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gate")

# The CDK holds every template against rules of its own: two seconds of a processor in each process that synthesises.
# tests/synth/test_rules_of_the_cdk.py asks them.
os.environ["CDK_VALIDATION"] = "false"

# What takes longest is begun first, and what can be taken apart comes last, so that all processes end together.
LONGEST_FIRST = (
    "tests/e2e/test_many_job_runs.py",
    "tests/e2e/test_permissions.py",
    "tests/release/test_release.py",
    "tests/e2e/test_life.py",
    "tests/e2e/test_kinds.py",
    "tests/conformance/",
    "tests/e2e/",
    "tests/release/",
    "tests/local/",
    "tests/synth/",
    "tests/faults/",
)

# The tests of these files share nothing that takes long to make: each goes to the process that is free.
SHARED_OUT = (
    "tests/e2e/test_demo.py",
    "tests/e2e/test_examples.py",
    "tests/e2e/test_lake.py",
    "tests/faults/",
    "tests/synth/test_many_jobs.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make test-aws` says."""
    parser.addoption(IN_AN_ACCOUNT, action="store_true", help="deploy to AWS: only tests with the marker `aws`")
    parser.addoption(CONSENT, action="store_true", help="yes, to the account of the credentials that boto3 finds")


def pytest_configure(config: pytest.Config) -> None:
    """Say whose account it is before anything is done, and have signals do what they do in a terminal."""
    config.stash[ACCOUNT] = account_of(config)
    # In the background of a shell and under nohup they are ignored, also by all that tests start.
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Show where is deployed to."""
    account = config.stash[ACCOUNT]
    return [f"AWS: account {account.account_id}, Region {account.region}"] if account else []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest first; in an account, leave out all that is not for one."""
    if config.stash[ACCOUNT]:
        not_for_it = [item for item in items if not item.get_closest_marker("aws")]
        config.hook.pytest_deselected(items=not_for_it)
        items[:] = [item for item in items if item not in not_for_it]

    def place(item: pytest.Item) -> int:
        found = (number for number, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start))
        return next(found, len(LONGEST_FIRST))

    items.sort(key=place)


class FilesAndLongTests(LoadFileScheduling):  # type: ignore[misc, no-any-unimported]  # pytest-xdist has no types
    """Gives a process a file at a time, and of some files a test."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(SHARED_OUT) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesAndLongTests | None:
    """Share out as above what is to be shared out by files."""
    return FilesAndLongTests(config, log) if config.getoption("dist") == "loadfile" else None
