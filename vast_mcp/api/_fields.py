"""Reading single fields of a vendor's object: strict for money, forgiving for the rest. Pure."""

import math
from collections.abc import Mapping
from typing import Any

from vast_mcp.clock import SECOND_US
from vast_mcp.errors import VendorUnreadable
from vast_mcp.text import LABEL_LIMIT, Untrusted, clean_line
from vast_mcp.units import Usd, UsdPerHour

Row = Mapping[str, Any]
_WORD_LIMIT = 80
_LATEST_S = 32_503_680_000  # the year 3000: later is not a time


def unreadable(what: str) -> VendorUnreadable:
    """The error for an answer of the wrong shape."""
    return VendorUnreadable(f"Vast.ai's answer cannot be trusted: {what}.", hint="Try again.")


def row(value: object, what: str) -> Row:
    """The value as an object, or `VendorUnreadable`."""
    if not isinstance(value, dict):
        raise unreadable(f"{what} is not an object")
    return value


def rows(value: object, what: str) -> list[Row]:
    """The value as a list of objects, or `VendorUnreadable`; a missing list is never empty."""
    if not isinstance(value, list):
        raise unreadable(f"{what} is not a list")
    return [row(item, f"an entry of {what}") for item in value]


def identifier(fields: Row, *names: str) -> int:
    """A positive whole number under the first of these names that is there; strict."""
    for name in names:
        found = whole(fields.get(name))
        if found is not None and found > 0:
            return found
    raise unreadable(f"{names[0]} is missing or not an id")


def amount(fields: Row, name: str, *, optional: bool = False) -> float | None:
    """A price or sum as a finite number; None only if `optional` and absent or null."""
    value = fields.get(name)
    if value is None and optional:
        return None
    found = number(value)
    if found is None:
        raise unreadable(f"{name} is missing or not a number")
    return found


def price(fields: Row, name: str) -> float:
    """A price that must be there, finite and not negative, in dollars."""
    found = amount(fields, name)
    if found is None or found < 0:
        raise unreadable(f"{name} is negative")
    return found


def optional_price(fields: Row, name: str) -> float | None:
    """As `price`, but None when absent or null."""
    return None if fields.get(name) is None else price(fields, name)


def per_hour(dollars: float | None) -> UsdPerHour | None:
    """Dollars per hour, rounded up; None stays None."""
    return None if dollars is None else UsdPerHour.ceil(dollars)


def money(fields: Row, name: str) -> Usd:
    """A sum that must be there and finite; it may be negative (a credit below zero, a refund)."""
    found = amount(fields, name)
    return Usd.of(found if found is not None else 0)


def number(value: object, default: float | None = None) -> float | None:
    """A finite number, also when written as a text; else the default."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return default
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return default
    return found if math.isfinite(found) and abs(found) < 1e15 else default


def real(fields: Row, name: str) -> float:
    """A number that nothing hangs on: 0 when absent or odd."""
    return number(fields.get(name), 0.0) or 0.0


def whole(value: object) -> int | None:
    """A whole number, also when written as a text or as 4.0; else None."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = number(value)
    return int(found) if found is not None and found == int(found) else None


def count(fields: Row, name: str) -> int:
    """A whole number that nothing hangs on: 0 when absent or odd."""
    return whole(fields.get(name)) or 0


def label(fields: Row, *names: str) -> Untrusted:
    """Foreign text on one line, from the first of these names that holds any; else empty."""
    return clean_line(next((fields[n] for n in names if fields.get(n)), ""), LABEL_LIMIT)


def word(fields: Row, *names: str) -> str:
    """A short foreign word such as a status or a card's name, cleaned; empty when absent."""
    found = next((fields[n] for n in names if isinstance(fields.get(n), str)), "")
    return str(clean_line(found, _WORD_LIMIT))


def flag(fields: Row, name: str, *, default: bool = False) -> bool:
    """A truth, also as 0 or 1; the default when absent or odd."""
    value = fields.get(name)
    return bool(value) if isinstance(value, bool | int) else default


def instant_us(value: object) -> int | None:
    """Seconds since 1970 as microseconds; None when absent or no time at all."""
    found = number(value)
    return int(found * SECOND_US) if found is not None and 0 < found < _LATEST_S else None
