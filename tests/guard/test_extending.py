"""More time for a machine: every hour is added once, counted, and told as it is."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from tests.promises.test_lost_answers import rentals
from tests.world import Json, ToolFailed, World

HOUR_US = 3_600_000_000


async def label_end_us(world: World, instance_id: int) -> int:
    """When the lease ends by the mark in the machine's label."""
    async with world.runtime() as runtime:
        one = await runtime.services.reads.show_instance(instance_id)
        assert one is not None
        mark = runtime.services.marker.read(one.raw_label)
    assert mark is not None
    return mark.until_us


async def reserved_until_us(world: World) -> int:
    """The end of the one open lease stretch: what the caps are counted with."""
    (rental,) = await rentals(world)
    async with world.runtime() as runtime:
        parts = await runtime.services.ledger.read(lambda tx: tx.segments(rental.intent_id))
    (lease,) = [one for one in parts if one.kind == "lease" and one.closed_us is None]
    assert lease.until_us is not None
    return lease.until_us


@pytest.mark.parametrize("hours", [(1.0, 2.0), (2.0, 2.0), (0.5, 1.0, 2.0)])
async def test_extensions_at_once_are_each_added_or_told_to_look_again(
    tmp_path: Path, hours: tuple[float, ...]
) -> None:
    """Design §3, §8: of several processes none overwrites another's end, in book or label."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=4)
    world.run_until_ready()
    (before,) = await rentals(world)

    async def extend(more: float) -> Json:
        async with world.connect() as client:
            return await world.call(client, "extend_lease", instance_id=instance_id, hours=more)

    answers = await asyncio.gather(*(extend(more) for more in hours))
    said = [one["status"] for one in answers]
    assert set(said) <= {"extended", "changed"}
    assert "extended" in said
    added = sum(more for more, word in zip(hours, said, strict=True) if word == "extended")
    (after,) = await rentals(world)
    assert after.lease_ends_us - before.lease_ends_us == added * HOUR_US
    assert await label_end_us(world, instance_id) == after.lease_ends_us
    assert await reserved_until_us(world) == after.lease_ends_us


@pytest.mark.parametrize("turn", range(3))
async def test_a_relabelling_beside_an_extension_keeps_the_new_end(
    tmp_path: Path, turn: int
) -> None:
    """Design §8: relabelling edits only the user part, whatever it read before."""
    world = World(tmp_path, seed=turn, toolsets="all")
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=4)
    world.run_until_ready()

    async def call(tool: str, **arguments: object) -> None:
        async with world.connect() as client:
            for _ in range(turn):
                await world.call(client, "show_policy")
            await world.call(client, tool, instance_id=instance_id, **arguments)

    await asyncio.gather(call("label_instance", label="mine"), call("extend_lease", hours=2))
    (after,) = await rentals(world)
    assert await label_end_us(world, instance_id) == after.lease_ends_us


@pytest.mark.parametrize("hours", [(1.0, 5.0), (3.0, 3.0)])
async def test_of_two_starts_at_once_one_is_counted(
    tmp_path: Path, hours: tuple[float, float]
) -> None:
    """Design §8: the other is told to look again, and book and label name one end."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=4)
        world.run_until_ready()
        await world.call(client, "stop_instance", instance_id=instance_id)

    async def start(for_hours: float) -> Json:
        async with world.connect() as client:
            return await world.call(
                client, "start_instance", instance_id=instance_id, lease_hours=for_hours
            )

    answers = await asyncio.gather(*(start(one) for one in hours))
    assert sorted(one["status"] for one in answers) == ["changed", "starting"]
    assert await label_end_us(world, instance_id) == await reserved_until_us(world)


async def test_extensions_at_once_never_pass_the_cap(tmp_path: Path) -> None:
    """Design §5: the whole lease is at most max_lease_hours, however many add to it at once."""
    world = World(tmp_path, seed=1, policy="[limits]\nmax_lease_hours = 7\n")
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=4)
    world.run_until_ready()
    (before,) = await rentals(world)

    async def extend() -> None:
        async with world.connect() as client:
            for _ in range(3):
                with suppress(ToolFailed):
                    await world.call(client, "extend_lease", instance_id=instance_id, hours=1)

    await asyncio.gather(*(extend() for _ in range(3)))
    (after,) = await rentals(world)
    assert after.lease_ends_us - before.lease_ends_us == 3 * HOUR_US
    assert await label_end_us(world, instance_id) == after.lease_ends_us
