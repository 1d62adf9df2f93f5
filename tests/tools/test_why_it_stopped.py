"""Why a machine does not run is told wherever it is shown, waited for or refused."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.world import Json, ToolFailed, World
from vast_mcp.keeper.tick import look_once
from vast_mcp.simulator import Request
from vast_mcp.units import minute

Stop = Callable[[World, int], Awaitable[str]]
"""Stops this machine in some way; answers words that must then be told."""


async def ticked(world: World) -> None:
    """One look of the keeper."""
    async with world.runtime() as runtime:
        await look_once(runtime.session.guard)


async def elsewhere(world: World, method: str, path: str, body: bytes = b"") -> None:
    """What somebody does on the vendor's console."""
    key = {"authorization": f"Bearer {world.api_key}"}
    reply = await world.simulator.handle(Request(method, path, {}, key, body))
    assert reply.status == 200, reply


async def as_asked(world: World, machine: int) -> str:
    """By the tool."""
    async with world.connect() as client:
        await world.call(client, "stop_instance", instance_id=machine)
    return "on request"


async def by_its_lease(world: World, machine: int) -> str:
    """By the keeper, at the end of two hours."""
    over_us = world.clock.utc_us() + 2 * 3600 * 1_000_000
    world.clock.move(2 * 3600)
    await ticked(world)
    await ticked(world)
    assert machine in world.simulator.world.instances
    return f"its lease ended {minute(over_us)[:13]}"


async def on_the_console(world: World, machine: int) -> str:
    """By the person, or a program of theirs, without this server."""
    await elsewhere(world, "PUT", f"/api/v0/instances/{machine}/", b'{"state": "stopped"}')
    world.run_until_ready(60)
    await ticked(world)
    return "not by us: in the Vast.ai console"


async def without_credit(world: World, machine: int) -> str:
    """The account's money is used up, so Vast.ai stops everything."""
    assert machine in world.simulator.world.instances
    world.simulator.set_credit(0.0)
    world.run_until_ready(60)
    await ticked(world)
    return "the account's credit is used up"


async def by_itself(world: World, machine: int) -> str:
    """Its container ended."""
    world.simulator.set_status(machine, actual_status="exited", status_msg="")
    return "its container ended by itself"


async def rented(
    world: World,
    **arguments: Any,  # noqa: ANN401  what the tool takes
) -> int:
    """A machine that runs and was seen to run."""
    async with world.connect() as client:
        machine = await world.rent(client, lease_hours=2, **arguments)
    world.run_until_ready()
    await ticked(world)
    return machine


async def told(world: World, machine: int) -> list[str]:
    """Everything that is said of it where it is shown or waited for."""
    async with world.connect() as client:
        (row,) = (await world.call(client, "show_instances"))["instances"]
        (detail,) = (await world.call(client, "show_instances", instance_id=machine))["instances"]
        waited = await world.call(client, "wait_for_instance", instance_id=machine)
        account = await world.call(client, "show_account")
    return [row["why"], detail["why"], waited["said"], account["bills_now"][0]["why"]]


STOPS = [as_asked, by_its_lease, on_the_console, without_credit, by_itself]


@pytest.mark.parametrize("stop", STOPS)
async def test_what_stopped_a_machine_is_told_in_the_list_the_wait_and_the_account(
    tmp_path: Path, stop: Stop
) -> None:
    """A person who finds a machine stopped learns whether it was they, its lease or the vendor."""
    world = World(tmp_path)
    machine = await rented(world)
    words = await stop(world, machine)
    for said in await told(world, machine):
        assert words in said


REFUSED: list[tuple[str, Json]] = [
    ("run_command", {"command": "nvidia-smi"}),
    ("extend_lease", {"hours": 1}),
    ("forward_port", {"port": 8080}),
    ("copy_files", {"source": "C.{id}:/workspace/out", "destination": "local:out"}),
    ("reboot_instance", {}),
]


@pytest.mark.parametrize("stop", [by_its_lease, on_the_console])
async def test_a_refusal_for_a_stopped_machine_says_why_it_is_stopped_and_what_runs_it(
    tmp_path: Path, stop: Stop
) -> None:
    """The next question of whoever is refused is why, and then how to go on."""
    world = World(tmp_path, toolsets="all")
    machine = await rented(world)
    words = await stop(world, machine)
    async with world.connect() as client:
        for tool, arguments in REFUSED:
            given = {name: _about(value, machine) for name, value in arguments.items()}
            whose = {} if tool == "copy_files" else {"instance_id": machine}
            with pytest.raises(ToolFailed) as refused:
                await world.call(client, tool, **whose, **given)
            assert words[:24] in str(refused.value), tool
            assert f"start_instance(instance_id={machine}, lease_hours" in str(refused.value), tool


def _about(value: object, machine: int) -> object:
    return value.replace("{id}", str(machine)) if isinstance(value, str) else value


async def test_stopping_what_its_lease_has_stopped_says_so(tmp_path: Path) -> None:
    """Nothing is sent, and the person learns that it was not they who came first."""
    world = World(tmp_path)
    machine = await rented(world)
    words = await by_its_lease(world, machine)
    async with world.connect() as client:
        answer = await world.call(client, "stop_instance", instance_id=machine)
    assert words in answer["said"]


async def test_a_start_forgets_why_it_had_stopped(tmp_path: Path) -> None:
    """What was true of the last stop is not told of the next one."""
    world = World(tmp_path)
    machine = await rented(world)
    await by_its_lease(world, machine)
    async with world.connect() as client:
        await world.call(client, "start_instance", instance_id=machine, lease_hours=2)
    world.run_until_ready()
    await ticked(world)
    async with world.connect() as client:
        (row,) = (await world.call(client, "show_instances"))["instances"]
    assert "why" not in row
    words = await on_the_console(world, machine)
    for said in await told(world, machine):
        assert words in said


ASKED: list[tuple[str, Json]] = [
    ("show_instances", {}),
    ("run_command", {"command": "true"}),
    ("extend_lease", {"hours": 1.0}),
    ("show_logs", {}),
]


@pytest.mark.parametrize("how", ["on request", "console"])
async def test_what_became_of_a_machine_that_is_gone_is_told_by_every_tool(
    tmp_path: Path, how: str
) -> None:
    """Destroyed on request, or deleted by its host or on the console: not simply "no such id"."""
    world = World(tmp_path)
    machine = await rented(world)
    if how == "console":
        await elsewhere(world, "DELETE", f"/api/v0/instances/{machine}/", b"{}")
        for _ in range(4):
            world.clock.move(200)
            await ticked(world)
    else:
        async with world.connect() as client:
            await world.call(client, "destroy_instance", instance_id=machine)
    words = "destroyed here on request" if how == "on request" else "not by us"
    async with world.connect() as client:
        waited = await world.call(client, "wait_for_instance", instance_id=machine)
        assert words in waited["said"]
        for tool, more in ASKED:
            with pytest.raises(ToolFailed) as refused:
                await world.call(client, tool, instance_id=machine, **more)
            assert words in str(refused.value), tool


async def test_an_outbid_machine_shows_its_bid_and_the_bid_that_would_run_it(
    tmp_path: Path,
) -> None:
    """The person decides between two numbers: what it bids, and what is asked now."""
    world = World(tmp_path)
    offer = await world.cheap_offer("interruptible")
    bid = round((offer.min_bid.dollars if offer.min_bid else 0.1) * 1.3, 3)
    machine = await rented(world, offer=offer, bid_usd_per_hour=bid)
    async with world.connect() as client:
        (running,) = (await world.call(client, "show_instances"))["instances"]
        world.simulator.outbid(machine, floor_usd_per_hour=0.9)
        world.clock.move(60)
        (row,) = (await world.call(client, "show_instances"))["instances"]
        waited = await world.call(client, "wait_for_instance", instance_id=machine)
        with pytest.raises(ToolFailed, match=r"outbid.*change_bid above \$0.9") as refused:
            await world.call(client, "run_command", instance_id=machine, command="nvidia-smi")
        assert "start_instance" not in str(refused.value)
    assert running["bid_usd_per_hour"] == row["bid_usd_per_hour"] == pytest.approx(bid, abs=0.001)
    assert "needs_bid_usd_per_hour" not in running
    assert row["needs_bid_usd_per_hour"] == 0.9
    assert row["why"].startswith("outbid")
    assert f"change_bid({machine}, 1.1" in waited["next"]
