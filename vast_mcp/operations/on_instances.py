"""Declared operations on one instance (docs/vendor-api.md#instance-operations)."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

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


@dataclass(frozen=True, slots=True)
class AttachedKey:
    """A public key on one machine."""

    key_id: Annotated[int, Column(("id",), ColumnKind.ID)]
    public_key: Annotated[str, Column(("public_key", "key", "ssh_key"), ColumnKind.TEXT)]


INSTANCE_ROW = VendorRoute(
    instances.SHOW_INSTANCE, ("show instance",), Reply(InstanceNow, "instances", "object"),
    fixed=(("owner", "me"),),
)  # fmt: skip


INSTANCE_KEYS = VendorRoute(
    instances.LIST_INSTANCE_SSH_KEYS, reply=Reply(AttachedKey, "ssh_keys", "json_text")
)


@dataclass(frozen=True, slots=True)
class KeyToDetach:
    """Which machine, and which of the keys that show_keys lists."""

    instance_id: InstanceId
    key_id: Annotated[int, Field(ge=1, description="from show_keys")]


DETACH_SSH_KEY = DeclaredWrite(
    name="detach_ssh_key",
    title="Detach an SSH key",
    toolset="instances",
    says="Take an SSH key off an instance: who has only that key can no longer log in. Free.",
    doing="Taking a key off a machine",
    arguments=KeyToDetach,
    example=KeyToDetach(27_000_001, 40_001),
    routes=single(
        VendorRoute(
            Operation(
                "detach_ssh_key", "DELETE", "/api/v0/instances/{instance_id}/ssh/{key_id}/",
                "instances", data=Data.CHANGES, interval_s=2.0,
            ),
            ("detach ssh",),
        )
    ),
    lost=Sets(
        INSTANCE_KEYS,
        lambda sent, rows: all(row.key_id != sent.given.key_id for row in rows),
    ),
    level="ask",
    question="Take SSH key {key_id} off {instance_id} ({target})? Who has only that key is locked"
    " out.",
    status="detached",
    done="The key is detached.",
    already=("no_such_ssh_key", "The machine does not have this key."),
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

ON_INSTANCES = (DETACH_SSH_KEY, RECYCLE_INSTANCE)
