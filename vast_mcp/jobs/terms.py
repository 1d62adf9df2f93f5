"""What a job may spend and how long it may run: pure arithmetic, in one place."""

import math
from dataclasses import dataclass

from vast_mcp.models import Offer
from vast_mcp.units import HOUR_S, Usd, UsdPerHour

TRAFFIC_GB = 10.0
"""As a rent reserves it."""
DEFAULT_HOURS = 4.0
LONGEST_DEFAULT_HOURS = 24.0
SHORTEST_HOURS = 0.25
_HEADROOM = 1.25
"""A replacement may cost so much more per hour than the best offer at the time of the question."""
_CENT = 10_000


@dataclass(frozen=True, slots=True)
class JobTerms:
    """What the question names."""

    ceiling: UsdPerHour
    hours: float
    at_most: Usd


def terms_of(
    best: Offer, *, max_cost: Usd | None, max_hours: float | None, price_cap: UsdPerHour
) -> JobTerms | None:
    """Ceiling, time and total for a job on this offer; None when the money is not enough."""
    ceiling = _ceiling(best.usd_per_hour, price_cap)
    traffic = traffic_of(best)
    wanted = max_hours or (LONGEST_DEFAULT_HOURS if max_cost else DEFAULT_HOURS)
    wanted = min(wanted, best.max_hours)
    if max_cost is None:
        return JobTerms(ceiling, wanted, ceiling.over(wanted * HOUR_S) + traffic)
    hours = min(wanted, affordable_hours(max_cost, traffic, best.usd_per_hour))
    return JobTerms(ceiling, hours, max_cost) if hours >= SHORTEST_HOURS else None


def _ceiling(rate: UsdPerHour, price_cap: UsdPerHour) -> UsdPerHour:
    with_room = UsdPerHour(math.ceil(rate.micros * _HEADROOM / _CENT) * _CENT)
    return max(min(with_room, price_cap), rate)


def traffic_of(offer: Offer) -> Usd:
    """What a rent sets aside for traffic."""
    return Usd.ceil(offer.download_usd_per_gb * TRAFFIC_GB)


def affordable_hours(left: Usd, traffic: Usd, rate: UsdPerHour) -> float:
    """How long that much money lasts, in whole minutes."""
    if rate.micros <= 0:
        return LONGEST_DEFAULT_HOURS
    # A rent rounds its rate up to a hundredth of a cent and each day up to a micro-dollar.
    minutes = (left.micros - traffic.micros - 1000) * 60 / (rate.micros + 100)
    return max(0.0, math.floor(minutes) / 60)
