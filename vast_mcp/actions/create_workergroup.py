"""Feed an endpoint: a template and a search that rents by itself, within every limit."""

from dataclasses import dataclass, replace
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.actions.base import PlainAct, unconfirmed
from vast_mcp.actions.endpoint_base import (
    EndpointSight,
    FoundEndpoint,
    find_endpoint,
    per_worker_of,
    short_name,
    worst_case,
)
from vast_mcp.actions.update_endpoint import added
from vast_mcp.actions.worker_search import Bound, bounded, written
from vast_mcp.actions.workergroup_limits import search_bounds
from vast_mcp.api.query import parse_query
from vast_mcp.clock import SECOND_US
from vast_mcp.errors import InputInvalid, OutcomeUnknown, PolicyDenied
from vast_mcp.guard.act import Errand, Outcome, Sight
from vast_mcp.models import Template, disk_for
from vast_mcp.operations import JsonObject, serverless
from vast_mcp.policy.facts import Request, Spend
from vast_mcp.store import Rental, RentalState
from vast_mcp.text import clean_line
from vast_mcp.units import Usd, mb_from_gb


@dataclass(frozen=True, slots=True)
class GroupSight(EndpointSight):
    """The endpoint, and the search that is stored with it."""

    search: str = ""


@dataclass(frozen=True, slots=True)
class CreateWorkergroup(PlainAct):
    """Give an endpoint a kind of machine, bounded by the policy and by what it was approved at."""

    tool: ClassVar[str] = "create_workergroup"
    endpoint_name: str
    template_hash: str
    search_query: str = ""
    gpu_ram_gb: float | None = None

    async def look(self, account: Account) -> Sight:
        """The endpoint, and the search within the limits; approved, it needs no second question.

        Raises:
            PolicyDenied: the search, or the template's own, contradicts a limit.
            InputInvalid: the lease has ended, no such template, a search that cannot be read.
        """
        account.secrets.check_text("search_query", self.search_query, account.limits())
        found = await find_endpoint(account, self.endpoint_name)
        found.insist_on_lease(account.now_us())
        template = await account.reads.template(self.template_hash)
        if template is None:
            raise InputInvalid(
                "template_hash", "there is no such template", hint="search_templates finds it."
            )
        one = found.endpoint
        approved = found.rental is not None and found.rental.state is RentalState.ACTIVE
        return GroupSight(
            request=Request(
                self.tool,
                found.target,
                self._spend(await _spend(account, found), template),
                covered=approved,
            ),
            snapshot={"endpoint_id": one.endpoint_id, "name": one.raw_name},
            question=f"Give endpoint {one.endpoint_id} a workergroup? It then rents up to"
            f" {one.max_workers} machines automatically.",
            handle=f"workergroup-{one.endpoint_id}",
            label=short_name(one.raw_name),
            found=found,
            search=await self._search(account, found.rental, template),
        )

    def _spend(self, spend: Spend, template: Template) -> Spend:
        """Nothing is added to what the endpoint reserves; what its machines run is known by now."""
        return replace(
            spend,
            image=template.full_image,
            disk_gb=disk_for(None, template),
        )

    async def _search(self, account: Account, rental: Rental | None, template: Template) -> str:
        bounds = await search_bounds(account, None if rental is None else per_worker_of(rental))
        _check_template(template, bounds)
        asked = parse_query(self.search_query)
        if self.gpu_ram_gb is not None and "gpu_ram" not in asked:
            # The field alone is advice: a card of 16 GB came for 24 (reported, 2026-08).
            asked["gpu_ram"] = {"gte": float(mb_from_gb(self.gpu_ram_gb))}
        return written(bounded(asked, bounds))

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Sent once, with the search as it was decided."""
        del account
        sight = errand.sight
        assert isinstance(sight, GroupSight)
        assert sight.found is not None
        one = sight.found.endpoint
        call = serverless.create_workergroup(
            one.raw_name,
            one.endpoint_id,
            template_hash=self.template_hash,
            search=sight.search,
            gpu_ram_gb=self.gpu_ram_gb or serverless.DEFAULT_GPU_RAM_GB,
        )
        try:
            reply = await errand.send(call)
        except OutcomeUnknown as error:
            return Outcome(
                status="unknown",
                said=unconfirmed("workergroup", error),
                next="Check show_endpoints before creating another.",
                values={"endpoint_id": one.endpoint_id},
            )
        workergroup_id = reply.get("id", reply.get("result"))
        return Outcome(
            status="created",
            said="The workergroup exists; workers start as load or cold_workers require.",
            next="show_endpoints shows its workers. One that is not ready within 2-3 minutes is"
            " replaced, and each is billed. In requests to Vast.ai's /route/ its name is"
            f" {clean_line(one.raw_name, 120)}.",
            values={"endpoint_id": one.endpoint_id, "workergroup_id": workergroup_id},
        )


async def _spend(account: Account, found: FoundEndpoint) -> Spend:
    """An approved endpoint adds nothing to what is reserved; another one a day at its maximum."""
    if found.rental is not None:
        return await added(account, found, per_worker_of(found.rental), 0)
    most, now_us = account.limits().max_usd_per_hour, account.now_us()
    workers = found.endpoint.max_workers
    return worst_case(
        most,
        adds=most * workers,
        adds_running=workers,
        hours=24.0,
        from_us=now_us,
        until_us=now_us + 24 * 3600 * SECOND_US,
        total=Usd(),
    )


def _check_template(template: Template, bounds: tuple[Bound, ...]) -> None:
    """A template's own filters are merged into the search, and nobody recorded which of two wins.

    Raises:
        PolicyDenied: one of them contradicts a limit, or they cannot be read.
    """
    filters = template.extra_filters
    if filters is None:
        raise PolicyDenied(
            "Not created, nothing charged. The template's search filters cannot be read, so what"
            " it would rent is unknown.",
            rules=("template.extra_filters",),
            hint="Choose another template.",
        )
    stated: JsonObject = dict(filters)  # type: ignore[arg-type]  # JSON, as it was decoded
    try:
        bounded(stated, [bound for bound in bounds if bound.column in stated])
    except InputInvalid as error:
        raise InputInvalid("template_hash", f"its search filters: {error.message}") from error
