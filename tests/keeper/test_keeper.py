"""The keeper: leases end while nobody asks, nothing else is touched, and nothing stops it.

See docs/design.md#leases.
"""

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from tests.world import World
from vast_mcp.api.permit import Permit
from vast_mcp.clock import ManualClock
from vast_mcp.keeper.rounds import PERIOD_S, SHORTEST_S, Keeper, pause_after
from vast_mcp.keeper.tick import Tick, look_once
from vast_mcp.runtime import open_runtime

HOUR_S = 3600


@pytest.mark.parametrize(
    ("lease_s", "real_s", "pause_s"),
    [
        (60, 60, 60),
        (600, 60, 6),
        (6000, 1, SHORTEST_S),
        (0, 60, PERIOD_S),
        (-3600, 60, PERIOD_S),
        (1, 0, 60),
        (30, 60, 60),
    ],
)
def test_a_faster_lease_clock_is_looked_at_more_often(
    lease_s: float, real_s: float, pause_s: float
) -> None:
    """At most 60 lease-seconds late, never more often than every two real seconds."""
    assert pause_after(lease_s, real_s) == pytest.approx(pause_s)


async def rented(world: World, lease_hours: float = 4, on_end: str = "stop") -> int:
    """A machine that runs, under a lease."""
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=lease_hours, on_end=on_end)
    world.run_until_ready()
    return instance_id


def stands(world: World, instance_id: int) -> str:
    """`running`, `stopped` or `gone`, by the simulator's own knowledge."""
    world.simulator.catch_up()
    one = world.simulator.world.instances.get(instance_id)
    if one is None:
        return "gone"
    return "running" if one.wants_to_run else "stopped"


async def test_a_healthy_machine_is_never_ended_early(tmp_path: Path) -> None:
    """Look after look until just before the end: not one request that changes anything."""
    world = World(tmp_path)
    instance_id = await rented(world)
    before = len(world.simulator.mutations())
    async with world.runtime() as runtime:
        keeper = Keeper(runtime.session.guard, world.clock)
        for _ in range(3):
            world.clock.move(HOUR_S)
            await keeper.look()
    assert stands(world, instance_id) == "running"
    assert len(world.simulator.mutations()) == before


async def test_at_its_end_a_machine_is_stopped_and_a_strangers_is_not(tmp_path: Path) -> None:
    """What we did not make is not ours to end."""
    world = World(tmp_path)
    instance_id = await rented(world)
    stranger = world.simulator.add_foreign_instance(label="theirs")
    world.clock.move(4 * HOUR_S)
    async with world.runtime() as runtime:
        await Keeper(runtime.session.guard, world.clock).look()
    assert (stands(world, instance_id), stands(world, stranger)) == ("stopped", "running")


async def test_destroy_at_the_end_needs_a_persons_yes(tmp_path: Path) -> None:
    """A rent that the policy allowed covers nothing (docs/design.md#levels)."""
    world = World(tmp_path)
    instance_id = await rented(world, on_end="destroy")
    assert world.questions == []
    world.clock.move(4 * HOUR_S)
    async with world.runtime() as runtime:
        await Keeper(runtime.session.guard, world.clock).look()
    assert stands(world, instance_id) == "stopped"


async def test_destroy_at_the_end_that_a_person_agreed_to_is_done(tmp_path: Path) -> None:
    """The question named it."""
    world = World(tmp_path, policy='[levels]\ncreate_instance = "ask"\n')
    instance_id = await rented(world, on_end="destroy")
    assert len(world.questions) == 1
    world.clock.move(4 * HOUR_S)
    async with world.runtime() as runtime:
        await Keeper(runtime.session.guard, world.clock).look()
    assert stands(world, instance_id) == "gone"


async def test_the_keeper_runs_on_when_the_account_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line when the trouble begins, none while it lasts, and then it does its work."""
    world = World(tmp_path)
    instance_id = await rented(world)
    world.clock.move(4 * HOUR_S)
    async with world.runtime() as runtime:
        keeper = Keeper(runtime.session.guard, world.clock)
        for _ in range(40):
            world.simulator.faults.add("status_before", "GET", "/instances/", status=500)
        with caplog.at_level(logging.WARNING, "vast_mcp.keeper"):
            assert await keeper.look() is None
            assert await keeper.look() is None
        assert len(caplog.records) == 1
        world.simulator.faults.planned.clear()
        assert await keeper.look() is not None
    assert stands(world, instance_id) == "stopped"


async def test_nothing_is_changed_before_the_first_look(tmp_path: Path) -> None:
    """The start-up sweep comes first: a call that changes something waits for it, at most 15 s."""
    world = World(tmp_path)
    async with world.runtime() as runtime:
        guard = runtime.session.guard
        guard.sweep.expect()
        waiting = asyncio.create_task(guard.sweep.wait())
        await asyncio.wait_for(guard.sweep.wanted(60), 5)  # the call hurries the keeper
        assert not waiting.done()
        await look_once(guard)
        await asyncio.wait_for(waiting, 5)


async def test_a_failing_first_look_opens_the_door_too(tmp_path: Path) -> None:
    """An account that cannot be read must not keep a person from stopping a machine."""
    world = World(tmp_path, api_key="wrong-key-0123")
    async with world.runtime() as runtime:
        guard = runtime.session.guard
        guard.sweep.expect()
        await Keeper(guard, world.clock).look()
        await asyncio.wait_for(guard.sweep.wait(), 5)


async def test_the_loop_looks_again_and_tells_its_listeners(tmp_path: Path) -> None:
    """About once a minute, until it is cancelled; then at once."""
    world = World(tmp_path)
    own = ManualClock()
    seen: list[Tick] = []
    heard = asyncio.Event()

    async def listen(tick: Tick) -> None:
        seen.append(tick)
        heard.set()

    async with world.runtime() as runtime:
        guard = runtime.session.guard
        guard.sweep.expect()
        loop = asyncio.create_task(Keeper(guard, own, listeners=[listen]).run())
        await guard.sweep.wait()
        for _ in range(2):
            await asyncio.wait_for(heard.wait(), 5)
            heard.clear()
            await asyncio.sleep(0)  # noqa: TID251  lets the loop reach its pause
            await own.advance(PERIOD_S)
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop
    assert len(seen) >= 2


def test_permits_are_none_of_its_business() -> None:
    """It holds a guard, which mints them; a name in its module would be a way round."""
    import vast_mcp.keeper as module  # noqa: PLC0415

    assert Permit not in vars(module).values()


async def test_a_server_that_keeps_leases_looks_before_it_changes_anything(tmp_path: Path) -> None:
    """Whatever wants to change something waits for the first look at start-up."""
    world, own = World(tmp_path), ManualClock()
    async with open_runtime(
        world.settings, clock=own, transport=world.transport, keep=True
    ) as runtime:
        with anyio.fail_after(5):
            await runtime.session.guard.sweep.wait()
        assert any("v1/instances" in one.path for one in world.simulator.requests)


class TenTimesAsFast(ManualClock):
    """Leases by a clock that runs ten times as fast as ours; five pauses, then it is ended."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def lease_us(self) -> int:
        """Ten seconds for each of ours."""
        return int(self.monotonic_s() * 10_000_000)

    async def sleep(self, seconds: float) -> None:
        """Note it, and stand where it ends."""
        self.pauses.append(seconds)
        if len(self.pauses) == 5:
            raise asyncio.CancelledError
        self.move(seconds)


async def test_a_lease_clock_that_runs_ten_times_as_fast_is_followed_by_the_loop_itself(
    tmp_path: Path,
) -> None:
    """A minute of leases is six seconds of ours; a fifth less at most, so that many spread."""
    world, clock = World(tmp_path), TenTimesAsFast()
    async with world.runtime() as runtime:
        guard = runtime.session.guard
        guard.sweep.expect()
        waiting = asyncio.create_task(guard.sweep.wait())
        await asyncio.sleep(0)  # noqa: TID251  lets it hurry the keeper
        with suppress(asyncio.CancelledError):
            await Keeper(guard, clock).run()
        await waiting
    assert len(clock.pauses) == 5
    assert all(0.8 * 6 <= pause <= 6 for pause in clock.pauses[1:])
