"""Start and extend in the books: what moved since the look, what is set aside, who was asked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.instances.samples import NOW_US, SECOND_US, instance, rental
from tests.keeper.test_keeper import rented
from tests.world import World
from vast_mcp.account.belonging import Belonging
from vast_mcp.account.lease_label import Mark
from vast_mcp.actions import ExtendLease, StartInstance
from vast_mcp.actions.base import Seen, see
from vast_mcp.actions.extend import _present, _present_end_us
from vast_mcp.actions.lease_base import LeaseSight, added_spend, write_mark
from vast_mcp.actions.start import _on_its_way
from vast_mcp.actions.stop_destroy import RebootInstance
from vast_mcp.errors import InputInvalid, NotFound
from vast_mcp.guard.act import Booking
from vast_mcp.operations import Call, Json, JsonObject
from vast_mcp.policy.facts import Owner, Request, Target
from vast_mcp.store import Gpus, LeaseFacts, Rental, RentalState, Segment, SqliteLedger, Transaction
from vast_mcp.units import Usd, UsdPerHour

HOUR_US = 3600 * SECOND_US
ID = instance().instance_id
START, EXTEND = StartInstance(ID, 2.0), ExtendLease(ID, 2.0)
LATER_US = NOW_US + 2 * HOUR_US


def seen(
    books: Rental | None,
    claim: Rental | None = None,
    whose: Belonging | None = None,
    **changes: Any,  # noqa: ANN401  any field
) -> Seen:
    """The machine with what the books hold of it."""
    target = Target("instance", ID, "train", Owner.OURS)
    return Seen(instance(**changes), books, target, claim, whose or Belonging(books))


def sight(books: Rental | None = None, **more: Any) -> LeaseSight:  # noqa: ANN401  as `seen`
    """What a start or extension saw: $0.40/h until two hours from now."""
    return LeaseSight(
        Request("start_instance"),
        {},
        "",
        "",
        seen=seen(books, **more),
        ends_us=LATER_US,
        rate=UsdPerHour.of(0.4),
    )


def booking(*, asked: bool) -> Booking:
    """The transaction's own."""
    return Booking("newintent00", NOW_US, "local", "digest", asked)


async def on_books(one: Rental | None, work: Any) -> Any:  # noqa: ANN401  what the work gives back
    """The work's result on books in memory that hold this rental."""

    def write(tx: Transaction) -> object:
        if one is not None:
            lease = Segment(
                one.intent_id, "lease", one.usd_per_hour, Usd(0), one.created_us, one.lease_ends_us
            )
            tx.add_rental(one, [lease])
        return work(tx)

    return await SqliteLedger(None).write(write)


@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        ({}, False),
        ({"facts": LeaseFacts(gpus=Gpus(1, "H100"))}, False),
        ({"ever_ran": True}, False),
        ({"intent_id": "bbbbbbbbbbb"}, True),
        ({"state": RentalState.DESTROYING}, True),
        ({"running": False}, True),
        ({"lease_ends_us": rental().lease_ends_us + 1}, True),
        ({"usd_per_hour": UsdPerHour.of(0.4) + UsdPerHour(1)}, True),
        ({"facts": LeaseFacts(stop_sent=True)}, True),
        ({"facts": LeaseFacts(stop_sent=False)}, False),
    ],
)
async def test_a_lease_that_another_call_changed_is_looked_at_again(
    changes: dict[str, Any], *, moved: bool
) -> None:
    """Its price stood on the end, rate and state of the look; other facts do not matter."""
    why = await on_books(rental(**changes), lambda tx: START.moved(tx, sight(rental())))
    assert bool(why) is moved
    assert not moved or "another call" in why


@pytest.mark.parametrize(
    ("then", "now", "moved"),
    [(None, None, False), (None, rental(), True), (rental(), None, True)],
)
async def test_a_machine_that_came_into_the_books_or_left_them_is_looked_at_again(
    then: Rental | None, now: Rental | None, *, moved: bool
) -> None:
    """One that no book holds, then as now, has not moved."""
    assert bool(await on_books(now, lambda tx: EXTEND.moved(tx, sight(then)))) is moved


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("act", [START, EXTEND])
async def test_a_machine_without_books_has_a_lease_from_the_yes_on(
    act: StartInstance | ExtendLease, *, asked: bool
) -> None:
    """It counts at its price until the new end, and as one that has run: nobody knows its disk."""

    def begin(tx: Transaction) -> tuple[Rental | None, list[Segment], Usd]:
        act.reserve(tx, booking(asked=asked), sight())
        found = tx.rental_of("instance", ID)
        return found, list(tx.segments("newintent00")), tx.exposure(NOW_US).unasked_today

    found, (lease,), unasked = await on_books(None, begin)
    assert (found.intent_id, found.state, found.running) == (
        "newintent00",
        RentalState.ACTIVE,
        True,
    )
    assert (found.lease_ends_us, found.asked, found.ever_ran) == (LATER_US, asked, True)
    assert (found.machine_id, found.label) == (1, "train")
    assert (lease.kind, lease.rate, lease.from_us, lease.until_us) == (
        "lease",
        UsdPerHour.of(0.4),
        NOW_US,
        LATER_US,
    )
    assert unasked == (Usd(0) if asked else Usd.of(0.8))


async def test_a_machine_whose_books_are_closed_is_started_under_new_ones() -> None:
    """What has ended is not opened again by a start: it has an intent of its own."""
    gone = rental(state=RentalState.GONE, running=False, ended_us=NOW_US)

    def begin(tx: Transaction) -> list[str]:
        START.reserve(tx, booking(asked=True), sight(gone))
        return [one.intent_id for one in tx.live_rentals()]

    assert await on_books(gone, begin) == ["newintent00"]


@pytest.mark.parametrize("asked", [True, False])
async def test_a_start_counts_from_now_until_its_own_end(*, asked: bool) -> None:
    """The old lease is over; what is shown must be younger than the start to change it."""
    rests = rental(asked=True, running=False, facts=LeaseFacts(stop_sent=True, came_up=True))

    def start(tx: Transaction) -> tuple[Rental | None, list[Segment], Usd]:
        START.reserve(tx, booking(asked=asked), sight(rests))
        parts = [one for one in tx.segments(rests.intent_id) if one.closed_us is None]
        return tx.rental(rests.intent_id), parts, tx.exposure(NOW_US).unasked_today

    found, (lease,), unasked = await on_books(rests, start)
    assert (found.running, found.touched, found.lease_ends_us) == (True, True, LATER_US)
    assert (lease.from_us, lease.until_us) == (NOW_US, LATER_US)
    facts = found.facts
    assert (facts.stop_sent, facts.starting, facts.came_up) == (False, True, False)
    assert (facts.start_us, facts.seen_us) == (NOW_US, NOW_US)
    assert (unasked > Usd(0)) is not asked


async def test_an_extension_moves_only_the_end() -> None:
    """The lease that runs goes on at its price, to the new end."""

    def extend(tx: Transaction) -> tuple[Rental | None, list[Segment]]:
        EXTEND.reserve(tx, booking(asked=True), sight(rental()))
        return tx.rental(rental().intent_id), list(tx.segments(rental().intent_id))

    found, (lease,) = await on_books(rental(), extend)
    assert (found.lease_ends_us, found.intent_id) == (LATER_US, rental().intent_id)
    assert (lease.from_us, lease.until_us) == (NOW_US, LATER_US)


@pytest.mark.parametrize(
    ("facts", "after_us", "waits"),
    [
        (LeaseFacts(starting=True, start_us=NOW_US), 0, True),
        (LeaseFacts(starting=True, start_us=NOW_US), 120 * SECOND_US - 1, True),
        (LeaseFacts(starting=True, start_us=NOW_US), 120 * SECOND_US, False),
        (LeaseFacts(starting=True, start_us=NOW_US), -1, False),
        (LeaseFacts(starting=False, start_us=NOW_US), 0, False),
        (LeaseFacts(), 0, False),
    ],
)
def test_a_start_is_on_its_way_for_two_minutes(
    facts: LeaseFacts, after_us: int, *, waits: bool
) -> None:
    """A second start meanwhile would set money aside twice; by a clock set back none is."""
    assert _on_its_way(rental(facts=facts), NOW_US + after_us) is waits
    assert not _on_its_way(rental(facts=facts, running=False), NOW_US + after_us)
    assert not _on_its_way(None, NOW_US)


STOPPED: dict[str, Any] = {
    "actual_status": "exited",
    "intended_status": "stopped",
    "cur_state": "stopped",
}
OWN_END_US, MARK_END_US, COPY_END_US = rental().lease_ends_us, NOW_US + HOUR_US, NOW_US + SECOND_US
MARK = Belonging(None, Mark("x" * 11, MARK_END_US))
COPY = Belonging(None, None, "it is that of another", COPY_END_US)


@pytest.mark.parametrize(
    ("one", "end_us"),
    [
        (seen(rental()), OWN_END_US),
        (seen(rental(facts=LeaseFacts(stop_sent=True), running=False)), None),
        (seen(rental(facts=LeaseFacts(stop_sent=True))), None),
        (seen(rental(state=RentalState.DESTROYING)), None),
        (seen(rental(), **STOPPED), None),
        (seen(rental(), **STOPPED, is_bid=True), OWN_END_US),
        (seen(rental(running=False), **STOPPED, is_bid=True), None),
        (seen(None, rental()), OWN_END_US),
        (seen(None, whose=MARK), MARK_END_US),
        (seen(None, whose=COPY), COPY_END_US),
        (seen(None), None),
    ],
)
def test_the_present_end_is_that_of_the_books_or_the_label_and_of_nothing_that_rests(
    one: Seen, end_us: int | None
) -> None:
    """An outbid machine resumes by itself: its lease runs on; a stopped one has none."""
    if end_us is None:
        with pytest.raises(InputInvalid):
            _present_end_us(one)
    else:
        assert _present_end_us(one) == end_us


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({**STOPPED, "is_bid": True}, "It is outbid: only its disk is billed ($0.24/day)"),
        ({"actual_status": "scheduling"}, "its GPU is taken"),
        ({"actual_status": "loading"}, "It is not running yet."),
        ({"actual_status": "offline"}, "Its host is offline: nothing is billed"),
        ({"actual_status": "odd"}, "Its host does not report"),
    ],
)
def test_an_extension_says_what_a_machine_does_that_does_not_run(
    changes: dict[str, Any], words: str
) -> None:
    """More time for what only waits is a person's choice, made with open eyes."""
    said = _present(seen(rental(), **changes))
    assert words in said
    assert bool(said) is bool(words)


@pytest.mark.parametrize(
    ("contract_ends_us", "hours"),
    [(None, None), (LATER_US, 2.0), (LATER_US + HOUR_US, 3.0), (NOW_US, 0.0), (0, 0.0)],
)
def test_what_the_contract_allows_is_counted_from_the_begin_of_the_lease(
    contract_ends_us: int | None, hours: float | None
) -> None:
    """The whole lease, if it ended with the contract; a contract that is over leaves nothing."""
    spend = added_spend(
        seen(rental(task="lora", job_id="j"), contract_ends_us=contract_ends_us),
        adds=UsdPerHour.of(0.4),
        adds_running=1,
        hours=2.0,
        from_us=NOW_US,
        until_us=LATER_US,
        rate=UsdPerHour.of(0.4),
        total=Usd.of(1),
    )
    assert spend.max_contract_hours == hours
    assert (spend.cost, spend.rental_total) == (Usd.of(0.8), Usd.of(1.8))
    assert (spend.task, spend.job_id, spend.num_gpus, spend.disk_gb) == ("lora", "j", 1, 50)


@pytest.mark.parametrize(
    ("moves", "rounds", "seen_there"), [(0, 1, True), (2, 3, True), (9, 4, False)]
)
async def test_a_label_follows_the_books_until_they_stand_still(
    tmp_path: Path, moves: int, rounds: int, *, seen_there: bool
) -> None:
    """Others may move the end meanwhile; after four rounds the keeper goes on, and that is told."""
    world = World(tmp_path)
    instance_id = await rented(world)
    async with world.runtime() as runtime:
        account = runtime.session.account
        one = await see(account, instance_id)
        sent: list[Json] = []

        async def send(call: Call, *, timeout_s: float = 60.0) -> JsonObject:
            assert timeout_s > 0
            body = call.body or {}
            sent.append(body["label"])
            world.simulator.set_label(instance_id, str(body["label"]))

            def move(tx: Transaction) -> None:
                held = tx.rental_of("instance", instance_id)
                assert held is not None
                if len(sent) <= moves:
                    tx.update_rental(held, lease_ends_us=held.lease_ends_us + HOUR_US)

            await account.ledger.write(move)
            return {}

        assert one.rental is not None
        ends_us = one.rental.lease_ends_us
        assert await write_mark(account, send, one, "train", ends_us) is seen_there
    assert len(sent) == len(set(map(str, sent))) == rounds


@pytest.mark.parametrize(
    ("changes", "starts"),
    [
        ({}, False),
        ({"actual_status": "loading"}, False),
        (STOPPED, True),
        ({"actual_status": "scheduling"}, True),
        ({"intended_status": "stopped", "cur_state": "stopped"}, True),
    ],
)
async def test_only_what_does_not_run_is_started(
    tmp_path: Path, changes: dict[str, Any], *, starts: bool
) -> None:
    """A second start of a machine that runs would set its hours aside twice."""
    world = World(tmp_path)
    instance_id = await rented(world)
    world.simulator.set_status(instance_id, **changes)
    async with world.account() as account:
        act = StartInstance(instance_id, 2.0)
        if not starts:
            with pytest.raises(InputInvalid, match="already running or starting"):
                await act.look(account)
            return
        spend = (await act.look(account)).request.spend
    assert spend is not None
    assert (spend.adds_running, spend.lease_hours) == (1, 2.0)


@pytest.mark.parametrize(
    ("unstarted", "action"), [(False, "reboot_instance"), (True, "reboot_unstarted")]
)
async def test_a_reboot_interrupts_unless_nothing_was_begun(
    tmp_path: Path, action: str, *, unstarted: bool
) -> None:
    """By itself it is one that a person is asked about."""
    world = World(tmp_path)
    instance_id = await rented(world)
    async with world.account() as account:
        assert (await RebootInstance(instance_id).look(account)).request.action == "reboot_instance"
        act = RebootInstance(instance_id, unstarted=unstarted)
        assert (await act.look(account)).request.action == action


async def test_a_machine_that_the_list_lacks_can_be_ended_until_its_end_is_proven(
    tmp_path: Path,
) -> None:
    """As the ledger has it; other acts say that it counts as billed. Of no other is that said."""
    world = World(tmp_path)
    instance_id = await rented(world)
    world.simulator.host_gone(instance_id)
    async with world.account() as account:
        with pytest.raises(NotFound, match="counts as billed"):
            await see(account, instance_id)
        found = await see(account, instance_id, ends_cost=True)
        assert (found.instance.listed, found.target.ours) == (False, True)
        with pytest.raises(NotFound, match="There is no instance 5 on this account"):
            await see(account, 5, ends_cost=True)


@pytest.mark.parametrize(
    ("status", "said", "then"),
    [
        (
            "queued",
            (
                "Queued. If it does not run within 10 minutes it is stopped again, which cancels"
                " the start."
            ),
            (
                "wait_for_instance(instance_id=27000001); stop_instance cancels it. For its data"
                ' now: rent another machine, then copy_files(source="C.27000001:/workspace/",'
                ' destination="C.<its id>:/workspace/"). Kept here, its disk costs $0.24/day.'
            ),
        ),
        (
            "starting",
            "Queued. If it does not run within 10 minutes it is stopped again.",
            "wait_for_instance(instance_id=27000001)",
        ),
    ],
)
def test_a_start_is_told_with_its_price_its_most_and_its_end(
    status: str, said: str, then: str
) -> None:
    """To a hundredth of a cent an hour, and the whole in cents."""
    spend = added_spend(
        seen(rental()), adds=UsdPerHour(123_456), adds_running=1, hours=2.0, from_us=NOW_US,
        until_us=LATER_US, rate=UsdPerHour(123_456), total=Usd(0),
    )  # fmt: skip
    one = replace(
        sight(rental()), rate=UsdPerHour(123_456), request=Request("start_instance", spend=spend)
    )
    outcome = START._outcome(one, status, "Queued.")
    assert (outcome.status, outcome.said, outcome.next) == (status, said, then)
    assert outcome.values == {
        "instance_id": 27_000_001,
        "usd_per_hour": 0.1235,
        "max_cost_usd": 0.25,
        "lease_ends": "2026-06-01T14:00Z",
    }
