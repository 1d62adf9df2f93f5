"""A rent whose answer is late, while another process finds, tells or ends its machine.

See docs/design.md#money, docs/design.md#sending-once.
"""

from pathlib import Path

import pytest

from tests.guard.at_once import Held, booked, processes
from tests.suites.rig import carry
from tests.world import World
from vast_mcp.actions import CreateInstance, DestroyInstance
from vast_mcp.guard.door import Guard
from vast_mcp.keeper.tick import look_once
from vast_mcp.store import RentalState


async def a_rent(world: World) -> CreateInstance:
    """A rent that nobody needs to be asked about."""
    offer = await world.cheap_offer()
    return CreateInstance(offer.offer_id, 4.0, max_price_usd_per_hour=1.0)


def only_machine(world: World) -> int:
    """What was rented."""
    (instance_id,) = world.simulator.world.instances
    return instance_id


async def destroy(world: World, guard: Guard) -> None:
    """As a person does who sees the machine in another client."""
    await carry(guard, DestroyInstance(only_machine(world)))


async def test_a_machine_destroyed_while_its_rent_settles_owes_nothing_more(tmp_path: Path) -> None:
    """What is gone reserves nothing, though its rent had seen it run just before."""
    world = World(tmp_path, seed=1)
    act = await a_rent(world)
    rented = world.transport = Held(world, "PUT", "/asks/", answer=True)
    held = Held(world, "POST", "/ssh")
    async with processes(world, held) as (slow, quick):

        async def run() -> None:
            world.simulator.set_stage(only_machine(world), "running")

        async def rent() -> int:
            outcome = await rented.meanwhile(carry(slow, act), run())
            return int(str(outcome.values["instance_id"]))

        instance_id = await held.meanwhile(rent(), destroy(world, quick))
    rental = await booked(world, instance_id)
    assert rental.state is RentalState.GONE
    assert not rental.running
    async with world.runtime() as runtime:
        parts = await runtime.session.account.ledger.read(lambda tx: tx.segments(rental.intent_id))
    assert all(one.closed_us is not None for one in parts)


@pytest.mark.parametrize("vendor", ["destroys it", "is slow"])
async def test_a_late_answer_revives_no_machine_that_another_call_ended(
    tmp_path: Path, vendor: str
) -> None:
    """Found by its mark and destroyed meanwhile, it is not told and kept as rented."""
    world = World(tmp_path, seed=1)
    act = await a_rent(world)
    held = Held(world, "PUT", "/asks/", answer=True)
    async with processes(world, held) as (slow, quick):

        async def end() -> None:
            await look_once(quick)
            if vendor == "is slow":
                world.simulator.faults.add("request_lost", "DELETE", times=8)
            await destroy(world, quick)

        outcome = await held.meanwhile(carry(slow, act), end())
        rental = await booked(world, int(str(outcome.values["instance_id"])))
        expected = RentalState.DESTROYING if vendor == "is slow" else RentalState.GONE
        assert rental.state is expected
        assert outcome.status in {"destroyed", "destroying"}
        for _ in range(3):  # what was promised to go on being tried is tried
            world.clock.move(60)
            await look_once(quick)
    assert not world.simulator.world.instances
