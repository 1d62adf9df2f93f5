"""What must happen while nobody asks: books brought in line, leases ended, lost answers found.

One tick is one complete reading of the account and what follows from it. It may only reduce spend,
and give a new machine the key that its rent was to give it. An account that is read page by page
for minutes is no reason to wait: what is due by the books, and the machines that this server
rented, come before the second page and every twenty seconds between pages.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

import anyio

from vast_mcp.account.context import Account
from vast_mcp.actions.end_endpoint import EndEndpoint
from vast_mcp.actions.stop_destroy import DestroyInstance, StopInstance, standing
from vast_mcp.api.pages import Progress
from vast_mcp.clock import MINUTE_US
from vast_mcp.errors import ApiError, PolicyDenied, VastMcpError
from vast_mcp.guard.act import Act, Caller, Outcome
from vast_mcp.guard.door import Guard
from vast_mcp.keeper.key_watch import watch_keys
from vast_mcp.keeper.worker_watch import EndpointFinding, watch_workers
from vast_mcp.leases.charges import KEEPER_PAUSE_US, KEEPER_WITHIN_S, follow_charges
from vast_mcp.leases.observing import PRINCIPAL, observe_all, observe_found
from vast_mcp.models import Instance
from vast_mcp.store import Halt, Rental, RentalState

START_GIVEN_UP_US = 10 * MINUTE_US
OWN_EVERY_S = 20.0
"""How often our own machines are looked after while a long list is read."""
OWN_MOST = 100
"""Machines that are observed between two pages; what is due by the books is ended beyond it too."""
OWN_PAGE = 25
OWN_WITHIN_S = 15.0
AT_ONCE = 4
NEXT_SHARE = 0.4
"""A long list in use is read again after this part of the time it took: decisions may stand on it
for one and a half times that."""
PARKED_GIVEN_UP_US = 10 * MINUTE_US
"""A bid that never won is not kept for ever: its disk costs and serves nobody."""
KEEPER = Caller(principal=PRINCIPAL, client="keeper")


class Cause(StrEnum):
    """Why a tick does something to a thing of ours."""

    LEASE = "lease"
    START = "start"
    UNAPPROVED = "unapproved"
    REPEAT = "repeat"
    OUTBID = "outbid"


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
    unread: ApiError | None = None
    """Why the list could not be read; `instances` then says nothing."""
    doubt: str = ""
    """Why nothing was concluded: the clocks disagree and none is confirmed."""
    next_within_s: float | None = None
    """Of a long list that is in use: when it should be read again, in seconds from now."""


Correct = Callable[[Act, Caller], Awaitable[Outcome]]
Ready = Callable[[], None]
"""Called once what this server rented has been looked after."""


async def look_once(guard: Guard) -> Tick:
    """One look at the whole account, and what follows from it through the guard's own door.

    Whatever comes of it, the look at start-up is over afterwards.

    Raises:
        LedgerUnavailable: the ledger cannot be used.
    """
    try:
        return await tick(await guard.account_for_ending(), guard.correct, guard.sweep.done)
    finally:
        guard.sweep.done()


async def tick(account: Account, correct: Correct, ready: Ready) -> Tick:
    """Read everything once, write down what is seen, end what is over.

    Where the list cannot be read, what is due by the books alone is ended all the same.

    Raises:
        LedgerUnavailable: the books cannot be used.
    """
    doubted, began_us = account.clock.doubt(), account.now_us()
    rounds = _Rounds(account, correct, ready)
    try:
        reading = await account.cache.attend(rounds.between)
    except ApiError as error:
        await rounds.own()
        return Tick(tuple(rounds.did), tuple(rounds.failed), (), tuple(rounds.deeds), unread=error)
    instances = reading.instances
    if doubt := account.clock.doubt() or doubted:  # nothing of a wrong clock goes into the books
        return Tick(failed=(doubt,), instances=instances, doubt=doubt)
    rounds.did += await observe_all(account, instances, began_us)
    rentals = await account.ledger.read(lambda tx: tx.live_rentals())
    overdue = _overdue(rentals, instances, account.now_us())
    await rounds.carry_out(overdue)
    ending = {due.target_id for due in overdue}
    staying = [instance for instance in instances if instance.instance_id not in ending]
    gave, refused = await watch_keys(account, correct, KEEPER, _paired(rentals, staying))
    rounds.did += gave
    rounds.failed += refused
    seen = await watch_workers(account, rentals, instances)
    rounds.failed += [finding.report for finding in seen if finding.report]
    await rounds.carry_out([_scaled_to_zero(worker) for worker in seen if worker.breach])
    rounds.did += await follow_charges(account, pause_us=KEEPER_PAUSE_US, within_s=KEEPER_WITHIN_S)
    took_s = reading.ended_s - reading.began_s
    return Tick(
        tuple(rounds.did),
        tuple(rounds.failed),
        instances,
        tuple(rounds.deeds),
        next_within_s=NEXT_SHARE * took_s if reading.long and account.cache.in_use else None,
    )


class _Rounds:
    """What one tick does, in as many rounds as its list takes time."""

    def __init__(self, account: Account, correct: Correct, ready: Ready) -> None:
        self._account = account
        self._correct = correct
        self._ready = ready
        self._last_s: float | None = None
        self.did: list[str] = []
        self.failed: list[str] = []
        self.deeds: list[Deed] = []

    async def between(self, progress: Progress) -> None:  # noqa: ARG002
        """Between two pages: look after our own, at most every twenty seconds."""
        now_s = self._account.clock.monotonic_s()
        if self._last_s is None or now_s - self._last_s >= OWN_EVERY_S:
            await self.own()
            self._ready()
            self._last_s = self._account.clock.monotonic_s()

    async def own(self) -> None:
        """Observe and correct what the books hold, without the list of the whole account.

        The machines that are due come first. Absence proves nothing here: it is judged by complete
        lists alone.
        """
        account = self._account
        rentals = await account.ledger.read(lambda tx: tx.live_rentals())
        held = sorted(
            (rental for rental in rentals if rental.target_id is not None),
            key=lambda one: (not _wants_sight(one), one.lease_ends_us),
        )
        seen = await _read_own(
            account, [machine for machine in held if machine.kind == "instance"][:OWN_MOST]
        )
        if account.clock.doubt():  # the whole look says so; by a wrong clock nothing is over
            return
        rentals = await account.ledger.read(lambda tx: tx.live_rentals())
        await self.carry_out(_overdue(rentals, seen, account.now_us(), whole=False))

    async def carry_out(self, overdue: Sequence[Due]) -> None:
        """End what is over, several at a time; how the pace orders their requests is its own."""
        limiter = anyio.CapacityLimiter(AT_ONCE)

        async def bounded(due: Due) -> None:
            async with limiter:
                await self._one(due)

        async with anyio.create_task_group() as tasks:
            for due in overdue:
                tasks.start_soon(bounded, due)

    async def _one(self, due: Due) -> None:
        deed = Deed(due.cause, due.kind, due.target_id)
        try:
            outcome = await _insistently(due.act, self._correct)
            if outcome.status == "changed":  # another call was first; the next look judges again
                return
            self.did.append(f"{due.why}: {outcome.status}")
            self.deeds.append(replace(deed, status=outcome.status))
        except VastMcpError as error:
            self.failed.append(f"{due.why}: {error}")
            self.deeds.append(deed)


def _wants_sight(rental: Rental) -> bool:
    """Whether what its machine does now may call for an act; the others are only observed."""
    unsettled = rental.facts.stop_sent or rental.facts.came_up is False
    return rental.state is RentalState.DESTROYING or (rental.running and unsettled)


async def _read_own(account: Account, rentals: Sequence[Rental]) -> list[Instance]:
    """The machines of these rentals as they are now, by the labels they were given.

    A label that was altered finds nothing: such a machine is then read with all others.
    """
    found: list[Instance] = []
    for at in range(0, len(rentals), OWN_PAGE):
        part = {rental.target_id: rental for rental in rentals[at : at + OWN_PAGE]}
        labels = [
            account.marker.label(rental.label, rental.intent_id, rental.lease_ends_us)
            for rental in part.values()
        ]
        read_us = account.now_us()
        with suppress(ApiError):  # what is due by the books is ended unseen
            listed = await account.reads.list_instances(
                labels=labels, urgent=True, deadline_s=OWN_WITHIN_S
            )
            if account.clock.doubt():
                return []
            ours = [instance for instance in listed if instance.instance_id in part]
            await observe_found(account, ours, read_us)
            found += ours
    return found


def _paired(
    rentals: Sequence[Rental], instances: Sequence[Instance]
) -> list[tuple[Rental, Instance]]:
    """Our rentals beside the machines that the list shows for them."""
    by_id = {instance.instance_id: instance for instance in instances}
    return [
        (rental, by_id[rental.target_id])
        for rental in rentals
        if rental.kind == "instance" and rental.target_id is not None and rental.target_id in by_id
    ]


def _scaled_to_zero(one: EndpointFinding) -> Due:
    act = EndEndpoint(one.endpoint_id)
    return Due(act, Cause.UNAPPROVED, one.breach, "endpoint", one.endpoint_id)


async def _insistently(act: Act, correct: Correct) -> Outcome:
    """The act; a machine that may not be destroyed by itself (protected) is at least stopped."""
    try:
        return await correct(act, KEEPER)
    except PolicyDenied:
        if not isinstance(act, DestroyInstance):
            raise
        stop = StopInstance(act.instance_id, corrective=True, found=act.found, cause=act.cause)
        return await correct(stop, KEEPER)


def _overdue(
    rentals: Sequence[Rental], instances: Sequence[Instance], now_us: int, *, whole: bool = True
) -> list[Due]:
    """Corrective acts that are due: lease ends, starts that never came up, unapproved machines.

    A machine that a `whole` list lacks is left to those who judge absence; one that is missing in
    a part of it is judged by the books alone.
    """
    by_id = {machine.instance_id: machine for machine in instances}
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
        unseen = instance is None and whole
        found = None if unseen else _correction(rental, instance, now_us)
        if found is not None:
            due.append(Due(*found, "instance", rental.target_id))
    return due


def _correction(
    rental: Rental, instance: Instance | None, now_us: int
) -> tuple[Act, Cause, str] | None:
    instance_id = rental.target_id
    assert instance_id is not None
    found = _undoing(rental) or _ending(rental, instance, now_us)
    if found is None:
        return None
    act, halt, cause, why = found
    due = act(instance_id, corrective=True, found=standing(rental), cause=halt)
    return due, cause, why


_Ending = tuple[type[StopInstance | DestroyInstance], Halt, Cause, str]
"""Which act, what it is sent for (none: as before), and in words."""


def _undoing(rental: Rental) -> _Ending | None:
    """What goes on being ended, or is not what was approved."""
    breach, instance_id = rental.facts.breach, rental.target_id
    if rental.state is RentalState.DESTROYING:
        return DestroyInstance, Halt.NONE, Cause.REPEAT, f"destroy of {instance_id} sent again"
    if breach and not rental.ever_ran:
        return DestroyInstance, Halt.UNAPPROVED, Cause.UNAPPROVED, f"{instance_id} undone: {breach}"
    if breach and rental.running:
        return StopInstance, Halt.UNAPPROVED, Cause.UNAPPROVED, f"{instance_id} stopped: {breach}"
    return None


def _ending(rental: Rental, instance: Instance | None, now_us: int) -> _Ending | None:
    """What its lease, its start or an order of ours ends."""
    instance_id = rental.target_id
    if not rental.running:
        return None
    if _never_won(rental, instance, now_us):
        return (
            DestroyInstance,
            Halt.BID,
            Cause.OUTBID,
            f"{instance_id} never ran: its bid did not win",
        )
    if now_us >= rental.lease_ends_us:
        act = DestroyInstance if rental.end_act == "destroy" else StopInstance
        return act, Halt.LEASE, Cause.LEASE, f"lease of {instance_id} ended"
    if instance is None:
        return None
    if rental.facts.stop_sent and instance.intended_status == "running":
        return StopInstance, Halt.NONE, Cause.REPEAT, f"stop of {instance_id} sent again"
    if _start_is_late(rental, instance, now_us):
        return StopInstance, Halt.START, Cause.START, f"start of {instance_id} given up"
    return None


def _start_is_late(rental: Rental, instance: Instance, now_us: int) -> bool:
    """Whether a start of ours has not come up in time; later it may be outbid, and resumes."""
    started_us = rental.facts.start_us
    if started_us is None or rental.facts.came_up:
        return False
    return now_us - started_us >= START_GIVEN_UP_US and instance.actual_status != "running"


def _never_won(rental: Rental, instance: Instance | None, now_us: int) -> bool:
    """Whether a bid that was parked at its rent has waited long enough, and is seen to wait."""
    parked_us = rental.facts.parked_us
    if parked_us is None or rental.ever_ran or instance is None:
        return False
    return now_us - parked_us >= PARKED_GIVEN_UP_US and instance.actual_status != "running"
