"""The end of an endpoint's lease: it keeps its name, but rents nothing any more."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.account.lease_label import endpoint_name
from vast_mcp.actions.base import PlainAct
from vast_mcp.actions.endpoint_base import listed_scaling
from vast_mcp.errors import ApiError, NotFound, OutcomeUnknown
from vast_mcp.guard.act import Errand, Outcome, Sight
from vast_mcp.leases import books
from vast_mcp.leases.reconcile import HORIZON_US
from vast_mcp.models import Scaling
from vast_mcp.operations import serverless
from vast_mcp.policy.facts import Owner, Request, Target
from vast_mcp.store import RentalState, Transaction

_LOOKS = 5
_LOOK_EVERY_S = 3.0


@dataclass(frozen=True, slots=True)
class EndSight(Sight):
    """What is sent: the endpoint's own scaling, or what the ledger knows of it, stopped."""

    stopped: Scaling | None = None


@dataclass(frozen=True, slots=True)
class EndEndpoint(PlainAct):
    """Corrective: scale an endpoint to nothing and watch its workers go.

    An update replaces the whole record (see `Scaling`). Where the record cannot be read the stop
    goes out all the same, with the maximum that the ledger holds: an end waits for nothing.
    """

    tool: ClassVar[str] = "update_endpoint"
    endpoint_id: int

    async def look(self, account: Account) -> Sight:
        """The endpoint, if it still exists.

        Raises:
            NotFound: it does not; its books are closed.
            ApiError: neither the vendor nor the ledger can say what it is.
        """
        try:
            scaling = await listed_scaling(account, self.endpoint_id)
        except ApiError:
            scaling = await self._booked(account)
            if scaling is None:
                raise
        if scaling is None:
            now_us = account.now_us()
            await account.ledger.write(lambda tx: self._close(tx, now_us))
            raise NotFound(f"Endpoint {self.endpoint_id} is already gone.")
        return EndSight(
            request=Request(
                self.tool,
                Target("endpoint", self.endpoint_id, scaling.endpoint_name, Owner.OURS),
                corrective=True,
            ),
            snapshot={"endpoint_id": self.endpoint_id},
            question="",
            handle=f"endpoint-{self.endpoint_id}-end",
            stopped=replace(scaling, cold_workers=0, min_load=0.0, endpoint_state="stopped"),
        )

    async def _booked(self, account: Account) -> Scaling | None:
        rental = await account.ledger.read(lambda tx: tx.rental_of("endpoint", self.endpoint_id))
        workers = None if rental is None else rental.facts.endpoint.workers
        if rental is None or workers is None:
            return None
        name = endpoint_name(rental.label, rental.intent_id)
        return Scaling(name, workers, cold_workers=0, min_load=0.0, endpoint_state="stopped")

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Nothing kept warm, no load, stopped; ended only when no worker bills."""
        sight = errand.sight
        assert isinstance(sight, EndSight)
        assert sight.stopped is not None
        call = serverless.update_endpoint(self.endpoint_id, sight.stopped)
        accepted = quiet = False
        for _ in range(_LOOKS):
            if not accepted:
                with suppress(OutcomeUnknown):  # the workers below tell
                    await errand.send(call)
                    accepted = True
            workers = await account.reads.workers(self.endpoint_id, urgent=True)
            quiet = not any(worker.bills for worker in workers)
            if quiet:
                break
            await account.clock.sleep(_LOOK_EVERY_S)
        if quiet:
            now_us = account.now_us()
            quiet = await account.ledger.write(lambda tx: self._end(tx, now_us))
        return Outcome(
            status="ended" if quiet else "ending",
            said="The endpoint is stopped and no worker is being billed."
            if quiet
            else "The endpoint is stopped and watched: a worker is still billed, or a change sent"
            " earlier may still arrive.",
            values={"endpoint_id": self.endpoint_id},
        )

    def _end(self, tx: Transaction, now_us: int) -> bool:
        """Close its books, unless a change that lets it rent again may still be on its way."""
        rental = tx.rental_of("endpoint", self.endpoint_id)
        raised_us = 0 if rental is None else rental.facts.raised_us
        if 0 <= now_us - raised_us < HORIZON_US:
            return False
        self._close(tx, now_us)
        return True

    def _close(self, tx: Transaction, now_us: int) -> None:
        rental = tx.rental_of("endpoint", self.endpoint_id)
        if rental is not None and rental.state.holds_money:
            books.close(tx, rental, RentalState.GONE, now_us)
