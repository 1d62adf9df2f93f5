"""Copies between machines and volumes: begin one, cancel one (docs/vendor-api.md#copying)."""

from vast_mcp.simulator.copies import End
from vast_mcp.simulator.routes.table import Call, Route
from vast_mcp.simulator.wire import JsonObject, Refusal

_BEGUN = (
    "Remote to Remote copy initiated - check instance status bar for progress updates"
    " (~30 seconds delayed)."
)


def begin(call: Call) -> JsonObject:
    """`PUT commands/copy_direct/`: answers at once, whatever comes of it later."""
    body = call.body
    for name in ("src_path", "dst_path"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise Refusal(400, "invalid_args", f"Invalid {name}.")
    if "local" in (body.get("src_id"), body.get("dst_id")):
        # The reply to a local copy names a door of the host's own, which is not modelled.
        raise Refusal(501, "not_simulated", "Copies to and from local are not simulated")
    source, target = end_of(call, "src_id"), end_of(call, "dst_id")
    call.world.copies.begin(source, target, body["src_path"], body["dst_path"], call.world.now_us)
    return {"success": True, "msg": _BEGUN}


def cancel(call: Call) -> JsonObject:
    """`DELETE commands/copy_direct/`: also answers success when nothing is under way."""
    if call.body.get("dst_id") is None:
        raise Refusal(400, "invalid_args", "Invalid dst_id.")
    target = end_of(call, "dst_id")
    call.world.copies.cancel(target.contract, target.volume)
    return {"success": True}


def end_of(call: Call, name: str) -> End:
    """The machine (`C.1` or a bare id) or volume (`V.1`) that a field names."""
    text = str(call.body.get(name))
    kind, _, rest = text.rpartition(".")
    number = int(rest) if rest.isdigit() else 0
    contract = call.world.instances.get(number) if kind in ("", "C") else None
    volume = call.world.volumes.get(number) if kind == "V" else None
    if contract is not None:
        return End(contract.listing.machine, contract=contract)
    if volume is not None:
        return End(call.world.market.machines[volume.machine_index], volume=volume)
    raise Refusal(404, "no_such_user", "No such user.")


ROUTES = (
    Route("PUT", "/api/v0/commands/copy_direct", begin, mutates=True, interval_s=3.5),
    Route("DELETE", "/api/v0/commands/copy_direct", cancel, mutates=True, interval_s=3.5),
)
