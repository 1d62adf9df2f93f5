"""Endpoints in the books: the worst case, whose name is whose, what raises, what has moved."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.actions.test_start import booking, on_books
from tests.instances.samples import NOW_US, SECOND_US
from tests.instances.samples import rental as machine
from tests.world import World
from vast_mcp.actions.create_endpoint import CreateEndpoint
from vast_mcp.actions.create_workergroup import _spend
from vast_mcp.actions.end_endpoint import EndEndpoint
from vast_mcp.actions.endpoint_base import (
    EndpointSight,
    FoundEndpoint,
    find_endpoint,
    listed_scaling,
    per_worker_of,
    short_name,
)
from vast_mcp.actions.update_endpoint import UpdateEndpoint, added
from vast_mcp.errors import InputInvalid, NotFound
from vast_mcp.leases.reconcile import HORIZON_US
from vast_mcp.models import Endpoint, Scaling
from vast_mcp.policy.facts import Owner, Request
from vast_mcp.store import EndpointFacts, LeaseFacts, Rental, RentalState, Segment, Transaction
from vast_mcp.text import Untrusted
from vast_mcp.units import Usd, UsdPerHour

HOUR_US = 3600 * SECOND_US
NAME = "chat-vm1-abcdefghijk"
ACT = CreateEndpoint("chat", 0.5, max_workers=3, lease_hours=10.0)
SIGHT = EndpointSight(Request("create_endpoint"), {}, "", "", rate=UsdPerHour.of(1.5))


def endpoint(**changes: Any) -> Endpoint:  # noqa: ANN401  any field of its scaling
    """Endpoint 7 for three workers, none kept warm."""
    plain = Scaling(NAME, 3, cold_workers=0, min_load=0.0, endpoint_state="active")
    scaling = replace(plain, **changes)
    return Endpoint(7, Untrusted(scaling.endpoint_name), scaling)


def rental(**changes: Any) -> Rental:  # noqa: ANN401  any field
    """Its rental: three workers at fifty cents each, for four hours."""
    plain: dict[str, Any] = {
        "kind": "endpoint",
        "target_id": 7,
        "label": "chat",
        "usd_per_hour": UsdPerHour.of(1.5),
        "facts": LeaseFacts(endpoint=EndpointFacts(workers=3, per_worker=UsdPerHour(500_000))),
    }
    return machine(**{**plain, **changes})


async def test_an_endpoint_is_priced_at_all_its_workers_for_its_whole_lease(tmp_path: Path) -> None:
    """And its money is that of the days it will run on, from now on."""
    async with World(tmp_path).account() as account:
        sight = await ACT.look(account)
    spend = sight.request.spend
    assert spend is not None
    assert (spend.cost, spend.rental_total) == (Usd.of(15), Usd.of(15))
    assert sum(spend.by_day.values(), Usd(0)) == Usd.of(15)
    assert list(spend.by_day) == ["2026-06-01"]
    assert (spend.adds_usd_per_hour, spend.adds_running) == (UsdPerHour.of(1.5), 3)
    assert (spend.usd_per_hour, spend.lease_hours) == (UsdPerHour.of(0.5), 10.0)
    assert "Up to 3 workers at $0.50/h each: at most $15.00. Kept warm: 0." in sight.question
    assert sight.handle == "endpoint-1.50usd-10h"


@pytest.mark.parametrize(
    ("name", "changes", "fine"),
    [
        ("a", {}, True),
        ("a" * 80, {}, True),
        ("a" * 81, {}, False),
        ("", {}, False),
        ("-a", {}, False),
        ("a b", {}, False),
        ("a\n", {}, False),
        (NAME, {}, False),
        ("a", {"max_workers": 2, "cold_workers": 2}, True),
        ("a", {"max_workers": 2, "cold_workers": 3}, False),
    ],
)
async def test_an_endpoint_has_a_plain_name_and_no_more_warm_workers_than_workers(
    tmp_path: Path, name: str, changes: dict[str, Any], *, fine: bool
) -> None:
    """Refused before anybody is asked."""
    async with World(tmp_path).account() as account:
        act = replace(ACT, endpoint_name=name, **changes)
        if fine:
            assert (await act.look(account)).settled is None
        else:
            with pytest.raises(InputInvalid):
                await act.look(account)


@pytest.mark.parametrize(
    ("changes", "by", "found"),
    [
        ({"state": RentalState.ACTIVE}, ACT, True),
        ({"state": RentalState.UNKNOWN}, ACT, True),
        ({"state": RentalState.REFUSED, "ended_us": NOW_US}, ACT, False),
        ({"state": RentalState.GONE, "ended_us": NOW_US}, ACT, False),
        ({"state": RentalState.ACTIVE}, replace(ACT, request_key="b"), False),
        ({"state": RentalState.ACTIVE}, replace(ACT, endpoint_name="b"), False),
        ({"state": RentalState.ACTIVE}, replace(ACT, max_workers=4), None),
        ({"state": RentalState.GONE, "ended_us": NOW_US}, replace(ACT, max_workers=4), False),
    ],
)
async def test_the_same_call_is_a_repeat_while_its_endpoint_exists(
    changes: dict[str, Any], by: CreateEndpoint, *, found: bool | None
) -> None:
    """With other arguments the name is taken: said, not answered with the other endpoint."""
    own = replace(booking(asked=True), digest=_key(ACT))

    def write(tx: Transaction) -> Rental | None:
        ACT.reserve(tx, own, SIGHT)
        made = tx.rental(own.intent_id)
        assert made is not None
        tx.update_rental(made, **changes)
        return by.replay(tx, "local", NOW_US)

    if found is None:
        with pytest.raises(InputInvalid, match="created with other arguments"):
            await on_books(None, write)
    else:
        assert (await on_books(None, write) is not None) is found


def _key(act: CreateEndpoint) -> str:
    from vast_mcp.guard.plans import key_of  # noqa: PLC0415

    return key_of(act)


async def test_an_endpoints_whole_lease_is_set_aside() -> None:
    """All workers, to the minute, before it is sent."""

    def write(tx: Transaction) -> tuple[Rental | None, list[Segment]]:
        ACT.reserve(tx, booking(asked=True), SIGHT)
        return tx.rental("newintent00"), list(tx.segments("newintent00"))

    made, (lease,) = await on_books(None, write)
    assert (made.kind, made.state, made.asked) == ("endpoint", RentalState.RESERVED, True)
    assert (made.lease_ends_us, made.label) == (NOW_US + 10 * HOUR_US, "chat")
    assert made.facts == LeaseFacts(endpoint=EndpointFacts(3, UsdPerHour(500_000)))
    assert (lease.rate, lease.from_us, lease.until_us) == (
        UsdPerHour.of(1.5),
        NOW_US,
        NOW_US + 10 * HOUR_US,
    )


@pytest.mark.parametrize(
    ("asked", "raises"),
    [
        ({"max_workers": 3}, False),
        ({"max_workers": 4}, True),
        ({"max_workers": 0}, False),
        ({"cold_workers": 0}, False),
        ({"cold_workers": 1}, True),
        ({"min_load": 0.0}, False),
        ({"min_load": 0.1}, True),
        ({"endpoint_state": "active"}, True),
        ({"endpoint_state": "stopped"}, False),
        ({"endpoint_state": "suspended"}, False),
    ],
)
def test_what_could_rent_more_than_now_raises(asked: dict[str, Any], *, raises: bool) -> None:
    """And everything that was given is a change, a zero too."""
    act = UpdateEndpoint("chat", **asked)
    assert act._raises(endpoint()) is raises
    assert act.changes() == asked


@pytest.mark.parametrize(
    ("was", "now", "moved"),
    [
        (rental(), rental(), False),
        (rental(), rental(label="b", lease_ends_us=NOW_US), False),
        (rental(), rental(usd_per_hour=UsdPerHour.of(2)), True),
        (rental(), rental(state=RentalState.DESTROYING), True),
        (rental(), None, True),
        (None, rental(), True),
        (None, None, False),
    ],
)
async def test_an_endpoint_whose_maximum_or_state_another_call_changed_is_looked_at_again(
    was: Rental | None, now: Rental | None, *, moved: bool
) -> None:
    """Its price stood on them."""
    sight = replace(SIGHT, found=FoundEndpoint(endpoint(), was))
    why = await on_books(now, lambda tx: UpdateEndpoint("chat").moved(tx, sight))
    assert bool(why) is moved


@pytest.mark.parametrize(
    ("rate", "workers", "counted"), [(2.0, 4, (2.0, 4)), (1.5, 3, (1.5, 3)), (0.5, 1, (1.5, 3))]
)
async def test_a_higher_maximum_is_reserved_before_it_is_sent_and_a_lower_one_is_not_given_back(
    rate: float, workers: int, counted: tuple[float, int]
) -> None:
    """Only what is read back lowers what is reserved."""
    sight = replace(
        SIGHT,
        found=FoundEndpoint(endpoint(), rental()),
        rate=UsdPerHour.of(rate),
        max_workers=workers,
    )

    def write(tx: Transaction) -> Rental | None:
        UpdateEndpoint("chat", max_workers=workers).reserve(tx, booking(asked=True), sight)
        return tx.rental_of("endpoint", 7)

    now = await on_books(rental(), write)
    assert (now.usd_per_hour.dollars, now.facts.endpoint.workers) == counted
    assert now.facts.raised_us == NOW_US


@pytest.mark.parametrize(
    ("changes", "after_us", "over"),
    [
        ({}, 4 * HOUR_US - 1, False),
        ({}, 4 * HOUR_US, True),
        ({"state": RentalState.GONE}, 0, True),
        ({"state": RentalState.DESTROYING}, 0, False),
    ],
)
def test_an_endpoint_of_ours_rents_nothing_more_after_its_lease(
    changes: dict[str, Any], after_us: int, *, over: bool
) -> None:
    """To the microsecond; an endpoint of others has no lease here."""
    ours = FoundEndpoint(endpoint(), rental(**changes))
    if over:
        with pytest.raises(InputInvalid, match="cannot be extended"):
            ours.insist_on_lease(NOW_US + after_us)
    else:
        ours.insist_on_lease(NOW_US + after_us)
    FoundEndpoint(endpoint(), None).insist_on_lease(NOW_US + after_us)


def test_an_endpoint_is_ours_only_by_the_books() -> None:
    """A name carries no proof; what is shown is the name without our mark."""
    assert FoundEndpoint(endpoint(), rental()).target.owner is Owner.OURS
    theirs = FoundEndpoint(endpoint(), None).target
    assert (theirs.owner, theirs.label, theirs.target_id) == (Owner.FOREIGN, "chat", 7)
    assert [short_name(name) for name in (NAME, "chat", "a-vm1-b")] == ["chat", "chat", "a-vm1-b"]
    assert per_worker_of(rental()) == UsdPerHour.of(0.5)
    assert per_worker_of(None) == UsdPerHour(0)


async def made(world: World, *names: str) -> None:
    """Endpoints of these names, made by somebody else."""
    for name in names:
        async with world.connect() as client:
            await world.call(
                client, "create_endpoint", endpoint_name=name, max_usd_per_worker_hour=0.2
            )


async def test_an_endpoint_is_found_with_or_without_its_mark(tmp_path: Path) -> None:
    """A whole name goes before short ones; of several that fit none is taken."""
    world = World(tmp_path)
    await made(world, "chat", "other")
    one, two = world.simulator.world.serverless.endpoints.values()
    async with world.account() as account:
        found = await find_endpoint(account, "chat")
        assert found.rental is not None
        assert found.target.ours
        assert (await find_endpoint(account, found.endpoint.raw_name)).endpoint == found.endpoint
        with pytest.raises(NotFound, match="no endpoint with this name"):
            await find_endpoint(account, "cha")
        scaling = await listed_scaling(account, found.endpoint.endpoint_id)
        assert scaling == found.endpoint.scaling
        before = len(world.simulator.requests)
        assert await listed_scaling(account, 1) is None
        assert len(world.simulator.requests) == before + 2
        two.fields["endpoint_name"] = f"chat-vm1-{'b' * 11}"
        assert one.fields["endpoint_name"] != two.fields["endpoint_name"]
        with pytest.raises(InputInvalid, match="several endpoints"):
            await find_endpoint(account, "chat")


@pytest.mark.parametrize(
    ("books", "cost", "hours"),
    [
        ({}, 4.0, 4.0),
        ({"lease_ends_us": NOW_US - 1}, 0.0, None),
        ({"created_us": NOW_US - 4 * HOUR_US}, 4.0, 8.0),
    ],
)
async def test_more_workers_cost_until_the_lease_ends(
    tmp_path: Path, books: dict[str, Any], cost: float, hours: float | None
) -> None:
    """Two more at fifty cents; the lease is told from its beginning."""
    async with World(tmp_path).account() as account:
        found = FoundEndpoint(endpoint(), rental(**books))
        spend = await added(account, found, UsdPerHour.of(0.5), 2)
    assert (spend.cost.dollars, spend.adds_running) == (cost, 2)
    assert hours is None or spend.lease_hours == hours


@pytest.mark.parametrize(
    ("facts", "ends"),
    [
        (LeaseFacts(), True),
        (LeaseFacts(raised_us=NOW_US), False),
        (LeaseFacts(raised_us=NOW_US - HORIZON_US + 1), False),
        (LeaseFacts(raised_us=NOW_US - HORIZON_US), True),
        (LeaseFacts(raised_us=NOW_US + 1), True),
    ],
)
async def test_an_ended_endpoints_books_close_once_no_change_can_arrive_any_more(
    facts: LeaseFacts, *, ends: bool
) -> None:
    """A change sent before may set it active again when it arrives late."""

    def end(tx: Transaction) -> tuple[bool, Rental | None]:
        closed = EndEndpoint(7)._end(tx, NOW_US)
        return closed, tx.rental(machine().intent_id)

    closed, now = await on_books(rental(facts=facts), end)
    assert closed is ends
    assert now.state is (RentalState.GONE if ends else RentalState.ACTIVE)


async def test_workers_of_an_endpoint_that_is_not_ours_cost_a_day_at_their_most(
    tmp_path: Path,
) -> None:
    """Nobody knows when they end: as many as it may have, each at the highest price allowed."""
    async with World(tmp_path).account() as account:
        spend = await _spend(account, FoundEndpoint(endpoint(), None))
        ours = await _spend(account, FoundEndpoint(endpoint(), rental()))
    most = account.limits().max_usd_per_hour
    assert (spend.usd_per_hour, spend.adds_usd_per_hour) == (most, most * 3)
    assert (spend.adds_running, spend.lease_hours) == (3, 24.0)
    assert spend.cost == spend.rental_total == (most * 3).over(24 * 3600)
    assert sum(spend.by_day.values(), Usd(0)) == spend.cost
    assert (ours.cost, ours.adds_running) == (Usd(0), 0)


@pytest.mark.parametrize("known", [True, False])
async def test_an_endpoint_that_the_list_lacks_is_stopped_by_what_the_books_say(
    tmp_path: Path, *, known: bool
) -> None:
    """Nothing kept warm, no load: whatever it was set to, it asks for no worker then."""
    async with World(tmp_path).account() as account:
        if known:
            await account.ledger.write(lambda tx: tx.add_rental(rental(), []))
        booked = await EndEndpoint(7)._booked(account)
    stopped = Scaling(
        "chat-vm1-abcdefghijk", 3, cold_workers=0, min_load=0.0, endpoint_state="stopped"
    )
    assert booked == (stopped if known else None)
