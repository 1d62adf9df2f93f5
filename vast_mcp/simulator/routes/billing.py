"""What was paid for: charges per contract, in the vendor's rows (docs/vendor-api.md#billing)."""

from collections.abc import Iterable

from vast_mcp.clock import SECOND_US
from vast_mcp.simulator.book import KINDS, NANO, Account
from vast_mcp.simulator.routes.columns import page, page_size
from vast_mcp.simulator.routes.table import Call, Route
from vast_mcp.simulator.search import query_object
from vast_mcp.simulator.wire import JsonObject, Refusal
from vast_mcp.simulator.world import World

_PAGE, _LARGEST_PAGE = 100, 500
_WORDS = {"gpu": "GPU", "disk": "Storage", "bwd": "Download", "bwu": "Upload"}


def charges(call: Call) -> JsonObject:
    """`GET charges/`: both ends of `day` are required; amounts are dollars, rounded to 3 places."""
    query = call.request.query
    filters = query_object(query.get("select_filters"), "select_filters")
    since_us, until_us = _window(filters)
    kinds = filters.get("type")
    wanted = kinds.get("in") if isinstance(kinds, dict) else None
    rows = [
        row
        for account in call.world.book.accounts.values()
        if (row := _row(call.world, account, since_us, until_us)) is not None
        and (wanted is None or row["type"] in wanted)
    ]
    newest_first = query.get("latest_first", "true").lower() == "true"
    rows.sort(key=lambda row: row["start"], reverse=newest_first)
    size = page_size(query.get("limit"), default=_PAGE, largest=_LARGEST_PAGE)
    chosen, token = page(rows, query, limit=size)
    return {
        "success": True,
        "count": len(chosen),
        "total": len(rows),
        "results": chosen,
        "next_token": token,
    }


def _window(filters: JsonObject) -> tuple[int, int]:
    day = filters.get("day")
    if not isinstance(day, dict) or day.get("gte") is None or day.get("lte") is None:
        text = "Must provide both 'day' gte and lte filters for instance charges"
        raise Refusal(400, "invalid_args", text)
    return int(float(day["gte"]) * SECOND_US), int(float(day["lte"]) * SECOND_US)


def _row(world: World, account: Account, since_us: int, until_us: int) -> JsonObject | None:
    if not any(account.nano(kind, since_us, until_us) for kind in KINDS):
        return None
    if world.whole_charges:
        since_us, until_us = 0, world.now_us
    items = [
        _item(account, kind, since_us, until_us)
        for kind in KINDS
        if account.nano(kind, since_us, until_us) > 0
    ]
    if not items:
        return None
    kind, _, rest = account.source.partition("-")
    return {
        "start": min(item["start"] for item in items),
        "end": max(item["end"] for item in items),
        "type": "serverless" if kind == "worker" else kind,
        "source": f"endpoint-{rest.partition('-')[0]}" if kind == "worker" else account.source,
        "description": f"{kind.capitalize()} {rest} charges",
        "amount": round(sum(item["amount"] for item in items), 3),
        "metadata": _metadata(world, kind, rest),
        "items": items,
    }


def _item(account: Account, kind: str, since_us: int, until_us: int) -> JsonObject:
    moments = list(_moments(account, kind))
    return {
        "start": max(min(moments), since_us) / SECOND_US,
        "end": min(max(moments), until_us) / SECOND_US,
        "type": kind,
        "source": account.source,
        "description": _WORDS[kind],
        "amount": account.nano(kind, since_us, until_us) / NANO,
        "metadata": {},
        "items": [],
    }


def _moments(account: Account, kind: str) -> Iterable[int]:
    for part in account.segments.get(kind, ()):
        yield part.start_us
        yield part.end_us
    for at_us, what, _ in account.lumps:
        if what == kind:
            yield at_us


def _metadata(world: World, kind: str, rest: str) -> JsonObject:
    number = int(rest.partition("-")[0])
    if kind == "worker":
        return {"endpoint_id": number}
    contract = world.instances.get(number) or world.fleet.destroyed.get(number)
    if contract is None:
        return {}
    return {"label": contract.label, "template_id": contract.order.template_id}


ROUTES = (Route("GET", "/api/v0/charges", charges, interval_s=1.0, auth="billing"),)
