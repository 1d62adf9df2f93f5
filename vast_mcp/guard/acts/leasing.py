"""Start and extend: acts that lengthen what an existing machine costs."""

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from vast_mcp.errors import ApiError, InputInvalid, OutcomeUnknown
from vast_mcp.guard import books
from vast_mcp.guard.act import Booking, Desk, Errand, Outcome, Sight
from vast_mcp.guard.acts._base import PlainAct, Seen, iso, plain_number, see
from vast_mcp.guard.acts._lease import (
    SECOND_US,
    LeaseSight,
    added_spend,
    moved_since,
    total_so_far,
    write_mark,
)
from vast_mcp.guard.acts.ending import observe_now
from vast_mcp.guard.mark import floor_minute_us
from vast_mcp.models import Billing, Instance, InstanceState, billing_of, state_of
from vast_mcp.operations import JsonObject, instances
from vast_mcp.policy import Request
from vast_mcp.store import (
    Rental,
    RentalState,
    Transaction,
    unasked_facts,
)
from vast_mcp.units import HOUR_S, UsdPerHour, seconds_from_hours


@dataclass(frozen=True, slots=True)
class StartInstance(PlainAct):
    """Start a stopped machine under a new lease."""

    tool: ClassVar[str] = "start_instance"
    instance_id: int
    lease_hours: float

    async def look(self, desk: Desk) -> Sight:
        """The machine, its price running, and the lease's worst case."""
        seen = await see(desk, self.instance_id)
        one = seen.instance
        if billing_of(one) is Billing.GPU_AND_DISK and one.intended_status == "running":
            raise InputInvalid(
                "instance_id",
                "this machine is already running or starting",
                hint="extend_lease gives it more time.",
            )
        now_us = desk.now_us()
        ends_us = floor_minute_us(now_us + seconds_from_hours(self.lease_hours) * SECOND_US)
        spend = added_spend(
            seen,
            adds=one.usd_per_hour - one.disk_usd_per_hour,
            adds_running=1,
            hours=self.lease_hours,
            from_us=now_us,
            until_us=ends_us,
            rate=one.usd_per_hour,
            total=await total_so_far(desk, seen.rental),
        )
        return LeaseSight(
            request=Request(self.tool, seen.target, spend),
            snapshot={**seen.snapshot, "rate_micros": one.usd_per_hour.micros},
            question=f"Start {self.instance_id} ({seen.words}) for up to"
            f" {plain_number(self.lease_hours)} h? {one.usd_per_hour}, at most {spend.cost}. Then:"
            f" stopped, disk kept at {one.disk_usd_per_hour.per_day}/day.",
            handle=f"start-{self.instance_id}-{plain_number(self.lease_hours)}h",
            label=seen.target.label,
            seen=seen,
            ends_us=ends_us,
            rate=one.usd_per_hour,
        )

    def moved(self, tx: Transaction, sight: Sight) -> str:
        """Of two at once the second looks anew: its price stood on the lease as it was."""
        assert isinstance(sight, LeaseSight)
        assert sight.seen is not None
        return moved_since(tx, sight.seen)

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Set the lease aside before the GPU is asked for; without a rental, one is begun."""
        assert isinstance(sight, LeaseSight)
        assert sight.seen is not None
        rental = tx.rental_of("instance", self.instance_id)
        if rental is None or not rental.state.holds_money:
            rental = _begin_rental(tx, booking, sight)
        rental = books.resume(tx, rental, booking.now_us, sight.ends_us)
        tx.update_rental(
            rental,
            touched=True,
            usd_per_hour=sight.rate,
            details={
                **rental.details,
                **_unasked(rental, booking, booking.now_us),
                "stop_sent": False,
                "start_us": booking.now_us,
            },
        )

    async def carry_out(self, desk: Desk, errand: Errand) -> Outcome:
        """Write the new end into the label, then start. A refusal gives the money back."""
        sight = errand.sight
        assert isinstance(sight, LeaseSight)
        assert sight.seen is not None
        one: Instance | None = None
        try:
            await write_mark(desk, errand.send, sight.seen, sight.seen.target.label, sight.ends_us)
            await errand.send(instances.start_instance(self.instance_id))
        except OutcomeUnknown:
            with suppress(ApiError):
                one = await desk.reads.show_instance(self.instance_id)
            if one is None or one.intended_status != "running":
                return self._outcome(sight, "unknown", "The start was sent; its answer was lost.")
        except ApiError:
            await _note_stopped(desk, self.instance_id)
            raise
        with suppress(ApiError):  # it was sent; the keeper's next look tells
            one = await observe_now(desk, self.instance_id)
        waiting = one is not None and state_of(one) is InstanceState.WAITING_FOR_GPU
        said = "Starting." if not waiting else "Start accepted; its GPU is taken at the moment."
        return self._outcome(sight, "starting", f"{said} {sight.rate} once running.")

    def _outcome(self, sight: LeaseSight, status: str, said: str) -> Outcome:
        spend = sight.request.spend
        return Outcome(
            status=status,
            said=f"{said} If it does not run within 10 minutes it is stopped again.",
            next=f"wait_for_instance(instance_id={self.instance_id})",
            values={
                "instance_id": self.instance_id,
                "usd_per_hour": round(sight.rate.dollars, 4),
                "max_cost_usd": round(spend.cost.dollars, 2) if spend else 0.0,
                "lease_ends": iso(sight.ends_us),
            },
        )


def _begin_rental(tx: Transaction, booking: Booking, sight: LeaseSight) -> Rental:
    """Books for a machine the ledger did not rent: from here on it has a lease."""
    assert sight.seen is not None
    one = sight.seen.instance
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
        details={"gpu": f"{one.num_gpus}x {one.gpu_name}", "disk_gb": one.disk_gb},
    )
    tx.add_rental(rental, [])
    return rental


def _unasked(rental: Rental, booking: Booking, from_us: int) -> JsonObject:
    """Noted where nobody was asked: the day's sum of such acts has a cap of its own."""
    return {} if booking.asked else {**unasked_facts(rental, from_us, booking.now_us)}


async def _note_stopped(desk: Desk, instance_id: int) -> None:
    now_us = desk.now_us()

    def write(tx: Transaction) -> None:
        rental = tx.rental_of("instance", instance_id)
        if rental is not None and rental.running:
            rested = books.rest(tx, rental, now_us)
            tx.update_rental(rested, details={**rested.details, "stop_sent": True})

    await desk.ledger.write(write)


@dataclass(frozen=True, slots=True)
class ExtendLease(PlainAct):
    """Give a running machine more hours, added to its present end."""

    tool: ClassVar[str] = "extend_lease"
    instance_id: int
    hours: float

    async def look(self, desk: Desk) -> Sight:
        """The present end, the added cost, and the rental's new worst case."""
        seen = await see(desk, self.instance_id)
        one, rental = seen.instance, seen.rental
        present_us = _present_end_us(desk, seen)
        ends_us = floor_minute_us(present_us + seconds_from_hours(self.hours) * SECOND_US)
        began_us = rental.created_us if rental else (one.started_at_us or desk.now_us())
        spend = added_spend(
            seen,
            adds=UsdPerHour(0),
            adds_running=0,
            hours=(ends_us - began_us) / SECOND_US / HOUR_S,
            from_us=present_us,
            until_us=ends_us,
            rate=one.usd_per_hour,
            total=await total_so_far(desk, rental),
        )
        return LeaseSight(
            request=Request(self.tool, seen.target, spend),
            snapshot={
                **seen.snapshot,
                "rate_micros": one.usd_per_hour.micros,
                "present_end_us": present_us,
            },
            question=f"Extend {self.instance_id} ({seen.words}) by {plain_number(self.hours)} h?"
            f" {one.usd_per_hour}: {spend.cost} more, {spend.rental_total} in all at most. New end"
            f" {iso(ends_us)}.",
            handle=f"extend-{self.instance_id}-{plain_number(self.hours)}h",
            label=seen.target.label,
            seen=seen,
            ends_us=ends_us,
            rate=one.usd_per_hour,
        )

    def moved(self, tx: Transaction, sight: Sight) -> str:
        """Of two at once the second looks anew: its price stood on the lease as it was."""
        assert isinstance(sight, LeaseSight)
        assert sight.seen is not None
        return moved_since(tx, sight.seen)

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Reserve up to the new end."""
        assert isinstance(sight, LeaseSight)
        rental = tx.rental_of("instance", self.instance_id)
        if rental is None:
            rental = books.resume(
                tx, _begin_rental(tx, booking, sight), booking.now_us, sight.ends_us
            )
        added = _unasked(rental, booking, rental.lease_ends_us)
        tx.extend_lease(rental.intent_id, sight.ends_us)
        tx.update_rental(rental, lease_ends_us=sight.ends_us, details={**rental.details, **added})

    async def carry_out(self, desk: Desk, errand: Errand) -> Outcome:
        """Write the new end into the label, where every layer reads it."""
        sight = errand.sight
        assert isinstance(sight, LeaseSight)
        assert sight.seen is not None
        label = sight.seen.target.label
        seen = await write_mark(desk, errand.send, sight.seen, label, sight.ends_us)
        spend = sight.request.spend
        warnings = () if seen else ("The new end is not yet seen in the machine's label.",)
        return Outcome(
            status="extended",
            said=f"The lease now ends {iso(sight.ends_us)}.",
            warnings=warnings,
            values={
                "instance_id": self.instance_id,
                "lease_ends": iso(sight.ends_us),
                "added_usd": round(spend.cost.dollars, 2) if spend else 0.0,
                "max_cost_usd": round(spend.rental_total.dollars, 2) if spend else 0.0,
            },
        )


def _present_end_us(desk: Desk, seen: Seen) -> int:
    """When the lease ends now, by the books or else by the label.

    Raises:
        InputInvalid: there is no lease of ours, or the machine is stopped.
    """
    rental, mark = seen.rental, desk.marker.read(seen.instance.raw_label)
    if rental is not None and not rental.running:
        raise InputInvalid(
            "instance_id", "this machine is stopped", hint="start_instance gives a new lease."
        )
    if rental is not None:
        return rental.lease_ends_us
    if mark is not None:
        return mark.until_us
    raise InputInvalid(
        "instance_id",
        "this machine has no lease of ours to extend",
        hint="It was rented elsewhere and runs until somebody stops it.",
    )
