"""A vendor that does not answer is left alone, except by what must not wait.

See docs/hazards.md#reliability.
"""

import httpx2
import pytest

from tests.api.vendor import Answer, Wire, connect, ok
from vast_mcp.api.breaker import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S
from vast_mcp.api.permit import Permit
from vast_mcp.api.reads import Reads
from vast_mcp.api.writes import Writes
from vast_mcp.clock import ManualClock
from vast_mcp.errors import ApiError, VendorDown
from vast_mcp.operations import instances

OUTAGES: list[Answer] = [httpx2.ConnectError("x"), httpx2.Response(503), httpx2.Response(500)]


class Vendor:
    """A vendor that can be down, on a clock that is moved by hand."""

    def __init__(self, fault: Answer) -> None:
        self.clock = ManualClock(auto_advance=True)
        self.down = True
        self.wire = Wire(lambda request: fault if self.down else self._fine(request))
        self.connection = connect(self.wire, clock=self.clock)
        self.reads = Reads(self.connection)

    @property
    def asked(self) -> int:
        """Requests that arrived."""
        return len(self.wire.seen)

    async def show(self) -> ApiError | None:
        """A read for showing, and how it failed."""
        try:
            await self.reads.gpu_names()
        except ApiError as error:
            return error
        return None

    async def break_down(self) -> None:
        """Fail until reads for showing are held up."""
        while (error := await self.show()) is None or error.code != "breaker_open":
            assert self.asked <= FAILURES

    def _fine(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET" and "gpu_names" in request.url.path:
            return ok({"gpu_names": []})
        return ok({"success": True, "instances": None})


@pytest.mark.parametrize("fault", OUTAGES, ids=["refused", "503", "500"])
async def test_five_failures_in_a_row_open_it_and_it_says_until_when(fault: Answer) -> None:
    """The next read for showing fails at once, names the time, and sends nothing."""
    vendor = Vendor(fault)
    await vendor.break_down()
    before_s = vendor.clock.monotonic_s()
    error = await vendor.show()
    assert isinstance(error, VendorDown)
    assert "tried again in" in str(error)
    assert vendor.asked == FAILURES
    assert vendor.clock.monotonic_s() == before_s


async def test_one_is_let_through_after_ten_seconds_and_then_ever_later() -> None:
    """Half-open: single tries after 10, 20, 40, 60, 60 s."""
    vendor = Vendor(httpx2.Response(503))
    await vendor.break_down()
    for pause_s in (FIRST_PAUSE_S, 20, 40, LONGEST_PAUSE_S, LONGEST_PAUSE_S):
        asked = vendor.asked
        vendor.clock.move(pause_s - 1)
        for _ in range(3):
            await vendor.show()
        assert vendor.asked == asked
        vendor.clock.move(1.1)
        for _ in range(3):
            await vendor.show()
        assert vendor.asked == asked + 1


async def test_any_answer_closes_it() -> None:
    """The try that is let through, or one of those that are never held up; a refusal too."""
    vendor = Vendor(httpx2.Response(503))
    await vendor.break_down()
    vendor.down = False
    assert await vendor.reads.show_instance(7) is None
    assert await vendor.show() is None


async def test_refusals_and_scattered_failures_do_not_open_it() -> None:
    """A host that refuses is up; five failures in two minutes are none in a row."""
    clock = ManualClock(auto_advance=True)
    wire = Wire([httpx2.Response(400, json={"error": "invalid_args"})])
    reads = Reads(connect(wire, clock=clock))
    for _ in range(2 * FAILURES):
        with pytest.raises(ApiError):
            await reads.gpu_names()
    assert len(wire.seen) == 2 * FAILURES
    vendor = Vendor(httpx2.Response(500))
    for _ in range(2 * FAILURES):
        await vendor.show()
        vendor.clock.move(20)
    assert vendor.asked == 2 * FAILURES


async def test_stop_destroy_and_the_looks_they_need_are_never_held_up() -> None:
    """Stop and destroy are never blocked by the breaker (docs/design.md#money)."""
    vendor = Vendor(httpx2.Response(503))
    await vendor.break_down()
    writes = Writes(vendor.connection)
    for call in (instances.stop_instance(7), instances.destroy_instance(7)):
        asked = vendor.asked
        with pytest.raises(ApiError):
            await writes.send(call, Permit.for_call(call))
        assert vendor.asked == asked + 1
    for look in (
        lambda: vendor.reads.show_instance(7),
        lambda: vendor.reads.show_instance(7, urgent=True),
        vendor.reads.list_instances,
        vendor.reads.account,
        vendor.reads.endpoints,
    ):
        asked = vendor.asked
        with pytest.raises(VendorDown):
            await look()
        assert vendor.asked == asked + 1  # asked, and not repeated
    with pytest.raises(VendorDown):
        await vendor.reads.show_instance(7, fresh=False)
    assert vendor.asked == asked + 1


@pytest.mark.parametrize("fault", OUTAGES, ids=["refused", "503", "500"])
async def test_an_outage_is_not_met_with_more_requests(fault: Answer) -> None:
    """Ten minutes, one call a second: attempts at most 1.1 of the calls per minute."""
    vendor = Vendor(fault)
    worst = 0.0
    for _ in range(10):
        asked, calls, ends_s = vendor.asked, 0, vendor.clock.monotonic_s() + 60
        while vendor.clock.monotonic_s() < ends_s:
            vendor.clock.move(1)
            calls += 2
            await vendor.show()
            with pytest.raises(VendorDown):
                await vendor.reads.show_instance(7)
        worst = max(worst, (vendor.asked - asked) / calls)
    assert worst <= 1.1
    vendor.down = False
    assert await vendor.reads.show_instance(7) is None


async def test_a_clock_set_back_does_not_hold_it_open() -> None:
    """At most a minute, whatever the clock does."""
    vendor = Vendor(httpx2.Response(503))
    vendor.clock.move(7200)
    await vendor.break_down()
    vendor.down = False
    vendor.clock.move(-7000)
    assert await vendor.show() is None
