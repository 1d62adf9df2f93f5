"""Give a machine more hours: what it costs at most, and what it bills in its present state."""

from dataclasses import dataclass
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.account.lease_label import floor_minute_us
from vast_mcp.actions.base import Seen, plain_number, see
from vast_mcp.actions.lease_base import (
    LeaseAct,
    LeaseSight,
    added_spend,
    begin_rental,
    total_so_far,
    unasked,
    write_mark,
)
from vast_mcp.actions.ssh_target import back_up, standing_still
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Booking, Errand, Outcome, Sight
from vast_mcp.leases import books
from vast_mcp.models import InstanceState, state_of
from vast_mcp.policy.facts import Request
from vast_mcp.store import RentalState, Transaction
from vast_mcp.units import HOUR_S, UsdPerHour, minute, seconds_from_hours

_RESTS = (InstanceState.STOPPED, InstanceState.STOPPING)


@dataclass(frozen=True, slots=True)
class ExtendLease(LeaseAct):
    """Give a running machine more hours, added to its present end."""

    tool: ClassVar[str] = "extend_lease"
    instance_id: int
    hours: float

    async def look(self, account: Account) -> Sight:
        """The present end and state, the added cost, and the rental's new worst case.

        Raises:
            InputInvalid: it is stopped, has no lease of ours, or the lease would be over even so.
        """
        seen = await see(account, self.instance_id)
        one, rental = seen.instance, seen.rental
        present_us = _present_end_us(seen)
        ends_us = floor_minute_us(present_us + seconds_from_hours(self.hours) * SECOND_US)
        if ends_us <= max(present_us, account.now_us()):
            raise InputInvalid(
                "hours", f"the lease would still be over: it ended {minute(present_us)}"
            )
        rate = max(one.usd_per_hour, rental.usd_per_hour) if rental else one.usd_per_hour
        began_us = rental.created_us if rental else (one.started_at_us or account.now_us())
        spend = added_spend(
            seen,
            adds=UsdPerHour(),
            adds_running=0,
            hours=(ends_us - began_us) / SECOND_US / HOUR_S,
            # What a person adopts by its copied mark was not paid for until there.
            from_us=account.now_us() if seen.whose.copied and not seen.claim else present_us,
            until_us=ends_us,
            rate=rate,
            total=await total_so_far(account, rental),
        )
        return LeaseSight(
            request=Request(self.tool, seen.target, spend),
            snapshot={
                **seen.snapshot,
                "rate_micros": rate.micros,
                "present_end_us": present_us,
            },
            question=f"Extend {self.instance_id} ({seen.words}) by {plain_number(self.hours)} h?"
            f" {rate}: {spend.cost} more, {spend.rental_total} in all at most. New end"
            f" {minute(ends_us)}. {_present(seen)}".rstrip(),
            handle=f"extend-{self.instance_id}-{plain_number(self.hours)}h",
            label=seen.target.label,
            seen=seen,
            ends_us=ends_us,
            rate=rate,
        )

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Reserve up to the new end."""
        assert isinstance(sight, LeaseSight)
        rental = tx.rental_of("instance", self.instance_id)
        if rental is None:
            rental = books.resume(
                tx, begin_rental(tx, booking, sight), booking.now_us, sight.ends_us
            )
        facts = unasked(rental, booking, rental.lease_ends_us)
        tx.extend_lease(rental.intent_id, sight.ends_us)
        tx.update_rental(rental, lease_ends_us=sight.ends_us, facts=facts)

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Write the new end into the label, where every layer reads it."""
        sight = errand.sight
        assert isinstance(sight, LeaseSight)
        assert sight.seen is not None
        label = sight.seen.target.label
        written = await write_mark(account, errand.send, sight.seen, label, sight.ends_us)
        spend = sight.request.spend
        notes = [_present(sight.seen)]
        if not written:
            notes.append("The machine's label does not show the new end yet.")
        return Outcome(
            status="extended",
            said=f"The lease now ends {minute(sight.ends_us)}.",
            warnings=tuple(note for note in notes if note),
            values={
                "instance_id": self.instance_id,
                "lease_ends": minute(sight.ends_us),
                "added_usd": round(spend.cost.dollars, 2) if spend else 0.0,
                "max_cost_usd": round(spend.rental_total.dollars, 2) if spend else 0.0,
            },
        )


def _present_end_us(seen: Seen) -> int:
    """When the lease ends now, by the books or else by the label.

    A copied mark names an end as well: from there a person's yes counts, which adopts it.

    Raises:
        InputInvalid: there is no lease of ours, or nothing that it would still end.
    """
    rental, mark = seen.rental, seen.whose.mark
    if rental is not None and rental.state is RentalState.DESTROYING:
        raise InputInvalid("instance_id", "this machine is being destroyed")
    if rental is not None and rental.running and rental.facts.stop_sent:
        raise InputInvalid(
            "instance_id",
            "this machine is being stopped",
            hint="start_instance gives a new lease once it is.",
        )
    resting = rental is not None and not rental.running
    if resting or (state_of(seen.instance) in _RESTS and not _outbid(seen)):
        per_day = seen.instance.disk_usd_per_hour.per_day
        raise InputInvalid(
            "instance_id",
            f"{standing_still(seen, 'this machine')}: no lease runs, and only its disk is billed"
            f" ({per_day}/day)",
            hint=back_up(seen),
        )
    if rental is not None:
        return rental.lease_ends_us
    if seen.claim is not None:  # unmarked: a person's yes to this adopts it
        return seen.claim.lease_ends_us
    if mark is not None:
        return mark.until_us
    if seen.whose.copied:
        return seen.whose.copied_until_us
    raise InputInvalid(
        "instance_id",
        "this machine has no lease made here to extend.",
        hint="It was rented elsewhere and runs until someone stops it.",
    )


def _outbid(seen: Seen) -> bool:
    """Halted by a higher bid and not by us: it resumes, though it shows a wish to be stopped."""
    one, rental = seen.instance, seen.rental
    state = state_of(one)
    if not one.is_bid or state not in {InstanceState.OUTBID, InstanceState.STOPPED}:
        return False
    return rental is None or not rental.facts.stop_sent


def _present(seen: Seen) -> str:
    """What it does and bills now, where it does not run; the worst case is that it runs at once."""
    one = seen.instance
    disk = f"only its disk is billed ({one.disk_usd_per_hour.per_day}/day)"
    if _outbid(seen):
        return f"It is outbid: {disk} until its bid wins again; then it resumes by itself."
    match state_of(one):
        case InstanceState.WAITING_FOR_GPU:
            return f"It is not running: its GPU is taken, and {disk} until it is free."
        case InstanceState.STARTING:
            return "It is not running yet."
        case InstanceState.FAILED:
            return f"It is not running: its container failed, and {disk}."
        case InstanceState.HOST_OFFLINE:
            return "Its host is offline: nothing is billed until it is back."
        case InstanceState.UNKNOWN:
            return "Its host does not report; it counts as billed."
        case _:
            return ""
