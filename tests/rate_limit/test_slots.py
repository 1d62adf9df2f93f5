"""The rules of the shared pace, to the microsecond: who leaves when, who waits, who is told."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from vast_mcp.rate_limit.slots import SCHEMA, Book, Grant, Lane, SlotRequest

NOON_US = 1_780_315_200_000_000
"""2026-06-01T12:00Z."""
HOUR_S = 3600
SAVING, URGENT, ORDINARY, BACKGROUND = Lane
DAY_CLOSED = Grant(12 * HOUR_S * 1_000_000, refused="quota")


class Desk:
    """One book of the pace, asked at instants in seconds after noon."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._db.executescript(SCHEMA)

    def book(self, at_s: float) -> Book:
        """The rows at that instant."""
        return Book(self._db, NOON_US + round(at_s * 1_000_000))

    def take(
        self,
        at_s: float,
        kind: str = "a",
        lane: Lane = ORDINARY,
        *,
        interval_s: float = 2,
        patience_s: float = 1000,
        queued: bool = False,
        shared: bool = True,
    ) -> Grant:
        """One call that would leave."""
        wish = SlotRequest(
            kind, int(interval_s * 1_000_000), lane, round(patience_s * 1_000_000), queued, shared
        )
        return self.book(at_s).take(wish)

    def wait(self, at_s: float, kind: str = "a", lane: Lane = ORDINARY, **options: float) -> float:
        """The same, in seconds."""
        return self.take(at_s, kind, lane, **options).wait_us / 1_000_000  # type: ignore[arg-type]

    def push(
        self,
        at_s: float,
        kind: str = "a",
        asked_s: float | None = None,
        *,
        interval_s: float = 2,
        quota: bool = False,
    ) -> None:
        """The vendor refused one."""
        self.book(at_s).push(kind, interval_s, asked_s, quota=quota)

    def depart(self, *kinds: str, at_s: float = 0, lane: Lane = SAVING) -> None:
        """One of each leaves at once."""
        for kind in kinds:
            assert self.take(at_s, kind, lane) == Grant(0, leaves=True)

    def kept(self) -> int:
        """How many departures the file holds."""
        return int(self._db.execute("SELECT COUNT(*) FROM departures").fetchone()[0])


@pytest.fixture
def desk() -> Iterator[Desk]:
    """An empty one, in memory."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield Desk(connection)


GO = Grant(0, leaves=True)


def test_the_first_leaves_and_those_behind_it_get_a_place_each(desk: Desk) -> None:
    """Two seconds and the margin lie between two of a kind; nobody passes who came before."""
    assert desk.take(0) == GO
    waits = desk.take(1)
    assert (waits.wait_us, waits.leaves, waits.refused) == (1_050_000, False, "")
    assert desk.take(1) == Grant(3_100_000)
    assert desk.take(2.04, queued=True) == Grant(10_000)
    assert desk.take(2.05, queued=True) == GO
    assert desk.take(4.09, queued=True) == Grant(10_000)
    assert desk.take(4.10, queued=True) == GO


def test_whoever_comes_when_the_interval_is_over_waits_for_nothing(desk: Desk) -> None:
    """Not a microsecond before, and at that instant at once."""
    assert desk.take(0) == GO
    assert desk.take(2.049999, "a", URGENT).wait_us == 1
    assert desk.take(10.1) == GO
    assert desk.take(12.15) == GO


def test_those_who_go_ahead_move_the_queue(desk: Desk) -> None:
    """A place is not a right to leave: the second look sees who went just before."""
    desk.take(0)
    assert desk.wait(1) == 1.05
    assert desk.take(1, "a", URGENT) == Grant(1_050_000, leaves=True)
    assert desk.take(2.05, queued=True) == Grant(2_050_000)
    assert [desk.wait(2.05), desk.wait(2.05)] == [2.05, 4.1]


@pytest.mark.parametrize("lane", [ORDINARY, BACKGROUND, URGENT])
def test_whoever_would_wait_longer_than_its_patience_is_told(desk: Desk, lane: Lane) -> None:
    """To the microsecond: what fits the patience gets its turn."""
    desk.take(0)
    assert desk.take(1, "a", lane, patience_s=1.049999) == Grant(1_050_000, refused="patience")
    granted = desk.take(1, "a", lane, patience_s=1.05)
    assert (granted.wait_us, granted.refused) == (1_050_000, "")


def test_what_saves_money_has_every_patience(desk: Desk) -> None:
    """A stop is never refused by the own pace."""
    desk.take(0)
    assert desk.take(1, "a", SAVING, patience_s=0) == Grant(1_050_000, leaves=True)


@pytest.mark.parametrize("lane", [SAVING, URGENT])
def test_whoever_goes_ahead_waits_ten_seconds_at_most(desk: Desk, lane: Lane) -> None:
    """After that a refusal by the vendor is the lesser evil."""
    waits = [desk.wait(0, "a", lane, interval_s=6) for _ in range(4)]
    assert waits == [0, 6.05, 10, 10]


def test_ten_seconds_is_the_most_for_the_accounts_budget_too(desk: Desk) -> None:
    """Five have left; a stop waits for the window once the vendor has shown that it counts."""
    desk.depart("a", "b", "c", "d", "e")
    desk.push(0, "f", 8)
    assert desk.take(0, "g", SAVING) == Grant(10_000_000, leaves=True)


@pytest.mark.parametrize(
    ("lane", "grant"),
    [(ORDINARY, DAY_CLOSED), (BACKGROUND, DAY_CLOSED), (URGENT, GO), (SAVING, GO)],
)
def test_a_used_up_day_closes_its_kind_until_midnight(desk: Desk, lane: Lane, grant: Grant) -> None:
    """What is urgent is asked all the same; another kind is not touched."""
    desk.push(-10, quota=True)
    assert desk.take(0, "b", lane) == GO
    assert desk.take(0, "a", lane) == grant


def test_a_closed_day_ends_with_its_midnight_and_no_clock_makes_it_longer(desk: Desk) -> None:
    """One that was closed at midnight is closed for all of that day, and for no other."""
    desk.push(-12 * HOUR_S, quota=True)
    assert desk.take(-12 * HOUR_S).wait_us == 24 * HOUR_S * 1_000_000
    assert desk.take(12 * HOUR_S - 1) == Grant(1_000_000, refused="quota")
    assert desk.take(12 * HOUR_S) == GO
    desk.push(0, "b", quota=True)
    assert desk.take(-12 * HOUR_S - 1, "b").refused == ""


@pytest.mark.parametrize(
    ("pushed_s", "lane", "step_s"),
    [
        (-100, ORDINARY, 2.55),
        (-100, URGENT, 2.55),
        (-100, SAVING, 2.05),
        (0, URGENT, 2.55),
        (-6 * HOUR_S + 1.5, URGENT, 2.55),
        (-6 * HOUR_S + 1, URGENT, 2.05),
        (100, URGENT, 2.05),
    ],
)
def test_after_a_refusal_a_kind_keeps_a_quarter_more_distance_for_six_hours(
    desk: Desk, pushed_s: float, lane: Lane, step_s: float
) -> None:
    """The documented interval was not enough; a refusal of the future is of another clock."""
    desk.push(pushed_s)
    desk.take(0, "a", SAVING)
    assert desk.wait(1, "a", lane) == pytest.approx(step_s - 1)


@pytest.mark.parametrize(
    ("asked_s", "wait_s"), [(None, 2), (0, 0), (1.5, 1.5), (8, 8), (60, 60), (61, 60), (1e6, 60)]
)
def test_a_refused_kind_waits_as_long_as_the_vendor_asks_and_a_minute_at_most(
    desk: Desk, asked_s: float | None, wait_s: float
) -> None:
    """Without a number it is the interval."""
    desk.push(0, "a", asked_s)
    assert desk.wait(0) == wait_s


def test_what_saves_money_does_not_wait_for_a_refusal(desk: Desk) -> None:
    """However long the vendor asks to wait: a stop goes out, and so does the look it needs."""
    desk.push(0, "a", 60)
    assert desk.take(0, "a", SAVING) == GO
    desk.push(0, "b", 60)
    assert desk.take(0, "b", URGENT) == GO


def test_a_shorter_wait_takes_back_nothing_of_a_longer_one(desk: Desk) -> None:
    """Two refusals at once: the later end holds, also against an answer that has arrived."""
    desk.push(0, "a", 20)
    desk.push(1, "a", 5)
    desk.book(2).arrive("a", 2_000_000)
    assert desk.wait(2, lane=BACKGROUND) == 18
    desk.push(3, "a", 30)
    assert desk.wait(3, lane=BACKGROUND) == 30


def test_the_next_keeps_its_distance_from_the_arrival_of_the_last(desk: Desk) -> None:
    """A request may be long under way, and the vendor counts when it comes."""
    desk.book(0).arrive("a", 2_000_000)
    assert desk.wait(0.5) == 1.5
    desk.push(100, "b", 40)
    desk.book(0).arrive("b", 2_000_000)
    assert desk.wait(0, "b") == 2


@pytest.mark.parametrize(("lane", "part"), [(BACKGROUND, 3), (ORDINARY, 4), (URGENT, 4)])
def test_of_five_calls_in_ten_seconds_each_lane_has_its_part(
    desk: Desk, lane: Lane, part: int
) -> None:
    """The pages of a list leave room for who is waited for, all leave one for what saves money."""
    for number in range(part):
        assert desk.take(number / 10, f"kind{number}", lane) == GO
    assert desk.wait(1, "one more", lane) == pytest.approx(9.05)
    assert desk.take(1, "a stop", SAVING) == GO
    assert desk.take(1, "elsewhere", lane, shared=False) == GO


def test_room_comes_back_when_the_oldest_leaves_the_window(desk: Desk) -> None:
    """Ten seconds and the margin after it; one that went elsewhere takes no room."""
    for number in range(4):
        desk.depart(f"kind{number}", at_s=number)
    for number in range(9):
        assert desk.take(4, f"else{number}", shared=False) == GO
    assert desk.take(10.04, "new", queued=True) == Grant(10_000)
    assert desk.take(10.05, "new", queued=True) == GO
    assert desk.take(10.05, "next", queued=True) == Grant(1_000_000)


def test_those_who_wait_for_the_accounts_room_stand_in_one_queue(desk: Desk) -> None:
    """Each gets a quarter of the window behind the one before; a page has no place in it."""
    desk.depart("a", "b", "c", "d")
    assert desk.wait(0, "e") == 10.05
    assert desk.wait(0, "page", BACKGROUND) == 12.55
    assert desk.wait(0, "page", BACKGROUND) == 12.55
    assert desk.wait(0, "f") == 12.55
    assert desk.wait(0, "g") == 15.05
    assert desk.take(0, "else", shared=False) == GO


def test_waiting_for_the_own_interval_takes_no_place_in_the_accounts_queue(desk: Desk) -> None:
    """Only who waits longer than that holds others up."""
    desk.take(0)
    assert desk.wait(0) == 2.05
    assert desk.take(0, "b") == GO
    desk.take(0, shared=False)
    assert desk.wait(0, shared=False) == 6.15
    assert desk.take(0, "c") == GO


@pytest.mark.parametrize(
    ("left", "asked_s", "interval_s", "shown"),
    [
        (4, None, 2, True),
        (4, 3, 2, True),
        (4, 2, 2, False),
        (4, 2, 1.5, False),
        (4, 2.1, 1.5, True),
        (3, 8, 2, False),
        (5, 8, 2, True),
    ],
)
def test_a_refusal_that_no_interval_explains_in_a_full_window_is_the_accounts(
    desk: Desk, left: int, asked_s: float | None, interval_s: float, shown: bool
) -> None:
    """Then its wait holds for all kinds, and stops count their five as well."""
    desk.depart(*(f"kind{number}" for number in range(left)))
    desk.push(9.5, "a", asked_s, interval_s=interval_s)
    wait_s = interval_s if asked_s is None else asked_s
    room_s = 0.55 if left >= 4 else 0
    assert desk.wait(9.5, "other", BACKGROUND) == (wait_s if shown else max(room_s, 0.55))
    assert desk.take(9.5, "other", BACKGROUND, shared=False) == GO


def test_a_window_is_full_for_ten_seconds(desk: Desk) -> None:
    """What left before that explains no refusal of now."""
    desk.depart("a", "b", "c", "d")
    desk.push(10, "e", 30)
    assert desk.wait(10, "other") == pytest.approx(0.05)
    desk.push(9.999, "e", 30)
    assert desk.wait(10, "another") == pytest.approx(29.999)


@pytest.mark.parametrize(
    ("after_s", "kind", "shown"),
    [(0, "b", True), (60, "b", True), (60.001, "b", False), (10, "a", False), (-1, "b", False)],
)
def test_two_kinds_refused_within_a_minute_show_the_accounts_limit(
    desk: Desk, after_s: float, kind: str, shown: bool
) -> None:
    """One kind that is refused again shows nothing but its own pace."""
    desk.push(0, "a", 30)
    desk.push(after_s, kind, 30)
    assert desk.wait(after_s, "other") == (30 if shown else 0)


def test_the_accounts_wait_is_not_shortened_and_a_used_up_day_shows_nothing(desk: Desk) -> None:
    """The longest of the waits holds."""
    desk.push(0, "a", 30)
    desk.push(0, "b", 20)
    desk.push(0, "b", 5)
    assert desk.wait(0, "other", BACKGROUND) == 20
    desk.push(100, "c", 30, quota=True)
    desk.push(100, "d", 30, quota=True)
    assert desk.wait(100, "other", BACKGROUND) == 0


@pytest.mark.parametrize(
    ("at_s", "counts"),
    [(0, True), (6 * HOUR_S - 1, True), (6 * HOUR_S, False), (-60, True), (-61, False)],
)
def test_stops_count_their_five_for_six_hours_after_the_limit_was_shown(
    desk: Desk, at_s: float, counts: bool
) -> None:
    """Before and after that they pass; one of up to a minute ahead is another process's clock."""
    desk.push(0, "x", 1)
    desk.push(0, "y", 30)
    desk.depart("a", "b", "c", "d", "e", at_s=at_s)
    assert desk.wait(at_s, "f", SAVING) == (10 if counts else 0)


@pytest.mark.parametrize(
    ("back_s", "wait_s"), [(0, 2.05), (5, 7.05), (10, 12.05), (10.001, 0), (3600, 0)]
)
def test_a_clock_that_was_set_back_blocks_nobody(desk: Desk, back_s: float, wait_s: float) -> None:
    """A departure of up to ten seconds ahead is of one who went ahead; a later one is none."""
    desk.depart("a")
    assert desk.wait(-back_s, "a", queued=True) == wait_s


@pytest.mark.parametrize(("back_s", "wait_s"), [(5, 15.05), (10.001, 0)])
def test_departures_of_the_future_fill_no_window(desk: Desk, back_s: float, wait_s: float) -> None:
    """The same for the account's budget."""
    desk.depart("a", "b", "c", "d")
    assert desk.wait(-back_s, "e") == wait_s


@pytest.mark.parametrize(
    ("interval_s", "back_s", "wait_s"),
    [(2, 97.45, 160), (2, 97.451, 0), (0.5, 49.325, 110), (0.5, 49.326, 0)],
)
def test_a_place_beyond_fifty_intervals_and_a_minute_is_forgotten(
    desk: Desk, interval_s: float, back_s: float, wait_s: float
) -> None:
    """No queue is that long: the clock was set back. An interval counts as a second at least."""
    desk.push(0, "a", 60, interval_s=interval_s)
    assert (
        desk.wait(0, "a", interval_s=interval_s, shared=False) == 60
    )  # the next place is one step later
    assert desk.wait(-back_s, "a", interval_s=interval_s, shared=False) == wait_s


def test_a_wait_of_more_than_a_minute_ahead_is_forgotten(desk: Desk) -> None:
    """Nobody is asked to wait longer than that."""
    desk.push(0, "a", 60)
    assert desk.wait(-0.001, lane=BACKGROUND) == 0
    desk.push(0, "b", 60)
    assert desk.wait(0, "b", BACKGROUND) == 60


def test_the_file_keeps_what_lies_in_the_window_and_no_more(desk: Desk) -> None:
    """An account that lives for months does not fill the disk."""
    for number in range(100):
        desk.depart(f"kind{number}", at_s=number)
    assert desk.kept() <= 12


def test_a_call_counts_for_the_account_unless_it_goes_elsewhere(desk: Desk) -> None:
    """And has no place in a queue until it has been given one."""
    plain = SlotRequest("a", 0, ORDINARY, 0)
    assert (plain.shared, plain.queued) == (True, False)
    assert desk.book(0).take(plain) == GO
    assert desk.kept() == 1
