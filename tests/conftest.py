"""Settings of all tests, and how they are shared out when several processes run them."""

from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

# The gate judges a change, not the day's luck; machines are noisy, so that no example has a deadline.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.load_profile("gate")

# What takes longest is begun first, so that all processes end together.
LONGEST_FIRST = (
    "tests/faults/",
    "tests/e2e/test_many_job_runs.py",
    "tests/e2e/test_permissions.py",
    "tests/e2e/test_life.py",
    "tests/e2e/test_kinds.py",
    "tests/conformance/",
    "tests/e2e/",
    "tests/release/",
)

# The tests of these files share nothing that takes long to make: each goes to the process that is free.
SHARED_OUT = (
    "tests/e2e/test_demo.py",
    "tests/e2e/test_examples.py",
    "tests/e2e/test_lake.py",
    "tests/faults/",
    "tests/synth/test_many_jobs.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first."""

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
