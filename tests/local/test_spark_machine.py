"""How many drivers a machine has room for."""

import os
from pathlib import Path

import pytest

from emrs_local import LocalAws
from emrs_local.spark import machine


@pytest.mark.parametrize(("gibibytes", "drivers"), [(1, 2), (4, 2), (16, 8), (24, 12)])
def test_as_many_drivers_run_as_have_a_gibibyte_each_in_half_of_what_a_container_may_have(
    gibibytes: int, drivers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit, pages = tmp_path / "memory.max", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 64 * 2**18}
    limit.write_text(f"{gibibytes * 2**30}\n")
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)
    monkeypatch.setattr(machine, "_LIMITS", (limit,))
    assert machine.concurrent_drivers() == drivers


@pytest.mark.parametrize("content", ["max\n", f"{2**63 - 4096}\n", None])
def test_without_a_limit_it_is_the_machines_memory(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit, pages = tmp_path / "memory.max", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 64 * 2**18}
    if content:
        limit.write_text(content)
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)
    monkeypatch.setattr(machine, "_LIMITS", (limit,))
    assert machine.memory_of_the_machine() == 64 * 1024


def test_a_number_of_drivers_that_lets_nothing_run_is_refused() -> None:
    with pytest.raises(ValueError, match="concurrent_drivers=0 lets no job run; use 1 or more"):
        LocalAws(concurrent_drivers=0)
