"""The vendor's filter language, applied to plain dictionaries.

See docs/vendor-api.md#filter-language, docs/vendor-api.md#offers.
"""

import json
from collections.abc import Callable, Iterable
from operator import ge, gt, le, lt
from typing import Any

from vast_mcp.simulator.wire import JsonObject, Refusal

Row = JsonObject

ALIASES: dict[str, str] = {
    "cuda_vers": "cuda_max_good",
    "display_active": "gpu_display_active",
    "dlperf_usd": "dlperf_per_dphtotal",
    "dph": "dph_total",
    "dphtotal": "dph_total",
    "flops_usd": "flops_per_dphtotal",
    "gpu_totalram": "gpu_total_ram",
    "gpu_totalram_GB": "gpu_total_ram",
    "cpu_ram_GB": "cpu_ram",
    "gpu_ram_GB": "gpu_ram",
    "ubuntu_version": "os_version",
    "driver_version": "driver_vers",
    "target_reliability": "expected_reliability",
    "reliability2": "reliability",
}
_IN_GB = frozenset({"gpu_totalram_GB", "cpu_ram_GB", "gpu_ram_GB"})
NOT_COLUMNS = frozenset(
    {"order", "limit", "type", "allocated_storage", "disable_bundling", "georegion", "extra"}
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
OPERATORS = frozenset({"eq", "neq", "in", "notin", *_COMPARE})


def matches(row: Row, filters: JsonObject, *, known: frozenset[str], strict: bool = False) -> bool:
    """Whether the row passes every condition; unknown columns do not restrict unless `strict`."""
    for name, conditions in filters.items():
        if name in NOT_COLUMNS:
            continue
        column = ALIASES.get(name, name)
        if column not in known:
            if strict:
                raise Refusal(400, "invalid_request", f"{name} is not a valid search key")
            continue
        checked = conditions if isinstance(conditions, dict) else {"eq": conditions}
        scale = 1000.0 if name in _IN_GB else 1.0
        if not all(
            _holds(column, row.get(column), op, value, scale) for op, value in checked.items()
        ):
            return False
    return True


def _holds(column: str, have: object, op: str, wanted: object, scale: float) -> bool:
    if wanted == "any":
        return True
    if op not in OPERATORS:
        raise Refusal(400, "invalid_args", f"{column}: unknown operator {op}")
    if op in ("in", "notin"):
        values = wanted if isinstance(wanted, list) else [wanted]
        inside = any(_equal(column, have, value, scale) for value in values)
        return inside if op == "in" else not inside
    if op in ("eq", "neq"):
        return _equal(column, have, wanted, scale) == (op == "eq")
    left, right = comparable(have, wanted, scale)
    if left is None or type(right) is not type(left):
        return False
    return _COMPARE[op](left, right)


def _equal(column: str, have: object, wanted: object, scale: float) -> bool:
    if column == "geolocation" and isinstance(have, str):
        # Offers show `Region, CC` but the filter speaks two-letter codes.
        return wanted in (have, have.rsplit(", ", 1)[-1])
    if have is None and wanted is False:
        # `external` is null in most recorded rows, and every search asks for `external: false`.
        return True
    left, right = comparable(have, wanted, scale)
    return type(right) is type(left) and right == left


def comparable(have: object, wanted: object, scale: float = 1.0) -> tuple[object, object]:
    """Both values in the column's type: they may arrive as strings."""
    if isinstance(have, bool):
        return have, _boolean(wanted)
    if isinstance(have, int | float):
        return float(have), _number(wanted, scale)
    return have, wanted


def _boolean(value: object) -> object:
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    if isinstance(value, int | float):
        return bool(value)
    return value


def _number(value: object, scale: float) -> float | None:
    try:
        return float(value) * scale if isinstance(value, str | int | float) else None
    except ValueError:
        return None


def ordered(rows: Iterable[Row], order: Iterable[tuple[str, str]]) -> list[Row]:
    """The rows by several keys, the first one foremost; nulls stand last in either direction.

    A step in any other direction than `asc` and `desc` is ignored (stated by a user).
    """
    result = list(rows)
    for name, direction in reversed(list(order)):
        if direction not in ("asc", "desc"):
            continue
        column = ALIASES.get(name, name)
        present = [row for row in result if row.get(column) is not None]
        absent = [row for row in result if row.get(column) is None]
        _sort(name, present, column, reverse=direction == "desc")
        result = present + absent
    return result


def _sort(name: str, rows: list[Row], column: str, *, reverse: bool) -> None:
    try:
        rows.sort(key=lambda row: row[column], reverse=reverse)
    except TypeError as unsortable:
        raise Refusal(400, "invalid_args", f"{name}: cannot be ordered by") from unsortable


def order_pairs(order: object) -> list[tuple[str, str]]:
    """The offers dialect of ordering: a list of `[column, direction]`."""
    if order in (None, ""):
        return []
    if not isinstance(order, list):
        raise Refusal(400, "invalid_args", "order: Input should be a valid list")
    pairs = [(item, "asc") if isinstance(item, str) else item for item in order]
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise Refusal(400, "invalid_args", "order: Input should be a list of [column, direction]")
    return [(str(column), str(direction)) for column, direction in pairs]


def whole_limit(limit: object) -> int | None:
    """A plain integer, or None for no limit; anything else is the vendor's 400."""
    if limit in (None, 0):
        return None
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise Refusal(400, "invalid_args", "limit: Input should be a valid integer")
    return limit


def query_json(text: str | None, name: str, *, default: object) -> object:
    """A query parameter that carries JSON; an absent one is the default."""
    if text is None or text == "":
        return default
    try:
        return json.loads(text)
    except ValueError as broken:
        raise Refusal(400, "invalid_request", f"{name}: Invalid JSON") from broken


def query_object(text: str | None, name: str) -> JsonObject:
    """A query parameter that carries a JSON object."""
    value = query_json(text, name, default={})
    if not isinstance(value, dict):
        raise Refusal(400, "invalid_request", f"{name}: Input should be a valid object")
    return value
