"""What the acts that lengthen a machine's life share."""

from dataclasses import dataclass, replace

from vast_mcp.account.context import Account
from vast_mcp.actions.base import PlainAct, Seen, insist
from vast_mcp.clock import SECOND_US
from vast_mcp.guard.act import Booking, Send, Sight
from vast_mcp.leases.reconcile import adopt
from vast_mcp.models import Instance
from vast_mcp.operations import on_instances
from vast_mcp.policy.facts import Spend
from vast_mcp.store import (
    Gpus,
    LeaseFacts,
    Rental,
    RentalState,
    Transaction,
    split_by_day,
    unasked_from,
)
from vast_mcp.units import HOUR_S, Usd, UsdPerHour

_ROUNDS = 4
"""So often an end is written that others go on moving."""


@dataclass(frozen=True, slots=True)
class LeaseSight(Sight):
    """The machine, its rental and its new end, for reserving and sending."""

    seen: Seen | None = None
    ends_us: int = 0
    rate: UsdPerHour = UsdPerHour()


async def total_so_far(account: Account, rental: Rental | None) -> Usd:
    """What a rental has cost and reserves already, as charged where that is more."""
    if rental is None:
        return Usd()
    now_us = account.now_us()
    return await account.ledger.read(lambda tx: tx.rental_total(rental, now_us))


def of_machine(spend: Spend, one: Instance) -> Spend:
    """The same money, for a machine of this kind: what the limits say of it is judged as well."""
    return replace(
        spend,
        disk_gb=one.disk_gb,
        usd_per_gb_traffic=Usd.ceil(max(one.download_usd_per_gb, one.upload_usd_per_gb)),
        gpu_name=one.gpu_name,
        num_gpus=one.num_gpus,
        image=str(one.image),
        country=one.country,
        datacenter=one.datacenter,
        verified=one.verified,
    )


def added_spend(
    seen: Seen,
    *,
    adds: UsdPerHour,
    adds_running: int,
    hours: float,
    from_us: int,
    until_us: int,
    rate: UsdPerHour,
    total: Usd,
) -> Spend:
    """What an act adds to a machine that exists, as the policy sees it."""
    one, rental = seen.instance, seen.rental
    days = split_by_day(rate, from_us, until_us)
    cost = sum(days.values(), Usd())
    contract_h = None
    if one.contract_ends_us is not None:  # the whole lease, like `hours`, if it ended with it
        contract_h = max(0.0, hours + (one.contract_ends_us - until_us) / SECOND_US / HOUR_S)
    spend = Spend(
        usd_per_hour=one.usd_per_hour,
        adds_usd_per_hour=adds,
        adds_running=adds_running,
        lease_hours=hours,
        cost=cost,
        rental_total=total + cost,
        by_day=days,
        max_contract_hours=contract_h,
        task=rental.task if rental else "",
        job_id=rental.job_id if rental else "",
    )
    return of_machine(spend, one)


class LeaseAct(PlainAct):
    """What sets a machine's end or price: of two at once the second looks anew."""

    def moved(self, tx: Transaction, sight: Sight) -> str:
        """Whether another call has changed the lease that its price stood on."""
        assert isinstance(sight, LeaseSight)
        assert sight.seen is not None
        now = tx.rental_of("instance", sight.seen.instance.instance_id)
        if _terms(now) == _terms(sight.seen.rental):
            return ""
        return "its lease or price was changed by another call meanwhile"


def _terms(rental: Rental | None) -> tuple[object, ...]:
    if rental is None:
        return ()
    return (
        rental.intent_id,
        rental.state,
        rental.running,
        rental.lease_ends_us,
        rental.usd_per_hour,
        rental.facts.stop_sent,
    )


def begin_rental(tx: Transaction, booking: Booking, sight: LeaseSight) -> Rental:
    """Books for a machine the ledger did not rent: from here on it has a lease."""
    assert sight.seen is not None
    one, claim = sight.seen.instance, sight.seen.claim
    if claim is not None:
        return _adopt_unmarked(tx, booking, claim, one.instance_id)
    rental = Rental(
        intent_id=booking.intent_id,
        principal=booking.principal,
        kind="instance",
        state=RentalState.ACTIVE,
        request_key=f"start {one.instance_id}",
        digest=booking.digest,
        label=sight.seen.target.label,
        usd_per_hour=one.usd_per_hour,
        disk_usd_per_hour=one.disk_usd_per_hour,
        created_us=booking.now_us,
        lease_ends_us=sight.ends_us,
        asked=booking.asked,
        machine_id=one.machine_id,
        target_id=one.instance_id,
        ever_ran=True,
        facts=LeaseFacts(gpus=Gpus(one.num_gpus, one.gpu_name), disk_gb=one.disk_gb),
    )
    tx.add_rental(rental, [])
    return rental


def _adopt_unmarked(tx: Transaction, booking: Booking, claim: Rental, instance_id: int) -> Rental:
    """A person has said that this machine is the one which that rent became."""
    rental = adopt(tx, claim.intent_id, instance_id, booking.now_us)
    assert rental is not None
    facts = replace(rental.facts, checked=True, adopted=True)
    return tx.update_rental(rental, ever_ran=True, asked=booking.asked, facts=facts)


def unasked(rental: Rental, booking: Booking, from_us: int) -> LeaseFacts:
    """Its facts, noted where nobody was asked: the day's sum of such acts has a cap of its own."""
    return rental.facts if booking.asked else unasked_from(rental, from_us, booking.now_us)


async def write_mark(account: Account, send: Send, seen: Seen, text: str, ends_us: int) -> bool:
    """Put this text and end into a label of ours until they are seen there.

    Whoever writes looks into the books afterwards: of several at once the last one leaves what
    the books say. A machine that is not ours keeps its label, a copied mark included.
    """
    instance_id = seen.instance.instance_id
    mark = seen.whose.mark
    intent_id = seen.rental.intent_id if seen.rental else mark.intent_id if mark else None
    if intent_id is None:
        return True
    for _ in range(_ROUNDS):
        label = account.marker.label(text, intent_id, ends_us)
        effect = await insist(
            account,
            send,
            on_instances.label_instance(instance_id, label),
            instance_id,
            lambda now, label=label: now is None or now.raw_label == label,  # type: ignore[misc]  # bound per round
        )
        booked = await account.ledger.read(lambda tx: tx.rental_of("instance", instance_id))
        if booked is None or booked.lease_ends_us == ends_us:
            return effect.seen
        ends_us = booked.lease_ends_us
    return False
