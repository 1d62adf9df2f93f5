"""What must happen while nobody asks: books brought in line, leases ended, lost answers found.

One tick is one complete reading of the account and what follows from it. It may only reduce spend,
and give a new machine the key that its rent was to give it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from vast_mcp.errors import PolicyDenied, VastMcpError
from vast_mcp.guard.act import Act, Caller, Desk, Outcome
from vast_mcp.guard.acts.ending import DestroyInstance, StopInstance, standing
from vast_mcp.guard.acts.lapse import EndEndpoint
from vast_mcp.guard.key_watch import watch_keys
from vast_mcp.guard.observing import PRINCIPAL, observe_all
from vast_mcp.models import Instance
from vast_mcp.store import Rental, RentalState

START_GIVEN_UP_US = 10 * 60 * 1_000_000
KEEPER = Caller(principal=PRINCIPAL, client="keeper")


class Cause(StrEnum):
    """Why a tick does something to a thing of ours."""

    LEASE = "lease"
    START = "start"
    UNAPPROVED = "unapproved"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Due:
    """A corrective act whose time has come."""

    act: Act
    cause: Cause
    why: str
    kind: str
    target_id: int


@dataclass(frozen=True, slots=True)
class Deed:
    """A corrective act that was tried. `status` is its outcome's word; empty: it failed."""

    cause: Cause
    kind: str
    """`instance` or `endpoint`."""
    target_id: int
    status: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick saw and did, for people and for notices."""

    did: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    instances: tuple[Instance, ...] = ()
    deeds: tuple[Deed, ...] = ()


Correct = Callable[[Act, Caller], Awaitable[Outcome]]


async def tick(desk: Desk, correct: Correct) -> Tick:
    """Read everything once, write down what is seen, end what is over.

    Raises:
        ApiError: the account could not be read; nothing was concluded from that.
        LedgerUnavailable: the books cannot be used.
    """
    began_us = desk.now_us()
    instances = tuple(await desk.reads.list_instances(urgent=True))
    did = [*await observe_all(desk, instances, began_us)]
    failed: list[str] = []
    deeds: list[Deed] = []
    rentals = await desk.ledger.read(lambda tx: tx.live_rentals())
    overdue = _overdue(rentals, instances, desk.now_us())
    for due in overdue:
        deed = Deed(due.cause, due.kind, due.target_id)
        try:
            outcome = await _insistently(due.act, correct)
            if outcome.status == "changed":  # another call was first; the next look judges anew
                continue
            did.append(f"{due.why}: {outcome.status}")
            deeds.append(replace(deed, status=outcome.status))
        except VastMcpError as error:
            failed.append(f"{due.why}: {error}")
            deeds.append(deed)
    staying = [
        one for one in instances if one.instance_id not in {due.target_id for due in overdue}
    ]
    gave, refused = await watch_keys(desk, correct, KEEPER, _paired(rentals, staying))
    did += gave
    failed += refused
    return Tick(tuple(did), tuple(failed), instances, tuple(deeds))


def _paired(
    rentals: Sequence[Rental], instances: Sequence[Instance]
) -> list[tuple[Rental, Instance]]:
    """Our rentals beside the machines that the list shows for them."""
    by_id = {one.instance_id: one for one in instances}
    return [
        (one, by_id[one.target_id])
        for one in rentals
        if one.kind == "instance" and one.target_id is not None and one.target_id in by_id
    ]


async def _insistently(act: Act, correct: Correct) -> Outcome:
    """The act; a machine that may not be destroyed by itself (protected) is at least stopped."""
    try:
        return await correct(act, KEEPER)
    except PolicyDenied:
        if not isinstance(act, DestroyInstance):
            raise
        stop = StopInstance(act.instance_id, corrective=True, found=act.found)
        return await correct(stop, KEEPER)


def _overdue(rentals: Sequence[Rental], instances: Sequence[Instance], now_us: int) -> list[Due]:
    """Corrective acts that are due: lease ends, starts that never came up, unapproved machines."""
    by_id = {one.instance_id: one for one in instances}
    due: list[Due] = []
    for rental in rentals:
        if rental.target_id is None:
            continue
        if rental.kind == "endpoint":
            if now_us >= rental.lease_ends_us:
                why = f"lease of endpoint {rental.target_id} ended"
                end = EndEndpoint(rental.target_id)
                due.append(Due(end, Cause.LEASE, why, "endpoint", rental.target_id))
            continue
        instance = by_id.get(rental.target_id)
        found = None if instance is None else _correction(rental, instance, now_us)
        if found is not None:
            due.append(Due(*found, "instance", rental.target_id))
    return due


def _correction(rental: Rental, instance: Instance, now_us: int) -> tuple[Act, Cause, str] | None:
    instance_id = instance.instance_id
    found = standing(rental)
    stop = StopInstance(instance_id, corrective=True, found=found)
    destroy = DestroyInstance(instance_id, corrective=True, found=found)
    if rental.state is RentalState.DESTROYING:
        why = f"destroy of {instance_id} repeated"
        return destroy, Cause.REPEAT, why
    breach = rental.details.get("breach")
    if breach and not rental.ever_ran:
        return destroy, Cause.UNAPPROVED, f"{instance_id} undone: {breach}"
    if breach and rental.running:
        return stop, Cause.UNAPPROVED, f"{instance_id} stopped: {breach}"
    if not rental.running:
        return None
    if now_us >= rental.lease_ends_us:
        end = destroy if rental.end_act == "destroy" else stop
        return end, Cause.LEASE, f"lease of {instance_id} ended"
    if rental.details.get("stop_sent") and instance.intended_status == "running":
        return stop, Cause.REPEAT, f"stop of {instance_id} repeated"
    started_us = rental.details.get("start_us")
    late = isinstance(started_us, int) and now_us - started_us >= START_GIVEN_UP_US
    late = late and not rental.details.get("came_up")  # later it may be outbid, and resumes
    if late and instance.actual_status != "running":
        return stop, Cause.START, f"start of {instance_id} given up"
    return None
