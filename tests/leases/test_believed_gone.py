"""When lists without a machine prove that it is gone: never one that was read too early."""

from pathlib import Path

import pytest

from tests.store.test_exposure import HOUR_US, NOW_US, rental
from vast_mcp.leases.observing import _believably_gone
from vast_mcp.leases.reconcile import ABSENT_LISTS
from vast_mcp.store import LeaseFacts, Rental, RentalState, SqliteLedger, Transaction

SENT_US = NOW_US + 2 * HOUR_US
DESTROYING = rental(state=RentalState.DESTROYING, facts=LeaseFacts(destroy_us=SENT_US))


async def believed(tmp_path: Path, one: Rental, *began_us: int) -> list[bool]:
    """What each of these lists, none of which shows it, leads to."""
    book = SqliteLedger(tmp_path / "a.db")

    def look(tx: Transaction) -> list[bool]:
        tx.add_rental(one, [])
        found = []
        for began in began_us:
            now = tx.rental(one.intent_id)
            assert now is not None
            found.append(_believably_gone(tx, now, began))
        return found

    said = await book.write(look)
    await book.close()
    return said


async def test_lists_read_before_a_destroy_was_sent_prove_nothing(tmp_path: Path) -> None:
    """However many there are; those read from then on count."""
    early = [SENT_US - 1] * 5
    assert await believed(tmp_path, DESTROYING, *early) == [False] * 5


async def test_a_destroyed_machine_is_gone_after_so_many_lists_and_not_before(
    tmp_path: Path,
) -> None:
    """Lists lag: the first without it may be an old one."""
    late = [SENT_US + number for number in range(ABSENT_LISTS)]
    wanted = [False] * (ABSENT_LISTS - 1) + [True]
    assert await believed(tmp_path, DESTROYING, *late) == wanted


@pytest.mark.parametrize("minutes", [0, 1])
async def test_a_machine_just_rented_is_not_judged_by_a_list(tmp_path: Path, minutes: int) -> None:
    """The vendor's list shows a create late."""
    began_us = NOW_US + minutes * 1_000_000
    assert await believed(tmp_path, rental(), *[began_us] * 6) == [False] * 6


async def test_a_machine_is_judged_from_two_minutes_after_its_rent_on(tmp_path: Path) -> None:
    """To the microsecond."""
    began = [NOW_US + 120_000_000 - 1] * 3 + [NOW_US + 120_000_000] * 3
    assert await believed(tmp_path, rental(), *began) == [False] * 5 + [True]


async def test_a_machine_nobody_asked_to_destroy_is_missed_three_times(tmp_path: Path) -> None:
    """Two short lists are a vendor's trouble, not a machine's end."""
    late = [SENT_US + number for number in range(3)]
    assert await believed(tmp_path, rental(), *late) == [False, False, True]
