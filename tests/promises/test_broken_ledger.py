"""Books that cannot be used close spending, and nothing else.

See docs/design.md#leases, docs/design.md#money.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.promises.test_lost_answers import tick
from tests.world import ToolFailed, World
from vast_mcp.store import ledger as ledger_module


def book_of(world: World) -> Path:
    """The account's ledger file."""
    (found,) = (path for path in world.settings.state_dir.glob("*.db") if "pace" not in path.name)
    return found


@contextmanager
def corrupt(path: Path) -> Iterator[None]:
    """Not a database any more."""
    for stray in path.parent.glob(f"{path.name}-*"):
        stray.unlink()
    path.write_bytes(b"these are not books" * 999)
    yield


@contextmanager
def damaged_pages(path: Path) -> Iterator[None]:
    """A database whose tables are torn."""
    content = bytearray(path.read_bytes())
    for stray in path.parent.glob(f"{path.name}-*"):
        stray.unlink()
    for at in range(4096, len(content)):
        content[at] = 0xA5
    path.write_bytes(bytes(content))
    yield


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process holds the pen and does not let go: it can be read, not written."""
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
    finally:
        other.close()


@contextmanager
def a_directory(path: Path) -> Iterator[None]:
    """Something else stands in its place."""
    for stray in path.parent.glob(f"{path.name}*"):
        stray.unlink()
    path.mkdir()
    yield


@contextmanager
def from_the_future(path: Path) -> Iterator[None]:
    """A newer version has written it."""
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 999")
    other.close()
    yield


DAMAGES = (corrupt, damaged_pages, locked, a_directory, from_the_future)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
async def test_spending_is_refused_and_ending_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: type
) -> None:
    """Stop and destroy are never blocked by a broken ledger; plans live in-process."""
    monkeypatch.setattr(ledger_module, "_BUSY_TIMEOUT_S", 0.1)
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        first = await world.rent(client)
        second = await world.rent(client, request_key="2")
    world.run_until_ready()
    offer = await world.cheap_offer()
    before = len(world.simulator.mutations())
    with damage(book_of(world)):
        async with world.connect() as client:
            with pytest.raises(ToolFailed, match="ledger") as failed:
                await world.call(
                    client,
                    "create_instance",
                    offer_id=offer.offer_id,
                    max_price_usd_per_hour=1.0,
                )
            assert "Spending is closed" in str(failed.value)
            assert len(world.simulator.mutations()) == before
            said = await world.call(client, "stop_instance", instance_id=first)
            assert said["status"] == "stopped"
            said = await world.call(client, "destroy_instance", instance_id=first)
            assert said["status"] == "destroyed"
            assert len(world.questions) == 2
        async with world.connect(answer=None) as client:
            said = await world.call(client, "destroy_instance", instance_id=second)
            assert said["status"] == "needs_confirmation"
            said = await world.call(client, "confirm_plan", plan_id=said["plan_id"])
            assert said["status"] == "destroyed"
    assert world.simulator.world.instances == {}


@pytest.mark.parametrize("damage", [corrupt, locked], ids=lambda damage: damage.__name__)
async def test_leases_end_without_the_books(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: type
) -> None:
    """The lease's end stands in the label, so it is kept with a broken ledger too."""
    monkeypatch.setattr(ledger_module, "_BUSY_TIMEOUT_S", 0.1)
    world = World(tmp_path, seed=1)
    foreign = world.simulator.add_foreign_instance()
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=1)
    world.clock.move(3700)
    with damage(book_of(world)):
        await tick(world, times=2)
    alive = world.simulator.world.instances
    assert not alive[instance_id].wants_to_run
    assert alive[foreign].wants_to_run


async def test_a_server_whose_vendor_is_away_closes_spending_until_the_account_is_known(
    tmp_path: Path,
) -> None:
    """Until the account's ledger is known, spending is refused (docs/design.md#ledger)."""
    world = World(tmp_path, seed=1)
    world.simulator.faults.add("status_before", "GET", "/users/current", times=1000)
    offer = await world.cheap_offer()
    async with world.connect() as client:
        with pytest.raises(ToolFailed, match="Spending is closed"):
            await world.call(
                client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1.0
            )
        world.simulator.faults.planned.clear()
        await world.rent(client, offer)
