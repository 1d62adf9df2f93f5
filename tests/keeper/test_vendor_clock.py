"""Whose clock decides, and from which difference on: to the microsecond."""

from datetime import UTC, datetime

import pytest

from vast_mcp.clock import SECOND_US, ManualClock
from vast_mcp.vendor_clock import (
    DECIDES_US,
    OVER_S,
    WARNS_US,
    JudgedClock,
    SimulatedTime,
    SimulatorJudge,
    VendorJudge,
    VendorTime,
    instant_us,
    judged,
)

LOCAL_US = 1_780_315_200 * SECOND_US
MINUTE_US = 60 * SECOND_US


def confirmed(ahead_us: int) -> VendorJudge:
    """A judge to whom three answers over a minute have said this; at second 60 we stand."""
    judge = VendorJudge()
    for at_s in (0.0, 30.0, 60.0):
        judge.hear(LOCAL_US + ahead_us + int((at_s - 60) * SECOND_US), at_s)
    return judge


@pytest.mark.parametrize(
    ("ahead_us", "decides"),
    [
        (0, False),
        (10 * MINUTE_US, False),
        (-10 * MINUTE_US, False),
        (10 * MINUTE_US + 1, True),
        (-10 * MINUTE_US - 1, True),
    ],
)
def test_the_confirmed_time_decides_where_it_differs_by_more_than_ten_minutes(
    ahead_us: int, *, decides: bool
) -> None:
    """Either way; a smaller difference is the local clock's business."""
    judge = confirmed(ahead_us)
    assert judge.lease_us(LOCAL_US, 60.0) == (LOCAL_US + ahead_us if decides else LOCAL_US)
    assert judge.doubt(LOCAL_US, 60.0) == ""
    assert judge.skew_us(LOCAL_US, 60.0) == -ahead_us
    assert (DECIDES_US, WARNS_US, OVER_S) == (10 * MINUTE_US, MINUTE_US, 60.0)


@pytest.mark.parametrize(
    ("ahead_us", "doubts"),
    [
        (10 * MINUTE_US, False),
        (10 * MINUTE_US + 1, True),
        (-10 * MINUTE_US, False),
        (-10 * MINUTE_US - 1, True),
    ],
)
def test_one_answer_that_contradicts_by_more_than_ten_minutes_is_a_doubt_and_decides_nothing(
    ahead_us: int, *, doubts: bool
) -> None:
    """It may be a proxy's; it is carried on by the monotonic clock as well."""
    judge = VendorJudge()
    assert judge.doubt(LOCAL_US, 0.0) == ""
    assert judge.skew_us(LOCAL_US, 0.0) is None
    judge.hear(LOCAL_US + ahead_us - 5 * SECOND_US, 0.0)
    assert bool(judge.doubt(LOCAL_US, 5.0)) is doubts
    assert judge.lease_us(LOCAL_US, 5.0) == LOCAL_US
    assert judge.skew_us(LOCAL_US, 5.0) == -ahead_us


@pytest.mark.parametrize(
    ("third_us", "agrees"),
    [(0, True), (5 * SECOND_US, True), (5 * SECOND_US + 1, False), (-5 * SECOND_US, True)],
)
def test_answers_agree_within_five_seconds(third_us: int, *, agrees: bool) -> None:
    """A `Date` has whole seconds, and an answer takes some."""
    time = VendorTime()
    time.hear(LOCAL_US, 0.0)
    time.hear(LOCAL_US + 30 * SECOND_US, 30.0)
    time.hear(LOCAL_US + 60 * SECOND_US + third_us, 60.0)
    assert (time.confirmed_us(60.0) is not None) is agrees


@pytest.mark.parametrize(
    ("off_us", "stands"), [(MINUTE_US, True), (MINUTE_US + 1, False), (-MINUTE_US - 1, False)]
)
def test_a_confirmed_time_stands_until_an_answer_is_more_than_a_minute_off(
    off_us: int, *, stands: bool
) -> None:
    """Then this computer slept, or a clock was set: it is asked for again."""
    time = VendorTime()
    for at_s in (0.0, 30.0, 60.0):
        time.hear(LOCAL_US + int(at_s * SECOND_US), at_s)
    time.hear(LOCAL_US + 90 * SECOND_US + off_us, 90.0)
    assert (time.confirmed_us(90.0) is not None) is stands
    assert time.last_us(91.0) == LOCAL_US + 91 * SECOND_US + off_us


def test_the_middle_of_what_agrees_is_the_time() -> None:
    """Neither the first nor the latest answer alone."""
    time = VendorTime()
    for at_s, off_s in ((0.0, 0), (30.0, 2), (60.0, 4)):
        time.hear(LOCAL_US + int((at_s + off_s) * SECOND_US), at_s)
    assert time.confirmed_us(100.0) == LOCAL_US + 102 * SECOND_US


@pytest.mark.parametrize(
    ("heard", "now_us"),
    [
        ([], None),
        ([(0, 0.0)], 20 * SECOND_US),
        ([(0, 0.0), (600, 9.9)], 20 * SECOND_US),
        ([(0, 0.0), (600, 10.0)], 1200 * SECOND_US),
        ([(0, 0.0), (600, 10.0), (500, 15.0)], 505 * SECOND_US),
        ([(600, 0.0), (600, 10.0)], 620 * SECOND_US),
    ],
)
def test_a_simulators_pace_is_taken_over_ten_seconds_and_begins_again_when_it_is_set_back(
    heard: list[tuple[int, float]], now_us: int | None
) -> None:
    """Its own time at our second twenty."""
    time, judge = SimulatedTime(), SimulatorJudge()
    for date_s, at_s in heard:
        time.hear(date_s * SECOND_US, at_s)
        judge.hear(date_s * SECOND_US, at_s)
    assert time.now_us(20.0) == now_us
    assert judge.lease_us(LOCAL_US, 20.0) == (LOCAL_US if now_us is None else now_us)
    assert (judge.doubt(LOCAL_US, 20.0), judge.skew_us(LOCAL_US, 20.0)) == ("", None)


NOON_US = int(datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()) * SECOND_US


@pytest.mark.parametrize(
    ("date", "at_us"),
    [
        ("Sun, 29 Nov 2026 12:00:00 GMT", NOON_US),
        ("Sun, 29 Nov 2026 12:00:00 -0000", NOON_US),
        ("Sun, 29 Nov 2026 13:00:00 +0100", NOON_US),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_read_as_utc_and_what_is_none_is_not_heard(
    date: str | None, at_us: int | None
) -> None:
    """A header of any form breaks nothing."""
    assert instant_us(date) == at_us
    clock = JudgedClock(ManualClock(), VendorJudge())
    clock.hear(date)
    assert (clock.skew_s() is None) is (at_us is None)


@pytest.mark.parametrize(
    ("base", "judge"),
    [
        ("https://console.vast.ai", VendorJudge),
        ("http://127.0.0.1:8000", SimulatorJudge),
        ("http://localhost", SimulatorJudge),
    ],
)
def test_a_vendor_on_loopback_is_a_simulator(base: str, judge: type) -> None:
    """Its clock is simply used."""
    clock = judged(ManualClock(), base)
    assert clock is not None
    assert isinstance(clock._judge, judge)


async def test_only_the_time_of_leases_is_judged_and_all_else_is_the_local_clocks() -> None:
    """Waits, ids, codes and spread go on as they are; the vendor's clock is ours, corrected."""
    local = ManualClock(LOCAL_US, auto_advance=True)
    clock = JudgedClock(local, confirmed(60 * MINUTE_US))
    local.move(60)
    assert clock.lease_us() == LOCAL_US + 60 * MINUTE_US
    assert clock.skew_s() == 60 - 3600
    assert (clock.utc_us(), clock.monotonic_s()) == (local.utc_us(), 60.0)
    await clock.sleep(5)
    assert clock.monotonic_s() == local.monotonic_s() == 65.0
    local.think(3)
    assert clock.real_s() == 3.0
    assert clock.vendor() is clock
    assert all(0.8 <= clock.jitter(0.8, 1.0) <= 1.0 for _ in range(20))
    assert (len(clock.random_id(11)), len(clock.random_code())) == (11, 6)


def test_the_latest_answers_and_the_first_are_kept() -> None:
    """Sixteen: the vendor's clock as it is now, measured from where it began."""
    time = VendorTime()
    for number in range(40):
        off_s = 4 if number < 20 else 0
        time.hear(LOCAL_US + (number * 5 + off_s) * SECOND_US, number * 5.0)
    assert time.confirmed_us(200.0) == LOCAL_US + 200 * SECOND_US
