"""Declared operations on one instance (docs/vendor-api.md#instance-operations)."""

from dataclasses import dataclass
from typing import Annotated

from vast_mcp.operations import instances
from vast_mcp.operations._declare import Data, Operation
from vast_mcp.operations.declaration import (
    Column,
    ColumnKind,
    DeclaredWrite,
    InstanceId,
    Reply,
    Sets,
    VendorRoute,
    single,
)


@dataclass(frozen=True, slots=True)
class InstanceNow:
    """What a machine's own row says of a change that was sent."""

    label: Annotated[str, Column(("label",), ColumnKind.TEXT)]
    status: Annotated[str, Column(("actual_status",), ColumnKind.TEXT)]


INSTANCE_ROW = VendorRoute(
    instances.SHOW_INSTANCE, ("show instance",), Reply(InstanceNow, "instances", "object"),
    fixed=(("owner", "me"),),
)  # fmt: skip


_REBUILDING = frozenset({"recycling", "created", "loading"})
"""A machine that ran, so that only a new container explains them."""


@dataclass(frozen=True, slots=True)
class OneInstance:
    """Which machine."""

    instance_id: InstanceId


RECYCLE_INSTANCE = DeclaredWrite(
    name="recycle_instance",
    title="Recycle an instance",
    toolset="instances",
    says="Rebuild an instance's container from its image, keeping GPU and price.\n\n"
    "Every file outside a volume is lost; the SSH host key changes.",
    doing="Recycling a machine",
    arguments=OneInstance,
    example=OneInstance(27_000_001),
    routes=single(
        VendorRoute(
            Operation(
                "recycle_instance", "PUT", "/api/v0/instances/recycle/{instance_id}/", "instances",
                data=Data.DESTROYS, interval_s=1.0,
            ),
            ("recycle instance",),
        )
    ),
    lost=Sets(
        INSTANCE_ROW,
        lambda _, rows: any(row.status in _REBUILDING for row in rows),
        repeats=False,
    ),
    level="ask",
    question="Recycle {instance_id} ({target})? Every file outside a volume is lost for good; GPU"
    " and price stay.",
    status="recycling",
    done="Recycling: the container is rebuilt from its image; GPU and price stay.",
    next="wait_for_instance(instance_id={instance_id})",
    typed="instance_id",
    needs_running=True,
    new_container=True,
)  # fmt: skip

ON_INSTANCES = (RECYCLE_INSTANCE,)
