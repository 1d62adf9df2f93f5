"""Make an endpoint and feed it: it rents machines by itself, so it is priced at its maximum."""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.account.lease_label import endpoint_intent, endpoint_name, floor_minute_us
from vast_mcp.actions.base import PlainAct, plain_number
from vast_mcp.actions.endpoint_base import (
    EndpointSight,
    close_intent,
    set_state,
    short_name,
    worst_case,
)
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import ApiError, InputInvalid, OutcomeUnknown
from vast_mcp.guard.act import Booking, Errand, Outcome, Sight
from vast_mcp.guard.plans import key_of
from vast_mcp.operations import serverless
from vast_mcp.policy.facts import Request
from vast_mcp.store import EndpointFacts, LeaseFacts, Rental, RentalState, Segment, Transaction
from vast_mcp.units import Usd, UsdPerHour, minute, seconds_from_hours

_LOOKS = 2
_LOOK_EVERY_S = 3.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


@dataclass(frozen=True, slots=True)
class CreateEndpoint(PlainAct):
    """Make an endpoint, priced as if all its workers ran all the time."""

    tool: ClassVar[str] = "create_endpoint"
    endpoint_name: str
    max_usd_per_worker_hour: float
    max_workers: int = 1
    cold_workers: int = 0
    min_load: float = 0.0
    lease_hours: float = 24.0
    request_key: str = ""

    async def look(self, account: Account) -> Sight:
        """The worst case, and that the name is free."""
        account.secrets.check_text("endpoint_name", self.endpoint_name, account.limits())
        if not _NAME.fullmatch(self.endpoint_name) or endpoint_intent(self.endpoint_name):
            raise InputInvalid(
                "endpoint_name", "1 to 80 letters, digits, '.', '_' or '-', without a lease mark"
            )
        if self.cold_workers > self.max_workers:
            raise InputInvalid("cold_workers", "must not be above max_workers")
        for endpoint in await account.reads.endpoints():
            if short_name(endpoint.raw_name) == self.endpoint_name:
                raise InputInvalid(
                    "endpoint_name",
                    "an endpoint with this name already exists",
                    hint="Choose another name, or delete_endpoint first; show_endpoints shows who"
                    " made it.",
                )
        per_worker = UsdPerHour.of(self.max_usd_per_worker_hour)
        rate = per_worker * self.max_workers
        now_us = account.now_us()
        spend = worst_case(
            per_worker,
            adds=rate,
            adds_running=self.max_workers,
            hours=self.lease_hours,
            from_us=now_us,
            until_us=now_us + seconds_from_hours(self.lease_hours) * SECOND_US,
            total=Usd(),
        )
        return EndpointSight(
            request=Request(self.tool, spend=spend),
            snapshot={"name": self.endpoint_name, "rate_micros": rate.micros},
            question=f"Create endpoint for up to {plain_number(self.lease_hours)} h? Up to"
            f" {self.max_workers} worker{'s' * (self.max_workers != 1)} at {per_worker} each: at"
            f" most {spend.cost}. Kept warm: {self.cold_workers}. Then: its workers are ended."
            " Workergroups inside it need no second question.",
            handle=f"endpoint-{rate.dollars:.2f}usd-{plain_number(self.lease_hours)}h",
            label=self.endpoint_name,
            rate=rate,
            max_workers=self.max_workers,
        )

    def replay(self, tx: Transaction, principal: str, now_us: int) -> Rental | None:  # noqa: ARG002
        """The same call again while its endpoint exists.

        Raises:
            InputInvalid: the same name with other arguments.
        """
        for rental in tx.same_intent(principal, self._key()):
            if rental.state.holds_money and rental.digest == key_of(self):
                return rental
            if rental.state.holds_money:
                raise InputInvalid(
                    "endpoint_name",
                    "this endpoint was created with other arguments and still exists",
                    hint="update_endpoint changes it; another endpoint needs another name.",
                )
        return None

    def _key(self) -> str:
        return f"endpoint {self.endpoint_name} {self.request_key}"

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Set aside all workers for the whole lease."""
        assert isinstance(sight, EndpointSight)
        ends_us = self._ends_us(booking)
        rental = Rental(
            intent_id=booking.intent_id,
            principal=booking.principal,
            kind="endpoint",
            state=RentalState.RESERVED,
            request_key=self._key(),
            digest=booking.digest,
            label=self.endpoint_name,
            usd_per_hour=sight.rate,
            disk_usd_per_hour=UsdPerHour(),
            created_us=booking.now_us,
            lease_ends_us=ends_us,
            asked=booking.asked,
            facts=LeaseFacts(
                endpoint=EndpointFacts(
                    workers=self.max_workers,
                    per_worker=UsdPerHour.of(self.max_usd_per_worker_hour),
                )
            ),
        )
        lease = Segment(booking.intent_id, "lease", sight.rate, Usd(), booking.now_us, ends_us)
        tx.add_rental(rental, [lease])

    def _ends_us(self, booking: Booking) -> int:
        return floor_minute_us(booking.now_us + seconds_from_hours(self.lease_hours) * SECOND_US)

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Sent once; a lost answer is looked for by the mark in the name."""
        intent_id = errand.booking.intent_id
        name = endpoint_name(self.endpoint_name, intent_id)
        call = serverless.create_endpoint(
            name,
            max_workers=self.max_workers,
            cold_workers=self.cold_workers,
            min_load=self.min_load,
        )
        await set_state(account, intent_id, RentalState.SENDING)
        try:
            await errand.send(call)
        except OutcomeUnknown:
            await set_state(account, intent_id, RentalState.UNKNOWN)
        except ApiError:
            now_us = account.now_us()
            await account.ledger.write(
                lambda tx: close_intent(tx, intent_id, RentalState.REFUSED, now_us)
            )
            raise
        except BaseException:
            await set_state(account, intent_id, RentalState.UNKNOWN)
            raise
        endpoint_id = await self._named(account, name)
        return await self._settle(account, errand, name, endpoint_id)

    async def _named(self, account: Account, name: str) -> int | None:
        """The endpoint that bears our mark; the id in a reply alone may be anybody's."""
        for number in range(_LOOKS):
            if number:
                await account.clock.sleep(_LOOK_EVERY_S)
            with suppress(ApiError):  # it was sent: a failing look must not read as "not done"
                for endpoint in await account.reads.endpoints():
                    if endpoint.raw_name == name:
                        return endpoint.endpoint_id
        return None

    async def _settle(
        self, account: Account, errand: Errand, name: str, endpoint_id: int | None
    ) -> Outcome:
        intent_id = errand.booking.intent_id
        if endpoint_id is None:
            await set_state(account, intent_id, RentalState.UNKNOWN)
            return Outcome(
                status="unknown",
                said="The endpoint was sent but is not listed yet; its money stays reserved.",
                next="Check show_endpoints in a minute; do not create it again.",
                values={"intent": intent_id},
            )
        ends_us = self._ends_us(errand.booking)
        outcome = Outcome(
            status="created",
            said=f"Endpoint {name} exists. It rents nothing until it has a workergroup.",
            next=f'create_workergroup(endpoint_name="{self.endpoint_name}", template_hash=…).',
            values={"endpoint_id": endpoint_id, "lease_ends": minute(ends_us)},
        )

        def write(tx: Transaction) -> None:
            rental = tx.rental(intent_id)
            if rental is not None:
                tx.update_rental(
                    rental,
                    state=RentalState.ACTIVE,
                    target_id=endpoint_id,
                    outcome=outcome.to_json(),
                )

        await account.ledger.write(write)
        return outcome
