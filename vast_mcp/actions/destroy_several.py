"""Several machines stopped or destroyed under one question, and answered machine by machine.

Whatever needs a person in a terminal (another's machine, a protected one) is set apart with its
own way to ask; what needs nothing is not asked about; what changed since the question is skipped.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from vast_mcp.account.context import Account
from vast_mcp.actions.base import PlainAct
from vast_mcp.actions.stop_destroy import DestroyInstance
from vast_mcp.errors import ApiError, InputInvalid, VastMcpError
from vast_mcp.guard.act import Booking, Errand, Form, Outcome, Sight
from vast_mcp.leases.reconcile import ABSENT_LISTS
from vast_mcp.operations import Json, JsonObject
from vast_mcp.policy import Level
from vast_mcp.policy.decision import level_of
from vast_mcp.policy.engine import decide
from vast_mcp.policy.facts import Exposure, Request
from vast_mcp.store import MACHINE_IDENTITY, Transaction
from vast_mcp.text import clean_line

MOST = 8
ROOM_EACH = 60
"""Characters that each machine after the first may add to the question."""
_LABEL_SHOWN = 24
_AT_ONCE = 2


class Ending(Protocol):
    """The act on one machine."""

    @property
    def instance_id(self) -> int:
        """Its machine."""
        ...

    async def look(self, account: Account) -> Sight:
        """See it."""
        ...

    def holds(self, approved: JsonObject, sight: Sight) -> bool:
        """Whether it is what was approved."""
        ...

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Note it in the deciding transaction."""
        ...

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Do it."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One machine of several, ready to be ended."""

    act: Ending
    sight: Sight


@dataclass(frozen=True, slots=True)
class SeveralSight(Sight):
    """All that can be done under one yes, and what is said of the rest."""

    parts: tuple[Part, ...] = ()
    apart: tuple[JsonObject, ...] = ()
    """Rows of what is not done under this question, and why."""


@dataclass(frozen=True, slots=True)
class EndSeveral(PlainAct):
    """The same ending for up to eight machines."""

    instance_ids: tuple[int, ...]
    verb: ClassVar[str]
    done: ClassVar[str]
    single: ClassVar[str]
    """The tool for one machine, whose level holds for each of them."""
    consequence: ClassVar[str]
    digits: ClassVar[bool] = False

    def part(self, instance_id: int) -> Ending:
        """The act on one of them."""
        raise NotImplementedError

    async def look(self, account: Account) -> Sight:
        """Every machine; if nothing is left to ask about, what is said instead.

        Raises:
            InputInvalid: not one to eight different ids.
        """
        ids = tuple(dict.fromkeys(self.instance_ids))
        if not 1 <= len(ids) <= MOST:
            raise InputInvalid("instance_ids", f"one to {MOST} different ids")
        parts: list[Part] = []
        apart: list[JsonObject] = []
        for instance_id in ids:
            seen = await self._seen(account, instance_id)
            if isinstance(seen, Part):
                parts.append(seen)
            else:
                apart.append(seen)
        return self._sight(parts, apart)

    async def _seen(self, account: Account, instance_id: int) -> Part | JsonObject:
        act = self.part(instance_id)
        try:
            sight = await act.look(account)
        except VastMcpError as error:
            return {"instance_id": instance_id, "status": "not_done", "said": str(error)}
        if sight.settled is not None:
            settled = sight.settled
            return {"instance_id": instance_id, "status": settled.status, "said": settled.said}
        level = level_of(decide(sight.request, Exposure(), account.limits()))
        target = sight.request.target
        if level.rank > Level.ASK.rank or target is None or not target.ours:
            return {
                "instance_id": instance_id,
                "status": "not_done",
                "said": "Not rented by this server, or protected: call"
                f" {self.single}(instance_id={instance_id}), which says how the user can"
                " approve it.",
            }
        return Part(act, sight)

    def _sight(self, parts: Sequence[Part], apart: Sequence[JsonObject]) -> SeveralSight:
        if not parts:
            request = Request(self.single)
            settled = _summed(self.done, apart)
            return SeveralSight(request, {}, "", "", settled=settled, apart=tuple(apart))
        count, last = len(parts), parts[-1].act.instance_id
        names = ", ".join(_named(part) for part in parts)
        how = f" Type {_HOW}." if self.digits else ""
        return SeveralSight(
            request=parts[0].sight.request,
            also=tuple(other.sight.request for other in parts[1:]),
            snapshot={str(piece.act.instance_id): piece.sight.snapshot for piece in parts},
            question=f"{self.verb} {names}: {count} machines. {self.consequence}{how}",
            handle=f"{self.verb.lower()}-{count}-{last}",
            label=" / ".join(
                clean_line(member.sight.label, _LABEL_SHOWN)
                for member in parts
                if member.sight.label
            ),
            form=Form.DIGITS if self.digits else Form.CONFIRM,
            digits=f"{count} {str(last)[-4:]}" if self.digits else "",
            room=ROOM_EACH * (count - 1),
            parts=tuple(parts),
            apart=tuple(apart),
        )

    def holds(self, approved: JsonObject, sight: Sight) -> bool:
        """Whether at least one machine is still what the person agreed to."""
        assert isinstance(sight, SeveralSight)
        return any(_unchanged(approved, part) for part in sight.parts)

    def narrowed(self, approved: JsonObject, sight: Sight) -> Sight:
        """Without the machines that are not what the person agreed to any more."""
        assert isinstance(sight, SeveralSight)
        kept = tuple(piece for piece in sight.parts if _unchanged(approved, piece))
        if not kept:
            return sight
        changed: list[JsonObject] = [
            {
                "instance_id": part.act.instance_id,
                "status": "changed",
                "said": "Skipped: it no longer matches the question. Call again for it.",
            }
            for part in sight.parts
            if part not in kept
        ]
        return replace(
            sight,
            request=kept[0].sight.request,
            also=tuple(part.sight.request for part in kept[1:]),
            parts=kept,
            apart=(*sight.apart, *changed),
        )

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """As for each of them alone."""
        assert isinstance(sight, SeveralSight)
        for part in sight.parts:
            part.act.reserve(tx, booking, part.sight)

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Two at a time, as the vendor's pace allows; one that fails keeps no other back."""
        sight = errand.sight
        assert isinstance(sight, SeveralSight)
        turn = asyncio.Semaphore(_AT_ONCE)
        rows = await asyncio.gather(*(_ended(account, errand, part, turn) for part in sight.parts))
        rows = await self.seen_once_more(account, rows)
        return _summed(self.done, [*rows, *sight.apart])

    async def seen_once_more(self, account: Account, rows: list[JsonObject]) -> list[JsonObject]:  # noqa: ARG002
        """The rows after a look at all machines together, which each alone may have missed."""
        return rows


_HOW = "the number of machines and the last 4 digits of the last id, as in 2 4567"


def _named(one: Part) -> str:
    gpus = MACHINE_IDENTITY.decode(one.sight.snapshot).gpus
    return f"{one.act.instance_id} ({gpus or 'from our ledger'})"


def _unchanged(approved: JsonObject, one: Part) -> bool:
    was = approved.get(str(one.act.instance_id))
    return isinstance(was, dict) and one.act.holds(was, one.sight)


async def _ended(
    account: Account, errand: Errand, one: Part, turn: asyncio.Semaphore
) -> JsonObject:
    row: JsonObject = {"instance_id": one.act.instance_id}
    try:
        async with turn:  # more would use up each other's patience waiting for the vendor's pace
            outcome = await one.act.carry_out(
                account, replace(errand, sight=one.sight, approved=one.sight.snapshot)
            )
    except VastMcpError as error:
        return {**row, "status": "not_done", "said": str(error)}
    more: JsonObject = {} if not outcome.next else {"next": outcome.next}
    return {**row, "status": outcome.status, "said": outcome.said, **more}


def _summed(done: str, rows: Sequence[JsonObject]) -> Outcome:
    """One answer: how many are done, and a row for each machine."""
    reached = sum(row["status"] in {done, "destroyed"} for row in rows)
    listed: list[Json] = [*rows]
    every = reached == len(rows)
    return Outcome(
        status=done if every else "partly" if reached else "not_done",
        said=f"{reached} of {len(rows)} {done}.",
        next="" if every else "Each row of `machines` says what is left to do.",
        values={"machines": listed},
    )


@dataclass(frozen=True, slots=True)
class DestroyInstances(EndSeveral):
    """Delete several machines and their disks for good."""

    tool: ClassVar[str] = "destroy_instances"
    verb: ClassVar[str] = "Destroy"
    done: ClassVar[str] = "destroyed"
    single: ClassVar[str] = "destroy_instance"
    consequence: ClassVar[str] = "Their disks are deleted for good."
    digits: ClassVar[bool] = True

    def part(self, instance_id: int) -> Ending:
        """One of them."""
        return DestroyInstance(instance_id)

    async def seen_once_more(self, account: Account, rows: list[JsonObject]) -> list[JsonObject]:
        """Two complete lists begun after every send prove all that they lack gone."""
        waiting = {row["instance_id"] for row in rows if row["status"] == "destroying"}
        with suppress(ApiError):  # the keeper goes on looking
            for _ in range(ABSENT_LISTS if waiting else 0):
                listed = await account.reads.list_instances(urgent=True)
                waiting -= {instance.instance_id for instance in listed}
            return [await _proven(account, row, waiting) for row in rows]
        return rows


async def _proven(account: Account, row: JsonObject, gone: set[Json]) -> JsonObject:
    instance_id = row["instance_id"]
    if instance_id not in gone or not isinstance(instance_id, int):
        return row
    outcome = await DestroyInstance(instance_id).proven_gone(account)
    return {"instance_id": instance_id, "status": outcome.status, "said": outcome.said}
