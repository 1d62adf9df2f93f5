"""What an endpoint's workers really are and cost is compared at each look."""

from pathlib import Path

import pytest

from tests.tools.test_serverless import fed, made
from tests.world import ToolFailed, World
from vast_mcp.keeper.tick import Tick, look_once


async def running(world: World, **given: object) -> list[int]:
    """An endpoint with workers that stand among the instances; their ids."""
    async with world.connect() as client:
        await made(world, client, **{"cold_workers": 1, "max_workers": 1, **given})
        await fed(world, client)
    world.run_until_ready()
    return world.simulator.list_workers()


async def look(world: World) -> Tick:
    """One look of the keeper."""
    async with world.runtime() as runtime:
        return await look_once(runtime.session.guard)


def state(world: World) -> str:
    """The endpoint's state, as the vendor has it."""
    (one,) = world.simulator.world.serverless.endpoints.values()
    return str(one.fields["endpoint_state"])


async def test_workers_within_their_approval_are_left_alone(tmp_path: Path) -> None:
    """Look after look nothing is sent."""
    world = World(tmp_path)
    assert await running(world)
    before = len(world.simulator.mutations())
    seen = await look(world)
    assert (seen.failed, state(world)) == ((), "active")
    assert len(world.simulator.mutations()) == before


async def test_a_worker_above_the_approved_price_scales_its_endpoint_to_zero(
    tmp_path: Path,
) -> None:
    """No cap counts what it costs beyond its approval: it ends, and that is said."""
    world = World(tmp_path)
    (worker,) = await running(world)
    world.simulator.set_status(worker, dph_total=0.9)
    seen = await look(world)
    assert any("above the approved" in line for line in (*seen.did, *seen.failed))
    assert state(world) == "stopped"


async def test_more_workers_than_approved_scale_their_endpoint_to_zero(tmp_path: Path) -> None:
    """A record that went back to the vendor's defaults rents twenty: one was approved."""
    world = World(tmp_path)
    await running(world)
    (one,) = world.simulator.world.serverless.endpoints.values()
    one.fields |= {"max_workers": 20, "cold_workers": 5}
    world.simulator.world.serverless.settle(world.simulator.world.now_us)
    world.run_until_ready(120)
    seen = await look(world)
    assert any("were approved" in line for line in (*seen.did, *seen.failed))
    assert state(world) == "stopped"


async def test_a_worker_outside_tightened_limits_is_reported_and_goes_on(tmp_path: Path) -> None:
    """Machines that run are not ended because limits were tightened; a person is told."""
    world = World(tmp_path)
    await running(world)
    world.write_policy('[allow]\ngpu_names = ["H100 NVL"]\n')
    seen = await look(world)
    assert any("allow.gpu_names" in line for line in seen.failed)
    assert state(world) == "active"


@pytest.mark.parametrize(
    "search", ["num_gpus=1 verified=any", '{"gpu_name": {"eq": "H200"}}', "nonsense ~ 4"]
)
async def test_an_endpoint_is_not_raised_over_a_search_that_the_limits_do_not_bound(
    tmp_path: Path, search: str
) -> None:
    """Made elsewhere, or before the limits were tightened: lowering works, raising does not."""
    world = World(tmp_path)
    async with world.connect() as client:
        await made(world, client, max_workers=2)
        await fed(world, client)
        await world.call(client, "update_endpoint", endpoint_name="chat", max_workers=3)
        (group,) = world.simulator.world.serverless.groups.values()
        group.fields["search_params"] = search
        before = len(world.simulator.mutations())
        with pytest.raises(ToolFailed, match="Workergroup"):
            await world.call(client, "update_endpoint", endpoint_name="chat", max_workers=4)
        assert len(world.simulator.mutations()) == before
        await world.call(client, "update_endpoint", endpoint_name="chat", max_workers=1)
