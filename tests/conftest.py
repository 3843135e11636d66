"""Settings of all tests, and how they are shared out when several processes run them."""

import pytest
from hypothesis import settings

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
    "tests/e2e/",
    "tests/release/",
)

# The tests of these files share nothing that takes long to make: each goes to the process that is free.
SHARED_OUT = ("tests/e2e/test_demo.py", "tests/e2e/test_examples.py", "tests/e2e/test_lake.py", "tests/faults/")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, unless they are shared out, and put the longest first."""

    def place(item: pytest.Item) -> int:
        found = (number for number, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start))
        return next(found, len(LONGEST_FIRST))

    items.sort(key=place)
    for item in items:
        if not item.nodeid.startswith(SHARED_OUT):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
