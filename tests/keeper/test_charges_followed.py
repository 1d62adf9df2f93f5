"""Charges correct the caps by themselves: read by the keeper and before a rent near a cap."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.test_exposure import rental as a_rental
from tests.world import ToolFailed, World
from vast_mcp.keeper.rounds import Keeper
from vast_mcp.keeper.tick import look_once
from vast_mcp.models import Offer
from vast_mcp.simulator.faults import Kind
from vast_mcp.store import Charged, Rental, Segment, SqliteLedger, Transaction
from vast_mcp.store.exposure import day_of, exposure_of
from vast_mcp.units import Usd, UsdPerHour

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
NOON_US = 1_764_331_200_000_000
"""2025-11-28T12:00Z."""


async def with_traffic(world: World) -> Offer:
    """A cheap verified offer whose traffic costs something."""
    return next(one for one in await world.offers() if one.upload_usd_per_gb > 0.001)


async def looks(world: World, count: int = 1, every_s: float = 60) -> None:
    """So many looks of a keeper."""
    async with world.runtime() as runtime:
        keeper = Keeper(runtime.session.guard, world.clock)
        for _ in range(count):
            await keeper.look()
            world.clock.move(every_s)


def readings(world: World) -> int:
    """How often charges were asked for."""
    return sum("/charges" in one.path for one in world.simulator.requests)


async def used(world: World, usd: float) -> int:
    """A running machine that has moved so many dollars' worth of bytes."""
    offer = await with_traffic(world)
    async with world.connect() as client:
        instance_id = await world.rent(client, offer, lease_hours=2)
    world.run_until_ready()
    world.simulator.use_traffic(instance_id, up_gb=usd / offer.upload_usd_per_gb)
    return instance_id


async def rent_again(world: World) -> None:
    """One more rent of the cheapest."""
    async with world.connect() as client:
        await world.rent(client)


async def refused(world: World, rule: str) -> None:
    """The same is refused by this rule, and nothing is sent."""
    before = len(world.simulator.mutations())
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match=rule):
            await world.rent(client, lease_hours=24)
    assert len(world.simulator.mutations()) == before


async def test_forty_dollars_of_traffic_close_a_day_of_twenty_five(tmp_path: Path) -> None:
    """The flat reserve for traffic is no cap: what the vendor charged closes the day."""
    world = World(tmp_path)
    await used(world, 40)
    await looks(world)
    await refused(world, "max_usd_per_day")


async def test_charges_are_read_once_in_fifteen_minutes_by_all_processes(tmp_path: Path) -> None:
    """Two keepers, one account: looks come every minute, readings of charges do not."""
    world = World(tmp_path)
    async with world.connect() as client:
        await world.rent(client, lease_hours=4)
    world.run_until_ready()
    async with world.runtime() as one, world.runtime() as other:
        for _ in range(31):
            await look_once(one.session.guard)
            await look_once(other.session.guard)
            world.clock.move(60)
    assert readings(world) == 3


async def test_nothing_is_asked_about_charges_while_nothing_of_ours_was_rented(
    tmp_path: Path,
) -> None:
    """Own machines only: a stranger's charges are neither read nor counted."""
    world = World(tmp_path)
    world.simulator.add_foreign_instance(label="theirs")
    await looks(world, 2)
    assert readings(world) == 0


async def test_what_strangers_are_charged_counts_against_no_cap(tmp_path: Path) -> None:
    """The vendor lists the whole account's charges; ours are known by their ids."""
    world = World(tmp_path)
    stranger = world.simulator.add_foreign_instance(label="theirs")
    async with world.connect() as client:
        await world.rent(client, lease_hours=2)
    world.run_until_ready()
    world.simulator.use_traffic(stranger, up_gb=100_000)
    world.simulator.set_credit(100)
    await looks(world)
    await rent_again(world)


async def test_a_rent_near_a_cap_reads_charges_first(tmp_path: Path) -> None:
    """Within a fifth of a cap fifteen minutes are too old: they are read before it is decided."""
    world = World(tmp_path, policy="[budget.lora]\nmax_cost_usd = 3.0\n")
    offer = await with_traffic(world)
    async with world.connect() as client:
        instance_id = await world.rent(client, offer, lease_hours=1, task="lora")
        world.run_until_ready()
        await looks(world)
        world.simulator.use_traffic(instance_id, up_gb=2 / offer.upload_usd_per_gb)
        before, asked = len(world.simulator.mutations()), readings(world)
        cheap = await world.cheap_offer()
        hours = int(2.5 / cheap.usd_per_hour.dollars)
        with pytest.raises(ToolFailed, match=r"budget\.lora"):
            await world.rent(client, cheap, lease_hours=hours, task="LORA")
    assert readings(world) > asked
    assert len(world.simulator.mutations()) == before


async def test_a_rent_far_from_every_cap_asks_for_no_charges(tmp_path: Path) -> None:
    """A call is not made slower for nothing."""
    world = World(tmp_path)
    await rent_again(world)
    assert readings(world) == 0


@pytest.mark.parametrize(
    "fault", ["status_before", "auth_error_404", "truncated_json", "request_lost"]
)
async def test_unreadable_charges_leave_the_meter_and_are_made_up_for(
    tmp_path: Path, fault: Kind
) -> None:
    """Nothing is lost: the next reading that succeeds begins where the last one ended."""
    world = World(tmp_path)
    await used(world, 40)
    world.simulator.faults.add(fault, "GET", "/charges", times=1000)
    await looks(world)
    await rent_again(world)
    world.simulator.faults.planned.clear()
    world.clock.move(16 * 60)
    await looks(world)
    await refused(world, "max_usd_per_day")


async def test_a_look_from_cron_reads_charges_too(tmp_path: Path) -> None:
    """`watch --once` is `Guard.tick` and nothing more; days that nobody looked at are read then."""
    world = World(tmp_path, policy="[limits]\nmax_usd_per_month = 41.0\n")
    await used(world, 40)
    world.clock.move(30 * 3600)
    async with world.runtime() as runtime:
        seen = await look_once(runtime.session.guard)
        assert any("charged" in line for line in seen.did), seen
    await refused(world, "max_usd_per_month")


async def test_an_extension_counts_what_its_machine_was_charged(tmp_path: Path) -> None:
    """`max_usd_per_rental` holds for the machine as charged, not as metered."""
    world = World(tmp_path, policy="[limits]\nmax_usd_per_rental = 20.0\n")
    instance_id = await used(world, 21)
    await looks(world)
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="max_usd_per_rental"):
            await world.call(client, "extend_lease", instance_id=instance_id, hours=1)


# -- the arithmetic --------------------------------------------------------------------------


def rental() -> Rental:
    """A machine from noon on."""
    return a_rental(
        usd_per_hour=UsdPerHour(1_000_000),
        created_us=NOON_US,
        lease_ends_us=NOON_US + 8 * HOUR_US,
        task="lora",
    )


def segments() -> list[Segment]:
    """$1 per hour for eight hours, and half a dollar of traffic."""
    lease = Segment(
        "intent00001", "lease", UsdPerHour(1_000_000), Usd(0), NOON_US, NOON_US + 8 * HOUR_US
    )
    traffic = Segment(
        "intent00001", "traffic", UsdPerHour(0), Usd(500_000), NOON_US, NOON_US, NOON_US
    )
    return [lease, traffic]


def day_after(charged: dict[tuple[str, str], Charged], now_us: int) -> Usd:
    """What counts for the day."""
    found = exposure_of([rental()], {"intent00001": segments()}, charged, [], now_us=now_us)
    return found.by_day[day_of(NOON_US)]


@given(st.integers(0, 10**8), st.integers(0, 480), st.integers(0, 480))
def test_charges_raise_and_never_lower(micros: int, read_min: int, later_min: int) -> None:
    """The larger of meter and charge until it was asked, and all that is reserved after it."""
    read_us = NOON_US + read_min * MINUTE_US
    now_us = read_us + later_min * MINUTE_US
    charged = {("instance-27000001", day_of(NOON_US)): Charged(Usd(micros), read_us)}
    with_it, without = day_after(charged, now_us), day_after({}, now_us)
    assert with_it >= without
    assert with_it >= Usd(micros)
    metered = Usd(500_000) + UsdPerHour(1_000_000).over(read_min * 60)
    assert with_it == without + max(Usd(0), Usd(micros) - metered)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 600)), max_size=6))
async def test_a_reading_repeated_or_smaller_changes_nothing(
    reads: list[tuple[int, int]],
) -> None:
    """In any order, any number of times: what stands is the largest sum that was read."""
    book = SqliteLedger(None)
    day = day_of(NOON_US)
    for micros, minute in [*reads, *reads]:
        seen = Charged(Usd(micros), NOON_US + minute * MINUTE_US)

        def write(tx: Transaction, seen: Charged = seen) -> None:
            tx.record_charge("instance-27000001", day, seen)

        await book.write(write)
    kept = (await book.read(lambda tx: tx.charged_since(day))).get(("instance-27000001", day))
    assert (kept.amount.micros if kept else 0) == max((one for one, _ in reads), default=0)
    await book.close()
