"""Endpoints as they bill: their workers, their workergroups, what they were approved at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vast_mcp.errors import ApiError, LedgerUnavailable
from vast_mcp.guard.acts import short_name
from vast_mcp.models import Endpoint, Worker, Workergroup
from vast_mcp.operations import Json, JsonObject
from vast_mcp.services._services import Services
from vast_mcp.services.showing import dollars, given
from vast_mcp.store import Rental
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
    def billing(self) -> int:
        """Workers that bill now; its maximum where they could not be listed."""
        if self.workers is None:
            return self.endpoint.max_workers
        return sum(worker.bills for worker in self.workers)

    @property
    def ceiling(self) -> UsdPerHour | None:
        """The approved price of one worker; None where the ledger does not know it."""
        micros = (self.rental.details if self.rental else {}).get("per_worker_micros")
        return UsdPerHour(micros) if isinstance(micros, int) else None

    @property
    def rate(self) -> UsdPerHour | None:
        """At most what its workers bill now; None for an endpoint that others priced."""
        return self.rate_of(self.billing)

    def rate_of(self, workers: int) -> UsdPerHour | None:
        """At most what so many workers bill."""
        if not workers:
            return UsdPerHour(0)
        return None if self.ceiling is None else self.ceiling * workers

    def row(self) -> JsonObject:
        """For an answer."""
        one, rental = self.endpoint, self.rental
        groups: list[Json] = [group_row(group) for group in self.groups]
        return given(
            {
                "endpoint_id": one.endpoint_id,
                "untrusted_name": str(clean_line(short_name(one.raw_name), 80)),
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


async def endpoints_seen(services: Services) -> list[SeenEndpoint]:
    """Every endpoint of the account with its workers and workergroups.

    Raises:
        ApiError: the endpoints could not be listed; that is never "none".
    """
    listed = await services.reads.endpoints()
    if not listed:
        return []
    groups = await services.reads.workergroups()
    rentals = await _rentals(services)
    seen = []
    for position, one in enumerate(listed):
        workers = await _workers(services, one) if position < _WORKERS_ASKED else None
        fitting = tuple(group for group in groups if _feeds(group, one))
        rental = None if rentals is None else rentals.get(one.endpoint_id)
        seen.append(SeenEndpoint(one, workers, fitting, rental, known=rentals is not None))
    return seen


async def _workers(services: Services, one: Endpoint) -> tuple[Worker, ...] | None:
    try:
        return tuple(await services.reads.workers(one.endpoint_id, deadline_s=10.0))
    except ApiError:
        return None


async def _rentals(services: Services) -> Mapping[int, Rental] | None:
    try:
        live = await services.ledger.read(lambda tx: tx.live_rentals())
    except LedgerUnavailable:
        return None
    return {
        rental.target_id: rental
        for rental in live
        if rental.kind == "endpoint" and rental.target_id is not None
    }


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
