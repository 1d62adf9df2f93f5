"""What the acts that lengthen a machine's life share."""

from dataclasses import dataclass

from vast_mcp.guard.act import Desk, Sight
from vast_mcp.guard.acts._base import Seen
from vast_mcp.policy import Spend
from vast_mcp.store import Rental, split_by_day, total_cost
from vast_mcp.units import HOUR_S, Usd, UsdPerHour

SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class LeaseSight(Sight):
    """The machine, its rental and its new end, for reserving and sending."""

    seen: Seen | None = None
    ends_us: int = 0
    rate: UsdPerHour = UsdPerHour(0)


async def total_so_far(desk: Desk, rental: Rental | None) -> Usd:
    """What a rental has cost and reserves already."""
    if rental is None:
        return Usd(0)
    segments = await desk.ledger.read(lambda tx: tx.segments(rental.intent_id))
    return total_cost(segments, desk.now_us())


def added_spend(
    seen: Seen,
    *,
    adds: UsdPerHour,
    adds_running: int,
    hours: float,
    from_us: int,
    until_us: int,
    rate: UsdPerHour,
    total: Usd,
) -> Spend:
    """What an act adds to a machine that exists, as the policy sees it."""
    one, rental = seen.instance, seen.rental
    days = split_by_day(rate, from_us, until_us)
    cost = sum(days.values(), Usd(0))
    contract_h = None
    if one.contract_ends_us is not None:
        contract_h = max(0.0, (one.contract_ends_us - from_us) / SECOND_US / HOUR_S)
    return Spend(
        usd_per_hour=one.usd_per_hour,
        adds_usd_per_hour=adds,
        adds_running=adds_running,
        lease_hours=hours,
        cost=cost,
        rental_total=total + cost,
        by_day=days,
        disk_gb=one.disk_gb,
        gpu_name=one.gpu_name,
        num_gpus=one.num_gpus,
        image=str(one.image),
        country=one.country,
        verified=one.verified,
        max_contract_hours=contract_h,
        task=rental.task if rental else "",
        max_cost_usd=rental.max_cost if rental else None,
    )
