"""Serverless: endpoints, workergroups under both names, and the second host's worker routes.

See docs/vendor-api.md#serverless.
"""

from vast_mcp.simulator.routes.table import Call, Route
from vast_mcp.simulator.serverless import Endpoint, Worker, Workergroup
from vast_mcp.simulator.wire import JsonObject, Refusal
from vast_mcp.simulator.world import USER_ID

_ENDPOINT_DEFAULTS: JsonObject = {
    "endpoint_name": "default-endpoint",
    "min_load": 0.0,
    "min_cold_load": 0.0,
    "target_util": 0.9,
    "cold_mult": 2.5,
    "cold_workers": 5,
    "max_workers": 20,
    "max_queue_time": None,
    "target_queue_time": None,
    "inactivity_timeout": None,
    "endpoint_state": "active",
}
_STATES = ("active", "suspended", "stopped")
_GROUP_FIELDS = ("template_hash", "template_id", "search_params", "launch_args", "gpu_ram")


def create_endpoint(call: Call) -> JsonObject:
    """`POST endptjobs/` → `{success, result: id}`; a null field takes the server's default."""
    serverless = call.world.serverless
    fields = dict(_ENDPOINT_DEFAULTS)
    _overlay(fields, call.body)
    number = serverless.next_id()
    key = call.world.chance.hexadecimal(64, "endpoint key", number)
    serverless.endpoints[number] = Endpoint(number, key, call.world.now_us, fields)
    return {"success": True, "result": number}


def _overlay(fields: JsonObject, body: JsonObject) -> None:
    given = {name: body[name] for name in _ENDPOINT_DEFAULTS if body.get(name) is not None}
    if given.get("endpoint_state", "active") not in _STATES:
        raise Refusal(400, "invalid_args", f"endpoint_state: one of {', '.join(_STATES)}")
    for name in ("min_load", "cold_workers", "max_workers"):
        if name in given and (not isinstance(given[name], int | float) or given[name] < 0):
            raise Refusal(400, "invalid_args", f"{name}: Input should be a number of 0 or more")
    fields.update(given)


def show_endpoints(call: Call) -> JsonObject:
    """`GET endptjobs/`: every row contains the endpoint's own key."""
    rows = [_endpoint_view(x) for x in call.world.serverless.endpoints.values()]
    return {"success": True, "results": rows}


def show_endpoint(call: Call) -> JsonObject:
    """`GET endptjobs/{id}/` → `{"result": …}`."""
    return {"success": True, "result": _endpoint_view(_endpoint(call))}


def _endpoint_view(endpoint: Endpoint) -> JsonObject:
    return {
        **endpoint.fields,
        "id": endpoint.id,
        "api_key": endpoint.api_key,
        "user_id": USER_ID,
        "created_at": endpoint.created_us / 1_000_000,
    }


def _endpoint(call: Call) -> Endpoint:
    found = call.world.serverless.endpoints.get(call.id)
    if found is None:
        raise Refusal(404, "no_such_endpoint", f"Endpoint {call.id} not found")
    return found


def update_endpoint(call: Call) -> JsonObject:
    """`PUT endptjobs/{id}/` replaces the record; the engine follows at once.

    Reported by the maker of a client: what is left out or null goes back to the server's default,
    `max_workers` to 20. Nobody recorded it; the unkind reading is the one to be ready for.
    """
    fields = dict(_ENDPOINT_DEFAULTS)
    _overlay(fields, call.body)
    _endpoint(call).fields = fields
    call.world.serverless.settle(call.world.now_us)
    return {"success": True}


def delete_endpoint(call: Call) -> JsonObject:
    """`DELETE endptjobs/{id}/`: its workergroups go too, its workers within seconds."""
    serverless, endpoint = call.world.serverless, _endpoint(call)
    released = [worker.id for worker in serverless.of(endpoint.id)]
    serverless.endpoints.pop(endpoint.id)
    for group in [x for x in serverless.groups.values() if x.endpoint_id == endpoint.id]:
        serverless.groups.pop(group.id)
    serverless.settle(call.world.now_us)
    return {
        "success": True,
        "deleted_workers": released,
        "failed_workers": [],
        "msg": f"Endpoint {endpoint.id} deleted",
    }


def create_group(call: Call) -> JsonObject:
    """`POST workergroups/` or `autojobs/` → `{success, id}`; workers are rented at once."""
    serverless, body = call.world.serverless, call.body
    endpoint = _endpoint_named(call)
    if not body.get("template_hash") and not body.get("template_id"):
        raise Refusal(400, "invalid_args", "template_hash or template_id is required")
    number = serverless.next_id()
    fields = {name: body.get(name) for name in _GROUP_FIELDS}
    key = call.world.chance.hexadecimal(64, "group key", number)
    serverless.groups[number] = Workergroup(number, endpoint.id, key, call.world.now_us, fields)
    serverless.settle(call.world.now_us)
    return {"success": True, "id": number}


def _endpoint_named(call: Call) -> Endpoint:
    name, number = call.body.get("endpoint_name"), call.body.get("endpoint_id")
    for endpoint in call.world.serverless.endpoints.values():
        if number == endpoint.id or (name and name == endpoint.fields["endpoint_name"]):
            return endpoint
    raise Refusal(400, "invalid_args", f"Endpoint {number or name} not found")


def show_groups(call: Call) -> JsonObject:
    """`GET workergroups/` → `{success, results}`, keys included."""
    return {
        "success": True,
        "results": [_group_view(call, x) for x in call.world.serverless.groups.values()],
    }


def _group_view(call: Call, group: Workergroup) -> JsonObject:
    endpoint = call.world.serverless.endpoints[group.endpoint_id]
    scaling = ("min_load", "target_util", "cold_mult", "cold_workers")
    return {
        **{name: endpoint.fields[name] for name in scaling},
        **group.fields,
        "id": group.id,
        "endpoint_id": group.endpoint_id,
        "endpoint_name": endpoint.fields["endpoint_name"],
        "search_query": str(group.fields.get("search_params") or ""),
        "test_workers": 3,
        "api_key": group.api_key,
        "user_id": USER_ID,
        "created_at": group.created_us / 1_000_000,
    }


def _group(call: Call) -> Workergroup:
    found = call.world.serverless.groups.get(call.id)
    if found is None:
        raise Refusal(404, "no_such_workergroup", f"Workergroup {call.id} not found")
    return found


def update_group(call: Call) -> JsonObject:
    """`PUT workergroups/{id}/` replaces the record, as for endpoints: what is left out is lost."""
    _group(call).fields = {name: call.body.get(name) for name in _GROUP_FIELDS}
    return {"success": True}


def delete_group(call: Call) -> JsonObject:
    """`DELETE workergroups/{id}/`: its workers follow within seconds."""
    group, serverless = _group(call), call.world.serverless
    released = [
        worker.id for worker in serverless.of(group.endpoint_id) if worker.group_id == group.id
    ]
    serverless.groups.pop(group.id)
    serverless.settle(call.world.now_us)
    return {"success": True, "deleted_workers": released, "failed_workers": []}


def endpoint_workers(call: Call) -> object:
    """`POST /get_endpoint_workers/`: a bare list, or `error_msg` while there is no group yet."""
    number = _body_id(call)
    serverless = call.world.serverless
    if number not in serverless.endpoints:
        return {"error_msg": f"endpoint {number} not found"}
    if not any(group.endpoint_id == number for group in serverless.groups.values()):
        return {"error_msg": "endpoint is not ready"}
    return [_worker_view(worker) for worker in serverless.of(number)]


def group_workers(call: Call) -> object:
    """`POST /get_workergroup_workers`: the workers of one group."""
    number = _body_id(call)
    workers = call.world.serverless.workers.values()
    return [_worker_view(worker) for worker in workers if worker.group_id == number]


def _body_id(call: Call) -> int:
    text = str(call.body.get("id", ""))
    return int(text) if text.isdigit() else 0


def _worker_view(worker: Worker) -> JsonObject:
    perf = worker.listing.machine.card.dlperf if worker.status == "IDLE" else 0.0
    return {
        "id": worker.id,
        "status": worker.status,
        "cur_load": 0.0,
        "new_load": 0.0,
        "cur_load_rolling_avg": 0.0,
        "cur_perf": perf,
        "perf": perf,
        "measured_perf": perf,
        "dlperf": worker.listing.machine.card.dlperf,
        "reliability": worker.listing.machine.reliability,
        "reqs_working": 0,
        "disk_usage": 4.2,
        "loaded_at": worker.loaded_us / 1_000_000 if worker.loaded_us else None,
        "started_at": worker.started_us / 1_000_000,
    }


def logs(call: Call) -> JsonObject:
    """`POST /get_endpoint_logs/` and the group's twin: one text per level."""
    number, serverless = _body_id(call), call.world.serverless
    workers = [w for w in serverless.workers.values() if number in (w.endpoint_id, w.group_id)]
    if number not in serverless.endpoints and number not in serverless.groups:
        return {"error": f"{number} not found"}
    lines = "".join(f"worker {worker.id} {worker.status}\n" for worker in workers)
    return {"info0": lines, "info1": f"{len(workers)} workers\n", "trace": "", "debug": ""}


def _group_routes(name: str) -> tuple[Route, ...]:
    path = f"/api/v0/{name}"
    return (
        Route("GET", path, show_groups, interval_s=2.0),
        Route("POST", path, create_group, mutates=True, interval_s=4.0),
        Route("PUT", path + "/{id}", update_group, mutates=True, interval_s=2.0),
        Route("DELETE", path + "/{id}", delete_group, mutates=True, interval_s=3.0),
    )


ROUTES = (
    Route("GET", "/api/v0/endptjobs", show_endpoints, interval_s=3.0),
    Route("POST", "/api/v0/endptjobs", create_endpoint, mutates=True, interval_s=4.0),
    Route("GET", "/api/v0/endptjobs/{id}", show_endpoint),
    Route("PUT", "/api/v0/endptjobs/{id}", update_endpoint, mutates=True, interval_s=2.0),
    Route("DELETE", "/api/v0/endptjobs/{id}", delete_endpoint, mutates=True, interval_s=3.0),
    *_group_routes("workergroups"),
    *_group_routes("autojobs"),
    Route("POST", "/get_endpoint_workers", endpoint_workers, auth="serverless"),
    Route("POST", "/get_workergroup_workers", group_workers, auth="serverless"),
    Route("POST", "/get_endpoint_logs", logs, auth="serverless"),
    Route("POST", "/get_autogroup_logs", logs, auth="serverless"),
    Route("POST", "/get_workergroup_logs", logs, auth="serverless"),
)
