"""Accounts with a thousand machines: leases end in time, no cap stands on a part of the list."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.world import World, scale
from vast_mcp.account.cache import AccountCache
from vast_mcp.api.pages import Progress
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import RateLimited
from vast_mcp.instances.fleet import show_fleet
from vast_mcp.keeper.tick import look_once
from vast_mcp.runtime import Runtime

MACHINES = scale("LARGE_ACCOUNT", 1000)
HOUR_S = 3600
LATEST_S = 120
"""After its end a lease is acted on this soon, however large the account is."""


async def rented(world: World, count: int = 2, **arguments: object) -> list[int]:
    """Machines of this server's, running, on an account that then fills up with others."""
    world.simulator.set_credit(10_000_000.0)
    async with world.connect() as client:
        offers = await world.offers()
        ids = [await world.rent(client, offer, **arguments) for offer in offers[:count]]
    world.run_until_ready()
    world.simulator.add_foreign_fleet(MACHINES)
    return ids


def attended(world: World, runtime: Runtime) -> AccountCache:
    """The account as a server with a keeper sees it."""
    session = runtime.session
    return AccountCache(session.account.reads, world.clock, session.account.marker, attended=True)


def told_to_stop(world: World, instance_id: int) -> list[int]:
    """When the vendor took a stop or destroy of this machine."""
    return [
        one.at_us
        for one in world.simulator.requests
        if one.changed
        and one.path.rstrip("/").endswith(f"/instances/{instance_id}")
        and (one.method == "DELETE" or one.json == {"state": "stopped"})
    ]


async def test_leases_end_in_time_among_a_thousand_machines(tmp_path: Path) -> None:
    """What is due by the ledger comes before the second page of the list."""
    world = World(tmp_path)
    ids = await rented(world, lease_hours=1)
    world.clock.move(HOUR_S)
    began_us = world.clock.utc_us()
    async with world.runtime() as runtime:
        seen = await look_once(runtime.session.guard)
    assert len(seen.instances) == MACHINES + len(ids)
    assert not seen.failed
    for instance_id in ids:
        (at_us,) = told_to_stop(world, instance_id)
        assert (at_us - began_us) / SECOND_US <= LATEST_S
    assert not world.simulator.world.foreign_touched
    assert not any(request.status == 429 for request in world.simulator.requests)


async def test_a_lease_that_ends_while_pages_are_read_does_not_wait_for_them(
    tmp_path: Path,
) -> None:
    """Between two pages our own machines are looked after; the list takes longer than that."""
    world = World(tmp_path)
    (instance_id,) = await rented(world, count=1, lease_hours=1)
    async with world.runtime() as runtime:
        rental = await runtime.session.account.ledger.read(
            lambda tx: tx.rental_of("instance", instance_id)
        )
        assert rental is not None
        world.clock.move((rental.lease_ends_us - world.clock.utc_us()) / SECOND_US - 30)
        await look_once(runtime.session.guard)
    (at_us,) = told_to_stop(world, instance_id)
    assert 0 <= (at_us - rental.lease_ends_us) / SECOND_US <= LATEST_S


async def test_leases_end_when_the_list_cannot_be_read_at_all(tmp_path: Path) -> None:
    """What the ledger says is due needs no list: the machine itself is looked at, and stopped."""
    world = World(tmp_path)
    world.simulator.set_credit(10_000_000.0)
    async with world.connect() as client:
        instance_id = await world.rent(client, lease_hours=1)
    world.run_until_ready()
    world.clock.move(HOUR_S)
    for _ in range(40):
        world.simulator.faults.add("status_before", "GET", "/api/v1/instances/", status=500)
    async with world.runtime() as runtime:
        seen = await look_once(runtime.session.guard)
    assert seen.unread is not None
    assert told_to_stop(world, instance_id)


async def test_a_rent_stands_on_no_part_of_the_list(tmp_path: Path) -> None:
    """Being read for the first time, read long ago: refused with the reason and a time to ask."""
    world = World(tmp_path)
    await rented(world)
    async with world.runtime() as runtime:
        view = attended(world, runtime)
        with pytest.raises(RateLimited, match="being read for the first time") as raised:
            await view.facts()
        assert (raised.value.retry_after_s or 0) > 60

        async def part(progress: Progress) -> None:
            if 200 < progress.rows < 400:
                with pytest.raises(RateLimited, match=f"{progress.rows:,} so far"):
                    await view.facts()

        began_s = world.clock.monotonic_s()
        await view.attend(part)
        took_s = world.clock.monotonic_s() - began_s
        before = len(world.simulator.requests)
        facts = await view.facts()
        assert len(await runtime.session.account.ledger.read(facts.bearers.outside)) == 2
        world.clock.move(1.4 * took_s)
        view.forget()  # after a write: the ledger knows what was written
        assert len((await view.facts()).instances) == MACHINES + 2
        listed = [
            one for one in list(world.simulator.requests)[before:] if "v1/instances" in one.path
        ]
        assert not listed
        world.clock.move(0.3 * took_s)
        with pytest.raises(RateLimited, match="were last read completely"):
            await view.facts()


async def test_a_long_list_is_shown_within_two_seconds_with_its_age(tmp_path: Path) -> None:
    """The last complete reading, how old it is, and what this server rented as it is now."""
    world = World(tmp_path)
    ids = await rented(world)

    async def nothing(_: Progress) -> None:
        """Between two pages."""

    async with world.runtime() as runtime:
        view = attended(world, runtime)
        account = replace(runtime.session.account, cache=view)
        with pytest.raises(RateLimited, match="Not shown yet"):
            await show_fleet(account)
        await view.attend(nothing)
        world.clock.move(200)
        world.simulator.set_stage(ids[0], "exited")
        began_s = world.clock.monotonic_s()
        fleet = await show_fleet(account)
        assert world.clock.monotonic_s() - began_s <= 2
    assert len(fleet.held) == MACHINES + len(ids)
    assert any("s ago: reading all 1,002 instances takes" in one for one in fleet.warnings) or (
        MACHINES != 1000
    )
    now = {one.instance.instance_id: one.instance.actual_status for one in fleet.held}
    assert now[ids[0]] == "exited"
