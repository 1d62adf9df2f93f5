"""The column-list dialect: `select_filters`, `select_cols`, `order_by`, pages.

See docs/vendor-api.md#filter-language, docs/vendor-api.md#instances.
"""

import base64
import binascii
import json
from collections.abc import Sequence

from vast_mcp.simulator.search import Row, matches, ordered, query_json, query_object
from vast_mcp.simulator.wire import JsonObject, Refusal


def selected(rows: Sequence[Row], query: dict[str, str], *, known: frozenset[str]) -> list[Row]:
    """The rows that pass `select_filters`; a column that is not stored is the vendor's 400."""
    filters = query_object(query.get("select_filters"), "select_filters")
    return [row for row in rows if matches(row, filters, known=known, strict=True)]


def arranged(rows: Sequence[Row], query: dict[str, str], *, known: frozenset[str]) -> list[Row]:
    """The rows in `order_by`, with the id as tie-breaker; an unknown column is a 400."""
    return ordered(rows, _order(query, known))


def _order(query: dict[str, str], known: frozenset[str]) -> list[tuple[str, str]]:
    wanted = query_json(query.get("order_by"), "order_by", default=[])
    if not isinstance(wanted, list):
        raise Refusal(400, "invalid_request", "order_by: Input should be a valid list")
    pairs: list[tuple[str, str]] = []
    for item in wanted:
        column = item.get("col") if isinstance(item, dict) else None
        if column not in known:
            raise Refusal(400, "invalid_request", f"{column} is not a valid order key")
        pairs.append((str(column), "desc" if item.get("dir") == "desc" else "asc"))
    return [*pairs, ("id", "asc")]


def projected(rows: Sequence[Row], query: dict[str, str]) -> list[Row]:
    """Only `select_cols`; unknown names become null, `*` or nothing keeps all."""
    columns = query_json(query.get("select_cols"), "select_cols", default=["*"])
    if not isinstance(columns, list) or "*" in columns:
        return list(rows)
    return [{name: row.get(name) for name in columns} for row in rows]


def page(rows: Sequence[Row], query: dict[str, str], *, limit: int) -> tuple[list[Row], str | None]:
    """One page of rows without ids, by position; the token of the next, None at the end."""
    start = int(_values(query.get("after_token")).get("position", 0))
    chosen = list(rows[start : start + limit])
    more = start + limit < len(rows)
    return chosen, _token({"position": start + limit}) if more else None


def page_after(
    rows: Sequence[Row], query: dict[str, str], *, limit: int, known: frozenset[str]
) -> tuple[list[Row], str | None]:
    """One page of arranged rows behind the last one seen: a destroy skips nothing."""
    order = _order(query, known)
    last = _values(query.get("after_token"))
    left = list(rows)
    if last:
        others = [row for row in rows if row["id"] != last.get("id")]
        merged = ordered([*others, last], order)
        left = merged[next(at for at, row in enumerate(merged) if row is last) + 1 :]
    chosen = left[:limit]
    more = len(left) > limit
    return chosen, _token({name: chosen[-1][name] for name, _ in order}) if more else None


def page_size(text: str | None, *, default: int, largest: int) -> int:
    """The asked limit within bounds; zero and less mean the default."""
    if text is None:
        return default
    try:
        asked = int(text)
    except ValueError as broken:
        raise Refusal(400, "invalid_args", "limit: Input should be a valid integer") from broken
    return min(asked, largest) if asked > 0 else default


def _token(values: JsonObject) -> str:
    return base64.b64encode(json.dumps({"values": values}).encode()).decode()


def _values(token: str | None) -> JsonObject:
    if not token:
        return {}
    try:
        decoded: JsonObject = json.loads(base64.b64decode(token, validate=True))
        values: JsonObject = dict(decoded["values"])
    except (ValueError, KeyError, TypeError, binascii.Error) as broken:
        raise Refusal(400, "invalid_token", "Invalid pagination token") from broken
    return values
