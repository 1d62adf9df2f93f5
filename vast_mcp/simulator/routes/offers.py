"""Search and rent: offers in both forms, the create request with all its refusals.

See docs/vendor-api.md#creating-an-instance, docs/vendor-api.md#offers, docs/vendor-api.md#volumes.
"""

import re

from vast_mcp.simulator.catalogue import CARDS
from vast_mcp.simulator.contract import Order
from vast_mcp.simulator.market import Listing, volume_ask_id
from vast_mcp.simulator.routes.table import Call, Route
from vast_mcp.simulator.search import matches, order_pairs, ordered, whole_limit
from vast_mcp.simulator.wire import JsonObject, Refusal
from vast_mcp.simulator.world import World

_KINDS = {
    "on-demand": "on-demand",
    "ondemand": "on-demand",
    "bid": "bid",
    "interruptible": "bid",
    "reserved": "reserved",
}
_DEFAULT_STORAGE_GB = 8.0
_MOST_ROWS = 64
"""Rows in one answer whatever `limit` says (reported with a date, 2026-09-29)."""
_BID_LOW, _BID_HIGH = 0.001, 128.0
_IMAGE_LETTERS, _ARGS_LETTERS, _LABEL_LETTERS = 1024, 16_384, 256
_PORTS = 64
_PORT_FLAG = re.compile(r"(?<!\S)-p (\d+:\d+(?:/(?:tcp|udp))?)(?!\S)")
_AUTOMATIC_TAG, _RESOLVED_TAG = "@vastai-automatic-tag", "cuda-12.8.1-auto"
"""The server resolves this tag, so the instance shows another one than was asked for."""


def search(call: Call) -> JsonObject:
    """`POST bundles/`: only what was sent restricts; numbers may be strings."""
    return find_offers(call.world, call.body)


def search_asks(call: Call) -> JsonObject:
    """`PUT search/asks/`: the same search under `q`."""
    query = call.body.get("q")
    if not isinstance(query, dict):
        raise Refusal(400, "invalid_args", "q: Input should be a valid object")
    return find_offers(call.world, query)


def find_offers(world: World, query: JsonObject) -> JsonObject:
    """What a search answers; each offer in it is kept at its price for two hours.

    At most 64 rows, and `truncated` says whether there were more (the field is recorded, 2026-09).
    """
    limit = min(whole_limit(query.get("limit")) or _MOST_ROWS, _MOST_ROWS)
    order = order_pairs(query.get("order"))
    kind = _KINDS.get(str(query.get("type", "on-demand")))
    if kind is None:
        raise Refusal(400, "invalid_args", f"type: unknown offer type {query.get('type')}")
    disk_gb = _number(query.get("allocated_storage", _DEFAULT_STORAGE_GB), "allocated_storage")
    if query.get("id") not in (None, {"eq": "any"}):
        # Recorded 2026-09-05, and told by ten who ran it since: `ask_contract_id` finds an offer
        # and `id`, which every row carries with the same number, finds nothing.
        return {"offers": [], "truncated": False}
    strict = world.choices.strict_columns
    listings: dict[int, Listing] = {}
    rows: list[JsonObject] = []
    for listing in world.market.listings(world.now_us):
        row = listing.view(world.now_us, kind=kind, disk_gb=disk_gb)
        fits = listing.machine.disk_gb >= disk_gb
        if fits and matches(row, query, known=frozenset(row), strict=strict):
            listings[listing.offer_id] = listing
            rows.append(row)
        disk = listing.volume_row(row)
        if _asks_for_no_gpu(query) and matches(disk, query, known=frozenset(disk)):
            rows.append(disk)
    found = ordered(rows, order)
    for row in found[:limit]:
        if row["id"] in listings:
            world.market.show(listings[row["id"]], world.now_us)
    return {"offers": found[:limit], "truncated": len(found) > limit}


def _asks_for_no_gpu(query: JsonObject) -> bool:
    """Whether its condition on `num_gpus` admits 0: then volumes come too (recorded 2026-08-24)."""
    condition = query.get("num_gpus")
    known = frozenset({"num_gpus"})
    return condition is not None and matches({"num_gpus": 0}, {"num_gpus": condition}, known=known)


def create(call: Call) -> JsonObject:
    """`PUT asks/{id}/`: the vendor's checks, its bodies to the letter."""
    world, body, ask = call.world, call.body, call.id
    order = order_from(world, body, ask)
    listing = world.market.find(ask, world.now_us)
    if listing is None:
        text = f"error 404/3603: no_such_ask  Instance type by id {ask} is not available."
        raise Refusal(400, "invalid_args", text)  # with two blanks, and HTTP 400
    _check_fit(listing, order, body, ask)
    _check_credit(world, listing, order, ask)
    bid = order.bid_usd_per_hour
    loses = bid is not None and bid < listing.min_bid_usd_per_hour
    raced = listing.offer_id in world.market.raced
    if (loses or raced) and _cancel_unavailable(body):
        text = f"error 410/3907: no_such_ask  Instance type by id {ask} is not available."
        raise Refusal(410, "no_such_ask", text, ask_id=ask)
    if loses:
        return _parked(world, listing, order)
    world.market.rent(listing)
    placed = not raced and body.get("target_state") != "stopped"
    contract = world.fleet.create(listing, order, world.now_us, placed=placed)
    contract.gpu_taken = raced
    contract.keys.extend(world.ssh_keys.values())
    return {
        "success": True,
        "new_contract": contract.id,
        "instance_api_key": contract.api_key,
    }


def _parked(world: World, listing: Listing, order: Order) -> JsonObject:
    """A bid that does not win is kept as a stopped rental, and runs once the price has fallen."""
    world.market.rent(listing)
    contract = world.fleet.create(listing, order, world.now_us)
    contract.keys.extend(world.ssh_keys.values())
    world.fleet.enter(contract, "outbid", world.now_us)
    return {"success": False, "new_contract": contract.id, "instance_api_key": contract.api_key}


def order_from(world: World, body: JsonObject, ask: int) -> Order:
    """The request as an order; the template fills what the request left null."""
    template = _template(world, body, ask)
    image = body.get("image") or (f"{template['image']}:{template['tag']}" if template else None)
    if not isinstance(image, str) or not image:
        text = "error 400/3468: Invalid args: 'image' or 'template_hash_id' is required"
        raise Refusal(400, "invalid_args", text, ask_id=ask)
    env = body.get("env") or {}
    if not isinstance(env, dict):
        raise Refusal(400, "invalid_args", "env: Input should be a valid object", ask_id=ask)
    if sum(name.startswith("-p ") for name in env) > _PORTS:
        raise Refusal(400, "invalid_args", f"more than {_PORTS} ports", ask_id=ask)
    onstart = body.get("onstart") or (template or {}).get("onstart")
    _check_lengths(image, onstart, body)
    return Order(
        image=image.replace(_AUTOMATIC_TAG, _RESOLVED_TAG),
        disk_gb=_number(body.get("disk", _DEFAULT_STORAGE_GB), "disk"),
        label=body.get("label"),
        runtype=body.get("runtype") or _template_runtype(template),
        env=[
            *_template_ports(template, env),
            *((str(name), str(value)) for name, value in env.items()),
        ],
        onstart=onstart,
        args=[str(word) for word in body.get("args") or ()],
        bid_usd_per_hour=_bid(body.get("price"), ask),
        template_id=template["id"] if template else None,
        template_hash=template["hash_id"] if template else None,
        template_name=template["name"] if template else None,
        volume_info=body.get("volume_info"),
    )


def _check_lengths(image: str, onstart: object, body: JsonObject) -> None:
    """The vendor's one refusal for three lengths, exactly (recorded 2026-07-25)."""
    args = " ".join(str(word) for word in body.get("args") or ())
    fits = (
        len(image) <= _IMAGE_LETTERS
        and max(len(str(onstart or "")), len(args)) <= _ARGS_LETTERS
        and len(str(body.get("label") or "")) <= _LABEL_LETTERS
    )
    if not fits:
        text = "error 400/3471: Invalid args: len(image) > 1024, or len(args) > 16384, or"
        raise Refusal(400, "invalid_args", f"{text} len(label) > 256")


def _template(world: World, body: JsonObject, ask: int) -> JsonObject | None:
    wanted = body.get("template_hash_id")
    if wanted is None:
        return None
    for template in world.templates:
        if template["hash_id"] == wanted:
            return template
    raise Refusal(400, "invalid_args", f"template {wanted} not found", ask_id=ask)


def _template_ports(template: JsonObject | None, env: JsonObject) -> list[tuple[str, str]]:
    """The ports that a template's docker flags open, beside those of the request."""
    found = _PORT_FLAG.findall(str(template["env"])) if template else []
    return [
        (name, "1") for name in dict.fromkeys(f"-p {port}" for port in found) if name not in env
    ]


def _template_runtype(template: JsonObject | None) -> str:
    if template is None:
        return "ssh"
    return "jupyter_direc ssh_direc ssh_proxy" if template["jup_direct"] else "ssh_direc ssh_proxy"


def _bid(price: object, ask: int) -> float | None:
    if price is None:
        return None
    bid = _number(price, "price")
    if not _BID_LOW <= bid <= _BID_HIGH:
        raise Refusal(400, "invalid_price", f"price must be {_BID_LOW} to {_BID_HIGH}", ask_id=ask)
    return bid


def _check_fit(listing: Listing, order: Order, body: JsonObject, ask: int) -> None:
    if order.disk_gb <= 0 or order.disk_gb > listing.machine.disk_gb:
        text = f"disk: {order.disk_gb} GB is not between 0 and {listing.machine.disk_gb} GB"
        raise Refusal(400, "invalid_args", text, ask_id=ask)
    # Without its registry the image comes as a container (reported 2026-07).
    is_vm = body.get("vm") or order.image.startswith("docker.io/vastai/kvm")
    if is_vm and not listing.machine.vms_enabled:
        raise Refusal(400, "invalid_args", "this machine does not run VMs", ask_id=ask)


def _check_credit(world: World, listing: Listing, order: Order, ask: int) -> None:
    bid = order.bid_usd_per_hour
    gpu = listing.gpu_usd_per_hour if bid is None else bid
    hourly = gpu + listing.storage_usd_per_hour(order.disk_gb)
    if world.book.balance_usd < hourly:
        text = "Your account lacks credit; see the billing page."
        raise Refusal(400, "insufficient_credit", text)
    cap = world.choices.spend_rate_limit_usd_per_hour
    if cap is not None and world.burn_usd_per_hour() + hourly > cap:
        text = f"Your account may spend {cap} $/hr at most; verify your e-mail or wait"
        raise Refusal(400, "spend_rate_limit", text, ask_id=ask)


def _cancel_unavailable(body: JsonObject) -> bool:
    """Absent, the server's default is true for on-demand and running."""
    return bool(body.get("cancel_unavail", body.get("price") is None))


def _number(value: object, name: str) -> float:
    try:
        if isinstance(value, str | int | float):
            return float(value)
    except ValueError:
        pass
    raise Refusal(400, "invalid_args", f"{name}: Input should be a valid number")


def gpu_names(_call: Call) -> JsonObject:
    """`GET gpu_names/unique/`, without a key."""
    return {"gpu_names": sorted(card.name for card in CARDS)}


def gpu_types(_call: Call) -> JsonObject:
    """`GET gpu_types/`, without a key."""
    return {"gpu_types": [{"canonical_name": x.name, "gpu_ram_mb": x.ram_mb} for x in CARDS]}


def search_volumes(call: Call) -> JsonObject:
    """`POST volumes/search/`: the disk that stands beside each listed machine."""
    world = call.world
    size_gb = _number(call.body.get("allocated_storage", 1.0), "allocated_storage")
    rows = []
    for listing in world.market.listings(world.now_us):
        offer = listing.view(world.now_us, kind="on-demand", disk_gb=size_gb)
        row = {**offer, "id": volume_ask_id(listing.offer_id)}
        if matches(row, call.body, known=frozenset(row)):
            rows.append(row)
    limit = whole_limit(call.body.get("limit"))
    return {"offers": ordered(rows, order_pairs(call.body.get("order")))[:limit]}


ROUTES = (
    Route("POST", "/api/v0/bundles", search),
    Route("PUT", "/api/v0/search/asks", search_asks),
    Route("PUT", "/api/v0/asks/{id}", create, mutates=True, interval_s=4.5),
    Route("GET", "/api/v0/gpu_names/unique", gpu_names, auth="open"),
    Route("GET", "/api/v0/gpu_types", gpu_types, auth="open"),
    Route("POST", "/api/v0/volumes/search", search_volumes, interval_s=5.5),
)
