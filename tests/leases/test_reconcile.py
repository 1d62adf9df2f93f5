"""Which machine a rent became, and when it is proven that it became none."""

from pathlib import Path
from typing import Any

import pytest

from tests.instances.samples import NOW_US, SECOND_US, instance, rental
from tests.world import World
from vast_mcp.account.lease_label import Marker
from vast_mcp.leases.reconcile import (
    ANSWERED_HORIZON_US,
    HORIZON_US,
    Answer,
    adopt,
    count_absence,
    find,
    hold_unmarked,
    labelled,
    seems_ours,
    unmarked_of,
)
from vast_mcp.store import Gpus, LeaseFacts, Rental, RentalState, SqliteLedger, Transaction
from vast_mcp.units import UsdPerHour

HOUR_US = 3600 * SECOND_US
OTHER_INTENT = "zzzzzzzzzzz"


def in_books(one: Rental, work: Any) -> Any:  # noqa: ANN401  what the work gives back
    """The result of some work on books that hold this rental, in memory."""

    async def run() -> Any:  # noqa: ANN401
        book = SqliteLedger(None)

        def write(tx: Transaction) -> object:
            tx.add_rental(one, [])
            return work(tx, one)

        return await book.write(write)

    return run()


async def states(one: Rental, *began_us: int) -> list[RentalState]:
    """The rental's state after each of these good reads that did not show it."""

    def count(tx: Transaction, current: Rental) -> list[RentalState]:
        found = []
        for began in began_us:
            current = count_absence(tx, current, began, began + SECOND_US)
            found.append(current.state)
        return found

    found: list[RentalState] = await in_books(one, count)
    return found


SENT = {"state": RentalState.UNKNOWN, "target_id": None, "sent_us": NOW_US}
ANSWERED = {**SENT, "facts": LeaseFacts(answered_us=NOW_US + SECOND_US)}
UNKNOWN, ABSENT = RentalState.UNKNOWN, RentalState.ABSENT
AFTER_US = NOW_US + HORIZON_US
AFTER_ANSWER_US = NOW_US + SECOND_US + ANSWERED_HORIZON_US


@pytest.mark.parametrize(
    ("books", "reads", "found"),
    [
        (SENT, (NOW_US, NOW_US, AFTER_US), (UNKNOWN, UNKNOWN, ABSENT)),
        (SENT, (NOW_US - 1, NOW_US, AFTER_US), (UNKNOWN, UNKNOWN, UNKNOWN)),
        (SENT, (AFTER_US, AFTER_US), (UNKNOWN, UNKNOWN)),
        (SENT, (NOW_US, NOW_US, AFTER_US - 1, AFTER_US), (UNKNOWN, UNKNOWN, UNKNOWN, ABSENT)),
        (ANSWERED, (AFTER_ANSWER_US - 1,) * 4, (UNKNOWN,) * 4),
        (ANSWERED, (AFTER_ANSWER_US,) * 3, (UNKNOWN, UNKNOWN, ABSENT)),
        (ANSWERED, (NOW_US,) * 3 + (AFTER_ANSWER_US,), (UNKNOWN,) * 4),
        ({**SENT, "sent_us": None}, (AFTER_US,) * 3, (UNKNOWN, UNKNOWN, ABSENT)),
    ],
)
async def test_absence_takes_three_good_reads_of_which_the_last_is_past_the_horizon(
    books: dict[str, Any], reads: tuple[int, ...], found: tuple[RentalState, ...]
) -> None:
    """Fifteen minutes where the answer was lost, five where it came; an older read proves nothing.

    A read that began in the very instant of the send counts; money is kept until the last proof.
    """
    assert tuple(await states(rental(**books), *reads)) == found


MARKER = Marker(b"k" * 32)


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({}, True),
        ({"started_at_us": None}, True),
        ({"raw_label": MARKER.label("a", rental().intent_id, NOW_US)}, True),
        ({"raw_label": MARKER.label("a", OTHER_INTENT, NOW_US)}, False),
        ({"intent_mark": OTHER_INTENT}, False),
        ({"intent_mark": rental().intent_id}, False),
        ({"machine_id": 2}, False),
        ({"started_at_us": NOW_US + 3 * HOUR_US}, True),
        ({"started_at_us": NOW_US + 3 * HOUR_US + 1}, False),
        ({"started_at_us": NOW_US - 3 * HOUR_US - 1}, False),
    ],
)
async def test_an_unmarked_machine_seems_ours_only_if_nothing_speaks_against_it(
    tmp_path: Path, changes: dict[str, Any], *, ours: bool
) -> None:
    """Of the rented machine, of that time, and nobody else's by label or environment."""
    world = World(tmp_path)
    async with world.account() as account:
        if label := changes.get("raw_label"):
            intent = MARKER.read(label)
            assert intent is not None
            changes = {**changes, "raw_label": account.marker.label("a", intent.intent_id, NOW_US)}
        one = instance(**changes)
        sent = rental(machine_id=1)
        assert seems_ours(account, sent, one) is ours
        assert labelled(account, sent, one) is (ours and "raw_label" in changes)


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        (Answer(accepted=True, named=7), LeaseFacts(answered_us=NOW_US, named_id=7)),
        (Answer(accepted=True, named=8), LeaseFacts(answered_us=NOW_US)),
        (Answer(accepted=False, named=7), LeaseFacts(answered_us=NOW_US)),
        (Answer(accepted=True, answered=False), LeaseFacts()),
        (Answer(accepted=True), LeaseFacts(answered_us=NOW_US)),
    ],
)
def test_of_an_answer_only_a_new_machine_in_a_plain_yes_is_kept_as_named(
    answer: Answer, facts: LeaseFacts
) -> None:
    """Machine 8 was there before: an answer that names it names another's."""
    assert answer.noted(LeaseFacts(), NOW_US, frozenset({8})) == facts


async def test_whoever_finds_a_machine_second_changes_nothing() -> None:
    """The first may be destroying it by now: it must not count as rented again."""
    going = rental(state=RentalState.DESTROYING)

    def again(tx: Transaction, one: Rental) -> tuple[Rental | None, Rental | None]:
        return (
            adopt(tx, one.intent_id, one.target_id or 0, NOW_US + 1),
            adopt(tx, OTHER_INTENT, 1, NOW_US),
        )

    assert await in_books(going, again) == (going, None)


async def test_a_found_machine_is_active_and_still_to_be_compared() -> None:
    """From then on it counts; its price and GPUs are looked at with the next sight of it."""
    lost = rental(
        state=UNKNOWN, target_id=None, facts=LeaseFacts(unmarked_id=5, gpus=Gpus(1, "RTX 4090"))
    )
    found = await in_books(lost, lambda tx, one: adopt(tx, one.intent_id, 5, NOW_US + 1))
    assert (found.state, found.target_id, found.settled_us) == (RentalState.ACTIVE, 5, NOW_US + 1)
    assert found.facts == LeaseFacts(gpus=Gpus(1, "RTX 4090"), checked=False)


@pytest.mark.parametrize(("shown", "counted"), [(0.5, 0.5), (0.4, 0.4), (0.3, 0.4)])
async def test_an_unmarked_machine_counts_at_the_higher_price_and_stays_unresolved(
    shown: float, counted: float
) -> None:
    """None of our acts takes it for one of our machines; a person adopts or ends it."""
    one = instance(usd_per_hour=UsdPerHour.of(shown))

    def hold(tx: Transaction, lost: Rental) -> tuple[Rental, Rental | None, Rental | None]:
        held = hold_unmarked(tx, lost, one, NOW_US)
        return held, unmarked_of(tx, one.instance_id), unmarked_of(tx, one.instance_id + 1)

    lost = rental(state=RentalState.SENDING, target_id=None)
    held, claim, none = await in_books(lost, hold)
    assert (held.state, held.target_id) == (UNKNOWN, None)
    assert held.usd_per_hour == UsdPerHour.of(counted)
    assert (claim, none) == (held, None)


async def test_a_machine_that_does_not_come_is_looked_for_within_fifteen_seconds(
    tmp_path: Path,
) -> None:
    """Less and less often; then the call answers, and the keeper goes on looking."""
    world = World(tmp_path)
    async with world.account() as account:
        began_s = world.clock.monotonic_s()
        lost = rental(state=RentalState.SENDING, target_id=None)
        assert await find(account, lost, Answer(answered=False), frozenset()) is None
        took_s = world.clock.monotonic_s() - began_s
    assert 11 < took_s <= 15
    lists = sum("v1/instances" in one.path for one in world.simulator.requests)
    assert 4 <= lists <= 7
