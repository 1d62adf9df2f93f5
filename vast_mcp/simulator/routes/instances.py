"""Rented machines: read, list, start, stop, label, destroy and what else is done to one.

See docs/vendor-api.md#instance-operations, docs/vendor-api.md#instances.
"""

from collections import Counter

from vast_mcp.simulator.contract import Contract
from vast_mcp.simulator.routes.columns import arranged, page_after, page_size, projected, selected
from vast_mcp.simulator.routes.table import Call, Route
from vast_mcp.simulator.search import query_json, query_object
from vast_mcp.simulator.wire import JsonObject, Refusal

STORED_COLUMNS = frozenset(
    [
        "id",
        "label",
        "actual_status",
        "intended_status",
        "cur_state",
        "next_state",
        "gpu_name",
        "verification",
        "machine_id",
        "host_id",
        "start_date",
        "end_date",
        "image_uuid",
        "is_bid",
        "template_hash_id",
    ]
)
"""What `select_filters` takes; computed ones such as `dph_total` are refused."""
_PAGE, _LARGEST_PAGE = 5, 25
_LABEL_LETTERS = 1024
_BID_LOW, _BID_HIGH = 0.001, 32.0


def show(call: Call) -> JsonObject:
    """`GET instances/{id}/`: one object under the plural key, null when there is none."""
    contract = call.world.find(call.id)
    return {"instances": call.world.show(contract) if contract else None}


def show_all(call: Call) -> JsonObject:
    """`GET /api/v1/instances/`: pages of at most 25."""
    query = call.request.query
    contracts = {contract.id: contract for contract in call.world.listed()}
    if _by_id_or_label(query):  # a large account is not drawn whole for one page of it
        everything = [
            {"id": machine.id, "label": machine.order.label} for machine in contracts.values()
        ]
    else:
        everything = [call.world.show(contract) for contract in contracts.values()]
    found = arranged(selected(everything, query, known=STORED_COLUMNS), query, known=STORED_COLUMNS)
    size = page_size(query.get("limit"), default=_PAGE, largest=_LARGEST_PAGE)
    keys, token = page_after(found, query, limit=size, known=STORED_COLUMNS)
    rows = [call.world.show(contracts[int(str(key["id"]))]) for key in keys]
    return {
        "success": True,
        "instances_found": len(rows),
        "total_instances": len(found),
        "label_counts": dict(Counter(row["label"] or "" for row in found)),
        "next_token": token,
        "instances": projected(rows, query),
    }


def _by_id_or_label(query: dict[str, str]) -> bool:
    """Whether filters and order look at nothing else."""
    filters = query_object(query.get("select_filters"), "select_filters")
    order = query_json(query.get("order_by"), "order_by", default=[])
    columns = (
        {str(item.get("col")) for item in order if isinstance(item, dict)}
        if isinstance(order, list)
        else {"?"}
    )
    return {*filters, *columns} <= {"id", "label"}


def whole_list(call: Call) -> JsonObject:
    """`GET /api/v0/instances/`, the unpaginated list: retired, account by account."""
    if call.world.choices.old_list:
        return {"instances": [call.world.show(contract) for contract in call.world.listed()]}
    text = "/api/v0/instances/ is deprecated. Use /api/v1/instances/ instead."
    raise Refusal(410, "deprecated_endpoint", text)


def change(call: Call) -> JsonObject:
    """`PUT instances/{id}/`: `state` or `label`; asynchronous, the answer promises nothing."""
    contract, body = call.contract(), call.body
    if "state" not in body and "label" not in body:
        raise Refusal(400, "invalid_args", "Nothing to change: 'state' or 'label' is required")
    if "label" in body:
        _relabel(contract, body["label"])
    if "state" in body and not set_state(call, contract, body["state"]):
        text = "Required resources are currently unavailable, state change queued."
        return {"success": False, "error": "resources_unavailable", "msg": text}
    return {"success": True}


def _relabel(contract: Contract, label: object) -> None:
    if label is not None and not isinstance(label, str):
        raise Refusal(400, "invalid_args", "label: Input should be a valid string")
    if label and len(label) > _LABEL_LETTERS:
        raise Refusal(400, "input_too_long", f"label: at most {_LABEL_LETTERS} characters")
    contract.order.label = label or None


def set_state(call: Call, contract: Contract, state: object) -> bool:
    """Start or stop; no start without credit or after the contract's end.

    False: the start waits for its GPU; it happens by itself once that is free, or never if the
    machine is stopped before.
    """
    world = call.world
    if state == "stopped":
        world.fleet.stop(contract, world.now_us)
        world.somebody_may_take(contract)
    elif state != "running":
        raise Refusal(400, "invalid_args", "state: Input should be 'running' or 'stopped'")
    elif contract.expired:
        raise Refusal(400, "invalid_args", "The contract has expired and cannot be restarted")
    elif world.book.balance_nano <= 0:
        text = "Your account lacks credit; see the billing page."
        raise Refusal(400, "insufficient_credit", text)
    else:
        _forget_keys(call, contract)
        world.fleet.start(contract, world.now_us)
        return contract.stage != "scheduling"
    return True


def _forget_keys(call: Call, contract: Contract) -> None:
    """A start may write the account's keys only (reported of keys put in by hand, 2026-10)."""
    if contract.door.forgets_keys:
        contract.keys[:] = call.world.ssh_keys.values()


def change_many(call: Call) -> JsonObject:
    """`PUT instances/` with `ids`: unknown ones make `success` false, the known ones are done."""
    known = [call.world.instances.get(number) for number in _ids(call.body, "ids")]
    for contract in known:
        if contract is not None:
            set_state(call, contract, call.body.get("state"))
    failed = None in known
    return {"success": not failed, **({"msg": "Some instances not found"} if failed else {})}


def _ids(body: JsonObject, name: str) -> list[int]:
    given = body.get(name)
    if not isinstance(given, list) or not all(str(number).isdigit() for number in given):
        raise Refusal(400, "invalid_args", f"{name}: Input should be a list of ids")
    return list(dict.fromkeys(int(number) for number in given))


def destroy(call: Call) -> JsonObject:
    """`DELETE instances/{id}/`: at once and for good."""
    call.world.fleet.destroy(call.contract(), call.world.now_us)
    return {"success": True}


def destroy_many(call: Call) -> JsonObject:
    """`DELETE instances/` with `instance_ids`."""
    ids = _ids(call.body, "instance_ids")
    gone = [number for number in ids if number not in call.world.instances]
    for number in ids:
        if number not in gone:
            call.world.fleet.destroy(call.world.instances[number], call.world.now_us)
    return {"success": not gone, **({"msg": f"not found: {gone}"} if gone else {})}


def reboot(call: Call) -> JsonObject:
    """`PUT instances/reboot/{id}/`: docker stop and start, the GPU is kept."""
    return _restart(call, "rebooting")


def recycle(call: Call) -> JsonObject:
    """`PUT instances/recycle/{id}/`: a fresh container, the image pulled again."""
    return _restart(call, "recycling")


def _restart(call: Call, stage: str) -> JsonObject:
    contract = call.contract()
    if contract.stage != "running":
        raise Refusal(400, "invalid_args", f"Instance {contract.id} is not running")
    _forget_keys(call, contract)
    call.world.fleet.enter(contract, stage, call.world.now_us)
    return {"success": True}


def change_bid(call: Call) -> JsonObject:
    """`PUT instances/bid_price/{id}/`: null lets the server pick the winning bid."""
    contract, price = call.contract(), call.body.get("price")
    if not contract.is_bid:
        raise Refusal(400, "invalid_args", "On-demand instances have no bid")
    if price is None:
        price = call.world.fleet.floor_usd(contract, call.world.now_us)
    if not isinstance(price, int | float) or not _BID_LOW <= price <= _BID_HIGH:
        raise Refusal(400, "invalid_args", f"Please set a bid price >= {_BID_LOW}.")
    contract.order.bid_usd_per_hour = float(price)
    call.world.fleet.follow_market(contract, call.world.now_us)
    return {"success": True}


def filters(call: Call) -> JsonObject:
    """`GET instances/filters/`: the distinct combinations, for pickers."""
    names = ("actual_status", "gpu_name", "verification")
    rows = [call.world.show(contract) for contract in call.world.listed()]
    combinations = dict.fromkeys(tuple(row[name] for name in names) for row in rows)
    return {"filters": [dict(zip(names, values, strict=True)) for values in combinations]}


ROUTES = (
    Route("GET", "/api/v0/instances/{id}", show, interval_s=2.0),
    Route("GET", "/api/v1/instances", show_all, interval_s=1.0),
    Route("GET", "/api/v0/instances", whole_list),
    Route("PUT", "/api/v0/instances/{id}", change, mutates=True, interval_s=1.0),
    Route("PUT", "/api/v0/instances", change_many, mutates=True),
    Route("DELETE", "/api/v0/instances/{id}", destroy, mutates=True, interval_s=3.0),
    Route("DELETE", "/api/v0/instances", destroy_many, mutates=True),
    Route("PUT", "/api/v0/instances/reboot/{id}", reboot, mutates=True, interval_s=1.0),
    Route("PUT", "/api/v0/instances/recycle/{id}", recycle, mutates=True, interval_s=1.0),
    Route("PUT", "/api/v0/instances/bid_price/{id}", change_bid, mutates=True, interval_s=5.5),
    Route("GET", "/api/v0/instances/filters", filters),
)
