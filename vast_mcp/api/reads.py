"""Everything that is asked of the vendor and changes nothing; the only requests ever repeated."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vast_mcp.api import wire, wire_account
from vast_mcp.api._fields import row, rows, unreadable
from vast_mcp.api.connection import READ_TIMEOUT_S, Connection
from vast_mcp.api.pages import Page, all_pages, each_once
from vast_mcp.api.results import fetch_result
from vast_mcp.api.retry import Deadline, ask
from vast_mcp.errors import ApiError, NotFound
from vast_mcp.models import (
    Account,
    Charges,
    Endpoint,
    InboxNote,
    Instance,
    Offer,
    OfferPage,
    Rental,
    SshKey,
    Template,
    Volume,
    Worker,
    Workergroup,
)
from vast_mcp.operations import Call, Json, account, instances, market, serverless
from vast_mcp.text import Untrusted, clean_line

_GONE = "no_such_instance"
_ABSENT = frozenset({_GONE, "not_found"})
_NOT_READY = ("not ready", "no worker", "initializ", "starting", "loading", "pending")


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a machine showed.

    `instance` None: it is not shown. That it ended is proven only by `gone`, the vendor's own word
    for it, or by two complete lists without it.
    """

    instance: Instance | None
    gone: bool = False
    empty: bool = False
    """Its own answer showed nothing; an `instance` then is a row of the list, which may lag."""
    trouble: ApiError | None = None
    """Its own answer showed nothing, and why the list could not be read."""

    @property
    def lacking(self) -> bool:
        """Nothing shows it, and a complete list was read: one of the two that prove its end."""
        return self.instance is None and self.trouble is None


def says_gone(error: NotFound) -> bool:
    """Whether this answer says in so many words that there is no such instance."""
    return error.status == 404 and error.code == _GONE


class Reads:
    """The reading half of the API. Each method is one question; `deadline_s` bounds all of it.

    All methods raise `ApiError`: `VendorDown` when no answer came in time, `VendorUnreadable` for
    one that cannot be trusted, `Unauthorized` and the like for refusals. None of them ever answers
    with less than the whole. Equal questions at one time are one request. With `fresh` (unless
    told otherwise) the reading begins after the question was put; without, one that is already
    on its way will do, and an outage is told at once: for what is only shown. `urgent` is for the
    looks inside a stop or destroy: they go before other reads.
    """

    def __init__(self, connection: Connection, *, deadline_s: float = READ_TIMEOUT_S) -> None:
        self._connection = connection
        self._deadline_s = deadline_s

    @property
    def api_base(self) -> str:
        """The vendor's address in use."""
        return self._connection.api_base

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

    async def show_instance(
        self,
        instance_id: int,
        *,
        fresh: bool = True,
        urgent: bool = False,
        deadline_s: float | None = None,
    ) -> Instance | None:
        """What is answered about this id alone; None when no machine is shown.

        That proves nothing: whoever concludes from it uses `look`.
        """
        seen = await self.look(
            instance_id, fresh=fresh, urgent=urgent, listed=False, deadline_s=deadline_s
        )
        return seen.instance

    async def look(
        self,
        instance_id: int,
        *,
        fresh: bool = True,
        urgent: bool = False,
        listed: bool = True,
        deadline_s: float | None = None,
    ) -> Look:
        """One machine now. An empty answer proves nothing: the complete list is read then.

        The vendor once answered `{"instances": null}` for a machine that ran and billed (reported
        2026-05-28): a row of the list counts. `listed=False` leaves the list to the caller.
        """
        deadline = self._deadline(deadline_s, fresh=fresh, urgent=urgent)
        try:
            instance = await self._one_row(instance_id, deadline)
        except NotFound as absent:
            if says_gone(absent):
                return Look(None, gone=True)
            if absent.status != 404 or absent.code not in _ABSENT:
                raise
            instance = None
        if instance is not None or not listed:
            return Look(instance, empty=instance is None)
        try:
            everything = await self.list_instances(
                fresh=fresh, urgent=urgent, deadline_s=max(1.0, deadline.left_s)
            )
        except ApiError as error:
            return Look(None, empty=True, trouble=error)
        found = next((one for one in everything if one.instance_id == instance_id), None)
        return Look(found, empty=True)

    async def _one_row(self, instance_id: int, deadline: Deadline) -> Instance | None:
        call = instances.show_instance(instance_id)
        answer = row(await ask(self._connection, call, deadline), "the answer")
        if "instances" not in answer:
            raise unreadable("instances is missing")
        if answer["instances"] is None:
            return None
        instance = wire.decode_instance(answer["instances"])
        if instance.instance_id != instance_id:
            raise unreadable("it describes another instance than was asked for")
        return instance

    async def list_instances(
        self,
        *,
        label: str | None = None,
        fresh: bool = True,
        urgent: bool = False,
        deadline_s: float | None = None,
    ) -> list[Instance]:
        """All instances (with that very label): every page, counted against the vendor's total."""

        def ask_page(token: str | None) -> Call:
            return instances.list_instances(label=label, after_token=token)

        def read_page(answer: Json) -> Page[Instance]:
            return Page.of(answer, "instances", "total_instances", wire.decode_instance)

        return await all_pages(
            self._connection,
            self._deadline(deadline_s, fresh=fresh, urgent=urgent),
            ask_page,
            read_page,
            identity=lambda instance: instance.instance_id,
        )

    async def account(self, *, deadline_s: float | None = None) -> Account:
        """Who the key belongs to, and the credit left."""
        call = account.show_account()
        return wire_account.decode_account(await self._ask(call, deadline_s))

    async def inbox(self, *, deadline_s: float | None = None) -> list[InboxNote]:
        """What the vendor told the account about its machines lately, as it comes; may be refused.

        A key may lack the right to it, and the route is not in the vendor's description.
        """
        found = await self._list(account.show_inbox(), "notifications", deadline_s, fresh=False)
        return [note for one in found if (note := wire_account.decode_note(one)) is not None]

    async def charges(
        self, start_us: int, end_us: int, *, deadline_s: float | None = None
    ) -> Charges:
        """What was charged between two instants (microseconds since 1970 UTC): every page."""
        start_s, end_s = start_us // 1_000_000, -(-end_us // 1_000_000)

        def ask_page(token: str | None) -> Call:
            return account.list_charges(start_s, end_s, after_token=token)

        found = await all_pages(
            self._connection,
            self._deadline(deadline_s, fresh=False),
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
        return [wire.decode_template(item) for item in found]

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
        """Every card name in the vendor's spelling; needs no key."""
        asked = self._ask(market.gpu_names(), deadline_s, fresh=False)
        answer = row(await asked, "the answer")
        names = answer.get("gpu_names")
        if not isinstance(names, list):
            raise unreadable("gpu_names is not a list")
        return [str(clean_line(name)) for name in names if isinstance(name, str)]

    async def ssh_keys(self, *, deadline_s: float | None = None) -> tuple[SshKey, ...]:
        """The account's public keys."""
        answer = await self._ask(account.list_ssh_keys(), deadline_s)
        if isinstance(answer, dict):
            answer = answer.get("ssh_keys", answer.get("keys"))
        return wire_account.decode_ssh_keys(answer)

    async def instance_ssh_keys(
        self, instance_id: int, *, deadline_s: float | None = None
    ) -> tuple[SshKey, ...]:
        """The public keys attached to one instance."""
        call = instances.list_instance_ssh_keys(instance_id)
        answer = row(await self._ask(call, deadline_s), "the answer")
        return wire_account.decode_ssh_keys(answer.get("ssh_keys"))

    async def logs(
        self,
        instance_id: int,
        *,
        tail: int | None = None,
        match: str = "",
        daemon: bool = False,
        deadline_s: float | None = None,
    ) -> Untrusted:
        """The end of the instance's log (its container's, or with `daemon` the host's), cleaned.

        Raises:
            VendorDown: the host has not uploaded it within the 12 s that are waited.
        """
        call = instances.request_logs(instance_id, tail=tail, match=match, daemon=daemon)
        return await self._result(call, deadline_s)

    async def list_disk(
        self, instance_id: int, command: str, *, deadline_s: float | None = None
    ) -> Untrusted:
        """What one plain `ls` or `du` prints on a stopped instance's disk.

        Raises:
            InputInvalid: the command is anything else.
        """
        return await self._result(instances.list_disk(instance_id, command), deadline_s)

    async def _result(self, call: Call, deadline_s: float | None) -> Untrusted:
        deadline = self._deadline(deadline_s)
        answer = row(await ask(self._connection, call, deadline), "the answer")
        return await fetch_result(self._connection, answer, deadline)

    async def _list(
        self,
        call: Call,
        name: str,
        deadline_s: float | None,
        *,
        fresh: bool = True,
        urgent: bool = False,
    ) -> list[Mapping[str, Json]]:
        answer = row(await self._ask(call, deadline_s, fresh=fresh, urgent=urgent), "the answer")
        return list(rows(answer.get(name), name))

    async def _ask(
        self, call: Call, deadline_s: float | None, *, fresh: bool = True, urgent: bool = False
    ) -> Json:
        deadline = self._deadline(deadline_s, fresh=fresh, urgent=urgent)
        return await ask(self._connection, call, deadline)

    def _deadline(
        self, deadline_s: float | None, *, fresh: bool = True, urgent: bool = False
    ) -> Deadline:
        seconds = self._deadline_s if deadline_s is None else deadline_s
        return Deadline(self._connection.clock, seconds, fresh=fresh, urgent=urgent)
