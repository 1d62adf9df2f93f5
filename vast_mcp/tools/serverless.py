"""Serverless endpoints: they rent machines by themselves, so they are priced at their maximum."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from vast_mcp.actions import CreateEndpoint, CreateWorkergroup, DeleteEndpoint, UpdateEndpoint
from vast_mcp.guard.act import Act
from vast_mcp.market.terms import check_search
from vast_mcp.tools._ask import Svc, asking
from vast_mcp.tools._result import Partly
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.views.endpoints import endpoints_seen, lapsed_words

Name = Annotated[str, Field(min_length=1, max_length=120, description="from show_endpoints")]
Workers = Annotated[int, Field(ge=0, le=100)]
Load = Annotated[float, Field(ge=0, le=1_000_000, description="units of load kept ready")]


class WorkergroupRow(BaseModel):
    """What kind of machine an endpoint rents."""

    workergroup_id: int
    template_hash: str | None = None
    untrusted_search: str | None = None


class EndpointRow(Partly):
    """One endpoint."""

    PUBLISHED = (
        "endpoint_id", "untrusted_name", "call_as", "state", "made_by", "workers_billing",
        "max_usd_per_worker_hour", "usd_per_hour_now", "lease_ends", "workergroups",
    )  # fmt: skip

    endpoint_id: int
    untrusted_name: str | None = None
    call_as: str | None = Field(None, description="its name in requests to /route/")
    state: str | None = None
    made_by: str | None = None
    workers: str | None = None
    workers_billing: int
    max_workers: int
    cold_workers: int
    min_load: float
    max_usd_per_worker_hour: float | None = None
    usd_per_hour: float | None = Field(None, description="with all workers")
    usd_per_hour_now: float | None = Field(None, description="at most")
    lease_ends: str | None = None
    workergroups: list[WorkergroupRow]


class EndpointsAnswer(BaseModel):
    """All endpoints."""

    endpoints: list[EndpointRow]
    more: int | None = None
    next: str | None = None


_ROWS = 20
_AT_MOST = (
    "usd_per_hour_now is an upper bound: Vast.ai does not report a worker's price; show_charges"
    " has what was charged."
)


async def show_endpoints(session: Svc) -> EndpointsAnswer:
    """Endpoints with their billed workers, workergroups, approved price and lease. Free."""
    seen = await endpoints_seen(session.account)
    rows = [EndpointRow.model_validate(endpoint.row()) for endpoint in seen[:_ROWS]]
    bounded = any(row.workers_billing for row in rows)
    steps = [_AT_MOST] if bounded else []
    steps += filter(None, [lapsed_words(seen[:_ROWS])])
    return EndpointsAnswer(
        endpoints=rows, more=len(seen) - len(rows) or None, next=" ".join(steps) or None
    )


@asking
def create_endpoint(
    endpoint_name: Annotated[str, Field(min_length=1, max_length=80)],
    max_usd_per_worker_hour: Annotated[float, Field(gt=0, le=1000)],
    max_workers: Annotated[int, Field(ge=1, le=100)] = 1,
    cold_workers: Annotated[int, Field(ge=0, le=100, description="kept loaded; billed")] = 0,
    min_load: Load = 0,
    lease_hours: Annotated[float, Field(gt=0, le=8760)] = 24,
    request_key: str = "",
) -> Act:
    """Create a serverless endpoint; asks once for all workers at that price over the whole lease.

    Rents nothing before create_workergroup. At the lease's end its workers are ended.
    """
    return CreateEndpoint(
        endpoint_name=endpoint_name,
        max_usd_per_worker_hour=max_usd_per_worker_hour,
        max_workers=max_workers,
        cold_workers=cold_workers,
        min_load=min_load,
        lease_hours=lease_hours,
        request_key=request_key,
    )


@asking
def create_workergroup(
    endpoint_name: Name,
    template_hash: Annotated[
        str, Field(min_length=1, max_length=64, description="from search_templates")
    ],
    search_query: Annotated[
        str, Field(max_length=500, description="offers to rent, such as gpu_name=RTX_4090")
    ] = "",
    gpu_ram_gb: Annotated[
        float | None, Field(gt=0, le=2000, description="GPU memory it needs")
    ] = None,
) -> Act:
    """Give an endpoint a template and a kind of machine; workers then start with the load.

    Each is billed. An endpoint approved here needs no second question; its price bounds the search.
    """
    check_search(search_query)
    return CreateWorkergroup(
        endpoint_name=endpoint_name,
        template_hash=template_hash,
        search_query=search_query,
        gpu_ram_gb=gpu_ram_gb,
    )


@asking
def update_endpoint(
    endpoint_name: Name,
    max_workers: Workers | None = None,
    cold_workers: Workers | None = None,
    min_load: Load | None = None,
    endpoint_state: Literal["active", "suspended", "stopped"] | None = None,
) -> Act:
    """Scale an endpoint; raising costs and asks, lowering does not.

    `suspended` workers are still billed; `stopped` ends them.
    """
    return UpdateEndpoint(
        endpoint_name=endpoint_name,
        max_workers=max_workers,
        cold_workers=cold_workers,
        min_load=min_load,
        endpoint_state=endpoint_state,
    )


@asking
def delete_endpoint(endpoint_name: Name) -> Act:
    """Delete an endpoint with its workergroups and workers, for good. Ends its cost."""
    return DeleteEndpoint(endpoint_name)


TOOLS = (
    ToolSpec(show_endpoints, "Show endpoints", "serverless", reads=True),
    ToolSpec(create_endpoint, "Create an endpoint", "serverless"),
    ToolSpec(create_workergroup, "Create a workergroup", "serverless"),
    ToolSpec(update_endpoint, "Scale an endpoint", "serverless", destroys=True, repeatable=True),
    ToolSpec(delete_endpoint, "Delete an endpoint", "serverless", destroys=True, repeatable=True),
)
