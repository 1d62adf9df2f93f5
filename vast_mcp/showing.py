"""Money, instants and foreign text as answers show them: rounded, short, marked."""

from collections.abc import Mapping

from vast_mcp.operations import Json, JsonObject
from vast_mcp.units import Usd, UsdPerHour

LABEL_SHOWN = 40
"""Characters of a label in a row; what is cut is marked as cut."""


def dollars(amount: Usd | UsdPerHour) -> float:
    """For a reader: four digits after the point."""
    return round(amount.dollars, 4)


def at_least(rate: UsdPerHour) -> float:
    """A price to give back as a bound or a bid: four digits, never below what it stands for."""
    return -(-rate.micros // 100) / 10_000


def given(fields: Mapping[str, Json]) -> JsonObject:
    """Without what is not known: no nulls, no empty texts."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}
