"""How many whole hours some money still buys, so that a refusal can name a lease that fits."""

import math

from vast_mcp.policy._case import Bill
from vast_mcp.units import HOUR_S, Usd


def fitting_hours(bill: Bill, money: Usd) -> int:
    """Whole hours, fewer than asked, that `money` pays for at this price; 0 when none do."""
    rate = bill.spend.usd_per_hour.micros
    if rate <= 0:
        return 0
    hours = (money - _once(bill)).micros // rate
    asked = asked_hours(bill)
    return hours if 1 <= hours < asked else 0


def asked_hours(bill: Bill) -> float:
    """The hours this act adds: the lease itself, or for a longer one what its cost buys."""
    rate = bill.spend.usd_per_hour.micros
    whole = bill.spend.lease_hours
    bought = max(0, bill.spend.cost.micros) / rate if rate > 0 else 0.0
    if math.isfinite(whole) and 0 <= whole <= bought + 1 / HOUR_S:
        return whole
    return bought


def _once(bill: Bill) -> Usd:
    """The part of the cost that does not grow with the hours, such as expected traffic."""
    hours = asked_hours(bill)
    if hours != bill.spend.lease_hours:
        return Usd()
    return max(Usd(), bill.spend.cost - bill.spend.usd_per_hour.over(hours * HOUR_S))


def retry_with(bill: Bill, hours: int) -> str:
    """The argument that would fit, in the words of the tool; empty when no whole hour does."""
    if hours < 1:
        return ""
    name = "hours" if bill.action == "extend_lease" else "lease_hours"
    other = ", or a cheaper offer" if bill.action in _CHOOSE else ""
    return f"Retry with {name}={hours}{other}."


def cheaper(bill: Bill) -> str:
    """How this act could cost less per hour; empty when it is about a machine as it is."""
    if bill.action in _CHOOSE:
        return "Choose a cheaper offer."
    if bill.action in _WORKERS:
        return "Ask for fewer workers, or a lower price per worker."
    return "Bid less." if bill.action == "change_bid" else ""


def shorter(bill: Bill) -> str:
    """How this act could cost less in all."""
    if bill.action in _CHOOSE:
        return "Choose a shorter lease or a cheaper offer."
    if bill.action == "change_bid":
        return "Bid less."
    return f"Choose a shorter lease. {cheaper(bill)}".strip()


_CHOOSE = {"create_instance", "run_job"}
"""Acts that take an offer of the market."""
_WORKERS = {"create_endpoint", "update_endpoint", "create_workergroup"}
