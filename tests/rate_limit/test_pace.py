"""The distance the vendor documents between two calls is kept here, not learned from refusals.

See docs/design.md#money, docs/design.md#the-wall, docs/vendor-api.md#errors.
"""

from itertools import pairwise

import anyio
import httpx2
import pytest

from tests.api.vendor import Wire, ok
from vast_mcp.api.connection import Connection
from vast_mcp.api.permit import Permit
from vast_mcp.api.reads import Reads
from vast_mcp.api.writes import Writes
from vast_mcp.clock import ManualClock, PairedClock
from vast_mcp.errors import RateLimited
from vast_mcp.operations import instances
from vast_mcp.rate_limit.pace import SharedPace
from vast_mcp.rate_limit.slots import MARGIN_US

GONE = ok({"instances": None})


def connect(wire: Wire, clock: ManualClock | PairedClock) -> Reads:
    """Reads over a connection with its own pace."""
    return Reads(Connection(api_key="k3y-for-tests", transport=wire, clock=clock))


async def test_a_second_call_of_one_kind_waits_for_its_slot() -> None:
    """GET instances/{id} no more often than every 2 s."""
    clock = ManualClock(auto_advance=True)
    reads = connect(Wire([GONE]), clock)
    for _ in range(3):
        await reads.show_instance(7)
    least_s = 2 * instances.SHOW_INSTANCE.interval_s
    assert least_s <= clock.monotonic_s() <= least_s + 2 * (MARGIN_US / 1e6) + 0.01


async def test_calls_of_different_kinds_do_not_wait_for_each_other() -> None:
    """The intervals are per endpoint (docs/vendor-api.md#rate-limits)."""
    clock = ManualClock(auto_advance=True)
    reads = connect(Wire([GONE, ok({"gpu_names": []})]), clock)
    await reads.show_instance(7)
    await reads.gpu_names()
    assert clock.monotonic_s() == 0


async def test_a_write_that_was_long_under_way_holds_the_next_one_back() -> None:
    """The vendor counts from arrivals; a write that it refuses is not repeated."""
    clock = ManualClock(auto_advance=True)
    arrivals: list[float] = []

    class Slow(Wire):
        """The first request takes three seconds, as a new connection may."""

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if not arrivals:
                clock.move(3.0)
            arrivals.append(clock.monotonic_s())
            return await super().handle_async_request(request)

    async with Connection(
        api_key="k3y-for-tests", transport=Slow([ok({"success": True})]), clock=clock
    ) as connection:
        for _ in range(3):
            call = instances.reboot_instance(7)
            await Writes(connection).send(call, Permit.for_call(call))
    assert all(later - one >= call.operation.interval_s for one, later in pairwise(arrivals))


async def test_the_vendors_clock_counts_the_distance() -> None:
    """Under serve --simulate the vendor lives by the simulator's clock."""
    vendor = ManualClock(auto_advance=True)
    reads = connect(Wire([GONE]), PairedClock(vendor))
    await reads.show_instance(7)
    await reads.show_instance(7)
    assert vendor.monotonic_s() >= instances.SHOW_INSTANCE.interval_s


async def test_a_stop_passes_the_queue_and_the_queue_moves_behind_it() -> None:
    """Stop and start share a route; a stop waits for one interval at most."""
    clock = ManualClock()
    pace = SharedPace(None, clock)
    left: list[tuple[str, float]] = []

    async def go(name: str) -> None:
        operation = {"start": instances.START_INSTANCE, "stop": instances.STOP_INSTANCE}[name]
        await pace.turn(operation)
        left.append((name, clock.monotonic_s()))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(go, "start")
        await clock.advance(0.1)
        tasks.start_soon(go, "stop")
        for _ in range(200):
            await clock.advance(0.1)
    assert [name for name, _ in left] == ["start", "stop", "start", "start", "start"]
    times = [at for _, at in left]
    assert all(b - a >= 1.0 for a, b in pairwise(times))
    assert times[1] <= 1.0 + (MARGIN_US / 1e6) + 0.2  # the steps of this clock


async def test_an_urgent_look_passes_the_other_looks() -> None:
    """What insist reads between two stops does not queue behind a client that polls."""
    clock = ManualClock()
    pace = SharedPace(None, clock)
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(pace.turn, instances.SHOW_INSTANCE)
        await clock.advance(0.1)

        async def look() -> None:
            await pace.turn(instances.SHOW_INSTANCE, urgent=True)
            assert (
                clock.monotonic_s() <= instances.SHOW_INSTANCE.interval_s + (MARGIN_US / 1e6) + 0.2
            )

        tasks.start_soon(look)
        for _ in range(600):
            await clock.advance(0.1)


async def test_the_retry_after_is_obeyed_by_the_next_call_and_not_by_a_stop() -> None:
    """Header or body; stop and destroy are not held up by it."""
    clock = ManualClock(auto_advance=True)
    limited = httpx2.Response(429, json={"msg": "too frequent", "retry_after": 20})
    reads = connect(Wire([limited, GONE]), clock)
    with pytest.raises(RateLimited):
        await reads.show_instance(7, deadline_s=10)
    with pytest.raises(RateLimited, match="not sent"):
        await reads.show_instance(7, deadline_s=10)
    assert clock.monotonic_s() < 1
    await reads.show_instance(7, deadline_s=30)
    assert 20 <= clock.monotonic_s() <= 21
    pace = SharedPace(None, clock)
    await pace.pushed_back(instances.START_INSTANCE, 30.0)
    began_s = clock.monotonic_s()
    await pace.turn(instances.STOP_INSTANCE)
    assert clock.monotonic_s() == began_s
    await pace.turn(instances.START_INSTANCE)
    assert clock.monotonic_s() - began_s >= 30


async def test_the_days_quota_closes_the_search_until_midnight() -> None:
    """Nothing is sent after the first refusal; the error says until when."""
    clock = ManualClock(auto_advance=True)
    wire = Wire([httpx2.Response(429, json={"error": "search_quota_exceeded"}), ok({"offers": []})])
    reads = connect(wire, clock)
    for _ in range(3):
        with pytest.raises(RateLimited, match="00:00 UTC"):
            await reads.search_offers({}, disk_gb=10)
    assert len(wire.seen) == 1
    clock.move(86_400)
    assert (await reads.search_offers({}, disk_gb=10)).offers == ()
