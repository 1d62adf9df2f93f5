"""Money as integer micro-dollars, and the vendor's units as ours; the only file that converts.

Vendor facts used here: a month is 720 hours (the published instance example has storage_total_cost
= storage_cost x GB / 720); GPU memory is sold in GB of 1000 MB (a "24 GB" card reports 24564 MB and
the official client multiplies by 1000).
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Self

HOUR_S = 3600
DAY_S = 86_400
HOURS_PER_MONTH = 720
MB_PER_GB = 1000
NOMINAL = 0.95
"""What a card reports is this part of what it is sold as, at least: a "24 GB" L4 has 23,034 MB, a
"48 GB" L40S 46,068 MB (the vendor's offers). No two sizes that are sold lie this near together."""
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class _Micros:
    """Whole micro-dollars with the arithmetic that keeps them whole."""

    micros: int = 0

    @classmethod
    def of(cls, dollars: float | str | Decimal) -> Self:
        """From dollars, rounded half up to a micro-dollar.

        Raises:
            ValueError: not a finite number.
        """
        return cls(_micros(dollars, ROUND_HALF_UP))

    @classmethod
    def ceil(cls, dollars: float | str | Decimal) -> Self:
        """From dollars, rounded up: for costs that are compared with a limit."""
        return cls(_micros(dollars, ROUND_CEILING))

    @property
    def dollars(self) -> float:
        """For showing and for the wire; never for sums."""
        return self.micros / _MICRO

    def __add__(self, other: Self) -> Self:
        return type(self)(self.micros + other.micros)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.micros - other.micros)

    def __mul__(self, count: int) -> Self:
        return type(self)(self.micros * count)

    def __bool__(self) -> bool:
        return self.micros != 0


@dataclass(frozen=True, slots=True, order=True)
class Usd(_Micros):
    """An amount of money."""

    def __str__(self) -> str:
        """Dollars and cents, with more digits only below ten cents: $12.30, $0.004."""
        return _show(self.micros)


@dataclass(frozen=True, slots=True, order=True)
class UsdPerHour(_Micros):
    """A price in dollars per hour."""

    def over(self, seconds: float) -> Usd:
        """What this rate costs in that many seconds, rounded up to a micro-dollar; no time, $0."""
        return Usd(-(-self.micros * math.ceil(max(0.0, seconds)) // HOUR_S))

    @property
    def per_day(self) -> Usd:
        """What this rate costs in 24 hours."""
        return Usd(self.micros * 24)

    def __str__(self) -> str:
        """Dollars per hour with the digits a price needs: $0.34/h, $0.0083/h."""
        return f"{_show(self.micros)}/h"


def _micros(dollars: float | str | Decimal, rounding: str) -> int:
    exact = Context(rounding=rounding)  # one of very many digits is rounded the same way at once
    try:
        amount = Decimal(str(dollars))
        if not amount.is_finite():
            raise ValueError("an amount of money must be finite")
        return int(exact.quantize(exact.multiply(amount, _MICRO), Decimal(1)))
    except InvalidOperation as error:
        raise ValueError(f"not an amount of money: {dollars!r:.40}") from error


def _show(micros: int) -> str:
    sign = "-" if micros < 0 else ""
    amount = Decimal(abs(micros)) / _MICRO
    if amount == 0 or amount >= Decimal("0.1"):
        text = f"{amount:.2f}"
        if amount < 10 and Decimal(text) != amount:  # a price such as 0.335 keeps its third digit
            text = f"{amount:.3f}".rstrip("0")
    else:
        text = f"{amount:.4f}".rstrip("0")
    whole, _, digits = text.partition(".")
    return f"{sign}${whole}.{digits:0<2}"


def storage_rate(usd_per_gb_month: float, disk_gb: float) -> UsdPerHour:
    """What a disk of that size costs per hour, from the vendor's price per GB and month."""
    return UsdPerHour.ceil(Decimal(str(usd_per_gb_month)) * Decimal(str(disk_gb)) / HOURS_PER_MONTH)


def gb_from_mb(megabytes: float) -> float:
    """The vendor's MB as GB, the way cards are sold: 24564 MB is 24.6 GB."""
    return megabytes / MB_PER_GB


def mb_from_gb(gigabytes: float) -> float:
    """GB as the vendor's MB."""
    return gigabytes * MB_PER_GB


def seconds_from_hours(count: float) -> int:
    """Hours as whole seconds, rounded up."""
    return math.ceil(count * HOUR_S)


def minute(at_us: int) -> str:
    """An instant to the minute, UTC: `2026-11-20T18:30Z`."""
    return datetime.fromtimestamp(at_us // _MICRO, UTC).strftime("%Y-%m-%dT%H:%MZ")


def size_words(count: int) -> str:
    """A size as people say it."""
    for unit, size in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
