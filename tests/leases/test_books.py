"""What the books do with what is seen of a machine: what counts from then on, and since when."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.instances.samples import NOW_US, instance, rental
from vast_mcp.leases import books
from vast_mcp.store import (
    Gpus,
    KeyState,
    LeaseFacts,
    LowStretch,
    Rental,
    RentalState,
    Segment,
    SqliteLedger,
    Transaction,
)
from vast_mcp.units import Usd, UsdPerHour

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
END_US = NOW_US + 4 * HOUR_US
STOPPED = {"actual_status": "exited", "cur_state": "stopped", "intended_status": "stopped"}
LOADING = {"actual_status": "loading", "cur_state": "running"}
CREATED = {"actual_status": "created", "cur_state": "running"}
Steps = Callable[[Transaction, Rental], Rental]
Stretch = tuple[str, int, int, int | None, int | None]
"""Kind, micro-dollars per hour; from, until and closed as minutes after the rent."""


async def after(
    tmp_path: Path, steps: Steps, one: Rental | None = None
) -> tuple[Rental, list[Stretch]]:
    """The rental and its stretches after these steps, of a lease of four hours at $0.40/h."""
    kept = one or rental()
    book = SqliteLedger(tmp_path / "a.db")

    def work(tx: Transaction) -> tuple[Rental, list[Stretch]]:
        lease = Segment(kept.intent_id, "lease", kept.usd_per_hour, Usd(0), NOW_US, END_US)
        tx.add_rental(kept, [lease])
        steps(tx, kept)
        found = tx.rental(kept.intent_id)
        assert found is not None
        return found, [stretch(each) for each in tx.segments(kept.intent_id)]

    result = await book.write(work)
    await book.close()
    return result


def stretch(one: Segment) -> Stretch:
    """In minutes, to be read; time costs by its rate alone."""
    assert one.fixed == Usd(0)
    until, closed = (
        None if at_us is None else (at_us - NOW_US) // MINUTE_US
        for at_us in (one.until_us, one.closed_us)
    )
    return one.kind, one.rate.micros, (one.from_us - NOW_US) // MINUTE_US, until, closed


def seen(*sights: tuple[float, dict[str, Any] | None], read_min: float | None = None) -> Steps:
    """Looks at these minutes after the rent, each showing the machine so; None: it is gone."""

    def steps(tx: Transaction, one: Rental) -> Rental:
        for minute, facts in sights:
            now_us = NOW_US + int(minute * MINUTE_US)
            read_us = now_us if read_min is None else NOW_US + int(read_min * MINUTE_US)
            shown = None if facts is None else instance(**facts)
            one = books.observe(tx, one, shown, now_us, read_us)
        return one

    return steps


WHOLE: Stretch = ("lease", 400_000, 0, 240, None)


def cut(minute: int, rate: int = 400_000) -> Stretch:
    """The lease until a minute."""
    return ("lease", rate, 0, 240, minute)


BID = {"is_bid": True}


@pytest.mark.parametrize(
    ("sights", "running", "stretches"),
    [
        ([(1, {})], True, [WHOLE]),
        ([(60, STOPPED)], False, [cut(60), ("disk", 10_000, 60, None, None)]),
        ([(60, BID | STOPPED)], True, [WHOLE]),
        ([(60, STOPPED | {"intended_status": "running"})], True, [WHOLE]),
        ([(60, None)], False, [cut(65)]),
        (
            [(60, STOPPED), (90, {})],
            True,
            [cut(60), ("disk", 10_000, 60, None, 90), ("lease", 400_000, 90, 240, None)],
        ),
        ([(60, STOPPED), (90, STOPPED)], False, [cut(60), ("disk", 10_000, 60, None, None)]),
        ([(60, None), (90, {})], False, [cut(65)]),
    ],
)
async def test_a_stop_a_start_and_an_end_change_what_counts_from_when_they_are_seen(
    tmp_path: Path,
    sights: list[tuple[float, dict[str, Any] | None]],
    running: bool,
    stretches: list[Stretch],
) -> None:
    """Only a machine that is meant to stand shrinks its reservation; an outbid one resumes."""
    found, kept = await after(tmp_path, seen(*sights))
    assert found.running is running
    assert kept == stretches


@pytest.mark.parametrize(
    ("rate", "stretches"),
    [
        (399_999, [WHOLE]),
        (400_100, [WHOLE]),
        (400_101, [cut(60), ("lease", 400_101, 60, 240, None)]),
        (900_000, [cut(60), ("lease", 900_000, 60, 240, None)]),
    ],
)
async def test_a_higher_price_counts_from_when_it_is_seen_and_a_lower_one_never(
    tmp_path: Path, rate: int, stretches: list[Stretch]
) -> None:
    """A hundredth of a cent is the vendor's rounding, and no new price."""
    found, kept = await after(tmp_path, seen((60, {"usd_per_hour": UsdPerHour(rate)})))
    assert kept == stretches
    assert found.usd_per_hour == UsdPerHour(stretches[-1][1])


@pytest.mark.parametrize(
    ("facts", "ran"), [({}, True), (LOADING, False), (CREATED, False), (STOPPED, False)]
)
async def test_only_a_machine_that_was_seen_running_has_run(
    tmp_path: Path, facts: dict[str, Any], ran: bool
) -> None:
    """What never came up is told and treated otherwise than what stopped."""
    assert (await after(tmp_path, seen((1, facts))))[0].ever_ran is ran


@pytest.mark.parametrize(("read_min", "running"), [(59, False), (60, True), (61, True)])
async def test_a_read_that_began_before_a_stop_says_nothing_about_it(
    tmp_path: Path, read_min: float, running: bool
) -> None:
    """A slow answer of before the stop must not make the machine count as started again."""

    def steps(tx: Transaction, one: Rental) -> Rental:
        one = seen((60, STOPPED))(tx, one)
        return seen((61, {}), read_min=read_min)(tx, one)

    assert (await after(tmp_path, steps))[0].running is running


async def test_what_was_seen_by_a_clock_that_ran_ahead_blinds_nobody(tmp_path: Path) -> None:
    """The clock was set back: a stop of the future does not hide the machine that runs now."""
    found, _ = await after(tmp_path, seen((120, STOPPED), (60, {})))
    assert found.running


def low(found: Rental) -> list[tuple[float, int, float]]:
    """When it was seen to bill less: from, micro-dollars per hour, until; in minutes."""
    return [
        ((from_us - NOW_US) / MINUTE_US, micros, (until_us - NOW_US) / MINUTE_US)
        for from_us, micros, until_us in found.facts.low
    ]


OFFLINE = {"actual_status": "offline"}


@pytest.mark.parametrize(
    ("sights", "noted"),
    [
        ([(1, {})], []),
        ([(1, CREATED)], [(1, 10_000, 1)]),
        ([(1, CREATED), (1.74, CREATED)], [(1, 10_000, 1)]),
        ([(1, CREATED), (1.75, CREATED)], [(1, 10_000, 1.75)]),
        ([(1, CREATED), (4, CREATED)], [(1, 10_000, 4)]),
        ([(1, CREATED), (4.01, CREATED)], [(1, 10_000, 1), (4.01, 10_000, 4.01)]),
        ([(1, CREATED), (3, CREATED), (5, CREATED)], [(1, 10_000, 5)]),
        ([(1, CREATED), (2, OFFLINE)], [(1, 10_000, 1), (2, 0, 2)]),
        ([(1, CREATED), (2, OFFLINE), (3, OFFLINE)], [(1, 10_000, 1), (2, 0, 3)]),
        ([(1, CREATED), (2, {}), (3, CREATED)], [(1, 10_000, 3)]),
    ],
)
async def test_less_than_what_is_counted_is_noted_where_it_was_seen_at_both_ends(
    tmp_path: Path,
    sights: list[tuple[float, dict[str, Any]]],
    noted: list[tuple[float, int, float]],
) -> None:
    """Seen twice within three minutes it was so in between; a look a second writes no more."""
    found, kept = await after(tmp_path, seen(*sights))
    assert low(found) == noted
    assert kept == [WHOLE]


async def test_no_more_than_two_hundred_stretches_are_kept(tmp_path: Path) -> None:
    """A machine that flickers for days does not fill the ledger."""
    found, _ = await after(tmp_path, seen(*[(10 * each, CREATED) for each in range(205)]))
    assert len(low(found)) == 200
    assert low(found)[-1] == (1990, 10_000, 1990)


def began(at_us: int) -> Steps:
    """It was taken for over, and the vendor shows it an hour after the rent at $0.30/h."""

    def steps(tx: Transaction, one: Rental) -> Rental:
        books.close(tx, one, one.state, at_us)
        shown = instance(usd_per_hour=UsdPerHour(300_000))
        return books.reopen(tx, one, shown, NOW_US + HOUR_US)

    return steps


@pytest.mark.parametrize(
    ("state", "ended_min", "from_min"),
    [
        (RentalState.GONE, 30, 30),
        (RentalState.GONE, None, 60),
        (RentalState.GONE, 90, 60),
        (RentalState.REFUSED, 30, 0),
        (RentalState.ABSENT, 30, 0),
    ],
)
async def test_what_was_taken_for_over_and_is_shown_counts_again(
    tmp_path: Path, state: RentalState, ended_min: int | None, from_min: int
) -> None:
    """From its end on; what was never thought to exist, from the instant it was sent."""
    ended_us = None if ended_min is None else NOW_US + ended_min * MINUTE_US
    over = rental(state=state, ended_us=ended_us, running=False, target_id=None)
    found, kept = await after(tmp_path, began(NOW_US + 30 * MINUTE_US), over)
    assert (found.state, found.running, found.ended_us) == (RentalState.ACTIVE, True, None)
    assert found.target_id == instance().instance_id
    assert found.settled_us == NOW_US + HOUR_US
    assert ("lease", 300_000, from_min, 240, None) in kept


@pytest.mark.parametrize(
    ("state", "unapproved"), [(RentalState.GONE, False), (RentalState.ABSENT, True)]
)
async def test_a_machine_that_came_late_at_a_higher_price_was_not_approved_so(
    tmp_path: Path, state: RentalState, unapproved: bool
) -> None:
    """One that was there before may cost more by now: its bid was raised elsewhere meanwhile."""

    def steps(tx: Transaction, one: Rental) -> Rental:
        shown = instance(usd_per_hour=UsdPerHour(700_000))
        return books.reopen(tx, one, shown, NOW_US + HOUR_US)

    over = rental(
        state=state,
        ended_us=NOW_US + HOUR_US,
        running=False,
        facts=LeaseFacts(gpus=Gpus(1, "RTX 4090")),
    )
    found, kept = await after(tmp_path, steps, over)
    assert found.usd_per_hour == UsdPerHour(700_000)
    assert kept[-1] == ("lease", 700_000, 0 if unapproved else 60, 240, None)
    assert bool(found.facts.breach) is unapproved


def raised(sent_min: float, *, by: str = "other", to: int = 500_000) -> Steps:
    """A call sends a higher bid; another one has read back $0.30/h an hour after the rent."""

    def steps(tx: Transaction, one: Rental) -> Rental:
        one = books.reprice(tx, one, UsdPerHour(to), NOW_US)
        one = books.rise(tx, one, by, NOW_US + int(sent_min * MINUTE_US))
        return books.settle(tx, one, "mine", UsdPerHour(300_000), NOW_US + HOUR_US)

    return steps


@pytest.mark.parametrize(
    ("steps", "rate"),
    [
        (raised(60), 500_000),
        (raised(57.01), 500_000),
        (raised(57), 300_000),
        (raised(61), 300_000),
        (raised(60, by="mine"), 300_000),
        (raised(60, to=200_000), 300_000),
    ],
)
async def test_what_was_read_back_is_the_price_unless_a_higher_one_may_still_arrive(
    tmp_path: Path, steps: Steps, rate: int
) -> None:
    """Another call's rise is on its way for three minutes; the own one has just been read."""
    found, _ = await after(tmp_path, steps)
    assert found.usd_per_hour == UsdPerHour(rate)


async def test_once_a_rise_has_settled_the_price_can_fall_again(tmp_path: Path) -> None:
    """What was on its way is no more: it does not hold up the next change."""

    def steps(tx: Transaction, one: Rental) -> Rental:
        one = books.rise(tx, one, "mine", NOW_US)
        one = books.settle(tx, one, "mine", UsdPerHour(500_000), NOW_US)
        return books.settle(tx, one, "next", UsdPerHour(300_000), NOW_US + MINUTE_US)

    found, _ = await after(tmp_path, steps)
    assert found.usd_per_hour == UsdPerHour(300_000)


async def test_a_price_that_stays_opens_no_new_stretch(tmp_path: Path) -> None:
    """The books grow with what changes, not with what is read."""

    def steps(tx: Transaction, one: Rental) -> Rental:
        return books.settle(tx, one, "mine", one.usd_per_hour, NOW_US + HOUR_US)

    assert (await after(tmp_path, steps))[1] == [WHOLE]


async def test_the_bid_of_a_stopped_machine_counts_once_it_runs(tmp_path: Path) -> None:
    """While it is stopped only its disk bills, whatever was bid for it."""

    def steps(tx: Transaction, one: Rental) -> Rental:
        one = seen((60, STOPPED))(tx, one)
        one = books.reprice(tx, one, UsdPerHour(900_000), NOW_US + 70 * MINUTE_US)
        assert len(tx.segments(one.intent_id)) == 2
        return books.resume(tx, one, NOW_US + 80 * MINUTE_US, END_US + HOUR_US)

    found, kept = await after(tmp_path, steps)
    assert kept[1:] == [("disk", 10_000, 60, None, 80), ("lease", 900_000, 80, 300, None)]
    assert found.lease_ends_us == END_US + HOUR_US


async def test_an_end_that_was_known_is_not_moved_by_seeing_it_again(tmp_path: Path) -> None:
    """When it ended stays as it was first seen."""

    def steps(tx: Transaction, one: Rental) -> Rental:
        one = books.close(tx, one, RentalState.GONE, NOW_US + HOUR_US)
        return books.close(tx, one, RentalState.GONE, NOW_US + 2 * HOUR_US)

    found, kept = await after(tmp_path, steps)
    assert found.ended_us == NOW_US + HOUR_US
    assert kept == [cut(65)]


UP: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("facts", "shown", "expected"),
    [
        (LeaseFacts(starting=True, came_up=False), LOADING, (False, False, 60)),
        (LeaseFacts(starting=True, came_up=False), UP, (False, True, 60)),
        (LeaseFacts(starting=True), UP, (False, None, 60)),
        (LeaseFacts(came_up=False), UP, (False, True, 0)),
        (LeaseFacts(came_up=False), LOADING, (False, False, 0)),
        (LeaseFacts(came_up=True), LOADING, (False, True, 0)),
        (LeaseFacts(), UP, (False, None, 0)),
        (LeaseFacts(starting=True, came_up=False), STOPPED, (True, False, 0)),
    ],
)
async def test_a_start_is_on_its_way_until_its_machine_moves_and_failed_until_it_runs(
    tmp_path: Path,
    facts: LeaseFacts,
    shown: dict[str, Any],
    expected: tuple[bool, bool | None, int],
) -> None:
    """A machine still seen at rest may have the start before it: nothing is freed by that look."""
    found, kept = await after(tmp_path, seen((60, shown)), rental(facts=facts))
    seen_min = (found.facts.seen_us - NOW_US) // MINUTE_US if found.facts.seen_us else 0
    assert (found.facts.starting, found.facts.came_up, seen_min) == expected
    assert (found.running, kept) == (True, [WHOLE])


async def test_a_look_that_tells_nothing_new_writes_nothing_new(tmp_path: Path) -> None:
    """The books grow with what changes: a machine that runs on is the row it was."""
    facts = LeaseFacts(came_up=True, low=(LowStretch(NOW_US, 10_000, NOW_US + MINUTE_US),))
    one = rental(facts=facts, ever_ran=True)
    found, _ = await after(tmp_path, seen((60, UP), (61, UP)), one)
    assert found == one


async def test_a_stop_that_was_sent_ends_a_start_on_its_way(tmp_path: Path) -> None:
    """Our own stop came after the start: at rest is then what the machine will stay."""
    facts = LeaseFacts(starting=True, stop_sent=True, breach="another GPU")
    found, kept = await after(tmp_path, seen((60, STOPPED), read_min=59), rental(facts=facts))
    assert kept == [cut(60), ("disk", 10_000, 60, None, None)]
    assert not found.running
    expected = LeaseFacts(
        stop_sent=True, seen_us=NOW_US + 59 * MINUTE_US, rested_us=NOW_US + HOUR_US
    )
    assert replace(found.facts, low=()) == expected


async def test_a_stopped_bid_that_we_stopped_rests(tmp_path: Path) -> None:
    """Outbid it would come back by itself; stopped by us it does not."""
    one = rental(facts=LeaseFacts(stop_sent=True))
    found, kept = await after(tmp_path, seen((60, BID | STOPPED)), one)
    assert kept == [cut(60), ("disk", 10_000, 60, None, None)]
    assert not found.running


async def test_a_machine_started_elsewhere_answers_the_stop_that_we_sent_before(
    tmp_path: Path,
) -> None:
    """It is not stopped once more for what was asked then; its lease holds as before."""

    def steps(tx: Transaction, one: Rental) -> Rental:
        one = seen((60, STOPPED))(tx, one)
        return seen((90, UP), read_min=89)(tx, one)

    found, kept = await after(tmp_path, steps, rental(facts=LeaseFacts(stop_sent=True)))
    assert kept[-1] == ("lease", 400_000, 90, 240, None)
    assert (found.facts.stop_sent, found.facts.seen_us) == (False, NOW_US + 89 * MINUTE_US)


async def test_only_the_first_look_compares_a_machine_with_what_was_approved(
    tmp_path: Path,
) -> None:
    """What breaches the approval stays in the books when the next look is of a lower price."""
    over = rental(
        state=RentalState.ABSENT,
        running=False,
        facts=LeaseFacts(missed=2, gpus=Gpus(1, "RTX 4090")),
    )

    def steps(tx: Transaction, one: Rental) -> Rental:
        shown = instance(usd_per_hour=UsdPerHour(700_000))
        one = books.reopen(tx, one, shown, NOW_US + HOUR_US)
        assert (one.facts.checked, one.facts.missed) == (True, 0)
        return seen((61, UP))(tx, one)

    found, _ = await after(tmp_path, steps, over)
    assert found.facts.breach
    assert found.usd_per_hour == UsdPerHour(700_000)


@pytest.mark.parametrize("intent", ["abcdefghijk", "nobody knows"])
async def test_how_the_key_stands_is_noted_of_a_rental_that_is_known(
    tmp_path: Path, intent: str
) -> None:
    """An attempt that ends after its rental was forgotten changes no other."""

    def steps(tx: Transaction, one: Rental) -> Rental:
        books.note_key(tx, intent, KeyState.GIVEN)
        return one

    found, _ = await after(tmp_path, steps)
    expected = KeyState.GIVEN if intent == found.intent_id else KeyState.UNKNOWN
    assert found.facts.key is expected
