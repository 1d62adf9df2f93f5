"""What a rental has likely cost so far, for showing; what the caps count is the store's."""

from collections.abc import Sequence

from vast_mcp.store import Rental, Segment, spent_and_reserved
from vast_mcp.store.exposure import segment_end_us
from vast_mcp.units import Usd


def likely_spent(rental: Rental, segments: Sequence[Segment], now_us: int) -> Usd:
    """What has accrued, with the traffic that was set aside as far as it is likely used."""
    return spent_and_reserved(segments, now_us)[0] - unused_traffic(rental, segments, now_us)


def unused_traffic(rental: Rental, segments: Sequence[Segment], now_us: int) -> Usd:
    """The caps count all traffic from the first second; this much of it lies ahead, most likely.

    Its share follows the part of the lease that has run.
    """
    fixed = sum((one.fixed for one in segments if one.kind == "traffic"), Usd(0))
    spans = [
        (min(now_us, one.from_us), min(now_us, segment_end_us(one, now_us)))
        for one in segments
        if one.kind == "lease"
    ]
    ran_us = sum(end_us - from_us for from_us, end_us in spans)
    last_us = max((end_us for _, end_us in spans), default=rental.created_us)
    left_us = max(0, rental.lease_ends_us - last_us)
    whole_us = max(0, ran_us) + left_us
    return Usd(fixed.micros * left_us // whole_us) if whole_us else Usd(0)
