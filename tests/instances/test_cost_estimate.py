"""Traffic is set aside for a whole lease; what is told as spent follows the part that has run."""

from dataclasses import replace
from typing import Any

import pytest

from tests.store.test_exposure import HOUR_US, NOW_US, lease, rental
from vast_mcp.instances.cost_estimate import billed_by_day, likely_spent, unused_traffic
from vast_mcp.store import Charged, LeaseFacts, LowStretch, Segment
from vast_mcp.units import Usd, UsdPerHour

TRAFFIC = Segment("intent00001", "traffic", UsdPerHour(0), Usd(400), NOW_US, NOW_US, NOW_US)


@pytest.mark.parametrize(("hours", "ahead"), [(0, 400), (1, 300), (2, 200), (3, 100), (4, 0)])
def test_the_share_of_traffic_that_lies_ahead_shrinks_with_the_lease(
    hours: int, ahead: int
) -> None:
    """Four hours were leased: after each of them a quarter less lies ahead."""
    now_us = NOW_US + hours * HOUR_US
    assert unused_traffic(rental(), [lease(), TRAFFIC], now_us) == Usd(ahead)


def test_a_lease_that_has_not_begun_has_all_its_traffic_ahead() -> None:
    """Seen from before its first second, nothing of it is used."""
    assert unused_traffic(rental(), [lease(), TRAFFIC], NOW_US - HOUR_US) == Usd(400)


def test_a_lease_in_two_stretches_counts_both() -> None:
    """An hour, a pause, an hour: of the three hours to the end one lies ahead after the second."""
    first = replace(lease(), until_us=NOW_US + HOUR_US, closed_us=NOW_US + HOUR_US)
    second = replace(lease(), from_us=NOW_US + 2 * HOUR_US)
    now_us = NOW_US + 3 * HOUR_US
    assert unused_traffic(rental(), [first, second, TRAFFIC], now_us) == Usd(133)


DAY = "2026-06-01"
"""`NOW_US` is its noon."""


def billed(
    hours: float,
    *segments: Segment,
    charged: int | None = None,
    day: str = DAY,
    source: str = "instance-27000001",
    **changes: Any,  # noqa: ANN401  any field of the rental
) -> dict[str, int]:
    """Micro-dollars by day, so many hours after the rent."""
    known = {} if charged is None else {(source, day): Charged(Usd(charged), NOW_US)}
    now_us = NOW_US + int(hours * HOUR_US)
    found = billed_by_day(rental(**changes), segments or (lease(), TRAFFIC), known, now_us)
    return {day: amount.micros for day, amount in found.items()}


@pytest.mark.parametrize(("hours", "told"), [(0, 0), (1, 500_100), (2, 1_000_200), (4, 2_000_400)])
def test_what_was_billed_is_time_that_has_passed_and_its_share_of_traffic(
    hours: float, told: int
) -> None:
    """Nothing of what lies ahead, though the caps count it already."""
    assert billed(hours) == {DAY: told}
    one = rental()
    assert likely_spent(one, [lease(), TRAFFIC], NOW_US + int(hours * HOUR_US)) == Usd(told)


def test_each_day_has_its_own_and_traffic_is_of_the_first() -> None:
    """A lease over midnight."""
    long = replace(lease(), until_us=NOW_US + 16 * HOUR_US)
    ends: dict[str, Any] = {"lease_ends_us": NOW_US + 16 * HOUR_US}
    assert billed(16, long, TRAFFIC, **ends) == {DAY: 6_000_400, "2026-06-02": 2_000_000}


@pytest.mark.parametrize(
    ("charged", "told"), [(1, 500_100), (500_101, 500_101), (9_000_000, 9_000_000)]
)
def test_the_larger_of_meter_and_charge_is_what_was_billed(charged: int, told: int) -> None:
    """For the same machine and day; another machine's charges are its own."""
    assert billed(1, charged=charged) == {DAY: told}
    assert billed(1, charged=charged, source="instance-27000002") == {DAY: 500_100}
    assert billed(1, charged=7, day="2026-06-02") == {DAY: 500_100, "2026-06-02": 7}


def test_an_endpoint_costs_what_was_charged_for_it() -> None:
    """Its workers come and go unseen; what is set aside for them is not spent."""
    facts: dict[str, Any] = {"kind": "endpoint", "target_id": 9}
    assert billed(3, **facts) == {}
    assert billed(3, charged=5, source="endpoint-9", **facts) == {DAY: 5}


@pytest.mark.parametrize(
    ("stretches", "told"),
    [
        ([(0, 10_000, 1)], 10_000 + 500_000),
        ([(0, 0, 1)], 500_000),
        ([(0, 10_000, 9)], 20_000),
        ([(-1, 10_000, 1)], 510_000),
        ([(1, 600_000, 2)], 1_000_000),
        ([(0, 10_000, 1), (1, 10_000, 2)], 20_000),
        ([(3, 10_000, 4)], 1_000_000),
    ],
)
def test_a_stretch_in_which_it_was_seen_to_bill_less_costs_less(
    stretches: list[tuple[int, int, int]], told: int
) -> None:
    """Two hours after the rent; as far as it has passed, and never more than was counted."""
    low = tuple(
        LowStretch(NOW_US + a * HOUR_US, micros, NOW_US + b * HOUR_US) for a, micros, b in stretches
    )
    assert billed(2, lease(), facts=LeaseFacts(low=low)) == {DAY: told}
