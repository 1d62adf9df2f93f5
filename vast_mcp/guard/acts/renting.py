"""Send a rent exactly once, and settle whatever comes back.

The walk (design §7): reserved, marked as sending on disk, sent once, then done, refused or
unknown. Unknown is looked for by the mark that label and environment carry; it keeps its money
reserved until it is found or proven absent.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

from vast_mcp.errors import (
    ApiError,
    LedgerUnavailable,
    NeverSent,
    NotFound,
    OfferGone,
    OutcomeUnknown,
    VastMcpError,
    VendorRefused,
)
from vast_mcp.guard import books
from vast_mcp.guard.act import Desk, Errand, Outcome
from vast_mcp.guard.acts._base import insist, iso
from vast_mcp.guard.acts.verify import first_look
from vast_mcp.guard.approved import breach_of
from vast_mcp.guard.reconcile import adopt, search_briefly
from vast_mcp.operations import Call, instances
from vast_mcp.store import RentalState, Transaction
from vast_mcp.units import Usd, UsdPerHour

SEND_TIMEOUT_S = 90.0
UNASKED = "nobody was asked about deleting it"
_KEPT_TYPES = (OfferGone, NotFound)


@dataclass(frozen=True, slots=True)
class Terms:
    """What was approved, and how it is to be done."""

    call: Call
    rate: UsdPerHour
    """The approved price; the machine that comes may not be dearer."""
    disk_rate: UsdPerHour
    cost: Usd
    ends_us: int
    on_end: str
    attach_key: bool
    layers: tuple[str, ...] = ()
    """What will end the lease: `server`, `watch`, `inside`."""
    layer_warning: str = ""


async def rent(desk: Desk, errand: Errand, terms: Terms) -> Outcome:
    """Send once and settle; an answer that is lost is looked for, never sent again.

    Raises:
        ApiError: the vendor refused; nothing was rented and the money is released.
    """
    intent_id = errand.booking.intent_id
    await _begin(desk, intent_id)
    lost = False
    try:
        instance_id = await _send(errand, terms.call)
    except OutcomeUnknown as error:
        lost = True
        with suppress(LedgerUnavailable):  # "sending" is looked for as well, a little later
            await _lose_sight(desk, intent_id)
        found = await search_briefly(desk, intent_id)
        if found is None:
            return _unknown(errand)
        instance_id = found.instance_id
        if error.named is not None and error.failed:
            raise await _left_behind(desk, errand, instance_id, error) from error
    except ApiError as error:
        raise await _refused(desk, errand, error) from error
    except BaseException:
        await _lose_sight(desk, intent_id)
        raise
    try:
        rental = await desk.ledger.write(
            lambda tx: adopt(tx, intent_id, instance_id, desk.now_us())
        )
    except LedgerUnavailable as error:  # it exists, and that must be told; its mark outlives us
        return _rented(errand, terms, instance_id, (str(error),))
    if rental is not None and rental.state is not RentalState.ACTIVE:
        return _ended(instance_id, gone=not rental.state.holds_money)
    return await _settle(desk, errand, terms, instance_id, lost=lost)


async def _send(errand: Errand, call: Call) -> int:
    reply = await errand.send(call, timeout_s=SEND_TIMEOUT_S)
    instance_id = reply.get("new_contract")
    if not isinstance(instance_id, int) or isinstance(instance_id, bool):
        raise OutcomeUnknown("the vendor accepted the rent without naming the instance")
    return instance_id


async def _settle(
    desk: Desk, errand: Errand, terms: Terms, instance_id: int, *, lost: bool
) -> Outcome:
    """The machine exists: is it the one that was approved? Then give it our key."""
    warnings: list[str] = []
    if lost:
        warnings.append("The vendor's answer was lost; the machine was found by its mark.")
    read_us = desk.now_us()
    instance = await first_look(desk, instance_id)
    why = None if instance is None else breach_of(instance, errand.approved, terms.rate)
    if why is not None:
        return await _undo(desk, errand, instance_id, why)
    if instance is None:
        warnings.append("Its price could not be read back yet; it is checked again shortly.")
    key = "none"
    if terms.attach_key:
        key, told = await _attach_own_key(desk, errand, instance_id, terms)
        warnings += told
    outcome = _rented(errand, terms, instance_id, tuple(warnings))

    def write(tx: Transaction) -> None:
        rental = tx.rental(errand.booking.intent_id)
        if rental is not None:
            facts = {**rental.details, "checked": instance is not None, "key": key}
            rental = tx.update_rental(rental, outcome=outcome.to_json(), details=facts)
            if instance is not None:
                if instance.usd_per_hour < rental.usd_per_hour:  # it came cheaper than approved
                    rental = books.reprice(tx, rental, instance.usd_per_hour, desk.now_us())
                books.observe(tx, rental, instance, desk.now_us(), read_us)

    try:
        await desk.ledger.write(write)
    except LedgerUnavailable as error:
        return replace(outcome, warnings=(*outcome.warnings, str(error)))
    return outcome


def _rented(errand: Errand, terms: Terms, instance_id: int, warnings: tuple[str, ...]) -> Outcome:
    per_day = terms.disk_rate.per_day
    end = f"stops, and its disk costs {per_day}/day until destroyed"
    if terms.on_end == "destroy":  # design §5: a rent that nobody was asked about covers no destroy
        end = "is destroyed with its disk" if errand.booking.asked else f"only {end}: {UNASKED}"
    return Outcome(
        status="rented",
        said=f"Rented at {terms.rate}. At the lease end it {end}.",
        next=f"wait_for_instance(instance_id={instance_id}); destroy_instance ends all cost.",
        warnings=(*warnings, terms.layer_warning) if terms.layer_warning else warnings,
        values={
            "instance_id": instance_id,
            "usd_per_hour": round(terms.rate.dollars, 4),
            "max_cost_usd": round(terms.cost.dollars, 2),
            "disk_usd_per_day": round(per_day.dollars, 4),
            "lease_ends": iso(terms.ends_us),
            "lease_layers": list(terms.layers),
        },
    )


def _ended(instance_id: int, *, gone: bool) -> Outcome:
    """The answer came so late that another process had found the machine and ended it."""
    fate = "is gone again" if gone else "is being destroyed"
    return Outcome(
        status="destroyed" if gone else "destroying",
        said=f"Rented; another call found the machine first, and it {fate}.",
        next="show_instances shows what is left.",
        values={"instance_id": instance_id, "bills": "nothing" if gone else "gpu+disk"},
    )


async def _undo(desk: Desk, errand: Errand, instance_id: int, why: str) -> Outcome:
    """Dearer or other than approved: destroy the never-run machine at once."""
    await _close(desk, errand.booking.intent_id, RentalState.DESTROYING)
    try:
        gone = await insist(
            desk,
            errand.send,
            instances.destroy_instance(instance_id),
            instance_id,
            lambda now: now is None,
            urgent=True,
        )
    except ApiError:
        gone = False  # the keeper goes on trying
    if gone:
        await _close(desk, errand.booking.intent_id, RentalState.GONE)
    outcome = _undone(instance_id, why, gone=gone)
    with suppress(LedgerUnavailable):  # for a repeat of this call; the deed is done either way
        await desk.ledger.write(lambda tx: _keep(tx, errand.booking.intent_id, outcome))
    return outcome


def _undone(instance_id: int, why: str, *, gone: bool) -> Outcome:
    fate = "destroyed at once" if gone else "told to end and is being watched; it is still listed"
    return Outcome(
        status="undone" if gone else "destroying",
        said=f"Not kept: {why}. The new machine was {fate}.",
        next="Search again and choose another offer.",
        values={} if gone else {"instance_id": instance_id},
    )


def _keep(tx: Transaction, intent_id: str, outcome: Outcome) -> None:
    rental = tx.rental(intent_id)
    if rental is not None:
        tx.update_rental(rental, outcome=outcome.to_json())


async def _left_behind(desk: Desk, errand: Errand, instance_id: int, error: ApiError) -> ApiError:
    """The vendor called it an error, and yet our machine exists: clear it away."""
    await desk.ledger.write(
        lambda tx: adopt(tx, errand.booking.intent_id, instance_id, desk.now_us())
    )
    outcome = await _undo(desk, errand, instance_id, error.message)
    return VendorRefused(f"Not rented: {outcome.said}", hint=outcome.next)


async def _refused(desk: Desk, errand: Errand, error: ApiError) -> ApiError:
    """A definite no: release the money."""
    await _close(desk, errand.booking.intent_id, RentalState.REFUSED)
    kind = type(error) if isinstance(error, _KEPT_TYPES) else VendorRefused
    return kind(
        f"Not rented, nothing charged: {error.message}",
        hint=error.hint or "Search again and choose another offer.",
        status=error.status,
        code=error.code,
    )


def _unknown(errand: Errand) -> Outcome:
    spend = errand.sight.request.spend
    reserved = spend.cost if spend else Usd(0)
    return Outcome(
        status="unknown",
        said="The rent was sent and its answer was lost: it may or may not exist."
        f" {reserved} stays reserved while it is being looked for.",
        next="Do not rent again for this. show_instances lists it under pending, with what became"
        " of it.",
        values={"intent": errand.booking.intent_id},
    )


async def _begin(desk: Desk, intent_id: str) -> None:
    """On the disk before the first byte leaves; a reservation taken back meanwhile is not sent."""
    sent_us = desk.now_us()

    def write(tx: Transaction) -> None:
        rental = tx.rental(intent_id)
        if rental is None or rental.state is not RentalState.RESERVED:
            raise NeverSent(
                "Not rented, nothing charged: this call slept so long that its reservation was"
                " released.",
                hint="Call the tool again.",
            )
        tx.update_rental(rental, state=RentalState.SENDING, sent_us=sent_us)

    await desk.ledger.write(write)


async def _lose_sight(desk: Desk, intent_id: str) -> None:
    """Sent, and nobody knows; unless another process has found it already."""

    def write(tx: Transaction) -> None:
        rental = tx.rental(intent_id)
        if rental is not None and rental.state is RentalState.SENDING:
            tx.update_rental(rental, state=RentalState.UNKNOWN)

    await desk.ledger.write(write)


async def _close(desk: Desk, intent_id: str, state: RentalState) -> None:
    now_us = desk.now_us()

    def write(tx: Transaction) -> None:
        rental = tx.rental(intent_id)
        if rental is None:
            return
        if state is RentalState.DESTROYING:
            tx.update_rental(rental, state=state)
        else:
            books.close(tx, rental, state, now_us)

    await desk.ledger.write(write)


async def _attach_own_key(
    desk: Desk, errand: Errand, instance_id: int, terms: Terms
) -> tuple[str, list[str]]:
    """Whether our key is `given`, `due` or `refused` for good, and what to say of it.

    A team's account refuses keys of single machines; a start script of ours brings it all the same.
    """
    try:
        await errand.send(instances.attach_ssh_key(instance_id, desk.show_key()))
    except VendorRefused as error:
        if "already associated" in error.message:
            return "given", []
        way = "only a key of the account logs in here"
        if "inside" in terms.layers:
            way = "its start script brings our key instead"
        return "refused", [f"Our SSH key was refused ({error}); {way}."]
    except (VastMcpError, OSError) as error:  # it is rented: that must be told
        told = f"Our SSH key could not be attached ({error}); it is tried again in 2 minutes."
        return "due", [told]
    return "given", []
