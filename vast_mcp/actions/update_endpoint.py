"""Change and delete endpoints: raising a maximum spends, deleting ends its workers."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.actions.base import PlainAct
from vast_mcp.actions.endpoint_base import (
    EndpointSight,
    FoundEndpoint,
    find_endpoint,
    listed_scaling,
    per_worker_of,
    short_name,
    worst_case,
)
from vast_mcp.actions.lease_base import total_so_far
from vast_mcp.actions.workergroup_limits import insist_on_searches
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import (
    ApiError,
    InputInvalid,
    NotFound,
    OutcomeUnknown,
    VastMcpError,
    VendorDown,
    VendorUnreadable,
)
from vast_mcp.guard.act import Booking, Errand, Outcome, Sight
from vast_mcp.leases import books
from vast_mcp.models import Endpoint, Scaling
from vast_mcp.operations import JsonObject, serverless
from vast_mcp.policy.facts import Request, Spend
from vast_mcp.store import Rental, RentalState, Transaction
from vast_mcp.units import HOUR_S, UsdPerHour


@dataclass(frozen=True, slots=True)
class UpdateEndpoint(PlainAct):
    """Change an endpoint's scaling; raising its maximum spends.

    The vendor may take what an update leaves out for "back to the default" (20 workers), so the
    whole record goes out: as read just before, with what was asked in its place. Each may therefore
    set it active again when it arrives late, whatever it was meant to change.
    """

    tool: ClassVar[str] = "update_endpoint"
    endpoint_name: str
    max_workers: int | None = None
    cold_workers: int | None = None
    min_load: float | None = None
    endpoint_state: str | None = None

    async def look(self, account: Account) -> Sight:
        """The endpoint as it is, and what a higher maximum adds."""
        changes = self.changes()
        if not changes:
            raise InputInvalid("max_workers", "no change was given")
        found = await find_endpoint(account, self.endpoint_name)
        one = found.endpoint
        new_max = one.max_workers if self.max_workers is None else self.max_workers
        per_worker = per_worker_of(found.rental)
        spend = await added(account, found, per_worker, max(0, new_max - one.max_workers))
        raises = self._raises(one)
        if raises:
            found.insist_on_lease(account.now_us())
            await insist_on_searches(account, found)
        shown = ", ".join(f"{name} {value}" for name, value in changes.items())
        return EndpointSight(
            request=Request(self.tool, found.target, spend if found.rental else None, raises),
            snapshot=found.snapshot,
            question=f"Change endpoint {one.endpoint_id}: {shown}? {spend.cost} more at most until"
            " its lease ends.",
            handle=f"endpoint-{one.endpoint_id}-update",
            label=short_name(one.raw_name),
            found=found,
            rate=per_worker * new_max,
            max_workers=new_max,
        )

    def _raises(self, one: Endpoint) -> bool:
        """Whether it could rent more than now."""
        return (
            (self.max_workers or 0) > one.max_workers
            or (self.cold_workers or 0) > one.cold_workers
            or (self.min_load or 0.0) > one.min_load
            or self.endpoint_state == "active"
        )

    def changes(self) -> JsonObject:
        """The fields that were given."""
        given: JsonObject = {
            "max_workers": self.max_workers,
            "cold_workers": self.cold_workers,
            "min_load": self.min_load,
            "endpoint_state": self.endpoint_state,
        }
        return {name: value for name, value in given.items() if value is not None}

    def moved(self, tx: Transaction, sight: Sight) -> str:
        """Whether another call has changed the lease or maximum that its price stood on."""
        assert isinstance(sight, EndpointSight)
        assert sight.found is not None
        was = sight.found.rental
        now = tx.rental_of("endpoint", sight.found.endpoint.endpoint_id)
        if was == now or (
            was is not None
            and now is not None
            and (was.state, was.usd_per_hour) == (now.state, now.usd_per_hour)
        ):
            return ""
        return "its lease or maximum was changed by another call meanwhile"

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Reserve a higher maximum before it is sent."""
        assert isinstance(sight, EndpointSight)
        assert sight.found is not None
        rental = tx.rental_of("endpoint", sight.found.endpoint.endpoint_id)
        if rental is not None:
            facts = replace(rental.facts, raised_us=booking.now_us)
            rental = tx.update_rental(rental, facts=facts)
        if rental is not None and sight.rate > rental.usd_per_hour:
            rental = books.rise(tx, rental, booking.intent_id, booking.now_us)
            rental = books.reprice(tx, rental, sight.rate, booking.now_us)
            _note_workers(tx, rental, sight.max_workers)

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Read once more, sent once, then read back."""
        sight = errand.sight
        assert isinstance(sight, EndpointSight)
        assert sight.found is not None
        endpoint_id = sight.found.endpoint.endpoint_id
        scaling = await self._merged(account, errand)
        if scaling is None:
            return Outcome(
                status="changed",
                said="Not changed, nothing was sent: another change reached this endpoint first.",
                next="Check show_endpoints, then call update_endpoint again.",
                values={"endpoint_id": endpoint_id},
            )
        lost = False
        try:
            await errand.send(serverless.update_endpoint(endpoint_id, scaling))
        except OutcomeUnknown:
            lost = True
        except ApiError:  # refused: only what it may rent stays reserved
            with suppress(VastMcpError):
                await self._release(
                    account, errand, await find_endpoint(account, scaling.endpoint_name)
                )
            raise
        try:
            now = await find_endpoint(account, sight.found.endpoint.raw_name)
        except VastMcpError as error:
            return Outcome(
                status="unknown",
                said=f"The change was sent, but could not be read back: {error}",
                next="Check show_endpoints in a minute.",
                values={"endpoint_id": endpoint_id},
            )
        one = now.endpoint
        if one.max_workers == sight.max_workers:
            await self._settle(account, errand, sight.rate, one.max_workers)
        return self._read_back(one, lost=lost)

    def _read_back(self, one: Endpoint, *, lost: bool) -> Outcome:
        """What the endpoint shows. Of a lost answer only that proves anything."""
        shown = (
            f"max_workers {one.max_workers}, cold_workers {one.cold_workers},"
            f" min_load {one.min_load:g}, state {one.state}."
        )
        values: JsonObject = {"endpoint_id": one.endpoint_id}
        there = all(getattr(one.scaling, name) == value for name, value in self.changes().items())
        if lost and not there:
            return Outcome(
                status="unknown",
                said="The change was sent and its answer lost; the endpoint does not show it:"
                f" {shown} It may still arrive, so its money stays reserved.",
                next="Check show_endpoints in a minute.",
                values=values,
            )
        said = "Changed; the answer was lost, and the endpoint shows it:" if lost else "Changed."
        return Outcome(status="updated", said=f"{said} {shown}", values=values)

    async def _merged(self, account: Account, errand: Errand) -> Scaling | None:
        """What to send: the record as it is now, with the changes. None: it is another by now.

        Raises:
            VastMcpError: it cannot be read, so nothing may be sent.
        """
        sight = errand.sight
        assert isinstance(sight, EndpointSight)
        assert sight.found is not None
        seen = sight.found.endpoint
        try:
            fresh = (await find_endpoint(account, seen.raw_name)).endpoint
        except VastMcpError:
            await self._release(account, errand, sight.found)
            raise
        if fresh != seen:
            await self._release(account, errand, FoundEndpoint(fresh, sight.found.rental))
            return None
        now = fresh.scaling
        return replace(
            now,
            max_workers=now.max_workers if self.max_workers is None else self.max_workers,
            cold_workers=now.cold_workers if self.cold_workers is None else self.cold_workers,
            min_load=now.min_load if self.min_load is None else self.min_load,
            endpoint_state=self.endpoint_state or now.endpoint_state,
        )

    async def _release(self, account: Account, errand: Errand, found: FoundEndpoint) -> None:
        """Nothing was changed: reserved is what the endpoint may rent as it is."""
        most = found.endpoint.max_workers
        await self._settle(account, errand, per_worker_of(found.rental) * most, most)

    async def _settle(
        self, account: Account, errand: Errand, rate: UsdPerHour, workers: int
    ) -> None:
        sight = errand.sight
        assert isinstance(sight, EndpointSight)
        assert sight.found is not None
        endpoint_id, now_us = sight.found.endpoint.endpoint_id, account.now_us()

        def write(tx: Transaction) -> None:
            rental = tx.rental_of("endpoint", endpoint_id)
            if rental is None:
                return
            rental = books.settle(tx, rental, errand.booking.intent_id, rate, now_us)
            if rental.usd_per_hour == rate:
                _note_workers(tx, rental, workers)

        await account.ledger.write(write)


async def added(
    account: Account, found: FoundEndpoint, per_worker: UsdPerHour, workers: int
) -> Spend:
    """What so many workers more cost until the lease ends."""
    now_us, rental = account.now_us(), found.rental
    ends_us = max(now_us, rental.lease_ends_us if rental else now_us)
    began_us = rental.created_us if rental else now_us
    return worst_case(
        per_worker,
        adds=per_worker * workers,
        adds_running=workers,
        hours=(ends_us - began_us) / SECOND_US / HOUR_S,
        from_us=now_us,
        until_us=ends_us,
        total=await total_so_far(account, rental),
    )


def _note_workers(tx: Transaction, rental: Rental, workers: int) -> None:
    endpoint = replace(rental.facts.endpoint, workers=workers)
    tx.update_rental(rental, facts=replace(rental.facts, endpoint=endpoint))


@dataclass(frozen=True, slots=True)
class DeleteEndpoint(PlainAct):
    """Delete an endpoint, its workergroups and its workers."""

    tool: ClassVar[str] = "delete_endpoint"
    endpoint_name: str

    async def look(self, account: Account) -> Sight:
        """The endpoint as it is."""
        found = await find_endpoint(account, self.endpoint_name, urgent=True)
        one = found.endpoint
        return EndpointSight(
            request=Request(self.tool, found.target),
            snapshot={"endpoint_id": one.endpoint_id, "name": one.raw_name},
            question=f"Delete endpoint {one.endpoint_id} (up to {one.max_workers} workers,"
            f" {one.state})? Its workergroups and workers are deleted with it.",
            handle=f"delete-endpoint-{one.endpoint_id}",
            label=short_name(one.raw_name),
            found=found,
        )

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Sent until it is no longer listed; only then is it said to be gone."""
        sight = errand.sight
        assert isinstance(sight, EndpointSight)
        assert sight.found is not None
        endpoint_id = sight.found.endpoint.endpoint_id
        gone = False
        for _ in range(3):
            with suppress(OutcomeUnknown, NotFound):  # the list below tells
                await errand.send(serverless.delete_endpoint(endpoint_id))
            with suppress(VendorDown, VendorUnreadable):  # sent: it is only not seen yet
                gone = await listed_scaling(account, endpoint_id) is None
            if gone:
                break
            await account.clock.sleep(3.0)
        if gone:
            now_us = account.now_us()

            def write(tx: Transaction) -> None:
                rental = tx.rental_of("endpoint", endpoint_id)
                if rental is not None:
                    books.close(tx, rental, RentalState.GONE, now_us)

            await account.ledger.write(write)
        return Outcome(
            status="deleted" if gone else "deleting",
            said="Deleted; its workers are destroyed one by one and billed until then."
            if gone
            else "Delete sent; still listed.",
            next="show_instances shows whether a worker survived."
            if gone
            else "Check show_endpoints in a minute.",
            values={"endpoint_id": endpoint_id},
        )
