"""The keeper's list of the account, read before another process acted and written down after it.

See docs/design.md#money.
"""

import asyncio
from pathlib import Path

import pytest

from tests.guard.at_once import Held, booked, processes
from tests.promises.test_answers_hold_once import running_machine
from tests.suites.rig import carry
from tests.world import World
from vast_mcp.actions import ChangeBid, DestroyInstance, StartInstance, StopInstance
from vast_mcp.keeper.tick import look_once
from vast_mcp.store import Rental, RentalState

A_LIST = "/instances/"


async def interruptible(world: World, above_usd: float = 0.01) -> int:
    """A running machine that bids so much more than it must."""
    offer = await world.cheap_offer("interruptible")
    assert offer.min_bid is not None
    bid = round(offer.min_bid.dollars + above_usd, 3)
    async with world.connect() as client:
        instance_id = await world.rent(client, offer, bid_usd_per_hour=bid)
    world.run_until_ready()
    return instance_id


async def stopped(world: World) -> int:
    """A machine that rests."""
    instance_id = await running_machine(world)
    async with world.runtime() as runtime:
        await carry(runtime.session.guard, StopInstance(instance_id))
    return instance_id


@pytest.mark.parametrize("rental", ["on demand", "interruptible"])
async def test_a_list_from_before_a_stop_counts_no_gpu_time(tmp_path: Path, rental: str) -> None:
    """A seen stop shrinks the reservation, also where the keeper was just looking."""
    world = World(tmp_path, seed=1)
    instance_id = await (running_machine if rental == "on demand" else interruptible)(world)
    held = Held(world, "GET", A_LIST, answer=True)
    async with processes(world, held) as (slow, quick):
        await held.meanwhile(look_once(slow), carry(quick, StopInstance(instance_id)))
        assert not (await booked(world, instance_id)).running
        world.clock.move(60)
        await look_once(quick)
    after = await booked(world, instance_id)
    assert not after.running
    assert after.facts.stop_sent


async def test_a_list_from_before_a_destroy_brings_no_machine_back(tmp_path: Path) -> None:
    """Seen gone it owes nothing, and nobody is told that it is there after all."""
    world = World(tmp_path, seed=1)
    instance_id = await running_machine(world)
    held = Held(world, "GET", A_LIST, answer=True)
    async with processes(world, held) as (slow, quick):
        seen = await held.meanwhile(look_once(slow), carry(quick, DestroyInstance(instance_id)))
    assert seen.did == ()
    assert (await booked(world, instance_id)).state is RentalState.GONE


async def test_a_list_from_before_a_start_frees_none_of_its_money(tmp_path: Path) -> None:
    """A started machine counts as running from its reservation on."""
    world = World(tmp_path, seed=1)
    instance_id = await stopped(world)
    held = Held(world, "GET", A_LIST, answer=True)
    async with processes(world, held) as (slow, quick):
        await held.meanwhile(look_once(slow), carry(quick, StartInstance(instance_id, 2.0)))
    assert (await booked(world, instance_id)).running


async def test_a_list_from_before_a_lower_bid_does_not_raise_it_again(tmp_path: Path) -> None:
    """What a lowered bid released is not set aside once more until the lease ends."""
    world = World(tmp_path, seed=1)
    instance_id = await interruptible(world, above_usd=0.2)
    before = (await booked(world, instance_id)).usd_per_hour
    held = Held(world, "GET", A_LIST, answer=True)
    async with processes(world, held) as (slow, quick):
        lower = ChangeBid(instance_id, round(before.dollars - 0.15, 3))
        await held.meanwhile(look_once(slow), carry(quick, lower))
    assert (await booked(world, instance_id)).usd_per_hour < before


async def test_a_list_read_while_a_start_is_sent_frees_none_of_its_money(tmp_path: Path) -> None:
    """Reserved before it is sent, it counts though the machine is still seen stopped."""
    world = World(tmp_path, seed=1)
    instance_id = await stopped(world)
    seen: list[Rental] = []
    held = Held(world, "PUT", A_LIST, body="running")
    async with processes(world, held) as (slow, quick):

        async def look() -> None:
            world.clock.move(60)
            await look_once(quick)
            seen.append(await booked(world, instance_id))

        outcome = await held.meanwhile(carry(slow, StartInstance(instance_id, 2.0)), look())
    assert outcome.status == "starting"
    assert seen[0].running
    assert (await booked(world, instance_id)).running


async def test_a_list_read_before_a_start_was_executed_frees_none_of_its_money(
    tmp_path: Path,
) -> None:
    """Read while the start was on its way, and written down after it was seen."""
    world = World(tmp_path, seed=1)
    instance_id = await stopped(world)
    listed = Held(world, "GET", A_LIST, answer=True)
    start = Held(world, "PUT", A_LIST, body="running")
    async with processes(world, start) as (starting, _), processes(world, listed) as (looking, _):

        async def look_late() -> None:
            world.clock.move(60)
            await listed.meanwhile(look_once(looking), done())

        async def done() -> None:
            world.clock.move(1)
            start.may_arrive.set()
            assert (await waiting).status == "starting"

        waiting = asyncio.create_task(carry(starting, StartInstance(instance_id, 2.0)))
        await start.sent.wait()
        await look_late()
    assert (await booked(world, instance_id)).running
