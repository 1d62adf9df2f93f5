"""Traffic is set aside for a whole lease; what is told as spent follows the part that has run."""

from dataclasses import replace

import pytest

from tests.store.test_exposure import HOUR_US, NOW_US, lease, rental
from vast_mcp.services.metered import unused_traffic
from vast_mcp.store import Segment
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
