"""What costs or may cost, since when, why and who made it; nothing is left out."""

from pathlib import Path

import pytest

from tests.tools.test_account import endpoint_with_a_worker, rent_volume
from tests.world import Json, World
from vast_mcp.cli.leases import looked
from vast_mcp.store import RentalState, Transaction
from vast_mcp.units import minute


async def billing(world: World) -> dict[str, Json]:
    """The rows of `show_account` by what they are about."""
    async with world.connect() as client:
        rows = (await world.call(client, "show_account"))["bills_now"]
    names = ("instance_id", "volume_id", "endpoint_id", "intent")
    return {next(f"{name} {row[name]}" for name in names if name in row): row for row in rows}


async def test_every_kind_says_since_when_why_and_who_made_it(tmp_path: Path) -> None:
    """A running machine, a stopped one, a stranger's, a volume, an endpoint: one look."""
    world = World(tmp_path)
    rented_us = world.clock.lease_us()
    async with world.connect() as client:
        running = await world.rent(client)
        resting = await world.rent(client, request_key="second")
        world.run_until_ready()
        await world.call(client, "stop_instance", instance_id=resting)
        endpoint = await endpoint_with_a_worker(world, client)
    stranger = world.simulator.add_foreign_instance(label="theirs")
    await rent_volume(world)
    rows = await billing(world)
    ours, disk = rows[f"instance_id {running}"], rows[f"instance_id {resting}"]
    assert (ours["made_by"], ours["why"]) == ("us", "running under its lease")
    assert minute(rented_us)[:13] == ours["since"][:13]
    assert disk["why"].startswith("stopped (on request ")
    theirs = rows[f"instance_id {stranger}"]
    assert (theirs["made_by"], theirs["why"]) == (
        "others",
        "rented elsewhere; nothing here ends it",
    )
    assert theirs["since"]
    assert rows[f"endpoint_id {endpoint}"]["why"] == "its workers, at most"
    volume = next(row for name, row in rows.items() if name.startswith("volume_id"))
    assert (volume["made_by"], volume["why"]) == ("others", "storage, until it is deleted")


async def test_a_rent_without_an_answer_is_listed_and_not_called_burning(tmp_path: Path) -> None:
    """It may exist: its money is reserved, and nobody claims that it bills."""
    world = World(tmp_path)
    async with world.connect() as client:
        number = await world.rent(client)
    async with world.runtime() as runtime:
        await runtime.session.account.ledger.write(lambda tx: _lose(tx, number))
        rows, trouble, _ = await looked(runtime.session)
    world.simulator.world.instances.clear()
    (row,) = (await billing(world)).values()
    assert row["why"] == "may or may not exist; its money stays reserved"
    assert row["since"]
    async with world.connect() as client:
        answer = await world.call(client, "show_account")
    assert answer["usd_per_hour_now"] == 0
    assert answer["tonight"] == []
    assert trouble == ""
    assert any(one.what.startswith("intent ") for one in rows)


def _lose(tx: Transaction, number: int) -> None:
    rental = tx.rental_of("instance", number)
    assert rental is not None
    tx.update_rental(rental, state=RentalState.UNKNOWN, target_id=None)


@pytest.mark.parametrize("what", ["volume", "endpoint"])
async def test_the_command_lists_volumes_and_endpoints_too(tmp_path: Path, what: str) -> None:
    """`vast-mcp leases` is the whole bill, not the machines alone."""
    world = World(tmp_path)
    if what == "volume":
        await rent_volume(world)
    else:
        async with world.connect() as client:
            await endpoint_with_a_worker(world, client)
    async with world.runtime() as runtime:
        rows, _, _ = await looked(runtime.session)
    (row,) = [one for one in rows if one.what.startswith(what)]
    assert row.made_by == ("others" if what == "volume" else "us")
    assert row.why
