"""Offers of the recorded vendor: recorded shape, recorded ways of searching."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tests.recorded.replies import ROWS

Row: TypeAlias = dict[str, Any]
MOST_ROWS = 64
"""One search answers at most so many rows, whatever `limit` says (seen 2026-09-29)."""
MONTH_HOURS = 730
_NEVER_FOUND_BY = "id"
"""Rows carry `id`, yet a search by it finds nothing; `ask_contract_id` is the key (2026-09-05)."""
_PLACES = ("Quebec, CA", "Sweden, SE", "Nevada, US", "PL", "Rotterdam, South Holland, NL", None)
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda own, wanted: bool(own == wanted),
    "neq": lambda own, wanted: bool(own != wanted),
    "gt": lambda own, wanted: own is not None and own > wanted,
    "gte": lambda own, wanted: own is not None and own >= wanted,
    "lt": lambda own, wanted: own is not None and own < wanted,
    "lte": lambda own, wanted: own is not None and own <= wanted,
    "in": lambda own, wanted: own in wanted,
    "notin": lambda own, wanted: own not in wanted,
}


@dataclass
class Market:
    """Everything that can be rented, by id."""

    offers: dict[int, Row] = field(default_factory=lambda: {row["id"]: row for row in _stock(150)})

    def search(self, body: Row) -> Row:
        """The reply to a search; what it was sorted by decides which rows are cut away."""
        kind = body.get("type", "on-demand")
        disk_gb = float(body.get("allocated_storage") or 8.0)
        filters = {name: test for name, test in body.items() if isinstance(test, dict)}
        found = [priced(row, kind, disk_gb) for row in self.offers.values()]
        found = [row for row in found if all(_fits(row, *one) for one in filters.items())]
        for column, way in reversed(body.get("order", [])):
            found.sort(key=lambda row: row.get(column) or 0, reverse=way == "desc")
        most = min(MOST_ROWS, int(body.get("limit") or MOST_ROWS))
        return {"offers": found[:most], "truncated": len(found) > most}

    def price(self, offer_id: int, disk_gb: float, bid: float | None) -> Row:
        """The row as it is rented: the GPU's price is the bid for a bid."""
        return priced(self.offers[offer_id], "on-demand", disk_gb, bid)


def priced(row: Row, kind: str, disk_gb: float, bid: float | None = None) -> Row:
    """The row with its prices for that disk; a search for bids shows the least bid as the price."""
    base = row["min_bid"] if kind == "bid" else row["dph_base"]
    base = base if bid is None else bid
    disk = row["storage_cost"] * disk_gb / MONTH_HOURS
    return row | {
        "dph_base": base,
        "dph_total": base + disk,
        "storage_total_cost": disk,
        "search": row["search"] | {"gpuCostPerHour": base, "diskHour": disk},
    }


def _fits(row: Row, column: str, tests: Row) -> bool:
    if tests == {"eq": "any"}:  # as the official client's self-test asks for no restriction
        return True
    if column == _NEVER_FOUND_BY:
        return False
    if column == "verified":  # a filter that rows show as `verification`
        return (row["verification"] == "verified") is bool(tests.get("eq", True))
    if column == "external":
        return not tests.get("eq", False)
    own = row.get(column)
    return all(_TESTS[way](own, wanted) for way, wanted in tests.items() if way in _TESTS)


def _stock(many: int) -> list[Row]:
    """Offers with the ranges seen: bids above prices, disk $0.0013 to 0.93, traffic to $0.039."""
    storage = (0.0013333333333333335, 0.1, 0.19999999999999998, 0.3333333333333333, 0.9333333333)
    traffic = (0.0, 0.001953125, 0.005208333333333333, 0.0390625)
    return [
        ROWS["offer"]
        | {
            "id": 45_000_000 + number * 17,
            "ask_contract_id": 45_000_000 + number * 17,
            "machine_id": 52_000 + number,
            "host_id": 5_000 + number // 3,
            "gpu_name": ("RTX 3090", "RTX 4090", "RTX 5090")[number % 3],
            "gpu_ram": (24_576, 24_564, 32_607)[number % 3],
            "dph_base": 0.14 + number * 0.0041,
            "min_bid": (0.14 + number * 0.0041) * (0.6, 1.0, 2.2)[number % 3],
            "storage_cost": storage[number % len(storage)],
            "inet_down_cost": traffic[number % len(traffic)],
            "inet_up_cost": traffic[number % len(traffic)],
            "geolocation": _PLACES[number % len(_PLACES)],
            "start_date": None if number % 2 else 1_788_617_231.823,
            "duration": 690_724.8 + number * 40_000,
        }
        for number in range(many)
    ]
