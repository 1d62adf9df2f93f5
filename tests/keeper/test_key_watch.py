"""The keeper looks after a start whether our key is still on the machine, and gives it again."""

from pathlib import Path

from tests.world import World
from vast_mcp.keeper.tick import Tick, look_once


async def look(world: World) -> Tick:
    """One look of the keeper."""
    async with world.runtime() as runtime:
        return await look_once(runtime.session.guard)


async def rented(world: World) -> int:
    """A machine that was given our key, looked at while it loads and once it runs."""
    async with world.connect() as client:
        number = await world.rent(client)
    await look(world)
    world.run_until_ready()
    await look(world)
    return number


def keys_sent(world: World) -> int:
    """How often a key was sent to a machine."""
    return sum(one.path.endswith("/ssh/") for one in world.simulator.mutations())


def keys_read(world: World) -> int:
    """How often the keys of a machine were read."""
    return sum(
        one.path.rstrip("/").endswith("/ssh") and one.method == "GET"
        for one in world.simulator.requests
    )


async def test_a_key_that_a_restart_took_away_is_given_again_once(tmp_path: Path) -> None:
    """A restart was seen to leave only the account's keys (reported 2026-10)."""
    world = World(tmp_path)
    number = await rented(world)
    assert keys_sent(world) == 1
    world.simulator.forget_keys(number)
    async with world.connect() as client:
        await world.call(client, "stop_instance", instance_id=number)
        world.clock.move(120)
        await look(world)
        await world.call(client, "start_instance", instance_id=number)
    world.run_until_ready()
    assert world.simulator.world.instances[number].keys == []
    seen = await look(world)
    assert [line for line in seen.did if "was given our SSH key" in line]
    assert len(world.simulator.world.instances[number].keys) == 1
    await look(world)
    assert keys_sent(world) == 2


async def test_a_reboot_of_ours_is_looked_after_although_it_is_over_within_a_minute(
    tmp_path: Path,
) -> None:
    """Between two looks nothing but the reboot itself can tell."""
    world = World(tmp_path)
    world.toolsets = "all"
    number = await rented(world)
    world.simulator.forget_keys(number)
    async with world.connect() as client:
        await world.call(client, "reboot_instance", instance_id=number)
    world.clock.move(55)
    await look(world)
    assert len(world.simulator.world.instances[number].keys) == 1


async def test_a_machine_that_simply_runs_is_looked_at_once(tmp_path: Path) -> None:
    """Nothing is read, and nothing sent, minute after minute."""
    world = World(tmp_path)
    await rented(world)
    before = keys_read(world)
    assert before == 1
    for _ in range(5):
        world.clock.move(60)
        await look(world)
    assert (keys_read(world), keys_sent(world)) == (before, 1)


async def test_the_keys_of_five_machines_are_read_in_a_round(tmp_path: Path) -> None:
    """The others have their turn in the next: a fleet that was restarted costs no minute."""
    world = World(tmp_path, credit_usd=1_000.0, policy="[limits]\nmax_running = 9\n")
    offers = await world.offers()
    async with world.connect() as client:
        numbers = [await world.rent(client, offer) for offer in offers[:7]]
    world.run_until_ready()
    await look(world)
    for number in numbers:
        world.simulator.set_status(number, actual_status="loading")
    await look(world)
    for number in numbers:
        world.simulator.set_status(number, actual_status="running")
    read = []
    for _ in range(3):
        before = keys_read(world)
        world.clock.move(60)
        await look(world)
        read.append(keys_read(world) - before)
    assert read == [5, 2, 0]
