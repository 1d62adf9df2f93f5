"""Send a rent exactly once, and settle whatever comes back.

The walk: reserved, marked as sending on disk, sent once, then done, refused or
unknown. Done is a machine that is new and bears the intent's mark, whatever id an answer names;
refused is an answer that is known to be a refusal. Everything else is unknown and keeps its money
reserved until the machine is found or proven absent.

See docs/design.md#sending-once.
"""

from contextlib import suppress
from dataclasses import replace

from vast_mcp.account.context import Account
from vast_mcp.actions import rent_answers as words
from vast_mcp.actions.base import insist
from vast_mcp.actions.rent_price import Terms
from vast_mcp.api.classify import contract_named
from vast_mcp.api.next_steps import OTHER_HINT
from vast_mcp.errors import (
    ApiError,
    BidTooLow,
    LedgerUnavailable,
    NeverSent,
    NotFound,
    OfferGone,
    OutcomeUnknown,
    VastMcpError,
    VendorRefused,
)
from vast_mcp.guard.act import Errand, Outcome
from vast_mcp.leases import books
from vast_mcp.leases.approved import breach_of
from vast_mcp.leases.reconcile import Answer, FoundRent, adopt, find, hold_unmarked
from vast_mcp.models import Instance
from vast_mcp.operations import Call, instances, on_instances
from vast_mcp.store import Halt, KeyState, Rental, RentalState, Transaction
from vast_mcp.units import UsdPerHour

SEND_TIMEOUT_S = 90.0
_KEPT_TYPES = (OfferGone, NotFound)


async def rent(account: Account, errand: Errand, terms: Terms) -> Outcome:
    """Send once and settle; an answer that proves nothing is looked into, never sent again.

    Raises:
        ApiError: the vendor refused; nothing was rented and the money is released.
    """
    intent_id = errand.booking.intent_id
    before = account.cache.before
    rental = await _begin(account, intent_id)
    try:
        answer = await _send(errand, terms.call)
    except ApiError as error:
        raise await _refused(account, errand, terms, error) from error
    except BaseException:
        with suppress(LedgerUnavailable):  # "sending" is looked for as well, a little later
            await _lose_sight(account, intent_id)
        raise
    if not answer.accepted:
        with suppress(LedgerUnavailable):  # "sending" is looked for as well, a little later
            await _lose_sight(account, intent_id, answer, before)
    found = await _find(account, rental, answer, before)
    if found is None:
        return await _not_found(account, errand, terms, answer, before)
    if not found.proven:
        return await _unmarked(account, errand, terms, found.instance)
    return await _found(account, errand, terms, answer, found)


async def _send(errand: Errand, call: Call) -> Answer:
    """Raises what is known to be a refusal; everything else comes back as an answer."""
    try:
        reply = await errand.send(call, timeout_s=SEND_TIMEOUT_S)
    except OutcomeUnknown as error:
        what = error.message.removeprefix(f"{call.operation.name}: ").partition("; it may")[0]
        return Answer(
            said="" if error.status is None else what,
            answered=error.answered,
            named=error.named,
            failed=error.failed,
        )
    return Answer(accepted=True, named=contract_named(reply))


async def _not_found(
    account: Account, errand: Errand, terms: Terms, answer: Answer, before: frozenset[int]
) -> Outcome:
    """Unknown, unless another process had found it: then that one's word counts."""
    now: Rental | None = None
    with suppress(LedgerUnavailable):
        now = await _lose_sight(account, errand.booking.intent_id, answer, before)
    if now is None or now.target_id is None:
        return words.unknown(errand, answer)
    if now.state is RentalState.ACTIVE:
        return words.rented(errand, terms, now.target_id, (words.found_by_mark(answer),))
    return words.ended(now.target_id, gone=not now.state.holds_money)


async def _find(
    account: Account, rental: Rental, answer: Answer, before: frozenset[int]
) -> FoundRent | None:
    try:
        return await find(account, rental, answer, before)
    except LedgerUnavailable:
        return None


async def _found(
    account: Account, errand: Errand, terms: Terms, answer: Answer, found: FoundRent
) -> Outcome:
    """The machine is there and ours: take it into the books, and see how it stands."""
    intent_id, instance_id = errand.booking.intent_id, found.instance.instance_id
    try:
        rental = await account.ledger.write(
            lambda tx: adopt(tx, intent_id, instance_id, account.now_us())
        )
    except LedgerUnavailable as error:  # it exists, and that must be told; its mark outlives us
        return words.rented(errand, terms, instance_id, (str(error),))
    if rental is not None and rental.state is not RentalState.ACTIVE:
        return words.ended(instance_id, gone=not rental.state.holds_money)
    if answer.failed and answer.named is not None:
        outcome = await _undo(account, errand, instance_id, answer.said)
        raise VendorRefused(f"Not rented: {outcome.said}", hint=outcome.next)
    if not answer.accepted and answer.answered and _parked(found.instance):
        if not found.instance.is_bid:
            why = "Vast.ai created it without starting it"
            return await _undo(account, errand, instance_id, why)
        return await _outbid(account, errand, terms, found)
    return await _settle(account, errand, terms, answer, found)


def _parked(one: Instance) -> bool:
    """Made, and not put on a GPU."""
    return one.cur_state == "stopped" and one.actual_status != "running"


async def _settle(
    account: Account, errand: Errand, terms: Terms, answer: Answer, found: FoundRent
) -> Outcome:
    """Is it the one that was approved? Then give it our key."""
    instance, instance_id = found.instance, found.instance.instance_id
    why = breach_of(instance, terms.machine)
    if why is not None:
        return await _undo(account, errand, instance_id, why)
    warnings = [] if answer.accepted else [words.found_by_mark(answer)]
    key = KeyState.NONE
    if terms.attach_key:
        key, told = await _attach_own_key(account, errand, instance_id, terms)
        warnings += told
    outcome = words.rented(errand, terms, instance_id, tuple(warnings))

    def write(tx: Transaction) -> None:
        rental = tx.rental(errand.booking.intent_id)
        if rental is not None:
            facts = replace(rental.facts, checked=True, key=key)
            rental = tx.update_rental(rental, outcome=outcome.to_json(), facts=facts)
            if instance.usd_per_hour < rental.usd_per_hour:  # it came cheaper than approved
                rental = books.reprice(tx, rental, instance.usd_per_hour, account.now_us())
            books.observe(tx, rental, instance, account.now_us(), found.read_us)

    try:
        await account.ledger.write(write)
    except LedgerUnavailable as error:
        return replace(outcome, warnings=(*outcome.warnings, str(error)))
    return outcome


async def _outbid(account: Account, errand: Errand, terms: Terms, found: FoundRent) -> Outcome:
    """The bid does not win now, and the machine waits: held with its lease and its money."""
    instance_id = found.instance.instance_id
    why = breach_of(found.instance, terms.machine)
    if why is not None:
        return await _undo(account, errand, instance_id, why)
    least = found.instance.min_bid or await _least_bid(terms)
    outcome = words.outbid(terms, instance_id, least)

    def write(tx: Transaction) -> None:
        rental = tx.rental(errand.booking.intent_id)
        if rental is not None:
            facts = replace(rental.facts, checked=True, parked_us=account.now_us())
            tx.update_rental(rental, outcome=outcome.to_json(), facts=facts)

    with suppress(LedgerUnavailable):
        await account.ledger.write(write)
    return outcome


async def _unmarked(account: Account, errand: Errand, terms: Terms, one: Instance) -> Outcome:
    """The vendor says that this is it, and nothing proves it: counted, told, not touched."""
    outcome = words.unmarked(terms, one)

    def write(tx: Transaction) -> None:
        rental = tx.rental(errand.booking.intent_id)
        if rental is not None and rental.target_id is None:
            rental = hold_unmarked(tx, rental, one, account.now_us())
            tx.update_rental(rental, outcome=outcome.to_json())

    with suppress(LedgerUnavailable):
        await account.ledger.write(write)
    return outcome


async def _undo(account: Account, errand: Errand, instance_id: int, why: str) -> Outcome:
    """Dearer or other than approved: destroy the never-run machine at once."""
    with suppress(LedgerUnavailable):  # it is not what was approved: it goes, books or not
        await _close(account, errand.booking.intent_id, RentalState.DESTROYING)
    try:
        effect = await insist(
            account,
            errand.send,
            instances.destroy_instance(instance_id),
            instance_id,
            lambda now: now is None,
            urgent=True,
        )
        gone = effect.seen
    except ApiError:
        gone = False  # the keeper goes on trying
    outcome = words.undone(instance_id, why, gone=gone)
    with suppress(LedgerUnavailable):  # for a repeat of this call; the deed is done either way
        if gone:
            await _close(account, errand.booking.intent_id, RentalState.GONE)
        await account.ledger.write(lambda tx: _keep(tx, errand.booking.intent_id, outcome))
    return outcome


def _keep(tx: Transaction, intent_id: str, outcome: Outcome) -> None:
    rental = tx.rental(intent_id)
    if rental is not None:
        tx.update_rental(rental, outcome=outcome.to_json())


async def _refused(account: Account, errand: Errand, terms: Terms, error: ApiError) -> ApiError:
    """A definite no: release the money, and say what would have worked."""
    with suppress(LedgerUnavailable):  # the keeper finds that nothing came of it
        await _close(account, errand.booking.intent_id, RentalState.REFUSED)
    if isinstance(error, OfferGone) and error.status == 410 and terms.bid is not None:
        least = await _least_bid(terms)
        if least is not None:
            said, hint = words.too_low(terms.bid, least)
            return BidTooLow(said, hint=hint, status=410, code=error.code)
    kind = type(error) if isinstance(error, _KEPT_TYPES) else VendorRefused
    return kind(
        f"Not rented, nothing charged: {error.message}",
        hint=error.hint or OTHER_HINT,
        status=error.status,
        code=error.code,
    )


async def _least_bid(terms: Terms) -> UsdPerHour | None:
    if terms.least_bid is None:
        return None
    try:
        return await terms.least_bid()
    except VastMcpError:
        return None


async def _begin(account: Account, intent_id: str) -> Rental:
    """On the disk before the first byte leaves; a reservation taken back meanwhile is not sent."""
    sent_us = account.now_us()

    def write(tx: Transaction) -> Rental:
        rental = tx.rental(intent_id)
        if rental is None or rental.state is not RentalState.RESERVED:
            raise NeverSent(
                "Not rented, nothing charged: this call was suspended so long that its"
                " reservation was released.",
                hint="Call the tool again.",
            )
        return tx.update_rental(rental, state=RentalState.SENDING, sent_us=sent_us)

    return await account.ledger.write(write)


async def _lose_sight(
    account: Account,
    intent_id: str,
    answer: Answer | None = None,
    before: frozenset[int] = frozenset(),
) -> Rental | None:
    """Sent, and nobody knows; unless another process has found it already."""

    def write(tx: Transaction) -> Rental | None:
        rental = tx.rental(intent_id)
        if rental is None or rental.state not in {RentalState.SENDING, RentalState.UNKNOWN}:
            return rental
        facts = rental.facts
        if answer is not None:
            facts = answer.noted(facts, account.now_us(), before)
        return tx.update_rental(rental, state=RentalState.UNKNOWN, facts=facts)

    return await account.ledger.write(write)


async def _close(account: Account, intent_id: str, state: RentalState) -> None:
    now_us = account.now_us()

    def write(tx: Transaction) -> None:
        rental = tx.rental(intent_id)
        if rental is None:
            return
        if state is RentalState.DESTROYING:
            undone = replace(rental.facts, ended_for=Halt.UNAPPROVED)
            tx.update_rental(rental, state=state, facts=undone)
        else:
            books.close(tx, rental, state, now_us)

    await account.ledger.write(write)


async def _attach_own_key(
    account: Account, errand: Errand, instance_id: int, terms: Terms
) -> tuple[KeyState, list[str]]:
    """Whether our key is given, due or refused for good, and what to say of it.

    A team's account refuses keys of single machines; our start script brings it all the same.
    """
    try:
        await errand.send(on_instances.attach_ssh_key(instance_id, account.show_key()))
    except VendorRefused as error:
        if "already associated" in error.message:
            return KeyState.GIVEN, []
        way = "only the account's keys log in here"
        if "inside" in terms.layers:
            way = "its start script adds our key instead"
        return KeyState.REFUSED, [f"Our SSH key was refused ({error}); {way}."]
    except (VastMcpError, OSError) as error:  # it is rented: that must be told
        told = f"Our SSH key could not be attached ({error}); it is tried again in 2 minutes."
        return KeyState.DUE, [told]
    return KeyState.GIVEN, []
