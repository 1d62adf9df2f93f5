"""Charges as they are told: which days are asked for, how they are grouped, what is left out."""

import pytest

from vast_mcp.leases.charges import ChargedLine, Window, inside, sums
from vast_mcp.models import ChargeItem
from vast_mcp.text import Untrusted
from vast_mcp.units import Usd
from vast_mcp.views.charges import Grouping, Period, grouped, windows_of

DAY_US = 86_400_000_000
JUNE_US = 20_605 * DAY_US
"""2026-06-01T00:00Z."""
NOW_US = JUNE_US + 9 * DAY_US + DAY_US // 2
"""10 June, noon."""


def item(
    source: str = "instance-1",
    *,
    usd: int = 100_000,
    from_us: int = 0,
    until_us: int = 0,
    **parts: int,
) -> ChargeItem:
    """A row of the vendor; the parts are micro-dollars."""
    gpu, disk, traffic = (Usd(parts.get(name, 0)) for name in ("gpu", "disk", "traffic"))
    return ChargeItem(
        source, "instance", Untrusted(""), Usd(usd), gpu, disk, traffic, from_us, until_us
    )


def line(source: str = "instance-1", *, day: int = 0, days: int = 1, **facts: int) -> ChargedLine:
    """A row of some days of June."""
    start_us = JUNE_US + day * DAY_US
    return ChargedLine(Window(start_us, start_us + days * DAY_US), item(source, **facts))


def day(number: int, until: int | None = None) -> Window:
    """From one day of June (0: the first) until another one, by default the next."""
    end = number + 1 if until is None else until
    return Window(JUNE_US + number * DAY_US, JUNE_US + end * DAY_US)


@pytest.mark.parametrize(
    ("period", "by_day", "now_us", "asked"),
    [
        ("day", True, NOW_US, [day(9)]),
        ("day", False, NOW_US, [day(9)]),
        ("week", False, NOW_US, [day(each) for each in range(3, 10)]),
        ("month", True, NOW_US, [day(each) for each in range(10)]),
        ("month", False, NOW_US, [day(0, 9), day(9)]),
        ("month", False, JUNE_US, [day(0)]),
        ("month", False, JUNE_US + DAY_US, [day(0), day(1)]),
        ("week", True, JUNE_US + 6 * DAY_US - 1, [day(each) for each in range(-1, 6)]),
    ],
)
def test_a_period_is_asked_for_in_whole_days_with_today_by_itself(
    period: Period, by_day: bool, now_us: int, asked: list[Window]
) -> None:
    """Seven days are a week, a month begins with its first; today alone can correct the books."""
    assert windows_of(period, now_us, by_day=by_day) == asked


def told(lines: list[ChargedLine], group_by: Grouping = "instance") -> list[tuple[object, object]]:
    """Group and dollars of each row."""
    return [(row["group"], row["usd"]) for row in grouped(lines, group_by) if isinstance(row, dict)]


def test_machines_stand_with_the_most_expensive_first_each_with_its_sum() -> None:
    """What costs most is what a person looks for."""
    rows = [line("a", usd=100_000), line("b", usd=300_000), line("a", day=1, usd=50_000)]
    assert told(rows) == [("b", 0.3), ("a", 0.15)]
    assert told(rows[::-1]) == [("b", 0.3), ("a", 0.15)]


def test_days_stand_in_their_order_whatever_they_cost() -> None:
    """A series over time is read in the order of time."""
    rows = [line(day=1, usd=300_000), line(day=2, usd=900_000), line("b", usd=1), line(usd=100_000)]
    assert told(rows, "day") == [("2026-06-01", 0.1), ("2026-06-02", 0.3), ("2026-06-03", 0.9)]


@pytest.mark.parametrize(
    ("count", "rows", "last"), [(40, 40, 0.01), (41, 41, 0.01), (45, 41, 0.15)]
)
def test_forty_groups_are_shown_and_the_rest_is_one_sum(count: int, rows: int, last: float) -> None:
    """A long account is told short, and its parts still add up to the whole."""
    lines = [line(f"instance-{each}", usd=10_000 * (each + 1)) for each in range(count)]
    found = told(lines)
    assert len(found) == rows
    assert found[-1] == ("instance-0" if count == 40 else f"{count - 40} more", last)
    assert sum(float(str(usd)) for _, usd in found) == pytest.approx(count * (count + 1) / 200)


def test_a_group_is_split_into_what_it_was_charged_for() -> None:
    """GPU, disk and traffic, each summed; what was not charged is not named."""
    rows = [line(usd=900, gpu=500, disk=300, traffic=100), line(usd=500, gpu=500)]
    assert grouped(rows, "instance") == [
        {
            "group": "instance-1",
            "usd": 0.0014,
            "gpu_usd": 0.001,
            "disk_usd": 0.0003,
            "traffic_usd": 0.0001,
        }
    ]
    assert grouped([line(usd=500, gpu=500)], "instance") == [
        {"group": "instance-1", "usd": 0.0005, "gpu_usd": 0.0005}
    ]
    assert grouped([line(usd=500)], "instance") == [{"group": "instance-1", "usd": 0.0005}]


@pytest.mark.parametrize(("micros", "told_usd"), [(0, 0), (49, 0), (51, 0.0001), (149, 0.0001)])
def test_dollars_are_told_to_a_hundredth_of_a_cent(micros: int, told_usd: float) -> None:
    """The sum of a group, rounded once."""
    assert told([line(usd=micros)]) == [("instance-1", told_usd)]


def test_kinds_add_up_to_the_whole_and_rounding_is_no_kind() -> None:
    """What is none of the three is told as other; a tenth of a cent is the vendor's rounding."""
    rows = [line(usd=9_000, gpu=3_000, disk=1_001, traffic=1_000), line(usd=1_001, traffic=1)]
    assert told(rows, "kind") == [
        ("gpu", 0.003), ("disk", 0.001), ("traffic", 0.001), ("other", 0.005),
    ]  # fmt: skip
    assert told([line(usd=3_000, gpu=1_000, disk=1_000, traffic=1_000)], "kind") == []
    assert told([line(usd=2_001, gpu=1_000)], "kind") == [("other", 0.001)]
    assert told([line(usd=1_000, gpu=2_001)], "kind") == [("gpu", 0.002)]


HOUR_US = DAY_US // 24
START_US = JUNE_US


@pytest.mark.parametrize(
    ("from_h", "until_h", "counted"),
    [
        (1, 3, 600),
        (0, 24, 600),
        (-2, 0, None),
        (24, 26, None),
        (-1, 1, 300),
        (-2, 1, 200),
        (22, 25, 400),
        (-24, 72, 150),
        (5, 5, 600),
        (0, 0, 600),
        (24, 24, None),
        (7, 5, 600),
    ],
)
def test_of_a_row_that_reaches_beyond_its_day_the_share_of_its_time_counts(
    from_h: int, until_h: int, counted: int | None
) -> None:
    """Over neighbouring days every cent counts once, wherever a row begins and ends."""
    row = item(usd=600, gpu=600, disk=600, traffic=600, from_us=START_US + from_h * HOUR_US,
               until_us=START_US + until_h * HOUR_US)  # fmt: skip
    found = inside(day(0), [row, row])
    amounts = [(one.item.amount, one.item.gpu, one.item.disk, one.item.traffic) for one in found]
    assert amounts == ([] if counted is None else [(Usd(counted),) * 4])


@pytest.mark.parametrize(("from_us", "until_us"), [(0, 0), (0, START_US), (NOW_US, 0), (-1, -1)])
def test_a_row_that_does_not_say_when_counts_whole(from_us: int, until_us: int) -> None:
    """Money without a time is still money."""
    found = inside(day(0), [item(usd=7, from_us=from_us, until_us=until_us)])
    assert [one.item.amount for one in found] == [Usd(7)]


def test_a_share_is_rounded_up() -> None:
    """Never less than was charged."""
    row = item(usd=1, from_us=START_US - HOUR_US, until_us=START_US + HOUR_US)
    assert [one.item.amount for one in inside(day(0), [row])] == [Usd(1)]


def test_only_what_is_of_one_day_and_of_a_known_source_corrects_the_books() -> None:
    """A month's sum says nothing of any day; a row without a source belongs to no machine."""
    rows = [line(usd=1), line(usd=2), line("b", usd=4), line(day=1, usd=8), line("", usd=16)]
    assert sums([*rows, line(days=2, usd=32)]) == {
        ("instance-1", "2026-06-01"): Usd(3),
        ("b", "2026-06-01"): Usd(4),
        ("instance-1", "2026-06-02"): Usd(8),
    }
