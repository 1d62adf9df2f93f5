"""Whose a machine is: by the books, its environment, its label and its rivals, row by row."""

from typing import Any

import pytest

from tests.instances.samples import NOW_US, SECOND_US, instance, rental
from vast_mcp.account.belonging import NEAR_US, TWIN_US, Bearers, Belonging, first_of, near
from vast_mcp.account.lease_label import Marker
from vast_mcp.models import Instance
from vast_mcp.store import OutsideRental, Rental, RentalState, SqliteLedger, Transaction
from vast_mcp.units import UsdPerHour

MARKER = Marker(b"k" * 32)
INTENT = rental().intent_id
OTHER = "zzzzzzzzzzz"
END_US = NOW_US + 3600 * SECOND_US
STOPPED = {"actual_status": "exited", "intended_status": "stopped", "cur_state": "stopped"}


def marked(intent_id: str = INTENT, **changes: Any) -> Instance:  # noqa: ANN401  any field
    """A machine with our mark of this intent in its label."""
    return instance(raw_label=MARKER.label("a", intent_id, END_US), **changes)


def named(intent_id: str = INTENT, **changes: Any) -> Instance:  # noqa: ANN401  any field
    """A machine whose environment names this intent, and whose label says nothing."""
    return instance(intent_mark=intent_id, shows_environment=True, **changes)


async def whose(one: Instance, *others: Instance, books: Rental | None = None) -> Belonging:
    """Whose it is on this list, by books that hold this rental."""

    def look(tx: Transaction) -> Belonging:
        if books is not None:
            tx.add_rental(books, [])
        return Bearers(MARKER, [one, *others]).whose(one, tx)

    return await SqliteLedger(None).write(look)


LOST = rental(target_id=None, state=RentalState.UNKNOWN, machine_id=1)


@pytest.mark.parametrize(
    ("one", "books", "ours", "copied"),
    [
        (instance(), None, False, ""),
        (instance(), rental(), True, ""),
        (marked(OTHER), rental(), True, ""),
        (marked(), None, True, ""),
        (marked(intent_mark=OTHER, shows_environment=True), None, False, "not rented with it"),
        (named(), None, False, ""),
        (named(), LOST, True, ""),
        (named(INTENT[:-1]), LOST, False, ""),
        (marked(), LOST, True, ""),
        (marked(instance_id=5), rental(), False, "belongs to instance 27000001"),
        (named(instance_id=5), rental(), False, "made two machines for one rent"),
        (
            named(instance_id=5, started_at_us=NOW_US + TWIN_US + 1),
            rental(),
            False,
            "belongs to instance 27000001",
        ),
        (marked(), rental(kind="endpoint", target_id=None), False, "belongs to an endpoint"),
        (marked(started_at_us=NOW_US + NEAR_US + 1), LOST, False, "not created when that rent"),
        (marked(started_at_us=NOW_US + NEAR_US), LOST, True, ""),
    ],
)
async def test_a_machine_is_ours_by_the_books_or_by_a_mark_that_nothing_contradicts(
    one: Instance, books: Rental | None, copied: str, *, ours: bool
) -> None:
    """A label is text that anybody can copy; a copy says why it is one."""
    found = await whose(one, books=books)
    assert found.ours is ours
    assert copied in found.copied
    assert bool(found.copied) is bool(copied)
    if found.copied:
        assert (found.rental, found.mark) == (None, None)
        assert found.copied_until_us in {END_US, rental().lease_ends_us}


@pytest.mark.parametrize(
    ("one", "rival", "ours"),
    [
        (marked(), marked(instance_id=5, started_at_us=NOW_US + 1), False),
        (marked(), marked(OTHER, instance_id=5), True),
        (
            marked(intent_mark=INTENT, shows_environment=True),
            marked(instance_id=5, started_at_us=NOW_US - 1),
            True,
        ),
        (
            marked(intent_mark=INTENT, shows_environment=True),
            named(instance_id=5, started_at_us=NOW_US - 1),
            False,
        ),
        (
            marked(intent_mark=INTENT, shows_environment=True),
            named(instance_id=5, started_at_us=NOW_US + 1),
            True,
        ),
        (
            marked(intent_mark=INTENT, shows_environment=True),
            named(instance_id=5, started_at_us=None),
            False,
        ),
        (
            marked(intent_mark=INTENT, shows_environment=True),
            named(instance_id=27_000_002),
            True,
        ),
    ],
)
async def test_of_two_that_bear_one_mark_without_books_the_older_environment_is_ours(
    one: Instance, rival: Instance, *, ours: bool
) -> None:
    """Two labels alone prove nothing of either: then neither is ours."""
    assert (await whose(one, rival)).ours is ours


@pytest.mark.parametrize(
    ("rivals", "first"),
    [
        ([{}], 27_000_001),
        ([{}, {"instance_id": 5, "started_at_us": NOW_US + 1}], 27_000_001),
        ([{}, {"instance_id": 5, "started_at_us": NOW_US - 1}], 5),
        ([{}, {"instance_id": 5, "started_at_us": NOW_US - 1, "machine_id": 2}], 27_000_001),
        ([{}, {"instance_id": 5}], 5),
        ([{"started_at_us": None}, {"instance_id": 28_000_000}], 28_000_000),
        ([{"started_at_us": NOW_US + NEAR_US + 1}], None),
        ([], None),
    ],
)
def test_a_rent_became_the_first_machine_that_bears_it_on_the_machine_that_was_rented(
    rivals: list[dict[str, Any]], first: int | None
) -> None:
    """By its begin, then by its id; one elsewhere comes last, one of another time not at all."""
    found = first_of(MARKER, LOST, [marked(**changes) for changes in rivals])
    assert (found.instance_id if found else None) == first


@pytest.mark.parametrize(
    ("started_us", "sent_us", "fits"),
    [
        (None, NOW_US, True),
        (NOW_US - NEAR_US, NOW_US, True),
        (NOW_US - NEAR_US - 1, NOW_US, False),
        (NOW_US + NEAR_US, None, True),
        (NOW_US + NEAR_US + 1, None, False),
    ],
)
def test_a_machine_is_of_a_rent_if_it_began_within_three_hours_of_its_send(
    started_us: int | None, sent_us: int | None, *, fits: bool
) -> None:
    """Where the send is not known, of its booking."""
    assert near(instance(started_at_us=started_us), rental(sent_us=sent_us)) is fits


async def test_our_machines_are_counted_by_what_they_bill_whether_or_not_the_books_know_them() -> (
    None
):
    """Running at its price, stopped at its disk's; strangers and copies are not ours to count."""
    listed = [
        marked(),
        marked("bbbbbbbbbbb", instance_id=2, **STOPPED),
        marked("ccccccccccc", instance_id=3, intent_mark=OTHER, shows_environment=True),
        instance(instance_id=4),
    ]
    bearers = Bearers(MARKER, listed)

    def look(tx: Transaction) -> tuple[list[OutsideRental], list[int]]:
        return bearers.outside(tx), [one.instance_id for one, _ in bearers.copies(tx)]

    outside, copies = await SqliteLedger(None).write(look)
    assert outside == [
        OutsideRental(27_000_001, INTENT, UsdPerHour.of(0.4), running=True),
        OutsideRental(2, "bbbbbbbbbbb", UsdPerHour.of(0.01), running=False),
    ]
    assert copies == [3]
    assert bearers.whose(listed[0], None).ours
