"""What rentals owe, day by day: pure sums over the ledger's rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain

from vast_mcp.policy import Exposure
from vast_mcp.store.rows import Rental, Segment
from vast_mcp.units import Usd, UsdPerHour

_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class OutsideRental:
    """A machine of ours that the vendor shows and the ledger may not know."""

    instance_id: int
    intent_id: str
    usd_per_hour: UsdPerHour
    running: bool


def day_of(at_us: int) -> str:
    """The UTC day of an instant, `YYYY-MM-DD`."""
    return datetime.fromtimestamp(at_us / _SECOND_US, UTC).strftime("%Y-%m-%d")


def day_end_us(at_us: int) -> int:
    """The first microsecond of the next UTC day."""
    now = datetime.fromtimestamp(at_us // _SECOND_US, UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return int(midnight.timestamp()) * _SECOND_US


def month_start_us(at_us: int) -> int:
    """The first microsecond of this UTC month."""
    now = datetime.fromtimestamp(at_us // _SECOND_US, UTC)
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(first.timestamp()) * _SECOND_US


def split_by_day(rate: UsdPerHour, from_us: int, until_us: int) -> dict[str, Usd]:
    """What a rate costs between two instants, per UTC day; each day is rounded up."""
    days: dict[str, Usd] = {}
    while from_us < until_us:
        end_us = min(day_end_us(from_us), until_us)
        micros = -(-rate.micros * (end_us - from_us) // (3600 * _SECOND_US))
        days[day_of(from_us)] = Usd(micros)
        from_us = end_us
    return days


def segment_end_us(segment: Segment, now_us: int) -> int:
    """Until when a segment counts: observed end, else what is reserved, but never before now."""
    if segment.closed_us is not None:
        return segment.closed_us
    return max(now_us, day_end_us(now_us) if segment.until_us is None else segment.until_us)


def cost_by_day(segments: Iterable[Segment], now_us: int) -> dict[str, Usd]:
    """What these segments cost per day, spent and reserved together."""
    days: dict[str, Usd] = {}
    for segment in segments:
        if segment.fixed:
            _add(days, {day_of(segment.from_us): segment.fixed})
        _add(days, split_by_day(segment.rate, segment.from_us, segment_end_us(segment, now_us)))
    return days


def spent_and_reserved(segments: Iterable[Segment], now_us: int) -> tuple[Usd, Usd]:
    """What has accrued until now, and what is still set aside."""
    spent = reserved = Usd(0)
    for segment in segments:
        end_us = segment_end_us(segment, now_us)
        past = _cost(segment.rate, segment.from_us, min(end_us, now_us)) + segment.fixed
        whole = _cost(segment.rate, segment.from_us, end_us) + segment.fixed
        spent += past
        reserved += whole - past
    return spent, reserved


def total_cost(segments: Iterable[Segment], now_us: int) -> Usd:
    """Spent and reserved together."""
    spent, reserved = spent_and_reserved(segments, now_us)
    return spent + reserved


def _cost(rate: UsdPerHour, from_us: int, until_us: int) -> Usd:
    days = split_by_day(rate, from_us, until_us)
    return sum(days.values(), Usd(0))


def _add(days: dict[str, Usd], more: Mapping[str, Usd]) -> None:
    for day, amount in more.items():
        days[day] = days.get(day, Usd(0)) + amount


def by_month(days: Mapping[str, Usd]) -> dict[str, Usd]:
    """Days summed to UTC months, `YYYY-MM`."""
    months: dict[str, Usd] = {}
    for day, amount in days.items():
        _add(months, {day[:7]: amount})
    return months


def exposure_of(
    rentals: Sequence[Rental],
    segments: Mapping[str, Sequence[Segment]],
    charged: Mapping[tuple[str, str], Usd],
    outside: Sequence[OutsideRental],
    *,
    now_us: int,
    task: str = "",
    task_cap: Usd | None = None,
) -> Exposure:
    """The union of ledger and vendor, by intent and instance id.

    `charged` is what the vendor billed per (source, day); where that is more than our own meter
    counted for the same machine and day, the difference is added.
    """
    live = [rental for rental in rentals if rental.state.holds_money]
    strays = _strays(live, outside)
    days = cost_by_day(chain.from_iterable(segments.values()), now_us)
    _add(days, _corrections(rentals, segments, charged, now_us))
    for stray in strays:
        _add(days, split_by_day(stray.usd_per_hour, now_us, day_end_us(now_us)))
    rate = sum((current_rate(rental) for rental in live), UsdPerHour(0))
    rate += sum((stray.usd_per_hour for stray in strays), UsdPerHour(0))
    of_task = [rental for rental in rentals if task and rental.task == task]
    parts = {rental.intent_id: segments.get(rental.intent_id, ()) for rental in of_task}
    spent, reserved = spent_and_reserved(chain.from_iterable(parts.values()), now_us)
    spent += sum(_corrections(of_task, parts, charged, now_us).values(), Usd(0))
    today = day_of(now_us)
    return Exposure(
        running=sum(machines_of(rental) for rental in live)
        + sum(stray.running for stray in strays),
        usd_per_hour=rate,
        by_day=days,
        by_month=by_month(days),
        today=today,
        reserved=spent_and_reserved(chain.from_iterable(segments.values()), now_us)[1],
        unasked_today=_unasked(rentals, segments, today, now_us),
        task_spent=spent,
        task_reserved=reserved,
        task_cap=task_cap,
    )


def _strays(live: Sequence[Rental], outside: Sequence[OutsideRental]) -> list[OutsideRental]:
    """Machines with our mark that no live rental accounts for.

    An intent that has no instance yet accounts for one of its mark; an ended one for none: what
    the vendor still shows is counted, whatever the books say of it.
    """
    instances = {rental.target_id for rental in live if rental.kind == "instance"}
    awaited = {rental.intent_id for rental in live if rental.target_id is None}
    strays = []
    for one in outside:
        if one.instance_id in instances:
            continue
        if one.intent_id in awaited:
            awaited.discard(one.intent_id)
            continue
        strays.append(one)
    return strays


def machines_of(rental: Rental) -> int:
    """How many machines count as running for it: for an endpoint all that it may rent."""
    if not rental.running:
        return 0
    workers = rental.details.get("workers")
    return workers if rental.kind == "endpoint" and isinstance(workers, int) else 1


def current_rate(rental: Rental) -> UsdPerHour:
    """What a rental bills per hour now: everything while running, its disk while stopped."""
    return rental.usd_per_hour if rental.running else rental.disk_usd_per_hour


def unasked_facts(rental: Rental, from_us: int, now_us: int) -> dict[str, int | str]:
    """For a rental's details: what it costs from then on was added now, and nobody was asked."""
    today = day_of(now_us)
    if rental.details.get("unasked_day") == today:
        from_us = min(from_us, int(str(rental.details["unasked_from_us"])))
    return {"unasked_day": today, "unasked_from_us": from_us}


def _unasked(
    rentals: Sequence[Rental], segments: Mapping[str, Sequence[Segment]], today: str, now_us: int
) -> Usd:
    """Today's rents, starts and extensions that nobody was asked about, to their ends."""
    total = Usd(0)
    for rental in rentals:
        parts = segments.get(rental.intent_id, ())
        if not rental.asked and day_of(rental.created_us) == today:
            total += total_cost(parts, now_us)
        elif rental.details.get("unasked_day") == today:
            from_us = int(str(rental.details["unasked_from_us"]))
            total += total_cost((_after(one, from_us) for one in parts), now_us)
    return total


def _after(segment: Segment, from_us: int) -> Segment:
    """The stretch from then on; what was paid in one piece before is not of it."""
    fixed = segment.fixed if segment.from_us >= from_us else Usd(0)
    return replace(segment, fixed=fixed, from_us=max(segment.from_us, from_us))


def _corrections(
    rentals: Sequence[Rental],
    segments: Mapping[str, Sequence[Segment]],
    charged: Mapping[tuple[str, str], Usd],
    now_us: int,
) -> dict[str, Usd]:
    days: dict[str, Usd] = {}
    by_source = {f"{rental.kind}-{rental.target_id}": rental.intent_id for rental in rentals}
    metered = {
        intent_id: cost_by_day(rows, now_us) for intent_id, rows in segments.items() if charged
    }
    for (source, day), amount in charged.items():
        intent_id = by_source.get(source)
        if intent_id is None:
            continue
        counted = metered.get(intent_id, {}).get(day, Usd(0))
        if amount > counted:
            _add(days, {day: amount - counted})
    return days
