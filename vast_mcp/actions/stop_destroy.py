"""Stop, destroy and reboot: acts on a machine that exists."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

from vast_mcp.account.context import Account
from vast_mcp.actions.base import (
    Effect,
    PlainAct,
    Seen,
    insist,
    plain_number,
    see,
    unconfirmed,
)
from vast_mcp.actions.job_warning import job_words
from vast_mcp.actions.ssh_target import back_up, standing_still
from vast_mcp.errors import ApiError, InputInvalid, LedgerUnavailable, OutcomeUnknown
from vast_mcp.guard.act import Booking, Errand, Form, Outcome, Sight
from vast_mcp.leases import books
from vast_mcp.models import Billing, Instance, InstanceState, billing_of, halted, state_of
from vast_mcp.operations import JsonObject, instances
from vast_mcp.policy.facts import Request
from vast_mcp.store import MACHINE_IDENTITY, Halt, KeyState, Rental, RentalState, Transaction

Standing: TypeAlias = tuple[str | int | bool | None, ...]
"""What a correction stands on: a rental's lease and state."""


def standing(rental: Rental) -> Standing:
    """How the books have it: moved since, a correction is looked at anew before it is carried out.

    Between the look that finds a lease over and the stop, a person may have extended it.
    """
    facts = rental.facts
    return (
        rental.intent_id,
        rental.state.value,
        rental.running,
        rental.lease_ends_us,
        facts.stop_sent,
        facts.start_us,
        facts.breach,
    )


class Correctable(PlainAct):
    """An ending that the keeper finds due by itself."""

    instance_id: int
    found: Standing

    def holds(self, approved: JsonObject, sight: Sight) -> bool:
        """The same machine; one that the vendor does not show now is known by its id alone."""
        then, now = MACHINE_IDENTITY.read(approved), MACHINE_IDENTITY.decode(sight.snapshot)
        if then is None or (then.listed and now.listed):
            return approved == sight.snapshot
        return then.instance_id == now.instance_id

    def moved(self, tx: Transaction, sight: Sight) -> str:  # noqa: ARG002
        """Whether another call has changed what made it due; a person's own order stands."""
        now = tx.rental_of("instance", self.instance_id) if self.found else None
        if now is None or standing(now) == self.found:
            return ""
        return "its lease or state was changed by another call meanwhile"


@dataclass(frozen=True, slots=True)
class StopInstance(Correctable):
    """Halt a machine; its disk stays and costs."""

    tool: ClassVar[str] = "stop_instance"
    instance_id: int
    corrective: bool = False
    """Our own lease end; never set by a tool."""
    found: Standing = ()
    """Of a correction: how the books stood when it was found due."""
    cause: str = Halt.ASKED
    """What it is sent for; empty where an earlier one is repeated."""

    async def look(self, account: Account) -> Sight:
        """The machine, and what its disk will go on costing."""
        seen = await see(account, self.instance_id, urgent=True, ends_cost=True)
        one = seen.instance
        return Sight(
            request=Request(self.tool, seen.target, corrective=self.corrective),
            snapshot=seen.snapshot,
            question=f"Stop {self.instance_id} ({seen.words})? Its{_disk(one)} disk stays and"
            f" costs {one.disk_usd_per_hour.per_day}/day until destroyed.",
            handle=f"stop-{self.instance_id}",
            label=seen.target.label,
            settled=_rests_already(seen),
        )

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:  # noqa: ARG002
        """From here on it counts as being stopped: nobody is sold more hours of it."""
        _note_stop(tx, self.instance_id, sent=True, cause=self.cause)

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Stop until seen stopped; an outbid machine too, or it would resume by itself."""
        one = gone = None
        stopped = Effect(seen=False)
        began_us = account.now_us()

        def rests(now: Instance | None) -> bool:
            nonlocal one, gone
            one, gone = now or one, now is None
            return now is None or _rests(now)

        try:
            look = await account.reads.look(self.instance_id, urgent=True, recent=True)
            one = look.instance
            if look.gone:
                return await self._ended(account)
            halts = one is not None and _rests(one) and not one.is_bid
            stopped = Effect(halts and not await self._start_waits(account))
            if not stopped.seen:
                stopped = await insist(
                    account,
                    errand.send,
                    instances.stop_instance(self.instance_id),
                    self.instance_id,
                    rests,
                    urgent=True,
                )
        except ApiError:
            await account.ledger.write(lambda tx: _note_stop(tx, self.instance_id, sent=False))
            raise
        if gone:
            return await self._ended(account)
        with suppress(ApiError):  # the keeper's next look brings the books in line
            if stopped.seen and one is not None:  # seen just now: no second look is needed
                await _note_seen(account, self.instance_id, one, began_us)
            else:
                await observe_now(account, self.instance_id, urgent=True)
        return _stop_outcome(self.instance_id, one, stopped)

    async def _start_waits(self, account: Account) -> bool:
        """Whether a start may be queued: it happens by itself later, and only a stop cancels it."""
        rental = await account.ledger.read(lambda tx: tx.rental_of("instance", self.instance_id))
        return rental is not None and rental.facts.came_up is False

    async def _ended(self, account: Account) -> Outcome:
        await account.ledger.write(lambda tx: _end(tx, self.instance_id, account.now_us()))
        return Outcome(
            status="destroyed",
            said="Vast.ai says this machine no longer exists: nothing of it is billed.",
            values={"instance_id": self.instance_id, "bills": "nothing"},
        )


def _rests_already(seen: Seen) -> Outcome | None:
    """What to say of a machine that is stopped; None of one that runs or may begin to by itself."""
    one, rental = seen.instance, seen.rental
    stopped_by_us = rental is not None and rental.facts.stop_sent
    queued = rental is not None and rental.facts.came_up is False and not stopped_by_us
    if not one.listed or not _rests(one) or queued or (one.is_bid and not stopped_by_us):
        return None
    told = _stop_outcome(one.instance_id, one, Effect(seen=True))
    disk = one.disk_usd_per_hour.per_day
    why = f" ({seen.why})" if seen.why else ""
    said = (
        f"It is already stopped{why}; nothing was sent. Its disk costs {disk}/day until destroyed."
    )
    then = "start_instance runs it again; destroy_instance ends the cost of its disk."
    return replace(told, said=said, next=then)


def _rests(instance: Instance) -> bool:
    return billing_of(instance) is not Billing.GPU_AND_DISK and (
        instance.intended_status == "stopped"
    )


def _disk(one: Instance) -> str:
    return f" {plain_number(one.disk_gb)} GB" if one.disk_gb else ""


def _stop_outcome(instance_id: int, one: Instance | None, effect: Effect) -> Outcome:
    disk = "its disk is still billed until destroyed"
    stopped, doubt = effect.seen, effect.doubt
    values: JsonObject = {"instance_id": instance_id, "bills": "disk" if stopped else "gpu+disk"}
    if one is not None:
        per_day = one.disk_usd_per_hour.per_day
        disk = f"its{_disk(one)} disk still costs {per_day}/day until destroyed"
        values["disk_usd_per_day"] = round(per_day.dollars, 4)
    said = (
        f"Stopped: GPU billing has ended; {disk}."
        if stopped
        else f"Stop sent, not yet seen stopped; once it is, {disk}."
    )
    if doubt is not None and not stopped:
        said = (
            f"{unconfirmed('stop', doubt)} The machine counts as billed and its lease continues;"
            " the stop is sent again every minute."
        )
    return Outcome(
        status="stopped" if stopped else "unknown" if doubt is not None else "stopping",
        said=said,
        next=""
        if stopped
        else f"Check with show_instances(instance_id={instance_id}) in a minute.",
        values=values,
    )


@dataclass(frozen=True, slots=True)
class DestroyInstance(Correctable):
    """Delete a machine and its disk for good."""

    tool: ClassVar[str] = "destroy_instance"
    instance_id: int
    corrective: bool = False
    found: Standing = ()
    cause: str = Halt.ASKED

    async def look(self, account: Account) -> Sight:
        """The machine and what would be lost."""
        seen = await see(account, self.instance_id, urgent=True, ends_cost=True)
        one = seen.instance
        used = f", {one.disk_used_gb:.1f} GB used," if one.disk_used_gb else ""
        running = " It is running." if state_of(one) is InstanceState.READY else ""
        with suppress(LedgerUnavailable):  # a destroy waits for no book
            running += await account.ledger.read(lambda tx: job_words(tx, self.instance_id))
        return Sight(
            request=Request(self.tool, seen.target, corrective=self.corrective),
            snapshot=seen.snapshot,
            question=f"Destroy {self.instance_id} ({seen.words})? Its"
            f"{_disk(one)} disk{used} is deleted for good.{running}"
            " Type the last 4 digits of the id.",
            handle=f"destroy-{self.instance_id}",
            label=seen.target.label,
            form=Form.DIGITS,
            digits=str(self.instance_id)[-4:],
        )

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Destroy until an authenticated read no longer shows it; only then say so."""

        def begin(tx: Transaction) -> None:
            rental = tx.rental_of("instance", self.instance_id)
            if rental is not None and rental.state.holds_money:
                facts = replace(
                    rental.facts,
                    missed=0,
                    destroy_us=account.now_us(),
                    ended_for=Halt(self.cause) or rental.facts.ended_for,
                )
                tx.update_rental(rental, state=RentalState.DESTROYING, facts=facts)

        await account.ledger.write(begin)
        try:
            effect = await insist(
                account,
                errand.send,
                instances.destroy_instance(self.instance_id),
                self.instance_id,
                lambda now: now is None,
                urgent=True,
            )
        except ApiError:  # refused: a yes is for now, not for whenever the vendor may allow it
            if not self.corrective:
                await account.ledger.write(self._keep)
            raise
        if not effect.seen:
            said = "Destroy sent, but the machine is still listed; it is tried again until gone."
            if effect.doubt is not None:
                said = f"{unconfirmed('destroy', effect.doubt)} It is tried again until gone."
            return Outcome(
                status="destroying" if effect.doubt is None else "unknown",
                said=said,
                next=f"Check with show_instances(instance_id={self.instance_id}) in a minute; it"
                " counts as billed until it is gone.",
                values={"instance_id": self.instance_id},
            )
        return await self.proven_gone(account)

    async def proven_gone(self, account: Account) -> Outcome:
        """Write down that it is gone, and say so."""
        await account.ledger.write(lambda tx: _end(tx, self.instance_id, account.now_us()))
        return _gone(self.instance_id)

    def _keep(self, tx: Transaction) -> None:
        rental = tx.rental_of("instance", self.instance_id)
        if rental is not None and rental.state is RentalState.DESTROYING:
            kept = replace(rental.facts, ended_for=Halt.NONE)
            tx.update_rental(rental, state=RentalState.ACTIVE, facts=kept)


def _gone(instance_id: int) -> Outcome:
    return Outcome(
        status="destroyed",
        said="Destroyed: the machine and its disk are gone, and nothing of it is billed any more.",
        values={"instance_id": instance_id, "bills": "nothing"},
    )


@dataclass(frozen=True, slots=True)
class RebootInstance(PlainAct):
    """Stop and start the container, keeping its GPU."""

    tool: ClassVar[str] = "reboot_instance"
    instance_id: int
    unstarted: bool = False
    """Nothing was begun on it yet, so nothing is interrupted."""

    async def look(self, account: Account) -> Sight:
        """The machine.

        Raises:
            InputInvalid: it is stopped.
        """
        seen = await see(account, self.instance_id)
        if halted(seen.instance):
            raise InputInvalid(
                "instance_id",
                f"{standing_still(seen, 'this machine')}, so it cannot be rebooted",
                hint=back_up(seen),
            )
        return Sight(
            request=Request("reboot_unstarted" if self.unstarted else self.tool, seen.target),
            snapshot=seen.snapshot,
            question=f"Reboot {self.instance_id} ({seen.words})? This interrupts whatever runs on"
            " it; disk and price stay.",
            handle=f"reboot-{self.instance_id}",
            label=seen.target.label,
        )

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Sent once: a second reboot would interrupt again."""

        def touch(tx: Transaction) -> None:
            rental = tx.rental_of("instance", self.instance_id)
            if rental is not None:
                facts = rental.facts
                if facts.key is KeyState.GIVEN:  # the keeper looks whether it stays
                    facts = replace(facts, key=KeyState.LOOK)
                tx.update_rental(rental, touched=True, facts=facts)

        await account.ledger.write(touch)
        try:
            await errand.send(instances.reboot_instance(self.instance_id))
        except OutcomeUnknown as error:
            return Outcome(
                status="unknown",
                said=f"{unconfirmed('reboot', error)} It may have happened.",
                next=f"wait_for_instance(instance_id={self.instance_id}) before another reboot.",
                values={"instance_id": self.instance_id},
            )
        return Outcome(
            status="rebooting",
            said="Rebooting; the GPU and the price stay.",
            next=f"wait_for_instance(instance_id={self.instance_id})",
            values={"instance_id": self.instance_id},
        )


def _note_stop(tx: Transaction, instance_id: int, *, sent: bool, cause: str = Halt.NONE) -> None:
    rental = tx.rental_of("instance", instance_id)
    if rental is not None:
        facts = replace(
            rental.facts, stop_sent=sent, stopped_for=Halt(cause) or rental.facts.stopped_for
        )
        tx.update_rental(rental, touched=True, facts=facts)


def _end(tx: Transaction, instance_id: int, now_us: int) -> None:
    rental = tx.rental_of("instance", instance_id)
    if rental is not None and rental.state.holds_money:
        books.close(tx, rental, RentalState.GONE, now_us)


async def observe_now(
    account: Account, instance_id: int, *, urgent: bool = False
) -> Instance | None:
    """Read the machine once more and bring the books in line; one that is not shown changes none.

    Only the vendor's own word that it is gone ends it here: of lists the keeper counts two.
    """
    read_us = account.now_us()
    look = await account.reads.look(instance_id, urgent=urgent)
    if look.instance is None and not look.gone:
        return None
    await _note_seen(account, instance_id, look.instance, read_us)
    return look.instance


async def _note_seen(
    account: Account, instance_id: int, instance: Instance | None, read_us: int
) -> None:
    now_us = account.now_us()

    def write(tx: Transaction) -> None:
        rental = tx.rental_of("instance", instance_id)
        if rental is not None and rental.state.holds_money:
            books.observe(tx, rental, instance, now_us, read_us)

    await account.ledger.write(write)
