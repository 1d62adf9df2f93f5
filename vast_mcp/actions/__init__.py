"""Everything the guard can be asked to do, one class per act."""

from typing import cast

from vast_mcp.actions.base import thaw
from vast_mcp.actions.bid import ChangeBid
from vast_mcp.actions.copy import CopyFiles
from vast_mcp.actions.create_endpoint import CreateEndpoint
from vast_mcp.actions.create_workergroup import CreateWorkergroup
from vast_mcp.actions.declared import DeclaredAct
from vast_mcp.actions.destroy_several import DestroyInstances
from vast_mcp.actions.endpoint_base import short_name
from vast_mcp.actions.extend import ExtendLease
from vast_mcp.actions.rent import CreateInstance
from vast_mcp.actions.run_command import ForwardPort, RunCommand
from vast_mcp.actions.start import StartInstance
from vast_mcp.actions.stop_destroy import DestroyInstance, RebootInstance, StopInstance
from vast_mcp.actions.update_endpoint import DeleteEndpoint, UpdateEndpoint
from vast_mcp.actions.upkeep import DeleteDiskFiles
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Act
from vast_mcp.operations import JsonObject
from vast_mcp.operations.declared import WRITES

ACTS = (
    CreateInstance,
    StartInstance,
    ExtendLease,
    StopInstance,
    DestroyInstance,
    DestroyInstances,
    RebootInstance,
    ChangeBid,
    DeleteDiskFiles,
    CreateEndpoint,
    UpdateEndpoint,
    DeleteEndpoint,
    CreateWorkergroup,
    RunCommand,
    CopyFiles,
    ForwardPort,
)


def rebuild(tool: str, arguments: JsonObject) -> Act:
    """The act a stored plan was made for.

    Raises:
        InputInvalid: this version knows no such act.
    """
    if tool in WRITES:
        return DeclaredAct.of(WRITES[tool], arguments)
    for kind in ACTS:
        if kind.tool == tool:
            return cast("Act", kind(**{name: thaw(value) for name, value in arguments.items()}))
    raise InputInvalid("plan_id", f"this version cannot carry out {tool!r}")


__all__ = [
    "ACTS",
    "ChangeBid",
    "CopyFiles",
    "CreateEndpoint",
    "CreateInstance",
    "CreateWorkergroup",
    "DeclaredAct",
    "DeleteDiskFiles",
    "DeleteEndpoint",
    "DestroyInstance",
    "DestroyInstances",
    "ExtendLease",
    "ForwardPort",
    "RebootInstance",
    "RunCommand",
    "StartInstance",
    "StopInstance",
    "UpdateEndpoint",
    "rebuild",
    "short_name",
]
