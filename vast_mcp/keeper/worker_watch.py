"""What an endpoint's workers really are and cost, held against its approval and the limits.

A search is a wish and a record can be changed elsewhere, so every look compares what came. Money
decides: a worker above the approved price, or more workers than were approved, scales the endpoint
to zero, since no cap counts them. A worker that the limits in force would not rent is reported;
machines that run are not ended because limits were tightened.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from vast_mcp.account.context import Account
from vast_mcp.actions.endpoint_base import listed_scaling, per_worker_of, worst_case
from vast_mcp.actions.lease_base import of_machine
from vast_mcp.errors import ApiError
from vast_mcp.leases.approved import ROUNDING
from vast_mcp.models import Instance, Worker
from vast_mcp.policy import Deny, Limits
from vast_mcp.policy.engine import decide
from vast_mcp.policy.facts import Exposure, Request
from vast_mcp.store import Rental, RentalState
from vast_mcp.units import Usd, UsdPerHour

_LEAVING = frozenset({"STOPPING", "STOPPED", "DESTROYING"})
_WITHIN_S = 5.0
_ABOUT_A_MACHINE = ("allow.", "limits.verified_only", "limits.max_disk_gb", "limits.max_usd_per_gb")
_PLENTY = Usd(1 << 62)


@dataclass(frozen=True, slots=True)
class EndpointFinding:
    """What is to be done about one endpoint."""

    endpoint_id: int
    breach: str = ""
    """Why it is scaled to zero."""
    report: str = ""
    """What a person should know of it, and nothing is done about."""


async def watch_workers(
    account: Account, rentals: Sequence[Rental], instances: Sequence[Instance]
) -> list[EndpointFinding]:
    """Compare the workers of our endpoints; one that cannot be read is compared at the next look.

    A worker is known by its status, and by what the list of machines shows under its id.
    """
    by_id = {instance.instance_id: instance for instance in instances}
    found: list[EndpointFinding] = []
    for rental in rentals:
        if rental.kind != "endpoint" or rental.state is not RentalState.ACTIVE:
            continue
        if rental.target_id is None or account.now_us() >= rental.lease_ends_us:
            continue  # what is over is ended whole
        with suppress(ApiError):
            workers = await account.reads.workers(rental.target_id, deadline_s=_WITHIN_S)
            seen = await _judged(account, rental, rental.target_id, workers, by_id)
            found += [] if seen is None else [seen]
    return found


async def _judged(
    account: Account,
    rental: Rental,
    endpoint_id: int,
    workers: Sequence[Worker],
    by_id: dict[int, Instance],
) -> EndpointFinding | None:
    staying = [
        worker for worker in workers if worker.bills and worker.status.upper() not in _LEAVING
    ]
    machines = [by_id[row.worker_id] for row in staying if row.worker_id in by_id]
    ceiling = per_worker_of(rental)
    dearest = max((machine.usd_per_hour for machine in machines), default=UsdPerHour())
    if dearest > ceiling + ROUNDING:
        why = f"a worker of endpoint {endpoint_id} costs {dearest}, above the approved {ceiling}"
        return EndpointFinding(endpoint_id, breach=why)
    approved = rental.facts.endpoint.workers
    if approved is not None and len(staying) > approved:
        record = await listed_scaling(account, endpoint_id)
        if record is not None and record.max_workers > approved:
            why = f"endpoint {endpoint_id} runs {len(staying)} workers, {approved} were approved"
            return EndpointFinding(endpoint_id, breach=why)
    refused = {rule for machine in machines for rule in _refused(machine, account.limits())}
    if not refused:
        return None
    told = f"a worker of endpoint {endpoint_id} is outside {', '.join(sorted(refused))}"
    return EndpointFinding(
        endpoint_id, report=f"{told}; it runs until its lease ends or you delete it"
    )


def _refused(one: Instance, limits: Limits) -> list[str]:
    """The limits on a machine's kind that this one does not keep to."""
    kind = worst_case(
        one.usd_per_hour, adds=UsdPerHour(), adds_running=0, hours=1.0, from_us=0, until_us=0,
        total=Usd(),
    )  # fmt: skip
    spend = replace(of_machine(kind, one), fixed=True)
    exposure = Exposure(credit=_PLENTY, account_usd_per_hour=UsdPerHour())
    decision = decide(Request("create_instance", spend=spend), exposure, limits)
    reasons = decision.reasons if isinstance(decision, Deny) else ()
    return [reason.rule for reason in reasons if reason.rule.startswith(_ABOUT_A_MACHINE)]
