"""A higher bid or maximum, decided on what another process changes before it is reserved.

See docs/design.md#leases, docs/design.md#money.
"""

from pathlib import Path

import pytest

from tests.guard.at_once import Held, booked, processes
from tests.guard.test_looks_at_once import interruptible
from tests.suites.rig import ASKING, carry
from tests.world import World
from vast_mcp.actions import (
    ChangeBid,
    CreateEndpoint,
    CreateWorkergroup,
    ExtendLease,
    UpdateEndpoint,
)
from vast_mcp.errors import ApiError
from vast_mcp.guard.act import Act, Pending
from vast_mcp.guard.door import Guard
from vast_mcp.keeper.tick import look_once
from vast_mcp.policy.facts import Exposure
from vast_mcp.store import total_cost

HOUR_S = 3600


async def agreed(guard: Guard, act: Act) -> str:
    """The plan of an act that a person is asked about."""
    proposal = await guard.propose(act, ASKING)
    assert isinstance(proposal, Pending)
    return proposal.plan.plan_id


async def exposed(world: World) -> Exposure:
    """What the books count."""
    async with world.runtime() as runtime:
        now_us = world.clock.lease_us()
        return await runtime.session.account.ledger.read(lambda tx: tx.exposure(now_us))


async def test_a_higher_bid_is_not_priced_to_an_end_that_was_moved(tmp_path: Path) -> None:
    """What a rental costs with its extensions holds for both together."""
    world = World(tmp_path, seed=1, policy="[limits]\nmax_usd_per_rental = 0.8\n")
    instance_id = await interruptible(world)
    held = Held(world, "GET", "/users/current")
    async with processes(world, held) as (slow, quick):
        plan_id = await agreed(quick, ChangeBid(instance_id, 0.06))
        world.clock.move(20)  # what was read of the account is old by now
        extend = carry(quick, ExtendLease(instance_id, 8.0))
        outcome = await held.meanwhile(slow.redeem(plan_id, ASKING), extend)
    assert outcome.status == "changed"
    rental = await booked(world, instance_id)
    async with world.runtime() as runtime:
        parts = await runtime.session.account.ledger.read(lambda tx: tx.segments(rental.intent_id))
    assert total_cost(parts, world.clock.lease_us()).dollars <= 0.8


async def test_a_higher_maximum_is_not_priced_from_one_that_was_lowered(tmp_path: Path) -> None:
    """What it adds is counted from what the books hold, so no cap is passed."""
    world = World(tmp_path, seed=2, policy="[limits]\nmax_running = 4\n")
    held = Held(world, "GET", "/users/current")
    async with processes(world, held) as (slow, quick):
        await carry(quick, CreateEndpoint("one", 0.1, max_workers=3, lease_hours=2.0))
        plan_id = await agreed(quick, UpdateEndpoint("one", max_workers=4))
        world.clock.move(20)

        async def meanwhile() -> None:
            await carry(quick, UpdateEndpoint("one", max_workers=1))
            world.clock.move(20)
            await carry(quick, CreateEndpoint("two", 0.1, max_workers=2, lease_hours=2.0))

        outcome = await held.meanwhile(slow.redeem(plan_id, ASKING), meanwhile())
    assert outcome.status == "changed"
    assert (await exposed(world)).running == 3


@pytest.mark.parametrize("lost", [False, True])
async def test_an_endpoint_made_active_at_its_leases_end_is_ended_all_the_same(
    tmp_path: Path, *, lost: bool
) -> None:
    """A change that arrives after the end was carried out rents nothing for ever."""
    world = World(tmp_path, seed=2)
    template = str(world.simulator.world.templates[0]["hash_id"])
    held = Held(world, "PUT", "/endptjobs")
    async with processes(world, held) as (slow, quick):
        made = await carry(quick, CreateEndpoint("one", 0.9, max_workers=3, lease_hours=2.0))
        await carry(quick, CreateWorkergroup("one", template))
        world.clock.move(2 * HOUR_S - 60)
        if lost:
            world.simulator.faults.add("answer_lost_after_commit", "PUT", "/endptjobs", skip=1)

        async def end() -> None:
            world.clock.move(61)
            await look_once(quick)
            world.clock.move(10)

        active = UpdateEndpoint("one", cold_workers=2, endpoint_state="active")
        await held.meanwhile(carry(slow, active), end())
        for _ in range(20):
            world.clock.move(60)
            await look_once(quick)
    (endpoint,) = world.simulator.world.serverless.endpoints.values()
    assert endpoint.fields["endpoint_state"] == "stopped"
    assert not any(
        one.status != "STOPPING" for one in world.simulator.world.serverless.of(endpoint.id)
    )
    assert made.status == "created"
    assert (await exposed(world)).running == 0


async def test_a_rise_on_its_way_stays_reserved_when_a_smaller_one_settles(tmp_path: Path) -> None:
    """Reserved before it is sent; what another reads back does not release it."""
    world = World(tmp_path, seed=1)
    instance_id = await interruptible(world)
    held = Held(world, "PUT", "/bid_price")
    async with processes(world, held) as (slow, quick):

        async def smaller() -> None:
            await carry(quick, ChangeBid(instance_id, 0.07))
            assert (await booked(world, instance_id)).usd_per_hour.dollars > 0.09
            world.clock.move(10)

        await held.meanwhile(carry(slow, ChangeBid(instance_id, 0.09)), smaller())
        assert (await booked(world, instance_id)).usd_per_hour.dollars > 0.09
        world.clock.move(10)
        await carry(quick, ChangeBid(instance_id, 0.06))
    assert (await booked(world, instance_id)).usd_per_hour.dollars < 0.08


async def test_a_rise_that_arrives_last_is_what_is_reserved(tmp_path: Path) -> None:
    """Whoever settles last reads what holds, and releases what does not."""
    world = World(tmp_path, seed=1)
    instance_id = await interruptible(world)
    held = Held(world, "PUT", "/bid_price")
    async with processes(world, held) as (slow, quick):

        async def dearer() -> None:
            await carry(quick, ChangeBid(instance_id, 0.09))
            world.clock.move(10)

        await held.meanwhile(carry(slow, ChangeBid(instance_id, 0.07)), dearer())
    assert (await booked(world, instance_id)).usd_per_hour.dollars < 0.09


async def test_workers_on_their_way_stay_reserved_when_fewer_are_settled(tmp_path: Path) -> None:
    """An endpoint's higher maximum likewise."""
    world = World(tmp_path, seed=2, policy="[limits]\nmax_running = 9\n")
    held = Held(world, "PUT", "/endptjobs")
    async with processes(world, held) as (slow, quick):
        await carry(quick, CreateEndpoint("one", 0.1, max_workers=1, lease_hours=2.0))

        async def fewer() -> None:
            await carry(quick, UpdateEndpoint("one", max_workers=2))
            assert (await exposed(world)).running == 4
            world.clock.move(10)

        await held.meanwhile(carry(slow, UpdateEndpoint("one", max_workers=4)), fewer())
    assert (await exposed(world)).running == 4


async def test_a_refused_rise_reserves_nothing(tmp_path: Path) -> None:
    """What the vendor refused costs nothing more, bid or maximum."""
    world = World(tmp_path, seed=1)
    instance_id = await interruptible(world)
    async with world.runtime() as runtime:
        guard = runtime.session.guard
        await carry(guard, CreateEndpoint("one", 0.1, lease_hours=2.0))
        before = await exposed(world)
        world.simulator.faults.add("auth_error_404", "PUT", "/bid_price")
        world.simulator.faults.add("auth_error_404", "PUT", "/endptjobs")
        for act in (ChangeBid(instance_id, 0.09), UpdateEndpoint("one", max_workers=3)):
            with pytest.raises(ApiError):
                await carry(guard, act)
    after = await exposed(world)
    assert (after.running, after.usd_per_hour) == (before.running, before.usd_per_hour)
