"""What this machine has for drivers."""

import os
from pathlib import Path
from typing import Final

# What a container may have: version 2 of control groups, and version 1.
_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_MEBIBYTE: Final = 2**20
# A driver of a small job has 0.6 GiB with its Python processes; its heap grows with what a job holds.
_MEBIBYTES_OF_A_DRIVER: Final = 1024
_LEAST_DRIVERS: Final = 2


def memory_of_the_machine() -> int:
    """The memory in MiB: that of the machine, or of the container if it has a limit."""
    bytes_of_all = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([bytes_of_all, *filter(None, map(_limit, _LIMITS))]) // _MEBIBYTE


def concurrent_drivers() -> int:
    """How many drivers run at a time: as many as have a GiB each in half of the memory, two at least."""
    return max(_LEAST_DRIVERS, memory_of_the_machine() // 2 // _MEBIBYTES_OF_A_DRIVER)


def _limit(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # there is no such file, or no limit: "max"
        return None
