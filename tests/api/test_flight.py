"""Equal reads at one time are one request, and never answer for a moment too early.

See docs/hazards.md#reliability.
"""

from collections.abc import Callable
from functools import partial

import anyio
import httpx2
import pytest

from tests.api.vendor import Wire, connect, instance_page, instance_row, ok
from vast_mcp.api.connection import Connection
from vast_mcp.api.permit import Permit
from vast_mcp.api.reads import Reads
from vast_mcp.api.writes import Writes
from vast_mcp.clock import ManualClock
from vast_mcp.errors import VendorDown, VendorRefused
from vast_mcp.operations import instances

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
    """100 concurrent identical lists, upstream calls at most 2; also for proofs."""
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
    """Never used to prove absence; the second reading begins after the question."""
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


async def test_equal_reads_within_a_second_are_one_request() -> None:
    """What is only shown: an answer stands for a second, counted from when its request left."""
    clock = ManualClock()
    wire = Wire([GONE])
    reads = Reads(connect(wire, clock=clock))
    for step_s in (0.0, 0.6, 0.3):
        clock.move(step_s)
        await reads.show_instance(7, fresh=False)
    assert len(wire.seen) == 1
    clock.move(0.2)
    await reads.show_instance(7, fresh=False)
    assert len(wire.seen) == 2


async def test_what_decides_is_asked_again_within_the_second() -> None:
    """A reading that has to begin after its question takes no answer from before it."""
    wire = Wire([GONE])
    reads = Reads(connect(wire, clock=ManualClock()))
    for _ in range(2):
        await reads.show_instance(7)
    assert len(wire.seen) == 2


async def test_a_write_of_ours_ends_what_was_kept() -> None:
    """Whatever came of it: refused, lost or done, the next read is asked of the vendor."""
    wire = Wire([GONE, ok({"success": True}), GONE])
    connection = connect(wire, clock=ManualClock())
    reads = Reads(connection)
    await reads.show_instance(7, fresh=False)
    call = instances.stop_instance(7)
    await Writes(connection).send(call, Permit.for_call(call))
    await reads.show_instance(7, fresh=False)
    assert [request.method for request in wire.seen] == ["GET", "PUT", "GET"]


async def test_an_answer_that_was_under_way_during_a_write_is_not_kept() -> None:
    """It may describe the moment before; whoever asked before the write has it, nobody later."""
    clock = ManualClock()
    asked, answering = anyio.Event(), anyio.Event()

    class Held(Wire):
        """The first read is answered when the write is over."""

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.method == "GET" and not asked.is_set():
                asked.set()
                await answering.wait()
            return await super().handle_async_request(request)

    wire = Held([ok({"success": True}), GONE])
    connection = connect(wire, clock=clock)
    reads = Reads(connection)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(reads.show_instance, 7, fresh=False))
        await asked.wait()
        call = instances.stop_instance(7)
        await Writes(connection).send(call, Permit.for_call(call))
        answering.set()
    await reads.show_instance(7, fresh=False)
    assert [request.method for request in wire.seen] == ["PUT", "GET", "GET"]


async def test_gpu_names_are_asked_for_once_an_hour_and_survive_an_outage() -> None:
    """New cards come by the month; names that are an hour old are better than none."""
    clock = ManualClock(auto_advance=True)
    wire = Wire(
        [ok({"gpu_names": ["RTX 4090"]}), httpx2.Response(500), ok({"gpu_names": ["B200"]})]
    )
    reads = Reads(connect(wire, clock=clock))
    for _ in range(5):
        assert await reads.gpu_names() == ["RTX 4090"]
    assert len(wire.seen) == 1
    clock.move(3601)
    assert await reads.gpu_names(deadline_s=0.4) == ["RTX 4090"]
    assert await reads.gpu_names() == ["B200"]


async def test_a_request_that_makes_a_host_work_is_not_shared() -> None:
    """Two logs are two uploads: the result's address is open for one reader each."""
    wire = Wire([ok({"success": True, "msg": "no logs yet"})])
    reads = Reads(connect(wire))
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(reads.logs, 7)
    assert len(wire.seen) == 2
