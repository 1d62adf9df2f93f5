"""The distance the vendor documents between two calls is kept here, not learned from refusals."""

from tests.api.vendor import Wire, ok
from vast_mcp.api.connection import Connection
from vast_mcp.api.pace import MARGIN_S
from vast_mcp.api.reads import Reads
from vast_mcp.clock import ManualClock, PairedClock
from vast_mcp.operations import instances

GONE = ok({"instances": None})


def connect(wire: Wire, clock: ManualClock | PairedClock) -> Reads:
    """Reads over a connection with its own pace."""
    return Reads(Connection(api_key="k3y-for-tests", transport=wire, clock=clock))


async def test_a_second_call_of_one_kind_waits_for_its_slot() -> None:
    """Vast-api §3: GET instances/{id} no more often than every 2 s."""
    clock = ManualClock(auto_advance=True)
    reads = connect(Wire([GONE]), clock)
    for _ in range(3):
        await reads.show_instance(7)
    least_s = 2 * instances.SHOW_INSTANCE.interval_s
    assert least_s <= clock.monotonic_s() <= least_s + 2 * MARGIN_S + 0.01


async def test_calls_of_different_kinds_do_not_wait_for_each_other() -> None:
    """Vast-api §3: the intervals are per endpoint."""
    clock = ManualClock(auto_advance=True)
    reads = connect(Wire([GONE, ok({"gpu_names": []})]), clock)
    await reads.show_instance(7)
    await reads.gpu_names()
    assert clock.monotonic_s() == 0


async def test_the_vendors_clock_counts_the_distance() -> None:
    """Design §3: under serve --simulate the vendor lives by the simulator's clock."""
    vendor = ManualClock(auto_advance=True)
    reads = connect(Wire([GONE]), PairedClock(vendor))
    await reads.show_instance(7)
    await reads.show_instance(7)
    assert vendor.monotonic_s() >= instances.SHOW_INSTANCE.interval_s
