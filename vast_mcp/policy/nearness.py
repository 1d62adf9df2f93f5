"""Whether an act comes so near to a cap that the vendor's own sums should be asked for first."""

from collections.abc import Iterator

from vast_mcp.policy._case import Bill
from vast_mcp.policy.budget import budget_of
from vast_mcp.policy.caps import daily
from vast_mcp.policy.facts import Exposure, Request
from vast_mcp.policy.limits import Limits
from vast_mcp.units import Usd


def near_a_cap(request: Request, exposure: Exposure, limits: Limits) -> bool:
    """Whether it would leave less than a fifth of any cap that grows with what was charged."""
    if request.spend is None:
        return False
    bill = Bill(request.action, request.spend, exposure, limits, request.can_ask)
    return any(5 * after.micros > 4 * cap.micros for after, cap in _sums(bill))


def _sums(bill: Bill) -> Iterator[tuple[Usd, Usd]]:
    """What each cap would hold afterwards, and the cap."""
    spend, exposure, limits = bill.spend, bill.exposure, bill.limits
    months: dict[str, Usd] = {}
    for day, amount in daily(bill).items():
        yield exposure.by_day.get(day, Usd()) + amount, limits.max_usd_per_day
        months[day[:7]] = months.get(day[:7], Usd()) + amount
    for month, amount in months.items():
        yield exposure.by_month.get(month, Usd()) + amount, limits.max_usd_per_month
    if spend.rental_total > spend.cost:  # a machine that is there has charges of its own
        yield spend.rental_total, limits.max_usd_per_rental
    of_task = exposure.task_spent + exposure.task_reserved + spend.cost
    for cap in (budget_of(limits, spend.task), exposure.task_cap, spend.max_cost_usd):
        if cap is not None:
            yield of_task, cap
    if exposure.job_cap is not None:
        yield exposure.job_spent + exposure.job_reserved + spend.cost, exposure.job_cap
