"""A plan waits ten minutes for its answer, whoever is to give it."""

from pathlib import Path

import pytest

from tests.world import World


@pytest.mark.parametrize(("seconds", "open_still"), [(590, True), (610, False)])
async def test_a_plan_is_open_for_ten_minutes_and_not_longer(
    tmp_path: Path, seconds: float, open_still: bool
) -> None:
    """A yes after that meets a machine and a price that nobody has looked at."""
    world = World(tmp_path)
    async with world.connect(answer=None) as client:
        instance_id = await world.rent(client)
        world.run_until_ready()
        asked = await world.call(client, "stop_instance", instance_id=instance_id)
        world.clock.move(seconds)
        answer = await world.call(client, "confirm_plan", plan_id=asked["plan_id"])
        carried_out = answer["status"] in {"stopped", "stopping"}
        assert carried_out is open_still, answer
        world.simulator.catch_up()
        running = world.simulator.world.instances[instance_id].intended_status() == "running"
        assert running is not open_still
