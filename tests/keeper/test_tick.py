"""One look and what follows: told deed by deed, and when a long list is to be read again."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.instances.samples import rental
from tests.keeper.test_keeper import rented, stands
from tests.world import World
from vast_mcp.api.pages import Progress
from vast_mcp.clock import SECOND_US
from vast_mcp.guard.act import Act, Caller, Outcome
from vast_mcp.keeper.tick import NEXT_SHARE, OWN_MOST, OWN_PAGE, Cause, Deed, _Rounds, look_once
from vast_mcp.store import LeaseFacts, Rental, RentalState, Transaction

HOUR_S = 3600
LISTS = "v1/instances"


async def test_an_end_is_told_as_a_deed_with_its_outcome(tmp_path: Path) -> None:
    """For notices: which machine, why, and what came of it."""
    world = World(tmp_path)
    instance_id = await rented(world)
    world.clock.move(4 * HOUR_S)
    async with world.runtime() as runtime:
        seen = await look_once(runtime.session.guard)
        again = await look_once(runtime.session.guard)
    assert seen.deeds == (Deed(Cause.LEASE, "instance", instance_id, "stopped"),)
    assert seen.did[-1] == f"lease of {instance_id} ended: stopped"
    assert seen.failed == ()
    assert (again.deeds, again.did, again.failed) == ((), (), ())


async def test_an_end_that_fails_is_told_as_one_too(tmp_path: Path) -> None:
    """A lease that could not be ended is what a person must hear of."""
    world = World(tmp_path)
    instance_id = await rented(world)
    world.clock.move(4 * HOUR_S)
    world.simulator.faults.add("auth_error_404", "PUT", "/instances/", times=9)
    async with world.runtime() as runtime:
        seen = await look_once(runtime.session.guard)
    assert seen.deeds == (Deed(Cause.LEASE, "instance", instance_id),)
    assert len(seen.failed) == 1
    assert seen.failed[0].startswith(f"lease of {instance_id} ended: ")
    assert stands(world, instance_id) == "running"


@pytest.mark.parametrize(
    ("others", "used", "again"),
    [
        (100, True, False),
        (101, False, False),
        (101, True, True),
        (3, True, False),
    ],
)
async def test_only_a_long_list_that_somebody_looks_at_is_read_again_soon(
    tmp_path: Path, others: int, *, used: bool, again: bool
) -> None:
    """After two fifths of the time that it took; else the usual minute is soon enough."""
    world = World(tmp_path, credit_usd=1e6)
    world.simulator.add_foreign_fleet(others)
    async with world.runtime() as runtime:
        if used:
            await runtime.session.account.cache.listed()
        began_s = world.clock.monotonic_s()
        seen = await look_once(runtime.session.guard)
        took_s = world.clock.monotonic_s() - began_s
    assert (seen.next_within_s is not None) is again
    if again:
        assert seen.next_within_s == pytest.approx(NEXT_SHARE * took_s, rel=0.3)


class Unlisted(httpx2.AsyncBaseTransport):
    """The vendor, whose whole list cannot be read; lists of certain labels can."""

    def __init__(self, world: World) -> None:
        self._inner = world.transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Everything else passes."""
        if LISTS in request.url.path and b"label" not in request.url.query:
            return httpx2.Response(500, request=request)
        return await self._inner.handle_async_request(request)


async def test_own_machines_are_observed_by_their_labels_when_the_list_cannot_be_read(
    tmp_path: Path,
) -> None:
    """A stop that did not hold is repeated; a stranger's machine with a copied label is left."""
    world = World(tmp_path)
    instance_id = await rented(world)
    async with world.connect() as client:
        await world.call(client, "stop_instance", instance_id=instance_id)
    copy = world.simulator.add_foreign_instance()
    world.simulator.copy_label(instance_id, copy)
    world.simulator.set_stage(instance_id, "running")
    world.simulator.world.instances[instance_id].wants_to_run = True
    world.transport = Unlisted(world)
    async with world.runtime() as runtime:
        for _ in range(2):
            world.clock.move(60)
            seen = await look_once(runtime.session.guard)
            assert seen.unread is not None
    assert stands(world, copy) == "running"
    async with world.runtime() as runtime:
        found = await runtime.session.account.ledger.read(
            lambda tx: tx.rental_of("instance", instance_id)
        )
        assert found is not None
        assert found.running


async def test_a_hundred_of_our_machines_are_looked_at_between_two_pages(tmp_path: Path) -> None:
    """By label, twenty-five at a time; more would keep the next page waiting."""
    world = World(tmp_path)
    now_us = world.clock.utc_us()

    def many(tx: Transaction) -> None:
        for number in range(OWN_MOST + 30):
            one: Rental = rental(
                intent_id=f"a{number:010}",
                target_id=27_500_000 + number,
                lease_ends_us=now_us + 10 * HOUR_S * SECOND_US + number,
            )
            tx.add_rental(one, [])

    world.transport = Unlisted(world)
    async with world.runtime() as runtime:
        await runtime.session.account.ledger.write(many)
        seen = await look_once(runtime.session.guard)
    assert seen.unread is not None
    by_label = [one for one in world.simulator.requests if "label" in str(one.query)]
    assert len(by_label) == OWN_MOST // OWN_PAGE == 4


async def test_between_two_pages_our_own_are_looked_at_every_twenty_seconds(
    tmp_path: Path,
) -> None:
    """At once before the second page, then again once twenty seconds have passed since."""
    world = World(tmp_path)
    looked: list[float] = []
    async with world.runtime() as runtime:
        account = runtime.session.account

        async def never(act: Act, caller: Caller) -> Outcome:
            raise AssertionError(act, caller)

        rounds = _Rounds(account, never, lambda: looked.append(world.clock.monotonic_s()))
        began_s = world.clock.monotonic_s()
        for after_s in (0.0, 1.0, 18.9, 0.1, 19.9, 0.1):
            world.clock.move(after_s)
            await rounds.between(Progress(25, 100))
    assert [round(at_s - began_s, 1) for at_s in looked] == [0.0, 20.0, 40.0]


async def test_of_more_machines_than_are_looked_at_those_that_may_call_for_an_act_come_first(
    tmp_path: Path,
) -> None:
    """A stop that may not have held, a start that may have failed, an end that is not proven."""
    world = World(tmp_path)
    now_us = world.clock.utc_us()
    wanted: list[dict[str, Any]] = [
        {"facts": LeaseFacts(stop_sent=True)},
        {"facts": LeaseFacts(came_up=False)},
        {"state": RentalState.DESTROYING},
    ]
    others: list[dict[str, Any]] = [{} for _ in range(OWN_MOST)]

    def many(tx: Transaction) -> None:
        for number, changes in enumerate([*others, *wanted]):
            ends_us = now_us + 10 * HOUR_S * SECOND_US + number
            one = rental(
                intent_id=f"a{number:010}",
                label=f"n{number:03}",
                target_id=27_500_000 + number,
                lease_ends_us=ends_us,
                **changes,
            )
            tx.add_rental(one, [])

    world.transport = Unlisted(world)
    async with world.runtime() as runtime:
        await runtime.session.account.ledger.write(many)
        await look_once(runtime.session.guard)
    asked = "".join(str(one.query) for one in world.simulator.requests if "label" in str(one.query))
    assert all(f"a{OWN_MOST + number:010}" in asked for number in range(3))
    assert f"a{OWN_MOST - 1:010}" not in asked
    assert f"a{OWN_MOST - 4:010}" in asked
