"""The keeper ends what is over while a person extends, starts or keeps it.

See docs/design.md#leases, docs/design.md#tools.
"""

from pathlib import Path

import pytest

from tests.guard.at_once import Held, booked, processes
from tests.guard.test_looks_at_once import interruptible
from tests.promises.test_answers_hold_once import running_machine
from tests.suites.rig import carry
from tests.world import World
from vast_mcp.actions import DestroyInstance, ExtendLease, StartInstance, StopInstance
from vast_mcp.errors import ApiError, InputInvalid
from vast_mcp.guard.door import Guard
from vast_mcp.keeper.tick import look_once
from vast_mcp.store import RentalState
from vast_mcp.units import minute

MINUTE_S = 60


async def overdue(world: World, on_end: str = "stop") -> int:
    """A running machine whose lease was over a moment ago."""
    offer = await world.dear_offer()  # asked about, so that `destroy` holds
    async with world.connect() as client:
        given = {"lease_hours": 1, "on_end": on_end, "max_price_usd_per_hour": 5.0}
        instance_id = await world.rent(client, offer, **given)
    world.run_until_ready()
    world.clock.move(3600 - 900)
    return instance_id


def runs(world: World, instance_id: int) -> bool:
    """Whether the vendor still has it, and runs it."""
    contract = world.simulator.world.instances.get(instance_id)
    return contract is not None and contract.wants_to_run


@pytest.mark.parametrize("on_end", ["stop", "destroy"])
async def test_a_lease_extended_while_its_end_is_due_is_not_ended(
    tmp_path: Path, on_end: str
) -> None:
    """The end that was found over is none any more when the stop would be sent."""
    world = World(tmp_path, seed=1)
    instance_id = await overdue(world, on_end)
    held = Held(world, "GET", f"/instances/{instance_id}")
    async with processes(world, held) as (slow, quick):
        extend = carry(quick, ExtendLease(instance_id, 3.0))
        seen = await held.meanwhile(look_once(slow), extend)
        assert (seen.did, seen.deeds) == ((), ())
        await look_once(quick)
    assert runs(world, instance_id)
    assert (await booked(world, instance_id)).state is RentalState.ACTIVE


async def test_a_machine_started_anew_is_not_stopped_for_the_start_before(tmp_path: Path) -> None:
    """A start is given up after ten minutes; the next one has ten of its own."""
    world = World(tmp_path, seed=1)
    instance_id = await running_machine(world)
    async with world.runtime() as runtime:
        guard = runtime.session.guard
        await carry(guard, StopInstance(instance_id))
        await carry(guard, StartInstance(instance_id, 2.0))
    world.simulator.set_stage(instance_id, "scheduling")
    world.clock.move(11 * MINUTE_S)
    held = Held(world, "GET", f"/instances/{instance_id}")
    async with processes(world, held) as (slow, quick):

        async def again() -> None:
            await carry(quick, StopInstance(instance_id))
            await carry(quick, StartInstance(instance_id, 2.0))

        await held.meanwhile(look_once(slow), again())
    assert runs(world, instance_id)


async def overlapped(world: World, held: Held, instance_id: int) -> str:
    """What an extension is told while the keeper's end of that machine is on its way."""
    said = ""

    async with processes(world, held) as (slow, quick):

        async def extend(guard: Guard) -> None:
            nonlocal said
            with pytest.raises(InputInvalid) as caught:
                await carry(guard, ExtendLease(instance_id, 3.0))
            said = str(caught.value)

        await held.meanwhile(look_once(slow), extend(quick))
    return said


@pytest.mark.parametrize(("on_end", "method"), [("stop", "PUT"), ("destroy", "DELETE")])
async def test_a_lease_whose_end_is_being_carried_out_is_not_extended(
    tmp_path: Path, on_end: str, method: str
) -> None:
    """Hours of a machine that is being ended are not sold, and nothing is reserved."""
    world = World(tmp_path, seed=1)
    instance_id = await overdue(world, on_end)
    before = await booked(world, instance_id)
    held = Held(world, method, f"/instances/{instance_id}")
    said = await overlapped(world, held, instance_id)
    assert "is being stopped" in said or "is being destroyed" in said
    assert not runs(world, instance_id)
    assert (await booked(world, instance_id)).lease_ends_us == before.lease_ends_us


async def test_an_extension_that_looked_before_the_stop_was_sent_is_told_to_look_anew(
    tmp_path: Path,
) -> None:
    """Decided on the machine as it was, it is decided again on the books as they are."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=1)
    world.run_until_ready()
    held = Held(world, "GET", "/users/current")
    async with processes(world, held) as (slow, quick):

        async def end() -> None:
            world.clock.move(3600)
            world.simulator.faults.add("request_lost", "PUT", f"/instances/{instance_id}", times=4)
            await look_once(quick)

        outcome = await held.meanwhile(carry(slow, ExtendLease(instance_id, 3.0)), end())
    assert outcome.status == "changed"


@pytest.mark.parametrize("how", ["refused", "not read"])
async def test_a_stop_that_failed_leaves_a_lease_that_can_be_extended(
    tmp_path: Path, how: str
) -> None:
    """A yes is for now; no keeper sends the stop later (docs/design.md#questions)."""
    world = World(tmp_path, seed=1)
    instance_id = await running_machine(world)
    path = f"/instances/{instance_id}"
    if how == "refused":
        world.simulator.faults.add("auth_error_404", "PUT", path)
    else:  # not when it is asked about, but when it is confirmed; one look serves the stop itself
        world.simulator.faults.add("request_lost", "GET", path, times=20, skip=1)
    async with world.runtime() as runtime:
        guard = runtime.session.guard
        with pytest.raises(ApiError):
            await carry(guard, StopInstance(instance_id))
        world.simulator.faults.planned.clear()
        assert (await carry(guard, ExtendLease(instance_id, 3.0))).status == "extended"
        world.clock.move(MINUTE_S)
        await look_once(guard)
    assert runs(world, instance_id)


async def test_a_machine_that_is_being_destroyed_is_not_started(tmp_path: Path) -> None:
    """No lease is sold for a machine that goes on being destroyed."""
    world = World(tmp_path, seed=1)
    instance_id = await running_machine(world)
    async with world.runtime() as runtime:
        await carry(runtime.session.guard, StopInstance(instance_id))
    held = Held(world, "DELETE", f"/instances/{instance_id}")
    async with processes(world, held) as (slow, quick):

        async def start() -> None:
            with pytest.raises(InputInvalid, match="being destroyed"):
                await carry(quick, StartInstance(instance_id, 2.0))

        outcome = await held.meanwhile(carry(slow, DestroyInstance(instance_id)), start())
    assert outcome.status == "destroyed"


async def test_a_start_on_its_way_is_not_given_another_lease(tmp_path: Path) -> None:
    """The lease that was told holds; the second call is told that it is starting."""
    world = World(tmp_path, seed=1)
    instance_id = await running_machine(world)
    async with world.runtime() as runtime:
        await carry(runtime.session.guard, StopInstance(instance_id))
    held = Held(world, "PUT", f"/instances/{instance_id}", body="running")
    async with processes(world, held) as (slow, quick):

        async def again() -> None:
            with pytest.raises(InputInvalid, match="already running or starting"):
                await carry(quick, StartInstance(instance_id, 1.0))

        outcome = await held.meanwhile(carry(slow, StartInstance(instance_id, 3.0)), again())
    rental = await booked(world, instance_id)
    assert outcome.values["lease_ends"] == minute(rental.lease_ends_us)


async def test_a_start_whose_answer_was_lost_can_be_repeated(tmp_path: Path) -> None:
    """Two minutes later nothing of it is on its way any more."""
    world = World(tmp_path, seed=1)
    instance_id = await running_machine(world)
    async with world.runtime() as runtime:
        guard = runtime.session.guard
        await carry(guard, StopInstance(instance_id))
        world.simulator.faults.add("request_lost", "PUT", f"/instances/{instance_id}", skip=1)
        assert (await carry(guard, StartInstance(instance_id, 1.0))).status == "unknown"
        world.clock.move(2 * MINUTE_S)
        assert (await carry(guard, StartInstance(instance_id, 3.0))).status == "starting"


async def test_a_start_that_came_up_is_not_given_up_when_it_is_outbid_later(tmp_path: Path) -> None:
    """It resumes by itself under its lease; nobody is told that it never started."""
    world = World(tmp_path, seed=1)
    instance_id = await interruptible(world)
    async with world.runtime() as runtime:
        guard = runtime.session.guard
        await carry(guard, StopInstance(instance_id))
        await carry(guard, StartInstance(instance_id, 3.0))
        world.run_until_ready(5 * MINUTE_S)
        world.simulator.set_stage(instance_id, "running")
        await look_once(guard)
        world.clock.move(6 * MINUTE_S)
        world.simulator.outbid(instance_id)
        seen = await look_once(guard)
    assert seen.did == ()
