"""What rentals owe, day by day: pure sums over the ledger's rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain

from vast_mcp.clock import SECOND_US
from vast_mcp.policy.facts import Exposure
from vast_mcp.store.charges import Charged
from vast_mcp.store.facts import LeaseFacts
from vast_mcp.store.rows import Rental, Segment
from vast_mcp.units import Usd, UsdPerHour


@dataclass(frozen=True, slots=True)
class OutsideRental:
    """A machine of ours that the vendor shows and the ledger may not know."""

    instance_id: int
    intent_id: str
    usd_per_hour: UsdPerHour
    running: bool


def day_of(at_us: int) -> str:
    """The UTC day of an instant, `YYYY-MM-DD`."""
    return datetime.fromtimestamp(at_us / SECOND_US, UTC).strftime("%Y-%m-%d")


def day_end_us(at_us: int) -> int:
    """The first microsecond of the next UTC day."""
    now = datetime.fromtimestamp(at_us // SECOND_US, UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return int(midnight.timestamp()) * SECOND_US


def month_start_us(at_us: int) -> int:
    """The first microsecond of this UTC month."""
    now = datetime.fromtimestamp(at_us // SECOND_US, UTC)
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(first.timestamp()) * SECOND_US


def split_by_day(rate: UsdPerHour, from_us: int, until_us: int) -> dict[str, Usd]:
    """What a rate costs between two instants, per UTC day; each day is rounded up."""
    days: dict[str, Usd] = {}
    while from_us < until_us:
        end_us = min(day_end_us(from_us), until_us)
        micros = -(-rate.micros * (end_us - from_us) // (3600 * SECOND_US))
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
    spent = reserved = Usd()
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
    return sum(days.values(), Usd())


def _add(days: dict[str, Usd], more: Mapping[str, Usd]) -> None:
    for day, amount in more.items():
        days[day] = days.get(day, Usd()) + amount


def by_month(days: Mapping[str, Usd]) -> dict[str, Usd]:
    """Days summed to UTC months, `YYYY-MM`."""
    months: dict[str, Usd] = {}
    for day, amount in days.items():
        _add(months, {day[:7]: amount})
    return months


def exposure_of(
    rentals: Sequence[Rental],
    segments: Mapping[str, Sequence[Segment]],
    charged: Mapping[tuple[str, str], Charged],
    outside: Sequence[OutsideRental],
    *,
    now_us: int,
    task: str = "",
    task_cap: Usd | None = None,
    job_id: str = "",
    job_cap: Usd | None = None,
) -> Exposure:
    """The union of ledger and vendor, by intent and instance id.

    `charged` is what the vendor billed per (source, day); where that is more than our own meter
    had counted by then for the same machine and day, the difference is added. What is reserved for
    the rest of the day stays reserved.
    """
    live = [rental for rental in rentals if rental.state.holds_money]
    strays = _strays(live, outside)
    days = cost_by_day(chain.from_iterable(segments.values()), now_us)
    _add(days, _corrections(rentals, segments, charged, now_us))
    for stray in strays:
        _add(days, split_by_day(stray.usd_per_hour, now_us, day_end_us(now_us)))
    rate = sum((current_rate(rental) for rental in live), UsdPerHour())
    rate += sum((stray.usd_per_hour for stray in strays), UsdPerHour())
    of_task = [rental for rental in rentals if task and rental.task == task]
    of_job = [rental for rental in rentals if job_id and rental.job_id == job_id]
    task_spent, task_reserved = _of_these(of_task, segments, charged, now_us)
    job_spent, job_reserved = _of_these(of_job, segments, charged, now_us)
    today = day_of(now_us)
    return Exposure(
        running=sum(machines_of(rental) for rental in live)
        + sum(stray.running for stray in strays),
        usd_per_hour=rate,
        by_day=days,
        by_month=by_month(days),
        today=today,
        reserved=spent_and_reserved(chain.from_iterable(segments.values()), now_us)[1],
        unasked_today=_unasked(rentals, segments, charged, today, now_us),
        task_spent=task_spent,
        task_reserved=task_reserved,
        task_cap=task_cap,
        job_spent=job_spent,
        job_reserved=job_reserved,
        job_cap=job_cap,
    )


def _of_these(
    rentals: Sequence[Rental],
    segments: Mapping[str, Sequence[Segment]],
    charged: Mapping[tuple[str, str], Charged],
    now_us: int,
) -> tuple[Usd, Usd]:
    """What these have cost, as charged where that is more, and what they still reserve."""
    parts = {rental.intent_id: segments.get(rental.intent_id, ()) for rental in rentals}
    spent, reserved = spent_and_reserved(chain.from_iterable(parts.values()), now_us)
    return spent + sum(_corrections(rentals, parts, charged, now_us).values(), Usd()), reserved


def _strays(live: Sequence[Rental], outside: Sequence[OutsideRental]) -> list[OutsideRental]:
    """Machines with our mark that no live rental accounts for.

    An intent that has no instance yet accounts for one of its mark; an ended one for none: what
    the vendor still shows is counted, whatever the books say of it.
    """
    instances = {rental.target_id for rental in live if rental.kind == "instance"}
    awaited = {rental.intent_id for rental in live if rental.target_id is None}
    strays = []
    for instance in outside:
        if instance.instance_id in instances:
            continue
        if instance.intent_id in awaited:
            awaited.discard(instance.intent_id)
            continue
        strays.append(instance)
    return strays


def machines_of(rental: Rental) -> int:
    """How many machines count as running for it: for an endpoint all that it may rent."""
    if not rental.running:
        return 0
    workers = rental.facts.endpoint.workers
    return 1 if rental.kind != "endpoint" or workers is None else workers


def current_rate(rental: Rental) -> UsdPerHour:
    """What a rental bills per hour now: everything while running, its disk while stopped."""
    return rental.usd_per_hour if rental.running else rental.disk_usd_per_hour


def unasked_from(rental: Rental, from_us: int, now_us: int) -> LeaseFacts:
    """Its facts, when what it costs from then on was added now and nobody was asked."""
    facts, today = rental.facts, day_of(now_us)
    if facts.unasked_day == today:
        from_us = min(from_us, facts.unasked_from_us)
    return replace(facts, unasked_day=today, unasked_from_us=from_us)


def _unasked(
    rentals: Sequence[Rental],
    segments: Mapping[str, Sequence[Segment]],
    charged: Mapping[tuple[str, str], Charged],
    today: str,
    now_us: int,
) -> Usd:
    """Today's rents, starts and extensions that nobody was asked about, to their ends."""
    total = Usd()
    for rental in rentals:
        parts = segments.get(rental.intent_id, ())
        if not rental.asked and day_of(rental.created_us) == today:
            total += total_cost(parts, now_us) + excess(rental, parts, charged, now_us)
        elif rental.facts.unasked_day == today:
            from_us = rental.facts.unasked_from_us
            total += total_cost((_after(part, from_us) for part in parts), now_us)
    return total


def _after(segment: Segment, from_us: int) -> Segment:
    """The stretch from then on; what was paid in one piece before is not of it."""
    fixed = segment.fixed if segment.from_us >= from_us else Usd()
    return replace(segment, fixed=fixed, from_us=max(segment.from_us, from_us))


def excess(
    rental: Rental,
    segments: Sequence[Segment],
    charged: Mapping[tuple[str, str], Charged],
    now_us: int,
) -> Usd:
    """What was charged for one rental beyond its own meter, all days together."""
    found = _corrections([rental], {rental.intent_id: segments}, charged, now_us)
    return sum(found.values(), Usd())


def _corrections(
    rentals: Sequence[Rental],
    segments: Mapping[str, Sequence[Segment]],
    charged: Mapping[tuple[str, str], Charged],
    now_us: int,
) -> dict[str, Usd]:
    """By day, what was charged beyond what our meter had counted when it was asked; never less.

    Compared is what had accrued by then, not what is reserved: of $40 of traffic on a machine with
    $8 reserved until midnight all $40 and the rest of the $8 count.
    """
    days: dict[str, Usd] = {}
    by_source = {source: rental for rental in rentals for source in sources_of(rental)}
    for (source, day), seen in charged.items():
        rental = by_source.get(source)
        if rental is None:
            continue
        as_of_us = seen.as_of_us if day_of(seen.as_of_us) == day else _end_of(day)
        parts = segments.get(rental.intent_id, ())
        counted = _accrued(parts, day, min(as_of_us, now_us))
        _add(days, {day: max(Usd(), seen.amount - counted)})
    return days


def sources_of(rental: Rental) -> tuple[str, ...]:
    """What the vendor calls it in its charges; nothing while it is not known which machine it is.

    A machine that the vendor named and that lacks our mark is counted, and so are its charges.
    """
    target_id = rental.target_id or rental.facts.unmarked_id
    return () if target_id is None else (f"{rental.kind}-{target_id}",)


def _accrued(segments: Iterable[Segment], day: str, until_us: int) -> Usd:
    """What these segments had cost on that day by then."""
    total = Usd()
    begins_us = _end_of(day) - 86_400 * SECOND_US
    for segment in segments:
        if segment.fixed and segment.from_us <= until_us and day_of(segment.from_us) == day:
            total += segment.fixed
        from_us = max(segment.from_us, begins_us)
        end_us = min(segment_end_us(segment, until_us), until_us, _end_of(day))
        total += _cost(segment.rate, from_us, end_us)
    return total


def _end_of(day: str) -> int:
    """The first instant after a UTC day; of a word that is none, the beginning of time."""
    try:
        midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    except ValueError:
        return 0
    return day_end_us(int(midnight.timestamp()) * SECOND_US)
