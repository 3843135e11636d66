"""Work on resources is done in the order of their dependencies, and otherwise at the same time."""

import asyncio
from collections.abc import Coroutine

from emrs_local.ministack.cloudformation.ordering import in_order, reversed_dependencies

# d needs b and c, which need a; e needs nothing.
DEPENDENCIES = {"a": set[str](), "b": {"a"}, "c": {"a", "not in the stack"}, "d": {"b", "c"}, "e": set[str]()}


class Work:
    """Resources that are done when they are told, or else at once."""

    def __init__(self, *, slow: str = "", failing: str = "") -> None:
        self.begun: list[str] = []
        self.canceled: list[str] = []
        self._slow = slow
        self._failing = failing
        self.go = asyncio.Event()

    async def do(self, name: str) -> bool:
        self.begun.append(name)
        try:
            if name in self._slow:
                await self.go.wait()
        except asyncio.CancelledError:
            self.canceled.append(name)
            raise
        return name not in self._failing


def run(coroutine: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, timeout=300))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_is_needed_goes_first_and_the_rest_together() -> None:
    async def scenario() -> None:
        work = Work(slow="bc")
        running = asyncio.ensure_future(in_order("dcbae", DEPENDENCIES, work.do))
        await settle()
        assert work.begun == ["a", "e", "c", "b"]
        work.go.set()
        assert await running
        assert work.begun[-1] == "d"

    run(scenario())


def test_for_deleting_it_is_the_other_way_round() -> None:
    async def scenario() -> None:
        work = Work()
        assert await in_order("abcd", reversed_dependencies(DEPENDENCIES), work.do)
        assert work.begun == ["d", "b", "c", "a"]

    run(scenario())


def test_what_depends_on_a_failed_one_is_left_out() -> None:
    async def scenario() -> None:
        work = Work(failing="b")
        assert not await in_order("abcde", DEPENDENCIES, work.do)
        assert sorted(work.begun) == ["a", "b", "c", "e"]
        assert work.canceled == []

    run(scenario())


def test_a_failure_stops_the_others_when_asked_to() -> None:
    async def scenario() -> None:
        work = Work(slow="ce", failing="b")
        assert not await in_order("abcde", DEPENDENCIES, work.do, stop_at_failure=True)
        assert sorted(work.canceled) == ["c", "e"]
        assert "d" not in work.begun

    run(scenario())


def test_it_can_be_stopped_from_outside() -> None:
    async def scenario() -> None:
        work, stop = Work(slow="ae"), asyncio.Event()
        running = asyncio.ensure_future(in_order("abcde", DEPENDENCIES, work.do, stop=stop))
        await settle()
        stop.set()
        assert not await running
        assert sorted(work.canceled) == ["a", "e"]

        work = Work(slow="ae")
        running = asyncio.ensure_future(in_order("abcde", DEPENDENCIES, work.do))
        await settle()
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()
        assert sorted(work.canceled) == ["a", "e"]

    run(scenario())
