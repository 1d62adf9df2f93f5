"""Two identical calls of which the second looks only when the first has acted.

See docs/design.md#questions, docs/design.md#sending-once.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests.guard.at_once import Held, processes
from tests.promises.test_answers_hold_once import plan_for, running_machine
from tests.promises.test_prices import Drifting
from tests.suites.rig import carry
from tests.world import Json, UnhurriedClock, World
from vast_mcp.actions import CreateInstance
from vast_mcp.clock import SystemClock
from vast_mcp.errors import ApiError
from vast_mcp.guard.act import Outcome
from vast_mcp.keeper.tick import look_once
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
    """A re-issued call is told what became of it, not that offer or cap is gone."""
    world = World(tmp_path, seed=8, policy="[limits]\nmax_running = 1\n")
    offer = await world.cheap_offer()
    arguments = {"offer_id": offer.offer_id, "max_price_usd_per_hour": 1.0}
    first, late = await both(world, "create_instance", arguments, path)
    assert (first["status"], late["status"]) == ("rented", "rented")
    assert late["instance_id"] == first["instance_id"]
    assert late["replayed"]
    assert len(sent(world, "PUT")) == 1


async def test_a_plan_whose_twin_was_carried_out_is_told_its_outcome(tmp_path: Path) -> None:
    """Confirmed twice, the second finds the machine gone: destroyed, and replayed."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    plan_id = await plan_for(world, "destroy_instance", instance_id=instance_id)
    first, late = await both(world, "confirm_plan", {"plan_id": plan_id})
    assert (first["status"], late["status"]) == ("destroyed", "destroyed")
    assert late["replayed"]
    assert len(sent(world, "DELETE")) == 1


async def twin_of(world: World, held: Held, act: CreateInstance) -> Outcome:
    """What an identical call is told that comes while the first one's request is held."""
    told: list[asyncio.Task[Outcome]] = []
    async with processes(world, held) as (slow, quick):

        async def second() -> None:
            told.append(asyncio.create_task(carry(quick, act)))
            await SystemClock().sleep(0.3)

        with suppress(ApiError):
            await held.meanwhile(carry(slow, act), second())
        return await told[0]


async def a_rent(world: World) -> CreateInstance:
    """A rent that nobody needs to be asked about."""
    offer = await world.cheap_offer()
    return CreateInstance(offer.offer_id, 4.0, max_price_usd_per_hour=offer.usd_per_hour.dollars)


async def test_a_twin_of_a_refused_rent_is_told_that_nothing_was_rented(tmp_path: Path) -> None:
    """Refused is not unknown: nothing is being looked for, and it may be tried again."""
    world = World(tmp_path, seed=1, clock=UnhurriedClock(auto_advance=True))
    act = await a_rent(world)
    world.simulator.faults.add("rate_limited", "PUT", "/asks/", times=9)
    said = await twin_of(world, Held(world, "PUT", "/asks/", answer=True), act)
    assert said.status == "refused"
    assert "nothing charged" in said.said


async def test_a_twin_of_a_rent_that_settles_is_told_what_came_of_it(tmp_path: Path) -> None:
    """The stored outcome, not that an answer was lost which was not."""
    world = World(tmp_path, seed=1, clock=UnhurriedClock(auto_advance=True))
    act = await a_rent(world)
    said = await twin_of(world, Held(world, "POST", "/ssh"), act)
    assert said.status == "rented"
    assert said.values["lease_ends"]
    assert said.values["replayed"]


async def test_a_repeat_of_a_rent_that_was_undone_is_told_so(tmp_path: Path) -> None:
    """A machine that cost more than approved and was destroyed is not told as rented."""
    world = World(tmp_path, seed=1)
    offer = await world.cheap_offer()
    world.transport = Drifting(world, offer, offer.usd_per_hour.dollars + 0.2)
    act = CreateInstance(offer.offer_id, 4.0, max_price_usd_per_hour=2.0)
    async with world.runtime() as runtime:
        guard = runtime.session.guard
        said = [(await carry(guard, act)).status for _ in range(2)]
    assert said == ["undone", "undone"]


async def test_a_repeat_of_a_rent_that_the_keeper_ended_is_told_so(tmp_path: Path) -> None:
    """Found by its mark, dearer and destroyed, it does not exist any more."""
    world = World(tmp_path, seed=1)
    offer = await world.cheap_offer()
    world.transport = Drifting(world, offer, offer.usd_per_hour.dollars + 0.2)
    world.simulator.faults.add("answer_lost_after_commit", "PUT", "/asks/")
    world.simulator.faults.add("status_before", "GET", "/instances", times=400, skip=1)
    act = CreateInstance(offer.offer_id, 4.0, max_price_usd_per_hour=2.0)
    async with world.runtime() as runtime:
        guard = runtime.session.guard
        assert (await carry(guard, act)).status == "unknown"
        world.simulator.faults.planned.clear()
        await look_once(guard)
        assert world.simulator.world.instances == {}
        said = await carry(guard, act)
    assert said.status == "destroyed"
