"""Rows to and from the database's columns."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from vast_mcp.operations import JsonObject
from vast_mcp.store._facts_codec import LEASE_FACTS
from vast_mcp.store.facts import LeaseFacts
from vast_mcp.store.rows import Plan, PlanState, Quote, Rental, RentalState, Segment, Silence
from vast_mcp.units import Usd, UsdPerHour

_Row = TypeVar("_Row", Rental, Plan, Quote, Segment)
_JSON_COLUMNS = {"outcome", "arguments", "snapshot", "detail"}
_COLUMNS = {"facts": "details"}
"""Columns that are called otherwise than the row's field."""


def canonical(value: JsonObject) -> str:
    """JSON that is the same for the same value: sorted keys, no spaces."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def to_columns(row: Rental | Plan | Quote | Segment) -> dict[str, Any]:
    """A row's fields as the database stores them."""
    return {_column(field.name): _plain(getattr(row, field.name)) for field in fields(row)}


def _column(name: str) -> str:
    return _COLUMNS.get(name, name)


def _plain(value: Any) -> Any:  # noqa: ANN401  the border to the database
    if isinstance(value, Usd | UsdPerHour):
        return value.micros
    if isinstance(value, dict):
        return canonical(value)
    if isinstance(value, LeaseFacts):
        return canonical(LEASE_FACTS.encode(value))
    if isinstance(value, bool):
        return int(value)
    return value


_MONEY: dict[str, type[Usd] | type[UsdPerHour]] = {
    "usd_per_hour": UsdPerHour,
    "disk_usd_per_hour": UsdPerHour,
    "rate": UsdPerHour,
    "fixed": Usd,
    "max_cost": Usd,
}
_FLAGS = {"asked", "running", "ever_ran", "touched", "approved"}


def from_columns(kind: type[_Row], row: sqlite3.Row | Mapping[str, Any]) -> _Row:
    """A row read from the database.

    Raises:
        sqlite3.DatabaseError: it holds something that was never written.
    """
    try:
        values = {
            field.name: _rich(kind, field.name, row[_column(field.name)]) for field in fields(kind)
        }
    except (ValueError, TypeError) as error:
        raise sqlite3.DatabaseError("a row of it is damaged") from error
    return kind(**values)


def _rich(kind: type[Any], name: str, value: Any) -> Any:  # noqa: ANN401  the border to the database
    if value is None:
        return None
    if name == "state":
        return PlanState(value) if kind is Plan else RentalState(value)
    if name == "silence":
        return Silence(value)
    if name == "facts":
        return LEASE_FACTS.decode(json.loads(value))
    if name in _JSON_COLUMNS:
        return json.loads(value)
    if name in _FLAGS:
        return bool(value)
    return _MONEY[name](value) if name in _MONEY else value
