"""Start, extend, bid, stop, destroy and keep machines that exist."""

from typing import Annotated

from pydantic import Field

from vast_mcp.actions import (
    ChangeBid,
    ExtendLease,
    RebootInstance,
    StartInstance,
)
from vast_mcp.guard.act import Act
from vast_mcp.tools._ask import asking
from vast_mcp.tools._instance_rows import InstanceId
from vast_mcp.tools._spec import ToolSpec
from vast_mcp.views.jobs_asked import destroy_act, stop_act

SeveralIds = Annotated[
    list[int], Field(min_length=1, max_length=8, description="instead of instance_id")
]


@asking
def start_instance(
    instance_id: InstanceId,
    lease_hours: Annotated[float, Field(gt=0, le=8760, description="then stopped")] = 4,
) -> Act:
    """Start a stopped instance under a new lease.

    Its GPU may be rented to someone else: if it does not run within 10 minutes it is stopped
    again. Costs its hourly price once running.
    """
    return StartInstance(instance_id, lease_hours)


@asking
def extend_lease(
    instance_id: InstanceId,
    hours: Annotated[float, Field(gt=0, le=8760, description="added to the current end")],
) -> Act:
    """Give a running instance more hours.

    Use it before its lease ends. Costs its hourly price for the added hours; returns the new end,
    the added cost and the new ceiling.
    """
    return ExtendLease(instance_id, hours)


@asking
def change_bid(
    instance_id: InstanceId,
    bid_usd_per_hour: Annotated[
        float, Field(ge=0.001, le=32, description="whole machine, without its disk")
    ],
) -> Act:
    """Set the bid of an interruptible instance.

    Use it when outbid: show_instances names the bid needed. A raise costs the difference until
    the lease ends and asks the user.
    """
    return ChangeBid(instance_id, bid_usd_per_hour)


@asking
def stop_instance(
    instance_id: InstanceId | None = None, instance_ids: SeveralIds | None = None
) -> Act:
    """Stop one instance, or several under one question.

    GPU billing ends; the disk stays and is billed until destroyed. The GPU may be taken when you
    start it again.
    """
    return stop_act(instance_id, instance_ids)


@asking
def destroy_instance(
    instance_id: InstanceId | None = None, instance_ids: SeveralIds | None = None
) -> Act:
    """Delete one instance and its disk for good, or several under one question.

    Ends all cost. No need to stop first.
    """
    return destroy_act(instance_id, instance_ids)


@asking
def reboot_instance(instance_id: InstanceId) -> Act:
    """Restart an instance's container in place.

    Interrupts whatever runs on it; GPU, disk and price stay.
    """
    return RebootInstance(instance_id)


_SET = "instances"
TOOLS = (
    ToolSpec(start_instance, "Start an instance", _SET),
    ToolSpec(extend_lease, "Extend a lease", _SET),
    ToolSpec(change_bid, "Change a bid", _SET, repeatable=True),
    ToolSpec(stop_instance, "Stop an instance", _SET, destroys=True, repeatable=True),
    ToolSpec(destroy_instance, "Destroy an instance", _SET, destroys=True, repeatable=True),
    ToolSpec(reboot_instance, "Reboot an instance", _SET, destroys=True, extra=True),
)
