"""What nobody was asked about has a sum of its own, whatever was rented when.

See docs/design.md#money.
"""

from pathlib import Path

import pytest

from tests.world import World

DAY_S = 24 * 3600
POLICY = "[no_question]\nusd_per_day = 1.0\nhours = 100\n[limits]\nmax_lease_hours = 100\n"


async def unasked_usd(world: World) -> float:
    """Today's sum by the books."""
    async with world.runtime() as runtime:
        now_us = world.clock.lease_us()
        seen = await runtime.session.account.ledger.read(lambda tx: tx.exposure(now_us))
    return seen.unasked_today.dollars


async def rented_yesterday(world: World, *, stopped: bool) -> int:
    """A machine of the day before, at less than ten cents an hour."""
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=1 if stopped else 23)
        world.run_until_ready()
        if stopped:
            await world.call(client, "stop_instance", instance_id=instance_id)
    world.clock.move(DAY_S - 7200)
    return instance_id


@pytest.mark.parametrize(
    ("tool", "field"), [("start_instance", "lease_hours"), ("extend_lease", "hours")]
)
async def test_a_start_or_extension_of_an_older_rental_counts_on_the_day_it_is_made(
    tmp_path: Path, tool: str, field: str
) -> None:
    """A day's acts that nobody was asked about stay under their sum, or one asks."""
    world = World(tmp_path, seed=1, policy=POLICY)
    instance_id = await rented_yesterday(world, stopped=tool == "start_instance")
    world.questions.clear()
    assert await unasked_usd(world) == 0
    async with world.connect() as client:
        done = await world.call(client, tool, instance_id=instance_id, **{field: 8})
        assert done["status"] in {"starting", "extended"}
        assert world.questions == []
        counted = await unasked_usd(world)
        added = done["max_cost_usd" if tool == "start_instance" else "added_usd"]
        assert abs(counted - added) < 0.02
        await world.call(client, "extend_lease", instance_id=instance_id, hours=8)
    assert len(world.questions) == 1


async def test_what_a_stop_gives_back_is_no_longer_counted(tmp_path: Path) -> None:
    """A reservation shrinks to what was used, here as elsewhere (docs/design.md#money)."""
    world = World(tmp_path, seed=1, policy=POLICY)
    instance_id = await rented_yesterday(world, stopped=True)
    async with world.connect() as client:
        await world.call(client, "start_instance", instance_id=instance_id, lease_hours=8)
        before = await unasked_usd(world)
        world.run_until_ready()
        await world.call(client, "stop_instance", instance_id=instance_id)
    assert 0 < await unasked_usd(world) < before / 2
