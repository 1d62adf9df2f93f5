"""Equal reads at one time are one request (safety R3), and never answer for a moment too early."""

from collections.abc import Callable
from functools import partial

import anyio
import httpx2
import pytest

from tests.api.vendor import Wire, connect, instance_page, instance_row, ok
from vast_mcp.api.connection import Connection
from vast_mcp.api.reads import Reads
from vast_mcp.clock import ManualClock
from vast_mcp.errors import VendorDown, VendorRefused

GONE = ok({"instances": None})


class Slow(httpx2.AsyncBaseTransport):
    """Answers once the gate is open; `began` counts the requests that arrived."""

    def __init__(self, answer: Callable[[], httpx2.Response]) -> None:
        self.gate = anyio.Event()
        self.began = 0
        self._answer = answer

    async def handle_async_request(self, _: httpx2.Request) -> httpx2.Response:
        """Wait at the gate."""
        self.began += 1
        await self.gate.wait()
        return self._answer()


def empty_list() -> httpx2.Response:
    """An account without instances."""
    return instance_page([])


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(50):
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("fresh", [True, False])
async def test_a_hundred_equal_lists_are_two_requests_at_most(fresh: bool) -> None:
    """Issue 3: 100 concurrent identical lists, upstream calls at most 2; also for proofs."""
    wire = Wire([instance_page([instance_row(id=n) for n in range(1, 4)])])
    clock = ManualClock(auto_advance=True)
    reads = Reads(Connection(api_key="k3y-for-tests", transport=wire, clock=clock))
    found: list[int] = []

    async def one() -> None:
        found.append(len(await reads.list_instances(fresh=fresh)))

    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(one)
    assert found == [3] * 100
    assert len(wire.seen) <= 2


async def test_a_fresh_question_does_not_take_an_answer_that_began_before_it() -> None:
    """Safety R3: never used to prove absence; the second reading begins after the question."""
    wire = Slow(empty_list)
    reads = Reads(connect(wire))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reads.list_instances)
        await settle()
        assert wire.began == 1
        tasks.start_soon(reads.list_instances)
        await settle()
        assert wire.began == 2
        tasks.start_soon(partial(reads.list_instances, fresh=False))
        await settle()
        assert wire.began == 2
        wire.gate.set()


async def test_different_questions_are_different_requests() -> None:
    """One instance is not another, and a label is not none."""
    wire = Slow(empty_list)
    reads = Reads(connect(wire))
    async with anyio.create_task_group() as tasks:
        for label in ("a", "b", None):
            tasks.start_soon(partial(reads.list_instances, label=label, fresh=False))
        await settle()
        assert wire.began == 3
        wire.gate.set()


async def test_whoever_gives_up_takes_nothing_from_the_others() -> None:
    """Cancelling one of those who wait, then the one who asked: the third is still answered."""
    wire = Slow(empty_list)
    reads = Reads(connect(wire))
    answered: list[int] = []
    asker, waiter = anyio.CancelScope(), anyio.CancelScope()

    async def one(scope: anyio.CancelScope, number: int) -> None:
        with scope:
            await reads.list_instances(fresh=False)
            answered.append(number)

    async with anyio.create_task_group() as tasks:
        for number, scope in enumerate((asker, waiter, anyio.CancelScope())):
            tasks.start_soon(one, scope, number)
            await settle()
        waiter.cancel()
        await settle()
        assert wire.began == 1
        asker.cancel()
        await settle()
        assert wire.began == 2
        wire.gate.set()
    assert answered == [2]


async def test_an_error_is_everybodys() -> None:
    """The refusal comes once over the wire and to each of them."""
    wire = Slow(lambda: httpx2.Response(400, json={"error": "invalid_args", "msg": "no"}))
    reads = Reads(connect(wire))
    refused: list[VendorRefused] = []

    async def one() -> None:
        with pytest.raises(VendorRefused, match="no") as raised:
            await reads.list_instances(fresh=False)
        refused.append(raised.value)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(one)
        await settle()
        wire.gate.set()
    assert wire.began == 1
    assert [error.status for error in refused] == [400] * 3
    assert len({id(error) for error in refused}) == 3


async def test_who_waits_is_bound_by_his_own_deadline() -> None:
    """A short deadline ends the waiting, not the request."""
    wire = Slow(empty_list)
    reads = Reads(connect(wire))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reads.list_instances)
        await settle()
        with pytest.raises(VendorDown):
            await reads.list_instances(fresh=False, deadline_s=0.05)
        assert wire.began == 1
        wire.gate.set()


async def test_who_has_time_left_asks_again_when_the_first_ones_time_ran_out() -> None:
    """Someone else's hurry is no outage."""
    wire = Slow(empty_list)
    reads = Reads(connect(wire))
    answered: list[int] = []

    async def hurried() -> None:
        with pytest.raises(VendorDown):
            await reads.list_instances(deadline_s=0.05)
        wire.gate.set()

    async def patient() -> None:
        answered.append(len(await reads.list_instances(fresh=False)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hurried)
        await settle()
        tasks.start_soon(patient)
    assert answered == [0]
    assert wire.began == 2


async def test_nothing_is_kept_after_the_answer() -> None:
    """No cache: one after the other is two requests."""
    wire = Wire([GONE])
    reads = Reads(connect(wire))
    for _ in range(2):
        await reads.show_instance(7, fresh=False)
    assert len(wire.seen) == 2


async def test_a_request_that_makes_a_host_work_is_not_shared() -> None:
    """Two logs are two uploads: the result's address is open for one reader each."""
    wire = Wire([ok({"success": True, "msg": "no logs yet"})])
    reads = Reads(connect(wire))
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(reads.logs, 7)
    assert len(wire.seen) == 2
