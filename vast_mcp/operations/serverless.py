"""Endpoints and workergroups (docs/vendor-api.md#serverless)."""

from vast_mcp.models import Scaling
from vast_mcp.operations._declare import Call, Data, Host, Money, Operation

LIST_ENDPOINTS = Operation(
    "list_endpoints", "GET", "/api/v0/endptjobs/", "serverless", interval_s=3.0
)
CREATE_ENDPOINT = Operation(
    "create_endpoint", "POST", "/api/v0/endptjobs/", "serverless",
    money=Money.SPENDS, data=Data.CHANGES, interval_s=4.0,
)  # fmt: skip
UPDATE_ENDPOINT = Operation(
    "update_endpoint", "PUT", "/api/v0/endptjobs/{endpoint_id}/", "serverless",
    money=Money.SPENDS, data=Data.CHANGES, interval_s=2.0,
)  # fmt: skip
DELETE_ENDPOINT = Operation(
    "delete_endpoint", "DELETE", "/api/v0/endptjobs/{endpoint_id}/", "serverless",
    money=Money.SAVES, data=Data.DESTROYS, interval_s=3.0,
)  # fmt: skip
LIST_WORKERGROUPS = Operation(
    "list_workergroups", "GET", "/api/v0/workergroups/", "serverless",
    also=("/api/v0/autojobs/",), interval_s=2.0,
)  # fmt: skip
CREATE_WORKERGROUP = Operation(
    "create_workergroup", "POST", "/api/v0/workergroups/", "serverless",
    money=Money.SPENDS, data=Data.CHANGES, also=("/api/v0/autojobs/",), interval_s=4.0,
)  # fmt: skip
LIST_WORKERS = Operation(
    "list_workers", "POST", "/get_endpoint_workers/", "serverless",
    host=Host.SERVERLESS, interval_s=1.0,
)  # fmt: skip

OPERATIONS = (
    LIST_ENDPOINTS, CREATE_ENDPOINT, UPDATE_ENDPOINT, DELETE_ENDPOINT, LIST_WORKERGROUPS,
    CREATE_WORKERGROUP, LIST_WORKERS,
)  # fmt: skip

SEARCH_SUFFIX = " verified=True rentable=True rented=False"
"""What the official client appends: a search given replaces the server's own default filters."""
DEFAULT_GPU_RAM_GB = 24.0
"""As the official client sends where nothing was asked."""


def list_endpoints() -> Call:
    """Every endpoint of the account; the answer holds their keys."""
    return LIST_ENDPOINTS.call()


def list_workergroups() -> Call:
    """Every workergroup of the account."""
    return LIST_WORKERGROUPS.call()


def list_workers(endpoint_id: int) -> Call:
    """The machines an endpoint rented; asked of the serverless host."""
    return LIST_WORKERS.call({"id": endpoint_id})


def create_endpoint(
    endpoint_name: str, *, max_workers: int, cold_workers: int, min_load: float
) -> Call:
    """Make an endpoint with every scaling field explicit: the defaults rent up to 20 machines."""
    return CREATE_ENDPOINT.call(
        {
            "client_id": "me",
            "min_load": min_load,
            "min_cold_load": 0.0,
            "target_util": 0.9,
            "cold_mult": 2.5,
            "cold_workers": cold_workers,
            "max_workers": max_workers,
            "endpoint_name": endpoint_name,
            "autoscaler_instance": "prod",
        }
    )


def update_endpoint(endpoint_id: int, scaling: Scaling) -> Call:
    """Put this scaling in the place of the endpoint's own: every field is sent, see `Scaling`."""
    return UPDATE_ENDPOINT.call(
        {
            "client_id": "me",
            "endptjob_id": endpoint_id,
            "min_load": scaling.min_load,
            "min_cold_load": scaling.min_cold_load,
            "target_util": scaling.target_util,
            "cold_mult": scaling.cold_mult,
            "cold_workers": scaling.cold_workers,
            "max_workers": scaling.max_workers,
            "endpoint_name": scaling.endpoint_name or None,
            "endpoint_state": scaling.endpoint_state,
            "max_queue_time": scaling.max_queue_time,
            "target_queue_time": scaling.target_queue_time,
            "inactivity_timeout": scaling.inactivity_timeout,
            "autoscaler_instance": "prod",
        },
        endpoint_id=endpoint_id,
    )


def delete_endpoint(endpoint_id: int) -> Call:
    """Delete it, its workergroups and their workers."""
    return DELETE_ENDPOINT.call(
        {"client_id": "me", "endptjob_id": endpoint_id}, endpoint_id=endpoint_id
    )


def create_workergroup(
    endpoint_name: str,
    endpoint_id: int,
    *,
    template_hash: str,
    search: str,
    launch_args: str = "",
    gpu_ram_gb: float = DEFAULT_GPU_RAM_GB,
) -> Call:
    """Give an endpoint a kind of machine; `search` is the whole of it: see `SEARCH_SUFFIX`."""
    return CREATE_WORKERGROUP.call(
        {
            "client_id": "me",
            "template_hash": template_hash,
            "search_params": search,
            "launch_args": launch_args or None,
            "gpu_ram": gpu_ram_gb,
            "endpoint_name": endpoint_name,
            "endpoint_id": endpoint_id,
            "autoscaler_instance": "prod",
        }
    )
