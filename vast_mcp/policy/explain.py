"""What a rent that nobody has asked for yet would meet: nothing running, nothing spent."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from vast_mcp.policy.decision import level_of
from vast_mcp.policy.engine import decide
from vast_mcp.policy.facts import Exposure, Request, Spend
from vast_mcp.policy.limits import Level, Limits
from vast_mcp.units import Usd, UsdPerHour, seconds_from_hours

_STEP = 1_000
"""Prices are tried to a tenth of a cent."""
_STEPS = 1_000_000
LONGEST_HOURS = 87_600
"""Ten years: beyond it an explanation answers a slip of the keyboard."""


def rent_of(
    gpu_name: str, hours: float, price: UsdPerHour, disk_gb: float, start_us: int
) -> Request:
    """A rent of one machine from `start_us` on, at that all-in price, on a verified host."""
    cost = price.over(seconds_from_hours(hours))
    spend = Spend(
        usd_per_hour=price,
        adds_usd_per_hour=price,
        adds_running=1,
        lease_hours=hours,
        cost=cost,
        rental_total=cost,
        by_day=_by_day(price, hours, start_us),
        disk_gb=disk_gb,
        gpu_name=gpu_name,
        num_gpus=1,
    )
    return Request("create_instance", spend=spend)


def without_unstated(limits: Limits) -> Limits:
    """The limits without the lists of images and countries, which such a rent does not name."""
    return replace(limits, allow=replace(limits.allow, images=None, countries=None))


def nothing_yet(start_us: int) -> Exposure:
    """No machine, no spending, and credit for anything."""
    return Exposure(
        today=_day(_moment(start_us)), credit=Usd(10**18), account_usd_per_hour=UsdPerHour()
    )


def dearest(
    level: Level, gpu_name: str, hours: float, disk_gb: float, limits: Limits, start_us: int
) -> UsdPerHour | None:
    """The highest price at which such a rent needs no more than `level`; None when none does.

    A dearer rent is never judged more kindly, so halving the range finds it.
    """

    def fits(steps: int) -> bool:
        request = rent_of(gpu_name, hours, UsdPerHour(steps * _STEP), disk_gb, start_us)
        return level_of(decide(request, nothing_yet(start_us), limits)).rank <= level.rank

    if not fits(0):
        return None
    low, high = 0, _STEPS
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return UsdPerHour(low * _STEP)


def _by_day(price: UsdPerHour, hours: float, start_us: int) -> dict[str, Usd]:
    left, now = seconds_from_hours(hours), _moment(start_us)
    days: dict[str, Usd] = {}
    while left > 0:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        here = min(left, -(-(midnight - now) // timedelta(seconds=1)))
        days[_day(now)] = price.over(here)
        left, now = left - here, midnight
    return days


def _moment(start_us: int) -> datetime:
    return datetime.fromtimestamp(start_us / 1_000_000, UTC)


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")
