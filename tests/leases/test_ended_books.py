"""What the books keep for a machine that is over: its last minutes, or nothing."""

from pathlib import Path

import pytest

from tests.store.test_exposure import HOUR_US, NOW_US, lease, rental
from vast_mcp.leases import books
from vast_mcp.store import (
    LeaseFacts,
    Rental,
    RentalState,
    Segment,
    SqliteLedger,
    Transaction,
    total_cost,
)

LATER_US = NOW_US + HOUR_US


async def closed(tmp_path: Path, one: Rental, state: RentalState) -> tuple[Rental, list[Segment]]:
    """The rental and its stretches after an hour."""
    book = SqliteLedger(tmp_path / "a.db")

    def end(tx: Transaction) -> tuple[Rental, list[Segment]]:
        tx.add_rental(one, [lease()])
        over = books.close(tx, one, state, LATER_US)
        return over, list(tx.segments(one.intent_id))

    found = await book.write(end)
    await book.close()
    return found


async def test_a_destroyed_machine_owes_its_hours_and_a_few_minutes(tmp_path: Path) -> None:
    """The vendor may go on charging for minutes after a destroy: they count, never less."""
    over, segments = await closed(tmp_path, rental(), RentalState.GONE)
    assert (over.state, over.running, over.ended_us) == (RentalState.GONE, False, LATER_US)
    assert [one.closed_us for one in segments] == [LATER_US + books.BILLING_TAIL_US]
    assert total_cost(segments, LATER_US).micros == pytest.approx(500_000 * 65 / 60, abs=2)


async def test_an_ended_endpoint_owes_nothing_beyond_its_end(tmp_path: Path) -> None:
    """An endpoint itself is not a machine."""
    _, segments = await closed(tmp_path, rental(kind="endpoint"), RentalState.GONE)
    assert [one.closed_us for one in segments] == [LATER_US]


@pytest.mark.parametrize("state", [RentalState.REFUSED, RentalState.ABSENT])
async def test_what_never_existed_owes_nothing(tmp_path: Path, state: RentalState) -> None:
    """A refused rent gives back all that was set aside."""
    over, segments = await closed(tmp_path, rental(), state)
    assert (over.state, segments) == (state, [])


@pytest.mark.parametrize(
    ("facts", "rate"),
    [
        (LeaseFacts(), 300_000),
        (LeaseFacts(rise_intent="another", raised_us=NOW_US), 500_000),
        (LeaseFacts(rise_intent="mine", raised_us=NOW_US), 300_000),
        (LeaseFacts(rise_intent="another", raised_us=NOW_US - HOUR_US), 300_000),
        (LeaseFacts(rise_intent="another", raised_us=NOW_US + HOUR_US), 300_000),
    ],
)
async def test_a_rise_on_its_way_is_not_lowered_by_an_older_price(
    tmp_path: Path, facts: LeaseFacts, rate: int
) -> None:
    """Two changes of a bid at once: while the more expensive one may still arrive, it counts."""
    book = SqliteLedger(tmp_path / "a.db")
    one = rental(running=True, facts=facts)

    def settle(tx: Transaction) -> Rental:
        tx.add_rental(one, [lease()])
        lower = type(one.usd_per_hour)(300_000)
        return books.settle(tx, one, "mine", lower, NOW_US)

    settled = await book.write(settle)
    await book.close()
    assert settled.usd_per_hour.micros == rate
