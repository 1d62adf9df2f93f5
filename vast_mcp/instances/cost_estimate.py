"""What a rental has likely cost so far, for showing; what the caps count is the store's."""

from collections.abc import Mapping, Sequence

from vast_mcp.store import Charged, Rental, Segment, day_of, sources_of, split_by_day
from vast_mcp.store.exposure import segment_end_us
from vast_mcp.units import Usd, UsdPerHour

Days = dict[str, Usd]


def likely_spent(rental: Rental, segments: Sequence[Segment], now_us: int) -> Usd:
    """What it has cost by our own meter: what it was seen to bill, and the traffic likely used."""
    return sum(billed_by_day(rental, segments, {}, now_us).values(), Usd())


def billed_by_day(
    rental: Rental,
    segments: Sequence[Segment],
    charged: Mapping[tuple[str, str], Charged],
    now_us: int,
) -> Days:
    """What it cost on each day: the larger of what it was seen to bill and what was charged.

    Never more than was counted against the caps, but for what was charged. An endpoint's workers
    come and go unseen, so its own cost is what was charged for it, and the rest stays set aside.
    """
    days: Days = {}
    if rental.kind == "instance":
        less = _unbilled(rental, segments, now_us)
        days = {
            day: max(Usd(), amount - less.get(day, Usd()))
            for day, amount in _counted(segments, now_us).items()
        }
        used = _traffic(segments) - unused_traffic(rental, segments, now_us)
        first = day_of(rental.created_us)
        days[first] = days.get(first, Usd()) + used
    for (source, day), one in charged.items():
        if source in sources_of(rental):
            days[day] = max(days.get(day, Usd()), one.amount)
    return days


def _counted(segments: Sequence[Segment], now_us: int) -> Days:
    """What the caps count of time that lies behind."""
    days: Days = {}
    for segment in segments:
        _add(
            days,
            split_by_day(
                segment.rate, segment.from_us, min(now_us, segment_end_us(segment, now_us))
            ),
        )
    return days


def _unbilled(rental: Rental, segments: Sequence[Segment], now_us: int) -> Days:
    """What of that it was seen not to bill."""
    days: Days = {}
    for from_us, micros, until_us in rental.facts.low:
        for segment in segments:
            begins_us, ends_us = max(from_us, segment.from_us), segment_end_us(segment, now_us)
            surplus = UsdPerHour(max(0, segment.rate.micros - micros))
            _add(days, split_by_day(surplus, begins_us, min(until_us, ends_us, now_us)))
    return days


def _add(days: Days, more: Days) -> None:
    for day, amount in more.items():
        days[day] = days.get(day, Usd()) + amount


def _traffic(segments: Sequence[Segment]) -> Usd:
    return sum((segment.fixed for segment in segments if segment.kind == "traffic"), Usd())


def unused_traffic(rental: Rental, segments: Sequence[Segment], now_us: int) -> Usd:
    """The caps count all traffic from the first second; this much of it lies ahead, most likely.

    Its share follows the part of the lease that has run.
    """
    fixed = _traffic(segments)
    spans = [
        (min(now_us, segment.from_us), min(now_us, segment_end_us(segment, now_us)))
        for segment in segments
        if segment.kind == "lease"
    ]
    ran_us = sum(end_us - from_us for from_us, end_us in spans)
    last_us = max((end_us for _, end_us in spans), default=rental.created_us)
    left_us = max(0, rental.lease_ends_us - last_us)
    whole_us = max(0, ran_us) + left_us
    return Usd(fixed.micros * left_us // whole_us) if whole_us else Usd()
