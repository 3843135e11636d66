"""Work on resources in the order of their dependencies, as much as possible at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

Dependencies = Mapping[str, set[str]]


def reversed_dependencies(dependencies: Dependencies) -> dict[str, set[str]]:
    """The order for deleting: what depends on a resource goes before it."""
    dependents: dict[str, set[str]] = {name: set() for name in dependencies}
    for name, needed in dependencies.items():
        for other in needed:
            dependents.setdefault(other, set()).add(name)
    return dependents


async def in_order(
    names: Iterable[str],
    dependencies: Dependencies,
    work: Callable[[str], Awaitable[bool]],
    *,
    stop_at_failure: bool = False,
    stop: asyncio.Event | None = None,
) -> bool:
    """Do `work` on each of `names` once it is done on those of them that it depends on, and independent ones at once.

    Args:
        names: The resources.
        dependencies: What has to be done before each of them; only those of `names` are waited for.
        work: Returns whether it succeeded; is cancelled when the others are to stop.
        stop_at_failure: Cancel what is in flight when one fails, instead of only leaving out what depends on it.
        stop: Cancels what is in flight when it is set.

    Returns:
        Whether all succeeded.
    """
    waiting = list(names)
    outstanding = set(waiting)
    failed = False
    running: dict[asyncio.Task[bool], str] = {}
    stopped = asyncio.ensure_future(stop.wait()) if stop else None
    try:
        while True:
            ready = [name for name in waiting if outstanding.isdisjoint(dependencies.get(name, ()))]
            waiting = [name for name in waiting if not outstanding.isdisjoint(dependencies.get(name, ()))]
            running.update({asyncio.ensure_future(work(name)): name for name in ready})
            if not running:
                return not failed and not waiting
            await asyncio.wait([*running, *([stopped] if stopped else [])], return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task.done()]:
                name = running.pop(task)
                succeeded = task.result()
                failed = failed or not succeeded
                if succeeded:
                    outstanding.discard(name)
            if (failed and stop_at_failure) or (stopped and stopped.done()):
                return False
    finally:
        for task in [*running, *([stopped] if stopped else [])]:
            task.cancel()
        if running:
            await asyncio.wait(running)
