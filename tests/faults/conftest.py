"""Says how many histories there were."""

from __future__ import annotations

from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The histories are the same each time, unless somebody asks for others."""
    parser.addoption("--histories-from", type=int, default=0, help="the first seed of the generated histories")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Add up what the tests have recorded, also those of other processes."""
    passed = terminalreporter.stats.get("passed", [])
    count = sum(value for report in passed for name, value in report.user_properties if name == "histories")
    terminalreporter.write_line(f"{count:,} generated histories; the invariants held in all of them")
