"""What one complete list changes in the books: found, taken in, back again, gone, or nothing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.instances.samples import NOW_US, SECOND_US, instance, rental
from tests.world import World
from vast_mcp.account.context import Account
from vast_mcp.leases.halting import why_halted
from vast_mcp.leases.observing import observe_all, observe_found
from vast_mcp.models import Instance
from vast_mcp.store import Gpus, Rental, RentalState, Segment, Transaction
from vast_mcp.units import Usd, UsdPerHour

MINUTE_US = 60 * SECOND_US
INTENT = rental().intent_id
ID = rental().target_id or 0
STALE_US = 3 * MINUTE_US
STOPPED = {"actual_status": "exited", "intended_status": "stopped", "cur_state": "stopped"}
OLD = {"created_us": NOW_US - 60 * MINUTE_US}


async def add(account: Account, *rentals: Rental) -> None:
    """These into the books, each with its lease."""

    def write(tx: Transaction) -> None:
        for one in rentals:
            lease = Segment(
                one.intent_id, "lease", one.usd_per_hour, Usd(0), one.created_us, one.lease_ends_us
            )
            tx.add_rental(one, [lease])

    await account.ledger.write(write)


async def booked(account: Account, intent_id: str = INTENT) -> Rental | None:
    """As it stands now."""
    return await account.ledger.read(lambda tx: tx.rental(intent_id))


def marked(account: Account, until_us: int, **changes: Any) -> Instance:  # noqa: ANN401  any field
    """The machine with our mark in its label."""
    return instance(raw_label=account.marker.label("train", INTENT, until_us), **changes)


@pytest.mark.parametrize(
    ("lists", "state"),
    [
        ("--", RentalState.ACTIVE),
        ("---", RentalState.GONE),
        ("--x--", RentalState.ACTIVE),
        ("--x---", RentalState.GONE),
    ],
)
async def test_a_sight_of_a_machine_begins_the_count_of_lists_without_it_again(
    tmp_path: Path, lists: str, state: RentalState
) -> None:
    """Three in a row are its end; two, a sight, and two are the vendor's trouble."""
    async with World(tmp_path).account() as account:
        await add(account, rental(**OLD))
        for shown in lists:
            await observe_all(account, [instance()] if shown == "x" else [], account.now_us())
        found = await booked(account)
    assert found is not None
    assert found.state is state


async def after_looks(
    tmp_path: Path, one: Rental, shown: Sequence[Instance] = (), looks: int = 1, after_us: int = 0
) -> tuple[list[str], Rental]:
    """What the last of so many looks said, and the rental then."""
    world = World(tmp_path)
    async with world.account() as account:
        await add(account, one)
        world.clock.move(after_us / SECOND_US)
        for _ in range(looks):
            said = await observe_all(account, shown, account.now_us())
        found = await booked(account, one.intent_id)
    assert found is not None
    return said, found


RESERVED, SENDING = RentalState.RESERVED, RentalState.SENDING


@pytest.mark.parametrize(
    ("books", "after_us", "looks", "state", "said"),
    [
        ({"state": RESERVED}, STALE_US - 1, 3, RESERVED, ""),
        ({"state": RESERVED}, STALE_US, 1, RentalState.ABSENT, "was never sent; released"),
        ({"state": SENDING}, STALE_US - 1, 3, SENDING, ""),
        ({"state": SENDING}, STALE_US, 1, RentalState.UNKNOWN, ""),
        ({"state": SENDING}, 15 * MINUTE_US, 2, RentalState.UNKNOWN, ""),
        ({"state": SENDING}, 15 * MINUTE_US, 3, RentalState.ABSENT, "never existed"),
        ({"state": RentalState.UNKNOWN}, 15 * MINUTE_US - 1, 5, RentalState.UNKNOWN, ""),
    ],
)
async def test_an_intent_without_a_machine_is_released_when_that_is_proven_and_said(
    tmp_path: Path,
    books: dict[str, Any],
    after_us: int,
    looks: int,
    state: RentalState,
    said: str,
) -> None:
    """A process that died before it sent gives back after three minutes; what left, after proof."""
    lost = rental(target_id=None, sent_us=NOW_US, **books)
    words, found = await after_looks(tmp_path, lost, looks=looks, after_us=after_us)
    assert found.state is state
    assert len(words) == bool(said)
    assert said in "".join(words)
    assert INTENT in "".join(words) or not said


async def test_a_lost_rent_is_found_by_its_mark_at_once_and_said(tmp_path: Path) -> None:
    """Whoever may still be sending: the mark proves it."""
    world = World(tmp_path)
    async with world.account() as account:
        await add(account, rental(state=SENDING, target_id=None, sent_us=NOW_US))
        one = marked(account, rental().lease_ends_us, actual_status="running")
        said = await observe_all(account, [one], account.now_us())
        found = await booked(account)
    assert found is not None
    assert (found.state, found.target_id, found.ever_ran) == (RentalState.ACTIVE, ID, True)
    assert said == [f"intent {INTENT} was found as instance {ID}"]


async def test_a_machine_that_another_rental_has_is_not_found_a_second_time(
    tmp_path: Path,
) -> None:
    """One machine, one lease, though the label of one names the other."""
    world = World(tmp_path)
    async with world.account() as account:
        holder = rental(intent_id="bbbbbbbbbbb")
        await add(account, holder, rental(state=SENDING, target_id=None, sent_us=NOW_US))
        await observe_all(account, [marked(account, rental().lease_ends_us)], account.now_us())
        found = await booked(account)
    assert found is not None
    assert found.target_id is None


@pytest.mark.parametrize(
    ("ended_us", "state"),
    [
        (NOW_US, RentalState.GONE),
        (NOW_US - 1, RentalState.ACTIVE),
        (NOW_US + MINUTE_US, RentalState.GONE),
        (NOW_US + MINUTE_US + 1, RentalState.ACTIVE),
        (None, RentalState.ACTIVE),
    ],
)
async def test_a_machine_that_a_later_list_shows_counts_again(
    tmp_path: Path, ended_us: int | None, state: RentalState
) -> None:
    """A list begun before its end may show it; one begun after it shows that it never ended."""
    world = World(tmp_path)
    async with world.account() as account:
        await add(account, rental(**OLD, state=RentalState.GONE, running=False, ended_us=ended_us))
        world.clock.move(60)
        said = await observe_all(account, [instance()], NOW_US)
        found = await booked(account)
    assert found is not None
    assert found.state is state
    assert found.running is (state is RentalState.ACTIVE)
    assert len(said) == (state is RentalState.ACTIVE)


@pytest.mark.parametrize(
    ("books", "seen", "later_us", "follows"),
    [
        ({}, {}, 60 * MINUTE_US, True),
        ({}, {}, -60 * MINUTE_US, False),
        ({"touched": True}, {}, 60 * MINUTE_US, False),
        ({"running": False}, STOPPED, 60 * MINUTE_US, False),
    ],
)
async def test_a_later_end_in_a_machines_own_label_is_believed_until_it_was_started_here(
    tmp_path: Path,
    books: dict[str, Any],
    seen: dict[str, Any],
    later_us: int,
    *,
    follows: bool,
) -> None:
    """Books restored from a copy lack an extension; a start may have set an earlier end."""
    ends_us = rental().lease_ends_us
    world = World(tmp_path)
    async with world.account() as account:
        await add(account, rental(**OLD, **books))
        await observe_all(account, [marked(account, ends_us + later_us, **seen)], account.now_us())
        found = await booked(account)
        parts = await account.ledger.read(lambda tx: tx.segments(INTENT))
    assert found is not None
    assert found.lease_ends_us == (ends_us + later_us if follows else ends_us)
    if follows:
        assert parts[0].until_us == found.lease_ends_us


@pytest.mark.parametrize(
    ("seen", "began_us", "stop_sent"),
    [
        ({"started_at_us": NOW_US - MINUTE_US}, NOW_US - MINUTE_US, False),
        ({"started_at_us": NOW_US + MINUTE_US}, NOW_US, False),
        ({"started_at_us": None}, NOW_US, False),
        ({"intended_status": "stopped"}, NOW_US, True),
    ],
)
async def test_a_machine_of_ours_without_books_is_taken_in_as_one_that_has_run(
    tmp_path: Path, seen: dict[str, Any], began_us: int, *, stop_sent: bool
) -> None:
    """Nobody knows what is on it: its destroy asks, and no sum of unasked rents is used up."""
    world = World(tmp_path)
    async with world.account() as account:
        one = marked(account, NOW_US + 60 * MINUTE_US, **seen)
        (said,) = await observe_all(account, [one], account.now_us())
        found = await booked(account)
        now_us = account.now_us()
        exposure = await account.ledger.read(lambda tx: tx.exposure(now_us))
    assert "was added to the ledger" in said
    assert found is not None
    assert (found.created_us, found.lease_ends_us) == (began_us, NOW_US + 60 * MINUTE_US)
    assert (found.asked, found.ever_ran, found.end_act) == (True, True, "stop")
    assert found.facts.gpus == Gpus(1, "RTX 4090")
    assert found.facts.stop_sent is stop_sent
    assert (found.label, exposure.unasked_today) == ("train", Usd())
    assert found.facts.adopted
    rests = replace(one, actual_status="exited")
    why = "before our ledger knew it" if stop_sent else "its container ended by itself"
    assert why_halted(rests, found, now_us) == why


async def test_a_strangers_machine_is_not_taken_in(tmp_path: Path) -> None:
    """Nor one with a mark that names an intent which its environment contradicts."""
    world = World(tmp_path)
    async with world.account() as account:
        copy = marked(account, NOW_US + MINUTE_US, shows_environment=True, intent_mark="other")
        said = await observe_all(account, [instance(instance_id=5), copy], account.now_us())
        live = await account.ledger.read(lambda tx: tx.live_rentals())
    assert (said, live) == ([], [])


async def test_a_part_of_the_list_judges_no_absence(tmp_path: Path) -> None:
    """Of what it shows the books are brought in line; what has ended stays ended."""
    gone = rental(
        intent_id="bbbbbbbbbbb", target_id=5, state=RentalState.GONE, running=False, ended_us=NOW_US
    )
    costlier = instance(usd_per_hour=UsdPerHour.of(0.5))
    world = World(tmp_path)
    async with world.account() as account:
        await add(account, rental(**OLD), gone, rental(intent_id="ccccccccccc", target_id=6, **OLD))
        for _ in range(5):
            await observe_found(account, [costlier, instance(instance_id=5)], account.now_us())
        live = await account.ledger.read(lambda tx: tx.live_rentals())
    assert {one.target_id: one.usd_per_hour.dollars for one in live} == {ID: 0.5, 6: 0.4}
    assert [one.ever_ran for one in live] == [True, False]


@pytest.mark.parametrize(
    ("after_us", "listed", "state", "target_id"),
    [
        (STALE_US - 1, True, RentalState.UNKNOWN, None),
        (STALE_US, True, RentalState.ACTIVE, 1),
        (STALE_US, False, RentalState.UNKNOWN, None),
        (4 * 60 * MINUTE_US - 1, False, RentalState.UNKNOWN, None),
        (4 * 60 * MINUTE_US, False, RentalState.ABSENT, None),
    ],
)
async def test_a_lost_endpoint_is_found_by_its_name_or_keeps_its_money_to_its_end(
    tmp_path: Path, after_us: int, state: RentalState, target_id: int | None, *, listed: bool
) -> None:
    """Names can be copied: of several with one intent the first that was made is the one."""
    world = World(tmp_path)
    if listed:
        async with world.connect() as client:
            for name in ("a", "b"):
                await world.call(
                    client, "create_endpoint", endpoint_name=name, max_usd_per_worker_hour=0.2
                )
    made = sorted(world.simulator.world.serverless.endpoints.values(), key=lambda one: one.id)
    for one in made:
        one.fields["endpoint_name"] = f"chat-vm1-{INTENT}"
    async with world.account() as account:
        lost = {"kind": "endpoint", "state": RentalState.UNKNOWN, "target_id": None}
        began_us = account.now_us()
        ends_us = began_us + 4 * 60 * MINUTE_US
        await add(account, rental(**lost, created_us=began_us, lease_ends_us=ends_us))
        world.clock.move(after_us / SECOND_US)
        said = await observe_all(account, [], account.now_us())
        found = await booked(account)
    assert found is not None
    assert found.state is state
    assert found.target_id == (None if target_id is None else made[0].id)
    assert bool([line for line in said if INTENT in line]) is (state is not RentalState.UNKNOWN)
