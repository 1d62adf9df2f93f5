"""How many whole hours all rules together admit, and what else would bring an act below them."""

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import replace

from vast_mcp.policy._case import Bill
from vast_mcp.units import HOUR_S, Usd, UsdPerHour

_LONGEST_H = 100_000
"""Beyond it a lease is a slip of the keyboard."""
_ROUNDING = Usd(1)
"""What a split over days may round up."""
HOURS_ARGUMENT: Mapping[str, str] = {
    "create_instance": "lease_hours",
    "start_instance": "lease_hours",
    "extend_lease": "hours",
    "create_endpoint": "lease_hours",
    "run_job": "max_hours",
}
"""What an act calls the hours it is given; every other act has none that could be fewer."""
_CHOOSE = {"create_instance", "run_job"}
"""Acts that take an offer of the market."""
_WORKERS = {"create_endpoint", "update_endpoint", "create_workergroup"}


def most_hours(bill: Bill, refused: Callable[[Bill], bool]) -> int:
    """The most whole hours, fewer than asked, that are not `refused`; 0 when there are none.

    Fewer hours are never judged worse, so halving the range finds it.
    """
    asked = asked_hours(bill)
    if bill.action not in HOURS_ARGUMENT or not 1 < asked <= _LONGEST_H:
        return 0
    fewer = range(1, math.ceil(asked))
    return bisect_left(fewer, True, key=lambda hours: refused(_shortened(bill, hours)))


def _shortened(bill: Bill, hours: int) -> Bill:
    """The same act for fewer hours: what it costs then, and on which days."""
    spend = bill.spend
    cost = _rate(bill).over(hours * HOUR_S) + _once(bill)
    days, left = {}, cost + _ROUNDING
    for day, amount in sorted(spend.by_day.items()):
        days[day] = min(amount, left)
        left -= days[day]
    shorter = replace(
        spend,
        lease_hours=spend.lease_hours - (asked_hours(bill) - hours),
        cost=cost,
        rental_total=spend.rental_total - spend.cost + cost,
        by_day=days,
    )
    return replace(bill, spend=shorter)


def asked_hours(bill: Bill) -> float:
    """The hours this act adds: the lease itself, or for a longer one what its cost buys."""
    rate = _rate(bill).micros
    whole = bill.spend.lease_hours
    bought = bill.spend.cost.micros / rate if rate > 0 else 0.0
    if math.isfinite(whole) and 0 <= whole <= bought + 1 / HOUR_S:
        return whole
    return bought


def _rate(bill: Bill) -> UsdPerHour:
    """What an hour of it costs: an endpoint's is that of all its workers."""
    return bill.spend.adds_usd_per_hour if bill.action in _WORKERS else bill.spend.usd_per_hour


def _once(bill: Bill) -> Usd:
    """The part of the cost that does not grow with the hours, such as expected traffic."""
    hours = asked_hours(bill)
    if hours != bill.spend.lease_hours:
        return Usd()
    return max(Usd(), bill.spend.cost - _rate(bill).over(hours * HOUR_S))


def fewer_hours(bill: Bill, other: str = "a cheaper offer") -> str:
    """The argument that would fit all rules, in the words of the tool; else what else would.

    `other` is the kind of offer that would do as well, where an offer is chosen.
    """
    choice = other if bill.action in _CHOOSE else ""
    if bill.fits >= 1:
        tail = f", or {choice}" if choice else ""
        return f"Retry with {HOURS_ARGUMENT[bill.action]}={bill.fits}{tail}."
    none = "No whole hour fits." if bill.action in HOURS_ARGUMENT else ""
    return f"{none} {f'Choose {choice}.' if choice else cheaper(bill)}".strip()


def cheaper(bill: Bill) -> str:
    """How this act could cost less per hour; empty when it is about a machine as it is."""
    if bill.action in _CHOOSE:
        return "Choose a cheaper offer."
    if bill.action in _WORKERS:
        return "Ask for fewer workers, or a lower price per worker."
    return "Bid less." if bill.action == "change_bid" else ""


def another(bill: Bill, kind: str) -> str:
    """Which offer to take; for a machine as it is, that only another one will do."""
    if bill.action in _CHOOSE:
        return f"Choose {kind}."
    return f"This machine cannot be changed: search_offers, and rent {kind} instead."
