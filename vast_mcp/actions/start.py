"""Start a stopped machine under a new lease."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.account.lease_label import floor_minute_us
from vast_mcp.actions.base import plain_number, see, unconfirmed
from vast_mcp.actions.lease_base import (
    LeaseAct,
    LeaseSight,
    added_spend,
    begin_rental,
    total_so_far,
    unasked,
    write_mark,
)
from vast_mcp.actions.stop_destroy import observe_now
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import ApiError, InputInvalid, OutcomeUnknown, StartQueued
from vast_mcp.guard.act import Booking, Errand, Outcome, Sight
from vast_mcp.leases import books
from vast_mcp.models import Billing, Instance, InstanceState, billing_of, state_of
from vast_mcp.operations import instances
from vast_mcp.policy.facts import Request
from vast_mcp.store import Rental, RentalState, Transaction
from vast_mcp.units import minute, seconds_from_hours

_ARRIVES_US = 2 * 60 * SECOND_US


@dataclass(frozen=True, slots=True)
class StartInstance(LeaseAct):
    """Run it again for so many hours."""

    tool: ClassVar[str] = "start_instance"
    instance_id: int
    lease_hours: float

    async def look(self, account: Account) -> Sight:
        """The machine, its price running, and the lease's worst case."""
        seen = await see(account, self.instance_id)
        one = seen.instance
        if seen.rental is not None and seen.rental.state is RentalState.DESTROYING:
            raise InputInvalid("instance_id", "this machine is being destroyed")
        runs = billing_of(one) is Billing.GPU_AND_DISK and one.intended_status == "running"
        if runs or _on_its_way(seen.rental, account.now_us()):
            raise InputInvalid(
                "instance_id",
                "this machine is already running or starting",
                hint="extend_lease gives it more time.",
            )
        now_us = account.now_us()
        ends_us = floor_minute_us(now_us + seconds_from_hours(self.lease_hours) * SECOND_US)
        spend = added_spend(
            seen,
            adds=one.usd_per_hour - one.disk_usd_per_hour,
            adds_running=1,
            hours=self.lease_hours,
            from_us=now_us,
            until_us=ends_us,
            rate=one.usd_per_hour,
            total=await total_so_far(account, seen.rental),
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

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Set the lease aside before the GPU is asked for; without a rental, one is begun."""
        assert isinstance(sight, LeaseSight)
        assert sight.seen is not None
        rental = tx.rental_of("instance", self.instance_id)
        if rental is None or not rental.state.holds_money:
            rental = begin_rental(tx, booking, sight)
        rental = books.resume(tx, rental, booking.now_us, sight.ends_us)
        tx.update_rental(
            rental,
            touched=True,
            usd_per_hour=sight.rate,
            facts=replace(
                unasked(rental, booking, booking.now_us),
                stop_sent=False,
                start_us=booking.now_us,
                seen_us=booking.now_us,
                starting=True,
                came_up=False,
            ),
        )

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Write the new end into the label, then start. A refusal gives the money back."""
        sight = errand.sight
        assert isinstance(sight, LeaseSight)
        assert sight.seen is not None
        one: Instance | None = None
        queued = False
        try:
            await write_mark(
                account, errand.send, sight.seen, sight.seen.target.label, sight.ends_us
            )
            await errand.send(instances.start_instance(self.instance_id))
        except StartQueued:
            queued = True
        except OutcomeUnknown as error:
            with suppress(ApiError):
                one = (await account.reads.look(self.instance_id)).instance
            if one is None or one.intended_status != "running":
                return self._outcome(sight, "unknown", unconfirmed("start", error))
        except ApiError:
            await _note_stopped(account, self.instance_id)
            raise
        with suppress(ApiError):  # it was sent; the keeper's next look tells
            one = await observe_now(account, self.instance_id)
        runs = one is not None and one.actual_status == "running"
        if (queued or (one and state_of(one) is InstanceState.WAITING_FOR_GPU)) and not runs:
            return self._outcome(
                sight,
                "queued",
                "Queued: another renter has its GPU now. It starts by itself once the GPU is"
                f" free, and then costs {sight.rate}; until then only its disk is billed. Its"
                " lease and money are reserved now.",
            )
        return self._outcome(sight, "starting", f"Starting. {sight.rate} once running.")

    def _outcome(self, sight: LeaseSight, status: str, said: str) -> Outcome:
        spend = sight.request.spend
        return Outcome(
            status=status,
            said=f"{said} If it does not run within 10 minutes it is stopped again"
            + (", which cancels the start." if status == "queued" else "."),
            next=f"wait_for_instance(instance_id={self.instance_id})"
            + (self._meanwhile(sight) if status == "queued" else ""),
            values={
                "instance_id": self.instance_id,
                "usd_per_hour": round(sight.rate.dollars, 4),
                "max_cost_usd": round(spend.cost.dollars, 2) if spend else 0.0,
                "lease_ends": minute(sight.ends_us),
            },
        )

    def _meanwhile(self, sight: LeaseSight) -> str:
        """Ways to the data of a machine whose GPU is taken, and what keeping it costs."""
        disk = sight.seen.instance.disk_usd_per_hour.per_day if sight.seen else None
        kept = f" Kept here, its disk costs {disk}/day." if disk else ""
        own = f"C.{self.instance_id}:/workspace/"
        return (
            "; stop_instance cancels it. For its data now: rent another machine, then"
            f' copy_files(source="{own}", destination="C.<its id>:/workspace/").{kept}'
        )


def _on_its_way(rental: Rental | None, now_us: int) -> bool:
    """Whether another call has just set a lease aside and its start may not have arrived yet."""
    if rental is None or not (rental.running and rental.facts.starting):
        return False
    return 0 <= now_us - (rental.facts.start_us or 0) < _ARRIVES_US


async def _note_stopped(account: Account, instance_id: int) -> None:
    now_us = account.now_us()

    def write(tx: Transaction) -> None:
        rental = tx.rental_of("instance", instance_id)
        if rental is not None and rental.running:
            rested = books.rest(tx, rental, now_us, now_us)
            facts = replace(  # it rested all along
                rested.facts, stop_sent=True, rested_us=rental.facts.rested_us
            )
            tx.update_rental(rested, facts=facts)

    await account.ledger.write(write)
