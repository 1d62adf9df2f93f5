"""What ends cost stands in no queue: its looks go before other reads, through an open breaker.

See docs/hazards.md#reliability.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from tests.suites.rig import carry
from tests.world import World
from vast_mcp.actions import DestroyInstance, StopInstance
from vast_mcp.actions.end_endpoint import EndEndpoint
from vast_mcp.clock import ManualClock, ScaledClock
from vast_mcp.errors import ApiError, VastMcpError
from vast_mcp.guard.act import Act
from vast_mcp.keeper.tick import KEEPER, look_once
from vast_mcp.operations import Host
from vast_mcp.runtime import Runtime

CROWD = 24
SPEED = 20
FEW = 8
"""Requests of others that may go between: they were on their way, or took turns with a look."""


async def crowd(runtime: Runtime) -> None:
    """Another client that asks for one machine after the other, all at once."""

    async def ask(number: int) -> None:
        with suppress(ApiError):
            await runtime.session.account.reads.show_instance(1000 + number)

    await asyncio.gather(*(ask(number) for number in range(CROWD)))


def running_clock() -> ManualClock:
    """One that runs by itself: only then do calls stand in a queue."""
    return cast("ManualClock", ScaledClock(speed=SPEED))


@pytest.mark.parametrize("kind", [StopInstance, DestroyInstance])
async def test_the_looks_of_an_ending_go_before_other_reads(
    tmp_path: Path, kind: type[StopInstance | DestroyInstance]
) -> None:
    """Nobody's polling delays a stop or destroy by more than some slots."""
    world = World(tmp_path, seed=1, clock=running_clock())
    async with world.connect() as client:
        instance_id = await world.rent(client)
    world.simulator.set_stage(instance_id, "running")
    act: Act = kind(instance_id)
    async with world.runtime() as runtime:
        await runtime.session.account.reads.show_instance(instance_id)
        before = len(world.simulator.requests)
        polling = asyncio.create_task(crowd(runtime))
        await world.clock.sleep(0.05 * SPEED)
        outcome = await carry(runtime.session.guard, act)
        others = [one for one in list(world.simulator.requests)[before:] if "/10" in one.path]
        await polling
    assert outcome.status in {"stopped", "destroyed"}
    assert len(others) <= FEW


async def test_the_keepers_list_goes_before_other_lists(tmp_path: Path) -> None:
    """A lease's end waits for no client that looks at its machines all the time."""
    world = World(tmp_path, seed=1, clock=running_clock())
    async with world.runtime() as runtime:
        reads = runtime.session.account.reads
        asking = [
            asyncio.create_task(reads.list_instances(label=f"x{number}")) for number in range(CROWD)
        ]
        await world.clock.sleep(0.02 * SPEED)
        await look_once(runtime.session.guard)
        answered = sum(one.done() and one.exception() is None for one in asking)
        await asyncio.gather(*asking, return_exceptions=True)
    assert answered <= FEW


async def test_an_open_breaker_holds_up_what_is_shown_and_no_ending(tmp_path: Path) -> None:
    """The vendor did not answer for a while; a stop, a destroy and an end are tried."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        made = await world.call(
            client, "create_endpoint", endpoint_name="serving", max_usd_per_worker_hour=0.2
        )
        world.run_until_ready()
        async with world.runtime() as runtime:
            open_breaker(runtime)
            with pytest.raises(VastMcpError, match="no request is sent for now"):
                await runtime.session.account.reads.list_instances(fresh=False)
            endpoint = await runtime.session.guard.correct(EndEndpoint(made["endpoint_id"]), KEEPER)
            open_breaker(runtime)
            stopped = await carry(runtime.session.guard, StopInstance(instance_id))
            open_breaker(runtime)
            gone = await carry(runtime.session.guard, DestroyInstance(instance_id))
    assert [one.status for one in (endpoint, stopped, gone)] == ["ended", "stopped", "destroyed"]


def open_breaker(runtime: Runtime) -> None:
    """As five reads without an answer would."""
    breaker = runtime.session.account.reads._connection.breaker
    for _ in range(5):
        for host in Host:
            breaker.failed(host)


async def test_equal_looks_of_several_clients_are_one_request(tmp_path: Path) -> None:
    """What is only shown joins a request that is on its way."""
    world = World(tmp_path, seed=1, clock=running_clock())
    async with world.connect() as client:
        instance_id = await world.rent(client)
        before = len(world.simulator.requests)
        await asyncio.gather(
            *(world.call(client, "show_instances", instance_id=instance_id) for _ in range(CROWD))
        )
        assert len(world.simulator.requests) - before <= 3
