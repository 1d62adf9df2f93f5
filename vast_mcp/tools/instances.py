"""Rent, end and keep instances."""

from typing import Annotated, Literal

from pydantic import Field

from vast_mcp.guard.act import Act
from vast_mcp.guard.acts import CreateInstance, DestroyInstance, StopInstance
from vast_mcp.tools._ask import asking
from vast_mcp.tools._spec import ToolSpec

InstanceId = Annotated[int, Field(ge=1, description="from show_instances")]


@asking
def create_instance(
    offer_id: Annotated[int, Field(ge=1, description="from search_offers")],
    image: str | None = None,
    template_hash: str | None = None,
    disk_gb: Annotated[float | None, Field(ge=8, le=100_000)] = None,
    label: str = "",
    lease_hours: Annotated[float, Field(gt=0, le=8760)] = 4,
    max_price_usd_per_hour: Annotated[float | None, Field(gt=0, le=1000)] = None,
    max_cost_usd: Annotated[float | None, Field(gt=0, le=1_000_000)] = None,
    task: str = "",
    on_end: Literal["stop", "destroy"] = "stop",
    bid_usd_per_hour: Annotated[float | None, Field(ge=0.001, le=128)] = None,
    env: dict[str, str] | None = None,
    ports: list[str] | None = None,
    onstart: str | None = None,
    connect: Literal["ssh", "jupyter", "args"] | None = None,
    args: list[str] | None = None,
    request_key: str = "",
) -> Act:
    """Rent an offer under a lease."""
    return CreateInstance(
        offer_id=offer_id,
        lease_hours=lease_hours,
        image=image,
        template_hash=template_hash,
        disk_gb=disk_gb,
        label=label,
        max_price_usd_per_hour=max_price_usd_per_hour,
        max_cost_usd=max_cost_usd,
        task=" ".join(task.split()).casefold(),
        on_end=on_end,
        bid_usd_per_hour=bid_usd_per_hour,
        env=tuple((env or {}).items()),
        ports=tuple(ports or ()),
        onstart=onstart,
        connect=connect,
        args=tuple(args or ()),
        request_key=request_key,
    )


@asking
def stop_instance(instance_id: InstanceId) -> Act:
    """Halt a machine. GPU billing ends; the disk stays and keeps costing until destroyed."""
    return StopInstance(instance_id)


@asking
def destroy_instance(instance_id: InstanceId) -> Act:
    """Delete a machine and its disk for good; ends all its cost. No stop is needed before."""
    return DestroyInstance(instance_id)


TOOLS = (
    ToolSpec(create_instance, "Rent an instance", "instances"),
    ToolSpec(stop_instance, "Stop an instance", "instances", destroys=True, repeatable=True),
    ToolSpec(destroy_instance, "Destroy an instance", "instances", destroys=True, repeatable=True),
)
