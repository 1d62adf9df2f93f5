"""What is owed is summed once, split exactly, and never forgotten.

See docs/design.md#money.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vast_mcp.store import (
    EndpointFacts,
    LeaseFacts,
    OutsideRental,
    Rental,
    RentalState,
    Segment,
    SqliteLedger,
    Transaction,
    day_of,
    spent_and_reserved,
    split_by_day,
    total_cost,
)
from vast_mcp.store.charges import Charged
from vast_mcp.store.exposure import (
    by_month,
    cost_by_day,
    day_end_us,
    excess,
    exposure_of,
    month_start_us,
)
from vast_mcp.units import Usd, UsdPerHour

NOW_US = 1_780_315_200_000_000
HOUR_US = 3_600_000_000
rates = st.integers(0, 10_000_000).map(UsdPerHour)
instants = st.integers(NOW_US - 40 * 24 * HOUR_US, NOW_US + 40 * 24 * HOUR_US)


def rental(number: int = 1, **changes: object) -> Rental:
    """A live rental of a machine at $0.50/h, $0.01/h stopped."""
    plain = Rental(
        intent_id=f"intent{number:05}",
        principal="local",
        kind="instance",
        state=RentalState.ACTIVE,
        request_key="",
        digest="",
        label="",
        usd_per_hour=UsdPerHour(500_000),
        disk_usd_per_hour=UsdPerHour(10_000),
        created_us=NOW_US,
        lease_ends_us=NOW_US + 4 * HOUR_US,
        target_id=27_000_000 + number,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # names of its own fields


def lease(number: int = 1, closed_us: int | None = None) -> Segment:
    """Its four hours."""
    return Segment(
        f"intent{number:05}",
        "lease",
        UsdPerHour(500_000),
        Usd(0),
        NOW_US,
        NOW_US + 4 * HOUR_US,
        closed_us,
    )


@given(rates, instants, instants)
def test_days_add_up_to_the_whole(rate: UsdPerHour, one: int, other: int) -> None:
    """Split by UTC day, nothing lost; each day is rounded up by less than a micro."""
    start, end = sorted((one, other))
    days = split_by_day(rate, start, end)
    whole = rate.micros * (end - start)
    split = sum(amount.micros for amount in days.values()) * HOUR_US
    assert 0 <= split - whole < HOUR_US * max(1, len(days))
    assert list(days) == sorted(days)
    if days:
        assert next(iter(days)) == day_of(start)


@given(rates, instants, instants, instants)
def test_spent_and_reserved_are_the_two_halves_of_the_cost(
    rate: UsdPerHour, one: int, other: int, now_us: int
) -> None:
    """Time only moves money from reserved to spent; the sum is the day's sum."""
    start, end = sorted((one, other))
    segments = [Segment("x", "lease", rate, Usd(7), start, end)]
    spent, reserved = spent_and_reserved(segments, now_us)
    assert spent + reserved == total_cost(segments, now_us)
    assert min(spent, reserved) >= Usd(0)
    assert sum(cost_by_day(segments, now_us).values(), Usd(0)) == spent + reserved


@given(st.integers(0, 4 * HOUR_US))
def test_closing_shrinks_what_is_owed_to_what_was_used(used_us: int) -> None:
    """A reservation shrinks to metered cost on stop and destroy."""
    now_us = NOW_US + used_us
    before = total_cost([lease()], now_us)
    after = total_cost([lease(closed_us=now_us)], now_us)
    assert after <= before
    assert after.micros == -(-500_000 * used_us // HOUR_US)


def test_a_lease_that_nobody_ended_goes_on_costing() -> None:
    """Unknown outcomes count as spent: an end that was not seen is no end."""
    late_us = NOW_US + 10 * HOUR_US
    assert total_cost([lease()], late_us) == Usd(5_000_000)


def counted(
    rentals: list[Rental], segments: list[Segment], outside: list[OutsideRental]
) -> tuple[int, UsdPerHour]:
    """Machines and dollars per hour of the union."""
    by_intent = {
        one.intent_id: [s for s in segments if s.intent_id == one.intent_id] for one in rentals
    }
    found = exposure_of(rentals, by_intent, {}, outside, now_us=NOW_US)
    return found.running, found.usd_per_hour


def test_a_machine_in_the_books_and_at_the_vendor_counts_once() -> None:
    """Exposure is the union by intent and instance id."""
    same = OutsideRental(27_000_001, "intent00001", UsdPerHour(500_000), running=True)
    assert counted([rental()], [lease()], [same]) == (1, UsdPerHour(500_000))
    awaited = rental(state=RentalState.UNKNOWN, target_id=None)
    assert counted([awaited], [lease()], [same]) == (1, UsdPerHour(500_000))


def test_what_the_vendor_shows_beyond_the_books_counts_too() -> None:
    """A stray, a second machine of one intent, and one that the books closed."""
    twin = OutsideRental(27_000_002, "intent00001", UsdPerHour(500_000), running=True)
    assert counted([rental()], [lease()], [twin]) == (2, UsdPerHour(1_000_000))
    gone = rental(state=RentalState.GONE, ended_us=NOW_US)
    same = OutsideRental(27_000_001, "intent00001", UsdPerHour(500_000), running=True)
    assert counted([gone], [], [same]) == (1, UsdPerHour(500_000))
    assert counted([], [], [same, twin]) == (2, UsdPerHour(1_000_000))


def test_an_endpoint_counts_all_its_workers() -> None:
    """An endpoint is priced and counted at its maximum (docs/hazards.md#money)."""
    facts = LeaseFacts(endpoint=EndpointFacts(workers=3))
    endpoint = rental(kind="endpoint", facts=facts, target_id=9)
    assert counted([endpoint], [lease()], [])[0] == 3


def test_the_dearer_of_meter_and_charge_counts() -> None:
    """Charges correct our meter, never downwards; what is reserved for later stays reserved."""
    today = day_of(NOW_US)
    segments = {"intent00001": [lease()]}
    plain = exposure_of([rental()], segments, {}, [], now_us=NOW_US).by_day[today]
    for charge, wanted in ((Usd(0), plain), (Usd(9_000_000), plain + Usd(9_000_000))):
        charged = {("instance-27000001", today): Charged(charge, NOW_US)}
        found = exposure_of([rental()], segments, charged, [], now_us=NOW_US)
        assert found.by_day[today] == wanted


def test_a_tasks_budget_counts_the_dearer_of_meter_and_charge_too() -> None:
    """A task's cap binds disk and traffic as they were charged, not as we guessed."""
    today = day_of(NOW_US)
    one = rental(task="lora")
    other = rental(2, task="other")
    segments = {"intent00001": [lease()], "intent00002": [lease(2)]}
    for charge, wanted in ((Usd(0), Usd(2_000_000)), (Usd(9_000_000), Usd(11_000_000))):
        charged = {
            ("instance-27000001", today): Charged(charge, NOW_US),
            ("instance-27000002", today): Charged(Usd(10**9), NOW_US),
        }
        found = exposure_of([one, other], segments, charged, [], now_us=NOW_US, task="lora")
        assert found.task_spent + found.task_reserved == wanted


async def test_a_tasks_budget_remembers_what_was_charged_last_month(tmp_path: Path) -> None:
    """A task may last longer than a month; its cap is for all of it."""
    book = SqliteLedger(tmp_path / "a.db")
    later_us = NOW_US + 40 * 24 * HOUR_US

    def spent(tx: Transaction) -> Usd:
        tx.add_rental(
            rental(task="lora", state=RentalState.GONE, ended_us=NOW_US + 4 * HOUR_US),
            [lease(closed_us=NOW_US + 4 * HOUR_US)],
        )
        tx.record_charge("instance-27000001", day_of(NOW_US), Charged(Usd(9_000_000)))
        found = tx.exposure(later_us, task="lora")
        assert found.by_month.get(found.today[:7], Usd(0)) == Usd(0)
        return found.task_spent

    assert await book.write(spent) == Usd(9_000_000)
    await book.close()


def unasked(one: Rental, segments: list[Segment], now_us: int = NOW_US) -> Usd:
    """What of it counts today as rented unasked."""
    found = exposure_of([one], {one.intent_id: segments}, {}, [], now_us=now_us)
    return found.unasked_today


def test_an_extension_nobody_was_asked_about_counts_from_where_it_begins() -> None:
    """What was asked about before it does not; what was paid in one piece with it does."""
    from_us = NOW_US + 3 * HOUR_US
    facts = LeaseFacts(unasked_day=day_of(NOW_US), unasked_from_us=from_us)
    asked = rental(asked=True, facts=facts)
    assert unasked(rental(asked=True), [lease()]) == Usd(0)
    assert unasked(asked, [lease()]) == Usd(500_000)
    with_it = Segment("intent00001", "traffic", UsdPerHour(0), Usd(7), from_us, from_us, from_us)
    before = replace(with_it, from_us=from_us - 1)
    assert unasked(asked, [lease(), with_it, before]) == Usd(500_007)


def test_an_extension_of_another_day_is_none_of_todays() -> None:
    """The cap on what nobody was asked about is one per day."""
    facts = LeaseFacts(unasked_day="2026-01-01", unasked_from_us=NOW_US)
    assert unasked(rental(asked=True, facts=facts), [lease()]) == Usd(0)


def test_the_days_of_a_month_are_added_up() -> None:
    """Three days of one lease are three days of its month, the next month has its own."""
    days = {"2026-05-30": Usd(1), "2026-05-31": Usd(2), "2026-06-01": Usd(4), "2026-06-02": Usd(8)}
    assert by_month(days) == {"2026-05": Usd(3), "2026-06": Usd(12)}


def test_an_awaited_machine_accounts_for_one_of_its_mark_only() -> None:
    """A second machine with the same mark bills beside it, and counts."""
    awaited = rental(state=RentalState.UNKNOWN, target_id=None)
    first = OutsideRental(27_000_001, "intent00001", UsdPerHour(500_000), running=True)
    second = replace(first, instance_id=27_000_002)
    assert counted([awaited], [lease()], [first, second]) == (2, UsdPerHour(1_000_000))


def test_a_month_begins_with_its_first_microsecond_and_a_day_ends_with_the_next() -> None:
    """1 June 2026 12:00 UTC: the month began twelve hours before, the day ends twelve after."""
    for at_us in (NOW_US, NOW_US + 29 * 24 * HOUR_US, NOW_US - 12 * HOUR_US):
        assert month_start_us(at_us) == NOW_US - 12 * HOUR_US
    assert month_start_us(NOW_US - 12 * HOUR_US - 1) < NOW_US - 12 * HOUR_US
    assert day_end_us(NOW_US) == NOW_US + 12 * HOUR_US
    assert day_end_us(NOW_US + 12 * HOUR_US - 1) == NOW_US + 12 * HOUR_US
    assert day_end_us(NOW_US + 12 * HOUR_US) == NOW_US + 36 * HOUR_US


@pytest.mark.parametrize(
    ("from_h", "read_h", "accrued"),
    [(0, 0, 1.0), (1, 0, 0.0), (1, 1, 1.5), (-13, 1, 0.5), (0, 11, 6.5), (0, 24, 7.0)],
)
def test_a_charge_is_compared_with_what_had_accrued_of_its_day_when_it_was_read(
    from_h: int, read_h: int, accrued: float
) -> None:
    """Traffic of that day, not later than the reading, has accrued; that of another day has not.

    $0.50/h from noon on (a lease that nobody ended goes on), a dollar of traffic at `from_h`, and
    $10 charged for that day, read `read_h` hours after the begin; read on another day it
    is of the whole one.
    """
    from_us = NOW_US + from_h * HOUR_US
    traffic = Segment("intent00001", "traffic", UsdPerHour(0), Usd.of(1), from_us, from_us, from_us)
    seen = Charged(Usd.of(10), NOW_US + read_h * HOUR_US)
    charged = {("instance-27000001", day_of(NOW_US)): seen}
    found = excess(rental(), [lease(), traffic], charged, NOW_US + 100 * HOUR_US)
    assert found == Usd.of(10 - accrued)


@pytest.mark.parametrize(("before_us", "counted"), [(0, 41_667), (1, 0)])
async def test_a_rental_that_ended_as_the_month_began_is_charged_its_last_minutes_in_it(
    tmp_path: Path, before_us: int, counted: int
) -> None:
    """One that ended before is of the month before, with all of its tail."""
    began_us = month_start_us(NOW_US)
    ended_us = began_us - before_us
    over = rental(
        state=RentalState.GONE, running=False, ended_us=ended_us, created_us=began_us - HOUR_US
    )
    part = Segment(
        over.intent_id, "lease", UsdPerHour(500_000), Usd(0), began_us, began_us + 4 * HOUR_US,
        began_us + 300_000_000,
    )  # fmt: skip

    def read(tx: Transaction) -> Usd:
        tx.add_rental(over, [part])
        return sum(tx.exposure(NOW_US).by_month.values(), Usd(0))

    assert await SqliteLedger(tmp_path / "a.db").write(read) == Usd(counted)
