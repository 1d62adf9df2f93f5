"""A disk that fills up, or books that can only be read: spending closes, ending goes on.

Sizes: FULL_DISKS (how many sizes the disk may have, 60 for the large run), FULL_DISKS_SEED.

See docs/hazards.md#reliability.
"""

import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.suites.rig import (
    Driver,
    disagreements,
    driver_for,
    fast_dir,
    faulted_world,
    read_books,
    seed_of,
    show,
)
from tests.world import World, scale
from vast_mcp.actions import DestroyInstance, StopInstance
from vast_mcp.errors import LedgerUnavailable
from vast_mcp.guard.act import Outcome

SIZES = scale("FULL_DISKS", 8)
SEED = seed_of("FULL_DISKS", 60)
LEAST_BYTES, MOST_BYTES = 33_000, 90_000
"""From "cannot be opened" to "holds a whole rent"."""


@contextmanager
def room_for(most_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond that: writing fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only(world: World) -> Iterator[None]:
    """The file says that only a newer SQLite may write it: that binds root as well."""
    found = world.settings.state_dir.glob("*.db")
    (book,) = (path for path in found if "pace" not in path.name)
    _write_version(book, 3)
    try:
        yield
    finally:
        _write_version(book, 2)


def _write_version(book: Path, version: int) -> None:
    with book.open("r+b") as file:
        file.seek(18)
        file.write(bytes([version]))


async def _two_machines(world: World) -> list[int]:
    """One to stop, one to destroy."""
    machines = []
    async with world.runtime() as runtime:
        driver = driver_for(world, runtime, world.seed)
        for key in ("a", "b"):
            said = await driver.do(driver.pick_create(key, bids=0))
            assert isinstance(said, Outcome), said
            machines.append(int(str(said.values["instance_id"])))
    world.run_until_ready()
    return machines


async def _end_both(driver: Driver, machines: list[int]) -> None:
    stopped = await driver.do(StopInstance(machines[0]))
    assert isinstance(stopped, Outcome), stopped
    assert stopped.status == "stopped"
    destroyed = await driver.do(DestroyInstance(machines[1]))
    assert isinstance(destroyed, Outcome), destroyed
    assert destroyed.status == "destroyed"
    alive = driver.world.simulator.world.instances
    assert machines[1] not in alive
    assert not alive[machines[0]].wants_to_run


async def test_a_disk_that_fills_up_at_any_point_loses_no_machine() -> None:
    """No rent is sent that is not written; what exists is found again."""
    said: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(SIZES):
        most_bytes = LEAST_BYTES + number * (MOST_BYTES - LEAST_BYTES) // max(1, SIZES - 1)
        with fast_dir() as tmp:
            world = faulted_world(Path(tmp) / "w", SEED, "none")
            machines = await _two_machines(world)
            before = len(world.simulator.mutations())
            async with world.runtime() as runtime:
                driver = driver_for(world, runtime, SEED)
                act = driver.pick_create("c", bids=0)
                with room_for(most_bytes):
                    outcome = await driver.do(act)
                    if isinstance(outcome, LedgerUnavailable):
                        assert len(world.simulator.mutations()) == before, outcome
                    await _end_both(driver, machines)
            async with world.runtime() as runtime:
                driver.runtime = runtime
                await driver.tick(times=9, every_s=150)
                books = await read_books(driver, ["a", "b", "c"])
                wrong += [f"{most_bytes} bytes: {text}" for text in disagreements(world, books)]
            said.update(driver.said)
    show("full disks", SEED, sizes=SIZES, said=dict(said), wrong=len(wrong))
    assert wrong == []
    assert said["LedgerUnavailable"] > 0
    assert said["rented"] > 0


@pytest.mark.parametrize("when", ["opened so", "while open"])
async def test_books_that_can_only_be_read_close_spending_and_nothing_else(
    tmp_path: Path, when: str
) -> None:
    """A read-only ledger: the rent is refused with the reason, stop and destroy work."""
    world = faulted_world(tmp_path / "w", SEED, "none")
    machines = await _two_machines(world)
    before = len(world.simulator.mutations())
    if when == "opened so":
        with read_only(world):
            async with world.runtime() as runtime:
                await _refused_but_ending(driver_for(world, runtime, SEED), machines, before)
        return
    async with world.runtime() as runtime:
        driver = driver_for(world, runtime, SEED)
        await driver.live()
        with room_for(1):
            await _refused_but_ending(driver, machines, before)


async def _refused_but_ending(driver: Driver, machines: list[int], before: int) -> None:
    refused = await driver.do(driver.pick_create("c", bids=0))
    assert isinstance(refused, LedgerUnavailable), refused
    assert "Spending is closed" in str(refused) + str(refused.hint)
    assert len(driver.world.simulator.mutations()) == before
    await _end_both(driver, machines)
