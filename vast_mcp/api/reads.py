"""Everything that is asked of the vendor and changes nothing; the only requests ever repeated."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from vast_mcp.api import wire, wire_account, wire_declared, wire_templates
from vast_mcp.api._fields import row, rows, unreadable
from vast_mcp.api.connection import READ_TIMEOUT_S, Connection
from vast_mcp.api.instance_reads import InstanceReads
from vast_mcp.api.pages import Page, all_pages, each_once
from vast_mcp.errors import ApiError, NotFound
from vast_mcp.models import (
    Charges,
    Endpoint,
    InboxNote,
    Offer,
    OfferPage,
    Rental,
    SshKey,
    Template,
    VendorAccount,
    Volume,
    Worker,
    Workergroup,
)
from vast_mcp.operations import Call, Json, account, market, serverless
from vast_mcp.operations.declaration import Reply
from vast_mcp.text import clean_line

R = TypeVar("R")
_NOT_READY = ("not ready", "no worker", "initializ", "starting", "loading", "pending")
GPU_NAMES_KEPT_S = 3600.0


class Reads(InstanceReads):
    """The reading half of the API. Each method is one question; `deadline_s` bounds all of it.

    All methods raise `ApiError`: `VendorDown` when no answer came in time, `VendorUnreadable` for
    one that cannot be trusted, `Unauthorized` and the like for refusals. None of them ever answers
    with less than the whole. Equal questions at one time are one request. With `fresh` (unless
    told otherwise) the reading begins after the question was put; without, one that is already
    on its way will do, and an outage is told at once: for what is only shown. `urgent` is for the
    looks inside a stop or destroy: they go before other reads.
    """

    def __init__(self, connection: Connection, *, deadline_s: float = READ_TIMEOUT_S) -> None:
        super().__init__(connection, deadline_s=deadline_s)
        self._gpu_names: tuple[float, tuple[str, ...]] | None = None

    async def search_offers(
        self,
        filters: Mapping[str, Json],
        *,
        rental: Rental = "on_demand",
        disk_gb: float,
        order: market.Order = market.BEST_FIRST,
        limit: int | None = None,
        deadline_s: float | None = None,
    ) -> OfferPage:
        """Offers in the order asked for, each priced with a disk of `disk_gb`: one answer.

        Verified, rentable, not rented and not external is asked for unless a filter on that column
        says otherwise; a filter that is None drops the column.
        """
        call = market.search_offers(
            filters, rental=rental, disk_gb=disk_gb, order=order, limit=limit
        )
        answer = row(await self._ask(call, deadline_s, fresh=False), "the answer")
        return wire.decode_page(
            rows(answer.get("offers"), "offers"),
            truncated=answer.get("truncated"),
            limit=limit,
            rental=rental,
            disk_gb=disk_gb,
        )

    async def find_offer(
        self, offer_id: int, *, rental: Rental, disk_gb: float, deadline_s: float | None = None
    ) -> Offer | None:
        """The offer with that id, whatever its host is like; None when the market has none.

        A search by `ask_contract_id` finds it and a search by `id` finds nothing, although rows
        carry both with the same number (recorded 2026-09-05). One report says the opposite, so
        an offer is called gone only after both.
        """
        for column in ("ask_contract_id", "id"):
            call = market.find_offer(column, offer_id, rental=rental, disk_gb=disk_gb)
            found = await self._list(call, "offers", deadline_s, fresh=False)
            for item in found:
                if wire.is_offer(item, offer_id):
                    offer = wire.decode_offer(item, rental=rental, disk_gb=disk_gb)
                    return replace(offer, offer_id=offer_id)
        return None

    async def account(self, *, deadline_s: float | None = None) -> VendorAccount:
        """Who the key belongs to, and the credit left."""
        call = account.show_account()
        return wire_account.decode_account(await self._ask(call, deadline_s))

    async def inbox(self, *, deadline_s: float | None = None) -> list[InboxNote]:
        """What the vendor told the account about its machines lately, as it comes; may be refused.

        A key may lack the right to it, and the route is not in the vendor's description.
        """
        found = await self._list(account.show_inbox(), "notifications", deadline_s, fresh=False)
        return [note for reply in found if (note := wire_account.decode_note(reply)) is not None]

    async def charges(
        self, start_us: int, end_us: int, *, deadline_s: float | None = None
    ) -> Charges:
        """What was charged between two instants (microseconds since 1970 UTC): every page."""
        start_s, end_s = start_us // 1_000_000, -(-end_us // 1_000_000)

        def ask_page(token: str | None) -> Call:
            return account.list_charges(start_s, end_s, after_token=token)

        found = await all_pages(
            self._connection,
            self._deadlines(deadline_s, fresh=False),
            ask_page,
            lambda answer: Page.of(answer, "results", "total", wire_account.decode_charge),
        )
        return Charges(tuple(found))

    async def templates(
        self,
        *,
        name: str | None = None,
        filters: Mapping[str, Json] | None = None,
        limit: int | None = None,
        deadline_s: float | None = None,
    ) -> list[Template]:
        """Templates, public ones too; `name` matches anywhere inside the name."""
        wanted: dict[str, Json] = dict(filters or {})
        if name:
            wanted["name"] = name
        call = market.search_templates(wanted, limit=limit)
        found = await self._list(call, "templates", deadline_s, fresh=False)
        return [wire_templates.decode_template(item) for item in found]

    async def template(self, hash_id: str, *, deadline_s: float | None = None) -> Template | None:
        """The template with that hash, or None."""
        wanted: dict[str, Json] = {"hash_id": {"eq": hash_id}}
        found = await self.templates(filters=wanted, deadline_s=deadline_s)
        return next((template for template in found if template.hash_id == hash_id), None)

    async def endpoints(
        self, *, urgent: bool = False, deadline_s: float | None = None
    ) -> list[Endpoint]:
        """Every endpoint of the account."""
        call = serverless.list_endpoints()
        found = await self._list(call, "results", deadline_s, urgent=urgent)
        decoded = [wire_account.decode_endpoint(item) for item in found]
        return each_once(decoded, lambda one: one.endpoint_id)

    async def workergroups(self, *, deadline_s: float | None = None) -> list[Workergroup]:
        """Every workergroup of the account."""
        found = await self._list(serverless.list_workergroups(), "results", deadline_s)
        decoded = [wire_account.decode_workergroup(item) for item in found]
        return each_once(decoded, lambda one: one.workergroup_id)

    async def workers(
        self, endpoint_id: int, *, urgent: bool = False, deadline_s: float | None = None
    ) -> list[Worker]:
        """The machines of an endpoint; none while the vendor says that it is not ready yet."""
        answer = await self._ask(serverless.list_workers(endpoint_id), deadline_s, urgent=urgent)
        if isinstance(answer, dict) and "workers" not in answer:
            told = str(answer.get("error_msg", "")).lower()
            if any(words in told for words in _NOT_READY):
                return []
            if "not found" in told and "api_key" not in told:
                raise NotFound(f"Endpoint {endpoint_id} does not exist.")
            raise unreadable("the workers are not listed")
        found = answer["workers"] if isinstance(answer, dict) else answer
        decoded = [wire_account.decode_worker(item) for item in rows(found, "workers")]
        return each_once(decoded, lambda one: one.worker_id)

    async def volumes(self, *, deadline_s: float | None = None) -> list[Volume]:
        """Every rented volume."""
        found = await self._list(account.list_volumes(), "volumes", deadline_s)
        decoded = [wire_account.decode_volume(item) for item in found]
        return each_once(decoded, lambda one: one.volume_id)

    async def gpu_names(self, *, deadline_s: float | None = None) -> list[str]:
        """Every card name in the vendor's spelling, kept for an hour; needs no key."""
        now_s = self._connection.clock.monotonic_s()
        if self._gpu_names is not None and 0 <= now_s - self._gpu_names[0] < GPU_NAMES_KEPT_S:
            return [*self._gpu_names[1]]
        try:
            asked = self._ask(market.gpu_names(), deadline_s, fresh=False)
            answer = row(await asked, "the answer")
            names = answer.get("gpu_names")
            if not isinstance(names, list):
                raise unreadable("gpu_names is not a list")
        except ApiError:
            if self._gpu_names is None:
                raise
            return [*self._gpu_names[1]]  # new cards come by the month
        found = tuple(str(clean_line(name)) for name in names if isinstance(name, str))
        if found:
            self._gpu_names = (now_s, found)
        return [*found]

    async def ssh_keys(self, *, deadline_s: float | None = None) -> tuple[SshKey, ...]:
        """The account's public keys."""
        answer = await self._ask(account.list_ssh_keys(), deadline_s)
        if isinstance(answer, dict):
            answer = answer.get("ssh_keys", answer.get("keys"))
        return wire_account.decode_ssh_keys(answer)

    async def declared_rows(
        self, call: Call, reply: Reply[R], *, deadline_s: float | None = None
    ) -> tuple[R, ...]:
        """The declared columns of a declared reply; nothing else of it is carried over."""
        return wire_declared.decode_rows(reply, await self._ask(call, deadline_s))
