"""Change what an interruptible machine bids."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.actions.base import see, unconfirmed
from vast_mcp.actions.lease_base import LeaseAct, LeaseSight, added_spend, total_so_far
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import ApiError, InputInvalid, OutcomeUnknown
from vast_mcp.guard.act import Booking, Errand, Outcome, Sight
from vast_mcp.leases import books
from vast_mcp.leases.approved import ROUNDING
from vast_mcp.models import Instance
from vast_mcp.operations import JsonObject, instances
from vast_mcp.policy.facts import Request
from vast_mcp.store import Transaction
from vast_mcp.units import HOUR_S, UsdPerHour


@dataclass(frozen=True, slots=True)
class ChangeBid(LeaseAct):
    """Set what an interruptible machine bids."""

    tool: ClassVar[str] = "change_bid"
    instance_id: int
    bid_usd_per_hour: float

    async def look(self, account: Account) -> Sight:
        """The present bid, and what a rise adds until the lease ends."""
        seen = await see(account, self.instance_id)
        one, rental = seen.instance, seen.rental
        if not one.is_bid:
            raise InputInvalid(
                "instance_id", "this machine is on-demand; only an interruptible one has a bid"
            )
        old, new = one.usd_per_hour, UsdPerHour.of(self.bid_usd_per_hour) + one.disk_usd_per_hour
        rise = max(UsdPerHour(), new - old)
        now_us = account.now_us()
        ends_us = max(now_us, rental.lease_ends_us if rental else now_us)
        spend = added_spend(
            seen,
            adds=rise,
            adds_running=0,
            hours=(ends_us - (rental.created_us if rental else now_us)) / SECOND_US / HOUR_S,
            from_us=now_us,
            until_us=ends_us,
            rate=rise,
            total=await total_so_far(account, rental),
        )
        word = "Raise" if new > old else "Lower"
        return LeaseSight(
            request=Request(
                self.tool, seen.target, replace(spend, usd_per_hour=new), raises=new > old
            ),
            snapshot={**seen.snapshot, "rate_micros": old.micros},
            question=f"{word} the bid of {self.instance_id} ({seen.words}) to"
            f" {UsdPerHour.of(self.bid_usd_per_hour)}? With its disk {new}, now {old}:"
            f" {spend.cost} more at most until its lease ends.",
            handle=f"bid-{self.instance_id}-{self.bid_usd_per_hour:g}usd",
            label=seen.target.label,
            seen=seen,
            ends_us=ends_us,
            rate=new,
        )

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Reserve a rise before it is sent; a fall is released only once it is seen."""
        assert isinstance(sight, LeaseSight)
        rental = tx.rental_of("instance", self.instance_id)
        if rental is not None and sight.rate > rental.usd_per_hour:
            rental = books.rise(tx, rental, booking.intent_id, booking.now_us)
            books.reprice(tx, rental, sight.rate, booking.now_us)

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Sent once, then read back."""
        sight = errand.sight
        assert isinstance(sight, LeaseSight)
        doubt: OutcomeUnknown | None = None
        try:
            await errand.send(instances.change_bid(self.instance_id, self.bid_usd_per_hour))
        except OutcomeUnknown as error:
            doubt = error
        except ApiError:  # refused: it bids what it bid
            was = None if sight.seen is None else sight.seen.rental
            if was is not None:
                await self._settle(account, errand, was.usd_per_hour)
            raise
        one: Instance | None = None
        with suppress(ApiError):
            one = (await account.reads.look(self.instance_id)).instance
        rate = one.usd_per_hour if one is not None else sight.rate
        set_now = one is not None and abs(rate.micros - sight.rate.micros) <= ROUNDING.micros
        if doubt is not None:  # it may yet be executed: the more expensive of the two is reserved
            rate = max(rate, sight.rate)
        await self._settle(account, errand, rate)
        values: JsonObject = {
            "instance_id": self.instance_id,
            "usd_per_hour": round(rate.dollars, 4),
        }
        if doubt is not None and not set_now:
            return Outcome(
                status="unknown",
                said=f"{unconfirmed('bid', doubt)} {rate} with its disk stays reserved.",
                next=f"Check show_instances(instance_id={self.instance_id}) in a minute.",
                values=values,
            )
        return Outcome(
            status="bid_changed",
            said=f"The bid is now {UsdPerHour.of(self.bid_usd_per_hour)}; {rate} with its disk.",
            values=values,
        )

    async def _settle(self, account: Account, errand: Errand, rate: UsdPerHour) -> None:
        now_us = account.now_us()

        def write(tx: Transaction) -> None:
            rental = tx.rental_of("instance", self.instance_id)
            if rental is not None:
                books.settle(tx, rental, errand.booking.intent_id, rate, now_us)

        await account.ledger.write(write)
