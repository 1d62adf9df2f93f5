"""A write that names its end state is sent again until it is seen, so often and no more."""

from pathlib import Path

import pytest

from tests.promises.test_answers_hold_once import running_machine
from tests.suites.rig import carry
from tests.world import World
from vast_mcp.actions.base import SETTLE_S
from vast_mcp.actions.stop_destroy import StopInstance
from vast_mcp.errors import ApiError
from vast_mcp.guard.act import Outcome


async def stopped(world: World, instance_id: int) -> tuple[Outcome | ApiError, int, float]:
    """What a stop comes to, how often it was sent, and the seconds it took."""
    before, began_s = len(world.simulator.mutations()), world.clock.monotonic_s()
    async with world.runtime() as runtime:
        try:
            told: Outcome | ApiError = await carry(runtime.session.guard, StopInstance(instance_id))
        except ApiError as error:
            told = error
    sent = world.simulator.mutations()[before:]
    return told, len(sent), world.clock.monotonic_s() - began_s


async def test_a_stop_that_is_never_answered_is_sent_four_times(tmp_path: Path) -> None:
    """Then the call says that it is not confirmed, and the keeper goes on."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    world.simulator.faults.add("request_lost", "PUT", "/instances/", times=99)
    told, sent, took_s = await stopped(world, instance_id)
    assert isinstance(told, Outcome)
    assert (told.status, sent) == ("unknown", 4)
    assert told.values["bills"] == "gpu+disk"
    assert took_s >= SETTLE_S


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_stop_that_is_answered_at_last_is_told_as_done(tmp_path: Path, lost: int) -> None:
    """Sent once more than were lost."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    world.simulator.faults.add("request_lost", "PUT", "/instances/", times=lost)
    told, sent, _ = await stopped(world, instance_id)
    assert isinstance(told, Outcome)
    assert (told.status, told.values["bills"], sent) == ("stopped", "disk", lost + 1)


async def test_a_refused_stop_is_told_at_once_and_a_lost_one_before_it_stays_in_doubt(
    tmp_path: Path,
) -> None:
    """A plain no is a no; behind a lost answer it proves nothing of what was sent before."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    world.simulator.faults.add("auth_error_404", "PUT", "/instances/", times=9)
    told, sent, took_s = await stopped(world, instance_id)
    assert isinstance(told, ApiError)
    assert (sent, took_s < SETTLE_S) == (1, True)
    world.simulator.faults.planned.clear()
    world.simulator.faults.add("request_lost", "PUT", "/instances/")
    world.simulator.faults.add("auth_error_404", "PUT", "/instances/", times=9)
    told, sent, _ = await stopped(world, instance_id)
    assert isinstance(told, Outcome)
    assert (told.status, sent) == ("unknown", 2)


async def test_a_stop_that_is_never_taken_is_told_as_not_done(tmp_path: Path) -> None:
    """Too many requests, each time: nothing was done, and nothing is in doubt."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    world.simulator.faults.add("rate_limited", "PUT", "/instances/", times=99)
    told, _, _ = await stopped(world, instance_id)
    assert isinstance(told, ApiError)
    assert told.status == 429
