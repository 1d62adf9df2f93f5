"""Looking at the market. Searching is a POST that changes nothing.

See docs/vendor-api.md#filter-language, docs/vendor-api.md#offers, docs/vendor-api.md#templates.
"""

from collections.abc import Mapping, Sequence

from vast_mcp.models import Rental
from vast_mcp.operations._declare import Call, Json, JsonObject, Operation, in_query

SEARCH_OFFERS = Operation("search_offers", "POST", "/api/v0/bundles/", "market", interval_s=1.0)
SEARCH_TEMPLATES = Operation(
    "search_templates", "GET", "/api/v0/template/", "market", interval_s=3.0
)
GPU_NAMES = Operation(
    "gpu_names", "GET", "/api/v0/gpu_names/unique/", "market", interval_s=1.0, public=True
)

OPERATIONS = (SEARCH_OFFERS, SEARCH_TEMPLATES, GPU_NAMES)

Order = Sequence[tuple[str, str]]
"""Columns to sort by with `asc` or `desc`, the most important first."""

_TYPES: dict[Rental, str] = {
    "on_demand": "on-demand",
    "interruptible": "bid",
    "reserved": "reserved",
}
_LOOKUP_ROWS = 8
"""More than the one that is looked for: a row that is not it must not hide it."""
BEST_FIRST: Order = (("score", "desc"),)


def default_filters() -> JsonObject:
    """What every search asks for unless told otherwise, so that no server default decides it."""
    return {
        "verified": {"eq": True},
        "external": {"eq": False},
        "rentable": {"eq": True},
        "rented": {"eq": False},
    }


def search_offers(
    filters: Mapping[str, Json],
    *,
    rental: Rental = "on_demand",
    disk_gb: float,
    order: Order = BEST_FIRST,
    limit: int | None = None,
) -> Call:
    """Search the market, priced with a disk of `disk_gb`.

    A filter replaces the default on its column; one that is None takes the column out altogether
    (`verified=any`). Without a limit the vendor decides how many rows come.
    """
    wanted = default_filters() | dict(filters)
    body: JsonObject = {name: value for name, value in wanted.items() if value is not None}
    body["order"] = [list(step) for step in order]
    body["type"] = _TYPES[rental]
    if limit:
        body["limit"] = limit
    body["allocated_storage"] = float(disk_gb)
    return SEARCH_OFFERS.call(body)


def find_offer(column: str, offer_id: int, *, rental: Rental, disk_gb: float) -> Call:
    """Look for the offer whose `column` is that id, whoever its host is.

    `any` is said only where the official client says it (its self-test); the other defaults are
    left out.
    """
    wanted: JsonObject = dict.fromkeys(default_filters())
    wanted |= {"verified": {"eq": "any"}, "rented": {"eq": "any"}, column: {"eq": offer_id}}
    return search_offers(wanted, rental=rental, disk_gb=disk_gb, limit=_LOOKUP_ROWS)


def search_templates(filters: Mapping[str, Json], *, limit: int | None = None) -> Call:
    """Templates whose columns match; a plain text instead of an operator matches inside."""
    query = {"select_cols": in_query(["*"]), "select_filters": in_query(dict(filters))}
    if limit:
        query["limit"] = str(limit)
    return SEARCH_TEMPLATES.call(query=query)


def gpu_names() -> Call:
    """Every card name the vendor knows, in its own spelling; needs no key."""
    return GPU_NAMES.call()
