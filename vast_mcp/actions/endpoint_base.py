"""What the acts on endpoints share: finding one, pricing one, keeping its state."""

from dataclasses import dataclass

from vast_mcp.account.context import Account
from vast_mcp.account.lease_label import endpoint_intent
from vast_mcp.errors import InputInvalid, NotFound
from vast_mcp.guard.act import Sight
from vast_mcp.leases import books
from vast_mcp.models import Endpoint, Scaling
from vast_mcp.operations import JsonObject
from vast_mcp.policy.facts import Owner, Spend, Target
from vast_mcp.store import Rental, RentalState, Transaction, split_by_day
from vast_mcp.text import clean_line
from vast_mcp.units import Usd, UsdPerHour, minute


@dataclass(frozen=True, slots=True)
class FoundEndpoint:
    """An endpoint, and what we know of it."""

    endpoint: Endpoint
    rental: Rental | None

    @property
    def target(self) -> Target:
        """For the policy: ours only if the ledger knows it, since a name carries no proof."""
        return Target(
            kind="endpoint",
            target_id=self.endpoint.endpoint_id,
            label=short_name(self.endpoint.raw_name),
            owner=Owner.FOREIGN if self.rental is None else Owner.OURS,
        )

    def insist_on_lease(self, now_us: int) -> None:
        """Refuse what would let an endpoint of ours rent machines after its lease.

        Raises:
            InputInvalid: its lease has ended.
        """
        rental = self.rental
        if rental is None or (rental.state.holds_money and now_us < rental.lease_ends_us):
            return
        raise InputInvalid(
            "endpoint_name",
            f"the lease of this endpoint ended {minute(rental.lease_ends_us)} and cannot be"
            " extended",
            hint=f'delete_endpoint(endpoint_name="{clean_line(self.target.label, 80)}"), then'
            " create_endpoint with a new lease.",
        )

    @property
    def snapshot(self) -> JsonObject:
        """What makes it this endpoint."""
        one = self.endpoint
        return {
            "endpoint_id": one.endpoint_id,
            "name": one.raw_name,
            "max_workers": one.max_workers,
            "cold_workers": one.cold_workers,
            "min_load": one.min_load,
        }


def short_name(raw_name: str) -> str:
    """The name without our mark."""
    intent = endpoint_intent(raw_name)
    return raw_name if intent is None else raw_name.removesuffix(f"-vm1-{intent}")


async def find_endpoint(account: Account, name: str, *, urgent: bool = False) -> FoundEndpoint:
    """The endpoint of this name, with or without its mark.

    Raises:
        NotFound: none has it.
        InputInvalid: several have.
    """
    listed = await account.reads.endpoints(urgent=urgent)
    exact = [endpoint for endpoint in listed if endpoint.raw_name == name]
    found = exact or [endpoint for endpoint in listed if short_name(endpoint.raw_name) == name]
    if not found:
        raise NotFound(
            "There is no endpoint with this name; nothing was done.",
            hint="show_endpoints lists all.",
        )
    if len(found) > 1:
        raise InputInvalid("endpoint_name", "several endpoints match this name; give the full name")
    one = found[0]
    rental = await account.ledger.read(lambda tx: tx.rental_of("endpoint", one.endpoint_id))
    return FoundEndpoint(one, rental)


async def listed_scaling(account: Account, endpoint_id: int) -> Scaling | None:
    """The endpoint's record; None once two lists in a row do without it: one proves nothing.

    Raises:
        ApiError: they could not be read.
    """
    for _ in range(2):
        listed = await account.reads.endpoints(urgent=True)
        found = next((endpoint for endpoint in listed if endpoint.endpoint_id == endpoint_id), None)
        if found is not None:
            return found.scaling
    return None


@dataclass(frozen=True, slots=True)
class EndpointSight(Sight):
    """What was seen, for reserving and sending."""

    found: FoundEndpoint | None = None
    rate: UsdPerHour = UsdPerHour()
    max_workers: int = 0


def per_worker_of(rental: Rental | None) -> UsdPerHour:
    """The price one worker was approved at."""
    approved = rental.facts.endpoint.per_worker if rental else None
    return approved or UsdPerHour()


def worst_case(
    per_worker: UsdPerHour,
    *,
    adds: UsdPerHour,
    adds_running: int,
    hours: float,
    from_us: int,
    until_us: int,
    total: Usd,
) -> Spend:
    """What an endpoint adds at its maximum of workers, by UTC day until its lease ends."""
    days = split_by_day(adds, from_us, until_us)
    cost = sum(days.values(), Usd())
    return Spend(
        usd_per_hour=per_worker,
        adds_usd_per_hour=adds,
        adds_running=adds_running,
        lease_hours=hours,
        cost=cost,
        rental_total=total + cost,
        by_day=days,
        fixed=False,
    )


async def set_state(account: Account, intent_id: str, state: RentalState) -> None:
    """Move an endpoint's intent on, remembering when it was first sent."""
    sent_us = account.now_us()

    def write(tx: Transaction) -> None:
        rental = tx.rental(intent_id)
        if rental is not None:
            tx.update_rental(rental, state=state, sent_us=rental.sent_us or sent_us)

    await account.ledger.write(write)


def close_intent(tx: Transaction, intent_id: str, state: RentalState, now_us: int) -> None:
    """End an endpoint's intent in the books."""
    rental = tx.rental(intent_id)
    if rental is not None:
        books.close(tx, rental, state, now_us)
