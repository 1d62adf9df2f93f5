"""What must happen while nobody asks: books brought in line, leases ended, lost answers found.

One tick is one complete reading of the account and what follows from it. It may only reduce spend.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from vast_mcp.errors import PolicyDenied, VastMcpError
from vast_mcp.guard import books
from vast_mcp.guard.act import Act, Caller, Desk, Outcome
from vast_mcp.guard.acts.ending import DestroyInstance, StopInstance
from vast_mcp.guard.acts.lapse import EndEndpoint
from vast_mcp.guard.acts.verify import breach_of
from vast_mcp.guard.mark import INTENT_LENGTH, endpoint_intent, user_part
from vast_mcp.guard.reconcile import adopt, carries, count_absence
from vast_mcp.models import Instance
from vast_mcp.operations import JsonObject
from vast_mcp.store import Rental, RentalState, Segment, Transaction
from vast_mcp.units import Usd

START_GIVEN_UP_US = 10 * 60 * 1_000_000
KEEPER = Caller(principal="local", client="keeper")
_UNRESOLVED = {RentalState.UNKNOWN, RentalState.SENDING, RentalState.RESERVED}
_YOUNG_US = 2 * 60 * 1_000_000
_MISSES = 3
_STALE_US = 3 * 60 * 1_000_000
"""A reservation this old that is still being "sent" belongs to a process that died."""


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
    instances = tuple(await desk.reads.list_instances())
    did = [*await _observe_all(desk, instances, began_us)]
    failed: list[str] = []
    deeds: list[Deed] = []
    for due in await _overdue(desk, instances):
        deed = Deed(due.cause, due.kind, due.target_id)
        try:
            outcome = await _insistently(due.act, correct)
            did.append(f"{due.why}: {outcome.status}")
            deeds.append(replace(deed, status=outcome.status))
        except VastMcpError as error:
            failed.append(f"{due.why}: {error}")
            deeds.append(deed)
    return Tick(tuple(did), tuple(failed), instances, tuple(deeds))


async def _insistently(act: Act, correct: Correct) -> Outcome:
    """The act; a machine that may not be destroyed by itself (protected) is at least stopped."""
    try:
        return await correct(act, KEEPER)
    except PolicyDenied:
        if not isinstance(act, DestroyInstance):
            raise
        return await correct(StopInstance(act.instance_id, corrective=True), KEEPER)


async def _observe_all(desk: Desk, instances: Sequence[Instance], began_us: int) -> list[str]:
    by_id = {one.instance_id: one for one in instances}
    endpoints = await _unresolved_endpoints(desk)

    def write(tx: Transaction) -> list[str]:
        now_us = desk.now_us()
        said: list[str] = []
        for rental in tx.live_rentals():
            if rental.kind == "endpoint":
                said += _resolve_endpoint(tx, rental, endpoints, now_us)
            elif rental.target_id is None:
                said += _resolve(tx, desk, rental, instances, began_us, now_us)
            else:
                _observe_one(tx, rental, by_id.get(rental.target_id), began_us, now_us)
        said += _adopt_strays(tx, desk, instances, now_us)
        return said

    return await desk.ledger.write(write)


def _observe_one(
    tx: Transaction, rental: Rental, seen: Instance | None, began_us: int, now_us: int
) -> None:
    if seen is None and not _believably_gone(tx, rental, began_us):
        return
    if seen is not None and rental.details.get("missed"):
        rental = tx.update_rental(rental, details={**rental.details, "missed": 0})
    books.observe(tx, rental, seen, now_us)


async def _unresolved_endpoints(desk: Desk) -> dict[str, int]:
    """Listed endpoints by the intent in their name; not read when no endpoint is unresolved."""
    live = await desk.ledger.read(lambda tx: tx.live_rentals())
    if not any(one.kind == "endpoint" and one.target_id is None for one in live):
        return {}
    listed = await desk.reads.endpoints()
    return {
        intent: one.endpoint_id
        for one in listed
        if (intent := endpoint_intent(one.raw_name)) is not None
    }


def _resolve_endpoint(
    tx: Transaction, rental: Rental, endpoints: Mapping[str, int], now_us: int
) -> list[str]:
    """A lost endpoint is found by its name; one that never comes keeps its money to its end."""
    if rental.target_id is not None or now_us - rental.created_us < _STALE_US:
        return []
    endpoint_id = endpoints.get(rental.intent_id)
    if endpoint_id is not None:
        adopt(tx, rental.intent_id, endpoint_id, now_us)
        return [f"intent {rental.intent_id} was found as endpoint {endpoint_id}"]
    if now_us >= rental.lease_ends_us:
        books.close(tx, rental, RentalState.ABSENT, now_us)
        return [f"endpoint intent {rental.intent_id} never came to exist; released"]
    return []


def _believably_gone(tx: Transaction, rental: Rental, began_us: int) -> bool:
    """Whether a complete list that lacks a machine proves it gone.

    Lists lag behind a create, so a young machine is not judged, and one that nobody asked to
    destroy must be missing three times in a row.
    """
    if began_us - (rental.settled_us or rental.created_us) < _YOUNG_US:
        return False
    if rental.state is RentalState.DESTROYING:
        return True
    missed = int(str(rental.details.get("missed", 0))) + 1
    tx.update_rental(rental, details={**rental.details, "missed": missed})
    return missed >= _MISSES


def _resolve(
    tx: Transaction,
    desk: Desk,
    rental: Rental,
    instances: Sequence[Instance],
    began_us: int,
    now_us: int,
) -> list[str]:
    """An intent without an instance: found, proven absent, or still unknown."""
    if rental.state not in _UNRESOLVED:
        return []
    if rental.state is not RentalState.UNKNOWN and now_us - rental.created_us < _STALE_US:
        return []
    if rental.state is RentalState.RESERVED:  # never marked as sending: nothing left
        books.close(tx, rental, RentalState.ABSENT, now_us)
        return [f"intent {rental.intent_id} was never sent; released"]
    rental = tx.update_rental(rental, state=RentalState.UNKNOWN)
    found = [one for one in instances if carries(desk, one, rental.intent_id)]
    if found:
        one = min(found, key=lambda instance: instance.instance_id)
        adopt(tx, rental.intent_id, one.instance_id, now_us)
        return [f"intent {rental.intent_id} was found as instance {one.instance_id}"]
    after = count_absence(tx, rental, began_us, now_us)
    if after.state is RentalState.ABSENT:
        return [f"intent {rental.intent_id} never came to exist; released"]
    return []


def _adopt_strays(
    tx: Transaction, desk: Desk, instances: Sequence[Instance], now_us: int
) -> list[str]:
    """Machines that bear our mark and are in no book: the ledger was lost, or is another's."""
    said = []
    for one in instances:
        mark = desk.marker.read(one.raw_label)
        if mark is None:
            continue
        known = tx.rental_of("instance", one.instance_id) or tx.rental(mark.intent_id)
        if known is not None and one.instance_id == (known.target_id or one.instance_id):
            if not known.state.holds_money:
                books.reopen(tx, known, one, now_us)
                said.append(f"instance {one.instance_id} is there after all; it counts again")
            continue
        # Not in the books, or a second machine of one intent: the vendor made two of one request.
        intent_id = mark.intent_id if known is None else desk.clock.random_id(INTENT_LENGTH)
        began_us = min(one.started_at_us or now_us, now_us)
        rental = Rental(
            intent_id=intent_id,
            principal=KEEPER.principal,
            kind="instance",
            state=RentalState.ACTIVE,
            request_key=f"adopted {one.instance_id}",
            digest="",
            label=user_part(one.raw_label),
            usd_per_hour=one.usd_per_hour,
            disk_usd_per_hour=one.disk_usd_per_hour,
            created_us=began_us,
            lease_ends_us=mark.until_us,
            asked=True,
            machine_id=one.machine_id,
            target_id=one.instance_id,
            ever_ran=True,
            details={
                "gpu": f"{one.num_gpus}x {one.gpu_name}",
                "adopted": True,
                "stop_sent": one.intended_status == "stopped",
            },
        )
        lease = Segment(intent_id, "lease", one.usd_per_hour, Usd(0), began_us, mark.until_us)
        tx.add_rental(rental, [lease])
        books.observe(tx, rental, one, now_us)
        said.append(f"instance {one.instance_id} bears our mark and was taken into the books")
    return said


async def _overdue(desk: Desk, instances: Sequence[Instance]) -> list[Due]:
    """Corrective acts that are due: lease ends, starts that never came up, unapproved machines."""
    rentals = await desk.ledger.read(lambda tx: tx.live_rentals())
    by_id = {one.instance_id: one for one in instances}
    now_us = desk.now_us()
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
    stop = StopInstance(instance_id, corrective=True)
    if rental.state is RentalState.DESTROYING:
        why = f"destroy of {instance_id} repeated"
        return DestroyInstance(instance_id, corrective=True), Cause.REPEAT, why
    if rental.details.get("checked") is False:
        breach = breach_of(instance, _approved(rental), rental.usd_per_hour)
        if breach is not None and not rental.ever_ran:
            undo = DestroyInstance(instance_id, corrective=True)
            return undo, Cause.UNAPPROVED, f"{instance_id} undone: {breach}"
        if breach is not None and rental.running:
            return stop, Cause.UNAPPROVED, f"{instance_id} stopped: {breach}"
    if not rental.running:
        return None
    if now_us >= rental.lease_ends_us:
        destroys = rental.on_end == "destroy" and rental.asked and _may_destroy(rental)
        end = DestroyInstance(instance_id, corrective=True) if destroys else stop
        return end, Cause.LEASE, f"lease of {instance_id} ended"
    if rental.details.get("stop_sent") and instance.intended_status == "running":
        return stop, Cause.REPEAT, f"stop of {instance_id} repeated"
    started_us = rental.details.get("start_us")
    late = isinstance(started_us, int) and now_us - started_us >= START_GIVEN_UP_US
    if late and instance.actual_status != "running":
        return stop, Cause.START, f"start of {instance_id} given up"
    return None


def _may_destroy(rental: Rental) -> bool:
    """A person's yes to `on_end = "destroy"` covers the destroy of that one machine."""
    return not rental.details.get("adopted")


def _approved(rental: Rental) -> JsonObject:
    count, _, name = str(rental.details.get("gpu", "")).partition("x ")
    return {
        "is_bid": bool(rental.details.get("bid")),
        "num_gpus": int(count) if count.isdigit() else 0,
        "gpu_name": name,
    }
