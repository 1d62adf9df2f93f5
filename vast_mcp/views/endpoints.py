"""Endpoints as they bill: their workers, their workergroups, what they were approved at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vast_mcp.account.context import Account
from vast_mcp.actions import short_name
from vast_mcp.errors import ApiError, LedgerUnavailable
from vast_mcp.models import Endpoint, Worker, Workergroup
from vast_mcp.operations import Json, JsonObject
from vast_mcp.showing import dollars, given
from vast_mcp.store import Rental, Transaction
from vast_mcp.text import clean_line
from vast_mcp.units import UsdPerHour, minute

_WORKERS_ASKED = 12
"""Endpoints whose workers are listed in one answer; the rest count at their maximum."""


@dataclass(frozen=True, slots=True)
class SeenEndpoint:
    """An endpoint, its workers (None: they could not be listed) and what the ledger knows."""

    endpoint: Endpoint
    workers: tuple[Worker, ...] | None
    groups: tuple[Workergroup, ...]
    rental: Rental | None
    known: bool = True
    """False: the ledger could not be read, so nobody knows whose it is."""

    @property
    def made_by(self) -> str:
        """Empty where nobody knows."""
        return ("us" if self.rental is not None else "others") if self.known else ""

    @property
    def lease_ends_us(self) -> int | None:
        """When its lease ends; None where nobody set an end, or it is over."""
        rental = self.rental
        return rental.lease_ends_us if rental is not None and rental.state.holds_money else None

    @property
    def over(self) -> bool:
        """Ours, and its lease is over: it rents nothing any more."""
        return self.rental is not None and not self.rental.state.holds_money

    @property
    def name(self) -> str:
        """As it was named when it was made, without our mark."""
        return str(clean_line(short_name(self.endpoint.raw_name), 80))

    @property
    def billing(self) -> int:
        """Workers that bill now; its maximum where they could not be listed."""
        if self.workers is None:
            return self.endpoint.max_workers
        return sum(worker.bills for worker in self.workers)

    @property
    def ceiling(self) -> UsdPerHour | None:
        """The approved price of one worker; None where the ledger does not know it."""
        return self.rental.facts.endpoint.per_worker if self.rental else None

    @property
    def rate(self) -> UsdPerHour | None:
        """At most what its workers bill now; None for an endpoint that others priced."""
        return self.rate_of(self.billing)

    def rate_of(self, workers: int) -> UsdPerHour | None:
        """At most what so many workers bill."""
        if not workers:
            return UsdPerHour()
        return None if self.ceiling is None else self.ceiling * workers

    def row(self) -> JsonObject:
        """For an answer."""
        one, rental = self.endpoint, self.rental
        groups: list[Json] = [group_row(group) for group in self.groups]
        return given(
            {
                "endpoint_id": one.endpoint_id,
                "untrusted_name": self.name,
                "call_as": str(clean_line(one.raw_name, 120)) if rental is not None else "",
                "state": one.state,
                "made_by": self.made_by,
                "workers": _states(self.workers),
                "workers_billing": self.billing,
                "max_workers": one.max_workers,
                "cold_workers": one.cold_workers,
                "min_load": one.min_load,
                "max_usd_per_worker_hour": None if self.ceiling is None else dollars(self.ceiling),
                "usd_per_hour": _price(self.rate_of(one.max_workers)),
                "usd_per_hour_now": _price(self.rate),
                "lease_ends": minute(rental.lease_ends_us) if rental is not None else None,
                "workergroups": groups,
            }
        )


def _price(rate: UsdPerHour | None) -> float | None:
    return None if rate is None else dollars(rate)


def group_row(group: Workergroup) -> JsonObject:
    """One workergroup for an answer."""
    return given(
        {
            "workergroup_id": group.workergroup_id,
            "endpoint_id": group.endpoint_id,
            "template_hash": group.template_hash,
            "untrusted_search": str(clean_line(group.search, 160)),
        }
    )


async def endpoints_seen(account: Account) -> list[SeenEndpoint]:
    """Every endpoint of the account with its workers and workergroups.

    Raises:
        ApiError: the endpoints could not be listed; that is never "none".
    """
    listed = await account.reads.endpoints()
    if not listed:
        return []
    groups = await account.reads.workergroups()
    rentals = await _rentals(account, [endpoint.endpoint_id for endpoint in listed])
    seen = []
    for position, one in enumerate(listed):
        workers = await _workers(account, one) if position < _WORKERS_ASKED else None
        fitting = tuple(group for group in groups if _feeds(group, one))
        rental = None if rentals is None else rentals.get(one.endpoint_id)
        seen.append(SeenEndpoint(one, workers, fitting, rental, known=rentals is not None))
    return seen


async def _workers(account: Account, one: Endpoint) -> tuple[Worker, ...] | None:
    try:
        return tuple(await account.reads.workers(one.endpoint_id, deadline_s=10.0))
    except ApiError:
        return None


async def _rentals(account: Account, numbers: Sequence[int]) -> Mapping[int, Rental] | None:
    """What the books know of these endpoints: ours stay ours when their lease is over."""

    def read(tx: Transaction) -> dict[int, Rental]:
        found = {number: tx.rental_of("endpoint", number) for number in numbers}
        return {number: one for number, one in found.items() if one is not None}

    try:
        return await account.ledger.read(read)
    except LedgerUnavailable:
        return None


def lapsed_words(seen: Sequence[SeenEndpoint]) -> str:
    """What to do about endpoints of ours whose lease is over; empty where there are none."""
    over = [endpoint for endpoint in seen if endpoint.over]
    if not over:
        return ""
    names = ", ".join(endpoint.name for endpoint in over[:3]) + (", …" if len(over) > 3 else "")
    return (
        f"Lease ended, so nothing is rented: {names}. It cannot be extended:"
        f' delete_endpoint(endpoint_name="{over[0].name}"), then create_endpoint with a new'
        " lease."
    )


def _feeds(group: Workergroup, one: Endpoint) -> bool:
    if group.endpoint_id is not None:
        return group.endpoint_id == one.endpoint_id
    return bool(one.raw_name) and str(group.endpoint_name) == str(one.name)


def _states(workers: Sequence[Worker] | None) -> str:
    if workers is None:
        return "not listed; counted at the maximum"
    words = [str(clean_line(worker.status.lower(), 20)) for worker in workers]
    counts = [f"{words.count(word)} {word}" for word in sorted(set(words))]
    return ", ".join(counts) or "none"
