"""A machine that never comes up: told of, given up by the verdict, destroyed only when asked.

See docs/design.md#money, docs/hazards.md#money.
"""

from pathlib import Path

import pytest

from tests.notices.receiver import policy_for, receiving
from tests.world import World
from vast_mcp.keeper.rounds import Keeper

MINUTE_S = 60


@pytest.mark.parametrize("how", ["stuck", "broken_image"])
async def test_a_rent_that_never_runs_is_told_once_and_kept_until_somebody_ends_it(
    tmp_path: Path, how: str
) -> None:
    """Its destroy asks nobody, but it is not done behind a person's back."""
    async with receiving() as receiver:
        world = World(tmp_path, seed=1, policy=policy_for(receiver))
        world.simulator.fail_next_creates(how)
        async with world.connect() as client:
            instance_id = await world.rent(client)
            async with world.runtime() as runtime:
                keeper = Keeper(
                    runtime.session.guard, world.clock, listeners=[runtime.messenger.ticked]
                )
                for _ in range(40):
                    world.clock.move(MINUTE_S)
                    await keeper.look()
            told = [one for one in receiver.posted if one["kind"] == "not_up"]
            assert [one["instance_id"] for one in told] == [instance_id]
            assert "Destroy it" in told[0]["text"]
            assert instance_id in world.simulator.world.instances
            (row,) = (await world.call(client, "show_instances"))["instances"]
            assert any("not up after" in text for text in row["warnings"])
            waited = await world.call(client, "wait_for_instance", instance_id=instance_id)
            assert waited["verdict"] == "dead"
            before = list(world.questions)
            gone = await world.call(client, "destroy_instance", instance_id=instance_id)
    assert gone["status"] == "destroyed"
    assert world.questions == before


async def test_one_that_loads_for_long_is_given_up_after_half_an_hour(tmp_path: Path) -> None:
    """Slow while it may still come, dead once waiting makes no sense (docs/design.md#tools)."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.simulator.set_status(instance_id, actual_status="loading")
        words = []
        for _ in range(3):
            world.clock.move(12 * MINUTE_S)
            said = await world.call(client, "wait_for_instance", instance_id=instance_id)
            words.append(said["verdict"])
    assert words == ["slow", "slow", "dead"]
    assert "destroy_instance" in said["next"]
