"""Volumes: rent, list and delete storage that outlives machines (docs/vendor-api.md#volumes)."""

from vast_mcp.simulator.market import volume_ask_id
from vast_mcp.simulator.routes.table import Call, Route
from vast_mcp.simulator.wire import JsonObject, Refusal
from vast_mcp.simulator.world import Volume


def show(call: Call) -> JsonObject:
    """`GET volumes`: an unknown `type` shows all; there are local ones only."""
    if call.request.query.get("type") == "network_volume":
        return {"volumes": []}
    return {"volumes": [_view(call, volume) for volume in call.world.volumes.values()]}


def _view(call: Call, volume: Volume) -> JsonObject:
    return {
        "id": volume.id,
        "status": "ready",
        "type": "local_volume",
        "label": volume.name,
        "machine_id": volume.machine_id,
        "disk_space": volume.size_gb,
        "start_date": volume.created_us / 1_000_000,
        "storage_cost": volume.usd_per_gb_month,
        "storage_total_cost": volume.rates()["disk"],
        "instances": _users(call, volume.id),
    }


def _users(call: Call, volume_id: int) -> list[int]:
    return [
        contract.id
        for contract in call.world.instances.values()
        if (contract.order.volume_info or {}).get("volume_id") == volume_id
        or any(name.startswith(f"-v V.{volume_id}:") for name, _ in contract.order.env)
    ]


def rent(call: Call) -> JsonObject:
    """`PUT volumes/`: bills from now until deleted; sizes are whole gigabytes."""
    world, ask = call.world, call.body.get("id")
    listings = world.market.listings(world.now_us)
    listing = next((x for x in listings if volume_ask_id(x.offer_id) == ask), None)
    if listing is None:
        raise Refusal(404, "no_such_ask", f"no_such_ask volume offer {ask} is not available")
    size = call.body.get("size", 15)
    if not isinstance(size, int | float) or not 1 <= size <= listing.machine.disk_gb:
        raise Refusal(400, "invalid_args", f"size: 1 to {listing.machine.disk_gb} GB")
    volume = Volume(
        id=world.fleet.next_id(),
        machine_index=listing.machine.index,
        machine_id=listing.machine.id,
        size_gb=float(int(size)),
        usd_per_gb_month=listing.machine.storage_usd_per_gb_month,
        name=call.body.get("name"),
        created_us=world.now_us,
    )
    world.volumes[volume.id] = volume
    return {"success": True, "volume_name": f"V.{volume.id}"}


def delete(call: Call) -> JsonObject:
    """`DELETE volumes/`: the id in query or body; refused while an instance refers to it."""
    text = str(call.request.query.get("id") or call.body.get("id") or "").removeprefix("V.")
    number = int(text) if text.isdigit() else 0
    if number not in call.world.volumes:
        raise Refusal(404, "no_such_volume", f"Volume {text} not found")
    if users := _users(call, number):
        raise Refusal(400, "invalid_args", f"Volume {number} is used by instances {users}")
    call.world.volumes.pop(number)
    return {"success": True}


ROUTES = (
    Route("GET", "/api/v0/volumes", show, interval_s=5.5),
    Route("PUT", "/api/v0/volumes", rent, mutates=True, interval_s=5.5),
    Route("DELETE", "/api/v0/volumes", delete, mutates=True, interval_s=5.5),
)
