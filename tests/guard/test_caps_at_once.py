"""Two rents at once, of which the vendor shows neither yet, under a cap on the whole account.

See docs/design.md#limits.
"""

from pathlib import Path

import pytest

from tests.guard.at_once import Held, processes
from tests.suites.rig import carry
from tests.world import World
from vast_mcp.actions import CreateInstance, StartInstance, StopInstance
from vast_mcp.errors import PolicyDenied
from vast_mcp.guard.door import Guard
from vast_mcp.models import Offer


async def refused(guard: Guard, world: World, offer_id: int) -> None:
    """This rent would pass the cap together with what is on its way."""
    with pytest.raises(PolicyDenied, match="whole account"):
        await carry(guard, a_rent(offer_id))
    assert not any(str(offer_id) in one.path for one in world.simulator.mutations())


def a_rent(offer_id: int) -> CreateInstance:
    """A rent that nobody needs to be asked about."""
    return CreateInstance(offer_id, 4.0, max_price_usd_per_hour=1.0)


async def capped(tmp_path: Path) -> tuple[World, Offer, Offer]:
    """An account that has room for either of two machines and not for both."""
    world = World(tmp_path, seed=1)
    first, second = (await world.offers())[:2]
    room = max(first.usd_per_hour, second.usd_per_hour).dollars + 0.03
    world.write_policy(f"[limits]\nmax_account_usd_per_hour = {room:.3f}\n")
    return world, first, second


async def test_a_rent_on_its_way_counts_for_the_cap_of_the_whole_account(tmp_path: Path) -> None:
    """Of two processes each of which sees room for one machine, one rents."""
    world, first, second = await capped(tmp_path)
    held = Held(world, "PUT", "/asks/")
    async with processes(world, held) as (slow, quick):
        other = refused(quick, world, second.offer_id)
        outcome = await held.meanwhile(carry(slow, a_rent(first.offer_id)), other)
    assert outcome.status == "rented"


async def test_a_start_on_its_way_counts_for_the_cap_of_the_whole_account(tmp_path: Path) -> None:
    """A machine that is seen stopped and being started counts as it will run."""
    world, first, second = await capped(tmp_path)
    async with world.connect() as client:
        instance_id = await world.rent(client, first)
    world.run_until_ready()
    held = Held(world, "PUT", "/instances/", body="running")
    async with processes(world, held) as (slow, quick):
        await carry(quick, StopInstance(instance_id))
        start = carry(slow, StartInstance(instance_id, 2.0))
        outcome = await held.meanwhile(start, refused(quick, world, second.offer_id))
    assert outcome.status == "starting"
