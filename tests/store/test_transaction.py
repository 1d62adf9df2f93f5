"""Whose rows are read and changed: each condition of the ledger, and rows that do not meet it."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from tests.store.test_exposure import HOUR_US, NOW_US, lease, rental
from tests.store.test_ledger import PLAN
from vast_mcp.store import Plan, PlanState, Rental, RentalState, Segment, SqliteLedger, Transaction
from vast_mcp.store.charges import Charged, ChargeReading
from vast_mcp.store.outbox import Letter
from vast_mcp.store.rows import Quote
from vast_mcp.units import Usd, UsdPerHour

T = TypeVar("T")
DAY = "2026-06-01"


async def inside(work: Callable[[Transaction], T]) -> T:
    """What this does in an empty ledger."""
    book = SqliteLedger(None)
    try:
        return await book.write(work)
    finally:
        await book.close()


def kept(tx: Transaction, *rentals: Rental) -> None:
    """Each with its four hours."""
    for number, one in enumerate(rentals, start=1):
        tx.add_rental(one, [replace(lease(number), intent_id=one.intent_id)])


def numbers(found: list[Rental]) -> list[int]:
    """Which of the rentals these are."""
    return [int(one.intent_id.removeprefix("intent")) for one in found]


async def test_of_several_rentals_of_one_id_the_newest_is_meant() -> None:
    """Ids are of a kind: an endpoint may have the number of a machine."""

    def work(tx: Transaction) -> list[Rental | None]:
        kept(
            tx,
            rental(1, target_id=7, created_us=NOW_US),
            rental(2, target_id=7, created_us=NOW_US + 2),
            rental(3, target_id=7, created_us=NOW_US + 1),
            rental(4, target_id=7, created_us=NOW_US + 9, kind="endpoint"),
            rental(5, target_id=8, created_us=NOW_US + 9),
        )
        return [tx.rental_of("instance", 7), tx.rental_of("endpoint", 7), tx.rental_of("x", 7)]

    first, second, none = await inside(work)
    assert first is not None
    assert second is not None
    assert (numbers([first, second]), none) == ([2, 4], None)


async def test_the_same_intent_is_of_one_principal_under_one_key_and_not_history() -> None:
    """Newest first; what ended at the very instant still counts, what ended before does not."""

    def work(tx: Transaction) -> list[int]:
        own = {"principal": "me", "request_key": "k"}
        over = {**own, "state": RentalState.GONE}
        kept(
            tx,
            rental(1, **own, created_us=NOW_US),
            rental(2, **own, created_us=NOW_US + 5),
            rental(3, **over, ended_us=NOW_US + 10, created_us=NOW_US + 3),
            rental(4, **over, ended_us=NOW_US + 9, created_us=NOW_US + 4),
            rental(5, principal="you", request_key="k"),
            rental(6, principal="me", request_key="other"),
            rental(7, principal="you", request_key="k", ended_us=NOW_US + 20),
            rental(8, principal="me", request_key="other", ended_us=NOW_US + 20),
        )
        return numbers(tx.same_intent("me", "k", NOW_US + 10))

    assert await inside(work) == [2, 3, 1]


async def test_what_ended_before_an_instant_is_left_out() -> None:
    """At that instant it still belongs to it; what lives always does."""

    def work(tx: Transaction) -> tuple[list[int], list[int]]:
        kept(
            tx,
            rental(1, created_us=NOW_US + 2),
            rental(2, state=RentalState.GONE, ended_us=NOW_US),
            rental(3, state=RentalState.GONE, ended_us=NOW_US - 1),
            rental(4, created_us=NOW_US + 1),
            rental(5, state=RentalState.REFUSED, ended_us=NOW_US + 1),
        )
        return sorted(numbers(tx.rentals_since(NOW_US))), numbers(tx.live_rentals())

    assert await inside(work) == ([1, 2, 4, 5], [4, 1])


def stretches(tx: Transaction) -> None:
    """Two rentals, each with a closed and an open lease, a disk and its traffic."""
    for number in (1, 2):
        one = lease(number)
        tx.add_rental(
            rental(number),
            [
                replace(one, closed_us=NOW_US + 1),
                one,
                replace(one, kind="disk", until_us=None),
                replace(one, kind="traffic", fixed=Usd(5)),
            ],
        )


def changed(tx: Transaction) -> list[tuple[int, str, Segment]]:
    """What is no more as it was."""
    found = []
    for number in (1, 2):
        closed, one, disk, traffic = tx.segments(f"intent{number:05}")
        plain = lease(number)
        for name, now, then in (
            ("closed", closed, replace(plain, closed_us=NOW_US + 1)),
            ("lease", one, plain),
            ("disk", disk, replace(plain, kind="disk", until_us=None)),
            ("traffic", traffic, replace(plain, kind="traffic", fixed=Usd(5))),
        ):
            if now != then:
                found.append((number, name, now))
    return found


async def test_a_lease_is_extended_and_repriced_where_it_is_open_and_nowhere_else() -> None:
    """Closed stretches are history; disks and other machines cost what they cost."""

    def longer(tx: Transaction) -> list[tuple[int, str, Segment]]:
        stretches(tx)
        tx.extend_lease("intent00001", NOW_US + 9 * HOUR_US)
        return changed(tx)

    def cheaper(tx: Transaction) -> list[tuple[int, str, Segment]]:
        stretches(tx)
        tx.reprice_lease("intent00001", UsdPerHour(7))
        return changed(tx)

    until_us = NOW_US + 9 * HOUR_US
    assert await inside(longer) == [(1, "lease", replace(lease(), until_us=until_us))]
    assert await inside(cheaper) == [(1, "lease", replace(lease(), rate=UsdPerHour(7)))]


@pytest.mark.parametrize(("at_us", "closed_us"), [(NOW_US + 5, NOW_US + 5), (NOW_US - 5, NOW_US)])
async def test_all_open_stretches_of_one_rental_end_and_none_before_it_began(
    at_us: int, closed_us: int
) -> None:
    """An end that was seen stays where it was."""

    def work(tx: Transaction) -> list[tuple[int, str, int | None]]:
        stretches(tx)
        tx.close_segments("intent00001", at_us)
        return [(number, name, one.closed_us) for number, name, one in changed(tx)]

    assert await inside(work) == [(1, name, closed_us) for name in ("lease", "disk", "traffic")]


async def test_a_reservation_is_released_for_one_rental_alone() -> None:
    """The other's money stays set aside."""

    def work(tx: Transaction) -> tuple[int, int]:
        stretches(tx)
        tx.drop_segments("intent00001")
        return len(tx.segments("intent00001")), len(tx.segments("intent00002"))

    assert await inside(work) == (0, 4)


def plan(number: int, **facts: object) -> Plan:
    """A plan with its own id."""
    return replace(PLAN, plan_id=f"p{number}", code=f"{number:06}", **facts)  # type: ignore[arg-type]


async def test_the_newest_plan_is_of_this_principal_and_this_very_call() -> None:
    """Of two of one instant the later one; nobody confirms what another asked for."""

    def work(tx: Transaction) -> list[str]:
        for one in (
            plan(1, created_us=NOW_US + 1),
            plan(2, created_us=NOW_US + 2),
            plan(3, created_us=NOW_US + 2),
            plan(4, created_us=NOW_US),
            plan(5, created_us=NOW_US + 9, principal="you"),
            plan(6, created_us=NOW_US + 9, key="other"),
        ):
            tx.add_plan(one)
        found = tx.newest_plan("local", "k"), tx.newest_plan("local", "nothing")
        return ["" if one is None else one.plan_id for one in found]

    assert await inside(work) == ["p3", ""]


async def test_only_what_waits_is_open_the_newest_first() -> None:
    """What was claimed, answered or void waits for nobody."""

    def work(tx: Transaction) -> list[str]:
        for number, state in enumerate(PlanState):
            tx.add_plan(plan(number, state=state, created_us=NOW_US + number))
        tx.add_plan(plan(20, created_us=NOW_US - 1))
        tx.add_plan(plan(21, created_us=NOW_US + 50))
        return [one.plan_id for one in tx.open_plans()]

    assert await inside(work) == ["p21", "p0", "p20"]


@pytest.mark.parametrize("state", list(PlanState))
async def test_a_plan_keeps_what_was_asked_for_until_it_has_ended(state: PlanState) -> None:
    """And nothing of it afterwards."""

    def work(tx: Transaction) -> bool:
        tx.add_plan(PLAN)
        returned = tx.update_plan(PLAN, state=state)
        found = tx.plan(PLAN.plan_id)
        assert found == returned
        return bool(returned.arguments)

    assert await inside(work) is (state in {PlanState.OPEN, PlanState.CLAIMED})


async def test_an_offer_is_held_to_the_last_price_of_its_kind_of_rental() -> None:
    """An interruptible one has another price."""

    def quote(offer: int, kind: str, micros: int) -> Quote:
        return Quote(offer, 50.0, UsdPerHour(micros), 0.1, kind, NOW_US)

    def work(tx: Transaction) -> list[Quote | None]:
        tx.remember_quotes([quote(1, "on_demand", 5), quote(1, "interruptible", 2)])
        tx.remember_quotes([quote(1, "on_demand", 4), quote(2, "on_demand", 9)])
        return [
            tx.quote(1, "on_demand"),
            tx.quote(1, "interruptible"),
            tx.quote(2, "interruptible"),
        ]

    assert await inside(work) == [quote(1, "on_demand", 4), quote(1, "interruptible", 2), None]


async def test_the_first_freeze_stands_until_it_is_lifted() -> None:
    """Who froze it and when is told; lifting what is not frozen changes nothing."""

    def work(tx: Transaction) -> list[tuple[int, str] | None]:
        seen = [tx.unfreeze(0), tx.freeze(1, "one"), tx.freeze(2, "two"), tx.frozen()]
        seen += [tx.unfreeze(3), tx.frozen(), tx.freeze(4, "three"), tx.frozen()]
        return [None if one is None else (one.at_us, one.who) for one in seen]

    one, three = (1, "one"), (4, "three")
    assert await inside(work) == [None, one, one, one, one, None, three, three]


async def test_a_notice_is_claimed_once_and_again_when_it_was_untrue_or_is_over() -> None:
    """Of all processes one tells it; each notice by itself."""

    def work(tx: Transaction) -> list[bool]:
        seen = [tx.claim_notice("a", "k", 10), tx.claim_notice("a", "k", 11)]
        seen += [tx.claim_notice("b", "k", 10)]
        tx.unclaim_notice("a")
        seen += [tx.claim_notice("a", "k", 20), tx.claim_notice("b", "k", 20)]
        assert (tx.notice_at("a"), tx.notice_at("b"), tx.notice_at("c")) == (20, 10, None)
        return seen

    assert await inside(work) == [True, False, True, True, False]


@pytest.mark.parametrize(
    ("at_us", "stays"), [(89, False), (90, True), (100, True), (101, False), (1, False)]
)
async def test_a_young_notice_is_not_forgotten(at_us: int, stays: bool) -> None:
    """A late look of another process must not tell the same event twice."""

    def work(tx: Transaction) -> tuple[bool, bool]:
        tx.claim_notice("a", "k", at_us)
        tx.claim_notice("b", "k", 1)
        tx.forget_notice("a", now_us=100, young_us=10)
        return tx.notice_at("a") is not None, tx.notice_at("b") is not None

    assert await inside(work) == (stays, True)


async def test_charges_are_kept_by_machine_and_day_and_only_grow() -> None:
    """A smaller sum was read from less, and one that is equal tells nothing new."""

    def work(tx: Transaction) -> dict[tuple[str, str], Charged]:
        tx.record_charge("a", DAY, Charged(Usd(5), 1))
        tx.record_charge("a", DAY, Charged(Usd(5), 2))
        tx.record_charge("a", DAY, Charged(Usd(4), 3))
        tx.record_charge("b", DAY, Charged(Usd(6), 1))
        tx.record_charge("b", DAY, Charged(Usd(7), 4))
        tx.record_charge("a", "2026-05-31", Charged(Usd(9), 1))
        tx.record_charge("a", "2026-06-02", Charged(Usd(8), 1))
        return tx.charged_since(DAY)

    assert await inside(work) == {
        ("a", DAY): Charged(Usd(5), 1),
        ("b", DAY): Charged(Usd(7), 4),
        ("a", "2026-06-02"): Charged(Usd(8), 1),
    }


@pytest.mark.parametrize(
    ("now_us", "claimed"), [(99, True), (100, False), (109, False), (110, True), (200, True)]
)
async def test_charges_are_asked_for_by_one_process_in_a_while(now_us: int, claimed: bool) -> None:
    """A reading of the future is of a clock that was set back, and keeps nobody from it."""

    def work(tx: Transaction) -> tuple[bool, ChargeReading]:
        assert tx.charge_reading() == ChargeReading(0, 0)
        assert tx.claim_charge_reading(100, 10)
        tx.charges_read(90)
        assert tx.charge_reading() == ChargeReading(100, 90)
        return tx.claim_charge_reading(now_us, 10), tx.charge_reading()

    assert await inside(work) == (claimed, ChargeReading(now_us if claimed else 100, 90))


async def test_reading_up_to_a_later_instant_moves_the_last_try_along() -> None:
    """Nobody asks again for what has just been read."""

    def work(tx: Transaction) -> ChargeReading:
        tx.claim_charge_reading(100, 10)
        tx.charges_read(150)
        return tx.charge_reading()

    assert await inside(work) == ChargeReading(150, 150)


async def test_letters_wait_in_their_order_until_each_has_arrived() -> None:
    """One that did not arrive is taken up again, and counts how often it was tried."""

    def work(tx: Transaction) -> list[Letter]:
        first = Letter("a", "k", "text", 7, made_us=5)
        for one in (replace(first, key="b", made_us=9), first, replace(first, key="c")):
            tx.add_letter(one)
        tx.take_letter("a", 11)
        tx.take_letter("c", 12)
        tx.return_letter("c", 3)
        tx.take_letter("b", 13)
        tx.take_letter("b", 14)
        tx.return_letter("b", 1)
        tx.take_letter("b", 15)
        before = tx.letters()
        tx.drop_letter("c")
        assert [one.key for one in tx.letters()] == ["a", "b"]
        return before

    letter = Letter("a", "k", "text", 7, made_us=5)
    assert await inside(work) == [
        replace(letter, taken_us=11, tries=1),
        replace(letter, key="c", taken_us=0, tries=3),
        replace(letter, key="b", made_us=9, taken_us=15, tries=3),
    ]


async def test_the_total_of_a_rental_has_what_was_charged_beyond_its_meter() -> None:
    """From the day on which it began; of other machines nothing."""

    def work(tx: Transaction) -> tuple[Usd, Usd]:
        kept(tx, rental(1), rental(2))
        plain = tx.rental_total(rental(1), NOW_US)
        tx.record_charge("instance-27000001", DAY, Charged(Usd(70), NOW_US))
        tx.record_charge("instance-27000001", "2026-05-31", Charged(Usd(1000), NOW_US))
        tx.record_charge("instance-27000002", DAY, Charged(Usd(4000), NOW_US))
        return plain, tx.rental_total(rental(1), NOW_US)

    assert await inside(work) == (Usd(2_000_000), Usd(2_000_070))


async def test_the_sums_of_a_task_and_of_a_job_hold_all_of_theirs_and_nobody_elses() -> None:
    """However long ago; what has no task belongs to none, and the month counts its own."""
    long_ago_us = NOW_US - 60 * 24 * HOUR_US
    old = {"created_us": long_ago_us, "ended_us": long_ago_us, "state": RentalState.GONE}

    def work(tx: Transaction) -> list[int]:
        for number, facts in enumerate(
            ({"task": "t"}, {"job_id": "j"}, {"task": "u"}, {"job_id": "i"}, {}), start=1
        ):
            paid = Segment(f"intent{number:05}", "traffic", UsdPerHour(0),
                           Usd(10**number), long_ago_us, long_ago_us, long_ago_us)  # fmt: skip
            tx.add_rental(rental(number, **{**old, **facts}), [paid])
        both = tx.exposure(NOW_US, task="t", job_id="j")
        none = tx.exposure(NOW_US)
        assert none.by_month.get("2026-06", Usd(0)) == Usd(0)
        assert not none.by_day
        return [both.task_spent.micros, both.job_spent.micros, none.task_spent.micros,
                none.job_spent.micros]  # fmt: skip

    assert await inside(work) == [10, 100, 0, 0]
