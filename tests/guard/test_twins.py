"""Two identical calls of which the second looks only when the first has acted."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from tests.promises.test_answers_hold_once import plan_for, running_machine
from tests.world import Json, World
from vast_mcp.simulator.simulator import Recorded


class LookHeld(httpx2.AsyncBaseTransport):
    """Keeps every request of this path on its way until it may arrive."""

    def __init__(self, world: World, path: str) -> None:
        self._inner = world.transport
        self._path = path
        self.sent, self.may_arrive = asyncio.Event(), asyncio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Hold it back; everything else passes."""
        if self._path in request.url.path:
            self.sent.set()
            await self.may_arrive.wait()
        return await self._inner.handle_async_request(request)


async def both(world: World, tool: str, arguments: Json, path: str = "") -> tuple[Json, Json]:
    """The answers of the call that acts and of the one whose look arrives after that."""
    own = world.transport
    held = world.transport = LookHeld(world, path)
    async with world.connect() as late:
        world.transport = own
        async with world.connect() as first:
            second = asyncio.create_task(late.call_tool(tool, arguments))
            await held.sent.wait()
            done = await world.call(first, tool, **arguments)
        held.may_arrive.set()
        answer = await second
    assert not answer.is_error, answer.content
    return done, dict(answer.structured_content or {})


def sent(world: World, method: str) -> list[Recorded]:
    """What was sent with this method and changed something."""
    return [one for one in world.simulator.mutations() if one.changed and one.method == method]


@pytest.mark.parametrize("path", ["/bundles", "/users/current"])
async def test_a_rent_whose_twin_was_faster_is_told_the_twins_outcome(
    tmp_path: Path, path: str
) -> None:
    """Design §7: a re-issued call is told what became of it, not that offer or cap is gone."""
    world = World(tmp_path, seed=8, policy="[limits]\nmax_running = 1\n")
    offer = await world.cheap_offer()
    arguments = {"offer_id": offer.offer_id, "max_price_usd_per_hour": 1.0}
    first, late = await both(world, "create_instance", arguments, path)
    assert (first["status"], late["status"]) == ("rented", "rented")
    assert late["instance_id"] == first["instance_id"]
    assert late["replayed"]
    assert len(sent(world, "PUT")) == 1


async def test_a_plan_whose_twin_was_carried_out_is_told_its_outcome(tmp_path: Path) -> None:
    """Design §6.5: confirmed twice, the second finds the machine gone: destroyed, and replayed."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    plan_id = await plan_for(world, "destroy_instance", instance_id=instance_id)
    first, late = await both(world, "confirm_plan", {"plan_id": plan_id})
    assert (first["status"], late["status"]) == ("destroyed", "destroyed")
    assert late["replayed"]
    assert len(sent(world, "DELETE")) == 1
