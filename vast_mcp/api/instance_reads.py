"""What is asked about machines: one of them, the whole list, its log and its disk."""

from collections.abc import Sequence
from dataclasses import dataclass

from vast_mcp.api import wire, wire_account
from vast_mcp.api._asking import Asking
from vast_mcp.api._fields import row, rows, unreadable
from vast_mcp.api.pages import Between, KeyedList, Page, Progress, all_keyed, no_pause
from vast_mcp.api.results import fetch_result
from vast_mcp.api.retry import Deadline, ask
from vast_mcp.errors import ApiError, NotFound
from vast_mcp.models import Instance, SshKey
from vast_mcp.operations import Call, Json, instances
from vast_mcp.text import Untrusted

_GONE = "no_such_instance"
_ABSENT = frozenset({_GONE, "not_found"})
SHORT_LIST_ROWS = 100
"""A longer list is not read for the sake of one machine."""


@dataclass(frozen=True, slots=True)
class InstanceReading:
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


async def _only_short(progress: Progress) -> None:
    """A list of many pages is not read for the sake of one machine."""
    if progress.total > SHORT_LIST_ROWS:
        raise unreadable(f"{progress.total} instances are too many to read for this one")


def says_gone(error: NotFound) -> bool:
    """Whether this answer says in so many words that there is no such instance."""
    return error.status == 404 and error.code == _GONE


class InstanceReads(Asking):
    """The readings of `Reads` that are about machines."""

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
        recent: bool = False,
        urgent: bool = False,
        listed: bool = True,
        deadline_s: float | None = None,
    ) -> InstanceReading:
        """One machine now. An empty answer proves nothing: the complete list is read then.

        The vendor once answered `{"instances": null}` for a machine that ran and billed (reported
        2026-05-28): a row of the list counts. `listed=False` leaves the list to the caller. With
        `recent` an answer that is at most a second old, and younger than our last write, will do.
        """
        deadline = self._deadline(deadline_s, fresh=fresh, recent=recent, urgent=urgent)
        try:
            instance = await self._one_row(instance_id, deadline)
        except NotFound as absent:
            if says_gone(absent):
                return InstanceReading(None, gone=True)
            if absent.status != 404 or absent.code not in _ABSENT:
                raise
            instance = None
        if instance is not None or not listed:
            return InstanceReading(instance, empty=instance is None)
        try:
            everything = await self.list_instances(
                fresh=fresh,
                urgent=urgent,
                deadline_s=max(1.0, deadline.left_s),
                between=_only_short,
            )
        except ApiError as error:
            found = await self._listed_row(instance_id, deadline)
            return InstanceReading(found, empty=True, trouble=None if found else error)
        found = next((entry for entry in everything if entry.instance_id == instance_id), None)
        return InstanceReading(found, empty=True)

    async def _listed_row(self, instance_id: int, deadline: Deadline) -> Instance | None:
        """Its row of a list that cannot be read whole now; None proves nothing at all."""
        call = instances.list_instances(only_id=instance_id)
        try:
            answer = row(await ask(self._connection, call, deadline), "the answer")
            listed = [wire.decode_instance(raw) for raw in rows(answer.get("instances"), "rows")]
        except ApiError:
            return None
        return next((instance for instance in listed if instance.instance_id == instance_id), None)

    async def _one_row(self, instance_id: int, deadline: Deadline) -> Instance | None:
        call = instances.show_instance(instance_id)
        answer = row(await ask(self._connection, call, deadline), "the answer")
        if "instances" not in answer:
            raise unreadable("instances is missing")
        if answer["instances"] is None:
            return None
        instance = wire.decode_instance(answer["instances"])
        if instance.instance_id != instance_id:
            raise unreadable("it describes a different instance")
        return instance

    async def list_instances(
        self,
        *,
        label: str | None = None,
        labels: Sequence[str] = (),
        fresh: bool = True,
        urgent: bool = False,
        deadline_s: float | None = None,
        between: Between | None = None,
    ) -> list[Instance]:
        """All instances (with that very label, or one of those), by id: every page.

        Without a `deadline_s` each page has a deadline of its own, so a large account takes as long
        as its pages do; they go behind other calls. `between` is awaited between two pages.
        """

        def ask_page(above_id: int | None, token: str | None) -> Call:
            return instances.list_instances(
                label=label, labels=labels, above_id=above_id, after_token=token
            )

        def read_page(answer: Json) -> Page[Instance]:
            return Page.of(answer, "instances", "total_instances", wire.decode_instance)

        listed = KeyedList(ask_page, read_page, lambda one: one.instance_id, instances.PAGE_ROWS)
        deadline_for = self._deadlines(deadline_s, fresh=fresh, urgent=urgent)
        return await all_keyed(self._connection, listed, deadline_for, between or no_pause)

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
